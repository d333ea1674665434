"""The one door between photo files, PIL photos and arrays of pixels.

A *photo* is a ``PIL.Image``. Its *pixels* are ``(H, W, 1 or 3)`` uint8 or uint16, sRGB-encoded, upright, without alpha.
"""

import io
import os
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageCms, ImageOps, JpegImagePlugin, UnidentifiedImageError
from PIL.ExifTags import Base

SUFFIXES = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp",),
    "AVIF": (".avif",),
}
"""Formats that are written, by Pillow's name; the first suffix is the one given where the input's does not fit."""

READ_ONLY_SUFFIXES = (".gif", ".mpo", ".jp2", ".tga", ".ppm", ".pgm")
"""Further suffixes that mark a photo inside a folder; their relit photos are written as PNG or JPEG."""

MODES = {
    "JPEG": ("L", "RGB", "CMYK"),
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "WEBP": ("RGB", "RGBA"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"),
    "BMP": ("1", "L", "P", "RGB"),
    "AVIF": ("RGB", "RGBA"),
}
"""Pillow's modes that a format holds without loss; another mode is widened, never clipped."""

QUALITY = {"JPEG": {"quality": 95}, "WEBP": {"quality": 95}, "AVIF": {"quality": 90}}

DEEP_GREY = ("I", "I;16", "I;16L", "I;16B", "I;16N", "F")


class PhotoError(ValueError):
    """A file that cannot be read or written as a photo; the message is one sentence with the file and the remedy."""


class PhotoFile(NamedTuple):
    """A photo, upright and decoded, and what its file needs to be written again in the same way."""

    photo: Image.Image
    path: Path
    format: str
    save_options: dict[str, Any]

    @property
    def output_name(self) -> str:
        """``NAME_ambient.EXT``: the input's suffix where it tells the truth, else its format's own."""
        suffix = self.path.suffix if self.path.suffix.lower() in SUFFIXES[self.format] else SUFFIXES[self.format][0]
        return f"{self.path.stem}_ambient{suffix}"


def open_photo(path: str | Path) -> Image.Image:
    """The photo in a file, upright and decoded; see :func:`read_photo`."""
    return read_photo(path).photo


def read_photo(path: str | Path) -> PhotoFile:
    """Read a photo file whole.

    The EXIF orientation is applied to the pixels. Of the metadata, EXIF (without orientation, thumbnail and GPS
    position), the ICC profile and the resolution are kept for writing, and a JPEG's quantisation tables.

    Raises:
        PhotoError: no such file, not a photo, cut short, or too large to be one.
    """
    path = Path(path)
    try:
        with Image.open(path) as source:
            source.load()
            format = {"MPO": "JPEG"}.get(source.format or "", source.format or "")
            photo = upright(source)
            options = _save_options(source, photo)
    except FileNotFoundError:
        raise PhotoError(f"{path}: no such file; check the name") from None
    except IsADirectoryError:
        raise PhotoError(f"{path}: is a folder, not a photo") from None
    except PermissionError:
        raise PhotoError(f"{path}: may not be read; check its permissions") from None
    except UnidentifiedImageError:
        raise PhotoError(f"{path}: is not a photo that can be read; use a JPEG, PNG, WebP, TIFF or AVIF file") from None
    except Image.DecompressionBombError:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000
        raise PhotoError(f"{path}: has more than {limit} megapixels; make it smaller first") from None
    except MemoryError:
        raise PhotoError(f"{path}: does not fit into memory; make it smaller first") from None
    except Exception as error:  # Pillow's readers raise many kinds for damaged files
        raise PhotoError(f"{path}: is damaged or cut short ({error}); copy it again from the camera") from None
    return PhotoFile(photo, path, format if format in SUFFIXES else "PNG", options)


def upright(photo: Image.Image) -> Image.Image:
    """A copy of ``photo`` turned as its EXIF orientation says; broken EXIF counts as upright."""
    try:
        return ImageOps.exif_transpose(photo)
    except Exception:  # Pillow parses EXIF lazily and raises whatever the bytes provoke
        return photo.copy()


def _save_options(source: Image.Image, photo: Image.Image) -> dict[str, Any]:
    options: dict[str, Any] = {}
    try:
        exif = photo.getexif()
        for tag in (Base.Orientation, Base.GPSInfo):
            exif.pop(tag, None)
        if exif:
            options["exif"] = exif.tobytes()
    except Exception:  # broken EXIF is not worth a photo
        pass
    for name in ("icc_profile", "dpi"):
        if source.info.get(name):
            options[name] = source.info[name]
    if isinstance(source, JpegImagePlugin.JpegImageFile):
        options |= {"qtables": source.quantization, "subsampling": JpegImagePlugin.get_sampling(source)}
    return options


def check_target(path: Path, overwrite: bool) -> str:
    """The format that a file name asks for.

    Raises:
        PhotoError: its suffix is none that is written, or it exists and ``overwrite`` is false.
    """
    if path.exists() and not overwrite:
        raise PhotoError(f"{path}: exists already; pass --overwrite to replace it")
    for format, suffixes in SUFFIXES.items():
        if path.suffix.lower() in suffixes:
            return format
    known = " ".join(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
    raise PhotoError(f"{path}: cannot be written; give it one of the suffixes {known}")


def write_photo(photo: Image.Image, path: Path, like: PhotoFile, overwrite: bool = False) -> None:
    """Write ``photo`` to ``path`` with the metadata of ``like``; the file appears whole or not at all.

    Args:
        photo: the photo to write.
        path: its suffix says the format.
        like: the file that it was made from.
        overwrite: replace a file that is there.

    Raises:
        PhotoError: ``path`` exists, has an unknown suffix, cannot hold the photo's transparency, or cannot be written.
    """
    format = check_target(path, overwrite)
    if photo.has_transparency_data and format in ("JPEG", "BMP"):
        raise PhotoError(f"{path}: {format} cannot hold the photo's transparency; write a .png or .webp file")
    options = dict(like.save_options)
    if format != "JPEG" or like.format != "JPEG":
        options.pop("qtables", None)
        options.pop("subsampling", None)
        options |= QUALITY.get(format, {})
    if photo.mode in ("RGB", "RGBA") and like.photo.mode == "CMYK":
        options.pop("icc_profile", None)
    content = io.BytesIO()
    _fit_mode(photo, format).save(content, format, **options)
    try:
        _write_beside(path, content.getbuffer())
    except OSError as error:
        raise PhotoError(f"{path}: cannot be written ({error.strerror}); check folder, permissions and space") from None


def _fit_mode(photo: Image.Image, format: str) -> Image.Image:
    if photo.mode in MODES[format]:
        return photo
    if photo.mode in DEEP_GREY:
        return Image.fromarray((_deep_grey(photo) >> 8).astype(np.uint8))
    return photo.convert("RGBA" if photo.has_transparency_data else "RGB")


def _write_beside(path: Path, content: memoryview) -> None:
    descriptor, beside = tempfile.mkstemp(prefix=f".{path.name[:80]}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(beside, 0o666 & ~umask)
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


class Pixels(NamedTuple):
    """``values`` ``(H, W, 1 or 3)`` uint8 or uint16 and, apart from them, the photo's alpha channel."""

    values: np.ndarray
    alpha: Image.Image | None


def to_pixels(photo: Image.Image) -> Pixels:
    """The pixels of an upright photo of any mode; 16-bit, integer and float greyscale stay 16 bits deep."""
    if photo.mode in DEEP_GREY:
        return Pixels(_deep_grey(photo)[..., None], None)
    alpha = None
    if photo.has_transparency_data:
        photo = photo if photo.mode in ("RGBA", "LA") else photo.convert("RGBA")
        alpha = photo.getchannel("A")
    if photo.mode in ("1", "L", "LA"):
        return Pixels(np.asarray(photo.getchannel(0) if photo.mode == "LA" else photo.convert("L"))[..., None], alpha)
    return Pixels(np.asarray(_to_srgb(photo) if photo.mode == "CMYK" else photo.convert("RGB")), alpha)


def from_pixels(values: np.ndarray, alpha: Image.Image | None) -> Image.Image:
    """The photo with these pixels: L, RGB or I;16, with alpha LA or RGBA."""
    photo = Image.fromarray(values[..., 0] if values.shape[-1] == 1 else values)
    if alpha is not None:
        photo.putalpha(alpha)
    return photo


def to_rgb8(pixels: Pixels) -> Image.Image:
    """What a network sees: the photo in 8-bit RGB."""
    values = pixels.values if pixels.values.dtype == np.uint8 else (pixels.values >> 8).astype(np.uint8)
    return from_pixels(values, None).convert("RGB")


def _deep_grey(photo: Image.Image) -> np.ndarray:
    """``(H, W)`` uint16. Values beyond 16 bits are scaled down, floats in [0, 1] up; NaN counts as black."""
    values: np.ndarray = np.asarray(photo)
    if photo.mode.startswith("I;16"):
        return values.astype(np.uint16)
    values = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0).clip(min=0)
    largest = values.max()
    full = 65535.0 if photo.mode == "I" or largest > 255 else 255.0 if largest > 1 else 1.0
    scaled: np.ndarray = (values / max(full, largest) * 65535).round()
    return scaled.astype(np.uint16)


def _to_srgb(photo: Image.Image) -> Image.Image:
    """CMYK to sRGB through the photo's own profile; without a usable one by Pillow's plain formula."""
    profile = photo.info.get("icc_profile")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(photo, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError):
            pass
    return photo.convert("RGB")
