"""Kind 4: what counts as a photo in a folder, and as a file's name."""

import contextlib
import io
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from f2a.cli import main
from tests.photo.faults.case import AS_IT_WAS, BY_HAND, PICTURE, Bench, Case, given, magick, relit, run

LEFT_ALONE, RELIT = "left alone", "relit"


def passed_over(*names: str) -> str:
    count = f"{len(names)} pictures" if len(names) > 1 else "1 picture"
    return f"skipped {count} in formats that f2a cannot read: {', '.join(names)}"


def jpeg(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(PICTURE).save(path, "JPEG")


def heic(path: Path) -> None:
    pytest.importorskip("pillow_heif").from_pillow(Image.fromarray(PICTURE)).save(path)


def appledouble(path: Path) -> None:
    path.write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X        " + bytes(4070))


def by_magick(path: Path) -> None:
    jpeg(path.with_name(".plain.jpg"))
    magick(path.with_name(".plain.jpg"), path)


def by_cjxl(path: Path) -> None:
    Image.fromarray(PICTURE).save(path.with_name(".plain.png"))
    run("cjxl", path.with_name(".plain.png"), path)


def loop(path: Path) -> None:
    """Make a link to itself."""
    path.symlink_to(path.name)


def ran(bench: Bench, arguments: list[object]) -> tuple[int, list[str]]:
    """The command's exit status and output."""
    said = io.StringIO()
    flags = ["--weights", bench.weights, "--device", "cpu", "--jobs", "1"]
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        status = main(["relight", *map(str, [*arguments, *flags])])
    return status, [line for line in said.getvalue().replace("\r", "\n").splitlines() if line.startswith("f2a: ")]


def in_folder(make: Callable[[Path], None], bench: Bench, path: Path) -> str:
    """The result of a folder with the file and a photo."""
    folder = path.parent / "photos"
    folder.mkdir()
    jpeg(folder / "photo.jpg")
    make(folder / path.name)
    return said_of(bench, folder, path.name)


def below(folder_name: str, bench: Bench, path: Path) -> str:
    folder = path.parent / "photos"
    (folder / folder_name).mkdir(parents=True)
    jpeg(folder / "photo.jpg")
    jpeg(folder / folder_name / path.name)
    return said_of(bench, folder, path.name)


def said_of(bench: Bench, folder: Path, name: str) -> str:
    out = folder.parent / "out"
    status, said = ran(bench, [folder, "-o", out])
    if any(made.stem == f"{Path(name).stem}_ambient" for made in out.iterdir()):
        return RELIT
    words = (line.removeprefix("f2a: ").removeprefix(f"{folder}/") for line in said)
    return "; ".join(words) or (LEFT_ALONE if status == 0 else f"status {status}")


def as_output(bench: Bench, path: Path) -> str:
    jpeg(path.parent / "photo.jpg")
    _, said = ran(bench, [path.parent / "photo.jpg", "-o", path])
    if path.is_dir():
        return "a folder of that name is made"
    return "relit" if path.exists() else f"refused: {said[0].partition(f'{path.name}: ')[2].partition(';')[0]}"


def given_folder(name: str, bench: Bench, path: Path) -> str:
    folder = path.parent / "photos"
    shutil.copytree(given(name), folder)
    _, said = ran(bench, [folder, "-o", path.parent / "out"])
    made = sorted(path.name for path in (path.parent / "out").iterdir())
    return "; ".join([*(line.removeprefix("f2a: ") for line in said), f"relit: {', '.join(made)}"])


def named(make: Callable[[Path], None], bench: Bench, path: Path) -> str:
    """The result of naming the file alone."""
    make(path)
    return relit(bench, path)


def header(magic: bytes) -> Callable[[Path], None]:
    """A function that writes a file with these first bytes, followed by zeros."""
    return lambda path: path.write_bytes(magic.ljust(64, b"\0")) and None


def behind(stray: bytes) -> Callable[[Path], None]:
    """A function that writes a JPEG after ``stray`` bytes."""

    def make(path: Path) -> None:
        jpeg(path)
        path.write_bytes(stray + path.read_bytes())

    return make


def of_kind(kind: str) -> str:
    return f"refused: is of a kind that is not read ({kind}); save it as a PNG or TIFF"


DAMAGED = "refused: is damaged or cut short ({}); copy it again from the camera"
NO_PHOTO = "refused: is not a photo that can be read; use a JPEG, PNG, WebP, TIFF, HEIC, AVIF or raw file"
STRAY = f"{AS_IT_WAS}; the data before its start marker are left out"
ALONE = {
    "colours.pfm": ("by hand", header(b"PF\n96 64\n-1.0\n"), of_kind("PFM in colour")),
    "a.pam": ("by hand", header(b"P7\nWIDTH 96\n"), of_kind("PAM")),
    "jxl_named.jpg": ("cjxl", by_cjxl, of_kind("JPEG XL")),
    "psd_named.png": ("by hand", header(b"8BPS\0\1"), of_kind("Photoshop")),
    "no_frame.webp": ("by hand", header(b"RIFF\x38\0\0\0WEBPVP9 "), DAMAGED.format("its header cannot be read")),
    "no_frame.gif": ("by hand", header(b"GIF89a"), DAMAGED.format("its header cannot be read")),
    "no_header.png": ("by hand", header(b"\x89PNG\r\n\x1a\n"), DAMAGED.format("its chunk IHDR is missing")),
    "no_frame.jpg": ("by hand", header(b"\xff\xd8\xff\xe0\0\x10JFIF"), DAMAGED.format("it has no picture")),
    "stray_zeros.jpg": (BY_HAND, behind(bytes(128)), STRAY),
    "stray_line.jpg": (BY_HAND, behind(b"\r\n"), STRAY),
    "stray_head.JPG": (BY_HAND, behind(b"HTTP/1.1 200 OK\r\n" * 50), STRAY),
    "psd_around.jpg": (BY_HAND, behind(b"8BPS\0\1"), of_kind("Photoshop")),
    "words.jpg": ("by hand", header(b"Dear Ann, "), NO_PHOTO),
}  # fmt: skip

CANNOT = "refused: cannot be written"
BESIDE = {
    "._IMG_0001.JPG": ("by hand", appledouble, LEFT_ALONE),
    ".trashed-1790000000-IMG_0002.JPG": ("Pillow", jpeg, LEFT_ALONE),
    ".pending-1790000000-IMG_0003.jpg": ("Pillow", jpeg, LEFT_ALONE),
    "a.jxl": ("cjxl", by_cjxl, passed_over("a.jxl")),
    "a.psd": ("ImageMagick", by_magick, passed_over("a.psd")),
    "a.exr": ("ImageMagick", by_magick, passed_over("a.exr")),
    "a.xcf": ("by hand", appledouble, passed_over("a.xcf")),
    "a.svg": ("by hand", appledouble, passed_over("a.svg")),
    "DSC_1.HIF": ("libheif", heic, RELIT),
    "a.JFIF": ("Pillow", jpeg, RELIT),
    "a.tga": ("ImageMagick", by_magick, RELIT),
    "a.jp2": ("ImageMagick", by_magick, RELIT),
    "a.dib": ("ImageMagick", by_magick, RELIT),
    "IMG_0001_AMBIENT.JPG": ("Pillow", jpeg, LEFT_ALONE),
    "a_loop.jpg": ("by hand", loop, "a_loop.jpg: no such file; check the name"),
    "notes.txt": ("by hand", appledouble, LEFT_ALONE),
}

CASES = [
    *(Case(4, name, maker, right, partial(named, make)) for name, (maker, make, right) in ALONE.items()),
    *(Case(4, name, maker, right, partial(in_folder, make)) for name, (maker, make, right) in BESIDE.items()),
    *(
        Case(4, f"{folder}/IMG_0001.JPG", "Pillow", LEFT_ALONE, partial(below, folder))
        for folder in ("@eaDir", ".thumbnails", "__MACOSX", "#recycle")
    ),
    *(
        Case(4, f"-o {name}", "Pillow", right, as_output)
        for name, right in {"out.jxl": CANNOT, "out.psd": CANNOT, "out.jpgg": CANNOT, "out.PNG": RELIT}.items()
    ),
    Case(4, "03-appledouble/in/", "given", "relit: IMG_0001_ambient.JPG", partial(given_folder, "03-appledouble/in")),
    Case(
        4, "20-jxl-and-others/in/", "given", f"{passed_over('a.jxl', 'c.psd', 'd.exr')}; relit: b_ambient.jpg",
        partial(given_folder, "20-jxl-and-others/in"),
    ),
]  # fmt: skip
