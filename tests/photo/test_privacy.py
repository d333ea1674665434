"""Without --keep-location, nothing is left that means a position, place or serial number, whatever it is called.

Names that are on no list are planted in every container of every format; exiftool tells what is left.
"""

import shutil
import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from f2a.photo import read_photo, write_photo
from f2a.photo.icc import ColorProfile
from f2a.photo.metadata.exif import NAMES, STALE, clean_exif
from f2a.photo.metadata.iptc import clean_iptc, jpeg_segment
from f2a.photo.metadata.privacy import TEXT_NOTE, is_private_name, is_private_text
from f2a.photo.metadata.tiff_ifd import EXIF_IFD, IfdField, TiffBlock, encode_ifd, read_fields
from f2a.photo.metadata.xmp import clean_xmp
from tests.support import corpus, profiles
from tests.support.exiftool import PLANTED, exiftool, is_a_place, judged, private_tags
from tests.support.parts import segment

PRIVATE = ["GpsLatitude", "GpsLongtitude", "longitude", "AbsoluteAltitude", "DroneSerialNumber", "serialno",
           "CameraOwnerName", "LocationShown", "CityName", "country", "geoLat", "homeAddress", "exif:GPSPosition",
           "IMEI", "capturecountry", "homecity", "takeoff_lat", "rel_alt", "CiAdrExtadr", "CameraPosition", "Geohash",
           "OwnerID", "ProvinceState", "CellGlobalID", "cameraSN", "BSSID", "GPSlatitude", "mcc", "what3words", "SerNo",
           "BodyNumber", "latlon", "Easting", "HeightAGL", "TrackLog", "MapURL", "where_taken", "Lati", "Breitengrad",
           "Aufnahmeort", "Seriennummer", "ville", "latitud", "NumeroDeSerie", "indirizzo", "L\u00e4nge",
           "\u7eac\u5ea6", "Owner's Name", "RegisteredOwner", "DeviceUDID", "DeviceGUID", "DeviceUID", "PhoneNumber",
           "S/N", "HomePoint", "LocName", "AdministrativeArea", "areasOfInterest", "Prefecture", "GridSquare",
           "DiveSite", "cameracity", "Koordinaten", "Gemeinde", "Commune", "SerienNr", "Cameranummer", "LatLong",
           "lattitude", "AltASL", "PointOfInterest", "SrNo", "Toponym", "Canton", "Municipio", "Straat", "Woonplaats",
           "Ortsname", "Localidad", "Posizione", "Cities", "Countries", "Orte", "Lieux", "Lugares",
           "MEID", "GPX", "NegativeCachePath", "waterBody", "footprintWKT", "FlightHeight", "SubNational", "RegionISO",
           "HouseNumber", "SpotName", "Lngt", "WGS84", "DeviceName", "OwnedBy", "RegisteredTo",
           "WindowsAtomUncProjectPath"]  # fmt: skip
HARMLESS = ["fillopacity", "Capacity", "Velocities", "Velocity", "chromaticity", "Rating", "Title", "Description",
            "FlightYawDegree", "Replacement", "LensModel", "Owner", "Allocation", "Geometry", "Latency",
            "Longest", "Software", "Composition", "AuthorsPosition", "CopyrightOwnerName",
            "ISOSpeedLatitudeyyy", "WebStatement", "YCbCrPositioning", "RegionName", "ImageRegion",
            "CameraElevationAngle", "LongExposure", "Status", "Estate", "ShortName", "LensDistortInfo",
            "Translation", "CopyrightRegistrationNumber", "Effort", "TrackNumber",
            "LongitudinalAberration", "ClippingPath", "Pathway", "WebsiteName", "SpotMetering", "StationName",
            "Destination", "Ports", "International", "LocalizedCameraModel", "SRNoise",
            "http://ns.microsoft.com/photo/1.2/t/Region#"]  # fmt: skip

PRIVATE_TEXTS = ["52.5163, 13.3777", "at -33.8568 151.2153", "N 52.51630 E 13.37770", "52° 31' 0\" N", "52 deg 30' N",
                 "52,31.2N", "+52.5163+013.3777/", "geo:52,13", "$GPGGA,123519,4807.038,N", "Serial Number: 4711",
                 "serial 4711", "lat=52", '{"gps": [52, 13]}', "<City>Berlin</City>", "Places|Berlin",
                 "<Category>Places<Category>Berlin", "\nPlaces/Berlin",
                 "altitude 34 m", "S/N 4711", "home city: Berlin", "url?city=Berlin", "52,5163; 13,3777",
                 "N 52 31.2 E 13 22.4", "52 31 12 N", "33U 391533 5819698", "9F4MGC22+22", "IMEI 490154203237518",
                 "GPSLatitude 52.5", "SN300123", "https://maps.app.goo.gl/x"]  # fmt: skip
HARMLESS_TEXTS = ["A party in Berlin", "the best place in town", "f/1.8, 1/60 s, 12.55 s", "rotated by 90°, 25 °C",
                  "FE 24-70mm F2.8 GM", "2024:05:06 07:08:09+02:00", "quality = 90", "0.3127 0.3290",
                  "xmp.iid:12345678-1234-4123-8123-1234567890ab", "https://example.com/location/", "4032 x 3024",
                  "d 0.448227 0.434017", "+49-301-234567", "1.25 0.5", "Adobe Photoshop 25.0 (Macintosh)",
                  "LED 60 12.5 W", "SN 2023ixf in M 101", "Galaxy S 24 5G", "2020 12 31 E", "night/city lights",
                  "cities / towns"]  # fmt: skip

OUTPUTS = (".jpg", ".png", ".webp", ".tif", ".avif", ".heic", ".bmp")


@pytest.mark.parametrize(("name", "is_private"), [(n, True) for n in PRIVATE] + [(n, False) for n in HARMLESS])
def test_a_name_is_private_if_it_means_a_place_or_a_serial_number(name, is_private):
    assert is_private_name(name) is is_private


@pytest.mark.parametrize(
    "text",
    [*(f"Party, {text}".encode(code) for text in PRIVATE_TEXTS for code in ("utf-8", "utf-16-le")),
     b"ASCII\0\0\0GPS 52.5", b"UNICODE\0" + "GPS 52.5".encode("utf-16-be"), b"Ann\0GPS 52.5"],
)  # fmt: skip
def test_a_text_that_says_where_is_private(text):
    assert is_private_text(text)


@pytest.mark.parametrize("text", HARMLESS_TEXTS)
def test_a_text_that_says_something_else_is_kept(text):
    assert not is_private_text(text)


def written(source, keep_location=False, suffixes=OUTPUTS):
    """The photo of ``source`` written in these formats, and the notes on it."""
    file, targets = read_photo(source, keep_location), []
    for suffix in suffixes:
        if suffix == ".heic":
            pytest.importorskip("pillow_heif")
        targets.append(source.with_name(f"{source.name} as{suffix}"))
        write_photo(file.photo, targets[-1], file, overwrite=True)
    return targets, file.notes


PACKET = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:m="{space}" m:Mood="kept">{properties}</rdf:Description></rdf:RDF></x:xmpmeta>"""
PROPERTY = """<m:{0}>zanzibarian</m:{0}>
<m:Nested{1} rdf:parseType="Resource"><m:{0}>zanzibarian</m:{0}></m:Nested{1}>
<m:List{1}><rdf:Bag><rdf:li rdf:parseType="Resource"><m:{0}>zanzibarian</m:{0}></rdf:li>
<rdf:li><rdf:Description m:{0}="zanzibarian"/></rdf:li></rdf:Bag></m:List{1}>
<m:Empty{1} m:{0}="zanzibarian"/>"""


def packet(names, space="http://mood.example/"):
    properties = "".join(PROPERTY.format(name, n) for n, name in enumerate(dict.fromkeys(names)))
    return PACKET.format(space=space, properties=properties).encode()


WORDS = ["gps", "latitude", "longitude", "altitude", "serial", "city", "country", "location", "position", "address",
         "province", "elevation", "street"]  # fmt: skip
ASIDE = st.sampled_from(["", "camera", "drone", "last", "x", "home", "my", "take", "ref", "number", "of", "real"])
CASES = st.sampled_from([
    "_".join, "-".join, "".join, lambda words: "".join(word.title() for word in words),
    lambda words: "_".join(words).upper(), lambda words: words[0] + "".join(word.title() for word in words[1:]),
])  # fmt: skip


@st.composite
def names(draw):
    """Names such as ``HomeCityRef``, ``drone_gps`` or ``MYSTREET``, at least one for each word."""
    parts = [[part for part in (draw(ASIDE), word, draw(ASIDE)) if part] for word in WORDS]
    return [draw(CASES)(words) for words in parts]


@settings(deadline=None, max_examples=30)
@given(names(), st.from_regex(r"http://[q-z]{3,9}\.example/[q-z]{1,5}/", fullmatch=True))  # not one about gps
def test_in_xmp_of_any_namespace(drawn, space):
    planted = packet(drawn, space)
    cleaned = clean_xmp(planted, (5, 7), keep_private=False)
    assert PLANTED.encode() not in cleaned
    assert b"kept" in cleaned
    assert clean_xmp(planted, (5, 7), keep_private=True).count(PLANTED.encode()) == planted.count(PLANTED.encode())


NOTE = packet(["Note"])
IN_COMMENTS = NOTE.replace(b'"zanzibarian"', b'"x"').replace(
    b"zanzibarian", b"<!-- zanzibarian --><?note zanzibarian?>"
)


def with_property(content):
    return PACKET.format(space="http://mood.example/", properties=f"<m:Note>kept</m:Note>{content.decode()}").encode()


PLACES_IN_XMP = {
    "a namespace about places": packet(["Note"], "http://x.example/gps/1.0/"),
    "another": packet(["Note"], "http://x.example/GeoTag/"),
    "the namespace of RDF": NOTE.replace(b"m:Note", b"rdf:City"),
    "comments": IN_COMMENTS,
    "an instruction in front": b"<?note zanzibarian?>" + with_property(b""),
    "a pair of attributes": with_property(b'<m:Item m:key="GPSLatitude" m:value="zanzibarian"/>'),
    "a value with its name": with_property(b'<m:Item m:key="City">zanzibarian</m:Item>'),
    "a pair of elements": with_property(
        b"<m:Tag><rdf:Description><m:Name>Places</m:Name><m:Below>zanzibarian</m:Below></rdf:Description></m:Tag>"
    ),
}


@pytest.mark.parametrize("where", PLACES_IN_XMP)
def test_in_xmp_elsewhere(where):
    cleaned = clean_xmp(PLACES_IN_XMP[where], (5, 7), keep_private=False)
    assert (b"<rdf:City>zanzibarian" if "RDF" in where else b"zanzibarian") not in cleaned


def test_a_property_whose_value_is_such_a_word_is_kept_beside_its_neighbours():
    words = with_property(b"<m:Scene>street</m:Scene><m:Words><rdf:Bag><rdf:li>city</rdf:li></rdf:Bag></m:Words>")
    cleaned = clean_xmp(words, (5, 7), keep_private=False)
    assert b">street<" in cleaned
    assert b">city<" in cleaned
    assert b">kept<" in cleaned


def block(*fields):
    """A block of EXIF with these fields and some that are kept."""
    kept = [IfdField(0x010F, 2, 4, b"Cam\0"), IfdField(0x0128, 3, 1, b"\2\0")]
    return b"II*\0\x08\0\0\0" + encode_ifd("<", [*kept, *fields], 8)


def text(tag, value):
    return IfdField(tag, 2, len(value), value)


@settings(deadline=None)
@given(st.sets(st.integers(1, 0xFFFF).filter(lambda tag: tag not in {*NAMES, *STALE}), min_size=1, max_size=20))
def test_in_fields_of_exif_that_nobody_named(tags):
    planted = block(*(text(tag, PLANTED.encode()) for tag in tags))
    cleaned = clean_exif(planted, (5, 7), keep_private=False)
    assert PLANTED.encode() not in cleaned
    assert b"Cam" in cleaned
    assert clean_exif(planted, (5, 7), keep_private=True).count(PLANTED.encode()) == len(tags)


@given(st.binary(min_size=1, max_size=40).filter(lambda gap: gap.strip(b"\0")))
def test_in_the_gaps_of_exif(gap):
    planted = bytearray(block() + gap + PLANTED.encode())
    assert PLANTED.encode() not in clean_exif(bytes(planted), (5, 7), keep_private=False)


def test_a_directory_of_exif_below_another_is_copied_with_it():
    inner = encode_ifd("<", [text(0xA434, b"50mm F1.8\0"), text(0xA431, PLANTED.encode())], 200)
    planted = block(IfdField(EXIF_IFD, 4, 1, struct.pack("<I", 200))).ljust(200, b"\0") + inner
    cleaned = TiffBlock(bytearray(clean_exif(planted, (5, 7), keep_private=False)))
    pointer = next(cleaned.value(entry) for entry in cleaned.entries(cleaned.first) if entry.tag == EXIF_IFD)
    assert read_fields(cleaned, pointer) == [text(0xA434, b"50mm F1.8\0")]
    assert PLANTED.encode() not in cleaned.data


@given(st.integers(1, 9), st.integers(0, 255))
def test_in_iptc_only_known_data_sets_are_kept(record, number):
    data_set = struct.pack(">BBBH", 0x1C, record, number, 5) + b"Paris"
    is_a_place = (record, number) in {(2, n) for n in (26, 27, 90, 92, 95, 100, 101)}
    kept = clean_iptc(data_set, keep_private=False)
    assert kept in (b"", data_set)
    assert not (kept and is_a_place)
    assert not (kept and record > 2)
    assert clean_iptc(data_set, keep_private=True) == data_set


def test_what_dng_says_of_a_raw_file_is_not_kept():
    """OriginalRawFileData, for example, contains the whole raw file."""
    planted = block(IfdField(0xC68C, 7, len(PLANTED), PLANTED.encode()))
    assert PLANTED.encode() not in clean_exif(planted, (5, 7), keep_private=False)


GREY = {b"kTRC": profiles.curve(2.2)}
SEVERAL = {b"pseq": b"pseq\0\0\0\0" + f"Serial number: {PLANTED}".encode()}
DISPLAY = {
    b"meta": b"dict\0\0\0\0" + f"EDID_serial {PLANTED}".encode(),
    b"mmod": b"mmod\0\0\0\0" + PLANTED.encode(),
}
PROFILES = {
    "behind its last tag": profiles.GREY_22 + PLANTED.encode(),
    "made of several": profiles.profile("Grey", "GRAY", GREY | SEVERAL),
    "of a display": profiles.profile("Grey", "GRAY", GREY | DISPLAY),
}


@pytest.mark.parametrize("where", PROFILES)
def test_in_a_profile(where):
    cleaned, plain = ColorProfile(PROFILES[where], "L"), ColorProfile(profiles.GREY_22, "L")
    assert PLANTED.encode() not in cleaned.icc_profile
    assert np.array_equal(cleaned.light(256), plain.light(256))
    assert plain.icc_profile == profiles.GREY_22


def saved(photo, path, exif=b"", xmp=b"", iptc=b"", texts=(), comment=b""):
    """Save ``photo`` with those of these metadata that the format can store."""
    options = {"exif": exif and b"Exif\0\0" + exif, "xmp": xmp} if path.suffix in (".jpg", ".webp", ".avif") else {}
    if path.suffix == ".jpg":
        options |= {"extra": jpeg_segment(iptc), "comment": comment}
    elif path.suffix == ".png":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp.decode())
        options["exif"] = exif
        for n, (keyword, value) in enumerate(texts):
            add = options["pnginfo"].add_itxt if n % 2 else options["pnginfo"].add_text
            add(keyword, value, zip=n % 3 == 0)
    elif path.suffix == ".tif":
        options["exif"] = Image.Exif()
        options["exif"].load(exif)
        options["exif"][700], options["exif"][33723] = xmp, iptc
    elif path.suffix == ".gif":
        options["comment"] = comment
    if path.suffix == ".heic":
        heif = pytest.importorskip("pillow_heif").from_pillow(photo)
        heif.info.update({name: value for name, value in (("exif", exif), ("xmp", xmp)) if value})
        heif.save(path)
    else:
        photo.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif", ".heic"])
@settings(max_examples=1, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names())
@example([name.title() for name in WORDS])
def test_exiftool_finds_none_of_the_planted_names(tmp_path, photo, suffix, drawn):
    exif = block(*(text(0xF000 + n, name.encode() + PLANTED.encode()) for n, name in enumerate(drawn)))
    iptc = b"".join(
        struct.pack(">BBBH", 0x1C, 2, number, len(PLANTED)) + PLANTED.encode() for number in (26, 90, 92, 95, 101, 188)
    )
    texts = [(name, PLANTED) for name in drawn]
    source = saved(
        photo.resize((70, 50)), tmp_path / f"a{suffix}", exif, packet(drawn), iptc, texts, b"52.5163, 13.3777"
    )
    assert len(private_tags(source)) >= len(drawn)
    targets, _ = written(source)
    assert private_tags(*targets) == []
    assert not [target for target in targets if PLANTED.encode() in target.read_bytes()]


@pytest.fixture(scope="module")
def places():
    """Every name that exiftool can write and that means a place, with its group."""
    listed = {group: exiftool("-listw", f"-{group}:all").split() for group in ("EXIF", "XMP", "IPTC")}
    return [(group, name) for group, names in listed.items() for name in names if is_a_place(name)]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".avif", ".heic"])
def test_exiftool_finds_none_of_the_places_that_it_can_write(tmp_path, photo, places, suffix):
    source = saved(photo.resize((70, 50)), tmp_path / f"a{suffix}")
    planted = [f"-{group}:{name}#={12 if group == 'IPTC' else 47}" for group, name in places]
    (tmp_path / "planted").write_text("\n".join(planted))
    exiftool("-q", "-m", "-overwrite_original", "-@", tmp_path / "planted", source)
    assert len(private_tags(source)) > 100
    assert private_tags(*written(source)[0]) == []


def utf_16(said):
    return said.decode().encode("utf-16-le")


TEXTS = {
    "a description": lambda said: {"exif": block(text(0x010E, said))},
    "a user's comment": lambda said: {"exif": block(IfdField(0x9286, 7, len(said) + 8, b"ASCII\0\0\0" + said))},
    "Windows' comment": lambda said: {"exif": block(IfdField(0x9C9C, 1, 2 * len(said), utf_16(said)))},
    "a caption": lambda said: {"iptc": struct.pack(">BBBH", 0x1C, 2, 120, len(said)) + said},
    "a description in XMP": lambda said: {"xmp": packet(["Note"]).replace(PLANTED.encode(), said)},
    "an attribute in XMP": lambda said: {"xmp": packet(["Note"]).replace(b'"kept"', b'"%s"' % said)},
    "a comment": lambda said: {"comment": said},
}  # fmt: skip


@pytest.mark.parametrize("where", TEXTS)
def test_a_text_that_gives_coordinates_is_left_out_and_said(tmp_path, photo, where):
    source = saved(photo.resize((70, 50)), tmp_path / "a.jpg", **TEXTS[where](b"Party at 52.5163, 13.3777"))
    targets, notes = written(source, suffixes=OUTPUTS[:2])
    assert notes == (TEXT_NOTE,)
    assert not [tags for tags in judged(*targets).values() if "52.5163" in str(tags)]
    assert "52.5163" in str(judged(*written(source, True, OUTPUTS[:2])[0]))
    assert read_photo(saved(photo, tmp_path / "b.jpg", **TEXTS[where](b"Party in Berlin"))).notes == ()


@pytest.mark.parametrize("number", range(6))
def test_in_the_texts_of_a_png_of_every_kind(tmp_path, photo, number):
    """``tEXt``, ``zTXt`` and ``iTXt``, compressed and not."""
    texts = [("Title", "Party")] * number + [("Comment", "at 52.5163, 13.3777")]
    file = read_photo(saved(photo, tmp_path / "a.png", texts=texts))
    assert len(file.metadata.png_chunks) == number
    assert TEXT_NOTE in file.notes
    assert len(read_photo(tmp_path / "a.png", keep_location=True).metadata.png_chunks) == number + 1


@pytest.mark.parametrize("chunk", [b"Comment\0\0no zlib", b"Comment\0\0" + zlib.compress(b"cut short")[:-6]])
def test_a_text_of_a_png_that_cannot_be_searched_is_not_kept(tmp_path, photo, chunk):
    texts = PngImagePlugin.PngInfo()
    texts.add(b"zTXt", chunk)
    photo.save(tmp_path / "a.png", pnginfo=texts)
    assert read_photo(tmp_path / "a.png").metadata.png_chunks == []


def test_in_the_texts_of_a_png(tmp_path, photo):
    texts = PngImagePlugin.PngInfo()
    texts.add_text("exif:GPSLatitude", "52/1")
    texts.add_text("Camera Serial Number", "4711", zip=True)
    texts.add_itxt("Location", "Ouagadougou")
    texts.add_itxt("Where", "Ouagadougou", tkey="Location")
    texts.add_text("Title", "Party")
    photo.save(tmp_path / "a.png", pnginfo=texts)
    kept = read_photo(tmp_path / "a.png").metadata.png_chunks
    assert kept == [(b"tEXt", b"Title\0Party")]
    assert len(read_photo(tmp_path / "a.png", keep_location=True).metadata.png_chunks) == 5


def test_in_makers_segments_and_behind_the_image(tmp_path, photo):
    place = packet(["GPSLatitude", "Location"])
    extension = b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 32 + struct.pack(">II", len(place), 0) + place
    segments = [
        segment(0xE1, b"FLIR\0" + PLANTED.encode()), segment(0xE4, f"DJI serial {PLANTED}".encode()),
        segment(0xE1, extension), segment(0xEB, b"JP\0\1" + PLANTED.encode()),
    ]  # fmt: skip
    exif = b"Exif\0\0" + block(text(0xA431, PLANTED.encode()))
    content = corpus.saved(photo, "JPEG", extra=b"".join(segments))
    content += corpus.saved(photo, "JPEG", xmp=place, exif=exif)
    content += b"\0\0\0\x18ftypmp42" + place + b"SEFH" + PLANTED.encode() + b"SEFT"
    (tmp_path / "a.jpg").write_bytes(content)
    for target in written(tmp_path / "a.jpg")[0]:
        assert PLANTED.encode() not in target.read_bytes()


def test_exiftool_finds_no_position_and_no_serial_number_of_a_drone(shared, tmp_path):
    shutil.copy(shared("faults") / "01-dji-xmp-gps" / "DJI_0042.JPG", tmp_path / "DJI_0042.JPG")
    targets, _ = written(tmp_path / "DJI_0042.JPG")
    assert private_tags(*targets) == []
    assert all("IFD0:Make" in tags or "IFD0:Software" in tags for tags in judged(*targets[:-1]).values())
