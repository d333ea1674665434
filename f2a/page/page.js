() => {
  window.f2a_save = (file) => {
    if (file) Object.assign(document.createElement("a"), { href: file.url, download: file.orig_name }).click();
  };

  // The file dialogue of a telephone offers camera and album, and that of a desktop the formats that we read.
  const formats = "image/*,.heic,.heif,.avif,.tif,.tiff";
  document.addEventListener("click", (event) => {
    if (event.target.matches?.("#photo input[type=file], #batch-photos input[type=file]")) event.target.accept = formats;
  }, true);

  // A picture in the clipboard is taken as an upload.
  document.addEventListener("paste", async (event) => {
    const picture = [...(event.clipboardData?.files ?? [])].find((file) => file.type.startsWith("image/"));
    const cell = document.querySelector("#photo");
    if (!picture || !cell?.offsetParent) return;
    const input = () => cell.querySelector("input[type=file]");
    if (!input()) cell.querySelector("button[aria-label='Clear']")?.click();
    for (let tries = 0; tries < 40 && !input(); tries++) await new Promise((resolve) => setTimeout(resolve, 50));
    const files = new DataTransfer();
    files.items.add(picture);
    input().files = files.files;
    input().dispatchEvent(new Event("change", { bubbles: true }));
  });

  // The divider between two pictures also follows the arrow keys, and the pictures say what they are.
  const drag = (divider, step) => {
    const line = divider.querySelector(".inner").getBoundingClientRect();
    const width = divider.parentElement.getBoundingClientRect().width;
    const x = line.left + line.width / 2, y = line.top + line.height / 2;
    const mouse = (kind, clientX, target) =>
      target.dispatchEvent(new MouseEvent(kind, { clientX, clientY: y, view: window, bubbles: true, cancelable: true }));
    mouse("mousedown", x, divider);
    mouse("mousemove", x + step * width, window);
    mouse("mouseup", x + step * width, window);
  };
  const steps = { ArrowLeft: -0.05, ArrowRight: 0.05, Home: -1, End: 1 };
  const describe = () => {
    for (const stage of document.querySelectorAll("#view, #example, #failure")) {
      const compared = document.querySelector("#compare input:checked")?.value;
      const names = ({ example: compared, failure: "Ours | truth" }[stage.id] ?? "Flash | relit").split(" | ");
      stage.querySelectorAll("img").forEach((picture, place) => {
        const text = `${names[place] ?? ""} picture`;
        if (picture.alt !== text) picture.alt = text;
      });
      const divider = stage.querySelector("[data-testid=slider]");
      if (!divider || divider.tabIndex === 0) continue;
      divider.tabIndex = 0;
      divider.setAttribute("role", "separator");
      divider.setAttribute("aria-orientation", "vertical");
      divider.setAttribute("aria-label", "Divider between the two pictures: arrow keys move it");
      divider.addEventListener("keydown", (event) => {
        if (!(event.key in steps)) return;
        event.preventDefault();
        drag(divider, steps[event.key]);
      });
    }
  };
  new MutationObserver(describe).observe(document.body, { childList: true, subtree: true });
  describe();
}
