"""What a file holds beside the photo and is not kept is said: further pictures, films, layers, paths, credentials."""

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


@pytest.fixture
def jpeg(photo):
    return saved(photo, "JPEG")


def notes_on(path, content):
    path.write_bytes(content)
    return read_photo(path).notes


def test_a_film_behind_zeros_is_said(tmp_path, jpeg):
    assert notes_on(tmp_path / "a.jpg", jpeg + bytes(4096) + FILM) == (losses.FILM,)


def test_a_thumbnail_is_no_further_picture(tmp_path, photo, jpeg):
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    content = saved(photo, "JPEG", exif=exif.tobytes() + jpeg, progressive=True)
    assert notes_on(tmp_path / "a.jpg", content + bytes(64)) == ()


@pytest.mark.parametrize(
    "space", ["http://ns.google.com/photos/1.0/depthmap/", "http://ns.google.com/photos/dd/1.0/device/"]
)
def test_a_depth_map_is_said_and_what_describes_it_is_taken_out(tmp_path, photo, space):
    xmp = f'<x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:D="{space}" D:Format="RangeInverse" x:kept="1"/>'
    assert notes_on(tmp_path / "a.jpg", saved(photo, "JPEG", xmp=xmp.encode())) == (losses.DEPTH_MAP,)
    kept = read_photo(tmp_path / "a.jpg", keep_location=True).metadata.xmp
    assert b"RangeInverse" not in kept
    assert b"kept" in kept


@pytest.mark.parametrize(
    ("aux", "depth_images", "said"),
    [
        ({}, [], []),
        ({"urn:com:apple:photo:2020:aux:hdrgainmap": [7]}, [], [losses.GAIN_MAP]),
        ({"urn:mpeg:hevc:2015:auxid:2": [7]}, ["a map"], [losses.DEPTH_MAP]),
        ({f"urn:com:apple:photo:2019:aux:{name}matte": [7] for name in ("portraiteffects", "semanticskin")}, [],
         ["its auxiliary pictures of 2 kinds are left out"]),
    ],
)  # fmt: skip
def test_what_belongs_to_the_picture_of_a_heic_is_said(aux, depth_images, said):
    assert heif.notes_on(SimpleNamespace(info={"aux": aux, "depth_images": depth_images})) == said


def said(name):
    return (f"its further parts are left out: {name}",)


JUMBF = b"JP\0\1\0\0\0\1"
OTHER_JUMBF = box(b"jumb", box(b"jumd", bytes(16) + b"\3other\0"))
KNOTS = bytes(52)


@pytest.mark.parametrize(
    ("marker", "contents", "notes"),
    [
        (0xEB, [JUMBF + OTHER_JUMBF], said("APP11 JP")),
        (0xE1, [b"FLIR\0\1\0\1" + bytes(90), b"FLIR\0\1\1\1" + bytes(90)], said("APP1 FLIR")),
        (0xE3, [bytes(90), bytes(90)], said("APP3")),
        (0xE4, [b"a maker's own"], ()),
        (0xE2, [b"urn:iso:std:iso:ts:21496:-1\0" + bytes(4)], (losses.GAIN_MAP,)),
        (0xED, [b"Photoshop 3.0\0" + resource(1036, KNOTS) + clipping_path(2997)], (losses.PATHS,)),
        (0xED, [b"Photoshop 3.0\0" + resource(1999, KNOTS) + resource(2998, KNOTS)], ()),
    ],
)
def test_segments_of_a_jpeg_that_hold_more_than_metadata_are_said(tmp_path, photo, marker, contents, notes):
    content = saved(photo, "JPEG", extra=b"".join(segment(marker, content) for content in contents))
    assert notes_on(tmp_path / "a.jpg", content) == notes


def test_data_behind_a_jpeg_are_said_and_a_makers_trailer_is_not(tmp_path, jpeg):
    assert notes_on(tmp_path / "a.jpg", jpeg + b"x" * 70_000) == (losses.FURTHER_DATA,)
    assert notes_on(tmp_path / "b.jpg", jpeg + b"SEFH" + bytes(300) + b"SEFT") == ()


@pytest.mark.parametrize(
    ("kind", "notes"),
    [(b"caBX", (losses.CREDENTIALS,)), (b"mkBF", said("mkBF")), (b"iDOT", ()), (b"sBIT", ()), (b"tIME", ())],
)
def test_chunks_of_a_png(tmp_path, photo, kind, notes):
    png = saved(photo, "PNG")
    assert notes_on(tmp_path / "a.png", png[:33] + chunk(kind, bytes(7)) + png[33:]) == notes


@pytest.mark.parametrize(("kind", "notes"), [(b"C2PA", (losses.CREDENTIALS,)), (b"SOND", said("SOND"))])
def test_chunks_of_a_webp(tmp_path, photo, kind, notes):
    webp = saved(photo, "WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0", lossless=True)
    assert notes_on(tmp_path / "a.webp", webp) == ()
    longer = webp[12:] + kind + b"\4\0\0\0abcd"
    assert notes_on(tmp_path / "a.webp", riff(longer)) == notes


@pytest.mark.parametrize("format", ["AVIF", "HEIF"])
@pytest.mark.parametrize(
    ("kind", "content", "notes"),
    [
        (b"jumb", bytes(9), (losses.CREDENTIALS,)),
        (b"mpvd", FILM, (losses.FILM,)),
        (b"free", bytes(9), ()),
        (b"xyzw", bytes(9), said("xyzw")),
        (b"\0\0\0\0", bytes(9), (losses.FURTHER_DATA,)),
    ],
)
def test_boxes_of_heic_and_avif(tmp_path, photo, format, kind, content, notes):
    if format == "HEIF":
        pytest.importorskip("pillow_heif")
    assert notes_on(tmp_path / f"a.{format}", saved(photo, format) + box(kind, content)) == notes


@pytest.mark.parametrize(
    ("tag", "content", "notes"), [(50839, bytes(70_000), said("tag 50839")), (50839, bytes(700), ())]
)
def test_fields_of_a_tiff(tmp_path, tag, content, notes):
    values = np.zeros((5, 7, 3), np.uint8)
    tags = [(tag, 7, len(content), content, True)]
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", metadata=None, extratags=tags)
    assert read_photo(tmp_path / "a.tif").notes == notes


def test_credentials_are_said_in_every_format(tmp_path, photo):
    extension = b"\x21\xff\x0bC2PA_GIF\1\0\0" + bytes([len(manifest_store())]) + manifest_store() + b"\0;"
    notes = notes_on(tmp_path / "a.gif", saved(photo, "GIF")[:-1] + extension)
    assert notes == ("its result is a PNG unless another format is named", losses.CREDENTIALS)


def test_captions_that_imagemagick_moved_into_a_png_stay_and_paths_are_said(tmp_path, photo):
    caption = b"\x1c\2\x78\0\5Hello"
    resources = (clipping_path() + resource(0x0404, caption)).hex()
    text = b"Raw profile type 8bim\0\n8bim\n%8d\n%s\n" % (len(resources) // 2, resources.encode())
    png = saved(photo, "PNG")
    file = tmp_path / "a.png"
    assert notes_on(file, png[:33] + chunk(b"tEXt", text) + png[33:]) == (losses.PATHS,)
    assert read_photo(file).metadata.iptc == caption
