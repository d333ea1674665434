"""Without --keep-location no name that means a place, a position or a serial number is left, on whatever list it is."""

import json
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import PngImagePlugin

from f2a.photo import read_photo, write_photo
from f2a.photo.metadata.privacy import is_private_name
from f2a.photo.metadata.xmp import clean_xmp

PRIVATE = ["GpsLatitude", "GpsLongtitude", "longitude", "AbsoluteAltitude", "DroneSerialNumber", "serialno",
           "CameraOwnerName", "LocationShown", "CityName", "country", "geoLat", "homeAddress", "exif:GPSPosition",
           "IMEI", "capturecountry"]  # fmt: skip
HARMLESS = ["Opacity", "Capacity", "Velocity", "Rating", "Title", "Description", "FlightYawDegree", "Replacement",
            "LensModel", "Owner", "Allocation", "Geometry", "Latency", "Longest", "Software"]  # fmt: skip


@pytest.mark.parametrize("name", PRIVATE)
def test_what_means_a_place_or_a_serial_number_is_private(name):
    assert is_private_name(name)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_means_something_else_is_kept(name):
    assert not is_private_name(name)


PACKET = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:m="{space}" m:{name}="planted" m:Mood="kept"><m:{name}>planted</m:{name}>
<m:Nested rdf:parseType="Resource"><m:{name}>planted</m:{name}></m:Nested></rdf:Description></rdf:RDF></x:xmpmeta>"""

WORDS = st.sampled_from(
    ["Gps", "GPS", "Latitude", "Longitude", "Altitude", "SerialNumber", "City", "Country", "Location"]
)


@given(st.sampled_from(["", "Camera", "drone", "Last", "X"]), WORDS, st.sampled_from(["", "Ref", "Number", "Of", "2"]),
       st.from_regex(r"http://[a-z]{3,9}\.example/[a-z]{1,5}/", fullmatch=True))  # fmt: skip
def test_in_xmp_of_any_namespace(before, word, behind, space):
    packet = PACKET.format(space=space, name=f"{before}{word}{behind}").encode()
    cleaned = clean_xmp(packet, (5, 7), keep_private=False)
    assert b"planted" not in cleaned
    assert b"kept" in cleaned
    assert clean_xmp(packet, (5, 7), keep_private=True).count(b"planted") == 3


def test_in_the_texts_of_a_png(tmp_path, photo):
    texts = PngImagePlugin.PngInfo()
    texts.add_text("exif:GPSLatitude", "52/1")
    texts.add_text("Camera Serial Number", "4711", zip=True)
    texts.add_itxt("Location", "Ouagadougou")
    texts.add_text("Title", "Party")
    photo.save(tmp_path / "a.png", pnginfo=texts)
    kept = read_photo(tmp_path / "a.png").metadata.png_chunks
    assert kept == [(b"tEXt", b"Title\0Party")]
    assert len(read_photo(tmp_path / "a.png", keep_location=True).metadata.png_chunks) == 4


def test_exiftool_finds_no_position_and_no_serial_number_of_a_drone(tmp_path, shared):
    if not shutil.which("exiftool"):
        pytest.skip("exiftool is not installed")
    file = read_photo(shared("faults") / "01-dji-xmp-gps" / "DJI_0042.JPG")
    for suffix in (".jpg", ".png", ".webp", ".tif", ".avif"):
        target = tmp_path / f"a{suffix}"
        write_photo(file.photo, target, file)
        tags = json.loads(subprocess.run(["exiftool", "-json", "-a", "-G1", target], capture_output=True).stdout)[0]
        assert not [name for name in tags if is_private_name(name.rpartition(":")[2])]
        assert tags["IFD0:Make" if "IFD0:Make" in tags else "IFD0:Software"]
