"""Reading and writing photos: every mode, every orientation, nothing clipped, nothing half-written."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from f2a.photo import Photo, PhotoError, open_photo, output_name, read_photo, stated_size, write_photo
from f2a.photo.codecs import png
from f2a.photo.errors import photo_errors
from tests.support.corpus import saved
from tests.support.hostile_metadata import chunk

ORIENTATION = 0x0112


def test_a_second_turn_is_impossible_because_the_tag_is_gone(tmp_path, photo):
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    photo.save(tmp_path / "a.jpg", exif=exif)
    file = read_photo(tmp_path / "a.jpg")
    write_photo(file.photo, tmp_path / "b.jpg", file)
    with Image.open(tmp_path / "b.jpg") as written:
        assert written.size == (5, 7)
        assert ORIENTATION not in written.getexif()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F"])
def test_every_mode_becomes_pixels_and_comes_back_in_size(photo, mode):
    if mode in ("I;16", "I"):
        source = Image.fromarray((np.arange(35).reshape(5, 7) * 1800).astype(np.uint16 if mode == "I;16" else np.int32))
    elif mode == "F":
        source = Image.fromarray(np.linspace(0, 1, 35, dtype=np.float32).reshape(5, 7))
    else:
        source = photo.convert(mode)
    assert source.mode == mode
    photo = Photo.from_pil(source)
    assert photo.rows().shape[:2] == (5, 7)
    assert photo.to_rgb8().size == (7, 5)
    for again in (photo, photo.blank_copy()):
        assert again.to_pil().size == (7, 5)
        assert again.has_alpha == (mode in ("LA", "RGBA"))


def test_sixteen_bits_are_scaled_not_clipped():
    deep = Image.fromarray(np.array([[0, 257 * 100, 65535]], dtype=np.uint16))
    assert Photo.from_pil(deep).rows()[..., 0].tolist() == [[0, 25700, 65535]]
    assert np.asarray(Photo.from_pil(deep).to_rgb8())[0, :, 0].tolist() == [0, 100, 255]


def test_a_float_photo_with_a_hole_keeps_its_light():
    values = np.array([[0.0, 0.5, 1.0, np.nan]], dtype=np.float32)
    assert Photo.from_pil(Image.fromarray(values)).rows()[0, :, 0].tolist() == [0, 32768, 65535, 0]


def test_transparency_of_a_palette_photo_is_kept(photo):
    palette = photo.convert("P")
    palette.info["transparency"] = palette.getpixel((0, 0))
    alpha = Photo.from_pil(palette).blank_copy().to_pil().getchannel("A")
    assert (alpha.getpixel((0, 0)), alpha.getpixel((6, 4))) == (0, 255)


def test_cmyk_is_read_through_pillow_when_it_has_no_profile(photo):
    assert np.abs(Photo.from_pil(photo.convert("CMYK")).rows().astype(int) - np.asarray(photo)).max() <= 1


@pytest.mark.parametrize(
    ("name", "format", "result"),
    [("a.JPG", "JPEG", "a_ambient.JPG"), ("a.jpeg", "JPEG", "a_ambient.jpeg"), ("a.jpg", "PNG", "a_ambient.png"),
     ("a.b.webp", "WEBP", "a.b_ambient.webp"), ("a.gif", "GIF", "a_ambient.png")],
)  # fmt: skip
def test_the_output_is_named_after_what_the_file_is(tmp_path, photo, name, format, result):
    photo.save(tmp_path / name, format)
    file = read_photo(tmp_path / name)
    assert output_name(file.path, file.format) == result


def truncated(photo):
    return saved(photo.resize((70, 50)), "JPEG")[:600]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [("holiday.jpg", b"just text, called .jpg", "is not a photo"), ("holiday.jpg", b"", "is empty"),
     ("holiday.jpg", None, "no such file"), ("holiday.jpg", truncated, "damaged or cut short"),
     ("holiday.jpg", "folder", "is a folder"), ("holiday.nef", "folder", "is a folder"),
     ("holiday.jpg", "pipe", "is a pipe or a device, not a file"),
     ("holiday.png", b"\x89PNG\n\x1a\n\0\0\0\rIHDR", "damaged or cut short")],
)  # fmt: skip
def test_what_is_no_photo_is_said_in_one_sentence_with_its_name(tmp_path, photo, name, content, said):
    path = tmp_path / name
    if content == "folder":
        path.mkdir()
    elif content == "pipe":
        os.mkfifo(path)
    elif content is not None:
        path.write_bytes(content(photo) if callable(content) else content)
    with pytest.raises(PhotoError, match=said) as caught:
        open_photo(path)
    assert str(caught.value) == f"{path}: {caught.value.reason}"
    assert caught.value.path == path
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "format"), [("a.nef", "JPEG"), ("a.dng", "PNG"), ("a.tif", "WEBP"), ("a", "BMP")])
def test_a_wrong_suffix_does_not_matter(tmp_path, photo, name, format):
    photo.save(tmp_path / name, format)
    assert (read_photo(tmp_path / name).format, stated_size(tmp_path / name)) == (format, (7, 5))


def test_a_kind_that_is_not_read_is_not_called_damaged(tmp_path):
    four_bits = struct.pack("<IiiHHI20x4I", 56, 1, 1, 1, 16, 3, 0xF00, 0xF0, 0xF, 0xF000)
    path = tmp_path / "a.bmp"
    path.write_bytes(struct.pack("<2s8xI", b"BM", 70) + four_bits + bytes(4))
    with pytest.raises(
        PhotoError, match=r"is of a kind that is not read \(Unsupported BMP bitfields layout\); save it"
    ):
        open_photo(path)


def png_of_size(width, height, bits=8, colour_type=2):
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("bits", "colour_type", "width", "most"),
    [(8, 2, 21_334, "213 megapixels;"), (8, 6, 10_667, "106 megapixels for"), (16, 2, 10_667, "106 megapixels for"),
     (16, 6, 8_001, "80 megapixels for")],
    ids=["8 bits", "with transparency", "16 bits", "16 bits with transparency"],
)  # fmt: skip
def test_more_pixels_than_memory_should_hold_are_refused_before_they_are_decoded(
    tmp_path, bits, colour_type, width, most
):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_of_size(width, 10_000, bits, colour_type))
    with pytest.raises(PhotoError, match=f"has {width} x 10000 pixels, more than {most}"):
        open_photo(path)


def test_the_largest_telephones_photo_is_not_too_large(tmp_path):
    path = tmp_path / "phone.png"
    path.write_bytes(png_of_size(16_320, 12_240))  # the pixels are missing
    limit = Image.MAX_IMAGE_PIXELS
    with pytest.raises(PhotoError, match="cut short"):
        open_photo(path)
    assert limit == Image.MAX_IMAGE_PIXELS


def test_broken_exif_does_not_cost_the_photo(tmp_path, photo):
    photo.save(tmp_path / "a.jpg", exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff garbage")
    assert open_photo(tmp_path / "a.jpg").size == (7, 5)


def test_nothing_is_overwritten_unasked_and_nothing_left_half_written(tmp_path, photo, monkeypatch):
    photo.save(tmp_path / "a.png")
    file = read_photo(tmp_path / "a.png")
    with pytest.raises(PhotoError, match="exists already"):
        write_photo(Photo.from_pil(photo), tmp_path / "a.png", file)
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(PhotoError, match="No space left"):
        write_photo(Photo.from_pil(photo), tmp_path / "b.png", file)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_transparency_is_not_flattened_into_a_jpeg_but_an_opaque_layer_is_left_out(tmp_path, photo):
    for name, opacity in (("glass", 128), ("opaque", 255)):
        photo.putalpha(opacity)
        photo.save(tmp_path / f"{name}.png")
    glass, opaque = read_photo(tmp_path / "glass.png"), read_photo(tmp_path / "opaque.png")
    with pytest.raises(PhotoError, match="transparency"):
        write_photo(glass.photo, tmp_path / "glass.jpg", glass)
    write_photo(opaque.photo, tmp_path / "opaque.jpg", opaque)
    assert open_photo(tmp_path / "opaque.jpg").mode == "RGB"


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".bmp", ".avif", ".jpg", ".heic"])
def test_every_format_that_is_promised_is_written_with_the_files_time_of_change(tmp_path, photo, suffix):
    photo.save(tmp_path / "a.png")
    os.utime(tmp_path / "a.png", (1_000_000_000, 1_000_000_000))
    file = read_photo(tmp_path / "a.png")
    write_photo(Photo.from_pil(photo), tmp_path / f"b{suffix}", file)
    assert open_photo(tmp_path / f"b{suffix}").size == (7, 5)
    assert (tmp_path / f"b{suffix}").stat().st_mtime == 1_000_000_000


def test_a_deep_grey_photo_becomes_eight_bits_where_the_format_has_no_more(tmp_path):
    Image.fromarray(np.array([[0, 257 * 100, 65535]], dtype=np.uint16)).save(tmp_path / "a.png")
    file = read_photo(tmp_path / "a.png")
    write_photo(file.photo, tmp_path / "b.bmp", file)
    assert np.asarray(open_photo(tmp_path / "b.bmp")).tolist() == [[0, 100, 255]]


@pytest.mark.parametrize(("suffix", "width", "said"), [
    ("webp", 16_384, "cannot be encoded as WEBP"),
    ("heic", 65_536, r"cannot be encoded as HEIF \(it is limited to 65535 pixels a side\)"),
])  # fmt: skip
def test_a_photo_too_wide_for_a_format_is_said(tmp_path, suffix, width, said):
    if suffix == "heic":
        pytest.importorskip("pillow_heif")
    Image.new("L", (width, 1)).save(tmp_path / "a.png")
    file = read_photo(tmp_path / "a.png")
    with pytest.raises(PhotoError, match=said):
        write_photo(file.photo, tmp_path / f"b.{suffix}", file)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("white", [1023, 65535])
def test_a_deep_ppm_keeps_its_levels(tmp_path, white):
    values = (np.arange(5 * 7 * 3).reshape(5, 7, 3) * (white // 105)).astype(">u2")
    (tmp_path / "a.ppm").write_bytes(b"P6 # raw developer\n7 5\n%d\n" % white + values.tobytes())
    file = read_photo(tmp_path / "a.ppm")
    assert file.photo.rows().tolist() == np.round(values / white * 65535).astype(int).tolist()
    (tmp_path / "a.ppm").write_bytes((tmp_path / "a.ppm").read_bytes()[:-1])
    with pytest.raises(PhotoError, match="cut short"):
        read_photo(tmp_path / "a.ppm")


def test_no_library_logs_warnings_on_a_png(tmp_path, caplog):
    """libpng does, and its warnings would appear on the terminal."""
    content = png.encode16(np.zeros((3, 4, 3), np.uint16))
    wrong = chunk(b"sRGB", b"\x09") + chunk(b"iCCP", b"ICC\0\0damaged") + chunk(b"tIME", bytes(7))
    (tmp_path / "a.png").write_bytes(content[:33] + wrong + content[33:])
    assert read_photo(tmp_path / "a.png").photo.dtype == np.uint16
    assert not caplog.records


def test_an_error_of_python_does_not_make_a_damaged_file_one_of_an_unknown_kind():
    with pytest.raises(PhotoError, match="is damaged or cut short"), photo_errors(Path("a.tif")):
        raise TypeError("'<' not supported between instances of 'tuple' and 'int'")
