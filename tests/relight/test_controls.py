"""Every control checked by hand: on a flat photo the result can be worked out with a pocket calculator."""

import argparse
import dataclasses
import math

import numpy as np
import pytest
import torch
from PIL import Image

from f2a.photo import Photo
from f2a.relight.controls import NEUTRAL, PRESETS, ControlError, Controls, add_control_flags, controls_of
from f2a.relight.relighter import PhotoGain


def linear(srgb):
    """Linear light of 8-bit sRGB values."""
    return ((np.asarray(srgb, float) / 255 + 0.055) / 1.055) ** 2.4


def flat(color, stops=(0.0, 0.0, 0.0)):
    """A photo of one colour, 9 wide and 6 high, and a network that predicts ``stops`` for red, green and blue."""
    photo = Image.new("RGB", (9, 6), color)
    flash = torch.tensor(color).reshape(1, 3, 1, 1).expand(1, 3, 6, 9) / 255
    log_gain = torch.tensor(stops).reshape(1, 3, 1, 1).expand(1, 3, 6, 9) * np.log(2)
    return PhotoGain(Photo.from_pil(photo), flash, log_gain)


def light_of(prepared, controls):
    """Linear light of the relit photo's first pixel."""
    return linear(prepared.render(controls).rows()[0, 0])


def test_one_stop_of_exposure_doubles_the_light_of_the_photo():
    brighter = light_of(flat((90, 90, 90)), Controls(strength=0, exposure=1))
    assert brighter == pytest.approx(2 * linear([90] * 3), rel=0.02)


def test_exposure_comes_on_top_of_the_relit_photo():
    prepared = flat((90, 80, 70), (0.5, 0.2, 0.1))
    ratio = light_of(prepared, Controls(exposure=-1)) / light_of(prepared, NEUTRAL)
    assert ratio == pytest.approx([0.5] * 3, rel=0.03)


@pytest.mark.parametrize("mireds", [-100, -40, 40, 100])
def test_warmth_makes_white_paper_look_as_under_a_warmer_lamp(mireds):
    """Grey in light of 6500 K, moved by so many mireds along the Planckian locus (Kim et al.)."""
    before, after = black_body(1e6 / 6500), black_body(1e6 / 6500 + mireds)
    expected = np.log(after / before)
    got = np.log(light_of(flat((120, 120, 120)), Controls(strength=0, warmth=mireds)) / linear([120] * 3))
    assert got == pytest.approx(expected, abs=0.08)
    assert np.exp(got) @ (0.2126, 0.7152, 0.0722) == pytest.approx(1, abs=0.04)


def black_body(mired):
    """Linear sRGB of a black body with unit luminance; at 4000 K and above except in the last test (3900 K)."""
    kelvin = 1e6 / mired
    x = -3.0258469e9 / kelvin**3 + 2.1070379e6 / kelvin**2 + 0.2226347e3 / kelvin + 0.240390
    y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    xyz = np.array([x / y, 1, (1 - x - y) / y])
    return np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]) @ xyz


def test_shadows_lift_black_leave_mid_grey_and_keep_the_order_of_tones():
    lifted = [light_of(flat((v, v, v)), Controls(strength=0, shadows=1))[0] / linear(v) for v in (20, 60, 128, 200)]
    assert lifted[0] > lifted[1] > lifted[2]
    assert lifted[0] == pytest.approx(2 ** (2 * (1 - 40 / 255) ** 2), rel=0.05)  # in stops: 2 at black, squared fall
    assert lifted[2:] == pytest.approx([1, 1], abs=0.02)
    tones = [flat((v, v, v)).render(Controls(strength=0, shadows=1)).rows()[0, 0, 0] for v in range(0, 256, 5)]
    assert tones == sorted(tones)


def two_tones(dark=(30, 24, 18), light=(180, 150, 120)):
    """A photo with a left half of one colour and a right half of another, which the network leaves unchanged."""
    values = np.array([[dark] * 8 + [light] * 8] * 6, np.uint8)
    flash = torch.from_numpy(values).permute(2, 0, 1)[None] / 255
    return PhotoGain(Photo.from_array(values), flash, torch.zeros_like(flash))


@pytest.mark.parametrize("amount", [-1, -0.4, 0.4, 1])
def test_contrast_is_a_power_of_the_light_that_keeps_hue_and_brightness(amount):
    before = two_tones()
    after = before.render(Controls(contrast=amount)).rows()
    dark, light = linear(after[0, 0]), linear(after[0, -1])
    spread = np.log(linear((180, 150, 120)) / linear((30, 24, 18)))[1]
    assert np.log(light / dark)[1] == pytest.approx((1 + amount / 2) * spread, rel=0.05)
    assert dark / dark[1] == pytest.approx(linear((30, 24, 18)) / linear(24), rel=0.15)  # a level is 5 % of these
    assert light / light[1] == pytest.approx(linear((180, 150, 120)) / linear(150), rel=0.02)
    assert after.mean() == pytest.approx(before.photo.rows().mean(), abs=1.5)


def test_keep_colors_changes_the_brightness_only():
    prepared = flat((150, 100, 60), (0.6, 0.3, -0.2))
    kept = light_of(prepared, Controls(keep_colors=True)) / linear([150, 100, 60])
    assert kept == pytest.approx([kept[1]] * 3, rel=0.03)
    luminance = [light_of(prepared, c) @ (0.2126, 0.7152, 0.0722) for c in (Controls(keep_colors=True), NEUTRAL)]
    assert luminance[0] == pytest.approx(luminance[1], rel=0.03)


@pytest.mark.parametrize(
    ("name", "value"),
    [("strength", -0.1), ("strength", 2.1), ("strength", math.nan), ("exposure", 9), ("shadows", -2),
     ("background", 1.5)],
)  # fmt: skip
def test_a_control_outside_its_range_is_named(name, value):
    with pytest.raises(ControlError, match=f"{name} is {value}.*from"):
        Controls(**{name: value})


def test_only_no_effect_at_all_leaves_the_photo():
    photo = flat((90, 120, 60), (0.5, 0.2, -0.4))
    for unchanging in ({}, {"keep_colors": True}, {"background": 1.0, "highlights": -1.0}):
        assert photo.render(Controls(strength=0, **unchanging)).rows()[0, 0].tolist() == [90, 120, 60]
    for name, value in (("exposure", 0.1), ("warmth", -9), ("shadows", 0.2)):
        assert photo.render(Controls(strength=0, **{name: value})).rows()[0, 0].tolist() != [90, 120, 60]


def parse(*words):
    parser = argparse.ArgumentParser()
    add_control_flags(parser)
    assert all(item.metadata["help"] in " ".join(parser.format_help().split()) for item in dataclasses.fields(Controls))
    return controls_of(parser.parse_args(words))


def test_flags_are_the_fields():
    assert parse() == NEUTRAL
    words = "--strength 1.5 --background 0.1 --highlights -0.2 --exposure -1 --warmth 20 --shadows 0.3 --contrast 0.4"
    everything = Controls(1.5, 0.1, -0.2, -1, 20, 0.3, 0.4, True, 0.6)
    assert parse(*words.split(), "--keep-colors", "--red-eyes", "0.6") == everything


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_where_the_flags_begin(name):
    assert parse("--preset", name) == PRESETS[name]
    assert parse("--preset", name, "--exposure", "0.5") == dataclasses.replace(PRESETS[name], exposure=0.5)


def test_presets_differ_and_the_first_is_neutral():
    assert len(set(PRESETS.values())) == len(PRESETS)
    assert next(iter(PRESETS.values())) == NEUTRAL
