"""The three-line API on photos of every kind."""

import threading

import numpy as np
import pytest
import torch
from PIL import Image

from f2a import Relighter
from f2a.light import apply_log_gain
from f2a.relighter import DeviceError, choose_device, working_size


def test_three_lines_relight_a_photo(weights, photo):
    relighter = Relighter.from_pretrained(weights)
    relit = relighter(photo)
    flash = torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None].float() / 255
    expected = apply_log_gain(flash, torch.full_like(flash, 0.5)).clamp(0, 1)[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(np.asarray(relit) - expected).max() <= 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_strength_zero_returns_the_photo_bit_for_bit(relighter, photo, mode):
    source = photo.convert("L").convert("I").convert("I;16") if mode == "I;16" else photo.convert(mode)
    returned = relighter(source, strength=0)
    assert (returned.mode, returned.size, returned.tobytes()) == (source.mode, source.size, source.tobytes())


@pytest.mark.parametrize(
    ("mode", "result"),
    [("1", "L"), ("L", "L"), ("LA", "LA"), ("P", "RGB"), ("RGB", "RGB"), ("RGBA", "RGBA"), ("CMYK", "RGB"),
     ("I;16", "I;16")],
)  # fmt: skip
def test_the_mode_survives_where_it_can(relighter, photo, mode, result):
    source = photo.convert("L").convert("I").convert("I;16") if mode == "I;16" else photo.convert(mode)
    assert relighter(source).mode == result


def test_alpha_is_kept(relighter, photo):
    photo.putalpha(Image.fromarray((np.arange(35).reshape(5, 7) * 7).astype(np.uint8)))
    assert relighter(photo).getchannel("A").tobytes() == photo.getchannel("A").tobytes()


@pytest.mark.parametrize("size", [(1, 1), (225, 301), (640, 33), (3000, 4)])
def test_any_size_comes_back(relighter, size):
    assert relighter(Image.new("RGB", size, (90, 80, 70))).size == size


def test_a_sideways_photo_comes_out_upright(relighter, photo):
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.info["exif"] = exif.tobytes()
    assert relighter(photo).size == (5, 7)


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_a_strength_outside_its_range_is_named(relighter, photo, strength):
    with pytest.raises(ValueError, match=str(strength)):
        relighter(photo, strength)


def test_stronger_is_further(relighter, photo):
    mean = [np.asarray(relighter(photo, strength)).mean() for strength in (0, 0.3, 0.6, 1)]
    assert mean == sorted(mean)
    assert mean[3] - mean[0] > 10


def test_rendering_again_needs_no_network(relighter, photo, monkeypatch):
    prepared = relighter.prepare(photo)
    monkeypatch.setattr(relighter, "_generator", None)
    assert prepared.render(0.5).size == photo.size


def test_two_threads_share_one_relighter(relighter):
    photos = [Image.effect_noise((90 + n, 70), 60).convert("RGB") for n in range(6)]
    alone = [relighter(photo).tobytes() for photo in photos]
    together = [b""] * len(photos)

    def work(numbers):
        for n in numbers:
            together[n] = relighter(photos[n]).tobytes()

    threads = [threading.Thread(target=work, args=(range(start, 6, 2),)) for start in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


@pytest.mark.parametrize(
    ("size", "small"),
    [((4000, 3000), (320, 240)), ((300, 200), (300, 200)), ((1, 1), (1, 1)), ((65500, 1), (1108, 1))],
)
def test_the_network_sees_a_bounded_copy(size, small):
    assert working_size(*size, 320 * 240) == small


def test_a_device_that_is_not_there_is_named():
    with pytest.raises(DeviceError, match="gpu7"):
        choose_device("gpu7")
    assert choose_device("cpu").type == "cpu"
