"""JPEG 2000 keeps any depth; what only Pillow reads is rounded, with a note."""

import imagecodecs
import numpy as np
import pytest

from f2a.photo import open_photo, read_photo, stated_size, write_photo
from tests.support.exiftool import exiftool


def levels(bits, channels):
    values = np.random.default_rng(0).integers(0, 1 << bits, (16, 20, channels))
    return values.astype(np.uint8 if bits <= 8 else np.uint16)


def jpeg2000(path, values, bits, **options):
    content = values[..., 0] if values.shape[-1] == 1 else values
    path.write_bytes(imagecodecs.jpeg2k_encode(content, level=0, reversible=True, bitspersample=bits, **options))
    return path


@pytest.mark.parametrize("kind", ["jp2", "j2k"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("bits", [1, 4, 7, 8, 9, 10, 12, 16])
def test_every_depth_comes_back_as_it_was(tmp_path, bits, channels, kind):
    values = levels(bits, channels)
    file = read_photo(jpeg2000(tmp_path / f"a.{kind}", values, bits, codecformat=kind))
    assert file.notes == ("its result is a PNG unless another format is named",)
    assert stated_size(tmp_path / f"a.{kind}") == (20, 16)
    write_photo(file.photo, tmp_path / "b.png", file)
    white = 255 if bits <= 8 else 65535
    expected = np.round(values.astype(float) * white / ((1 << bits) - 1)).astype(int)
    assert read_photo(tmp_path / "b.png").photo.rows().tolist() == expected.tolist()


def test_a_kind_that_only_pillow_reads_is_rounded_and_said(tmp_path):
    """The third number states that the colours are luma and chroma."""
    path = jpeg2000(tmp_path / "a.jp2", levels(12, 3), 12, codecformat="jp2")
    content = path.read_bytes()
    srgb, ycc = (b"colr\1\0\0\0\0\0" + bytes([number]) for number in (16, 18))
    assert srgb in content
    path.write_bytes(content.replace(srgb, ycc))
    file = read_photo(path)
    assert file.notes == (
        "its 12 bits a colour were rounded to 8",
        "its result is a PNG unless another format is named",
    )
    assert np.array_equal(file.photo.rows(), np.asarray(open_photo(path)))


@pytest.mark.parametrize("bits", [8, 10])
def test_it_is_turned_as_its_exif_says(tmp_path, bits):
    values = levels(bits, 3)
    path = jpeg2000(tmp_path / "a.jp2", values, bits, codecformat="jp2")
    upright = read_photo(path).photo.rows()
    exiftool("-q", "-overwrite_original", "-EXIF:Orientation#=6", "-EXIF:Artist=Zoe", path)
    file = read_photo(path)
    assert b"Zoe" in file.metadata.exif
    assert file.photo.rows().tolist() == np.rot90(upright, -1).tolist()
