"""Kind 1: nothing is left that says where, or with which very camera."""

import io
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from f2a.photo.metadata.tiff_ifd import EXIF_IFD, MAKER_NOTE, IfdField, encode_ifd
from f2a.photo.metadata.xmp_extension import xmp_segments
from f2a.relight.relighter import relight_file
from tests.photo.faults.case import PICTURE, Bench, Case, given
from tests.support.exiftool import PLANTED, exiftool, private_tags

NOTHING = "nothing is left"

GPS = ("-GPSLatitude=12.36", "-GPSLatitudeRef=N", "-GPSLongitude=1.53", "-GPSLongitudeRef=W", "-GPSAltitude=300")
SERIALS = (
    "-EXIF:SerialNumber=4711",
    "-EXIF:LensSerialNumber=4712",
    "-EXIF:OwnerName=Ann",
    "-XMP-aux:SerialNumber=4711",
)
PLACES = ("-XMP-photoshop:City=Paris", "-XMP-photoshop:Country=France", "-XMP-iptcCore:Location=Louvre")
STRUCTURES = (
    "-XMP-iptcExt:LocationShown={City=Paris,CountryName=France,Sublocation=Louvre}",
    "-XMP-iptcExt:LocationCreated={City=Paris,GPSLatitude=48.86,GPSLongitude=2.34,GPSAltitude=35}",
    "-XMP-iptcExt:RegistryID={RegItemId=1,RegOrgId=2}",
    "-XMP-drone-dji:GPSLongtitude=2.34", "-XMP-drone-dji:AbsoluteAltitude=+35.1",
)  # fmt: skip
IPTC = ("-IPTC:City=Paris", "-IPTC:Country-PrimaryLocationName=France", "-IPTC:Sub-location=Louvre")
EVERYTHING = (*GPS, *SERIALS, *PLACES, *STRUCTURES)

PACKET = f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:m="http://mood.example/" m:home_city="{PLANTED}"><m:WayPoints><rdf:Bag>
<rdf:li rdf:parseType="Resource"><m:takeoff_lat>{PLANTED}</m:takeoff_lat></rdf:li>
<rdf:li><rdf:Description m:BodySerialNo="{PLANTED}"/></rdf:li></rdf:Bag></m:WayPoints>
<m:GeoHash>{PLANTED}</m:GeoHash></rdf:Description></rdf:RDF></x:xmpmeta>""".encode()


def image() -> Image.Image:
    return Image.fromarray(PICTURE)


def save(path: Path) -> None:
    if path.suffix == ".heic":
        pytest.importorskip("pillow_heif").from_pillow(image()).save(path)
    else:
        image().save(path)


def tagged(*flags: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        save(path)
        exiftool("-q", "-overwrite_original", *flags, path)

    return make


def planted(path: Path) -> None:
    image().save(path, xmp=PACKET)


def texts(path: Path) -> None:
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("exif:GPSLatitude", f"52/1 {PLANTED}")
    chunks.add_text("Camera Serial Number", PLANTED, zip=True)
    chunks.add_itxt("Where", PLANTED, tkey="Location")
    chunks.add_itxt("Comment", f"at 52.5163, 13.3777 {PLANTED}", zip=True)
    image().save(path, pnginfo=chunks)


def old_profile(path: Path) -> None:
    """XMP as ImageMagick once wrote it into a PNG."""
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("Raw profile type xmp", f"\nxmp\n{len(PACKET)}\n{PACKET.hex()}\n", zip=True)
    image().save(path, pnginfo=chunks)


def extended(path: Path) -> None:
    image().save(path, extra=xmp_segments(PACKET.replace(PLANTED.encode(), PLANTED.encode() * 9_000)))


def maker_note(path: Path) -> None:
    """Canon's, whose field 12 is the serial number."""
    note_at, exif_at = 200, 100
    note = encode_ifd("<", [IfdField(6, 2, 4, b"Cam\0"), IfdField(12, 4, 1, struct.pack("<I", 4711))], note_at)
    inner = encode_ifd("<", [IfdField(MAKER_NOTE, 7, len(note), note)], exif_at)
    inner = inner[:10] + struct.pack("<I", note_at) + inner[14:18]
    fields = [IfdField(0x010F, 2, 6, b"Canon\0"), IfdField(0x0110, 2, 16, b"Canon EOS R5\0\0\0\0")]
    first = encode_ifd("<", [*fields, IfdField(EXIF_IFD, 4, 1, struct.pack("<I", exif_at))], 8)
    block = (b"II*\0\x08\0\0\0" + first).ljust(exif_at, b"\0") + inner
    image().save(path, exif=b"Exif\0\0" + block.ljust(note_at, b"\0") + note)


def second_picture(path: Path) -> None:
    second = io.BytesIO()
    image().save(second, "JPEG", xmp=PACKET)
    image().save(path, "MPO", save_all=True, append_images=[Image.open(second)], xmp=PACKET)


def behind(content: bytes) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        tagged(*GPS)(path)
        path.write_bytes(path.read_bytes() + content)

    return make


FILM = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + struct.pack(">I4s", 50, b"udta") + struct.pack(">I4s", 42, b"\xa9xyz")
FILM += struct.pack(">HH", 30, 0) + b"+12.3600-001.5300+300.000/".ljust(30)


def result(make: Callable[[Path], None], bench: Bench, path: Path) -> str:
    make(path)
    if not private_tags(path):
        return "nothing was planted"
    folder = path.parent / "relit"
    folder.mkdir()
    left = private_tags(relight_file(bench.relighter, path, folder))
    return f"left: {', '.join(left)}" if left else NOTHING


def drone(path: Path) -> None:
    path.write_bytes(given("01-dji-xmp-gps/DJI_0042.JPG").read_bytes())


OWN = {
    "everything.jpg": ("Pillow, exiftool", tagged(*EVERYTHING, *IPTC)),
    "everything.tif": ("Pillow, exiftool", tagged(*EVERYTHING, *IPTC)),
    "everything.png": ("Pillow, exiftool", tagged(*EVERYTHING, "-PNG:Location=Paris")),
    "everything.webp": ("Pillow, exiftool", tagged(*EVERYTHING)),
    "everything.avif": ("Pillow, exiftool", tagged(*EVERYTHING)),
    "everything.heic": ("libheif, exiftool", tagged(*EVERYTHING)),
    "comment.jpg": ("Pillow, exiftool", tagged("-Comment=shot at 52.5163, 13.3777", *GPS)),
    "description.jpg": ("Pillow, exiftool", tagged("-EXIF:ImageDescription=Serial number: 4711", *GPS)),
    "computer.jpg": ("Pillow, exiftool", tagged(f"-EXIF:HostComputer={PLANTED}'s MacBook")),
    "computer.tif": ("Pillow, exiftool", tagged(f"-IFD0:HostComputer={PLANTED}'s MacBook", "-EXIF:Artist=Ann")),
    "made_up_names.jpg": ("Pillow", planted),
    "made_up_names.webp": ("Pillow", planted),
    "texts.png": ("Pillow", texts),
    "old_profile.png": ("Pillow", old_profile),
    "extended_xmp.jpg": ("Pillow, by hand", extended),
    "canon_note.jpg": ("Pillow, by hand", maker_note),
    "second_picture.jpg": ("Pillow", second_picture),
    "samsung_film.jpg": ("Pillow, exiftool", behind(b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data" + FILM)),
    "google_film.jpg": ("Pillow, exiftool", behind(FILM)),
    "packet_behind.jpg": ("Pillow, exiftool", behind(PACKET)),
}

CASES = [
    *(Case(1, name, maker, NOTHING, partial(result, make)) for name, (maker, make) in OWN.items()),
    Case(1, "DJI_0042.JPG", "given", NOTHING, partial(result, drone)),
]
