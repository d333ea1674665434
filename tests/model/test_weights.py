"""The bundled weights reach the scores in their config.json and preserve what a photographer wants preserved."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from f2a import Relighter
from f2a.cli import main
from f2a.color import srgb_to_linear
from f2a.model.checkpoint import BUNDLED
from f2a.page.examples import BUNDLED as EXAMPLES
from f2a.photo import Photo
from f2a.relight.controls import PRESETS, Controls

FLASH_PHOTOS = sorted(EXAMPLES.glob("*_flash.jpg"))


@pytest.mark.parametrize(
    ("folder", "name"),
    [("pairs/val", "pairs/val, 11 pairs at full size"), ("paper", "the paper's scenes, 5 at 320x240")],
)
@pytest.mark.slow
def test_the_bundled_weights_score_what_they_say(shared, tmp_path, folder, name):
    stated = json.loads((BUNDLED / "config.json").read_text())["training"]["scores"][name]["ours"]
    assert main(["evaluate", "--data", str(shared(folder)), "--json", str(tmp_path / "s.json")]) == 0
    measured = json.loads((tmp_path / "s.json").read_text())["means"]["ours"]
    assert measured["psnr"] == pytest.approx(stated["psnr"], abs=0.05)
    assert measured["lit_psnr"] == pytest.approx(stated["lit_psnr"], abs=0.05)
    assert measured["ssim"] == pytest.approx(stated["ssim"], abs=0.005)
    assert measured["clip"] <= 0.002


@pytest.fixture(scope="module")
def bundled():
    return Relighter.from_pretrained(device="cpu")


@pytest.mark.parametrize("file", FLASH_PHOTOS, ids=lambda file: file.stem)
def test_an_example_burns_no_pixel_keeps_its_blacks_and_is_never_darker(bundled, file):
    flash = Image.open(file).convert("RGB")
    before, after = (np.asarray(photo, float) for photo in (flash, bundled(flash)))
    burnt, black = (
        [measure(values) for values in (before, after)]
        for measure in (
            lambda values: (values.max(-1) >= 250).mean(),
            lambda values: np.percentile(values @ (0.2126, 0.7152, 0.0722), 1) / 255,
        )
    )
    assert burnt[1] <= burnt[0] + 0.002
    if before.mean() >= bundled.architecture.min_exposure * 255:  # a darker photo is lifted, and its blacks with it
        assert abs(black[1] - black[0]) <= 0.05
    assert after.mean() >= before.mean() - 1


@pytest.mark.parametrize("file", FLASH_PHOTOS, ids=lambda file: file.stem)
def test_in_an_example_each_control_of_the_gain_is_seen_where_it_acts_and_burns_nothing(bundled, file):
    """Stops between the flash photo's brightest tenth and the rest, in the relit photos."""
    flash = Image.open(file).convert("RGB")
    flash.thumbnail((320, 320))
    values = np.asarray(flash).max(-1)
    hot, burnt = values >= np.percentile(values, 90), (values >= 250).mean()
    gain = bundled.prepare(Photo.from_pil(flash))

    def above(controls):
        relit = np.asarray(gain.render(controls).to_pil())
        assert (relit.max(-1) >= 250).mean() <= burnt + 0.002
        stops = srgb_to_linear(torch.from_numpy((relit.mean(-1) + 1) / 256)).log2()
        return float(stops[hot].mean() - stops[~hot].mean())

    neutral = above(Controls())
    for name in ("background", "highlights"):
        less, more = (above(Controls(**{name: value})) - neutral for value in (-1, 1))
        assert min(abs(less), abs(more)) > 0.15, name
        assert (less < 0 < more) == (name == "highlights")
    assert above(PRESETS["hot-spots"]) < above(Controls(strength=0)) - 0.5
