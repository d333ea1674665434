"""What was measured, to look at: small copies, a map of the error, and a grid of scenes by systems."""

import base64
import io
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from f2a.evaluation.scores import Scene

TRUTH = "truth"
COPY_SIDE = 360
"""Longer side of a picture in the report, in pixels, whatever the photo's size."""
ERROR_RANGE = 0.5
"""Difference of sRGB luma that gets the map's strongest colour."""


@dataclass
class Album:
    """Small JPEG copies by scene and system, flash first and the truth last; the full photos are let go."""

    pages: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def look(self, scene: Scene, pictures: dict[str, Image.Image]) -> None:
        self.pages[scene.name] = {
            name: small_jpeg(picture) for name, picture in [*pictures.items(), (TRUTH, scene.truth)]
        }


def small_jpeg(picture: Image.Image) -> bytes:
    copy = picture.copy()
    copy.thumbnail((COPY_SIDE, COPY_SIDE))
    content = io.BytesIO()
    copy.save(content, "JPEG", quality=88)
    return content.getvalue()


def decoded(copy: bytes) -> Image.Image:
    return Image.open(io.BytesIO(copy)).convert("RGB")


def data_uri(content: bytes, kind: str) -> str:
    """``content`` as an address that a page can hold."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def error_map(picture: Image.Image, truth: Image.Image) -> Image.Image:
    """Red where the picture is brighter than the truth, blue where it is darker, white where they agree (luma)."""
    difference = (np.asarray(picture.convert("L"), float) - np.asarray(truth.convert("L"), float)) / 255
    share = (np.abs(difference) / ERROR_RANGE).clip(0, 1)[..., None]
    strongest = np.where(difference[..., None] > 0, (178, 24, 43), (33, 102, 172))
    return Image.fromarray((255 + (strongest - 255) * share).round().astype(np.uint8))
