"""The parts of hostile photo files: absurd EXIF, XMP, profiles, directories and chunks, byte by byte."""

import io
import struct
import zlib

import numpy as np

from f2a.photo.codecs import tiff
from f2a.photo.metadata.metadata import Metadata
from tests.support import profiles

PROFILE = profiles.DISPLAY_P3

ORIENTATION, EXIF, GPS, INTEROPERABILITY, DESCRIPTION, NOTE = 0x0112, 0x8769, 0x8825, 0xA005, 0x010E, 0x927C
SHORT, LONG, UNDEFINED = 3, 4, 7

XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/></rdf:RDF></x:xmpmeta>"""


def directory(entries, following=0):
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return struct.pack("<H", len(entries)) + body + struct.pack("<I", following)


def exif(*entries, following=0, behind=b"", first=8):
    """Return a block of EXIF; each entry is ``(tag, type, count, value or offset)``."""
    entries = entries or ((0x0128, SHORT, 1, 2),)
    return b"II*\0" + struct.pack("<I", first) + directory(entries, following) + behind


def absurd_exif():
    """Return blocks of EXIF by their fault; ``turned`` ones specify a quarter turn."""
    pointer = [(EXIF, LONG, 1, 8)]
    crowd = 2_500
    behind = 10 + 12 * crowd + 4
    crowded = directory([(INTEROPERABILITY, LONG, 1, 8)] * crowd)
    found = {f"orientation {n}": exif((ORIENTATION, SHORT, 1, n)) for n in (0, 9, 255, 65_535)}
    found |= {
        "turned": exif((ORIENTATION, SHORT, 1, 6)),
        "turned and next is itself": exif((ORIENTATION, SHORT, 1, 6), following=8),
        "orientation as text": exif((ORIENTATION, 2, 4, 0x363636)),
        "orientation without values": exif((ORIENTATION, SHORT, 0, 6)),
        "two orientations": exif((ORIENTATION, SHORT, 1, 1), (ORIENTATION, SHORT, 1, 1)),
        "next is itself": exif(following=8),
        "next is the header": exif(following=1),
        "next is beyond": exif(following=2**32 - 1),
        "exif is itself": exif(*pointer),
        "gps is itself": exif((GPS, LONG, 1, 8)),
        "everything is itself": exif((EXIF, LONG, 1, 8), (GPS, LONG, 1, 8), (INTEROPERABILITY, LONG, 1, 8)),
        "exif is beyond": exif((EXIF, LONG, 1, 2**32 - 1)),
        "huge count": exif((DESCRIPTION, 2, 2**32 - 1, 8)),
        "huge count of rationals": exif((282, 5, 2**32 - 1, 8)),
        "unknown types": exif((DESCRIPTION, 99, 5, 5), (271, 0, 2**31, 5)),
        "begins beyond": exif(first=2**32 - 1),
        "begins at itself": exif(first=0),
        "begins at the end": exif(first=26),
        "only a header": b"II*\0\x08\0\0\0",
        "half a header": b"II*\0",
        "nonsense": b"\xff\xd8\xff\xe1" * 9,
        "zeros": bytes(64),
        "65535 entries promised": b"II*\0\x08\0\0\0\xff\xff" + bytes(40),
        "thumbnail is the header": exif(following=26, behind=directory([(0x201, LONG, 1, 0), (0x202, LONG, 1, 2**31)])),
        "a crowd of exif": exif(*pointer * crowd, behind=bytes(40)),
        "a crowd of gps": exif(*[(GPS, LONG, 1, 8)] * crowd),
        "a crowd of crowds": exif(*[(EXIF, LONG, 1, behind)] * crowd, behind=crowded),
        "a crowd of notes": exif(*[(NOTE, UNDEFINED, 30_000, 8)] * crowd),
        "a crowd that is larger": exif(*[(NOTE, UNDEFINED, 2_000_000, 9)] * 65_535, behind=bytes(1_500_000)),
        "a crowd of descriptions": exif(*[(DESCRIPTION, 2, 30_000, 8)] * crowd),
        "a crowd of larger descriptions": exif(*[(DESCRIPTION, 2, 1_400_000, 9)] * 65_535, behind=bytes(1_500_000)),
        "turned and a crowd of notes": exif((ORIENTATION, SHORT, 1, 6), (EXIF, LONG, 1, 38),
                                            behind=directory([(NOTE, UNDEFINED, 30_000, 8)] * crowd)),
        "a larger crowd of exif": exif(*pointer * 20_000, behind=bytes(40)),
    }  # fmt: skip
    return found


def absurd_profiles():
    whole = PROFILE
    at = whole.index(b"para\0\0\0\0")

    def curves(tag):
        return profiles.profile("absurd", "RGB", dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), tag))

    return {
        "nonsense": b"no profile at all" * 9,
        "header only": whole[:128],
        "cut": whole[:300],
        "one byte": b"\0",
        "of grey": profiles.GREY_22,
        "of cmyk": profiles.CMYK,
        "promises many tags": whole[:128] + b"\xff\xff\xff\xff" + whole[132:],
        "tags beyond": whole[:136] + b"\xff\xff\xff\xf0" * 20 + whole[216:],
        "unknown curve": whole[: at + 8] + b"\0\x09" + whole[at + 10 :],
        "endless exponent": whole[: at + 12] + b"\x7f\xff\xff\xff" + whole[at + 16 :],
        "exponent below zero": whole[: at + 12] + b"\x80\0\0\0" + whole[at + 16 :],
        "curve falls": curves(profiles.curve(np.linspace(1, 0, 256))),
        "curve of zeros": curves(profiles.curve(np.zeros(256))),
        "curve promises": curves(b"curv\0\0\0\0\xff\xff\xff\xff\0\0"),
        "curve without values": curves(b"curv\0\0\0\0\0\0\0\x05"),
        "gamma of zero": curves(b"curv\0\0\0\0\0\0\0\x01\0\0\0\0"),
        "no primaries": curves(profiles.curve(2.2)),
    }


def absurd_xmp():
    laughs = b'<!ENTITY a0 "ha">' + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10))
    return {
        "nonsense": b"<<<<",
        "empty": b" ",
        "deep": b"<a>" * 8_000 + b"</a>" * 8_000,
        "deeper": b"<a>" * 200_000 + b"</a>" * 200_000,
        "laughs": b"<!DOCTYPE x [" + laughs + b"]><x>&a9;</x>",
        "reads a file": b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><x>&f;</x>',
        "unknown encoding": b'<?xml version="1.0" encoding="x-none"?><x/>',
        "wide": b"<x>" + b"<y/>" * 99_000 + b"</x>",
        "wider": b"<x>" + b"<y/>" * 3_000_000 + b"</x>",
        "bytes": bytes(range(256)),
    }


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width, height, chunks):
    """Return an RGB PNG of that size with these chunks."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width & 0xFFFFFFFF, height & 0xFFFFFFFF, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunk(*one) for one in chunks) + chunk(b"IEND", b"")


def zip_bomb(megabytes=2_000):
    """Return that many megabytes of zeros, deflated: one block, repeated."""
    packer = zlib.compressobj(9)
    start = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + block * (megabytes - 1) + packer.flush()


def riff(body):
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def gif_of_frames(number):
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0"
    return b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(3) + b"\xff" * 3 + frame * number + b";"


def nested_boxes(depth, brand=b"heic"):
    """Return nested boxes of an ISO file (ISO 14496-12)."""
    inside = b""
    for _ in range(depth):
        inside = struct.pack(">I4s", 8 + len(inside), b"dinf") + inside
    meta = struct.pack(">I4sI", 12 + len(inside), b"meta", 0) + inside
    return struct.pack(">I4s4sI4s", 20, b"ftyp", brand, 0, brand) + meta


def entries_of(content):
    at = struct.unpack_from("<I", content, 4)[0]
    for n in range(struct.unpack_from("<H", content, at)[0]):
        yield at + 2 + 12 * n, struct.unpack_from("<HHI", content, at + 2 + 12 * n)


def with_field(content, values):
    """Return a little-endian TIFF with each existing field in ``values`` replaced by one LONG."""
    content = bytearray(content)
    for at, (tag, _, _) in list(entries_of(content)):
        if tag in values:
            struct.pack_into("<HHII", content, at, tag, LONG, 1, values[tag] & 0xFFFFFFFF)
    return bytes(content)


def with_rational(content, tag, value):
    content = bytearray(content)
    for at, (found, _, _) in list(entries_of(content)):
        if found == tag:
            struct.pack_into("<II", content, struct.unpack_from("<I", content, at + 8)[0], *value)
    return bytes(content)


def in_a_ring(content):
    """Return a TIFF whose last directory points to its first."""
    content = bytearray(content)
    first = struct.unpack_from("<I", content, 4)[0]
    struct.pack_into("<I", content, first + 2 + 12 * struct.unpack_from("<H", content, first)[0], first)
    return bytes(content)


def deep_tiff(stored):
    return tiff.encode(stored, Metadata(exif=exif((DESCRIPTION, 2, 4, 0x007A7978)), icc_profile=PROFILE))


def float_tiff(width, height):
    """Return a float TIFF with NaN, infinities, and the largest numbers."""
    import tifffile

    values = np.linspace(0, 1, width * height, dtype=np.float32).reshape(height, width)
    values[3, :5] = np.nan, np.inf, -np.inf, 3e38, -1
    content = io.BytesIO()
    tifffile.imwrite(content, values, byteorder="<")
    return content.getvalue()


def trapped_tiffs(plain, deep):
    """TIFFs in which copying every field of the directories copies the file thousands of times."""
    found = {}
    for name, content in (("plain", plain), ("deep", deep)):
        entries = [content[at : at + 12] for at, _ in entries_of(content)]
        large = content + bytes(len(content) % 2) + bytes(400_000)
        for kind, tag in (("descriptions", DESCRIPTION), ("captions", 33_723), ("exif", EXIF)):
            crowd = [struct.pack("<HHII", tag, 2 if tag != EXIF else LONG, 400_000 if tag != EXIF else 1, 8)] * 20_000
            everything = sorted([*entries, *crowd], key=lambda entry: struct.unpack_from("<H", entry))
            body = struct.pack("<H", len(everything)) + b"".join(everything) + bytes(4)
            found[f"{name} with a crowd of {kind}"] = large[:4] + struct.pack("<I", len(large)) + large[8:] + body
    return found
