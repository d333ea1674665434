"""What reveals where, or with which individual camera, a photo was taken: told by meaning, not by a list of tags."""

import re

PRIVATE_NAME = re.compile(
    r"""gps | gnss | glonass | (?<!iso_speed_)latt?itud | (?<![a-z])(?<!iso_speed_)lati(?!n) | longt?itude
    | (?<![a-z])longt?i(?!tudinal) | altitu | elevation(?!_angle) | sea_?level | height_?(agl|above) | [ck]oord
    | easting | northing | ecef | waypoint | (home|take_?off)_?point | maidenhead | grid_?(ref|square|locator)
    | track_?(log|point) | nmea | toponym | sat_?nav | location | dive_?site | (?<!authors_)(?<!sample_)position | place
    | cit(y|ies) | town | village | count(y|ies) | countr(y|ies) | (?<!e)state | provinc | district | suburb | borough
    | prefecture | admin(istrative)?_?area | (area|point)s?_of_interest | territor | [ck]anton(?![a-z]) | municip
    | continent | island | neighbou?rhood | localit(y|ies) | venue | landmark | address | addr(?![a-z]) | street
    | post(al|_?code)
    | water_?body | footprint_wkt | flight_?height | sub_?national | region_iso
    | (?<![a-z])(site|spot|building|room|house)_?(name|number|no|nr)(?![a-z])
    | zip_?code | what_?words | plus_?code | maps?_?(url|link|datum) | google_?maps | whereabouts | airport | itinerary
    | serial | ser_?n(o|r|um) | imei | imsi | iccid | b?ssid
    | (?<!copyright_)(camera|kamera|body|unit|chassis|factory|equipment|registration|tail|asset|phone)
      _?(number|nummer|no|nr|num)(?![a-z])
    | (?<!copyright_)owner(s|_s)?_?(name|id) | owned_by | registered_(owner|user|to)
    | (camera|device|drone|body|lens)_?owner
    | (camera|device|drone|body|aircraft|owner|user|pilot|operator|phone|android|hardware|hw|machine|equipment
      |cell(_global|_tower)?)s?_?(gu|u?u|ud)?id
    | host_?(computer|name) | (computer|machine|work_?station|device|phone|user|login)_?name | file_?path
    | (?<!clipping_)(?<![a-z])paths?$
    | mobile_(country|network) | maker_?note | private
    | (?<![a-z])(geo(?!log|met)\w* | loc | lat | lon | lng | lngt | wgs | lat_?l(on|ng)g? | adr | zip | s_?nu?m? | poi
      | utm | mgrs | coverage | where | elev | agl | a?msl | asl | gpx | kml | nation | sr_?n(o|r|um(ber)?))(?![a-z])
    # of a mobile network and its telephones
    | (?<![a-z])(lac | mcc | mnc | cgi | udid | idf[av] | msisdn | meid | esn | cell_?tower)(?![a-z])
    | (?<![a-z])(alt | long)$ | (?<!image_)(?<!_t_)region$ | [a-z](?<!image)_region_(code|name)$
    # in German, French, Spanish, Italian, Portuguese and Dutch
    | breitengrad | laengengrad | standort | stadt | bundesland | landkreis | bezirk | gemeinde | gemeente | strasse
    | straat | anschrift | postleitzahl | plz | comm?une(?![a-z]) | localidad | localite | localizzazione | posizion
    | posicion | posicao | coordonn
    | (?<![a-z])((aufnahme|dreh|fund|wohn)?ort(s|e|en)?(_?name)? | villes? | pays | lieux? | emplacement | ciudad(es)?
      | pais(es)? | ubicacion | lugar(es)? | direccion | citta | paes[ei] | luog(o|hi) | indirizzo | cidades?
      | endereco | localizacao
      | (woon)?plaats(en)? | stad)(?![a-z])
    | adresse | seriennummer | serienummer | serien_?nr | (?<![a-z])num(ero)?_?(de_?|di_?)?serie | matric(ola|ule)
    | graad(?![a-z])""",
    re.VERBOSE,
)
"""Names of private properties, as words joined by ``_``, into which :func:`is_private_name` splits a name. One maker
writes ``GpsLongtitude``."""

ORDINARY_WORD = re.compile(
    r"""(?<![a-z])( (al|col|dis)locations? | (re|dis)place\w* | place(ments?|d|holders?)
    | [a-z]*(capa|opa|velo|[a-z]i)cit(y|ies) | (com|dis|ex|pro|trans|super|im|op)positions? | positioning
    | statements? | stated | avenue | revenue )(?![a-z])""",
    re.VERBOSE,
)
"""Words that contain a private word but mean something else: ``Opacity``, ``Composition``."""

PRIVATE_TEXT = re.compile(
    r"""(?!0\.\d+\W+0\.)\b\d{1,3}\.\d{3,}\W{1,4}(?:[NSEWO]\W{1,3})?\d{1,3}\.\d{3,}  # 52.5163, -13.3777
    | \b\d{1,3},\d{4,}[;/\s]{1,4}-?\d{1,3},\d{4,}  # 52,5163; 13,3777
    | \b[NSEW]\s?\d{1,3}\s\d{1,2}[.\s]\d | \b\d{1,3}\s\d{1,2}\s\d{1,2}(?:\.\d+)?\s?[NSEW]\b  # N 52 31.2, 52 31 12 N
    | \b\d{1,2}[C-X]\s\d{6}\s\d{7}\b | \b[2-9CFGHJMPQRVWX]{8}\+[2-9CFGHJMPQRVWX]{2,3}\b  # UTM, plus codes
    | \d\s?(?:°|º|(?i:deg\b))\s?(?:\d{1,2}(?:\.\d+)?\s?['\u2019\u2032NSEWO]|[NSEWO]\b)  # 52° 31', 52.5 deg N
    | \b\d{1,3}[.,]\d{2,}(?:[.,]\d+)?\s?[NSEWO]\b | \b[NSEWO]\s?\d{1,3}[.,]\d{3,}  # 52,31.2N
    | [-+]\d\d(?:\d\d){0,2}\.\d+[-+]\d{3}(?:\d\d){0,2}\.\d  # +52.5163+013.3777/ (ISO 6709)
    | (?i:\bgeo:[-+]?\d | \bgoo\.gl/maps | //maps\.) | \$G[A-Z](?:GGA|GLL|RMC)\b | \bSN\W?\d{5,}\b
    | (?i:\b(?:gps[a-z]*|lat|lon|lng|latitude|longitude|altitude|elevation|serial|serial\sn(?:o|r|umber)|s/n|imei)
      \W{0,4}\d)""",
    re.VERBOSE,
)
"""A position as people and programs write it, or a number labelled as a serial number or coordinate."""

LABEL = re.compile(r"""\b([a-z][\w.-]{0,40}(?:[ ][\w.-]{1,20}){0,2})["'\]]{0,2}\s?[:=<>|](?!//)""", re.IGNORECASE)
"""A label in a text: ``Serial number: 4711``, ``gps=...``, ``{"city": ...}``, ``<City>`` or ``Places|Berlin``."""

ROOT = re.compile(r"^([a-z](?:[\w. -]{0,40}\w)?)/(?!/)", re.IGNORECASE | re.MULTILINE)
"""First level of a hierarchical tag: ``Places/Berlin``."""

CHARACTER_CODE = re.compile(rb"^(ASCII|UNICODE|JIS)\0+")
"""Start of a user comment in EXIF, which names its encoding (Exif 3.0, 4.6.6)."""

BYTE_ORDER_MARK = re.compile(rb"^(\xff\xfe|\xfe\xff)")

TEXT_NOTE = "a text that names a position, a place or a serial number is left out"


def is_private_name(name: str) -> bool:
    """Whether a property's or text's name means a place, position, owner or serial number; true if it is not ASCII."""
    if not name.isascii():
        return True
    words = "_".join(re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)).lower()
    return bool(PRIVATE_NAME.search(ORDINARY_WORD.sub("", words)))


def is_private_text(text: str | bytes, notes: list[str] | None = None) -> bool:
    """Whether a value states such a thing; if so, ``notes`` receives a sentence. Bytes are text in any encoding."""
    if isinstance(text, bytes):
        text = CHARACTER_CODE.sub(b"", text)
        text = "\n".join(decoded(text.replace(b"\0", zero)) for zero in (b"", b"\1"))  # in UTF-16, or between texts
    is_private = bool(PRIVATE_TEXT.search(text)) or any(
        is_private_name(label[1]) for pattern in (LABEL, ROOT) for label in pattern.finditer(text)
    )
    if is_private and notes is not None:
        notes.append(TEXT_NOTE)
    return is_private


def decoded(text: bytes) -> str:
    """The text in a form that can be searched: UTF-16 loses its zeros and its byte order mark."""
    text = BYTE_ORDER_MARK.sub(b"", text).replace(b"\0", b"")
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")
