"""Kind 7: what a file contains besides the photo is kept, or a note says that it is not."""

import struct
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from PIL.ExifTags import Base

from f2a.photo.codecs import png, tiff
from f2a.photo.metadata.iptc import photoshop_resource
from f2a.photo.metadata.metadata import Metadata
from f2a.photo.metadata.xmp_extension import xmp_segments
from f2a.relight.controls import Controls
from f2a.relight.relighter import relight_file
from tests.photo.faults import tiffs
from tests.photo.faults.case import AS_IT_WAS, BY_HAND, GREY, PICTURE, Bench, Case, given, relit, run
from tests.support import corpus, parts
from tests.support.exiftool import exiftool
from tests.support.hostile_metadata import chunk
from tests.support.parts import segment

FILM, GAIN_MAP = "its film is left out", "its HDR gain map is left out: the result is the standard picture"
CREDENTIALS = "its content credentials (C2PA) are left out: they vouch for the picture as it was"
COPYRIGHT = "its mark as protected by copyright, or the address given with it, is left out"
PATHS, FURTHER = "its clipping paths are left out", "its further parts are left out"
STORE = bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + parts.manifest_store()
JUMBF = b"JP\0\1\0\0\0\1" + parts.manifest_store()
TOO_LONG = "its captions are too long for a JPEG and left out"
DAMAGED_PROFILE = "its colour profile is damaged and was ignored"
EIGHT_BITS = "AVIF is written with 8 bits a colour, so 10 were rounded"
PNG_NOTE = "its result is a PNG unless another format is named"
DATA_BEHIND = "has further data after the picture, which are left out"
PICTURES = "holds 2 pictures; the first is relit"
MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(64)
SAMSUNG = b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data" + MP4 + b"SEFH" + bytes(16) + b"SEFT"


def image() -> Image.Image:
    return Image.fromarray(PICTURE)


def jpeg(**options: object) -> bytes:
    return corpus.saved(image(), "JPEG", quality=95, **options)


def packet(properties: str, namespaces: str = "") -> bytes:
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    return f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{rdf}"><rdf:Description rdf:about=""
{namespaces} {properties}/></rdf:RDF></x:xmpmeta>""".encode()


CAMERA = 'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/"'
DEPTH = 'xmlns:GDepth="http://ns.google.com/photos/1.0/depthmap/"'
IMAGE = 'xmlns:GImage="http://ns.google.com/photos/1.0/image/"'
AUDIO = 'xmlns:GAudio="http://ns.google.com/photos/1.0/audio/"'
GAIN = 'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"'
LABEL = 'xmlns:xmp="http://ns.adobe.com/xap/1.0/"'


def written(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content) and None


def several(**options: object) -> Callable[[Path], None]:
    further = Image.fromarray(255 - PICTURE)
    return lambda path: image().save(path, save_all=True, append_images=[further], **options)


def several_in_heic(path: Path) -> None:
    file = pytest.importorskip("pillow_heif").from_pillow(image())
    file.add_from_pillow(image().resize((48, 32)))
    file.save(path, quality=95)


DEEP = png.encode16(PICTURE.astype(np.uint16) * 257)
GAMMA, TEXT = (b"gAMA", b"\0\0\xb1\x8f"), (b"tEXt", b"Title\0A")
LEFT_OUT = "its chunk {} is damaged and was left out"
CHECKSUM = "one of its checksums is wrong, but its pixels can be read"


def fields(*tags: tuple[int, bytes]) -> Callable[[Path], None]:
    extra = [(tag, 7, len(content), content, True) for tag, content in tags]
    return lambda path: tifffile.imwrite(path, PICTURE, photometric="rgb", metadata=None, extratags=extra) and None


def saved(format: str) -> bytes:
    return corpus.saved(image(), format, quality=95)


def gif_with(application: bytes, content: bytes) -> bytes:
    gif = saved("GIF")
    end = 13 + 3 * (2 << (gif[10] & 7))
    return gif[:end] + b"!\xff\x0b" + application + content + b"\0" + gif[end:]


def with_chunk(png: bytes, kind: bytes, content: bytes) -> bytes:
    return png[:33] + chunk(kind, content) + png[33:]


def in_png(kind: bytes, content: bytes) -> Callable[[Path], None]:
    return written(with_chunk(saved("PNG"), kind, content))


def in_heic(kind: bytes, content: bytes) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        pytest.importorskip("pillow_heif").from_pillow(image()).save(path, quality=95)
        path.write_bytes(path.read_bytes() + parts.box(kind, content))

    return make


def with_wrong_checksum(content: bytes, kind: bytes) -> Callable[[Path], None]:
    """The PNG with a wrong checksum in the chunk of this kind."""
    at = content.index(kind)
    end = at + 4 + int.from_bytes(content[at - 4 : at], "big")
    return written(content[:end] + bytes(4) + content[end + 4 :])


def plain_ppm(path: Path) -> None:
    samples = b" ".join(b"%d" % value for value in PICTURE.astype(int).ravel() * 257)
    path.write_bytes(b"P3 # of 16 bits\n96 64 65535\n" + samples)


def with_areas(name: bytes) -> bytes:
    """A TGA 2.0 with an extension area, which contains an author, among other things."""
    content = corpus.saved(image(), "TGA", id_section=name)[:-26]
    return content + bytes(495) + struct.pack("<II", len(content), 0) + b"TRUEVISION-XFILE.\0"


def comment(content: bytes, bench: Bench, path: Path) -> str:
    path.write_bytes(content)
    target = relight_file(bench.relighter, path, path.with_name("out.png"))
    return "kept" if exiftool("-s3", "-Comment", target).strip() == "A party" else "lost"


def long_captions(path: Path) -> None:
    caption = struct.pack(">BBBH", 0x1C, 2, 120, 30_000) + b"A" * 30_000
    path.write_bytes(tiff.encode(PICTURE, Metadata(iptc=3 * caption)))


def result(make: Callable[[Path], None], bench: Bench, path: Path) -> str:
    make(path)
    return relit(bench, path)


def written_as(suffix: str, make: Callable[[Path], None], bench: Bench, path: Path) -> str:
    """The notes on writing the photo in another format."""
    make(path)
    notes: list[str] = []
    relight_file(bench.relighter, path, path.with_name(f"out{suffix}"), report=notes.append)
    return "; ".join(note.removeprefix(f"{path}: ") for note in notes)


def extended(bench: Bench, path: Path) -> str:
    path.write_bytes(jpeg(extra=xmp_segments(packet(f'xmp:Label="{"L" * 100_000}" xmp:Rating="4"', LABEL))))
    target = relight_file(bench.relighter, path, path.with_name("out.jpg"))
    return "kept" if exiftool("-b", "-XMP-xmp:Label", target).strip() == "L" * 100_000 else "lost"


def transparent_color(channels: int, bench: Bench, path: Path) -> str:
    values = PICTURE.astype(np.uint16)[..., :channels] * 257
    content, key = png.encode16(values), chunk(b"tRNS", values[2, 3].astype(">u2").tobytes())
    path.write_bytes(content[:33] + key + content[33:])
    target = relight_file(bench.relighter, path, path.with_name("out.png"))
    alpha = png.decode(target.read_bytes())[..., -1]
    return "kept" if np.array_equal(alpha == 0, (values == values[2, 3]).all(-1)) else "lost"


def transparent_level(bits: int, bench: Bench, path: Path) -> str:
    """The result for a grey PNG of fewer than eight bits, of which eight pixels take ``bits`` bytes."""
    levels = (GREY[..., 0] >> (8 - bits))[..., None] >> np.arange(bits)[::-1] & 1
    lines = np.packbits(levels.astype(np.uint8), axis=None).reshape(64, 12 * bits)
    header = struct.pack(">IIBBBBB", 96, 64, bits, 0, 0, 0, 0)
    chunks = {
        b"IHDR": header,
        b"tRNS": b"\0\1",
        b"IDAT": zlib.compress(np.insert(lines, 0, 0, 1).tobytes()),
        b"IEND": b"",
    }
    path.write_bytes(png.SIGNATURE + b"".join(chunk(*item) for item in chunks.items()))
    alpha = png.decode(relight_file(bench.relighter, path, path.with_name("out.png")).read_bytes())[..., -1]
    return "kept" if np.array_equal(alpha == 0, GREY[..., 0] >> (8 - bits) == 1) else "lost"


def exif_in_text(bench: Bench, path: Path) -> str:
    """The result for a PNG with EXIF as ImageMagick once wrote it: a JPEG's APP1."""
    exif = Image.Exif()
    exif[Base.Make], exif[Base.Orientation] = "Camera", 6
    content = exif.tobytes()
    text = f"\nexif\n{len(content):8}\n{content.hex()}\n".encode()
    in_png(b"zTXt", b"Raw profile type APP1\0\0" + zlib.compress(text))(path)
    target = relight_file(bench.relighter, path, path.with_name("out.png"))
    kept = Image.open(target).size == (64, 96) and exiftool("-s3", "-Make", target).strip() == "Camera"
    return "kept" if kept else "lost"


def captions(content: bytes, bench: Bench, path: Path) -> str:
    """The result for Photoshop's resources in a TIFF or in a JPEG's segments, including the title ``"T" * 1000``."""
    if path.suffix == ".tif":
        fields((34377, content))(path)
    else:
        halves = content[:1000], content[1000:]
        path.write_bytes(jpeg(extra=b"".join(segment(0xED, b"Photoshop 3.0\0" + half) for half in halves)))
    target = relight_file(bench.relighter, path, path.with_name(f"out{path.suffix}"))
    return "kept" if exiftool("-s3", "-IPTC:ObjectName", target).strip() == TITLE else "lost"


def cropped(depth: int, bench: Bench, path: Path) -> str:
    """The result for a clean aperture, which crops the picture although all of it stays in the file."""
    image().save(path.with_suffix(".png"))
    run("avifenc", "--crop", "10,8,40,30", "-d", depth, "--min", 0, "--max", 5, path.with_suffix(".png"), path)
    return relit(bench, path, PICTURE[8:38, 10:50])


def of_another_brand(path: Path) -> None:
    pytest.importorskip("pillow_heif").from_pillow(image()).save(path, quality=95)
    path.write_bytes(path.read_bytes().replace(b"ftypheic", b"ftypMiHE"))


def blank_alpha(bench: Bench, path: Path) -> str:
    """The result for pixels of four bytes, the fourth of which is always 0."""
    pixels = np.dstack([PICTURE[::-1, :, ::-1], 0 * GREY]).tobytes()
    if path.suffix == ".tga":
        path.write_bytes(struct.pack("<2xB9x2H2B", 2, 96, 64, 32, 0) + pixels)
    else:
        masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
        header = struct.pack("<IiiHHI20x", 124, 96, 64, 1, 32, 3) + masks
        path.write_bytes(struct.pack("<2s8xI", b"BM", 138) + header.ljust(124, b"\0") + pixels)
    target = relight_file(bench.relighter, path, path.with_name("out.png"), Controls(strength=0))
    shown = Image.open(target)
    return AS_IT_WAS if shown.mode == "RGB" and np.array_equal(shown, PICTURE) else "is transparent"


def stretched(make: Callable[[Path], None], suffix: str, bench: Bench, path: Path) -> str:
    """The result for pixels that are twice as high as wide."""
    make(path)
    notes: list[str] = []
    target = relight_file(bench.relighter, path, path.with_name(f"out{suffix}"), report=notes.append)
    tags = [
        "-XResolution",
        "-YResolution",
        "-PixelsPerUnitX",
        "-PixelsPerUnitY",
        "-PixelsPerMeterX",
        "-PixelsPerMeterY",
    ]
    width, height = exiftool("-s3", "-PixelAspectRatio", target).split() or [1, 1]
    across, down = exiftool("-s3", *tags, target).split() or [height, width]
    return "kept" if float(across) == pytest.approx(2 * float(down), rel=1e-3) else f"lost; {notes}"


def as_avif(*options: object) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        image().save(path.with_suffix(".png"))
        run("avifenc", *options, path.with_suffix(".png"), path)

    return make


def as_heic(**options: object) -> Callable[[Path], None]:
    return lambda path: pytest.importorskip("pillow_heif").from_pillow(image()).save(path, **options) and None


def sampled(make: Callable[[Path], None], bench: Bench, path: Path) -> str:
    """The chroma sampling of the result."""
    make(path)
    target = relight_file(bench.relighter, path, path.with_name(f"out{path.suffix}"), Controls(strength=0))
    return f"is of {pytest.importorskip('pillow_heif').open_heif(target).info['chroma']}"


def premultiplied(bench: Bench, path: Path) -> str:
    values = np.dstack([PICTURE // 2, np.full_like(GREY, 128)])
    pytest.importorskip("pillow_heif").from_bytes("RGBa", (96, 64), values.tobytes()).save(path, quality=100)
    return relit(bench, path)


def in_12_bits(path: Path) -> None:
    library = pytest.importorskip("pillow_heif")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library.options, "SAVE_HDR_TO_12_BIT", True)
        values = PICTURE.astype(np.uint16) * 257
        library.from_bytes("RGB;16", (96, 64), values.tobytes()).save(path, quality=100)


def lossless(chroma: int, matrix: int, bench: Bench, path: Path) -> str:
    as_heic(quality=-1, chroma=chroma, matrix_coefficients=matrix)(path)
    target = relight_file(bench.relighter, path, path.with_name("out.heic"), Controls(strength=0))
    library = pytest.importorskip("pillow_heif")
    before, after = (np.asarray(library.open_heif(file)).astype(int) for file in (path, target))
    return "kept" if np.abs(before - after).max() <= (1 if matrix else 0) else "lost"


def given_heic(bench: Bench, path: Path) -> str:
    path.write_bytes(given("23-iphone-heic-grid/iphone.heic").read_bytes())
    return relit(bench, path, None)


PPM, PGM, GIF = saved("PPM"), corpus.saved(image().convert("L"), "PPM"), saved("GIF")
PLAIN = {
    suffix: tiffs.by_magick(*options, "-compress", "None")
    for suffix, options in {".pgm": ("-colorspace", "Gray"), ".pbm": ("-monochrome",)}.items()
}
"""Plain PGM and PBM files, whose samples are text, by suffix."""
TEN_BIT_PGM = b"P5 96 64 1023\n" + (GREY.astype(">u2") * 4).tobytes()
FURTHER_TEXT = b"further text"
BEHIND = {
    ".jpg": (jpeg(), ""), ".png": (saved("PNG"), ""), ".bmp": (saved("BMP"), ""),
    ".webp": (corpus.saved(image(), "WEBP", lossless=True), ""), ".avif": (saved("AVIF"), ""),
    ".gif": (GIF, PNG_NOTE), ".ppm": (PPM, PNG_NOTE), ".jp2": (saved("JPEG2000"), PNG_NOTE)
}  # fmt: skip
"""By suffix: pictures, and the notes on them alone."""

MPO = {"format": "MPO", "quality": 95}
NOTED = {
    "google_film.jpg": (BY_HAND, written(jpeg(xmp=packet('GCamera:MotionPhoto="1"', CAMERA)) + MP4), FILM),
    "older_google_film.jpg": (BY_HAND, written(jpeg(xmp=packet('GCamera:MicroVideo="1"', CAMERA)) + MP4), FILM),
    "samsung_film.jpg": (BY_HAND, written(jpeg() + SAMSUNG), FILM),
    "film_behind.jpg": (BY_HAND, written(jpeg() + MP4), FILM),
    "picture_behind.jpg": (BY_HAND, written(jpeg() + jpeg()), "holds further pictures, which are left out"),
    "gain_map.jpg": (BY_HAND, written(jpeg(xmp=packet('hdrgm:Version="1.0"', GAIN)) + jpeg()), GAIN_MAP),
    "depth_map.jpg": (
        BY_HAND, written(jpeg(xmp=packet('GDepth:Format="RangeInverse"', DEPTH))), "its depth map is left out"
    ),
    "picture_in_xmp.jpg": (
        BY_HAND,
        written(jpeg(xmp=packet('GImage:Data="aGVsbG8="', IMAGE))),
        "holds further pictures, which are left out",
    ),
    "sound_in_xmp.jpg": (
        BY_HAND,
        written(jpeg(xmp=packet('GAudio:Data="aGVsbG8="', AUDIO))),
        "its sound is left out",
    ),
    "stereo.mpo": ("Pillow", several(**MPO), PICTURES),
    "burst.heic": ("libheif", several_in_heic, "holds 2 pictures; the main one is relit"),
    "moving.png": ("Pillow", several(), PICTURES),
    "fractal.gif": (BY_HAND, written(gif_with(b"fractint001", b"\1x")), f"{FURTHER}: fractint001; {PNG_NOTE}"),
    "moving.gif": ("Pillow", several(loop=0), f"{PICTURES}; {PNG_NOTE}"),
    "moving.webp": ("Pillow", several(lossless=True), PICTURES),
    "moving.avif": ("Pillow", several(quality=95), PICTURES),
    "layers.tif": ("tifffile", fields((37724, b"Adobe Ph")), "its layers are left out"),
    "gain_map.avif": (BY_HAND, written(parts.with_gain_map(saved("AVIF"))), GAIN_MAP),
    "gain_map_of_iso.jpg": (
        BY_HAND,
        written(jpeg(extra=segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0")) + jpeg()),
        GAIN_MAP,
    ),
    "credentials.jpg": (BY_HAND, written(jpeg(extra=segment(0xEB, JUMBF))), CREDENTIALS),
    "credentials.png": (BY_HAND, in_png(b"caBX", parts.manifest_store()), CREDENTIALS),
    "credentials.avif": (BY_HAND, written(saved("AVIF") + parts.box(b"uuid", STORE)), CREDENTIALS),
    "credentials.heic": ("libheif, by hand", in_heic(b"uuid", STORE), CREDENTIALS),
    "credentials.tif": ("tifffile", fields((52545, parts.manifest_store())), CREDENTIALS),
    "paths.jpg": (BY_HAND, written(jpeg(extra=segment(0xED, b"Photoshop 3.0\0" + parts.clipping_path()))), PATHS),
    "copyright.jpg": (
        BY_HAND, written(jpeg(extra=segment(0xED, b"Photoshop 3.0\0" + parts.resource(0x040A, b"\1")))), COPYRIGHT
    ),
    "paths.tif": ("tifffile", fields((34377, parts.clipping_path(2997))), PATHS),
    "film.heic": ("libheif, by hand", in_heic(b"mpvd", MP4), FILM),
    "thermal.jpg": (
        BY_HAND, written(jpeg(extra=2 * segment(0xE1, b"FLIR\0\1" + bytes(60_000)))), f"{FURTHER}: APP1 FLIR"
    ),
    "profile_without_its_end.jpg": (
        BY_HAND, written(jpeg(extra=segment(0xE2, b"ICC_PROFILE\0\1\2" + bytes(500)))), DAMAGED_PROFILE
    ),
    "damaged_profile.png": (BY_HAND, in_png(b"iCCP", b"ICC\0\0damaged"), DAMAGED_PROFILE),
    "wrong_checksum_of_pixels.png": (BY_HAND, with_wrong_checksum(saved("PNG"), b"IDAT"), CHECKSUM),
    "wrong_checksum_of_pixels_16.png": ("by hand", with_wrong_checksum(DEEP, b"IDAT"), CHECKSUM),
    "wrong_checksum_of_gamma.png": (
        BY_HAND, with_wrong_checksum(with_chunk(saved("PNG"), *GAMMA), b"gAMA"), LEFT_OUT.format("gAMA")
    ),
    "wrong_checksum_of_text_16.png": (
        "by hand", with_wrong_checksum(with_chunk(DEEP, *TEXT), b"tEXt"), LEFT_OUT.format("tEXt")
    ),
    "no_end.png": (BY_HAND, written(saved("PNG")[:-12]), "its end marker is missing"),
    **{
        f"text_behind{suffix}": (BY_HAND, written(content + FURTHER_TEXT), "; ".join(filter(None, [DATA_BEHIND, note])))
        for suffix, (content, note) in BEHIND.items()
    },
    **{
        f"sampled_{sampling}_{depth}.avif": (
            "avifenc", as_avif("-y", sampling, "-d", depth, "--min", 0, "--max", 3),
            EIGHT_BITS.replace("10", str(depth))
        )
        for sampling in (444, 422, 420) for depth in (10, 12)
    },
    "two_pictures.ppm": (BY_HAND, written(PPM + PPM), f"{DATA_BEHIND}; {PNG_NOTE}"),
    "film_behind.png": (BY_HAND, written(saved("PNG") + MP4), FILM),
    "areas.tga": (BY_HAND, written(with_areas(b"A party")), f"{FURTHER}: areas of a TGA; {PNG_NOTE}"),
    "fractal_and_number_of_repeats.gif": (
        BY_HAND, written(gif_with(b"fractint001", b"\1x\0!\xff\x0bNETSCAPE2.0\3\1\0\0")),
        f"{FURTHER}: fractint001; {PNG_NOTE}"
    ),
    "fireworks.png": (BY_HAND, in_png(b"mkBF", bytes(72)), f"{FURTHER}: mkBF"),
}  # fmt: skip

JFIF = b"JFIF\0\1\1\0\0"
STRETCHED = {
    ".jpg": (BY_HAND, written(jpeg().replace(JFIF + b"\1\0\1", JFIF + b"\2\0\1"))),
    ".png": (BY_HAND, in_png(b"pHYs", struct.pack(">IIB", 2, 1, 0))),
    ".tif": (
        "tifffile",
        lambda path: tifffile.imwrite(path, PICTURE, photometric="rgb", resolution=(2, 1), resolutionunit=1),
    ),
}
"""By suffix: files that state the shape of a pixel but not its size."""
STRETCHED_WEBP = "WEBP has no room for pixels that are not square, which the photo had"

SAMPLED = {
    "sampled_444.avif": ("avifenc", as_avif("-y", "444")),
    "sampled_422.avif": ("avifenc", as_avif("-y", "422")),
    "sampled_420.avif": ("avifenc", as_avif("-y", "420")),
    "sampled_444.heic": ("libheif", as_heic(chroma=444)),
    "sampled_422.heic": ("libheif", as_heic(chroma=422)),
}
TEN_BITS = "HEIF is written with 10 bits a colour, so {} were rounded"
SLIGHT = "AVIF is written with a slight loss (quality 100); the photo's own file is lossless"
WITHOUT_LOSS = ("--min", 0, "--max", 0)

TITLE = "T" * 1000
TITLED = photoshop_resource(struct.pack(">BBBH", 0x1C, 2, 5, 1000) + TITLE.encode())
UNTITLED = photoshop_resource(struct.pack(">BBBH", 0x1C, 2, 120, 5) + b"Party")
LONG_TITLED = photoshop_resource(struct.pack(">BBBHI", 0x1C, 2, 5, 0x8004, 1000) + TITLE.encode())
COMMENTS = [b"A party", b"in the garden"]


def comments(bench: Bench, path: Path) -> str:
    path.write_bytes(jpeg(extra=b"".join(segment(0xFE, text) for text in COMMENTS)))
    with Image.open(relight_file(bench.relighter, path, path.with_name("relit.jpg"))) as written:
        return "kept" if [text for name, text in written.applist if name == "COM"] == COMMENTS else "lost"


CASES = [
    *(
        Case(7, name, maker, f"{AS_IT_WAS}; {note}", partial(result, make))
        for name, (maker, make, note) in NOTED.items()
    ),
    Case(7, "extended_xmp.jpg", BY_HAND, "kept", extended),
    Case(7, "two_comments.jpg", BY_HAND, "kept", comments),
    Case(7, "comment.ppm", "by hand", "kept", partial(comment, PPM.replace(b"P6", b"P6\n# A party"))),
    Case(7, "comment.pgm", "by hand", "kept", partial(comment, PGM.replace(b"P5", b"P5 #A party"))),
    Case(7, "comment.gif", "Pillow", "kept", partial(comment, corpus.saved(image(), "GIF", comment=b"A party"))),
    *(
        Case(
            7, f"plain{suffix}", "ImageMagick", f"{AS_IT_WAS}; {PNG_NOTE}", partial(tiffs.result, make, "ImageMagick's")
        )
        for suffix, make in PLAIN.items()
    ),
    Case(7, "name.tga", "Pillow", "kept", partial(comment, corpus.saved(image(), "TGA", id_section=b"A party"))),
    Case(7, "transparent_grey_16.png", "by hand", "kept", partial(transparent_color, 1)),
    Case(7, "transparent_color_16.png", "by hand", "kept", partial(transparent_color, 3)),
    *(
        Case(7, f"transparent_grey_{bits}.png", "by hand", "kept", partial(transparent_level, bits))
        for bits in (1, 2, 4)
    ),
    Case(7, "blank_alpha.bmp", "by hand", AS_IT_WAS, blank_alpha),
    Case(7, "blank_alpha.tga", "by hand", AS_IT_WAS, blank_alpha),
    Case(7, "cropped.avif", "avifenc", AS_IT_WAS, partial(cropped, 8)),
    Case(7, "cropped_deep.avif", "avifenc", f"{AS_IT_WAS}; {EIGHT_BITS}", partial(cropped, 10)),
    Case(7, "of_another_brand.heic", "libheif, by hand", AS_IT_WAS, partial(result, of_another_brand)),
    Case(7, "captions_over_two_segments.jpg", BY_HAND, "kept", partial(captions, TITLED)),
    Case(7, "captions_of_long_lengths.jpg", BY_HAND, "kept", partial(captions, LONG_TITLED)),
    Case(7, "captions_of_photoshop.tif", "tifffile", "kept", partial(captions, TITLED)),
    Case(7, "captions_twice.jpg", BY_HAND, "kept", partial(captions, UNTITLED + TITLED)),
    *(
        Case(7, f"stretched{path} as {suffix[1:]}", made_with, "kept", partial(stretched, make, suffix))
        for path, (made_with, make) in STRETCHED.items()
        for suffix in (".jpg", ".png", ".tif", ".bmp", ".heic")
    ),
    Case(7, "stretched.jpg as webp", BY_HAND, STRETCHED_WEBP, partial(written_as, ".webp", STRETCHED[".jpg"][1])),
    Case(7, "premultiplied.heic", "libheif", AS_IT_WAS, premultiplied),
    Case(7, "12_bits.heic", "libheif", f"{AS_IT_WAS}; {TEN_BITS.format(12)}", partial(result, in_12_bits)),
    Case(7, "deep.png as heic", "by hand", TEN_BITS.format(16), partial(written_as, ".heic", written(DEEP))),
    *(Case(7, name, maker, f"is of {name[8:11]}", partial(sampled, make)) for name, (maker, make) in SAMPLED.items()),
    Case(7, "lossless.heic", "libheif", "kept", partial(lossless, 444, 0)),
    Case(7, "lossless_ycbcr.heic", "libheif", "kept", partial(lossless, 444, 6)),
    Case(7, "lossless_420.heic", "libheif", "kept", partial(lossless, 420, 6)),
    Case(7, "lossless.avif", "avifenc", f"{AS_IT_WAS}; {SLIGHT}", partial(result, as_avif("--lossless"))),
    Case(7, "lossless_ycbcr.avif", "avifenc", f"{AS_IT_WAS}; {SLIGHT}", partial(result, as_avif(*WITHOUT_LOSS))),
    Case(
        7,
        "plain_16.ppm as heic",
        "by hand",
        f"{PNG_NOTE}; {TEN_BITS.format(16)}; HEIF has no room for comments, which the photo had",
        partial(written_as, ".heic", plain_ppm),
    ),
    Case(
        7,
        "10_bits.pgm as jpg",
        "by hand",
        f"{PNG_NOTE}; {EIGHT_BITS.replace('AVIF', 'JPEG')}",
        partial(written_as, ".jpg", written(TEN_BIT_PGM)),
    ),
    Case(7, "exif_in_text.png", BY_HAND, "kept", exif_in_text),
    Case(7, "long_captions.tif", "by hand", TOO_LONG, partial(written_as, ".jpg", long_captions)),
    Case(7, "iphone.heic", "given", GAIN_MAP, given_heic),
]
