"""Parts of photo files other than the picture, built by hand: JPEG segments, JUMBF boxes, items of an AVIF file."""

import struct

C2PA_UUID = bytes.fromhex("63327061 0011 0010 8000 00AA00389B71")


def segment(marker: int, content: bytes) -> bytes:
    """Return a JPEG segment; the marker of ``APPn`` is 0xE0 + n."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def box(kind: bytes, content: bytes) -> bytes:
    """Return a box (ISO 14496-12, 4.2)."""
    return struct.pack(">I4s", len(content) + 8, kind) + content


def full_box(kind: bytes, content: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags) + content)


def manifest_store() -> bytes:
    """Return the JUMBF (ISO 19566-5) that content credentials begin with (C2PA 2.1, 11.1.4.2)."""
    return box(b"jumb", box(b"jumd", C2PA_UUID + b"\3c2pa\0") + box(b"free", bytes(40)))


def resource(number: int, content: bytes) -> bytes:
    """Return a Photoshop image resource."""
    return b"8BIM" + struct.pack(">HHI", number, 0, len(content)) + content + bytes(len(content) % 2)


def clipping_path(number: int = 2000) -> bytes:
    """Return a closed path of one knot with its fill rule (Photoshop File Formats, "Path resource format")."""
    records = [struct.pack(">H24x", 6), struct.pack(">HH22x", 0, 1), struct.pack(">H6i", 1, *range(6))]
    return resource(number, b"".join(records))


def boxes_of(content: bytes) -> dict[bytes, bytes]:
    found, at = {}, 0
    while at < len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        found[kind] = content[at + 8 : at + size]
        at += size
    return found


def with_gain_map(avif: bytes) -> bytes:
    """Add a gain map (ISO 21496-1) to an AVIF file of one picture: a ``tmap`` item derived from two pictures."""
    top = boxes_of(avif)
    meta = boxes_of(top[b"meta"][4:])
    picture = top[b"mdat"]
    properties = boxes_of(meta[b"iprp"])[b"ipco"]
    tone_map = bytes(1) + struct.pack(">HHB", 0, 0, 0) + struct.pack(">14I", *[1] * 14)
    items = [(1, b"av01", picture, 0), (2, b"av01", picture, 1), (3, b"tmap", tone_map, 0)]
    entries = b"".join(
        full_box(b"infe", struct.pack(">HH4s", number, 0, kind) + b"\0", 2, flags) for number, kind, _, flags in items
    )
    shown = bytes([4, 1, 2, 0x83, 4])
    associations = b"".join(
        struct.pack(">H", number) + known for number, known in ((1, shown), (2, shown), (3, b"\3\1\2\4"))
    )

    def written(start: int) -> bytes:
        places, at = b"", start
        for number, _, content, _ in items:
            places += struct.pack(">HHHII", number, 0, 1, at, len(content))
            at += len(content)
        return full_box(
            b"meta",
            full_box(b"hdlr", meta[b"hdlr"][4:])
            + full_box(b"pitm", struct.pack(">H", 1))
            + full_box(b"iloc", struct.pack(">BBH", 0x44, 0, 3) + places)
            + full_box(b"iinf", struct.pack(">H", 3) + entries)
            + full_box(b"iref", box(b"dimg", struct.pack(">4H", 3, 2, 1, 2)))
            + box(b"iprp", box(b"ipco", properties) + full_box(b"ipma", struct.pack(">I", 3) + associations))
            + box(b"grpl", full_box(b"altr", struct.pack(">4I", 9, 2, 3, 1))),
        )

    head = box(b"ftyp", b"avif\0\0\0\0avifmif1miaftmap")
    start = len(head) + len(written(0)) + 8
    return head + written(start) + box(b"mdat", b"".join(content for _, _, content, _ in items))
