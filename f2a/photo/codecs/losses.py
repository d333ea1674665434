"""Notes on what a file contains besides the photo and is not written again, one sentence each."""

import mmap
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from f2a.photo.metadata.iptc import photoshop_resources

END = "its end marker is missing"
GAIN_MAP = "its HDR gain map is left out: the result is the standard picture"
DEPTH_MAP = "its depth map is left out"
FILM = "its film is left out"
SOUND = "its sound is left out"
FURTHER_PICTURES = "holds further pictures, which are left out"
FURTHER_DATA = "has further data after the picture, which are left out"
CREDENTIALS = "its content credentials (C2PA) are left out: they vouch for the picture as it was"
COPYRIGHT = "its mark as protected by copyright, or the address given with it, is left out"
PATHS = "its clipping paths are left out"

JPEG_START = b"\xff\xd8\xff"
PADDING, TRAILER_END, MAX_TRAILER = b"\0\xff \r\n", b"SEFT", 65_500
"""What may follow a picture without a note: padding bytes, or a maker's trailer with this end, below this length."""
ISO_GAIN_MAP = b"urn:iso:std:iso:ts:21496:-1\0"
"""Start of a JPEG segment which says that the file's further picture is a gain map."""
C2PA_STORE = b"jumdc2pa"
"""Start of the manifests of content credentials in any format (C2PA 2.1, 11.1.4.2)."""
COPYRIGHT_FLAG, ADDRESS = 0x040A, 0x040B
PATH_RESOURCES = range(2000, 2998)
"""Numbers of Photoshop's resources that are clipping paths."""


IN_XMP = {
    GAIN_MAP: (b"hdrgm:Version", b"HDRGainMapVersion"),
    DEPTH_MAP: (b"google.com/photos/1.0/depthmap/", b"google.com/photos/dd/1.0/"),
    FURTHER_PICTURES: (b"google.com/photos/1.0/image/",),
    SOUND: (b"google.com/photos/1.0/audio/",),
    FILM: (b"MotionPhoto", b"MicroVideo"),
}
"""Notes on contents that an XMP packet announces, with the bytes by which it does."""


def of_pictures(number: int, which: str = "first") -> list[str]:
    return [f"holds {number} pictures; the {which} is relit"] if number > 1 else []


def of_xmp(xmp: bytes) -> list[str]:
    """Notes on what a packet says that the file also contains."""
    return [note for note, signs in IN_XMP.items() if any(sign in xmp for sign in signs)]


def of_parts(kinds: Iterable[bytes], lost: Mapping[bytes, str], rest: Collection[bytes] = ()) -> list[str]:
    """Notes on a file's segments, chunks, boxes, items or fields that are left out.

    Args:
        kinds: the kinds that the file has.
        lost: the sentences on known kinds.
        rest: kinds that are kept, noted elsewhere, or contain nothing beyond the picture.
    """
    left = [kind for kind in dict.fromkeys(kinds) if kind not in rest]
    unknown = ", ".join(kind.decode("latin-1") for kind in left if kind not in lost)
    notes = [lost[kind] for kind in left if kind in lost]
    return [*notes, f"its further parts are left out: {unknown}"] if unknown else notes


def of_data_behind(further: bytes) -> list[str]:
    """Notes on the data that follow a picture, in any format."""
    if b"ftyp" in further:
        return [FILM]
    if JPEG_START in further:
        return [FURTHER_PICTURES]
    further = further.strip(PADDING)
    is_a_makers = further.endswith(TRAILER_END) and len(further) < MAX_TRAILER
    return [FURTHER_DATA] if further and not is_a_makers else []


def of_photoshop(resources: bytes) -> list[str]:
    held = dict(photoshop_resources(resources))
    notes = [PATHS] if any(number in PATH_RESOURCES for number in held) else []
    return [*notes, COPYRIGHT] if any(held.get(COPYRIGHT_FLAG, b"")) or held.get(ADDRESS) else notes


def of_credentials(path: Path) -> list[str]:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return [CREDENTIALS] if content.find(C2PA_STORE) >= 0 else []
