"""What says where a photo was taken, or with which very camera: by the meaning of names and texts, on no list."""

import re

PRIVATE_NAME = re.compile(
    r"""gps | gnss | (?<!iso_speed_)latitude | longt?itude | altitude | elevation(?!_angle) | sea_?level | coord
    | waypoint | nmea | location | (?<!authors_)(?<!sample_)position | place | city | town | village | county | country
    | (?<!e)state | province | district | suburb | municipality | continent | island | neighbou?rhood | locality | venue
    | landmark | address | addr(?![a-z]) | street | post(al|_?code) | zip_?code | what3words | whereabouts
    | serial | serno | imei | imsi | b?ssid | (?<!copyright_)owner_?(name|id) | (camera|device|drone|body|lens)_?owner
    | (camera|device|drone|body|aircraft|owner|user|phone|hardware|machine|cell|cell_global|cell_tower)s?_?u?u?id
    | mobile_(country|network) | maker_?note | private
    | (?<![a-z])(geo(?!log|met)\w* | lat | lon | lng | adr | zip | sn | poi | utm | mgrs | coverage)(?![a-z])
    | (?<![a-z])(lac | mcc | mnc | cgi)(?![a-z])  # of the cell of a mobile network
    | (?<![a-z])(alt | long)$ | (?<!image_)region$ | [a-z](?<!image)_region_(code|name)$""",
    re.VERBOSE,
)
"""In words joined by ``_``, as :func:`is_private_name` writes a name. One maker writes ``GpsLongtitude``."""

ORDINARY_WORD = re.compile(
    r"""(?<![a-z])( (al|col|dis)locations? | (re|dis)place\w* | place(ments?|d|holders?) | [a-z]*[aio]city
    | (com|dis|ex|pro|trans|super|im|op)positions? | positioning | statements? | stated | avenue | revenue
    )(?![a-z])""",
    re.VERBOSE,
)
"""Which have such words in them and mean something else: ``Opacity``, ``Composition``."""

PRIVATE_TEXT = re.compile(
    r"""(?!0\.\d+\W+0\.)\b\d{1,3}\.\d{3,}\W{1,4}(?:[NSEWO]\W{1,3})?\d{1,3}\.\d{3,}  # 52.5163, -13.3777
    | \d\s?(?:°|º|(?i:deg\b))\s?(?:\d{1,2}(?:\.\d+)?\s?['\u2019\u2032NSEWO]|[NSEWO]\b)  # 52° 31', 52.5 deg N
    | \b\d{1,3}[.,]\d{2,}(?:[.,]\d+)?\s?[NSEWO]\b | \b[NSEWO]\s?\d{1,3}[.,]\d{3,}  # 52,31.2N
    | [-+]\d\d(?:\d\d){0,2}\.\d+[-+]\d{3}(?:\d\d){0,2}\.\d  # +52.5163+013.3777/ (ISO 6709)
    | (?i:\bgeo:[-+]?\d) | \$G[A-Z](?:GGA|GLL|RMC)\b
    | (?i:\b(?:gps|lat|lon|lng|latitude|longitude|altitude|elevation|serial|serial\sn(?:o|r|umber)|s/n)\W{0,4}\d)""",
    re.VERBOSE,
)
"""A position as people and programs write it, or a number that says what it is."""

LABEL = re.compile(r"""\b([a-z][\w.-]{0,40}(?:[ ][\w.-]{1,20}){0,2})["'\]]{0,2}\s?[:=>|](?!//)""", re.IGNORECASE)
"""In ``Serial number: 4711``, ``gps=...``, ``{"city": ...}``, ``<City>`` and ``Places|Berlin``."""

TEXT_NOTE = "a text that names a position, a place or a serial number is left out"


def is_private_name(name: str) -> bool:
    """Whether a property, or the keyword of a text, means a place, a position, an owner or a serial number."""
    words = "_".join(re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)).lower()
    return bool(PRIVATE_NAME.search(ORDINARY_WORD.sub("", words)))


def is_private_text(text: str | bytes, notes: list[str] | None = None) -> bool:
    """Whether a value says such a thing; then ``notes`` receives a sentence. Bytes are text of any encoding."""
    if isinstance(text, bytes):
        text = decoded(text)
    found = bool(PRIVATE_TEXT.search(text)) or any(is_private_name(label[1]) for label in LABEL.finditer(text))
    if found and notes is not None:
        notes.append(TEXT_NOTE)
    return found


def decoded(text: bytes) -> str:
    """What can be searched in it: UTF-16 loses its zeros."""
    text = text.replace(b"\0", b"")
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")
