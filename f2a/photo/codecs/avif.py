"""AVIF files (ISO 23000-22 with AV1)."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from f2a.photo.codecs import boxes, heif, losses, pillow
from f2a.photo.file import PhotoFile
from f2a.photo.metadata.metadata import Metadata, read_metadata
from f2a.photo.photo import Stored
from f2a.photo.pixels import integer_to_16_bits

SUFFIXES = (".avif", ".avifs")
MODES = ("RGB", "RGBA")
BITS = 8
QUALITY = 90


def sniff(start: bytes, suffix: str) -> bool:
    """Whether AVIF is among the brands of an ISO file (ISO 14496-12)."""
    return start[4:8] == b"ftyp" and (b"avif" in start[8:] or start[8:12] == b"avis")


def stated_size(path: Path) -> tuple[int, int]:
    return pillow.stated_size(path, "AVIF")


def read(path: Path) -> PhotoFile:
    """With two things that Pillow does not tell: the colours that the header states, and more than eight bits."""
    cicp, bits, notes = _header(path)
    notes += boxes.notes_on_parts(path, rest={b"moov"})
    if bits == 8:
        return pillow.read(path, "AVIF", notes=notes, cicp=cicp)
    import imagecodecs

    with pillow.opened(path, "AVIF") as source:
        metadata, notes = replace(read_metadata(source), cicp=cicp), pillow.notes_on(source) + notes
        photo = pillow.decode_deep(
            source, path, metadata, notes,
            lambda: integer_to_16_bits(imagecodecs.avif_decode(path.read_bytes(), index=0), bits),
        )  # fmt: skip
    return PhotoFile(path, "AVIF", photo, metadata, notes=tuple(notes))


def _header(path: Path) -> tuple[tuple[int, int], int, list[str]]:
    """The code points of the colours (2 is unspecified), the bits of a colour, and what stands beside the picture."""
    try:
        file = heif.opened(path)
    except Exception:  # libheif's many; whether the file is damaged, its decoder says
        return (2, 2), 8, []
    image = file[file.primary_index]
    notes = losses.of_pictures(len(file), "main one") + heif.notes_on(image)
    return heif.code_points(image), int(image.info.get("bit_depth", 8)), notes


def write(
    stored: Stored, metadata: Metadata, encoding: dict[str, Any], quality: int | None, notes: list[str]
) -> memoryview:
    return pillow.save(stored, "AVIF", **pillow.metadata_options(metadata), quality=quality or QUALITY)
