"""Red pupils are found in drawn faces and darkened; nothing else in a photo is changed."""

import sys

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from f2a.photo import Photo, read_photo
from f2a.photo.photo import exif_transposed
from f2a.relight.controls import ControlError, Controls
from f2a.relight.red_eyes import correct_red_pupils, find_eyes, find_faces, find_red_pupils, open_cascade, red_eyes_note
from f2a.relight.relighter import relight_file
from tests.support import profiles
from tests.support.commands import run, sentence

ONLY_EYES = Controls(strength=0, red_eyes=1)
pytestmark = pytest.mark.filterwarnings("error")

SKINS = {"pale": (226, 190, 170), "tan": (196, 150, 120), "brown": (130, 88, 66), "dark": (92, 60, 46)}
RED, BLACK = (170, 30, 35), (18, 16, 15)
SIDE = 960
"""Side of the drawing in pixels, before it is scaled."""
EYES = ((372, 452), (588, 452))
"""Centres of the pupils in the drawing."""
HAIR = (45, 32, 26)


def drawn_face(
    side=300, pupil=RED, diameter=30, skin=SKINS["tan"], iris=(60, 38, 26), lips=(190, 40, 50), glasses=False
):
    """A face looking into the camera, ``side`` pixels large; ``diameter`` is the pupil's at a side of :data:`SIDE`."""
    image = Image.new("RGB", (SIDE, SIDE), (60, 70, 80))
    draw = ImageDraw.Draw(image)

    def oval(x, y, width, height, color):
        draw.ellipse((x - width / 2, y - height / 2, x + width / 2, y + height / 2), fill=color)

    def shade(factor):
        return tuple(int(factor * value) for value in skin)

    oval(480, 400, 620, 760, HAIR)
    draw.rectangle((380, 725, 580, SIDE), fill=shade(0.7))
    oval(480, 490, 540, 720, skin)
    oval(480, 310, 470, 240, shade(1.06))
    for x, y in EYES:
        oval(x, y - 2, 150, 95, shade(0.72))
        draw.chord((x - 82, y - 82, x + 82, y - 22), 200, 340, fill=HAIR)
        oval(x, y + 3, 110, 52, (225, 220, 215))
        oval(x, y, 50, 50, iris)
        oval(x, y, diameter, diameter, pupil)
        draw.arc((x - 56, y - 24, x + 56, y + 31), 185, 355, fill=(30, 20, 18), width=7)
        if glasses:
            draw.ellipse((x - 85, y - 67, x + 85, y + 73), outline=(25, 25, 25), width=8)
            draw.line((x - 55, y - 52, x - 30, y - 22), fill=(255, 255, 255), width=7)
    draw.polygon([(465, 450), (495, 450), (520, 595), (440, 595)], fill=shade(1.08))
    oval(480, 600, 90, 34, shade(0.72))
    oval(480, 595, 60, 40, shade(1.1))
    oval(480, 700, 190, 52, lips)
    draw.line((390, 700, 570, 700), fill=(90, 30, 35), width=5)
    image = image.filter(ImageFilter.GaussianBlur(4))
    for x, y in EYES:
        ImageDraw.Draw(image).ellipse((x - 9, y - 9, x - 1, y - 1), fill=(255, 255, 255))
    return image.resize((side, side), Image.Resampling.LANCZOS)


def eyes_of(photo):
    """The eyes in the faces of a photo."""
    faces, eyes = open_cascade("frontalface_alt2"), open_cascade("eye_tree_eyeglasses")
    return [eye for face in find_faces(photo, faces) for eye in find_eyes(photo, face, eyes)]


def corrected(image):
    photo = Photo.from_pil(image.copy())
    correct_red_pupils(photo, find_red_pupils(photo))
    return photo.to_pil()


def in_eyes(image, radius):
    """Mask of the pixels of a drawn face within ``radius``, in the drawing's pixels, of a pupil's centre."""
    y, x = (np.mgrid[: image.height, : image.width] + 0.5) * SIDE / image.height
    return np.any([np.hypot(x - left, y - top) < radius for left, top in EYES], axis=0)


def redness(image, radius):
    """Difference of red and green in the pupils, in levels."""
    pixels = np.asarray(image).astype(int)[in_eyes(image, radius)]
    return (pixels[:, 0] - pixels[:, 1]).mean()


@pytest.mark.parametrize("glasses", [False, True])
@pytest.mark.parametrize("skin", SKINS)
def test_both_red_pupils_are_found_whatever_the_skin(skin, glasses):
    assert len(find_red_pupils(Photo.from_pil(drawn_face(skin=SKINS[skin], glasses=glasses)))) == 2


@pytest.mark.parametrize("diameter", [14, 24, 40])
@pytest.mark.parametrize("side", [150, 300, 700])
def test_pupils_of_every_size_lose_their_red(side, diameter):
    photo = Photo.from_pil(drawn_face(side, diameter=diameter))
    before, pupils = redness(photo.to_pil(), diameter / 3), find_red_pupils(photo)
    assert len(pupils) == 2
    correct_red_pupils(photo, pupils)
    assert redness(photo.to_pil(), diameter / 3) < 0.25 * before


@pytest.mark.parametrize("pupil", [BLACK, (60, 62, 66), (40, 60, 110), (80, 40, 36)])
@pytest.mark.parametrize("iris", [(110, 90, 70), (70, 40, 22), (90, 120, 150)])
def test_eyes_that_are_not_red_stay_as_they_are(pupil, iris):
    photo = Photo.from_pil(drawn_face(pupil=pupil, iris=iris))
    assert len(eyes_of(photo)) == 2
    assert find_red_pupils(photo) == []


def test_only_the_pupils_change_to_neutral_and_dark_and_their_glint_stays():
    image = drawn_face(600)
    before, after = np.asarray(image).astype(int), np.asarray(corrected(image)).astype(int)
    outside = ~in_eyes(image, 30)  # the iris is 25 pixels large
    assert np.array_equal(after[outside], before[outside])
    assert (after[~outside].max(-1) <= before[~outside].max(-1)).all()
    glints = (before.min(-1) > 230) & in_eyes(image, 12)
    assert glints.any()
    assert np.abs(after - before)[glints].max() < 25
    pixels = after[in_eyes(image, 9)]
    pixels = pixels[pixels.max(-1) < 100]  # not the glint
    assert len(pixels) > 50
    assert np.ptp(pixels, axis=-1).max() <= 12
    assert pixels.max(-1).mean() < 40


def lamps_and_lips():
    """A picture of spots as red, round and small as pupils."""
    image = drawn_face(600, pupil=BLACK, lips=RED)
    for x, y in ((40, 60), (300, 440), (300, 120), (560, 300), (235, 380)):
        ImageDraw.Draw(image).ellipse((x - 10, y - 10, x + 10, y + 10), fill=RED)
    return image


def red_lids_and_a_red_corner():
    image = drawn_face(600, pupil=BLACK)
    draw = ImageDraw.Draw(image)
    for x, y in np.array(EYES) * 600 / SIDE:
        draw.arc((x - 36, y - 18, x + 36, y + 20), 185, 355, fill=RED, width=6)
        draw.ellipse((x - 33, y - 5, x - 24, y + 5), fill=RED)
    return image


@pytest.mark.parametrize("draw", [lamps_and_lips, red_lids_and_a_red_corner, lambda: drawn_face().convert("L")])
def test_other_red_spots_and_those_of_a_grey_photo_are_no_pupils(draw):
    photo = Photo.from_pil(draw())
    assert draw is not lamps_and_lips or len(eyes_of(photo)) == 2
    assert find_red_pupils(photo) == []


def test_the_amount_is_the_share_of_the_red_that_goes():
    image = drawn_face()
    pupils, red = find_red_pupils(Photo.from_pil(image)), []
    for amount in (0, 0.25, 0.5, 0.75, 1):
        correct_red_pupils(photo := Photo.from_pil(image.copy()), pupils, amount)
        red.append(redness(photo.to_pil(), 9))
        assert amount or photo.to_pil().tobytes() == image.tobytes()
    assert red == sorted(red, reverse=True)
    assert red[0] > red[2] + 10 > red[4] + 20


@pytest.mark.parametrize("kind", ["16 bits", "Display P3"])
def test_in_deep_and_wide_photos_the_same_pupils_are_corrected(kind):
    image = drawn_face()
    if kind == "16 bits":
        photo = Photo.from_array(np.asarray(image).astype(np.uint16) * 257)
    else:
        image.info["icc_profile"] = profiles.DISPLAY_P3
        photo = Photo.from_pil(image.copy())
    pupils = find_red_pupils(photo)
    correct_red_pupils(photo, pupils)
    assert len(pupils) == 2
    if kind == "16 bits":
        assert np.abs(photo.rows() / 257 - np.asarray(corrected(image))).max() <= 1
    else:
        assert redness(photo.to_pil(), 9) < 0.2 * redness(drawn_face(), 9)
        assert photo.icc_profile == profiles.DISPLAY_P3


def test_a_sideways_photo_is_corrected_upright(relighter):
    sideways = drawn_face().transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways.info["exif"] = exif.tobytes()
    upright = exif_transposed(sideways)
    assert relighter(sideways, ONLY_EYES).tobytes() == corrected(upright).tobytes()
    assert redness(corrected(upright), 9) < 20


def test_they_are_corrected_in_the_relit_photo_and_in_its_preview(relighter):
    prepared = relighter.prepare(Photo.from_pil(drawn_face(700)))
    for one in (prepared, prepared.preview(300)):
        left, right = one.render(Controls()).to_pil(), one.render(Controls(red_eyes=1)).to_pil()
        assert redness(right, 9) < 0.2 * redness(left, 9)
        assert np.array_equal(*(np.asarray(image)[~in_eyes(image, 34)] for image in (left, right)))
    prepared.render(ONLY_EYES)
    assert np.array_equal(prepared.photo.rows(), np.asarray(drawn_face(700)))


@pytest.mark.parametrize(
    "box", [(90, 100, 210, 180), (110, 139, 150, 160), (0, 0, 300, 60)], ids=["both", "half", "none"]
)
def test_in_a_part_of_the_photo_they_are_corrected_as_in_the_whole(relighter, box):
    """The pupils are at (116, 141) and (184, 141)."""
    prepared = relighter.prepare(Photo.from_pil(drawn_face(300)))
    whole = prepared.render(Controls(red_eyes=1)).to_pil().crop(box)
    assert prepared.crop(box, red_eyes=True).render(Controls(red_eyes=1)).to_pil().tobytes() == whole.tobytes()
    changed = prepared.render().to_pil().crop(box).tobytes() != whole.tobytes()
    assert changed is (box[3] > 60)


def test_they_are_found_before_the_photo_is_written_over(relighter):
    kept, overwritten = (relighter.prepare(Photo.from_pil(drawn_face())) for _ in range(2))
    controls = Controls(exposure=-3, red_eyes=1)
    assert np.array_equal(kept.render(controls).rows(), overwritten.render(controls, in_place=True).rows())


def test_without_red_eyes_a_photo_at_strength_zero_is_the_photo(relighter, photo):
    assert relighter(photo, ONLY_EYES).tobytes() == photo.tobytes()


@pytest.mark.parametrize(("pupil", "note"), [(RED, "2 red eyes corrected"), (BLACK, "no red eyes were found")])
def test_the_note_counts_them(tmp_path, relighter, pupil, note):
    drawn_face(pupil=pupil).save(tmp_path / "a.png")
    notes = []
    relight_file(relighter, tmp_path / "a.png", tmp_path / "b.png", ONLY_EYES, report=notes.append)
    assert notes == [note]
    assert red_eyes_note(find_red_pupils(read_photo(tmp_path / "b.png").photo)) == "no red eyes were found"


def test_the_flag_works_and_says_so_and_without_opencv_what_to_install(tmp_path, weights, monkeypatch):
    drawn_face().save(tmp_path / "a.png")
    command = ("relight", tmp_path / "a.png", "-o", tmp_path / "b.png", "--weights", weights, "--overwrite")
    assert "2 red eyes corrected" in sentence(*command, "--red-eyes", "1", status=0)
    (tmp_path / "b.png").unlink()
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert 'pip install "opencv-python-headless<5"' in sentence(*command, "--red-eyes", "1", status=2)
    assert not (tmp_path / "b.png").exists()
    assert run("f2a", *command).status == 0  # nothing else needs it


def test_an_opencv_without_cascades_counts_as_none(monkeypatch):
    import cv2

    monkeypatch.setattr(cv2, "__file__", "nowhere/__init__.py")
    with pytest.raises(ControlError, match="pip install"):
        find_red_pupils(Photo.from_pil(drawn_face()))


@pytest.mark.slow
def test_no_real_photo_without_flash_has_red_eyes_and_known_ones_are_found(shared):
    for path in sorted(shared("pairs").rglob("*_ambient.jpg")):
        assert find_red_pupils(read_photo(path).photo) == [], path.name
    for name in ("pets_esther", "pets_redeye_woman", "dpd_07", "dpd_09", "dpd_12"):
        assert len(find_red_pupils(read_photo(shared("pairs/train") / f"{name}_flash.jpg").photo)) == 2, name
