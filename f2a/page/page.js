() => {
  const unchanged = (count) => Array(count).fill({ __type__: "update" });

  // A download always arrives, but it is shown on the page only if photo and settings are still the same.
  window.f2a_download = ({ file, line, asked }, photo, ...settings) => {
    if (file) Object.assign(document.createElement("a"), { href: file.url, download: file.orig_name }).click();
    if (JSON.stringify(asked) !== JSON.stringify([photo?.path, ...settings])) return unchanged(2);
    return [{ __type__: "update", value: file, visible: Boolean(file) }, line];
  };

  // The size of the picture's place in device pixels, for which the server renders, and the point of the photo that is
  // zoomed in on. If that size changes (a phone is turned, full screen), the picture is requested again.
  let closer = null, filled;
  const place = () => {
    const { clientWidth, clientHeight } = document.querySelector("#view");
    return [clientWidth, clientHeight].map((side) => Math.round(side * devicePixelRatio));
  };
  window.f2a_screen = () => [...(filled = place()), ...(closer ?? [])];
  const look = (point) => {
    closer = closer ? null : point;
    document.querySelector("#view").classList.toggle("closer", Boolean(closer));
    document.querySelector("#view label").dataset.zoom = ", loading …";
    document.querySelector("#look").click();
  };
  new ResizeObserver(() => {
    const misfit = place().some((side, which) => side > 1.1 * filled?.[which] || (closer && side && side !== filled[which]));
    if (misfit) document.querySelector("#look").click();
  }).observe(document.querySelector("#view"));

  // Holding the picture (or the space key) shows the flash photo; tapping it (or Enter) zooms in or out.
  const picture = () => document.querySelectorAll("#view img")[1];
  const hold = (on) => document.querySelector("#view").classList.toggle("held", on);
  const held = () => document.querySelector("#view").classList.contains("held");
  const shown = () => {
    const box = picture().getBoundingClientRect(), { naturalWidth, naturalHeight } = picture();
    const scale = Math.min(box.width / naturalWidth, box.height / naturalHeight);
    return { x: box.x + box.width / 2, y: box.y + box.height / 2, scale, width: naturalWidth * scale, height: naturalHeight * scale };
  };
  const touched = ({ clientX, clientY }, { x, y, width, height } = shown()) => [0.5 + (clientX - x) / width, 0.5 + (clientY - y) / height];
  const fitWords = (picture) => picture.closest("#view, #example, #failure")?.style.setProperty("--ratio", picture.naturalWidth / picture.naturalHeight);
  for (const picture of document.querySelectorAll("#view img")) if (picture.naturalWidth) fitWords(picture);  // loaded before this script ran
  document.addEventListener("load", ({ target }) => {
    fitWords(target);
    if (target !== picture()) return;
    if (!coming()) hideIncoming();  // else this picture is of the previous photo
    const percent = Math.round(100 * shown().scale * devicePixelRatio);
    document.querySelector("#view label").dataset.zoom = closer ? `, ${percent} %, tap to go back` : "";
  }, true);
  let press = null;
  const release = () => {
    clearTimeout(press?.timer);
    press = null;
    hold(false);
  };
  document.addEventListener("pointerdown", (event) => {
    if (event.button || !event.isPrimary || !event.target.matches?.("#view img")) return;
    press = { x: event.clientX, y: event.clientY, timer: setTimeout(() => hold(true), 200) };
  });
  document.addEventListener("pointermove", (event) => {
    if (press && !held() && Math.hypot(event.clientX - press.x, event.clientY - press.y) > 8) release();
  });
  document.addEventListener("pointercancel", () => press && release());
  document.addEventListener("pointerup", (event) => {
    if (!press) return;
    const tapped = !held(), point = touched(event);
    release();
    if (tapped && (closer || point.every((share) => share >= 0 && share <= 1))) look(point);
  });
  document.addEventListener("contextmenu", (event) => press && event.preventDefault());  // a held finger would open it
  document.addEventListener("keydown", (event) => {
    if (!["Enter", " "].includes(event.key) || !event.target.matches("body, #view [role=separator]")) return;
    if (!picture()?.checkVisibility()) return;
    event.preventDefault();  // the space key would scroll
    if (event.repeat) return;
    if (event.key === " ") hold(true);
    else look([0.5, 0.5]);
  });
  document.addEventListener("keyup", (event) => event.key === " " && hold(false));

  document.addEventListener("click", ({ target }) => {  // a key on a thumbnail clicks, too
    const thumbnails = [...document.querySelectorAll("#strip .thumbnail-item")];
    window.f2a_tapped = thumbnails.indexOf(target.closest(".thumbnail-item"));
  }, true);

  // Over a picture too, a wheel or a finger scrolls the page and two fingers enlarge it; Gradio would enlarge the
  // preview instead.
  for (const kind of ["wheel", "touchstart", "touchmove"]) {
    document.addEventListener(kind, (event) => (event.touches?.length > 1 || event.target.matches(".slider-wrap img")) && event.stopPropagation(), true);
  }

  // Undo and redo: each panel's past settings; changes in quick succession (dragging a slider) count as one.
  const histories = {}, moment = 600;
  window.f2a_record = (panel, values, first) => {
    const history = (histories[panel] ??= { steps: [first], at: 0, time: 0 });
    if (JSON.stringify(values) !== JSON.stringify(history.steps[history.at])) {
      const same = history.at > 0 && Date.now() - history.time < moment;
      history.at += same ? 0 : 1;
      history.steps.splice(history.at, Infinity, values);
      history.time = Date.now();
    }
    const can = [history.at > 0, history.at < history.steps.length - 1];
    return can.map((interactive) => ({ __type__: "update", interactive }));
  };
  window.f2a_step = (panel, by) => {
    const history = histories[panel];
    history.time = 0;
    return history.steps[(history.at += by)];
  };
  let asked, newest, keeps, lookedAt;
  window.f2a_new_photo = (photo, keep, ...values) => {
    asked = photo;
    keeps = keep || restored;
    restored = false;
    [lookedAt, closer] = [closer, null];  // before the answer changes sliders, which ask for the picture
    return [(filled = place()), photo, keeps, ...values];
  };
  window.f2a_shown = (photo) => {
    if (newest.path === asked.path) window.f2a_save("given");
    const accepted = asked.path === photo.path;
    if (!accepted) closer = lookedAt;  // everything stays as it was
    else {
      document.querySelector("#view").classList.remove("closer");
      document.querySelector("#view label").dataset.zoom = "";
    }
    if (!accepted || keeps) return unchanged(2);
    delete histories.controls;
    return [0, 1].map(() => ({ __type__: "update", interactive: false }));
  };

  // If photos or settings were changed during a batch, its result says that it is for the old ones.
  let batch;
  window.f2a_batch = (...asked) => ((batch = JSON.stringify(asked)), asked);
  window.f2a_batch_done = (note, ...now) => note + (JSON.stringify(now) === batch ? "" : OLDER_BATCH);
  const OLDER_BATCH = '<p class="note" role="status">This result is for the photos and settings that you started with; press again to relight with the ones shown now.</p>';

  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
    if (event.target.matches("input[type=number], textarea")) return;  // these have their own undo
    const buttons = [...document.querySelectorAll(event.shiftKey ? ".redo" : ".undo")];
    buttons.find((button) => button.checkVisibility())?.click();
  });

  // Photos and settings survive a reload (Gradio also reloads after a lost connection) in the tab's history, because
  // storage may be blocked in a frame.
  const before = history.state?.f2a ?? {}, kept = { ...before };
  let restored = false, saving;
  const save = () => history.replaceState({ ...history.state, f2a: kept }, "");
  window.f2a_save = (name, ...values) => {
    kept[name] = JSON.stringify(values);
    clearTimeout(saving);  // browsers allow about three calls a second
    saving = setTimeout(save, 400);
  };
  window.f2a_given = (photo, ...state) => {  // until it is relit, a reload gives it again
    newest = photo;
    window.f2a_save("given", photo, state[1] || restored);
    window.f2a_save("note", ...state);
  };
  addEventListener("beforeunload", () => {
    kept.tab = document.querySelector("[role=tab][aria-selected=true]").textContent;
    save();
  });
  [...document.querySelectorAll("[role=tab]")].find((tab) => tab.textContent === before.tab)?.click();
  window.f2a_restore = async (name, ...now) => {  // now: the note, one photo or several, their settings
    const [note, samePhotos] = unchanged(2);
    const [last, ...settings] = JSON.parse(before[name] ?? "[]");
    const [waiting, keeps] = JSON.parse(name === "note" && before.given || "[]");
    const given = waiting ?? last, photos = [given ?? []].flat();
    if (settings.length + 2 !== now.length) return unchanged(now.length);  // nothing was kept, or the page then had other controls
    if (!photos.length || given.path && given.path === now[1].path) return [note, samePhotos, ...settings];
    restored ||= name === "note" && (!waiting || keeps);  // the photo returns like a new one, but keeps its settings
    const answers = await Promise.all(photos.map((photo) => fetch(photo.url, { method: "HEAD" })));
    const gone = photos.filter((_, place) => !answers[place].ok).map((photo) => photo.orig_name);
    if (!gone.length) return [note, given, ...settings];
    const [are, them] = gone.length > 1 ? ["are", "them"] : ["is", "it"], names = gone.length > 3 ? `${gone.length} photos` : gone.join(", ");
    const textContent = `The server was restarted, or an hour has passed, and ${names} ${are} gone; please choose ${them} again. The settings are still here.`;
    return [Object.assign(document.createElement("p"), { className: "note error", role: "alert", textContent }).outerHTML, samePhotos, ...settings];
  };

  // A number field left empty gets its control's neutral value, before Gradio makes it 0.
  document.addEventListener("blur", ({ target }) => {
    if (target.matches?.("#controls input[type=number], #batch-controls input[type=number]") && !target.value) {
      target.closest(".block").querySelector(".reset-button").click();
    }
  }, true);

  // A photo that is being uploaded or is in line is shown already, if the browser can read it. While it is being
  // uploaded, its button says so.
  const incoming = Object.assign(new Image(), { id: "incoming", alt: "Your photo, not relit yet" });
  const hideIncoming = () => incoming.remove();
  const coming = () => document.querySelector("#photo.busy, #note .waiting");
  incoming.onerror = incoming.ontransitionend = hideIncoming;
  window.f2a_busy = (on) => document.querySelector("#photo").classList.toggle("busy", on);
  document.addEventListener("change", (event) => {
    if (!event.target.matches?.("#photo input[type=file]") || !event.target.files.length) return;
    window.f2a_busy(true);
    URL.revokeObjectURL(incoming.src);
    incoming.src = URL.createObjectURL(event.target.files[0]);
    document.querySelector("#view-cell").append(incoming);
  }, true);

  // Files dropped or pasted anywhere are uploaded: on the Batch tab into the batch, elsewhere as the photo.
  const give = (transfer) => {
    const batch = document.querySelector("#batch-photos");
    const input = batch?.offsetParent ? batch.querySelector("input[type=file]") : document.querySelector("#photo input[type=file]");
    if (!input || !transfer.files.length) return;
    if (!batch?.offsetParent) document.querySelector("[role=tab]")?.click();
    const files = new DataTransfer();
    for (const file of transfer.files) if (input.multiple || !files.items.length) files.items.add(file);
    input.files = files.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const withFiles = (event) => event.dataTransfer?.types.includes("Files");
  const dropping = (on) => document.body.classList.toggle("dropping", on);
  document.addEventListener("dragover", (event) => withFiles(event) && (event.preventDefault(), dropping(true)));
  document.addEventListener("dragleave", (event) => event.relatedTarget || dropping(false));
  document.addEventListener("drop", (event) => {
    dropping(false);
    if (!withFiles(event) || event.defaultPrevented) return;  // the batch's upload area took it
    event.preventDefault();
    give(event.dataTransfer);
  });
  document.addEventListener("paste", (event) => event.clipboardData && give(event.clipboardData));

  // The arrow keys move the divider between two pictures, and both pictures have alternative texts.
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
  const onPhone = matchMedia("(pointer: coarse)").matches;
  const ask = (words) => (onPhone ? words.replace(", drop or paste", " or take") : words);
  const LOST = "The connection was lost. The page reloads once it is back; please try again then.";
  const describe = () => {
    const toast = document.querySelector("[data-testid=toast-body]");
    if (toast) window.f2a_busy(false);  // the photo is too large, or the connection is down
    const lost = toast?.textContent.includes("Connection to the server was lost");  // nothing else would end the wait
    if (lost) for (const line of document.querySelectorAll(".note.waiting")) {
      Object.assign(line, { className: "note error", role: "alert", textContent: LOST });
    }
    if (document.querySelector("#note .error, [data-testid=toast-body]") && !coming()) hideIncoming();
    for (const text of document.querySelector("#choose").childNodes) if (onPhone && text.data?.includes("drop")) text.data = ask(text.data);
    // Gradio's own text differs, follows the browser's language, or is missing.
    const words = document.querySelector("#batch-photos [data-testid=upload-text]"), asked = ask("Choose, drop or paste photos");
    if (words && words.textContent !== asked) words.replaceChildren(words.querySelector("svg").parentElement, asked);
    document.querySelector("#batch-photos .upload-container:has([data-testid=upload-text])")?.removeAttribute("aria-label");
    document.querySelector("#batch-photos [aria-label='common.upload']")?.setAttribute("aria-label", "Add photos");
    // With this, the file dialogue offers camera and album on a phone, and on a desktop the formats that are read.
    const inputs = document.querySelectorAll("#photo input[type=file], #batch-photos input[type=file]");
    for (const input of inputs) input.accept = "image/*,SUFFIXES"; // server.py fills them in
    for (const thumbnail of document.querySelectorAll("#strip .thumbnail-item")) {
      thumbnail.setAttribute("aria-label", thumbnail.querySelector(".caption-label")?.textContent);
    }
    for (const button of document.querySelectorAll(".reset-button")) {
      button.ariaLabel = button.title = `Reset ${button.closest(".block").querySelector("label span").textContent.trim()}`;
    }
    for (const stage of document.querySelectorAll("#view, #example, #failure")) {
      const compared = document.querySelector("#compare input:checked")?.value;
      const names = ({ example: compared, failure: "Relit | Truth" }[stage.id] ?? "Flash | Relit").split(" | ");
      [stage.dataset.left, stage.dataset.right] = names;
      stage.querySelectorAll("img").forEach((picture, place) => (picture.alt = `${names[place] ?? ""} picture`));
      const divider = stage.querySelector("[data-testid=slider]");
      if (!divider) continue;
      const left = stage.querySelector("img.fixed")?.style.clipPath.match(/([\d.]+)%/)?.[1] ?? 50;
      Object.assign(divider, {
        tabIndex: 0, role: "separator", ariaOrientation: "vertical", ariaValueMin: 0, ariaValueMax: 100, ariaValueNow: Math.round(left),
        ariaValueText: `${Math.round(left)} % ${names[0]}, the rest ${names[1]}`,
        ariaLabel: "Divider between the two pictures: arrow keys move it, space shows the flash photo, Enter shows the middle at full size",
        onkeydown: (event) => {  // must not return false, or Tab would be stuck here
          if (event.key in steps) event.preventDefault(), drag(divider, steps[event.key]);
        },
      });
    }
  };
  new MutationObserver(describe).observe(document.body, { childList: true, characterData: true, subtree: true, attributeFilter: ["style"] });
  describe();
}
