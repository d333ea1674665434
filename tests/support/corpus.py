"""Hostile and broken photo files, made anew at each test: the same ones every time, tiny, and none of them in git.

``make(folder)`` writes them. Every other file of the corpus is one of ``sound()`` damaged, or crafted by hand.
"""

import functools
import io
import os
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from f2a.photo.codecs import png
from tests.support import hostile_metadata as said

SIZE = WIDTH, HEIGHT = 23, 17
SUFFIXES = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "TIFF": "tif", "AVIF": "avif", "HEIF": "heic", "GIF": "gif",
            "BMP": "bmp"}  # fmt: skip


class Hostile(NamedTuple):
    """A file of the corpus.

    Attributes:
        name: what is wrong with it, and its suffix; a byte string for names that are no text.
        content: its bytes.
        outcome: the photo's size where it must be read, False where it must be refused, None where either will do.
    """

    name: str | bytes
    content: bytes
    outcome: tuple[int, int] | bool | None = None


def picture(mode: str = "RGB", size: tuple[int, int] = SIZE) -> Image.Image:
    """Red rises from left to right, green from top to bottom, and blue is noise, so that no coder can drop it."""
    width, height = size
    red, green = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    blue = np.random.default_rng(0).integers(0, 256, (height, width))
    return Image.fromarray(np.stack([red, green, blue], -1).astype(np.uint8)).convert(mode)


def saved(photo: Image.Image, format: str, **options: object) -> bytes:
    content = io.BytesIO()
    if format == "HEIF":
        import pillow_heif

        pillow_heif.from_pillow(photo).save(content, quality=90, **options)
    else:
        photo.save(content, format, **options)
    return content.getvalue()


def formats() -> list[str]:
    """All that can be made here: HEIC only where its encoder is installed."""
    return [format for format in SUFFIXES if format != "HEIF" or find_spec("pillow_heif")]


@functools.cache
def sound() -> dict[str, bytes]:
    """Undamaged files, by name without folder: every format, and the kinds of each that are read in another way."""
    described = {"exif": b"Exif\0\0" + said.exif(), "icc_profile": said.PROFILE}
    found = {}
    for format in formats():
        takes = described if format in ("JPEG", "PNG", "WEBP", "AVIF") else {}
        found[f"plain.{SUFFIXES[format]}"] = saved(picture(), format, **takes)
    more = [picture(), picture("L").convert("RGB")]
    moving = {"save_all": True, "append_images": more, "duration": 40}
    deep = np.asarray(picture("RGBA")).astype(np.uint16) * 257
    return found | {
        "progressive.jpg": saved(picture(), "JPEG", progressive=True, xmp=said.XMP, comment="a comment"),
        "cmyk.jpg": saved(picture("CMYK"), "JPEG"),
        "palette.png": saved(picture("P"), "PNG", transparency=3),
        "deep.png": png.encode16(deep),
        "moving.png": saved(picture(), "PNG", **moving),
        "lossless.webp": saved(picture("RGBA"), "WEBP", lossless=True),
        "moving.webp": saved(picture(), "WEBP", **moving),
        "lzw.tif": saved(picture(), "TIFF", compression="tiff_lzw"),
        "cmyk.tif": saved(picture("CMYK"), "TIFF"),
        "pages.tif": saved(picture(), "TIFF", save_all=True, append_images=more),
        "deep.tif": said.deep_tiff(deep),
        "float.tif": said.float_tiff(WIDTH, HEIGHT),
        "moving.gif": saved(picture("P"), "GIF", save_all=True, append_images=[m.convert("P") for m in more]),
    }


def places(content: bytes) -> list[int]:
    """Where the parts of a file begin: markers, chunks, boxes, directories, their neighbours and eighths of it all."""
    found = {1, 2, 3, 8, 12, 30, 54, *(len(content) * n // 8 for n in range(1, 8)), len(content) - 1}
    for mark in (b"\xff\xe1", b"\xff\xe2", b"\xff\xdb", b"\xff\xc0", b"\xff\xc2", b"\xff\xc4", b"\xff\xda", b"IHDR",
                 b"IDAT", b"IEND", b"iCCP", b"eXIf", b"acTL", b"VP8", b"ANMF", b"ICCP", b"EXIF", b"meta", b"iloc",
                 b"ispe", b"iprp", b"mdat", b"\x21\xf9", b"\x2c\0\0"):  # fmt: skip
        at = content.find(mark)
        if at > 0:
            found |= {at, at + 3, at + 6}
    if content[:4] == b"II*\0":
        directory = struct.unpack_from("<I", content, 4)[0]
        found |= {directory, directory + 1, directory + 2, directory + 7, directory + 40}
    return sorted(n for n in found if 0 < n < len(content))


def truncated() -> Iterator[Hostile]:
    for name, content in sound().items():
        for cut in places(content):
            yield Hostile(f"cut at {cut} {name}", content[:cut])


def flipped(seeds: int = 14) -> Iterator[Hostile]:
    """One to eight bits of each, half of the time in its first hundred bytes; a pixel of noise is no damage."""
    for name, content in sound().items():
        for seed in range(seeds):
            dice, damaged = random.Random(f"{name} {seed}"), bytearray(content)
            for _ in range(dice.randint(1, 8)):
                damaged[dice.randrange(min(len(content), 100) if seed % 2 else len(content))] ^= 1 << dice.randrange(8)
            yield Hostile(f"flipped {seed} {name}", bytes(damaged))


def overwritten() -> Iterator[Hostile]:
    for name, content in sound().items():
        middle = len(content) // 2
        for filler in (b"\0", b"\xff"):
            filled = content[:middle] + filler * 16 + content[middle + 16 :]
            yield Hostile(f"16 bytes of {filler.hex()} {name}", filled)
        yield Hostile(f"twice {name}", content * 2)


def misnamed() -> Iterator[Hostile]:
    """A photo of one format under another's suffix is read for what it is; anything else is refused."""
    found, suffixes = sound(), list(SUFFIXES.values())
    for format in formats():
        other = suffixes[(suffixes.index(SUFFIXES[format]) + 3) % len(suffixes)]
        yield Hostile(f"{format} called.{other}", found[f"plain.{SUFFIXES[format]}"], SIZE)
        yield Hostile(f"empty.{SUFFIXES[format]}", b"", False)
    strangers = {
        "text": b"just text\n",
        "html": b"<!doctype html><script>alert(1)</script>",
        "svg": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="23" height="17"/>',
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 23 17\n%%EndComments\n(/tmp/x) (w) file\nshowpage\n",
        "pdf": b"%PDF-1.7\n1 0 obj<<>>endobj\n%%EOF\n",
        "zip": b"PK\x03\x04" + bytes(60),
        "elf": b"\x7fELF" + bytes(range(200)),
        "zeros": bytes(5000),
        "noise": random.Random(7).randbytes(5000),
        "pickle": b"\x80\x04cos\nsystem\n(S'true'\ntR.",
    }
    for name, content in strangers.items():
        for suffix in ("jpg", "png", "tif", "dng"):
            yield Hostile(f"{name} called.{suffix}", content, False)
    for suffix in ("dng", "cr2", "cr3", "nef", "arw", "raf"):
        yield Hostile(f"tiff called.{suffix}", found["plain.tif"])


def patched(content: bytes, mark: bytes, offset: int, new: bytes) -> bytes:
    """With ``new`` at so many bytes behind the first ``mark``."""
    at = content.index(mark) + offset
    return content[:at] + new + content[at + len(new) :]


def bombs() -> Iterator[Hostile]:
    """Small files that ask for a great deal of memory."""
    whole, most = sound(), struct.pack(">II", 60_000, 60_000)
    yield Hostile("bomb.png", said.png_of(60_000, 60_000, [(b"IDAT", zlib.compress(bytes(1000)))]), False)
    yield Hostile("largest.png", said.png_of(2**31 - 1, 2**31 - 1, []), False)
    yield Hostile("no width.png", said.png_of(0, 5, []), False)
    yield Hostile("bomb of texts.png", said.png_of(*SIZE, [(b"zTXt", b"Raw profile type iptc\0\0" + said.zip_bomb())]))
    yield Hostile("bomb of a profile.png", said.png_of(*SIZE, [(b"iCCP", b"ICC\0\0" + said.zip_bomb())]))
    good = [(b"IDAT", zlib.compress(bytes(HEIGHT * (1 + 3 * WIDTH))))]
    late = [*good, (b"zTXt", b"Raw profile type iptc\0\0" + said.zip_bomb())]
    yield Hostile("bomb behind the pixels.png", said.png_of(*SIZE, late))
    yield Hostile("many texts.png", said.png_of(*SIZE, [*[(b"tEXt", b"a\0b")] * 20_000, *good]), SIZE)
    yield Hostile("huge chunk.png", png.SIGNATURE + struct.pack(">I4s", 2**32 - 1, b"IHDR"), False)
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate"):
        small = saved(picture(), "TIFF", compression=compression)
        huge = said.with_field(small, {256: 60_000, 257: 60_000, 278: 60_000})
        yield Hostile(f"bomb {compression}.tif", huge, False)
        yield Hostile(f"many strips {compression}.tif", said.with_field(small, {257: 2**31, 278: 1}), False)
    yield Hostile("deep bomb.tif", said.with_field(whole["deep.tif"], {256: 60_000, 257: 60_000}), False)
    yield Hostile("deep and wide.tif", said.with_field(whole["deep.tif"], {256: 11_665_431}), False)  # found by atheris
    extended = struct.pack("<4sIB3x", b"VP8X", 10, 0) + (16_382).to_bytes(3, "little") * 2
    yield Hostile("bomb.webp", said.riff(extended + whole["plain.webp"][12:]), False)
    yield Hostile("bomb.bmp", patched(whole["plain.bmp"], b"BM", 18, struct.pack("<ii", 60_000, 60_000)), False)
    yield Hostile(
        "upside down bomb.bmp", patched(whole["plain.bmp"], b"BM", 18, struct.pack("<ii", 9, -(2**31))), False
    )
    yield Hostile("bomb.gif", patched(whole["plain.gif"], b"GIF8", 6, b"\xff\xff\xff\xff"), False)
    yield Hostile("bomb.jpg", patched(whole["plain.jpg"], b"\xff\xc0", 5, b"\xff\xff\xff\xff"), False)
    yield Hostile("no height.jpg", patched(whole["plain.jpg"], b"\xff\xc0", 5, b"\0\0"), False)
    yield Hostile("bomb.avif", patched(whole["plain.avif"], b"ispe", 8, most), False)
    if "plain.heic" in whole:
        yield Hostile("bomb.heic", patched(whole["plain.heic"], b"ispe", 8, most), False)
    yield Hostile("many frames.gif", said.gif_of_frames(5_000), (1, 1))
    yield Hostile("frames promised.png", patched(whole["moving.png"], b"acTL", 4, struct.pack(">I", 2**31 - 1)))
    yield Hostile("boxes in boxes.heic", said.nested_boxes(3_000), False)
    yield Hostile("boxes in boxes.avif", said.nested_boxes(3_000, b"avif"), False)
    yield Hostile("pages in a ring.tif", said.in_a_ring(whole["plain.tif"]))
    yield Hostile("deep pages in a ring.tif", said.in_a_ring(whole["deep.tif"]))


def extremes() -> Iterator[Hostile]:
    for format in formats():
        if format not in ("AVIF", "HEIF"):
            yield Hostile(f"one pixel.{SUFFIXES[format]}", saved(picture(size=(1, 1)), format), (1, 1))
    for size in ((65_500, 1), (1, 65_500)):
        for format in ("JPEG", "PNG", "TIFF", "BMP"):
            name = f"{size[0]} by {size[1]}.{SUFFIXES[format]}"
            yield Hostile(name, saved(picture(size=size), format), size)
    for name, content in sound().items():
        yield Hostile(f"sound {name}", content, SIZE)
    for mode in ("1", "L", "LA", "I;16", "I", "F"):
        source = picture("L") if mode in ("I;16", "F", "I") else picture()
        yield Hostile(f"mode {mode.replace(';', ' ')}.tif", saved(source.convert(mode), "TIFF"), SIZE)
    for name, dots in (("no", 0), ("endless", 2**32 - 1)):
        for at in (282, 283):
            small = saved(picture(), "TIFF", dpi=(72, 72))
            yield Hostile(f"{name} dots {at}.tif", said.with_rational(small, at, (dots, 1)))
            yield Hostile(f"{name} dots to {at}.tif", said.with_rational(small, at, (1, dots)))
    dense = struct.pack(">IIB", 2**32 - 1, 2**32 - 1, 1)
    pixels = (b"IDAT", zlib.compress(bytes(HEIGHT * (1 + 3 * WIDTH))))
    yield Hostile("endless dots.png", said.png_of(*SIZE, [(b"pHYs", dense), pixels]), SIZE)


def metadata() -> Iterator[Hostile]:
    """Absurd EXIF, XMP and profiles cost the metadata, never the photo."""
    for name, exif in said.absurd_exif().items():
        turned = None if "turned and a crowd" in name else SIZE[::-1] if name.startswith("turned") else SIZE
        for format in ("JPEG", "PNG", "WEBP"):
            if len(exif) < 65_000 or format != "JPEG":
                content = saved(picture(), format, exif=b"Exif\0\0" + exif)
                yield Hostile(f"exif {name}.{SUFFIXES[format]}", content, turned)
    for name, profile in said.absurd_profiles().items():
        for format in ("JPEG", "PNG", "TIFF", "WEBP"):
            content = saved(picture(), format, icc_profile=profile)
            yield Hostile(f"profile {name}.{SUFFIXES[format]}", content, SIZE)
        yield Hostile(f"profile {name} of grey.png", saved(picture("L"), "PNG", icc_profile=profile), SIZE)
        yield Hostile(f"profile {name} of cmyk.jpg", saved(picture("CMYK"), "JPEG", icc_profile=profile), SIZE)
    for name, xmp in said.absurd_xmp().items():
        yield Hostile(f"xmp {name}.webp", saved(picture(), "WEBP", xmp=xmp), SIZE)
        if len(xmp) < 65_000:
            yield Hostile(f"xmp {name}.jpg", saved(picture(), "JPEG", xmp=xmp), SIZE)
    for tag in (256, 258, 259, 262, 273, 277, 279, 339):
        for name in ("plain.tif", "deep.tif", "float.tif", "lzw.tif"):
            for value in (0, 5, 65_535):
                yield Hostile(f"field {tag} is {value} {name}", said.with_field(sound()[name], {tag: value}))
    for name, content in said.trapped_tiffs(sound()["plain.tif"], sound()["deep.tif"]).items():
        yield Hostile(f"{name}.tif", content)


NAMES = [
    "new\nline.jpg", "carriage\rreturn.jpg", 'double"quote.jpg', "single'quote.jpg", "<script>alert(1)<%2Fscript>.jpg",
    "<img src=x onerror=alert(1)>.jpg", "-o.jpg", "--help.jpg", "..jpg.jpg", " space .jpg", "$(touch x).jpg",
    "`id`.jpg", "a;b&c|d.jpg", "..\\..\\up.jpg", "%2e%2e%2fup.jpg", "%s%n.jpg", "{0.__class__}.jpg", "\x1b[31mred.jpg",
    "\u202egpj.exe.jpg", "\u2028line.jpg", "photo\u200b.jpg", "🌇.jpg", "Ünïcödé.JPG", "写" * 80 + ".jpg",
    "a" * 251 + ".jpg", "b" * 200 + ".jpg", "two.dots.tar.jpg", "tab\t.jpg", "bell\a.jpg", "con.jpg", "~.jpg", "*.jpg",
    b"latin-\xe9t\xe9.jpg", b"\xff\xfe\xfd.jpg", b"half \xe5\x86.jpg",
]  # fmt: skip


def badly_named() -> Iterator[Hostile]:
    """Sound photos, so that the name alone is at fault, and broken ones, so that it is in an error's sentence."""
    content = saved(picture(), "JPEG")
    for name in NAMES:
        encoded = os.fsencode(name)
        refused = b"z" + (encoded if len(encoded) < 255 else encoded[1:])
        yield Hostile(name, content, SIZE if len(encoded) <= 255 - len("_ambient") else None)
        yield Hostile(refused, content[:200], False)


KINDS: list[Callable[[], Iterator[Hostile]]] = [
    truncated, flipped, overwritten, misnamed, bombs, extremes, metadata, badly_named
]  # fmt: skip


def make(folder: Path) -> dict[Path, Hostile]:
    """Write the corpus into ``folder``; every file has a stem of its own, numbered but for those whose name matters."""
    written = {}
    for kind in KINDS:
        for number, file in enumerate(kind()):
            if kind is badly_named:
                path = folder / os.fsdecode(file.name)
            else:
                path = folder / f"{kind.__name__} {number:03} {file.name}"
            path.write_bytes(file.content)
            written[path] = file
    return written | special(folder)


def special(folder: Path) -> dict[Path, Hostile]:
    """What is no file, or not one that ends."""
    (folder / "a folder.jpg").mkdir()
    links = {"link to nothing.jpg": "nowhere", "link to itself.jpg": "link to itself.jpg", "link to a folder.jpg": "..",
             "link without end.jpg": "/dev/zero", "link to a process.jpg": "/proc/self/environ"}  # fmt: skip
    for name, target in links.items():
        (folder / name).symlink_to(target)
    os.mkfifo(folder / "pipe.jpg")
    names = ["a folder.jpg", "pipe.jpg", *links]
    return {folder / name: Hostile(name, b"", False) for name in names}
