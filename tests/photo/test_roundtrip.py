"""Nothing is lost: photos of every size, depth, mode, profile, orientation and format come out as they went in."""

import io
import itertools
import struct
import time

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from f2a.photo import PhotoError, check_target, open_photo, output_name, read_photo, write_photo
from f2a.photo.codecs import av1, avif, png
from f2a.photo.codecs.png import with_metadata
from f2a.photo.metadata.metadata import Metadata
from f2a.photo.pixels import image_of
from f2a.relight.controls import Controls
from f2a.relight.relighter import relight_file
from tests.support import corpus, profiles
from tests.support.corpus import saved
from tests.support.hostile_metadata import chunk
from tests.support.parts import box, full_box

COLOUR_PROFILES = [b"", profiles.SRGB, profiles.DISPLAY_P3, profiles.ADOBE_RGB, profiles.PROPHOTO]
GREY_PROFILES = [b"", profiles.GREY_22]

TURN = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: a.swapaxes(0, 1)[::-1],
}
"""By orientation: the turn from the stored rows to the upright photo, as the EXIF standard draws it."""


def exif_of(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def stored_png(values, orientation, icc_profile):
    if values.dtype == np.uint16:
        plain = imagecodecs.png_encode(values)
        exif = exif_of(orientation).removeprefix(b"Exif\0\0")
        return with_metadata(plain, Metadata(exif=exif, icc_profile=icc_profile))
    return saved(image_of(values), "PNG", exif=exif_of(orientation), icc_profile=icc_profile or None)


def stored_tiff(values, orientation, icc_profile):
    content = io.BytesIO()
    grey = values.shape[-1] < 3
    tifffile.imwrite(
        content,
        values[..., 0] if values.shape[-1] == 1 else values,
        photometric="minisblack" if grey else "rgb",
        extrasamples=["unassalpha"] if values.shape[-1] in (2, 4) else None,
        planarconfig="contig" if values.shape[-1] > 1 else None,
        compression="zlib",
        predictor=True,
        byteorder=">" if orientation % 2 else "<",
        iccprofile=icc_profile or None,
        extratags=[(0x0112, "H", 1, orientation, True)],
        metadata=None,
    )
    return content.getvalue()


def stored_webp(values, orientation, icc_profile):
    options = {"exif": exif_of(orientation), "icc_profile": icc_profile or None}
    return saved(image_of(values), "WEBP", lossless=True, exact=True, **options)


def decoded(path):
    """The file decoded by libraries other than those that wrote it."""
    if path.suffix == ".tif":
        with tifffile.TiffFile(path) as file:
            values = file.pages.first.asarray(squeeze=False)[0, 0]
    else:
        values = imagecodecs.png_decode(path.read_bytes()) if path.suffix == ".png" else np.asarray(Image.open(path))
    return values if values.ndim == 3 else values[..., None]


def described(path):
    """The profile and orientation in a file."""
    if path.suffix == ".tif":  # Pillow does not open 16-bit grey with alpha
        with tifffile.TiffFile(path) as file:
            tags = file.pages.first.tags
            return tags.valueof(34675, default=b""), tags.valueof(0x0112, default=1)
    with Image.open(path) as file:
        return file.info.get("icc_profile", b""), file.getexif().get(0x0112, 1)


@st.composite
def photos(draw):
    """Draw a suffix, stored values, an orientation and a profile."""
    suffix = draw(st.sampled_from([".png", ".tif", ".webp"]))
    channels = draw(st.sampled_from([3, 4] if suffix == ".webp" else [1, 2, 3, 4]))
    dtype = np.uint8 if suffix == ".webp" else draw(st.sampled_from([np.uint8, np.uint16]))
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    random = np.random.default_rng(draw(st.integers(0, 999)))
    values = random.integers(0, np.iinfo(dtype).max, (height, width, channels), endpoint=True)
    icc_profile = draw(st.sampled_from(GREY_PROFILES if channels < 3 else COLOUR_PROFILES))
    return suffix, values.astype(dtype), draw(st.integers(1, 8)), icc_profile


ENCODE = {".png": stored_png, ".tif": stored_tiff, ".webp": stored_webp}


@pytest.mark.parametrize("orientation", TURN)
def test_every_orientation_of_every_kind_of_pixels(tmp_path, orientation):
    for (suffix, encode), dtype, channels in itertools.product(ENCODE.items(), (np.uint8, np.uint16), (1, 2, 3, 4)):
        if suffix == ".webp" and (dtype == np.uint16 or channels < 3):
            continue
        values = np.arange(5 * 7 * channels).reshape(5, 7, channels).astype(dtype)
        source, target = tmp_path / f"{channels}{suffix}", tmp_path / f"out{suffix}"
        source.write_bytes(encode(values, orientation, b""))
        file = read_photo(source)
        write_photo(file.photo, target, file, overwrite=True)
        assert np.array_equal(decoded(target), TURN[orientation](values)), (suffix, dtype, channels)


def relit(folder, relighter, drawn, controls):
    """Upright values before and after, after checking that size, depth, channels and profile are kept."""
    suffix, values, orientation, icc_profile = drawn
    source = folder / f"a{suffix}"
    source.write_bytes(ENCODE[suffix](values, orientation, icc_profile))
    target = relight_file(relighter, source, folder / f"b{suffix}", controls, overwrite=True)
    upright, result = TURN[orientation](values), decoded(target)
    assert (result.dtype, result.shape) == (values.dtype, upright.shape)
    assert described(target) == (icc_profile, 1)
    return upright, result


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(photos())
def test_strength_zero_gives_back_every_bit(tmp_path, relighter, drawn):
    assert np.array_equal(*relit(tmp_path, relighter, drawn, Controls(strength=0)))


def test_strength_zero_leaves_16_bit_levels_that_are_black_in_8_bits(tmp_path, relighter):
    values = np.array([[[1], [9], [100]]], np.uint16)
    (tmp_path / "a.png").write_bytes(stored_png(values, 1, b""))
    target = relight_file(relighter, tmp_path / "a.png", tmp_path / "b.png", Controls(strength=0))
    assert np.array_equal(decoded(target), values)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(photos())
def test_relit_it_keeps_size_depth_channels_profile_and_alpha(tmp_path, relighter, drawn):
    upright, result = relit(tmp_path, relighter, drawn, Controls())
    channels = upright.shape[-1]
    if channels in (2, 4):
        assert np.array_equal(result[..., -1], upright[..., -1])
    before, after = (values[..., : 1 if channels < 3 else 3].astype(float).mean() for values in (upright, result))
    assert after >= before  # the gain is 1.65


@pytest.mark.parametrize("compression", ["zlib", "lzw", None])
@pytest.mark.parametrize("planarconfig", ["contig", "separate"])
def test_tiffs_of_other_layouts_are_read(tmp_path, compression, planarconfig):
    values = np.random.default_rng(0).integers(0, 65535, (20, 30, 3)).astype(np.uint16)
    stored = values if planarconfig == "contig" else np.moveaxis(values, -1, 0)
    tifffile.imwrite(
        tmp_path / "a.tif", stored, photometric="rgb", planarconfig=planarconfig, compression=compression, tile=(16, 16)
    )
    file = read_photo(tmp_path / "a.tif")
    assert np.array_equal(file.photo.stored, values)
    write_photo(file.photo, tmp_path / "b.tif", file)
    with tifffile.TiffFile(tmp_path / "b.tif") as written:
        assert (
            written.pages.first.compression.name == {"zlib": "ADOBE_DEFLATE", "lzw": "LZW", None: "NONE"}[compression]
        )
        assert np.array_equal(written.asarray(), values)


def test_a_jpeg_keeps_its_tables_and_its_sampling(tmp_path, photo):
    big = photo.resize((64, 48))
    for quality, subsampling in itertools.product((35, 92), (0, 1, 2)):
        big.save(tmp_path / "a.jpg", quality=quality, subsampling=subsampling, progressive=quality == 35)
        file = read_photo(tmp_path / "a.jpg")
        write_photo(file.photo, tmp_path / "b.jpg", file, overwrite=True)
        with Image.open(tmp_path / "a.jpg") as before, Image.open(tmp_path / "b.jpg") as after:
            assert after.quantization == before.quantization
            assert after.layer == before.layer
            assert after.info.get("progressive") == before.info.get("progressive")
    write_photo(file.photo, tmp_path / "b.jpg", file, overwrite=True, quality=50)
    with Image.open(tmp_path / "b.jpg") as after, Image.open(tmp_path / "a.jpg") as before:
        assert after.quantization != before.quantization
        assert after.layer[0][1:3] == (2, 2)


def test_a_heic_of_ten_bits_stays_one(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    levels = np.linspace(0, 65535, 64 * 48).reshape(48, 64, 1).repeat(3, -1).astype(np.uint16)
    pillow_heif.from_bytes("RGB;16", (64, 48), levels.tobytes()).save(tmp_path / "a.heic", quality=-1, chroma=444)
    file = read_photo(tmp_path / "a.heic")
    assert (file.format, file.photo.stored.dtype, file.photo.stored.shape) == ("HEIF", np.uint16, (48, 64, 3))
    assert np.abs(file.photo.stored.astype(int) - levels).max() < 65535 / 1023 * 3
    write_photo(file.photo, tmp_path / "b.heic", file)
    written = pillow_heif.open_heif(tmp_path / "b.heic", convert_hdr_to_8bit=False)
    assert (written.info["bit_depth"], written.size) == (10, (64, 48))


def test_a_heic_is_written_in_a_fraction_of_the_encoders_own_time_at_the_same_quality(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    smooth = Image.effect_noise((40, 30), 60).resize((640, 480), Image.Resampling.BICUBIC).convert("RGB")
    photo = ImageChops.add(smooth, Image.effect_noise((640, 480), 10).convert("RGB"), offset=-128)
    photo.save(tmp_path / "a.png")
    file, start = read_photo(tmp_path / "a.png"), time.process_time()
    write_photo(file.photo, tmp_path / "b.heic", file)
    ours, start = time.process_time() - start, time.process_time()
    pillow_heif.from_pillow(photo).save(tmp_path / "c.heic", quality=90)
    assert ours < (time.process_time() - start) / 2.5
    errors = [
        np.square(np.asarray(open_photo(tmp_path / name)) / 255 - np.asarray(photo) / 255).mean()
        for name in ("b.heic", "c.heic")
    ]
    assert errors[0] < 1.05 * errors[1]


def test_without_its_encoder_a_heic_is_written_as_jpeg_and_says_what_to_install(tmp_path, photo, monkeypatch):
    pytest.importorskip("pillow_heif").from_pillow(photo.resize((64, 48))).save(tmp_path / "a.heic")
    monkeypatch.setattr("f2a.photo.codecs.heif.find_spec", lambda name: None)
    file = read_photo(tmp_path / "a.heic")
    assert output_name(file.path, file.format) == "a_ambient.jpg"
    assert file.notes == (
        "its result is a JPEG unless another format is named; for HEIC files run: pip install pillow-heif",
    )
    with pytest.raises(PhotoError, match=r"b\.heic: .*pip install pillow-heif"):
        check_target(tmp_path / "b.heic", overwrite=False)  # before the photo is relit
    with pytest.raises(PhotoError, match=r"b\.heic: .*pip install pillow-heif"):
        write_photo(file.photo, tmp_path / "b.heic", file)
    assert not (tmp_path / "b.heic").exists()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_transparent_color_of_16_bits_becomes_alpha(tmp_path, channels):
    values = np.arange(5 * 7 * channels, dtype=np.uint16).reshape(5, 7, channels) * 600
    content = png.encode16(values)
    key = chunk(b"tRNS", values[2, 3].astype(">u2").tobytes())
    (tmp_path / "a.png").write_bytes(content[:33] + key + content[33:])
    file = read_photo(tmp_path / "a.png")
    write_photo(file.photo, tmp_path / "b.png", file)
    written = png.decode((tmp_path / "b.png").read_bytes())
    assert file.notes == ()
    assert np.array_equal(written[..., :-1], values)
    assert np.argwhere(written[..., -1] == 0).tolist() == [[2, 3]]
    assert set(np.unique(written[..., -1])) == {0, 65535}


@pytest.mark.parametrize(("quality", "kept"), [(-1, -1), (100, None), (50, None)])
def test_a_heic_is_lossless_if_its_pictures_parameters_say_so(tmp_path, quality, kept):
    pytest.importorskip("pillow_heif").from_pillow(corpus.picture()).save(tmp_path / "a.heic", quality=quality)
    assert read_photo(tmp_path / "a.heic").encoding.get("quality") == kept


@pytest.mark.parametrize(("quality", "kept"), [(100, 100), (99, 98), (50, 90)])
@pytest.mark.parametrize(
    ("size", "options"),
    [
        ((23, 17), {"subsampling": "4:2:0"}),
        ((23, 17), {"subsampling": "4:4:4", "advanced": {"tune-content": "screen"}}),
        ((300, 170), {"autotiling": False, "tile_rows": 1, "tile_cols": 2}),
        ((4200, 70), {"autotiling": False}),
    ],
    ids=str,
)
def test_an_avif_has_the_quality_of_its_colours_and_at_least_90(tmp_path, size, options, quality, kept):
    corpus.picture("RGBA", size).save(tmp_path / "a.avif", quality=quality, speed=10, **options)
    assert read_photo(tmp_path / "a.avif").encoding["quality"] == kept


def test_an_avif_of_lossless_colours_may_have_another_alpha(tmp_path):
    picture = Image.merge("RGBA", [Image.effect_noise((23, 17), 50)] * 4)
    picture.save(tmp_path / "a.avif", quality=50, speed=10, advanced={"color:cq-level": "0"})
    assert read_photo(tmp_path / "a.avif").encoding["quality"] == 100


@pytest.mark.parametrize(
    ("headers", "quantiser"),
    [
        ("12000a093fd96ffe5a021a0da03206647717aa9c8d", 59),
        ("12000a093fd96ffe5a021a0da03206640017aa9c8d", 0),
        ("0a0a200000032dffcdaf9020320610008000dd3a", 0),
        ("0a0a000000032dffcfbf9004320610008100000000", 4),
        ("0a0d200000f996ffe210ad02020250320610020161", 1),
    ],
    ids=["rav1e", "rav1e, lossless", "ffmpeg with libaom, lossless", "ffmpeg with SVT-AV1", "ffmpeg with rav1e"],
)
def test_the_quantiser_stands_in_the_headers_of_every_encoder(headers, quantiser):
    assert av1.quantiser(memoryview(bytes.fromhex(headers))) == quantiser


@pytest.mark.parametrize(("quantisers", "quality"), [((0, 0), 100), ((0, 4), 98)])
def test_an_avif_of_tiles_is_as_good_as_its_worst(quantisers, quality):
    sequence = bytes.fromhex("0a09 38196ffec2021a0d20 3203")
    tiles = b"".join(sequence + struct.pack(">HB", 0x1000 | quantiser << 3, 0) for quantiser in quantisers)
    places = b"".join(struct.pack(">HHHII", number, 0, 1, 8 + 16 * (number - 1), 16) for number in (1, 2))
    meta = (
        full_box(b"pitm", b"\0\3")
        + full_box(b"iref", box(b"dimg", struct.pack(">4H", 3, 2, 1, 2)))
        + full_box(b"iloc", b"\x44\0\0\2" + places)
    )
    assert avif.quality_of(memoryview(box(b"mdat", tiles) + full_box(b"meta", meta))) == quality


def test_alpha_is_kept_to_the_bit_in_an_avif(tmp_path):
    picture = Image.merge("RGBA", [Image.effect_noise((23, 17), 50)] * 4)
    picture.save(tmp_path / "a.png")
    file = read_photo(tmp_path / "a.png")
    write_photo(file.photo, tmp_path / "b.avif", file)
    assert open_photo(tmp_path / "b.avif").getchannel("A").tobytes() == picture.getchannel("A").tobytes()
