"""What a file says besides its pixels is kept byte for byte, except places, serial numbers and what became false."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from f2a.photo import read_photo, write_photo
from f2a.photo.codecs import png
from f2a.photo.color_space import PRIMARIES
from f2a.photo.matrix_profile import SRGB_CURVE, matrix_profile
from f2a.photo.metadata import xmp as xmp_module
from f2a.photo.metadata import xmp_extension
from f2a.photo.metadata.exif import clean_exif
from f2a.photo.metadata.iptc import clean_iptc, jpeg_segment
from f2a.photo.metadata.metadata import MAX_TEXT_BYTES, Metadata
from f2a.photo.metadata.tiff_ifd import MAX_PASSES, ExifError, IfdField, TiffBlock, encode_ifd
from f2a.photo.metadata.xmp import XmpError, clean_xmp
from f2a.photo.photo import Photo, PhotoFile
from tests.support.corpus import saved
from tests.support.exiftool import exiftool
from tests.support.hostile_metadata import chunk

MAKE, ARTIST, ORIENTATION, EXIF, GPS = 0x010F, 0x013B, 0x0112, 0x8769, 0x8825
EXPOSURE, MAKER_NOTE, BODY_SERIAL, WIDTH, HEIGHT = 0x829A, 0x927C, 0xA431, 0xA002, 0xA003
PROCESSING_SOFTWARE = 0x000B
SECRET = b"serial 4711"


def exif_block(order="<", thumbnail=b"\xff\xd8 a thumbnail \xff\xd9"):
    """A block with everything that is kept, changed or removed."""

    def number(value, kind="I"):
        return struct.pack(order + kind, value)

    exif_at, gps_at, second_at, thumbnail_at = 100, 200, 250, 300
    first = [(MAKE, 2, 4, b"Cam\0"), (ORIENTATION, 3, 1, number(6, "H")), (ARTIST, 2, 7, "Zoë\0\0\0".encode()),
             (EXIF, 4, 1, number(exif_at)), (GPS, 4, 1, number(gps_at))]  # fmt: skip
    photo = [(EXPOSURE, 5, 1, struct.pack(order + "II", 1, 60)), (MAKER_NOTE, 7, len(SECRET), SECRET),
             (WIDTH, 4, 1, number(7)), (HEIGHT, 3, 1, number(5, "H")), (BODY_SERIAL, 2, 4, b"471\0")]  # fmt: skip
    place = [(2, 5, 3, struct.pack(order + "6I", 52, 1, 30, 1, 0, 1))]
    second = [(0x0201, 4, 1, number(thumbnail_at)), (0x0202, 4, 1, number(len(thumbnail)))]
    block = bytearray((b"II*\0" if order == "<" else b"MM\0*") + number(8)).ljust(thumbnail_at, b"\0")
    for at, directory in ((8, first), (exif_at, photo), (gps_at, place), (second_at, second)):
        content = encode_ifd(order, [IfdField(*field) for field in directory], at)
        block[at : at + len(content)] = content
    following = 8 + 2 + 12 * len(first)
    block[following : following + 4] = number(second_at)
    return bytes(block) + thumbnail


def fields(block, at=None):
    """Tag and bytes of every field in a directory."""
    return {
        entry.tag: bytes(block.data[entry.start : entry.start + entry.size])
        for entry in block.entries(block.first if at is None else at)
    }


@pytest.mark.parametrize("order", ["<", ">"])
def test_place_serial_numbers_thumbnail_and_orientation_are_taken_out_of_exif(order):
    cleaned = clean_exif(exif_block(order), (5, 7), keep_private=False)
    block = TiffBlock(bytearray(cleaned))
    found = fields(block)
    assert found.keys() == {MAKE, ARTIST, EXIF}
    assert found[ARTIST] == "Zoë".encode() + b"\0\0\0"
    inner = fields(block, struct.unpack(order + "I", found[EXIF])[0])
    assert inner.keys() == {EXPOSURE, WIDTH, HEIGHT}
    assert struct.unpack(order + "II", inner[EXPOSURE]) == (1, 60)
    assert struct.unpack(order + "I", inner[WIDTH]) == (5,)
    assert struct.unpack(order + "H", inner[HEIGHT]) == (7,)
    for gone in (SECRET, b"471", b"thumbnail", struct.pack(order + "6I", 52, 1, 30, 1, 0, 1)):
        assert gone not in cleaned


@pytest.mark.parametrize("order", ["<", ">"])
def test_with_keep_location_the_makers_note_stays_where_it_was(order):
    """Makers count the offsets inside their notes from the start of the block."""
    before = exif_block(order)
    cleaned = clean_exif(before, (5, 7), keep_private=True)
    assert cleaned.index(SECRET) == before.index(SECRET)
    assert fields(TiffBlock(bytearray(cleaned))).keys() == {MAKE, ARTIST, EXIF, GPS}
    assert b"thumbnail" not in cleaned


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(4, 316), st.integers(0, 255)), min_size=1, max_size=6))
def test_damaged_exif_is_an_error_of_ours_or_stays_readable(places):
    damaged = bytearray(exif_block())
    for at, value in places:
        damaged[at] = value
    try:
        cleaned = clean_exif(bytes(damaged), (5, 7), keep_private=False)
    except ExifError:
        return
    assert len(cleaned) <= MAX_PASSES * len(damaged)  # overlapping values are copied separately
    assert cleaned[:4] == b"II*\0"


XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:e="http://ns.adobe.com/exif/1.0/"
 xmlns:aux="http://ns.adobe.com/exif/1.0/aux/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:ps="http://ns.adobe.com/photoshop/1.0/" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" tiff:Orientation="6" tiff:ImageWidth="7" aux:SerialNumber="4711"
 hdrgm:Version="1.0" xmp:Rating="4" ps:City="Ouagadougou">
<e:GPSLatitude>12,21N</e:GPSLatitude><e:PixelYDimension>5</e:PixelYDimension>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Fête &amp; fun</rdf:li></rdf:Alt></dc:title>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""
PLAIN_XMP = XMP.replace('hdrgm:Version="1.0" ', "")


def test_xmp_loses_place_serial_number_orientation_and_gain_map_and_nothing_else():
    cleaned = clean_xmp(XMP.encode(), (5, 7), keep_private=False).decode()
    for gone in ("Orientation", "4711", "Ouagadougou", "12,21N", "hdrgm"):
        assert gone not in cleaned
    for kept in ('xmp:Rating="4"', "Fête &amp; fun", 'tiff:ImageWidth="5"', "Dimension>7<", "<?xpacket end"):
        assert kept in cleaned
    kept = clean_xmp(XMP.encode(), (5, 7), keep_private=True).decode()
    assert {"4711", "Ouagadougou", "12,21N"} <= set(kept.replace('"', " ").replace("<", " ").replace(">", " ").split())


def test_xmp_does_not_say_how_the_old_file_encoded_its_pixels():
    encoding = 'tiff:BitsPerSample="16" tiff:PhotometricInterpretation="5" tiff:Make="Cam"'
    encoding += ' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:ColorMode="4"'
    planted = XMP.replace('tiff:ImageWidth="7"', encoding)
    planted = planted.replace("<dc:title>", "<tiff:SamplesPerPixel>4</tiff:SamplesPerPixel><dc:title>")
    cleaned = clean_xmp(planted.encode(), (5, 7), keep_private=True).decode()
    assert 'tiff:Make="Cam"' in cleaned
    assert not [name for name in ("BitsPerSample", "Photometric", "SamplesPerPixel", "ColorMode") if name in cleaned]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("declaration", ["", '<?xml version="1.0" encoding="UTF-16"?>'])
def test_xmp_in_another_encoding_is_sound(encoding, declaration):
    if encoding == "utf-8-sig" and declaration:
        return  # it would be false
    padded = (declaration + XMP.replace("\ufeff", "") + " " * 20 + "\n").encode(encoding)
    assert clean_xmp(padded, (5, 7), False) == clean_xmp(XMP.replace("\ufeff", "").encode(), (5, 7), False)


def test_each_name_and_text_of_a_packet_is_judged_once(monkeypatch):
    judged = []
    for rule in ("is_private_name", "is_private_text"):
        monkeypatch.setattr(xmp_module, rule, lambda said, **_: judged.append(said))
    clean_xmp(b"<a>" + b'<b c="d">e</b>' * 1_000 + b"</a>", (5, 7), keep_private=False)
    assert sorted(said for said in judged if said in {*"bcde"}) == [*"bcde"]
    assert len(judged) < 20


@pytest.mark.parametrize("keep_private", [False, True])
def test_a_bigtiff_is_no_exif(keep_private):
    big = b"II+\0" + struct.pack("<HHQQHHQQQ", 8, 0, 16, 1, MAKE, 2, 4, 0x006D6143, 0)
    with pytest.raises(ExifError):
        clean_exif(big, (5, 7), keep_private)


DOCUMENT_TYPE = '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'


@pytest.mark.parametrize("xmp", [b"no xml", b"<a><b></a>", b"", DOCUMENT_TYPE.encode(), DOCUMENT_TYPE.encode("utf-16")])
def test_damaged_xmp_and_a_document_type_are_an_error_of_ours(xmp):
    with pytest.raises(XmpError):
        clean_xmp(xmp, (5, 7), keep_private=False)


def test_iptc_loses_place_names_only():
    def data_set(number, text):
        return struct.pack(">BBBH", 0x1C, 2, number, len(text)) + text

    city, caption = data_set(90, b"Berlin"), data_set(120, b"A party")
    assert clean_iptc(city + caption, keep_private=False) == caption
    assert clean_iptc(city + caption, keep_private=True) == city + caption
    assert clean_iptc(caption + b"\x1c\x02\x78\xff\xff broken", keep_private=False) == caption


def written_as(tmp_path, source, suffix):
    file = read_photo(source)
    target = tmp_path / f"b{suffix}"
    notes = write_photo(file.photo, target, file, overwrite=True)
    return target, [*file.notes, *notes]


def jpeg(tmp_path, photo, **options):
    photo.save(tmp_path / "a.jpg", **options)
    return tmp_path / "a.jpg"


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif", ".heic"])
def test_exif_and_xmp_cross_into_every_format(tmp_path, photo, suffix):
    source = jpeg(
        tmp_path, photo.resize((70, 50)), exif=b"Exif\0\0" + exif_block(), xmp=PLAIN_XMP.encode(), dpi=(300, 300)
    )
    target, notes = written_as(tmp_path, source, suffix)
    assert notes == []
    again = read_photo(target)
    block = TiffBlock(bytearray(again.metadata.exif))
    assert fields(block)[ARTIST].rstrip(b"\0") == "Zoë".encode()
    assert EXPOSURE in fields(block, struct.unpack("<I", fields(block)[EXIF])[0])
    assert "Fête".encode() in again.metadata.xmp
    assert b"4711" not in target.read_bytes()
    if suffix in (".jpg", ".png", ".tif"):
        assert again.metadata.dpi == pytest.approx((300, 300), abs=0.1)


def test_what_exif_says_in_a_tiffs_first_directory_is_kept_but_the_serial_number(tmp_path):
    said = {EXPOSURE: 1 / 60, PROCESSING_SOFTWARE: "digiKam", BODY_SERIAL: "4711"}
    Image.new("RGB", (7, 5)).save(tmp_path / "a.tif", tiffinfo=said)
    file = read_photo(tmp_path / "a.tif")
    write_photo(file.photo, tmp_path / "b.tif", file)
    written = Image.open(tmp_path / "b.tif").tag_v2
    assert {tag: written.get(tag) for tag in said} == said | {BODY_SERIAL: None}


@pytest.mark.parametrize(("mode", "written"), [("1", "L"), ("P", "RGB"), ("CMYK", "RGB")])
def test_exif_and_xmp_are_kept_in_tiffs_of_one_bit_palettes_and_cmyk(tmp_path, photo, mode, written):
    exif = Image.Exif()
    exif[MAKE], exif[700] = "Cam", PLAIN_XMP.encode()
    photo.convert(mode).save(tmp_path / "a.tif", exif=exif)
    file, again = read_photo(tmp_path / "a.tif"), read_photo(written_as(tmp_path, tmp_path / "a.tif", ".tif")[0])
    assert (again.photo.stored.mode, again.photo.stored.tobytes()) == (written, file.photo.stored.tobytes())
    assert again.photo.to_rgb8().tobytes() == file.photo.to_rgb8().tobytes()
    assert fields(TiffBlock(bytearray(again.metadata.exif)))[MAKE] == b"Cam\0"
    assert "Fête".encode() in again.metadata.xmp


def test_a_pngs_texts_and_chunks_of_colour_come_back_in_order(tmp_path, photo):
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Title", "Party")
    texts.add_itxt("Author", "Zoë", lang="fr")
    texts.add_text("Title", "again", zip=True)
    texts.add_text("Raw profile type exif", "\nexif\n       8\n4d4d002a00000008\n")
    texts.add(b"gAMA", struct.pack(">I", 45455))
    photo.save(tmp_path / "a.png", pnginfo=texts)
    target, _ = written_as(tmp_path, tmp_path / "a.png", ".png")
    before, after = read_photo(tmp_path / "a.png").metadata.png_chunks, read_photo(target).metadata.png_chunks
    assert after == before
    assert sorted(kind for kind, _ in after) == [b"gAMA", b"iTXt", b"tEXt", b"zTXt"]


@pytest.mark.parametrize("packed", [b"damaged", zlib.compress(bytes(MAX_TEXT_BYTES + 1))], ids=["damaged", "too long"])
def test_a_text_of_a_png_that_cannot_be_unpacked_is_left_out_and_said(tmp_path, photo, packed):
    texts = PngImagePlugin.PngInfo()
    texts.add(b"zTXt", b"Comment\0\0" + packed)
    photo.save(tmp_path / "a.png", pnginfo=texts)
    file = read_photo(tmp_path / "a.png")
    assert file.metadata.png_chunks == []
    assert file.notes == ("a text is damaged or too long and was left out",)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_captions_cross_into_every_format_that_has_them_and_a_comment_into_a_jpeg(tmp_path, photo, suffix):
    caption = struct.pack(">BBBH", 0x1C, 2, 120, 7) + b"A party"
    source = jpeg(tmp_path, photo, comment=b"hello", extra=jpeg_segment(caption))
    target, _ = written_as(tmp_path, source, suffix)
    assert read_photo(target).metadata.iptc == caption
    if suffix == ".jpg":
        with Image.open(target) as written:
            assert written.info["comment"] == b"hello"
            assert written.info["photoshop"][0x0404] == caption


@pytest.mark.parametrize("text", ["Fête".encode(), "Fête".encode("latin-1")])
@pytest.mark.parametrize("format", ["JPEG", "GIF"])
def test_a_comment_is_a_text_of_a_png(tmp_path, photo, format, text):
    photo.save(tmp_path / "a", format, comment=text)
    target, _ = written_as(tmp_path, tmp_path / "a", ".png")
    with Image.open(target) as written:
        assert written.text == {"Comment": "Fête"}


def test_the_packet_and_the_profile_of_a_gif_are_those_of_the_png(tmp_path, photo):
    photo.save(tmp_path / "a.gif", comment=b"A party")
    profile = matrix_profile("Wide", PRIMARIES[12][1], SRGB_CURVE, "RGB")
    (tmp_path / "wide.icc").write_bytes(profile)
    tags = ["-XMP-dc:Title=" + "F" * 999, "-XMP-photoshop:City=Berlin", f"-ICC_Profile<={tmp_path / 'wide.icc'}"]
    exiftool("-q", "-overwrite_original", *tags, tmp_path / "a.gif")
    target, notes = written_as(tmp_path, tmp_path / "a.gif", ".png")
    assert notes == ["its result is a PNG unless another format is named"]
    assert exiftool("-b", "-Title", "-City", "-ProfileDescription", target) == "F" * 999 + "Wide"
    with Image.open(target) as written:
        assert written.info["icc_profile"] == profile
        assert written.text["Comment"] == "A party"


def test_what_is_too_long_for_a_jpeg_is_left_out_and_said(tmp_path, photo):
    long = b"<a>" + b"<b/>" * 20_000 + b"</a>"
    photo.save(tmp_path / "a.webp", xmp=long, lossless=True)
    _, notes = written_as(tmp_path, tmp_path / "a.webp", ".jpg")
    assert notes == ["its XMP is too long for a JPEG and left out"]
    photo.save(tmp_path / "a.gif", comment=b"A" * 70_000)
    _, notes = written_as(tmp_path, tmp_path / "a.gif", ".jpg")
    assert notes[-1] == "its comment is too long for a JPEG and left out"


def long_packet(attribute):
    """A packet with a title of 70 KB, or an attribute of 140 KB."""
    if not attribute:
        return PLAIN_XMP.replace("Fête", "F" * 70_000)
    return PLAIN_XMP.replace("Fête", "F" * 5_000).replace("xmp:Rating", f'xmp:Label="{"L" * 140_000}" xmp:Rating')


@pytest.mark.parametrize("attribute", [False, True])
@pytest.mark.parametrize("keep_location", [False, True])
def test_a_long_packet_is_extended_xmp_in_a_jpeg_and_comes_back_whole(tmp_path, photo, attribute, keep_location):
    photo.save(tmp_path / "a.webp", xmp=long_packet(attribute).encode(), lossless=True)
    expected = clean_xmp(long_packet(attribute).encode(), photo.size, keep_location)
    file = read_photo(tmp_path / "a.webp", keep_location)
    assert write_photo(file.photo, tmp_path / "a.jpg", file) == []
    again = read_photo(tmp_path / "a.jpg", keep_location)
    assert again.notes == ()
    for word in ("F" * 5_000, "L" * 5_000, 'Rating="4"', "11.1", "Ouagadougou", "HasExtendedXMP", "4711"):
        assert again.metadata.xmp.count(word.encode()) == expected.count(word.encode())


def test_extended_xmp_is_cleaned_like_the_packet_and_kept_in_every_format(tmp_path, photo):
    private = "<e:GPSLatitude>12,21N</e:GPSLatitude>"
    planted = long_packet(attribute=True).replace(private, private.replace("12", "1" * 80_000))
    segments = xmp_extension.xmp_segments(planted.encode())
    assert segments.count(xmp_extension.SIGNATURE) == 4
    photo.save(tmp_path / "a.jpg", extra=segments)
    for suffix in (".jpg", ".png", ".webp", ".tif"):
        target, notes = written_as(tmp_path, tmp_path / "a.jpg", suffix)
        again = read_photo(target).metadata.xmp
        assert notes == []
        assert again.count(b"L" * 140_000) == 1
        assert b"GPSLatitude" not in target.read_bytes()


def test_damaged_blocks_are_left_out_and_said(tmp_path, photo):
    source = jpeg(tmp_path, photo, exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff garbage", xmp=b"<broken")
    target, notes = written_as(tmp_path, source, ".jpg")
    assert notes == ["its EXIF is damaged and was left out", "its XMP is damaged and was left out"]
    with Image.open(target) as written:
        assert not {"exif", "xmp"} & written.info.keys()


def test_a_gain_map_and_a_film_are_left_out_and_said(tmp_path, photo):
    space = 'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/"'
    film = XMP.replace("hdrgm:Version", f'{space} GCamera:MotionPhoto="1" hdrgm:Version')
    photo.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[photo.convert("L")], xmp=film.encode())
    target, notes = written_as(tmp_path, tmp_path / "a.jpg", ".jpg")
    assert notes == ["its HDR gain map is left out: the result is the standard picture", "its film is left out"]
    assert b"MotionPhoto" not in target.read_bytes()
    assert getattr(Image.open(target), "n_frames", 1) == 1


@pytest.mark.parametrize("fault", ["another GUID", "a part is missing", "no XML"])
def test_extended_xmp_that_is_damaged_is_left_out_and_said(tmp_path, photo, fault):
    segments = xmp_extension.xmp_segments(long_packet(attribute=True).encode())
    packet, *parts = segments.split(b"\xff\xe1")[1:]
    if fault == "another GUID":
        parts = [part.replace(part[37:69], b"0" * 32) for part in parts]
    elif fault == "a part is missing":
        del parts[1]
    else:
        parts = [part.replace(b"<rdf:Desc", b"<rdf Desc") for part in parts]
    photo.save(tmp_path / "a.jpg", extra=b"".join(b"\xff\xe1" + part for part in (packet, *parts)))
    target, notes = written_as(tmp_path, tmp_path / "a.jpg", ".jpg")
    assert notes == ["its Extended XMP is damaged and was left out"]
    assert b'Rating="4"' in target.read_bytes()


def test_exiftool_and_f2a_read_each_others_extended_xmp(tmp_path, photo):
    photo.save(tmp_path / "a.jpg")
    (tmp_path / "title").write_text("F" * 100_000)
    title = f"-XMP-dc:Title<={tmp_path / 'title'}"
    exiftool("-q", "-overwrite_original", title, "-XMP-xmp:Rating=4", tmp_path / "a.jpg")
    assert xmp_extension.SIGNATURE in (tmp_path / "a.jpg").read_bytes()
    target, notes = written_as(tmp_path, tmp_path / "a.jpg", ".jpg")
    assert notes == []
    assert exiftool("-b", "-Title", "-Rating", "-Warning", target).replace("\n", "") == "F" * 100_000 + "4"


@pytest.mark.parametrize("kind", ["exif", "xmp"])
def test_metadata_that_imagemagick_once_wrote_as_a_pngs_text_are_read(tmp_path, photo, kind):
    content = {"exif": b"MM\0*\0\0\0\x08\0\1\x01\x0f\0\2\0\0\0\4Cam\0\0\0\0\0", "xmp": PLAIN_XMP.encode()}[kind]
    for digits, note in ((content.hex(), ()), ("no digits", (f"its {kind.upper()} is damaged and was left out",))):
        texts = PngImagePlugin.PngInfo()
        texts.add_text(f"Raw profile type {kind}", f"\n{kind}\n{len(content)}\n{digits}\n", zip=True)
        photo.save(tmp_path / "a.png", pnginfo=texts)
        file = read_photo(tmp_path / "a.png")
        assert file.notes == note
        assert bool(file.metadata.exif or file.metadata.xmp) != bool(note)


@pytest.mark.parametrize("bits", [8, 16])
def test_metadata_behind_the_pixels_of_a_png_stay(tmp_path, bits):
    """The standard allows them there, and several programs write them so, including the orientation."""
    exif = Image.Exif()
    exif[0x0112], exif[0x013B] = 6, "An artist"
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:d="http://purl.org/dc/elements/1.1/" d:format="image/png"/>'
    values = np.arange(5 * 7 * 3, dtype=f"u{bits // 8}").reshape(5, 7, 3)
    png_file = png.encode16(values) if bits == 16 else saved(Image.fromarray(values), "PNG")
    chunks = chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    chunks += chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet) + chunk(b"tEXt", b"Title\0Behind")
    (tmp_path / "a.png").write_bytes(png_file[:-12] + chunks + png_file[-12:])
    file = read_photo(tmp_path / "a.png")
    assert file.notes == ()
    assert b"An artist" in file.metadata.exif
    assert b"image/png" in file.metadata.xmp
    assert file.metadata.png_chunks == [(b"tEXt", b"Title\0Behind")]
    assert file.photo.rows().tolist() == np.rot90(values, -1).tolist()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".bmp", ".avif", ".heic"])
def test_each_part_of_the_metadata_is_in_the_file_or_in_a_note(tmp_path, photo, suffix):
    """exiftool tells what a file contains."""
    exif = Image.Exif()
    exif[ARTIST] = "by Zoe"
    xmp = PLAIN_XMP.replace("F\u00eate", "a slide").encode()
    metadata = Metadata(
        exif=exif.tobytes().removeprefix(b"Exif\0\0"),
        xmp=xmp,
        iptc=b"\x1c\x02\x78\0\x09a holiday",
        comments=(b"by hand",),
        png_chunks=[(b"tEXt", b"Software\0a raw developer")],
    )
    (tmp_path / "a.png").touch()
    file = PhotoFile(tmp_path / "a.png", "PNG", Photo.from_pil(photo.resize((32, 24))), metadata)
    said = " ".join(write_photo(file.photo, tmp_path / f"b{suffix}", like=file))
    found = exiftool("-a", tmp_path / f"b{suffix}")
    values = {"EXIF": "by Zoe", "XMP": "a slide", "captions": "a holiday", "comments": "by hand", "texts": "a raw dev"}
    assert {part for part, value in values.items() if value in found} == {part for part in values if part not in said}
