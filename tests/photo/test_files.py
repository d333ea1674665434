"""Files as cameras and programs write them: exiftool compares what went in with what came out.

The table in docs/fidelity.md is checked here row by row; ``python -m tests.photo.test_files`` rewrites it. Needs
exiftool, ImageMagick, cjpeg and cwebp (Debian: libimage-exiftool-perl imagemagick libjpeg-turbo-progs webp); without
one of them, the files that it makes are skipped.
"""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from f2a.cli import main
from tests.conftest import brightening_checkpoint
from tests.photo.faults.case import PICTURE, magick, run
from tests.photo.test_raw import dng
from tests.support import profiles
from tests.support.exiftool import exiftool

HEADER = "| file | made with | went in | came out |\n|---|---|---|---|\n"
DOCUMENT = Path(__file__).parents[2] / "docs" / "fidelity.md"

SERIAL, PLACE = "39217746", "Ouagadougou"

TAGS = {
    "Make": "Canon", "Model": "EOS R5", "LensModel": "RF50mm F1.2", "Artist": "Zoë", "Copyright": "© Zoë",
    "ExposureTime": "1/60", "FNumber": "2.8", "ISO": "400", "Flash#": "1", "DateTimeOriginal": "2024:05:06 07:08:09",
    "OffsetTimeOriginal": "+02:00", "UserComment": "größer",
    "XMP-dc:Title": "Fête", "XMP-dc:Subject": "party", "XMP-xmp:Rating": "4",
}  # fmt: skip
PRIVATE_TAGS = {
    "EXIF:SerialNumber": SERIAL, "EXIF:LensSerialNumber": SERIAL, "EXIF:OwnerName": "Ann",
    "GPSLatitude": "12.36", "GPSLatitudeRef": "N", "GPSLongitude": "1.53", "GPSLongitudeRef": "W",
    "XMP-aux:SerialNumber": SERIAL, "XMP-photoshop:City": PLACE, "XMP-exif:GPSLatitude": "12.36",
}  # fmt: skip
IPTC = {"CodedCharacterSet": "utf8", "IPTC:Caption-Abstract": "A party", "IPTC:By-line": "Zoe", "IPTC:City": PLACE}
SIDEWAYS = {"Orientation#": "6", "XMP-tiff:Orientation#": "6"}


def write_tags(path: Path, *sets: dict[str, str]) -> Path:
    flags = [f"-{name}={value}" for tags in (TAGS, PRIVATE_TAGS, *sets) for name, value in tags.items()]
    exiftool("-q", "-overwrite_original", *flags, path)
    return path


def picture() -> Image.Image:
    """A smooth picture, 96 wide and 64 high."""
    return Image.fromarray(PICTURE)


def by_magick(path: Path, *options: object) -> Path:
    picture().save(path.with_name("plain.ppm"))
    magick(path.with_name("plain.ppm"), *options, path)
    return path


def telephone(path: Path) -> Path:
    picture().save(path, quality=80, progressive=True, icc_profile=profiles.DISPLAY_P3)
    thumbnail = path.with_suffix(".thumbnail")
    picture().resize((30, 20)).save(thumbnail, "JPEG")
    return write_tags(path, IPTC, SIDEWAYS, {"Comment": "hello", "ThumbnailImage<": str(thumbnail)})


def by_cjpeg(*options: str) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        picture().save(path.with_name("plain.ppm"))
        run("cjpeg", *options, "-outfile", path, path.with_name("plain.ppm"))
        return write_tags(path, SIDEWAYS)

    return make


def cmyk(path: Path) -> Path:
    picture().convert("CMYK").save(path, quality=90, icc_profile=profiles.CMYK)
    return write_tags(path)


NOISE = ("-depth", 16, "-attenuate", 0.3, "+noise", "Gaussian")
HALF_CLEAR = ("-alpha", "set", "-channel", "A", "-evaluate", "multiply", 0.5, "+channel")


def deep_tiff(path: Path) -> Path:
    return write_tags(by_magick(path, *NOISE, "-compress", "LZW"), IPTC, SIDEWAYS)


def deep_tiff_with_alpha(path: Path) -> Path:
    return write_tags(by_magick(path, "-depth", 16, *HALF_CLEAR, "-endian", "MSB", "-compress", "Zip"), SIDEWAYS)


def deep_png(path: Path) -> Path:
    return write_tags(by_magick(path, *NOISE, "-define", "png:bit-depth=16", "-set", "Title", "Party"), IPTC, SIDEWAYS)


def deep_grey(path: Path) -> Path:
    density = ("-density", 300, "-units", "PixelsPerInch")
    return by_magick(path, "-colorspace", "Gray", *NOISE, "-define", "png:bit-depth=16", *density)


def palette(path: Path) -> Path:
    picture().quantize(16).save(path, transparency=3)
    return path


def lossless_webp(path: Path) -> Path:
    picture().save(path.with_name("plain.png"))
    run("cwebp", "-quiet", "-lossless", path.with_name("plain.png"), "-o", path)
    return write_tags(path, SIDEWAYS)


def avif(path: Path) -> Path:
    picture().save(path, quality=80, icc_profile=profiles.ADOBE_RGB)
    return write_tags(path)


def heic(path: Path) -> Path:
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(picture()).save(path, quality=80, icc_profile=profiles.DISPLAY_P3)
    return write_tags(path)


def deep_heic(path: Path) -> Path:
    heif = pytest.importorskip("pillow_heif")
    values = PICTURE.astype(np.uint16) * 257
    heif.from_bytes("RGB;16", (96, 64), values.tobytes()).save(path, quality=80)
    return write_tags(path)


def several(path: Path) -> Path:
    picture().save(path, "MPO", save_all=True, append_images=[picture().resize((48, 32))])
    return path


def animation(path: Path) -> Path:
    picture().save(path, save_all=True, append_images=[picture().transpose(Image.Transpose.ROTATE_180)])
    return path


def raw(path: Path) -> Path:
    pytest.importorskip("rawpy")
    return dng(path)


class Case(NamedTuple):
    name: str
    made_with: str
    make: Callable[[Path], Path]


CASES = [
    Case("telephone.jpg", "Pillow, exiftool", telephone),
    Case("sampled422.jpg", "cjpeg, exiftool", by_cjpeg("-quality", "92", "-sample", "2x1")),
    Case("fine.jpg", "cjpeg, exiftool", by_cjpeg("-quality", "97", "-sample", "1x1", "-restart", "1")),
    Case("grey.jpg", "cjpeg, exiftool", by_cjpeg("-quality", "75", "-grayscale")),
    Case("print.jpg", "Pillow, exiftool", cmyk),
    Case("several.jpg", "Pillow", several),
    Case("deep.png", "ImageMagick, exiftool", deep_png),
    Case("deepgrey.png", "ImageMagick", deep_grey),
    Case("palette.png", "Pillow", palette),
    Case("deep.tif", "ImageMagick, exiftool", deep_tiff),
    Case("glass.tif", "ImageMagick, exiftool", deep_tiff_with_alpha),
    Case("lossless.webp", "cwebp, exiftool", lossless_webp),
    Case("wide.avif", "Pillow, exiftool", avif),
    Case("telephone.heic", "libheif, exiftool", heic),
    Case("deep.heic", "libheif, exiftool", deep_heic),
    Case("animation.gif", "Pillow", animation),
    Case("raw.dng", "tifffile", raw),
]

HOW_IT_IS_STORED = (
    "SourceFile", "System:", "ExifTool:", "Composite:", "ICC", "JFIF:", "Adobe:", "QuickTime:", "MPF", "MPImage",
    "GIF:", "RIFF:", "IFD1:", "XMP-x:XMPToolkit", "File:FileType", "File:MIME", "File:YCbCr", "File:ColorComponents",
    "File:EncodingProcess", "File:ExifByteOrder", "File:CurrentIPTCDigest", "IFD0:Strip", "IFD0:RowsPerStrip",
    "IFD0:FillOrder", "IFD0:PageNumber", "IFD0:PlanarConfiguration", "IFD0:Predictor", "IFD0:YCbCrPositioning",
    "PNG:Palette", "PNG:Transparency", "PNG:BitDepth", "PNG:ColorType", "PNG:BackgroundColor", "PNG:SignificantBits",
)  # fmt: skip
OF_A_SENSOR = (
    "IFD0:CFA", "IFD0:DNG", "IFD0:SubfileType", "IFD0:Compression", "IFD0:Photometric", "IFD0:Bits", "IFD0:Samples",
    "IFD0:BlackLevel", "IFD0:WhiteLevel", "IFD0:ColorMatrix", "IFD0:AsShot", "IFD0:CalibrationIlluminant",
    "IFD0:UniqueCameraModel", "IFD0:XResolution", "IFD0:YResolution", "IFD0:ResolutionUnit", "SubIFD",
)  # fmt: skip
TURNED = ("Orientation", "ImageWidth", "ImageHeight", "ExifImageWidth", "ExifImageHeight")


def judged(*paths: Path) -> list[dict[str, object]]:
    return json.loads(exiftool("-json", "-G1", "-n", "-a", *paths))


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


def relit(source: Path, weights: Path, *flags: str) -> Path:
    folder = source.parent / "relit"
    assert main(["relight", str(source), "-o", str(folder), "--weights", str(weights), "--device", "cpu", *flags]) == 0
    return next(folder.iterdir())


def lost(before: dict[str, object], after: dict[str, object]) -> set[str]:
    """The tags that were lost or changed, except those on how the pixels are stored."""
    gone = {name for name, value in before.items() if after.get(name) != value}
    stored = HOW_IT_IS_STORED + (OF_A_SENSOR if "IFD0:DNGVersion" in before else ())
    return {name for name in gone if not name.startswith(stored) and name.rpartition(":")[2] not in TURNED}


def test_exiftool_finds_the_same_tags_but_for_place_and_serial_numbers(tmp_path, weights, case):
    source = case.make(tmp_path / case.name)
    target = relit(source, weights)
    before, after = judged(source, target)
    private = {name for name in before if is_private(name) and not name.startswith("Composite:")}
    assert lost(before, after) == private
    content = target.read_bytes()
    assert SERIAL.encode() not in content
    assert PLACE.encode() not in content
    assert not {name for name in after if name.startswith(("GPS:", "IFD1:")) or name.endswith(":Orientation")}
    assert row(case, before, after) in DOCUMENT.read_text(encoding="utf-8").splitlines()


def is_private(name: str) -> bool:
    return name.startswith("GPS:") or name.rpartition(":")[2] in {
        "SerialNumber", "LensSerialNumber", "OwnerName", "GPSLatitude", "GPSLongitude", "City"
    }  # fmt: skip


def test_keep_location_keeps_them(tmp_path, weights):
    for name, make in (("a.jpg", telephone), ("b.png", deep_png), ("c.tif", deep_tiff)):
        (tmp_path / name).mkdir()
        source = make(tmp_path / name / name)
        before, after = judged(source, relit(source, weights, "--keep-location"))
        assert {tag for tag in before if is_private(tag)} >= {"GPS:GPSLatitude", "ExifIFD:SerialNumber"}
        assert lost(before, after) == set()


def row(case: Case, before: dict[str, object], after: dict[str, object]) -> str:
    return f"| {case.name} | {case.made_with} | {described(before)} | {described(after)} |"


def described(tags: dict[str, object]) -> str:
    """One cell of the table, from exiftool's tags."""
    found = {name.rpartition(":")[2]: value for name, value in reversed(tags.items())}
    groups = {name.split(":")[0] for name in tags}
    width, height = found.get("ImageWidth"), found.get("ImageHeight")
    bits = found.get("BitDepth", found.get("BitsPerSample", found.get("BitDepthLuma", "")))
    sampling = {"2 2": "4:2:0", "2 1": "4:2:2", "1 1": "4:4:4"}.get(str(found.get("YCbCrSubSampling")), "")
    components = {1: "grey", 4: "CMYK"}.get(found.get("ColorComponents"), "")
    components = {0: "grey", 3: "palette", 6: "alpha"}.get(tags.get("PNG:ColorType"), components)
    further = {
        f"profile {found.get('ProfileDescription')}": "ProfileDescription" in found,
        "alpha": "ExtraSamples" in found,
        "turned": found.get("Orientation", 1) != 1,
        "EXIF": "ExifIFD" in groups,
        "GPS": "GPS" in groups,
        "XMP": any(group.startswith("XMP") for group in groups),
        "IPTC": "IPTC" in groups,
        "thumbnail": "ThumbnailImage" in found,
        "comment": "Comment" in found,
        "text": "Title" in found and "PNG:Title" in tags,
    }
    first = f"{found['FileType']} {width}x{height}"
    depth = f"{str(bits).split()[0]} bits" if bits else ""
    return ", ".join(
        filter(None, [first, depth, components, sampling, *(name for name, is_so in further.items() if is_so)])
    )


def write_document() -> None:
    """Make every file, relight it, and write the table in docs/fidelity.md; do nothing if a program is missing."""
    with tempfile.TemporaryDirectory() as name:
        weights = Path(name, "weights")
        brightening_checkpoint().save(weights)
        rows = []
        for case in CASES:
            folder = Path(name, case.name)
            folder.mkdir()
            source = case.make(folder / case.name)
            rows.append(row(case, *judged(source, relit(source, weights))))
    before, header, _ = DOCUMENT.read_text(encoding="utf-8").partition(HEADER)
    DOCUMENT.write_text(before + header + "\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_document()
