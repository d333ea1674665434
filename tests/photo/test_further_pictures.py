"""What a file holds beside the photo and is not kept is said: further pictures, depth and gain maps, films, layers."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
from PIL import Image

from f2a.photo import read_photo
from f2a.photo.codecs import heif, pillow

FILM = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(64)
SAMSUNG = b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data" + FILM + b"SEFH" + bytes(16) + b"SEFT"


@pytest.fixture
def jpeg(photo):
    content = io.BytesIO()
    photo.save(content, "JPEG")
    return content.getvalue()


def notes_on(path, content):
    path.write_bytes(content)
    return read_photo(path).notes


@pytest.mark.parametrize("film", [FILM, SAMSUNG, bytes(4096) + FILM])
def test_a_film_behind_a_jpeg_is_said(tmp_path, jpeg, film):
    assert notes_on(tmp_path / "a.jpg", jpeg + film) == (pillow.FILM,)


def test_a_film_is_said_once(tmp_path, photo):
    space = 'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/"'
    content = io.BytesIO()
    photo.save(content, "JPEG", xmp=f'<x:xmpmeta xmlns:x="adobe:ns:meta/" {space} GCamera:MotionPhoto="1"/>'.encode())
    assert notes_on(tmp_path / "a.jpg", content.getvalue() + FILM) == (pillow.FILM,)


def test_a_picture_behind_a_jpeg_is_said_and_a_thumbnail_is_none(tmp_path, photo, jpeg):
    assert notes_on(tmp_path / "a.jpg", jpeg + jpeg) == ("holds further pictures, which are left out",)
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    content = io.BytesIO()
    photo.save(content, "JPEG", exif=exif.tobytes() + jpeg, progressive=True)
    assert notes_on(tmp_path / "a.jpg", content.getvalue() + bytes(64)) == ()


@pytest.mark.parametrize(
    "space", ["http://ns.google.com/photos/1.0/depthmap/", "http://ns.google.com/photos/dd/1.0/device/"]
)
def test_a_depth_map_is_said_and_what_describes_it_is_taken_out(tmp_path, photo, space):
    content = io.BytesIO()
    xmp = f'<x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:D="{space}" D:Format="RangeInverse" x:kept="1"/>'
    photo.save(content, "JPEG", xmp=xmp.encode())
    assert notes_on(tmp_path / "a.jpg", content.getvalue()) == (pillow.DEPTH_MAP,)
    kept = read_photo(tmp_path / "a.jpg", keep_location=True).metadata.xmp
    assert b"RangeInverse" not in kept
    assert b"kept" in kept


def test_further_pictures_of_a_heic_are_counted(tmp_path, photo):
    library = pytest.importorskip("pillow_heif")
    file = library.from_pillow(photo.resize((64, 48)))
    file.add_from_pillow(photo.resize((32, 24)))
    file.save(tmp_path / "a.heic")
    assert read_photo(tmp_path / "a.heic").notes == ("holds 2 pictures; the main one is relit",)


@pytest.mark.parametrize(
    ("aux", "depth_images", "said"),
    [
        ({}, [], []),
        ({"urn:com:apple:photo:2020:aux:hdrgainmap": [7]}, [], [pillow.GAIN_MAP]),
        ({"urn:mpeg:hevc:2015:auxid:2": [7]}, ["a map"], [pillow.DEPTH_MAP]),
        ({f"urn:com:apple:photo:2019:aux:{name}matte": [7] for name in ("portraiteffects", "semanticskin")}, [],
         ["its auxiliary pictures of 2 kinds are left out"]),
    ],
)  # fmt: skip
def test_what_belongs_to_the_picture_of_a_heic_is_said(aux, depth_images, said):
    assert heif._notes_on(SimpleNamespace(info={"aux": aux, "depth_images": depth_images})) == said


def test_layers_of_a_tiff_are_said(tmp_path):
    values = np.zeros((5, 7, 3), np.uint8)
    tags = [(37724, "B", 8, b"Adobe Ph", True)]
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", metadata=None, extratags=tags)
    assert read_photo(tmp_path / "a.tif").notes == ("its layers are left out",)
