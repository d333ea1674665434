"""Kind 6: every JPEG that is read can be written; a missing end marker is accepted, missing lines are not."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import imagecodecs
import numpy as np
from PIL import Image

from tests.photo.faults.case import AS_IT_WAS, BY_HAND, GREY, PICTURE, Bench, Case, given, magick, relit, run
from tests.support.corpus import saved

CUT_SHORT = "refused: is damaged or cut short (its last lines are missing); copy it again from the camera"
NO_END = f"{AS_IT_WAS}; its end marker is missing"
CMYK = "CMYK colours come back relit in RGB (sRGB)"
ROUNDED = f"{AS_IT_WAS}; JPEG is written with 8 bits a colour, so {{}} were rounded"
QUALITY = ("-quality", "92")


def grainy() -> np.ndarray:
    """A picture with grain, so that the last lines are not empty."""
    grain = np.random.default_rng(0).integers(-12, 12, PICTURE.shape[:2])[..., None]
    return (PICTURE.astype(int) + grain).clip(0, 255).astype(np.uint8)


GRAINY = grainy()


def cjpeg(*options: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        Image.fromarray(GRAINY).save(path.with_suffix(".ppm"))
        run("cjpeg", *options, "-outfile", path, path.with_suffix(".ppm"))

    return make


def three_tables(path: Path) -> None:
    path.with_suffix(".txt").write_text(
        "\n\n".join(" ".join(str(first + n // 8) for n in range(64)) for first in (2, 3, 4))
    )
    cjpeg("-qtables", str(path.with_suffix(".txt")), "-qslots", "0,1,2", "-sample", "1x1")(path)


def plain(**options: object) -> bytes:
    return saved(Image.fromarray(GRAINY), "JPEG", quality=92, **options)


def changed(change: Callable[[bytes], bytes], **options: object) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(change(plain(**options))) and None


def without_huffman_tables(content: bytes) -> bytes:
    before, rest = content.split(b"\xff\xc4", 1)
    return before + rest[rest.index(b"\xff\xda") :]


def white_without_end(path: Path) -> None:
    """Write a white JPEG, whose data are zeros, without its end marker."""
    path.write_bytes(saved(Image.new("RGB", (96, 64), "white"), "JPEG", optimize=True)[:-2])


def tables_in_other_slots(content: bytes) -> bytes:
    moved, frame = bytearray(content), content.index(b"\xff\xc0")
    moved[content.index(b"\xff\xdb\0C\0") + 4], moved[content.index(b"\xff\xdb\0C\1") + 4] = 3, 1
    moved[frame + 12] = 3
    return bytes(moved)


def deep(bits: int, values: np.ndarray = GRAINY, **options: bool) -> Callable[[Path], None]:
    samples = values if bits == 8 else values.astype(np.uint16) * (1 << (bits - 8))
    return lambda path: path.write_bytes(imagecodecs.jpeg8_encode(samples, 97, bitspersample=bits, **options)) and None


def one_scan_a_color(change: Callable[[bytes], bytes] = bytes) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.with_suffix(".txt").write_text("0;\n1;\n2;\n")
        cjpeg(*QUALITY, "-sample", "1x1", "-scans", str(path.with_suffix(".txt")))(path)
        path.write_bytes(change(path.read_bytes()))

    return make


def turned_by_jpegtran(path: Path) -> None:
    """Turn a JPEG twice, so that it looks as it was."""
    cjpeg(*QUALITY)(path.with_name("plain.jpg"))
    run("jpegtran", "-rotate", 180, "-outfile", path.with_name("turned.jpg"), path.with_name("plain.jpg"))
    run("jpegtran", "-rotate", 180, "-progressive", "-outfile", path, path.with_name("turned.jpg"))


def lossless(path: Path) -> None:
    path.write_bytes(imagecodecs.ljpeg_encode(GREY[..., 0]))


def lossless_without_last_lines(path: Path) -> None:
    content = imagecodecs.jpeg8_encode(GRAINY, lossless=True)
    path.write_bytes(content[: len(content) * 19 // 20] + content[-2:])


def cmyk(path: Path) -> None:
    Image.fromarray(PICTURE).save(path.with_suffix(".ppm"))
    magick(path.with_suffix(".ppm"), "-colorspace", "CMYK", "-quality", 95, path)


def without_height(content: bytes) -> bytes:
    """The JPEG with its height moved from the header to the marker DNL after the scan."""
    height = content.index(b"\xff\xc0") + 5
    lines = b"\xff\xdc\0\4" + content[height : height + 2]
    return content[:height] + b"\0\0" + content[height + 2 : -2] + lines + content[-2:]


def cmyk_arithmetic(path: Path) -> None:
    cmyk(path.with_name("plain.jpg"))
    run("jpegtran", "-arithmetic", "-outfile", path, path.with_name("plain.jpg"))


def jpeg_ls(path: Path) -> None:
    path.write_bytes(imagecodecs.jpegls_encode(PICTURE))


def result(make: Callable[[Path], None], bench: Bench, path: Path) -> str:
    make(path)
    expected = PICTURE if path.name.startswith("cmyk") else GREY if "grey" in path.name else GRAINY
    if path.name == "no_end_white.jpg":
        expected = np.full_like(PICTURE, 255)
    if path.name == "coarse_tables.jpg":
        expected = np.asarray(Image.open(path))
    return relit(bench, path, expected)


OWN = {
    "three_tables.jpg": ("cjpeg", three_tables, AS_IT_WAS),
    "other_slots.jpg": (BY_HAND, changed(tables_in_other_slots), AS_IT_WAS),
    "no_huffman_tables.jpg": (BY_HAND, changed(without_huffman_tables), AS_IT_WAS),
    "coarse_tables.jpg": ("cjpeg", cjpeg("-quality", "3"), AS_IT_WAS),
    "restart.jpg": ("cjpeg", cjpeg(*QUALITY, "-restart", "1"), AS_IT_WAS),
    "rgb.jpg": ("cjpeg", cjpeg(*QUALITY, "-rgb"), AS_IT_WAS),
    "sampled_411.jpg": ("cjpeg", cjpeg(*QUALITY, "-sample", "4x1"), AS_IT_WAS),
    "sampled_440.jpg": ("cjpeg", cjpeg(*QUALITY, "-sample", "1x2"), AS_IT_WAS),
    "arithmetic.jpg": ("cjpeg", cjpeg(*QUALITY, "-arithmetic"), AS_IT_WAS),
    "arithmetic_progressive.jpg": ("cjpeg", cjpeg(*QUALITY, "-arithmetic", "-progressive"), AS_IT_WAS),
    "cmyk.jpg": ("ImageMagick", cmyk, f"{AS_IT_WAS}; {CMYK}"),
    "cmyk_arithmetic.jpg": ("ImageMagick, jpegtran", cmyk_arithmetic, f"{AS_IT_WAS}; {CMYK}"),
    "bytes_between_segments.jpg": (
        BY_HAND,
        changed(lambda content: content[:20] + b"\0\xff\0\7" + content[20:]),
        AS_IT_WAS,
    ),
    "height_behind.jpg": (BY_HAND, changed(without_height), AS_IT_WAS),
    "jpeg_ls.jpg": (
        "imagecodecs",
        jpeg_ls,
        "refused: is of a kind that is not read (JPEG-LS is not supported); save it as a PNG or TIFF",
    ),
    "12_bits.jpg": ("imagecodecs", deep(12), ROUNDED.format(12)),
    "12_bits_grey.jpg": ("imagecodecs", deep(12, GREY[..., 0]), ROUNDED.format(12)),
    "lossless_8.jpg": ("imagecodecs", deep(8, lossless=True), AS_IT_WAS),
    "lossless_16.jpg": ("imagecodecs", deep(16, lossless=True), ROUNDED.format(16)),
    "lossless_grey_10.jpg": ("imagecodecs", deep(10, GREY[..., 0], lossless=True), ROUNDED.format(10)),
    "sampled_311.jpg": ("cjpeg", cjpeg(*QUALITY, "-sample", "3x1"), AS_IT_WAS),
    "restart_arithmetic.jpg": ("cjpeg", cjpeg(*QUALITY, "-arithmetic", "-restart", "1B"), AS_IT_WAS),
    "turned_twice.jpg": ("cjpeg, jpegtran", turned_by_jpegtran, AS_IT_WAS),
    "marker_of_jfif_twice.jpg": (BY_HAND, changed(lambda content: content[:20] + content[2:]), AS_IT_WAS),
    "no_marker_of_jfif.jpg": (BY_HAND, changed(lambda content: content[:2] + content[20:]), AS_IT_WAS),
    "lossless_grey.jpg": ("imagecodecs", lossless, AS_IT_WAS),
    "no_end.jpg": (BY_HAND, changed(lambda content: content[:-2]), NO_END),
    "half_an_end.jpg": (BY_HAND, changed(lambda content: content[:-1]), NO_END),
    "no_end_progressive.jpg": (BY_HAND, changed(lambda content: content[:-2], progressive=True), NO_END),
    "no_end_restart.jpg": (BY_HAND, changed(lambda content: content[:-2], restart_marker_rows=1), NO_END),
    "no_end_white.jpg": (BY_HAND, white_without_end, NO_END),
    "zeros_behind.jpg": (BY_HAND, changed(lambda content: content + bytes(4096)), AS_IT_WAS),
    "no_end_but_zeros.jpg": (BY_HAND, changed(lambda content: content[:-2] + bytes(4096)), NO_END),
    "no_last_lines_but_an_end.jpg": (BY_HAND, changed(lambda content: content[:-900] + content[-2:]), CUT_SHORT),
    "no_last_lines_but_zeros.jpg": (BY_HAND, changed(lambda content: content[:-900] + bytes(4096)), CUT_SHORT),
    "zeros_for_lines_before_an_end.jpg": (
        BY_HAND,
        changed(lambda content: content[:-300] + bytes(300) + content[-2:]),
        CUT_SHORT,
    ),
    "more_zeros_for_lines_before_an_end.jpg": (
        BY_HAND,
        changed(lambda content: content[:-300] + bytes(4096) + content[-2:]),
        CUT_SHORT,
    ),
    "zeros_before_an_end.jpg": (BY_HAND, changed(lambda content: content[:-2] + bytes(4096) + content[-2:]), AS_IT_WAS),
    "no_last_lines.jpg": (BY_HAND, changed(lambda content: content[:-60]), CUT_SHORT),
    "scans.jpg": ("cjpeg", one_scan_a_color(), AS_IT_WAS),
    "no_last_scan_but_an_end.jpg": (
        "cjpeg, by hand",
        one_scan_a_color(lambda content: content[: content.rindex(b"\xff\xda")] + content[-2:]),
        CUT_SHORT,
    ),
    "half_a_last_scan_but_an_end.jpg": (
        "cjpeg, by hand",
        one_scan_a_color(lambda content: content[:-150] + content[-2:]),
        CUT_SHORT,
    ),
    "half_a_first_scan.jpg": (
        "cjpeg, by hand",
        one_scan_a_color(lambda content: content[:1500] + content[content.rindex(b"\xff\xda", 0, -1000) :]),
        CUT_SHORT,
    ),
    "lossless_without_last_lines_but_an_end.jpg": ("imagecodecs", lossless_without_last_lines, CUT_SHORT),
    "no_last_scan.jpg": (BY_HAND, changed(lambda content: content[:-60], progressive=True), CUT_SHORT),
}
"""By name: the program that makes each file, how, and the right result."""

GIVEN = {
    "arith.jpg": AS_IT_WAS,
    "bits12.jpg": OWN["12_bits.jpg"][2],
    "cut40.jpg": CUT_SHORT,
    "extraneous.jpg": AS_IT_WAS,
    "fill.jpg": AS_IT_WAS,
    "noeoi.jpg": NO_END,
    "padded.jpg": AS_IT_WAS,
    "prog_cut.jpg": CUT_SHORT,
    "prog_noeoi.jpg": NO_END,
    "rst.jpg": AS_IT_WAS,
    "rst_noeoi.jpg": NO_END,
}


def given_result(name: str, bench: Bench, path: Path) -> str:
    """The result of a given file; all of them are made from one photo, which one of them stores plainly."""
    path.write_bytes(given(f"10-jpeg-end/{name}").read_bytes())
    return relit(bench, path, np.asarray(Image.open(given("10-jpeg-end/base.jpg"))))


CASES = [
    *(Case(6, name, maker, right, partial(result, make)) for name, (maker, make, right) in OWN.items()),
    *(Case(6, name, "given", right, partial(given_result, name)) for name, right in GIVEN.items()),
]
