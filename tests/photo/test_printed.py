"""What C libraries print about a file is kept off the screen, and reveals damage for which they raise no error."""

import os
import struct
import tempfile
import zlib

import numpy as np
import pytest
from PIL import Image

from f2a.photo import PhotoError, read_photo
from f2a.photo.codecs import png
from f2a.photo.codecs.printed import printed_by_libraries
from tests.photo.faults.tiffs import damaged_fax
from tests.support.hostile_metadata import chunk


def test_a_damaged_fax_is_refused_in_one_sentence(tmp_path, capfd):
    damaged_fax("group4")(tmp_path / "a.tif")
    with pytest.raises(PhotoError, match="is damaged or cut short \\(Bad code word at line"):
        read_photo(tmp_path / "a.tif")
    assert capfd.readouterr().err == ""


def test_a_field_of_a_type_that_is_unknown_is_no_damage(tmp_path, capfd):
    Image.new("1", (96, 64), 1).save(tmp_path / "a.tif", compression="group4", tiffinfo={65000: 7})
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(content.replace(struct.pack("<HH", 65000, 3), struct.pack("<HH", 65000, 99)))
    assert read_photo(tmp_path / "a.tif").photo.size == (96, 64)
    assert capfd.readouterr().err == ""


def test_without_a_folder_for_temporary_files_all_is_shown(monkeypatch, capfd):
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "tempdir", "/no/such/folder")
        with printed_by_libraries() as said:
            os.write(2, b"ZIPDecode: Decoding error.\n")
    assert (said, capfd.readouterr().err) == ([], "ZIPDecode: Decoding error.\n")


def test_more_pixels_than_a_png_states_cost_nothing(tmp_path, capfd):
    values = np.arange(5 * 7 * 3, dtype=np.uint16).reshape(5, 7, 3) * 600
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in values)
    content = png.encode16(values)[:33] + chunk(b"IDAT", zlib.compress(lines + bytes(5000))) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(content)
    assert np.array_equal(read_photo(tmp_path / "a.png").photo.rows(), values)
    assert capfd.readouterr().err == ""


def test_what_others_print_meanwhile_is_shown(capfd):
    with printed_by_libraries() as said:
        os.write(2, b"mine\nZIPDecode: Decoding error.\n")
    assert (said, capfd.readouterr().err) == (["Decoding error."], "mine\n")


def test_a_fax_may_be_larger_than_pillow_allows(tmp_path, monkeypatch):
    Image.new("1", (96, 64), 1).save(tmp_path / "a.tif", compression="group4")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 96 * 64 // 3)
    assert read_photo(tmp_path / "a.tif").photo.size == (96, 64)
    assert Image.MAX_IMAGE_PIXELS == 96 * 64 // 3
