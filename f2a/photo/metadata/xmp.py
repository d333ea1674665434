"""XMP (ISO 16684-1) for a photo that has been turned upright and relit."""

import json
import re
from xml.dom import minidom
from xml.parsers.expat import ExpatError

from f2a.photo.metadata.privacy import is_private_name, is_private_text

TIFF, EXIF = "http://ns.adobe.com/tiff/1.0/", "http://ns.adobe.com/exif/1.0/"
NAMESPACES, RDF = "http://www.w3.org/2000/xmlns/", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

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

MAX_ELEMENTS = 100_000
"""Tags and attributes that are read, in a second; the largest packets of raw developers have a tenth."""


class XmpError(ValueError):
    """A block that is no XMP."""


def clean_xmp(xmp: bytes, size: tuple[int, int], keep_private: bool, notes: list[str] | None = None) -> bytes:
    """XMP without orientation, thumbnails and what describes further pictures, and of the size ``size``.

    What names a position, a place, an owner or a serial number, in any namespace, is left out unless ``keep_private``,
    and so are comments; where it is a text that does, ``notes`` receives a sentence.

    Raises:
        XmpError: the block is damaged.
    """
    xmp = _in_utf8(xmp)
    if b"<!DOCTYPE" in xmp or xmp.count(b"<") + xmp.count(b"=") > MAX_ELEMENTS:  # entities that unfold, or reach out
        raise XmpError
    try:
        document = minidom.parseString(xmp.strip(b"\0 \r\n\t"))
        return _cleaned(document, size, keep_private, notes)
    except (ExpatError, ValueError, LookupError, RecursionError):
        raise XmpError from None


def _in_utf8(xmp: bytes) -> bytes:
    """A packet in UTF-16 or UTF-32 in UTF-8, which others are in already."""
    encoding = json.detect_encoding(xmp)  # by byte order mark and zeros, as for XML
    if encoding.startswith("utf-8"):
        return xmp
    text = xmp.decode(encoding, "replace").lstrip("\ufeff")
    return re.sub(r"^<\?xml[^>]*\?>", "", text).encode("utf-8", "replace")


def _cleaned(document: minidom.Document, size: tuple[int, int], keep_private: bool, notes: list[str] | None) -> bytes:
    for element in list(document.getElementsByTagName("*")):
        for attribute in list((element.attributes or {}).values()):
            if _is_unwanted(attribute, keep_private, notes):
                element.removeAttributeNode(attribute)
            elif (value := _size_of(attribute, size)) is not None:
                attribute.value = value
        for node in list(element.childNodes):
            if isinstance(node, minidom.Comment | minidom.ProcessingInstruction):
                element.removeChild(node)
        if _is_unwanted(element, keep_private, notes) and element.parentNode:
            element.parentNode.removeChild(element)
        elif (value := _size_of(element, size)) is not None and isinstance(element.firstChild, minidom.Text):
            element.firstChild.data = value
    nodes = [node for node in document.childNodes if not isinstance(node, minidom.Comment)]
    return b"".join(node.toxml().encode() for node in nodes)


def _is_unwanted(node: minidom.Element | minidom.Attr, keep_private: bool, notes: list[str] | None) -> bool:
    if node.namespaceURI == NAMESPACES:
        return node.nodeValue in DERIVED_NAMESPACES or (
            not keep_private and _is_private_namespace(node.nodeValue, node.localName)
        )
    if (node.namespaceURI, node.localName) in DERIVED or node.namespaceURI in DERIVED_NAMESPACES:
        return True
    if keep_private:
        return False
    if _is_private_namespace(node.namespaceURI, node.prefix):
        return True
    texts = [node.nodeValue] if node.nodeValue else [n.data for n in node.childNodes if isinstance(n, minidom.Text)]
    is_private = node.namespaceURI != RDF and is_private_name(str(node.localName))
    return is_private or is_private_text("".join(texts), notes)


def _is_private_namespace(uri: str | None, prefix: str | None) -> bool:
    return is_private_name(str(uri)) or is_private_name(str(prefix))


def _size_of(node: minidom.Node, size: tuple[int, int]) -> str | None:
    name = (node.namespaceURI, node.localName)
    if name in ((TIFF, "ImageWidth"), (EXIF, "PixelXDimension")):
        return str(size[0])
    if name in ((TIFF, "ImageLength"), (EXIF, "PixelYDimension")):
        return str(size[1])
    return None
