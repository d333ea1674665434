"""Raw files: developed with the camera's white balance into 16 bits, and the message if rawpy is missing."""

import sys

import numpy as np
import pytest
import tifffile
from PIL import Image

from f2a.photo import PhotoError, output_name, read_photo, write_photo

HEIGHT, WIDTH = 48, 64
AS_SHOT_NEUTRAL = (2, 4, 1, 1, 1, 2)
"""Red, green and blue of a white wall as the sensor sees it, as fractions: 1/2, 1, 1/2."""


def dng(path, orientation=1):
    """Write a grey wall in that light, as a 16-bit RGGB sensor sees it: a linear DNG 1.4 with one directory."""
    mosaic = np.full((HEIGHT, WIDTH), 16000, np.uint16)
    mosaic[0::2, 0::2] = mosaic[1::2, 1::2] = 8000
    to_camera = (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1)
    tifffile.imwrite(
        path,
        mosaic,
        photometric="cfa",
        software=False,
        metadata=None,
        extratags=[
            (254, "I", 1, 0, True),
            (271, "s", 0, "Maker", True),
            (272, "s", 0, "Raw 1", True),
            (274, "H", 1, orientation, True),
            (33421, "H", 2, (2, 2), True),
            (33422, "B", 4, bytes((0, 1, 1, 2)), True),
            (50706, "B", 4, bytes((1, 4, 0, 0)), True),
            (50708, "s", 0, "Maker Raw 1", True),
            (50714, "H", 1, 0, True),
            (50717, "I", 1, 65535, True),
            (50721, "2i", 9, to_camera, True),
            (50728, "2I", 3, AS_SHOT_NEUTRAL, True),
            (50778, "H", 1, 21, True),
        ],
    )
    return path


def test_a_raw_photo_is_developed_with_the_cameras_white_balance(tmp_path):
    pytest.importorskip("rawpy")
    file = read_photo(dng(tmp_path / "a.dng"))
    assert (output_name(file.path, file.format), file.photo.stored.dtype) == ("a_ambient.tif", np.uint16)
    assert file.photo.stored.shape == (HEIGHT, WIDTH, 3)
    middle = file.photo.rows()[16:-16, 16:-16].reshape(-1, 3).mean(0)
    assert middle.max() / middle.min() < 1.01  # grey, where the sensor's own red and blue are half the green
    write_photo(file.photo, tmp_path / "a.tif", file)
    with Image.open(tmp_path / "a.tif") as written:
        assert written.getexif()[272] == "Raw 1"
        assert written.tag_v2[258] == (16, 16, 16)


def test_a_raw_photo_comes_out_upright(tmp_path):
    pytest.importorskip("rawpy")
    height, width, _ = read_photo(dng(tmp_path / "a.dng", orientation=6)).photo.shape
    assert height > width


def test_without_rawpy_the_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(PhotoError, match="pip install rawpy"):
        read_photo(dng(tmp_path / "a.dng"))


def test_a_raw_file_that_libraw_does_not_know_is_said_in_one_sentence(tmp_path):
    pytest.importorskip("rawpy")
    (tmp_path / "a.nef").write_bytes(b"II*\0" + bytes(100))
    with pytest.raises(PhotoError, match="is of a kind that is not read"):
        read_photo(tmp_path / "a.nef")


def test_a_raw_file_that_is_cut_short_is_said_as_a_person_would(tmp_path):
    pytest.importorskip("rawpy")
    content = dng(tmp_path / "a.dng").read_bytes()
    (tmp_path / "a.dng").write_bytes(content[:-1000])
    with pytest.raises(PhotoError, match="is damaged or cut short \\(Input/output error\\); copy it again"):
        read_photo(tmp_path / "a.dng")
