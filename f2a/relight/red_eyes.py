"""Red eyes, pupils in which the flash lit the retina: finds them in faces and darkens them.

OpenCV's cascades (Viola and Jones, CVPR 2001) find faces in the red channel, where skin of every tone is brightest, and
their eyes in the green channel, where a red pupil is as dark as any other. A small round spot in an eye counts as a red
pupil if it is, in linear light, at least twice as red as the skin around it. Nothing outside an eye is examined, so
lips, lamps and clothes stay as they are.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from f2a.color import LUMINANCE, srgb_to_linear
from f2a.errors import counted
from f2a.images import to_image
from f2a.photo import Photo, look_up
from f2a.relight.controls import ControlError

if TYPE_CHECKING:
    from cv2 import CascadeClassifier

FACES_SIDE, FACE_SIDES, MAX_FACES = 1024, (24, 1024), 40
"""Longest side in pixels of the copy in which faces are found, range of a face's side in it, and maximum of faces."""
UPPER_FACE, EYE_SIDES = (240, 144), (36, 100)
"""Width and height in pixels to which a face's upper part is scaled, and the range of an eye's side in it."""
EYE, MIN_EYE = (96, 96), 12
"""Size in pixels to which an eye is scaled, and the minimum width of an eye in the photo."""

RED_STOPS, EDGE_STOPS = 1.0, 0.7
"""Minimum number of stops by which a red pupil, and its edge, are redder than the skin around the eye."""
DIAMETERS = (4, 32)
"""Minimum and maximum diameter of a red pupil, in pixels of the scaled eye, each of half a millimetre."""
MIN_ROUNDNESS = 0.55
"""Minimum share of the smallest enclosing circle that a pupil fills; a lid or a glint may cut off the rest."""
BLACK = 0.004
"""Linear light that is added before ratios are taken, since noise has a hue of its own; it is 13 of 255 in sRGB."""


class Box(NamedTuple):
    """A rectangle in a photo, in pixels."""

    left: int
    top: int
    width: int
    height: int

    def is_at(self, other: "Box") -> bool:
        """Whether the centre of this box lies in the other."""
        x, y = self.left + self.width / 2 - other.left, self.top + self.height / 2 - other.top
        return 0 <= x < other.width and 0 <= y < other.height


class Pupil(NamedTuple):
    """A red pupil: its eye, and the share of each pixel's red to remove, ``(h, w)`` float32 in [0, 1]."""

    eye: Box
    mask: np.ndarray

    def crop(self, box: tuple[int, int, int, int]) -> "Pupil":
        """The pupil within a crop (left, top, right, bottom) of the photo; the mask is empty if it lies outside."""
        left, top, right, bottom = box
        x, y = self.eye.left - left, self.eye.top - top
        mask = self.mask[max(-y, 0) : max(bottom - top - y, 0), max(-x, 0) : max(right - left - x, 0)]
        return Pupil(Box(max(x, 0), max(y, 0), *mask.shape[::-1]), mask)


def find_red_pupils(photo: Photo) -> list[Pupil]:
    """The red pupils of the faces in a photo; a grey photo has none. Needs OpenCV (:func:`open_cascade`)."""
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
    """A note that says how many red eyes were corrected."""
    return f"{counted(len(pupils), 'red eye')} corrected" if pupils else "no red eyes were found"


def correct_red_pupils(photo: Photo, pupils: list[Pupil], amount: float = 1.0) -> None:
    """Make red pupils neutral and dark, in place; the glint, which is hardly red, stays.

    Args:
        photo: the photo in which they were found, or its relit version.
        pupils: from :func:`find_red_pupils`.
        amount: share of the red to remove, from 0 to 1.
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
    """Open a cascade that comes with OpenCV 4; threads cannot share one.

    Raises:
        ControlError: OpenCV is not installed, or is version 5, which has no cascades.
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
    """The faces that look at the camera, largest first."""
    scale = min(1.0, FACES_SIDE / max(photo.size))
    small = photo.small_copy((max(1, round(photo.size[0] * scale)), max(1, round(photo.size[1] * scale))))
    return _detect(cascade, photo.colors.to_srgb(small).getchannel("R"), 1.1, FACE_SIDES, Box(0, 0, *photo.size))[
        :MAX_FACES
    ]


def find_eyes(photo: Photo, face: Box, cascade: "CascadeClassifier") -> list[Box]:
    """The largest eye in each half of a face, if there is one that is at least :data:`MIN_EYE` pixels wide."""
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
    """The part of a photo in ``box``, in 8-bit sRGB and scaled to ``size``."""
    rows = photo.rows(box.top, box.top + box.height)[:, box.left : box.left + box.width]
    part = Photo.from_array(np.ascontiguousarray(rows), photo.colors)
    return photo.colors.to_srgb(part.small_copy(size))


def _detect(
    cascade: "CascadeClassifier", image: Image.Image, step: float, sides: tuple[int, int], part: Box
) -> list[Box]:
    """What a cascade finds in ``image``, a grey picture of this part, in the photo's pixels, largest first."""
    low, high = sides
    detections = cascade.detectMultiScale(np.asarray(image), step, 3, minSize=(low, low), maxSize=(high, high))
    across, down = part.width / image.width, part.height / image.height
    boxes = [
        Box(part.left + int(x * across), part.top + int(y * down), int(w * across), int(h * down))
        for x, y, w, h in detections
    ]
    return sorted(boxes, key=lambda box: -box.width)


def _without_red(light: np.ndarray) -> np.ndarray:
    """Luminance of green and blue alone, scaled so that white has 1; ``(h, w, 3)`` to ``(h, w)``."""
    _, green, blue = LUMINANCE
    return (light[..., 1] * green + light[..., 2] * blue) / np.float32(green + blue)


def _stops(red: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Stops by which the red light is brighter than the others."""
    return np.log2((red + BLACK) / (others + BLACK))
