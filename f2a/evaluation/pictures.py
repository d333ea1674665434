"""Pictures for the report: thumbnails of every scene and system, and maps of the error."""

import base64
import io

import numpy as np
from PIL import Image

TRUTH = "truth"
THUMBNAIL_SIDE = 360
"""Longer side of a picture in the report, in pixels."""
ERROR_RANGE = 0.5
"""Difference of sRGB luma at which the colours of the map end."""


Thumbnails = dict[str, dict[str, bytes]]
"""Small JPEG copies by scene and system, flash first and the truth last, so that no full photo stays in memory."""


def thumbnail_jpeg(picture: Image.Image) -> bytes:
    copy = picture.copy()
    copy.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    content = io.BytesIO()
    copy.save(content, "JPEG", quality=88)
    return content.getvalue()


def decode_jpeg(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("RGB")


def data_uri(content: bytes, kind: str) -> str:
    """``content`` as a data URI."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def error_map(picture: Image.Image, truth: Image.Image) -> Image.Image:
    """Red where the picture is brighter than the truth, blue where it is darker, white where they agree (luma)."""
    difference = (np.asarray(picture.convert("L"), float) - np.asarray(truth.convert("L"), float)) / 255
    share = (np.abs(difference) / ERROR_RANGE).clip(0, 1)[..., None]
    extreme = np.where(difference[..., None] > 0, (178, 24, 43), (33, 102, 172))
    return Image.fromarray((255 + (extreme - 255) * share).round().astype(np.uint8))
