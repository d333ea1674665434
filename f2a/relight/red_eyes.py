"""Red eyes: pupils in which the flash lit the retina, found in faces and made dark again.

OpenCV's cascades (Viola and Jones, CVPR 2001) find faces in the red channel, where skin of every tone is brightest, and
the eyes in them in the green one, where a red pupil is as dark as any other. A pupil is red where a small round spot in
an eye is, in linear light, at least twice as red as the skin around it. Nothing outside an eye is looked at, so lips,
lamps and clothes stay as they are.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from f2a.color import LUMINANCE, srgb_to_linear
from f2a.errors import counted
from f2a.images import to_image
from f2a.photo import Photo
from f2a.photo.icc import look_up
from f2a.relight.controls import ControlError

if TYPE_CHECKING:
    from cv2 import CascadeClassifier

FACES_SIDE, FACE_SIDES, MAX_FACES = 1024, (24, 1024), 40
"""Longest side in pixels of the copy in which faces are found, their own sides, and how many are looked into."""
UPPER_FACE, EYE_SIDES = (240, 144), (36, 100)
"""Width and height in pixels to which a face's upper part is scaled, and the sides of the eyes in it."""
EYE, MIN_EYE = (96, 96), 12
"""Pixels to which an eye is scaled, and how wide it must be in the photo."""

RED_STOPS, EDGE_STOPS = 1.0, 0.7
"""By how many stops a red pupil, and its edge, are redder than the skin around the eye."""
DIAMETERS = (4, 32)
"""Of a red pupil, in pixels of the scaled eye, half a millimetre each."""
MIN_ROUNDNESS = 0.55
"""How much of the smallest circle around it a pupil fills, which a lid or a glint may cut."""
BLACK = 0.004
"""Linear light that is added before a ratio is taken, since noise has a hue of its own; it is 13 of 255."""


class Box(NamedTuple):
    """A part of a photo, in its pixels."""

    left: int
    top: int
    width: int
    height: int

    def is_at(self, other: "Box") -> bool:
        """Whether the centre of this one lies in the other."""
        x, y = self.left + self.width / 2 - other.left, self.top + self.height / 2 - other.top
        return 0 <= x < other.width and 0 <= y < other.height


class Pupil(NamedTuple):
    """A red pupil: the eye that it is in, and how much of each pixel's red is to go, ``(h, w)`` float32 in [0, 1]."""

    eye: Box
    mask: np.ndarray

    def crop(self, box: tuple[int, int, int, int]) -> "Pupil":
        """The same in a part of the photo, left, top, right and bottom; its mask is empty where it lies elsewhere."""
        left, top, right, bottom = box
        x, y = self.eye.left - left, self.eye.top - top
        mask = self.mask[max(-y, 0) : max(bottom - top - y, 0), max(-x, 0) : max(right - left - x, 0)]
        return Pupil(Box(max(x, 0), max(y, 0), *mask.shape[::-1]), mask)


def find_red_pupils(photo: Photo) -> list[Pupil]:
    """The red pupils of the faces in a photo; a grey one has none. It needs OpenCV (:func:`open_cascade`)."""
    if photo.shape[2] == 1:
        return []
    faces, eyes = open_cascade("frontalface_alt2"), open_cascade("eye_tree_eyeglasses")
    pupils: list[Pupil] = []
    for face in find_faces(photo, faces):
        for eye in find_eyes(photo, face, eyes):
            pupil = None if any(eye.is_at(known.eye) for known in pupils) else find_red_pupil(photo, eye)
            pupils += [pupil] if pupil else []
    return pupils


def red_eyes_note(pupils: list[Pupil]) -> str:
    """Says how many were corrected."""
    return f"{counted(len(pupils), 'red eye')} corrected" if pupils else "no red eyes were found"


def correct_red_pupils(photo: Photo, pupils: list[Pupil], amount: float = 1.0) -> None:
    """Make them neutral and dark in the photo's own rows; the glint, which is hardly red, stays.

    Args:
        photo: in which they were found, or the same relit.
        pupils: from :func:`find_red_pupils`.
        amount: from 0 to 1, the share of the red that goes.
    """
    full = np.iinfo(photo.dtype).max
    curves = np.broadcast_to(photo.colors.light(full + 1), (3, full + 1)).astype(np.float32)
    for (left, top, width, height), mask in pupils:
        rows = photo.rows(top, top + height).copy()
        eye = rows[:, left : left + width]
        light = look_up(curves, eye)
        red, others = light[..., 0], _without_red(light)
        share = amount * mask * _stops(red, others).clip(0, 1)
        dark = others * np.sqrt((others / red.clip(min=1e-6)).clip(max=1))
        light += share[..., None] * (dark[..., None] - light)
        levels = [np.interp(light[..., n], curve, np.arange(full + 1)) for n, curve in enumerate(curves)]
        encoded = np.stack(levels, -1).round()
        eye[share > 0] = encoded[share > 0]
        photo.set_rows(top, rows)


def open_cascade(name: str) -> "CascadeClassifier":
    """A cascade that comes with OpenCV 4; threads can't share one.

    Raises:
        ControlError: OpenCV is not installed, or is version 5, which has none.
    """
    try:
        import cv2

        cascade = cv2.CascadeClassifier(str(Path(cv2.__file__).with_name("data") / f"haarcascade_{name}.xml"))
        if not cascade.empty():
            return cascade
    except (ImportError, AttributeError):
        pass
    missing = 'finding red eyes needs OpenCV 4, which is not installed; run: pip install "opencv-python-headless<5"'
    raise ControlError(missing)


def find_faces(photo: Photo, cascade: "CascadeClassifier") -> list[Box]:
    """The faces that look at the camera, the largest first."""
    scale = min(1.0, FACES_SIDE / max(photo.size))
    small = photo.small_copy((max(1, round(photo.size[0] * scale)), max(1, round(photo.size[1] * scale))))
    return _detect(cascade, photo.colors.to_srgb(small).getchannel("R"), 1.1, FACE_SIDES, Box(0, 0, *photo.size))[
        :MAX_FACES
    ]


def find_eyes(photo: Photo, face: Box, cascade: "CascadeClassifier") -> list[Box]:
    """The largest eye in each half of a face, if there is one and the photo shows enough of it."""
    upper = face._replace(height=round(face.height * UPPER_FACE[1] / UPPER_FACE[0]))
    eyes = _detect(cascade, look_at(photo, upper, UPPER_FACE).getchannel("G"), 1.05, EYE_SIDES, upper)
    halves = {eye.left + eye.width / 2 < face.left + face.width / 2: eye for eye in reversed(eyes)}
    return [eye for eye in halves.values() if eye.width >= MIN_EYE]


def find_red_pupil(photo: Photo, eye: Box) -> Pupil | None:
    """The red pupil in an eye, if it has one."""
    import cv2

    linear = srgb_to_linear(to_image(look_at(photo, eye, EYE)))[0].permute(1, 2, 0).numpy()
    light = cv2.GaussianBlur(linear, (0, 0), 1.5)
    others = _without_red(light)
    redder = _stops(light[..., 0], others)
    redder -= np.median(redder)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    edges = cv2.morphologyEx((redder > EDGE_STOPS).astype(np.uint8), cv2.MORPH_CLOSE, disc)
    for outline in cv2.findContours(edges, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]:
        centre, radius = cv2.minEnclosingCircle(outline)
        spot = cv2.fillConvexPoly(np.zeros_like(edges), cv2.convexHull(outline), 1)  # with a glint at its edge
        inside = cv2.fillPoly(np.zeros_like(edges), [outline], 1) > 0
        around = cv2.dilate(spot, disc, iterations=2) > cv2.dilate(spot, disc)
        if (
            DIAMETERS[0] <= 2 * radius <= DIAMETERS[1]
            and all(side / 3 < place < side * 2 / 3 for place, side in zip(centre, EYE, strict=True))
            and spot.sum() >= MIN_ROUNDNESS * math.pi * (radius + 0.5) ** 2
            and redder[inside].max() >= RED_STOPS
            and np.median(redder[around]) < EDGE_STOPS / 2
        ):
            soft = cv2.GaussianBlur(cv2.dilate(spot, np.ones((3, 3), np.uint8)).astype(np.float32), (0, 0), 1.5)
            return Pupil(eye, cv2.resize(soft, (eye.width, eye.height)))
    return None


def look_at(photo: Photo, box: Box, size: tuple[int, int]) -> Image.Image:
    """A part of a photo in 8-bit sRGB, scaled to ``size``."""
    rows = photo.rows(box.top, box.top + box.height)[:, box.left : box.left + box.width]
    part = Photo.from_array(np.ascontiguousarray(rows), photo.colors)
    return photo.colors.to_srgb(part.small_copy(size))


def _detect(
    cascade: "CascadeClassifier", image: Image.Image, step: float, sides: tuple[int, int], part: Box
) -> list[Box]:
    """What a cascade finds in the grey picture of a part of the photo, in the photo's pixels, the largest first."""
    low, high = sides
    detections = cascade.detectMultiScale(np.asarray(image), step, 3, minSize=(low, low), maxSize=(high, high))
    across, down = part.width / image.width, part.height / image.height
    boxes = [
        Box(part.left + int(x * across), part.top + int(y * down), int(w * across), int(h * down))
        for x, y, w, h in detections
    ]
    return sorted(boxes, key=lambda box: -box.width)


def _without_red(light: np.ndarray) -> np.ndarray:
    """The luminance of green and blue, of which white has 1; ``(h, w, 3)`` to ``(h, w)``."""
    _, green, blue = LUMINANCE
    return (light[..., 1] * green + light[..., 2] * blue) / np.float32(green + blue)


def _stops(red: np.ndarray, others: np.ndarray) -> np.ndarray:
    """How much brighter the red light is than the others."""
    return np.log2((red + BLACK) / (others + BLACK))
