"""Conversion of 8-bit pictures to tensors and back, and a grid of pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

EXAMPLE = Path(__file__).parent / "examples" / "living_room_flash.jpg"
"""A flash photo that ships with the package."""

CELL = (240, 180)
"""Width and height of a cell in a grid, in pixels."""
TITLE = 16
"""Height of the line of titles, in pixels."""


def to_image(pixels: Image.Image | np.ndarray) -> Tensor:
    """8-bit RGB, a picture or ``(H, W, 3)`` uint8, as ``(1, 3, H, W)`` float32, sRGB in [0, 1]."""
    return torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None].float() / 255


def to_picture(image: Tensor) -> Image.Image:
    """The inverse of :func:`to_image`, rounded to 8 bits."""
    levels = (image[0].clamp(0, 1) * 255).round()
    return Image.fromarray(levels.byte().permute(1, 2, 0).contiguous().numpy())


def diverging_picture(values: np.ndarray) -> Image.Image:
    """``(H, W)`` as colours: blue at -1, white at 0, red at 1; values outside are clipped."""
    ends = np.where(values[..., None] < 0, (20, 60, 200), (210, 40, 20))
    colors = 255 + np.abs(values.clip(-1, 1))[..., None] * (ends - 255)
    return Image.fromarray(colors.round().astype(np.uint8))


def picture_grid(titles: Sequence[str], rows: Sequence[Sequence[Image.Image | None]]) -> Image.Image:
    """One titled column per entry of ``titles``; smaller pictures are centred in their cells, None leaves one grey."""
    width, height = CELL
    grid = Image.new("RGB", (width * len(titles), TITLE + height * len(rows)), "grey")
    draw = ImageDraw.Draw(grid)
    for column, title in enumerate(titles):
        draw.text((column * width + 4, 2), title, fill=(255, 255, 255))
    for number, row in enumerate(rows):
        for column, picture in enumerate(row):
            if picture is not None:
                cell = picture.copy()
                cell.thumbnail(CELL)
                left, top = (width - cell.width) // 2, (height - cell.height) // 2
                grid.paste(cell, (column * width + left, TITLE + number * height + top))
    return grid
