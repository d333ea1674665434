"""The bundled weights score what their config.json says."""

import json

import pytest

from f2a.cli import main
from f2a.model.checkpoint import BUNDLED


@pytest.mark.parametrize(
    ("flags", "said_as"),
    [
        ([], "pairs/val, 6 pairs at full size"),
        pytest.param(
            ["--normalize_exposure"],
            "pairs/val, 6 pairs at full size, truth at the standard exposure",
            marks=pytest.mark.slow,
        ),
    ],
)
@pytest.mark.timeout(300)
def test_the_bundled_weights_score_what_they_say(shared, tmp_path, flags, said_as):
    said = json.loads((BUNDLED / "config.json").read_text())["training"]["scores"][said_as]
    assert main(["evaluate", "--data", str(shared("pairs") / "val"), "--json", str(tmp_path / "s.json"), *flags]) == 0
    measured = json.loads((tmp_path / "s.json").read_text())["means"]["ours"]
    assert measured["psnr"] == pytest.approx(said["psnr"], abs=0.05)
    assert measured["ssim"] == pytest.approx(said["ssim"], abs=0.005)
