"""Kind 5: what the numbers of a TIFF mean."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from tests.photo.faults.case import AS_IT_WAS, GREY, PICTURE, Bench, Case, given, magick, relit

DEEP, HALF = PICTURE.astype(np.uint16) * 257, np.full((64, 96, 1), 128, np.uint8)
FLOATS = (PICTURE / 255).astype(np.float32)
BLANK = np.zeros((1500, 1000, 3), np.uint8)
"""A blank picture, which many a compression reduces to almost nothing."""
BRIGHT = FLOATS.copy()
BRIGHT[:3, :3] = 7.5
TURNED = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>"""
OF_32, OF_64 = (f"{AS_IT_WAS}; its {bits} bits a colour were rounded to 16" for bits in (32, 64))
CUT_OFF = "its light above white is cut off"
LAB, CMYK = "LAB colours come back in RGB (sRGB)", "CMYK colours come back relit in RGB (sRGB)"


def by_tifffile(values: np.ndarray, photometric: str, **options: Any) -> Callable[[Path], None]:
    return lambda path: tifffile.imwrite(path, values, photometric=photometric, metadata=None, **options)


def pages(path: Path, thumbnail_first: bool) -> None:
    further = (PICTURE[::4, ::4], 1) if thumbnail_first else (255 - PICTURE, 0)
    written = [(PICTURE, 0), further]
    with tifffile.TiffWriter(path) as file:
        for values, kind in reversed(written) if thumbnail_first else written:
            file.write(values, photometric="rgb", metadata=None, subfiletype=kind)


def mask_first(path: Path) -> None:
    with tifffile.TiffWriter(path) as file:
        file.write(GREY[..., 0] > 99, photometric="mask", subfiletype=4, metadata=None)
        file.write(PICTURE, photometric="rgb", metadata=None)


def below_a_thumbnail(path: Path) -> None:
    """Write the photo below its thumbnail's directory, as in TIFF/EP."""
    with tifffile.TiffWriter(path) as file:
        file.write(PICTURE[::4, ::4], photometric="rgb", metadata=None, subfiletype=1, subifds=1)
        file.write(PICTURE, photometric="rgb", metadata=None)


def giant_tile(path: Path) -> None:
    """Write a small picture in one giant tile."""
    by_tifffile(PICTURE, "rgb", tile=(64, 96), compression="zstd")(path)
    with tifffile.TiffFile(path, mode="r+") as file:
        for side in ("TileWidth", "TileLength"):
            file.pages[0].tags[side].overwrite(60_000)


def damaged_fax(compression: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        rows, columns = np.mgrid[0:64, 0:96]
        Image.fromarray((rows // 3 + columns // 5) % 2 == 0).save(path, compression=compression)
        content, third = bytearray(path.read_bytes()), path.stat().st_size // 3
        content[third : 2 * third] = bytes(third)
        path.write_bytes(content)

    return make


def cut(end: int) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        by_magick("-compress", "None")(path)
        path.write_bytes(path.read_bytes()[:end])

    return make


def missing_tile(path: Path) -> None:
    """Write a TIFF whose last tile has no bytes."""
    by_tifffile(DEEP, "rgb", tile=(32, 32))(path)
    with tifffile.TiffFile(path, mode="r+") as file:
        sizes = file.pages[0].tags["TileByteCounts"]
        sizes.overwrite([*sizes.value[:-1], 0])


def by_magick(*options: object) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        Image.fromarray(PICTURE).save(path.with_suffix(".ppm"))
        magick(path.with_suffix(".ppm"), *options, path)

    return make


def result(make: Callable[[Path], None], expected: np.ndarray | str, bench: Bench, path: Path) -> str:
    make(path)
    if isinstance(expected, str):  # as ImageMagick reads it
        magick(f"{path}[0]", "-alpha", "off", "-auto-orient", f"PPM:{path}.ppm")
        expected = np.asarray(Image.open(f"{path}.ppm").convert("RGB"))
    return relit(bench, path, expected)


def multiplied(colors: np.ndarray) -> np.ndarray:
    return (colors * (128 / 255)).round().astype(colors.dtype)


def extra(colors: np.ndarray, *kinds: str) -> Callable[[Path], None]:
    alpha = HALF if colors.dtype == np.uint8 else (HALF.astype(np.uint16) * 257)
    photometric = "rgb" if colors.shape[-1] == 3 else "minisblack"
    return by_tifffile(np.concatenate([colors, *[alpha] * len(kinds)], -1), photometric, extrasamples=kinds)


def refused(kind: str) -> str:
    return f"refused: is a TIFF of a kind that is not read ({kind}); save it as RGB of 8 or 16 bits"


def damaged(what: str) -> str:
    return f"refused: is damaged or cut short ({what}); copy it again from the camera"


BY_TIFFFILE = {
    "white_is_zero_8.tif": (by_tifffile(255 - GREY[..., 0], "miniswhite"), GREY, AS_IT_WAS),
    "white_is_zero_16.tif": (by_tifffile(65535 - DEEP[..., 0], "miniswhite"), GREY, AS_IT_WAS),
    "premultiplied_8.tif": (extra(multiplied(PICTURE), "assocalpha"), PICTURE, AS_IT_WAS),
    "premultiplied_16.tif": (extra(multiplied(DEEP), "assocalpha"), PICTURE, AS_IT_WAS),
    "premultiplied_grey_8.tif": (extra(multiplied(GREY), "assocalpha"), GREY, AS_IT_WAS),
    "alpha_8.tif": (extra(PICTURE, "unassalpha"), PICTURE, AS_IT_WAS),
    "alpha_grey_16.tif": (extra(DEEP[..., :1], "unassalpha"), GREY, AS_IT_WAS),
    "mask_8.tif": (extra(PICTURE, "unspecified"), PICTURE, f"{AS_IT_WAS}; its 1 further channel is left out"),
    "masks_16.tif": (extra(DEEP, *["unspecified"] * 2), PICTURE, f"{AS_IT_WAS}; its 2 further channels are left out"),
    "mask_and_alpha_8.tif": (
        extra(PICTURE, "unspecified", "unassalpha"), PICTURE, f"{AS_IT_WAS}; its 1 further channel is left out"
    ),
    "float_16.tif": (by_tifffile(FLOATS.astype(np.float16), "rgb"), PICTURE, AS_IT_WAS),
    "float_32_predictor.tif": (by_tifffile(FLOATS, "rgb", predictor=3, compression="deflate"), PICTURE, OF_32),
    "float_64.tif": (by_tifffile(FLOATS.astype(np.float64), "rgb"), PICTURE, OF_64),
    "float_to_255.tif": (by_tifffile(PICTURE.astype(np.float32), "rgb"), PICTURE, OF_32),
    "float_above_white.tif": (by_tifffile(BRIGHT, "rgb"), (BRIGHT * 255).clip(max=255), f"{OF_32}; {CUT_OFF}"),
    "float_64_planes.tif": (
        by_tifffile(np.moveaxis(FLOATS.astype(np.float64), -1, 0), "rgb", planarconfig="separate"), PICTURE, OF_64
    ),
    "integer_32.tif": (by_tifffile(DEEP.astype(np.uint32) * 65537, "rgb"), PICTURE, OF_32),
    "float_four_times_white.tif": (
        by_tifffile(4 * FLOATS, "rgb"), (1020 * FLOATS).clip(max=255), f"{OF_32}; {CUT_OFF}"
    ),
    "integer_64.tif": (by_tifffile(PICTURE.astype(np.uint64) * (1 << 56), "rgb"), PICTURE, OF_64),
    "white_is_zero_float.tif": (by_tifffile(1 - FLOATS[..., 0], "miniswhite"), GREY, OF_32),
    "ycbcr_of_television.tif": (
        by_tifffile(PICTURE, "ycbcr", extratags=[(532, 5, 6, (16, 1, 235, 1, *(128, 1, 240, 1) * 2), True)]), PICTURE,
        refused("3 x 8 bits, YCBCR, uint8, compression NONE")
    ),
    "six_inks.tif": (
        by_tifffile(np.dstack([PICTURE, PICTURE]), "separated", extratags=[(332, 3, 1, 2, True), (334, 3, 1, 6, True)]),
        PICTURE, refused("6 x 8 bits, SEPARATED, uint8, compression NONE")
    ),
    "complex.tif": (
        by_tifffile(FLOATS[..., 0].astype(np.complex64), "minisblack"), GREY,
        refused("1 x 64 bits, MINISBLACK, complex64, compression NONE")
    ),
    "jpeg_2000_inside_16.tif": (by_tifffile(DEEP, "rgb", compression="jpeg2000"), PICTURE, AS_IT_WAS),
    "png_inside_16.tif": (by_tifffile(DEEP, "rgb", compression="png"), PICTURE, AS_IT_WAS),
    "packbits_16.tif": (by_tifffile(DEEP, "rgb", compression="packbits"), PICTURE, AS_IT_WAS),
    "signed_16.tif": (
        by_tifffile((DEEP // 2).astype(np.int16), "rgb"), PICTURE, refused("3 x 16 bits, RGB, int16, compression NONE")
    ),
    "signed_grey_8.tif": (
        by_tifffile((GREY[..., 0] // 2).astype(np.int8), "minisblack"), GREY,
        refused("1 x 8 bits, MINISBLACK, int8, compression NONE")
    ),
    "signed_grey_16.tif": (
        by_tifffile((DEEP[..., 0] // 2).astype(np.int16), "minisblack"), GREY,
        refused("1 x 16 bits, MINISBLACK, int16, compression NONE")
    ),
    "missing_tile_16.tif": (missing_tile, PICTURE, damaged("pixels are missing")),
    **{
        f"blank_{name}.tif": (by_tifffile(BLANK, "rgb", compression=name, rowsperstrip=1500), BLANK, AS_IT_WAS)
        for name in ("zstd", "lzma", "lerc", "webp", "jpegxl")
    },
    "giant_tile.tif": (
        giant_tile, PICTURE, "refused: has 60000 x 60000 pixels, more than 213 megapixels; make it smaller first"
    ),
    "volume.tif": (
        by_tifffile(np.stack([PICTURE] * 2), "rgb", volumetric=True), PICTURE,
        refused("3 x 8 bits, RGB, uint8, compression NONE")
    ),
    "planes_16.tif": (by_tifffile(np.moveaxis(DEEP, -1, 0), "rgb", planarconfig="separate"), PICTURE, AS_IT_WAS),
    "tiles_16.tif": (by_tifffile(DEEP, "rgb", tile=(32, 32), compression="lzw", predictor=True), PICTURE, AS_IT_WAS),
    "big_endian_8.tif": (by_tifffile(PICTURE, "rgb", byteorder=">"), PICTURE, AS_IT_WAS),
    "bigtiff_16.tif": (by_tifffile(DEEP, "rgb", bigtiff=True, byteorder=">"), PICTURE, AS_IT_WAS),
    "jpeg_xl_inside.tif": (by_tifffile(PICTURE, "rgb", compression="jpegxl"), PICTURE, AS_IT_WAS),
    "webp_inside.tif": (by_tifffile(PICTURE, "rgb", compression="webp"), PICTURE, AS_IT_WAS),
    "lerc_inside.tif": (by_tifffile(PICTURE, "rgb", compression="lerc"), PICTURE, AS_IT_WAS),
    "zstd_16.tif": (by_tifffile(DEEP, "rgb", compression="zstd"), PICTURE, AS_IT_WAS),
    "pages.tif": (
        partial(pages, thumbnail_first=False), PICTURE, f"{AS_IT_WAS}; holds 2 pictures; the first is relit"
    ),
    "turned_by_xmp_16.tif": (
        by_tifffile(DEEP, "rgb", extratags=[(700, 7, len(TURNED), TURNED, True)]), np.rot90(PICTURE, 3), AS_IT_WAS
    ),
    "below_a_thumbnail.tif": (below_a_thumbnail, PICTURE, AS_IT_WAS),
    "mask_first.tif": (mask_first, PICTURE, f"{AS_IT_WAS}; holds 2 pictures; the first is relit"),
    "palette_of_16_bits.tif": (
        by_tifffile(DEEP[..., 0], "palette", colormap=np.tile(np.arange(65536, dtype=np.uint16), (3, 1))), GREY,
        AS_IT_WAS
    ),
    "palette_up_to_255.tif": (
        by_tifffile(GREY[..., 0], "palette", colormap=np.tile(np.arange(256, dtype=np.uint16), (3, 1))), GREY, AS_IT_WAS
    ),
    "thumbnail_first.tif": (partial(pages, thumbnail_first=True), PICTURE, AS_IT_WAS),
}  # fmt: skip

BY_MAGICK = {
    "lab_and_alpha.tif": (
        ("-alpha", "set", "-colorspace", "Lab", "-depth", 16), PICTURE, f"{AS_IT_WAS}; {LAB}"
    ),
    "cmyk_planes.tif": (("-colorspace", "CMYK", "-interlace", "plane"), PICTURE, f"{AS_IT_WAS}; {CMYK}"),
    "lsb_first.tif": (
        ("-threshold", "50%", "-define", "tiff:fill-order=lsb"), "as ImageMagick reads it", AS_IT_WAS
    ),
    "lab_16.tif": (("-colorspace", "Lab", "-depth", 16), PICTURE, f"{AS_IT_WAS}; {LAB}"),
    "cmyk_8.tif": (("-colorspace", "CMYK", "-depth", 8), PICTURE, f"{AS_IT_WAS}; {CMYK}"),
    "cmyk_16.tif": (
        ("-colorspace", "CMYK", "-depth", 16), PICTURE,
        f"{AS_IT_WAS}; its 16 bits a colour were rounded to 8; {CMYK}"
    ),
    "cmyk_and_alpha.tif": (
        ("-alpha", "set", "-colorspace", "CMYK", "-depth", 8), PICTURE,
        refused("5 x 8 bits, SEPARATED, uint8, compression NONE")
    ),
    "jpeg_inside.tif": (("-compress", "JPEG", "-quality", 95), PICTURE, AS_IT_WAS),
    "ycbcr_plain.tif": (("-colorspace", "YCbCr", "-compress", "None"), PICTURE, AS_IT_WAS),
    "10_bits.tif": (("-depth", 10, "-compress", "Zip"), PICTURE, AS_IT_WAS),
    "12_bits.tif": (("-depth", 12), PICTURE, AS_IT_WAS),
    "14_bits.tif": (("-depth", 14, "-compress", "LZW"), PICTURE, AS_IT_WAS),
    "24_bits.tif": (("-depth", 24), PICTURE, f"{AS_IT_WAS}; its 24 bits a colour were rounded to 16"),
    "2_bits.tif": (("-colorspace", "Gray", "-depth", 2), "as ImageMagick reads it", AS_IT_WAS),
    "lzma_16.tif": (("-depth", 16, "-compress", "LZMA"), PICTURE, AS_IT_WAS),
    "least_byte_last_16.tif": (("-depth", 16, "-endian", "MSB"), PICTURE, AS_IT_WAS),
    "tiles_of_webp.tif": (("-define", "tiff:tile-geometry=32x32", "-compress", "WebP"), PICTURE, AS_IT_WAS),
    "1_bit_white_is_zero.tif": (
        ("-monochrome", "-define", "quantum:polarity=min-is-white", "-compress", "Fax"), "as ImageMagick reads it",
        AS_IT_WAS
    ),
    "1_bit_fax.tif": (("-threshold", "50%", "-compress", "Group4"), "as ImageMagick reads it", AS_IT_WAS),
    "4_bits.tif": (("-colorspace", "Gray", "-depth", 4), "as ImageMagick reads it", AS_IT_WAS),
    "palette.tif": (("-type", "Palette"), "as ImageMagick reads it", AS_IT_WAS),
    "palette_and_alpha.tif": (
        ("-alpha", "set", "-type", "PaletteAlpha"), "as ImageMagick reads it", AS_IT_WAS
    ),
    "turned.tif": (("-orient", "RightTop", "-depth", 16), "as ImageMagick reads it", AS_IT_WAS),
}  # fmt: skip

BAD_FAX = {
    "group4": "Bad code word at line 27 of strip 0 (x 0).",
    "group3": "Bad code word at line 48 of strip 0 (x 11).",
}
"""What libtiff reports about a damaged fax, by compression."""

GIVEN = {
    "assoc16.tif": AS_IT_WAS,
    "float32rgb.tif": OF_32,
    "lab16.tif": f"{AS_IT_WAS}; {LAB}",
    "mask16.tif": f"{AS_IT_WAS}; its 1 further channel is left out",
    "two_masks8.tif": f"{AS_IT_WAS}; its 2 further channels are left out",
    "pages.tif": f"{AS_IT_WAS}; holds 2 pictures; the first is relit",
    "tiled_big.tif": AS_IT_WAS,
    "uint32rgb.tif": OF_32,
}


def given_result(name: str, bench: Bench, path: Path) -> str:
    """The result of a given file; all of them are made from one photo, which one of them stores plainly."""
    plain = tifffile.imread(given("08-tiff-alpha-kinds/unassoc16.tif"))[..., :3] / 257
    path.write_bytes(given(f"08-tiff-alpha-kinds/{name}").read_bytes())
    return relit(bench, path, plain)


CASES = [
    *(
        Case(5, f"damaged_{fax}.tif", "Pillow, by hand", damaged(said), partial(result, damaged_fax(fax), GREY))
        for fax, said in BAD_FAX.items()
    ),
    Case(
        5, "cut_before_the_directory.tif", "ImageMagick", damaged("its directory is missing or damaged"),
        partial(result, cut(-300), PICTURE),
    ),
    *(
        Case(5, name, "tifffile", right, partial(result, make, expected))
        for name, (make, expected, right) in BY_TIFFFILE.items()
    ),
    *(
        Case(5, name, "ImageMagick", right, partial(result, by_magick(*options), expected))
        for name, (options, expected, right) in BY_MAGICK.items()
    ),
    *(Case(5, name, "given", right, partial(given_result, name)) for name, right in GIVEN.items()),
]  # fmt: skip
