"""XMP (ISO 16684-1) for a photo that has been turned upright and relit."""

import json
import re
from xml.dom import minidom
from xml.parsers.expat import ExpatError

from f2a.photo.metadata.privacy import is_private_name

TIFF, EXIF = "http://ns.adobe.com/tiff/1.0/", "http://ns.adobe.com/exif/1.0/"
PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"

DERIVED_NAMESPACES = {
    "http://ns.adobe.com/hdr-gain-map/1.0/",
    "http://ns.google.com/photos/1.0/container/",
    "http://ns.google.com/photos/1.0/camera/",
    "http://ns.google.com/photos/1.0/depthmap/",
    "http://ns.google.com/photos/1.0/image/",
    "http://ns.google.com/photos/1.0/audio/",
    "http://ns.apple.com/HDRGainMap/1.0/",
}
"""What describes further pictures, films or sounds of the file: they are not written, so neither is this."""

DERIVED = {
    (TIFF, "Orientation"),
    ("http://ns.adobe.com/xmp/note/", "HasExtendedXMP"),
    ("http://ns.adobe.com/xap/1.0/", "Thumbnails"),
}

PRIVATE = {(EXIF, "MakerNote"), (PHOTOSHOP, "State")}
"""What names alone do not tell; see :func:`f2a.photo.metadata.privacy.is_private_name` for the others."""

MAX_ELEMENTS = 100_000
"""Tags and attributes that are read, in a second; the largest packets of raw developers have a tenth."""


class XmpError(ValueError):
    """A block that is no XMP."""


def clean_xmp(xmp: bytes, size: tuple[int, int], keep_private: bool) -> bytes:
    """XMP without orientation, thumbnails and what describes further pictures, and of the size ``size``.

    What names a position, a place, an owner or a serial number, in any namespace, is left out unless ``keep_private``.

    Raises:
        XmpError: the block is damaged.
    """
    xmp = _in_utf8(xmp)
    if b"<!DOCTYPE" in xmp or xmp.count(b"<") + xmp.count(b"=") > MAX_ELEMENTS:  # entities that unfold, or reach out
        raise XmpError
    try:
        document = minidom.parseString(xmp.strip(b"\0 \r\n\t"))
        return _cleaned(document, size, keep_private)
    except (ExpatError, ValueError, LookupError, RecursionError):
        raise XmpError from None


def _in_utf8(xmp: bytes) -> bytes:
    """A packet in UTF-16 or UTF-32 in UTF-8, which others are in already."""
    encoding = json.detect_encoding(xmp)  # by byte order mark and zeros, as for XML
    if encoding.startswith("utf-8"):
        return xmp
    text = xmp.decode(encoding, "replace").lstrip("\ufeff")
    return re.sub(r"^<\?xml[^>]*\?>", "", text).encode("utf-8", "replace")


def _cleaned(document: minidom.Document, size: tuple[int, int], keep_private: bool) -> bytes:
    for element in list(document.getElementsByTagName("*")):
        for attribute in list((element.attributes or {}).values()):
            if _unwanted(attribute, keep_private):
                element.removeAttributeNode(attribute)
            elif (value := _size_of(attribute, size)) is not None:
                attribute.value = value
        if _unwanted(element, keep_private) and element.parentNode:
            element.parentNode.removeChild(element)
        elif (value := _size_of(element, size)) is not None and isinstance(element.firstChild, minidom.Text):
            element.firstChild.data = value
    return b"".join(node.toxml().encode() for node in document.childNodes)


def _unwanted(node: minidom.Node, keep_private: bool) -> bool:
    name = (node.namespaceURI, node.localName)
    declared = node.nodeValue if node.namespaceURI == "http://www.w3.org/2000/xmlns/" else None
    if name in DERIVED or {node.namespaceURI, declared} & DERIVED_NAMESPACES:
        return True
    return not keep_private and (name in PRIVATE or is_private_name(str(node.localName)))


def _size_of(node: minidom.Node, size: tuple[int, int]) -> str | None:
    name = (node.namespaceURI, node.localName)
    if name in ((TIFF, "ImageWidth"), (EXIF, "PixelXDimension")):
        return str(size[0])
    if name in ((TIFF, "ImageLength"), (EXIF, "PixelYDimension")):
        return str(size[1])
    return None
