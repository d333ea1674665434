"""The texts of a PNG (ISO 15948, 11.3.4): ``tEXt``, ``zTXt`` and ``iTXt`` chunks."""

import zlib

TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt")
MAX_TEXT_BYTES = 1 << 22
"""Bytes unpacked of one text: twice as many captions as any file has, and no bomb."""


class PngTextError(ValueError):
    """A chunk that is no text, or a longer one than is read."""


def text_of(kind: bytes, data: bytes) -> tuple[str, bytes]:
    """Keyword, with its translation, and value of a text chunk.

    Raises:
        PngTextError: it cannot be unpacked.
    """
    keyword, _, text = data.partition(b"\0")
    is_compressed = kind == b"zTXt"
    try:
        if kind == b"iTXt":
            is_compressed = text[0] == 1
            _, translation, text = text[2:].split(b"\0", 2)
            keyword += b" " + translation
        elif is_compressed:
            text = text[1:]
        if is_compressed:
            unpacking = zlib.decompressobj()
            text = unpacking.decompress(text, MAX_TEXT_BYTES)
            if not unpacking.eof:
                raise PngTextError
    except (IndexError, ValueError, zlib.error):
        raise PngTextError from None
    return keyword.decode("utf-8", "replace"), text
