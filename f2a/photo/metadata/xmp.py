"""XMP (ISO 16684-1) for a photo that has been turned upright and relit."""

import functools
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from xml.dom import minidom
from xml.parsers.expat import ExpatError

from f2a.photo.metadata.privacy import is_private_name, is_private_text

TIFF, EXIF = "http://ns.adobe.com/tiff/1.0/", "http://ns.adobe.com/exif/1.0/"
PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
NAMESPACES, RDF = "http://www.w3.org/2000/xmlns/", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

DERIVED_NAMESPACES = (
    "http://ns.adobe.com/hdr-gain-map/1.0/",
    "http://ns.google.com/photos/1.0/container/",
    "http://ns.google.com/photos/1.0/camera/",
    "http://ns.google.com/photos/1.0/depthmap/",
    "http://ns.google.com/photos/1.0/image/",
    "http://ns.google.com/photos/1.0/audio/",
    "http://ns.google.com/photos/dd/1.0/",
    "http://ns.apple.com/HDRGainMap/1.0/",
)
"""Starts of the namespaces that describe further pictures, films or sounds in the file. These are not written, so
neither are their descriptions."""

DERIVED = {
    (TIFF, "Orientation"),
    ("http://ns.adobe.com/xmp/note/", "HasExtendedXMP"),
    ("http://ns.adobe.com/xap/1.0/", "Thumbnails"),
    *((PHOTOSHOP, name) for name in ("ColorMode", "ICCProfile")),
    *((TIFF, name) for name in (
        "BitsPerSample", "Compression", "PhotometricInterpretation", "PlanarConfiguration", "ReferenceBlackWhite",
        "SamplesPerPixel", "YCbCrCoefficients", "YCbCrSubSampling",
    )),
}  # fmt: skip
"""Properties that would be false in the new file, or that say how the old one encoded its pixels, as in EXIF."""

WORD = re.compile(r"[A-Za-z]\w{1,40}")

MAX_ELEMENTS = 100_000
"""Limit on tags and attributes read, about a second's work; raw developers' largest packets have a tenth of it."""


class XmpError(ValueError):
    """The block is not XMP, or is damaged."""


def clean_xmp(xmp: bytes, size: tuple[int, int], keep_private: bool, notes: list[str] | None = None) -> bytes:
    """XMP without orientation, thumbnails and descriptions of further pictures, and with the size ``size``.

    Comments are left out and, unless ``keep_private``, so is what names a position, a place, an owner or a serial
    number, in any namespace; ``notes`` receives a sentence if a text does.

    Raises:
        XmpError: the block is damaged.
    """
    document = parse_xmp(xmp)
    with _xmp_errors():
        _clean(document, _Cleaner(size, keep_private, notes))
        return xmp_bytes(document)


def stated_orientation(xmp: bytes) -> int:
    """Orientation as in EXIF, 1 to 8; 1 (upright) if none is stated. Like Pillow, it does not parse the packet."""
    stated = re.search(rb'tiff:Orientation(?:="|>)([1-8])', xmp)
    return int(stated[1]) if stated else 1


def parse_xmp(xmp: bytes) -> minidom.Document:
    """Parse a packet into a tree.

    Raises:
        XmpError: it is damaged, or has too many elements.
    """
    xmp = _in_utf8(xmp)
    if b"<!DOCTYPE" in xmp or xmp.count(b"<") + xmp.count(b"=") > MAX_ELEMENTS:  # entities that expand, or name files
        raise XmpError
    with _xmp_errors():
        return minidom.parseString(xmp.strip(b"\0 \r\n\t"))


def xmp_bytes(document: minidom.Document) -> bytes:
    """The packet of a tree, with nothing around it but its ``xpacket`` markers."""
    kept = (node for node in document.childNodes if isinstance(node, minidom.Element) or node.nodeName == "xpacket")
    return b"".join(node.toxml().encode() for node in kept)


@contextmanager
def _xmp_errors() -> Iterator[None]:
    """Turn what the parser raises, also for trees that are too deep, into an :class:`XmpError`."""
    try:
        yield
    except (ExpatError, ValueError, LookupError, RecursionError):
        raise XmpError from None


def _in_utf8(xmp: bytes) -> bytes:
    """The packet converted from UTF-16 or UTF-32 to UTF-8; unchanged if it is UTF-8 already."""
    encoding = json.detect_encoding(xmp)  # told by byte order mark and zeros, as in XML
    if encoding.startswith("utf-8"):
        return xmp
    text = xmp.decode(encoding, "replace").lstrip("\ufeff")
    return re.sub(r"^<\?xml[^>]*\?>", "", text).encode("utf-8", "replace")


def _clean(document: minidom.Document, cleaner: "_Cleaner") -> None:
    for element in list(document.getElementsByTagName("*")):
        for attribute in list(element.attributes.values()) if element.hasAttributes() else ():
            if cleaner.is_unwanted(attribute):
                element.removeAttributeNode(attribute)
            elif (value := cleaner.new_value(attribute)) is not None:
                attribute.value = value
        for node in list(element.childNodes):
            if isinstance(node, minidom.Comment | minidom.ProcessingInstruction):
                element.removeChild(node)
        if cleaner.is_unwanted(element) and element.parentNode:
            element.parentNode.removeChild(element)
        elif (value := cleaner.new_value(element)) is not None and isinstance(element.firstChild, minidom.Text):
            element.firstChild.data = value


class _Cleaner:
    """Judges the nodes of one packet; each name and text is judged once, since few names occur many times."""

    def __init__(self, size: tuple[int, int], keep_private: bool, notes: list[str] | None) -> None:
        width, height = (str(side) for side in size)
        self._sizes = {
            (TIFF, "ImageWidth"): width, (EXIF, "PixelXDimension"): width,
            (TIFF, "ImageLength"): height, (EXIF, "PixelYDimension"): height,
        }  # fmt: skip
        self._keep_private = keep_private
        self._is_private_text = functools.cache(functools.partial(is_private_text, notes=notes))
        self._is_private_word = functools.cache(is_private_name)
        self._is_unwanted_name = functools.cache(self._judged)

    def is_unwanted(self, node: minidom.Element | minidom.Attr) -> bool:
        if node.namespaceURI == NAMESPACES:
            return self._is_unwanted_name(node.nodeValue, f"{node.localName}:")
        if self._is_unwanted_name(node.namespaceURI, node.nodeName):
            return True
        if self._keep_private:
            return False
        return self._is_private_text(_text_of(node)) or any(map(self._is_private_word, _words_of(node)))

    def new_value(self, node: minidom.Element | minidom.Attr) -> str | None:
        return self._sizes.get((str(node.namespaceURI), node.nodeName.rpartition(":")[2]))

    def _judged(self, namespace: str | None, name: str) -> bool:
        """Whether a property of this name, with its prefix, is left out."""
        prefix, _, local = name.rpartition(":")
        if str(namespace).startswith(DERIVED_NAMESPACES) or (namespace, local) in DERIVED:
            return True
        names = (str(namespace), prefix, "" if (namespace, local) == (RDF, "Alt") else local)
        return not self._keep_private and any(map(is_private_name, names))


def elements_of(node: minidom.Element) -> Iterator[minidom.Element]:
    return (child for child in list(node.childNodes) if isinstance(child, minidom.Element))


def _text_of(node: minidom.Element | minidom.Attr) -> str:
    return node.nodeValue or "".join(child.data for child in node.childNodes if isinstance(child, minidom.Text))


def _words_of(node: minidom.Element | minidom.Attr) -> Iterator[str]:
    """Single words among values that belong together, one of which may name the others:
    ``<Item key="City" value="Berlin"/>``. A photo's properties do not belong together, nor do a list's items."""
    parent = node.parentNode
    if isinstance(node, minidom.Attr) or (parent and parent.localName == "RDF"):
        return
    values: list[minidom.Element | minidom.Attr] = [*node.attributes.values(), *elements_of(node)]
    for value in values:
        if value.namespaceURI not in (NAMESPACES, RDF) and WORD.fullmatch(text := _text_of(value).strip()):
            yield text
