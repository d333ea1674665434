"""Extended XMP (XMP part 3, 1.1.3.1): how a JPEG, whose segments are at most 64 KB, stores a longer packet."""

import hashlib
import struct
from collections.abc import Iterator
from xml.dom import XML_NAMESPACE, minidom

from f2a.photo.metadata.xmp import NAMESPACES, RDF, XmpError, elements_of, parse_xmp, xmp_bytes

PACKET_SIGNATURE = b"http://ns.adobe.com/xap/1.0/\0"
SIGNATURE = b"http://ns.adobe.com/xmp/extension/\0"
GUID, LENGTH, OFFSET, START = slice(32), slice(32, 36), slice(36, 40), 40
"""Positions after the signature: GUID and length of the extension, this part's offset in it, and the part itself."""
MAX_PACKET, PART_SIZE = 65_500, 65_000
"""Limits, in bytes per segment, on a packet and on a part of an extension."""

NOTE = "http://ns.adobe.com/xmp/note/"
ROOM_FOR_NOTE = 120


def join_extension(packet: bytes, segments: list[bytes]) -> bytes:
    """The packet with the properties of its extension.

    Args:
        packet: the packet, which names its extension by a GUID.
        segments: contents of a JPEG's APP1 segments.

    Raises:
        XmpError: there is an extension, but the packet names another, a part is missing, or one of the two is damaged.
    """
    parts = [segment[len(SIGNATURE) :] for segment in segments if segment.startswith(SIGNATURE)]
    if not parts:
        return packet
    named = {part[OFFSET]: part for part in parts if part[GUID] in packet and len(part) > START}
    extension = b"".join(named[offset][START:] for offset in sorted(named))
    if not named or len(extension) != int.from_bytes(next(iter(named.values()))[LENGTH], "big"):
        raise XmpError
    document = parse_xmp(packet)
    root = _root(document)
    for description in elements_of(_root(parse_xmp(extension))):
        _copy_namespaces(description, root.appendChild(document.importNode(description, deep=True)))
    return xmp_bytes(document)


def xmp_segments(packet: bytes) -> bytes:
    """The APP1 segments of a JPEG that store a packet of any length.

    Raises:
        XmpError: the packet is too long and damaged, or too long even without its properties.
    """
    extension = b""
    if len(packet) > MAX_PACKET:
        packet, extension = _split(packet)
    parts = [PACKET_SIGNATURE + packet] if packet else []
    start = SIGNATURE + _guid(extension) + struct.pack(">I", len(extension))
    for offset in range(0, len(extension), PART_SIZE):
        parts.append(start + struct.pack(">I", offset) + extension[offset : offset + PART_SIZE])
    return b"".join(b"\xff\xe1" + struct.pack(">H", 2 + len(part)) + part for part in parts)


def _split(packet: bytes) -> tuple[bytes, bytes]:
    """The packet without its largest properties, so that it fits into a segment, and an extension with these."""
    document, extension = parse_xmp(packet), parse_xmp(packet)
    properties = zip(_properties(document), _properties(extension), strict=True)
    excess = len(packet) + ROOM_FOR_NOTE - MAX_PACKET
    for node, copy in sorted(properties, key=lambda pair: _length(pair[0]), reverse=True):
        _remove(node if excess > 0 else copy)
        excess -= _length(node)
    body = b"".join(node.toxml().encode() for node in extension.childNodes if isinstance(node, minidom.Element))
    first = next(elements_of(_root(document)))
    first.setAttributeNS(NAMESPACES, "xmlns:xmpNote", NOTE)
    first.setAttributeNS(NOTE, "xmpNote:HasExtendedXMP", _guid(body).decode())
    packet = xmp_bytes(document)
    if len(packet) > MAX_PACKET:
        raise XmpError
    return packet, body


def _guid(extension: bytes) -> bytes:
    return hashlib.md5(extension, usedforsecurity=False).hexdigest().upper().encode()


def _root(document: minidom.Document) -> minidom.Element:
    """
    Raises:
        XmpError: the document has no root.
    """
    for element in document.getElementsByTagNameNS(RDF, "RDF"):
        return element
    raise XmpError


def _properties(document: minidom.Document) -> Iterator[minidom.Element | minidom.Attr]:
    for description in elements_of(_root(document)):
        for attribute in list(description.attributes.values()):
            if attribute.namespaceURI not in (NAMESPACES, RDF, XML_NAMESPACE):
                yield attribute
        yield from elements_of(description)


def _length(node: minidom.Element | minidom.Attr) -> int:
    return len((node.value if isinstance(node, minidom.Attr) else node.toxml()).encode())


def _remove(node: minidom.Element | minidom.Attr) -> None:
    if isinstance(node, minidom.Attr) and node.ownerElement:
        node.ownerElement.removeAttributeNode(node)
    elif isinstance(node, minidom.Element) and node.parentNode:
        node.parentNode.removeChild(node)


def _copy_namespaces(source: minidom.Node | None, target: minidom.Element) -> None:
    """Copy all namespaces in scope at ``source``, including those declared further up."""
    while isinstance(source, minidom.Element):
        for attribute in source.attributes.values():
            if attribute.namespaceURI == NAMESPACES and not target.hasAttribute(attribute.nodeName):
                target.setAttributeNS(NAMESPACES, attribute.nodeName, attribute.value)
        source = source.parentNode
