"""What a file contains besides the photo and is not kept is noted: pictures, films, layers, paths, credentials."""

from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
from PIL import Image

from f2a.photo import read_photo
from f2a.photo.codecs import heif, losses
from tests.support.corpus import saved
from tests.support.hostile_metadata import chunk, riff
from tests.support.parts import box, clipping_path, manifest_store, resource, segment

FILM = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(64)
JUMBF = b"JP\0\1\0\0\0\1" + box(b"jumb", box(b"jumd", bytes(16) + b"\3other\0"))
KNOTS = bytes(52)
PHOTOSHOP = b"Photoshop 3.0\0"
CAPTION = b"\x1c\2\x78\0\5Hello"
RESOURCES = (clipping_path() + resource(0x0404, CAPTION)).hex()
MOVED_BY_IMAGEMAGICK = b"Raw profile type 8bim\0\n8bim\n%8d\n%s\n" % (len(RESOURCES) // 2, RESOURCES.encode())
C2PA_OF_GIF = b"\x21\xff\x0bC2PA_GIF\1\0\0" + bytes([len(manifest_store())]) + manifest_store() + b"\0;"
AS_PNG = "its result is a PNG unless another format is named"


def left_out(name):
    return (f"its further parts are left out: {name}",)


def with_segments(marker, *contents):
    return lambda photo: saved(photo, "JPEG", extra=b"".join(segment(marker, content) for content in contents))


def behind(format, content):
    return lambda photo: saved(photo, format) + content


def with_chunk(kind, content=bytes(7)):
    def make(photo):
        png = saved(photo, "PNG")
        return png[:33] + chunk(kind, content) + png[33:]

    return make


def webp(further):
    exif = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"
    return lambda photo: riff(saved(photo, "WEBP", exif=exif, lossless=True)[12:] + further)


def with_field(content):
    def make(path):
        tags = [(50839, 7, len(content), content, True)]
        tifffile.imwrite(path, np.zeros((5, 7, 3), np.uint8), photometric="rgb", metadata=None, extratags=tags)

    return make


def with_thumbnail(photo):
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    return saved(photo, "JPEG", exif=exif.tobytes() + saved(photo, "JPEG"), progressive=True) + bytes(64)


FILES = {
    "film behind zeros.jpg": (behind("JPEG", bytes(4096) + FILM), (losses.FILM,)),
    "thumbnail.jpg": (with_thumbnail, ()),
    "data behind.jpg": (behind("JPEG", b"x" * 70_000), (losses.FURTHER_DATA,)),
    "maker's trailer.jpg": (behind("JPEG", b"SEFH" + bytes(300) + b"SEFT"), ()),
    "other JUMBF.jpg": (with_segments(0xEB, JUMBF), left_out("APP11 JP")),
    "unknown.jpg": (with_segments(0xE3, bytes(90), bytes(90)), left_out("APP3")),
    "maker's own.jpg": (with_segments(0xE4, b"a maker's own"), ()),
    "paths.jpg": (with_segments(0xED, PHOTOSHOP + resource(1036, KNOTS) + clipping_path(2997)), (losses.PATHS,)),
    "no paths.jpg": (with_segments(0xED, PHOTOSHOP + resource(1999, KNOTS) + resource(2998, KNOTS)), ()),
    "paths.png": (with_chunk(b"tEXt", MOVED_BY_IMAGEMAGICK), (losses.PATHS,)),
    **{f"{kind}.png": (with_chunk(kind.encode()), ()) for kind in ("iDOT", "sBIT", "tIME")},
    "plain.webp": (webp(b""), ()),
    "credentials.webp": (webp(b"C2PA\4\0\0\0abcd"), (losses.CREDENTIALS,)),
    "sound.webp": (webp(b"SOND\4\0\0\0abcd"), left_out("SOND")),
    "credentials.gif": (lambda photo: saved(photo, "GIF")[:-1] + C2PA_OF_GIF, (AS_PNG, losses.CREDENTIALS)),
    **{
        f"{name}.{suffix}": (behind(format, box(kind, content)), notes)
        for format, suffix in (("AVIF", "avif"), ("HEIF", "heic"))
        for name, kind, content, notes in (
            ("credentials", b"jumb", bytes(9), (losses.CREDENTIALS,)), ("film", b"mpvd", FILM, (losses.FILM,)),
            ("free", b"free", bytes(9), ()), ("unknown", b"xyzw", bytes(9), left_out("xyzw")),
            ("zeros", b"\0\0\0\0", bytes(9), (losses.FURTHER_DATA,)),
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_what_is_left_out_is_said_and_no_more(tmp_path, photo, name):
    make, notes = FILES[name]
    if name.endswith(".heic"):
        pytest.importorskip("pillow_heif")
    (tmp_path / name).write_bytes(make(photo))
    assert read_photo(tmp_path / name).notes == notes
    if name == "paths.png":
        assert read_photo(tmp_path / name).metadata.iptc == CAPTION


@pytest.mark.parametrize(("size", "notes"), [(70_000, left_out("tag 50839")), (700, ())])
def test_a_large_field_of_a_tiff_is_said(tmp_path, size, notes):
    with_field(bytes(size))(tmp_path / "a.tif")
    assert read_photo(tmp_path / "a.tif").notes == notes


@pytest.mark.parametrize("space", ["photos/1.0/depthmap/", "photos/dd/1.0/device/"])
def test_a_depth_map_is_said_and_what_describes_it_is_taken_out(tmp_path, photo, space):
    named = f'xmlns:x="adobe:ns:meta/" xmlns:D="http://ns.google.com/{space}"'
    xmp = f'<x:xmpmeta {named} D:Format="RangeInverse" x:kept="1"/>'
    (tmp_path / "a.jpg").write_bytes(saved(photo, "JPEG", xmp=xmp.encode()))
    file = read_photo(tmp_path / "a.jpg", keep_location=True)
    assert file.notes == read_photo(tmp_path / "a.jpg").notes == (losses.DEPTH_MAP,)
    assert b"RangeInverse" not in file.metadata.xmp
    assert b"kept" in file.metadata.xmp


APPLE = "urn:com:apple:photo:20"


@pytest.mark.parametrize(
    ("aux", "depth_images", "said"),
    [
        ({}, [], []),
        ({f"{APPLE}20:aux:hdrgainmap": [7]}, [], [losses.GAIN_MAP]),
        ({"urn:mpeg:hevc:2015:auxid:2": [7]}, ["a map"], [losses.DEPTH_MAP]),
        ({f"{APPLE}19:aux:{name}matte": [7] for name in ("portraiteffects", "semanticskin")}, [],
         ["its auxiliary pictures of 2 kinds are left out"]),
    ],
)  # fmt: skip
def test_what_belongs_to_the_picture_of_a_heic_is_said(aux, depth_images, said):
    assert heif.notes_on(SimpleNamespace(info={"aux": aux, "depth_images": depth_images})) == said
