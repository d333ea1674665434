"""Extended XMP (XMP part 3, 1.1.3.1): how a JPEG, whose segments end at 64 KB, holds a longer packet."""

import hashlib
import struct
from collections.abc import Iterator
from xml.dom import XML_NAMESPACE, minidom

from f2a.photo.metadata.xmp import NAMESPACES, RDF, XmpError, parse_xmp, xmp_bytes

PACKET_SIGNATURE = b"http://ns.adobe.com/xap/1.0/\0"
SIGNATURE = b"http://ns.adobe.com/xmp/extension/\0"
GUID, LENGTH, OFFSET, START = slice(32), slice(32, 36), slice(36, 40), 40
"""Where they stand behind the signature: of the extension, and of this part in it."""
MAX_PACKET, PART_SIZE = 65_500, 65_000
"""Bytes of a packet, and of a part of an extension, in a segment."""

NOTE = "http://ns.adobe.com/xmp/note/"
ROOM_FOR_NOTE = 120
EMPTY = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"/></x:xmpmeta>'.encode()


def join_extension(packet: bytes, segments: list[bytes]) -> bytes:
    """The packet with the properties of its extension.

    Args:
        packet: names its extension by a GUID.
        segments: the content of a JPEG's APP1 segments.

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
    for description in _elements(_root(parse_xmp(extension))):
        _copy_namespaces(description, root.appendChild(document.importNode(description, deep=True)))
    return xmp_bytes(document)


def xmp_segments(packet: bytes) -> bytes:
    """The APP1 segments of a JPEG that hold a packet of any length.

    Raises:
        XmpError: it is too long and damaged, or too long without any property.
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
    """The packet without its largest properties, so that it fits into a segment, and these as its extension."""
    document, extension = parse_xmp(packet), parse_xmp(EMPTY)
    excess = len(packet) + ROOM_FOR_NOTE - MAX_PACKET
    for description in _elements(_root(document)):
        copy = _root(extension).appendChild(_without_properties(description, extension))
        for node in sorted(_properties(description), key=_length, reverse=True):
            if excess > 0:
                excess -= _length(node)
                _move(node, description, copy)
    body = xmp_bytes(extension)
    first = next(_elements(_root(document)))
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
        XmpError: there is none.
    """
    for element in document.getElementsByTagNameNS(RDF, "RDF"):
        return element
    raise XmpError


def _elements(node: minidom.Element) -> Iterator[minidom.Element]:
    return (child for child in list(node.childNodes) if isinstance(child, minidom.Element))


def _properties(description: minidom.Element) -> list[minidom.Element | minidom.Attr]:
    attributes = [a for a in description.attributes.values() if a.namespaceURI not in (NAMESPACES, RDF, XML_NAMESPACE)]
    return [*attributes, *_elements(description)]


def _length(node: minidom.Element | minidom.Attr) -> int:
    return len((node.value if isinstance(node, minidom.Attr) else node.toxml()).encode())


def _without_properties(description: minidom.Element, document: minidom.Document) -> minidom.Element:
    """A copy for ``document``."""
    copy = document.createElementNS(RDF, description.nodeName)
    for attribute in description.attributes.values():
        if attribute.namespaceURI == RDF:
            copy.setAttributeNS(RDF, attribute.nodeName, attribute.value)
    _copy_namespaces(description, copy)
    return copy


def _copy_namespaces(source: minidom.Node | None, target: minidom.Element) -> None:
    """All that hold at ``source``, also those that are declared further up."""
    while isinstance(source, minidom.Element):
        for attribute in source.attributes.values():
            if attribute.namespaceURI == NAMESPACES and not target.hasAttribute(attribute.nodeName):
                target.setAttributeNS(NAMESPACES, attribute.nodeName, attribute.value)
        source = source.parentNode


def _move(node: minidom.Element | minidom.Attr, source: minidom.Element, target: minidom.Element) -> None:
    if isinstance(node, minidom.Attr):
        target.setAttributeNS(node.namespaceURI, node.nodeName, node.value)
        source.removeAttributeNode(node)
    else:
        target.appendChild(node)  # which takes it out of where it was
