"""Faces drawn by code, with pupils of any colour."""

from PIL import Image, ImageDraw, ImageFilter

from f2a.relight import red_eyes

SKINS = {"pale": (226, 190, 170), "tan": (196, 150, 120), "brown": (130, 88, 66), "dark": (92, 60, 46)}
RED, BLACK = (170, 30, 35), (18, 16, 15)
SIDE = 960
"""Pixels of the drawing, before it is scaled."""
EYES = ((372, 452), (588, 452))
"""Centres of the pupils in the drawing."""
HAIR = (45, 32, 26)


def drawn_face(
    side=300, pupil=RED, diameter=30, skin=SKINS["tan"], iris=(60, 38, 26), lips=(190, 40, 50), glasses=False
):
    """A face that looks into the camera, ``side`` pixels large; ``diameter`` is the pupil's, of :data:`SIDE`."""
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
    faces, eyes = red_eyes.open_cascade("frontalface_alt2"), red_eyes.open_cascade("eye_tree_eyeglasses")
    return [eye for face in red_eyes.find_faces(photo, faces) for eye in red_eyes.find_eyes(photo, face, eyes)]
