"""Which metadata say where a photo was taken, or with which very camera: by what their names mean, in any namespace."""

import re

PRIVATE_PARTS = re.compile(
    r"gps|latitude|longt?itude|altitude|serial|ownername|country|province|coordinate", re.IGNORECASE
)
"""Of names, wherever they stand; one maker writes ``GpsLongtitude``."""

PRIVATE_WORDS = frozenset((
    "location", "sublocation", "place", "places", "city", "town", "county", "district",
    "address", "street", "postal", "geo", "geotag", "coords", "lat", "lon", "lng", "imei",
))  # fmt: skip
"""Whole words of names such as ``LocationShown``, so that ``Opacity`` stays."""


def is_private_name(name: str) -> bool:
    """Whether a property, or the keyword of a text, means a place, a position, an owner or a serial number."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    return bool(PRIVATE_PARTS.search(name)) or not PRIVATE_WORDS.isdisjoint(word.lower() for word in words)
