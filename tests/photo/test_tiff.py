"""What the numbers of a TIFF mean: every kind keeps its look, or is refused by name."""

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from f2a.photo import PhotoError, chromaticity, read_photo, stated_size, write_photo
from f2a.photo.pixels import to_full_range

COLORS = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint16) * 257
GREY = COLORS[..., :1]
HALF = np.full((5, 7, 1), 128 * 257, np.uint16)


def tiff(path, values, photometric, **options):
    tifffile.imwrite(path, values, photometric=photometric, metadata=None, **options)
    return path


def of_8_bits(colors):
    return (colors // 257).astype(np.uint8)


def premultiplied(colors):
    return (colors * (128 / 255)).round().astype(np.uint16)


def kind(photometric, *samples, extra=(), to=lambda values: values):
    """Arguments for writing a TIFF of 16-bit samples; ``extra`` has tifffile's names of the extra ones."""
    extras = {"extrasamples": list(extra)} if extra else {}
    values = to(np.concatenate(samples, -1))
    return {"values": values[..., 0] if values.shape[-1] == 1 else values, "photometric": photometric, **extras}


PLAIN = {"values": of_8_bits(COLORS), "photometric": "rgb"}
KINDS = {
    "16 bits": ({"values": COLORS, "photometric": "rgb"}, COLORS),
    "planes": ({"values": np.moveaxis(COLORS, -1, 0), "photometric": "rgb", "planarconfig": "separate"}, COLORS),
    "BigTIFF": ({"values": COLORS, "photometric": "rgb", "bigtiff": True}, COLORS),
    "32 bits": ({"values": COLORS.astype(np.uint32) * 65537, "photometric": "rgb"}, COLORS),
    "half floats": ({"values": (COLORS / 65535).astype(np.float16), "photometric": "rgb"}, COLORS),
    "floats": ({"values": (COLORS / 65535).astype(np.float32), "photometric": "rgb"}, COLORS),
    "floats to 255": ({"values": (COLORS / 257).astype(np.float32), "photometric": "rgb"}, COLORS),
    "white is zero": (kind("miniswhite", 65535 - GREY), GREY),
    "white is zero, 8 bits": (kind("miniswhite", 65535 - GREY, to=of_8_bits), GREY),
    "alpha": (kind("rgb", COLORS, HALF, extra=["unassalpha"]), COLORS),
    "premultiplied alpha": (kind("rgb", premultiplied(COLORS), HALF, extra=["assocalpha"]), COLORS),
    "a mask": (kind("rgb", COLORS, HALF, extra=["unspecified"]), COLORS),
    "premultiplied alpha, 8 bits": (
        kind("rgb", premultiplied(COLORS), HALF, extra=["assocalpha"], to=of_8_bits),
        COLORS,
    ),
    "alpha, grey of 8 bits": (kind("minisblack", GREY, HALF, extra=["unassalpha"], to=of_8_bits), GREY),
    "alpha, white is zero": (kind("miniswhite", 65535 - GREY, HALF, extra=["unassalpha"]), GREY),
    "alpha behind a mask": (
        kind("rgb", COLORS, 0 * HALF, HALF, extra=["unspecified", "unassalpha"], to=of_8_bits),
        COLORS,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_read_as_it_looks(tmp_path, kind):
    options, expected = KINDS[kind]
    file = read_photo(tiff(tmp_path / "a.tif", **options))
    rows = file.photo.rows() if file.photo.dtype == np.uint16 else file.photo.rows().astype(int) * 257
    tolerance = {"half floats": 33, "premultiplied alpha, 8 bits": 514}.get(kind, 1)
    assert np.abs(rows.astype(int) - expected).max() <= tolerance
    assert file.photo.has_alpha == ("alpha" in kind)
    assert stated_size(tmp_path / "a.tif") == (7, 5)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("white", [chromaticity.D50, chromaticity.D65, (0.4476, 0.4074)])
def test_lab_counts_from_the_white_that_the_file_states(tmp_path, dtype, white):
    """Lightness 100 without colour is white under any white point, and greys stay grey."""
    levels = np.zeros((5, 7, 3), dtype)
    levels[..., 0] = np.iinfo(dtype).max * np.linspace(0, 1, 35).reshape(5, 7)
    x, y = (round(1_000_000 * value) for value in white)
    tags = [] if white == chromaticity.D50 else [(318, "2I", 2, (x, 1_000_000, y, 1_000_000), True)]
    rows = read_photo(tiff(tmp_path / "a.tif", levels, "cielab", extratags=tags)).photo.rows().astype(int)
    assert rows.max() >= 0.999 * np.iinfo(dtype).max
    assert np.abs(rows - rows.mean(-1, keepdims=True)).max() <= 0.003 * np.iinfo(dtype).max


@pytest.mark.parametrize(
    ("white", "red"), [(chromaticity.D50, (54.29, 80.81, 69.89)), (chromaticity.D65, (53.24, 80.09, 67.20))]
)
def test_lab_under_either_white_is_the_red_that_tables_give(tmp_path, white, red):
    levels = np.round([red[0] / 100 * 65535, red[1] * 256, red[2] * 256]).astype(np.uint16)
    tags = [(318, "2I", 2, tuple(n for value in white for n in (round(10_000 * value), 10_000)), True)]
    path = tiff(tmp_path / "a.tif", np.full((5, 7, 3), levels), "cielab", extratags=tags)
    assert np.abs(read_photo(path).photo.rows() / 257 - (255, 0, 0)).max() < 2.5


def test_a_thumbnail_before_the_photo_is_not_taken_for_it(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for values, kind in ((COLORS[:2, :3], 1), (COLORS, 0), (COLORS[:3, :4], 1)):
            file.write(of_8_bits(values), photometric="rgb", metadata=None, subfiletype=kind)
    file = read_photo(tmp_path / "a.tif")
    assert np.array_equal(file.photo.rows(), of_8_bits(COLORS))
    assert file.notes == ()
    assert stated_size(tmp_path / "a.tif") == (7, 5)


def test_lab_of_16_bits_is_what_littlecms_makes_of_the_colours(tmp_path):
    colors = Image.fromarray((60 + COLORS // 514).astype(np.uint8))  # well inside sRGB, which clips
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    in_lab = ImageCms.profileToProfile(colors, srgb, lab, outputMode="LAB")
    lightness, *opponents = np.moveaxis(np.asarray(in_lab), -1, 0)  # two's complement of eight bits
    opponents = (values.view(np.int8).astype(np.int32) * 256 for values in opponents)
    deep = np.stack([lightness.astype(np.int32) * 257, *opponents], -1)
    file = read_photo(tiff(tmp_path / "a.tif", deep.astype(np.uint16), "cielab"))
    assert np.abs(file.photo.rows() / 257 - np.asarray(colors)).max() <= 2
    assert file.notes == ("LAB colours come back in RGB (sRGB)",)


def test_cmyk_of_16_bits_is_said_to_be_rounded(tmp_path):
    values = np.concatenate([COLORS, HALF], -1)
    file = read_photo(tiff(tmp_path / "a.tif", values, "separated"))
    assert file.notes[0] == "its 16 bits a colour were rounded to 8"


def without_field(path, name):
    """Replace the field ``name`` in the file's first directory by a private one."""
    with tifffile.TiffFile(path) as file:
        tag = file.pages.first.tags[name]
    content = bytearray(path.read_bytes())
    content[tag.offset : tag.offset + 2] = (65000).to_bytes(2, "little")
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("white", [255, 65535])
@pytest.mark.parametrize("bits", [1, 8])
def test_a_palette_may_reach_only_255_whoever_reads_it(tmp_path, bits, white):
    """Pillow reads files of one bit, and those without lengths of strips, but takes any level for one of 65535."""
    palette = [white, 0, *[0] * (2**bits - 2), 0, white, *[0] * (2**bits - 2), white // 3, 0, *[0] * (2**bits - 2)]
    numbers = np.eye(5, 7) > 0
    tags = [(320, "H", len(palette), palette, True)]
    options = {"photometric": "minisblack", "extratags": tags, "byteorder": "<"}
    path = tiff(tmp_path / "a.tif", numbers if bits == 1 else numbers.astype(np.uint8), **options)
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages.first.tags["PhotometricInterpretation"].overwrite(3)
    rows = read_photo(without_field(path, "StripByteCounts")).photo.rows()
    assert np.array_equal(rows, np.where(numbers[..., None], (0, 255, 0), (255, 0, 85)))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_fourth_sample_that_is_not_named_is_left_out_and_said(tmp_path, dtype):
    colors = (np.concatenate([COLORS, HALF], -1) // (257 if dtype == np.uint8 else 1)).astype(dtype)
    path = tiff(tmp_path / "a.tif", colors, "rgb", extrasamples=["unspecified"], byteorder="<")
    file = read_photo(without_field(path, "ExtraSamples"))
    assert np.array_equal(file.photo.rows(), colors[..., :3])
    assert file.notes == ("its 1 further channel is left out",)


def test_a_jpeg_with_alpha_keeps_it(tmp_path):
    colors = np.full((16, 24, 4), (200, 100, 50, 128), np.uint8)
    Image.fromarray(colors).save(tmp_path / "a.tif", compression="jpeg")
    photo = read_photo(tmp_path / "a.tif").photo
    assert photo.has_alpha
    assert np.abs(np.asarray(photo.to_srgb().convert("RGB")).astype(int) - colors[..., :3]).max() <= 3


@pytest.mark.parametrize(("compression", "rows"), [("none", 2), ("none", 5), ("lzw", 5)])
def test_strips_of_unstated_length_are_read_and_a_cut_one_is_damage(tmp_path, compression, rows):
    path = tiff(tmp_path / "a.tif", **PLAIN, compression=compression, rowsperstrip=rows, byteorder="<")
    without_field(path, "StripByteCounts")
    assert np.array_equal(read_photo(path).photo.rows(), of_8_bits(COLORS))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(PhotoError, match="is damaged or cut short"):
        read_photo(path)


def test_samples_of_different_depths_are_of_a_kind_that_is_not_read(tmp_path):
    path = tiff(tmp_path / "a.tif", **PLAIN, byteorder="<")
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages.first.tags["BitsPerSample"].overwrite((5, 6, 5))
    with pytest.raises(PhotoError, match=r"of a kind that is not read \(3 x \(5, 6, 5\) bits"):
        read_photo(path)


def test_bits_that_no_type_has_are_scaled():
    assert to_full_range(np.array([0, 1, 200, 4095], np.uint16), 12).tolist() == [0, 16, 3201, 65535]
    assert to_full_range(np.array([0, 2**32 - 1], np.uint32), 32).tolist() == [0, 65535]


def test_without_compression_there_is_no_predictor(tmp_path):
    file = read_photo(tiff(tmp_path / "a.tif", COLORS, "rgb"))
    write_photo(file.photo, tmp_path / "b.tif", file)
    with tifffile.TiffFile(tmp_path / "b.tif") as written:
        assert 317 not in written.pages.first.tags
        assert np.array_equal(written.asarray(), COLORS)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_bigtiff_keeps_its_descriptions(tmp_path, order):
    tags = [(0x010F, "s", 0, "A camera", True), (0x8298, "s", 0, "Zoe", True)]
    file = read_photo(tiff(tmp_path / "a.tif", COLORS, "rgb", bigtiff=True, byteorder=order, extratags=tags))
    assert file.notes == ()
    write_photo(file.photo, tmp_path / "b.tif", file)
    with Image.open(tmp_path / "b.tif") as written:
        assert (written.tag_v2[0x010F], written.tag_v2[0x8298]) == ("A camera", "Zoe")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_xmp_and_a_profile_of_numbers_that_are_no_bytes_do_not_cost_the_photo(tmp_path, dtype):
    tags = [(700, "H", 2, (300, 301), True), (34675, "H", 2, (300, 301), True)]
    file = read_photo(tiff(tmp_path / "a.tif", COLORS.astype(dtype), "rgb", extratags=tags))
    assert file.photo.shape == (5, 7, 3)
    assert file.metadata.xmp == b""


@pytest.mark.parametrize("bits", [0x7FC00000, 0x7F800001], ids=["quiet", "signalling"])
def test_floats_that_are_no_numbers_are_black_and_print_nothing(tmp_path, recwarn, bits):
    tifffile.imwrite(tmp_path / "a.tif", np.full((5, 7, 3), bits, np.uint32).view(np.float32), photometric="rgb")
    file = read_photo(tmp_path / "a.tif")
    assert not file.photo.rows().any()
    assert file.notes == ("its 32 bits a colour were rounded to 16",)
    assert not [warning for warning in recwarn if warning.category is RuntimeWarning]


def test_light_that_half_floats_hold_as_infinite_is_white_and_changes_nothing_else(tmp_path, recwarn):
    light = np.linspace(0, 1, 105, dtype=np.float16).reshape(5, 7, 3)
    light[2, 3], light[2, 4] = np.inf, -np.inf
    tifffile.imwrite(tmp_path / "a.tif", light, photometric="rgb")
    file = read_photo(tmp_path / "a.tif")
    expected = (light.astype(float).clip(0, 1) * 65535).round()
    assert np.array_equal(file.photo.rows(), expected)
    assert file.notes == ("its light above white is cut off",)
    assert not [warning for warning in recwarn if warning.category is RuntimeWarning]


def test_zeros_for_the_end_of_the_pixels_are_damage(tmp_path):
    """Some Deflate decoders go on with what zeros decode to, and return more pixels than the photo has."""
    colors = np.random.default_rng(0).integers(0, 256, (37, 53, 3)).astype(np.uint8)
    tiff(tmp_path / "a.tif", colors, "rgb", compression="zlib")
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(content[:-3000] + bytes(3000))
    with pytest.raises(PhotoError, match="is damaged or cut short"):
        read_photo(tmp_path / "a.tif")


def test_nothing_but_the_sentence_is_said_of_a_cut_file(tmp_path, capfd):
    tiff(tmp_path / "a.tif", np.zeros((9, 7, 3), np.uint8), "rgb", compression="zlib")
    (tmp_path / "a.tif").write_bytes((tmp_path / "a.tif").read_bytes()[:-9])
    with pytest.raises(PhotoError, match="is damaged or cut short"):
        read_photo(tmp_path / "a.tif")
    assert capfd.readouterr() == ("", "")
