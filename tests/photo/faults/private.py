"""Kind 1: nothing is left that tells where, or with which individual camera, a photo was taken."""

import io
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import tifffile
from PIL import Image, PngImagePlugin

from f2a.photo.metadata.tiff_ifd import EXIF_IFD, MAKER_NOTE, IfdField, encode_ifd
from f2a.photo.metadata.xmp_extension import xmp_segments
from f2a.relight.relighter import relight_file
from tests.photo.faults.case import PICTURE, Bench, Case, given
from tests.support import profiles
from tests.support.exiftool import PLANTED, exiftool, private_tags
from tests.support.hostile_metadata import chunk
from tests.support.parts import box, resource, segment

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


def old_profile(keyword: str, content: bytes) -> Callable[[Path], None]:
    """Metadata as ImageMagick once wrote them into a PNG; exiftool reads the keyword in lower case, too."""

    def make(path: Path) -> None:
        chunks = PngImagePlugin.PngInfo()
        chunks.add_text(keyword, f"\n\n{len(content)}\n{content.hex()}\n", zip=True)
        image().save(path, pnginfo=chunks)

    return make


def extended(path: Path) -> None:
    image().save(path, extra=xmp_segments(PACKET.replace(PLANTED.encode(), PLANTED.encode() * 9_000)))


def maker_note(path: Path) -> None:
    """Write a photo with Canon's maker note, whose field 12 is the serial number."""
    note_at, exif_at = 200, 100
    note = encode_ifd("<", [IfdField(6, 2, 4, b"Cam\0"), IfdField(12, 4, 1, struct.pack("<I", 4711))], note_at)
    inner = encode_ifd("<", [IfdField(MAKER_NOTE, 7, len(note), note)], exif_at)
    inner = inner[:10] + struct.pack("<I", note_at) + inner[14:18]
    fields = [IfdField(0x010F, 2, 6, b"Canon\0"), IfdField(0x0110, 2, 16, b"Canon EOS R5\0\0\0\0")]
    first = encode_ifd("<", [*fields, IfdField(EXIF_IFD, 4, 1, struct.pack("<I", exif_at))], 8)
    block = (b"II*\0\x08\0\0\0" + first).ljust(exif_at, b"\0") + inner
    image().save(path, exif=b"Exif\0\0" + block.ljust(note_at, b"\0") + note)


def made_of(*segments: bytes) -> Callable[[Path], None]:
    """A function that writes a JPEG with these segments."""
    return lambda path: image().save(path, extra=b"".join(segments))


def exif_of_a_jpeg() -> bytes:
    exif = Image.Exif()
    exif[0x010F], exif[0xC62F] = "Maker", PLANTED  # CameraSerialNumber
    exif.get_ifd(EXIF_IFD)[0xA431] = PLANTED
    return exif.tobytes()


def of_display(path: Path) -> None:
    """Write a photo whose profile identifies the individual display."""
    profile = profiles.rgb_profile(f"{PLANTED}, serial number: 4711", *profiles.SRGB_XY, 2.2)
    image().save(path, icc_profile=profile)


def exif_behind_pixels(path: Path) -> None:
    image().save(path)
    content = path.read_bytes()
    path.write_bytes(content[:-12] + chunk(b"eXIf", exif_of_a_jpeg().removeprefix(b"Exif\0\0")) + content[-12:])


def heic_with(content: bytes, **info: object) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        file = pytest.importorskip("pillow_heif").from_pillow(image())
        file.info.update(info)
        file.save(path)
        path.write_bytes(path.read_bytes() + content)

    return make


def second_page(path: Path) -> None:
    with tifffile.TiffWriter(path) as file:
        file.write(PICTURE, photometric="rgb", metadata=None)
        file.write(PICTURE, photometric="rgb", metadata=None, extratags=[(700, 1, len(PACKET), PACKET, True)])


def jpeg2000(path: Path) -> None:
    image().save(path)
    path.write_bytes(path.read_bytes() + box(b"uuid", XMP_UUID + PACKET) + box(b"uuid", b"JpgTiffExif->JP2" + EXIF))


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


XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
EXIF = exif_of_a_jpeg().removeprefix(b"Exif\0\0")
JSON_ITEM = {"type": "mime", "content_type": "application/json", "data": f'{{"city": "{PLANTED}"}}'.encode()}


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
    "comment_in_utf_16.jpg": (
        "Pillow, by hand",
        made_of(segment(0xFE, f"Serial number: 4711 {PLANTED}".encode("utf-16"))),
    ),
    "exif_twice.jpg": ("Pillow, by hand", made_of(*2 * [segment(0xE1, b"Exif\0\0" + EXIF)])),
    "in_photoshop.jpg": (
        "Pillow, by hand",
        made_of(segment(0xED, b"Photoshop 3.0\0" + resource(0x0422, EXIF) + resource(0x0424, PACKET))),
    ),
    "display.jpg": ("Pillow, by hand", of_display),
    "path_of_origin.jpg": ("Pillow, exiftool", tagged(f"-XMP-xmpMM:DerivedFromFilePath=/Users/{PLANTED}/a.psd")),
    "path_of_a_project.jpg": (
        "Pillow, exiftool",
        tagged(f"-XMP-creatorAtom:MacAtomPosixProjectPath=/Users/{PLANTED}/a.aep"),
    ),
    "exif_behind_pixels.png": ("Pillow, by hand", exif_behind_pixels),
    "film_place.heic": ("libheif, by hand", heic_with(FILM, exif=EXIF)),
    "items.heic": ("libheif", heic_with(b"", exif=EXIF, xmp=PACKET, metadata=[JSON_ITEM])),
    "second_page.tif": ("tifffile", second_page),
    "boxes.jp2": ("Pillow, by hand", jpeg2000),
    "made_up_names.jpg": ("Pillow", planted),
    "made_up_names.webp": ("Pillow", planted),
    "texts.png": ("Pillow", texts),
    "old_profile.png": ("Pillow", old_profile("Raw profile type xmp", PACKET)),
    "old_profile_in_small_letters.png": ("Pillow", old_profile("raw profile type exif", b"Exif\0\0" + EXIF)),
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
