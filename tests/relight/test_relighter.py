"""The three-line API on photos of every kind."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

import f2a
from f2a import Relighter
from f2a.color import relight
from f2a.config import ARCHITECTURES
from f2a.images import EXAMPLE, to_image
from f2a.model import generator as generators
from f2a.model.generator import Generator
from f2a.photo import Photo
from f2a.photo.icc import ColorProfile
from f2a.photo.photo import ArrayStorage, ImageStorage
from f2a.relight.controls import Controls
from f2a.relight.relighter import PhotoGain, choose_device, working_size
from tests.support.profiles import ADOBE_RGB

WARM = Controls(exposure=-0.5, warmth=20)


def test_three_lines_relight_a_photo(weights, photo):
    relighter = Relighter.from_pretrained(weights)
    relit = relighter(photo)
    flash = to_image(photo)
    expected = relight(flash, torch.full_like(flash, 0.5))[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(np.asarray(relit) - expected).max() <= 1


@pytest.mark.parametrize(
    ("mode", "result"),
    [("1", "L"), ("L", "L"), ("LA", "LA"), ("P", "RGB"), ("RGB", "RGB"), ("RGBA", "RGBA"), ("CMYK", "RGB"),
     ("I;16", "I;16")],
)  # fmt: skip
def test_the_mode_survives_where_it_can_and_strength_zero_changes_no_level(relighter, photo, mode, result):
    source = photo.convert("L").convert("I").convert("I;16") if mode == "I;16" else photo.convert(mode)
    assert relighter(source).mode == result
    returned, expected = relighter(source, Controls(strength=0)), source if mode == result else source.convert(result)
    assert (returned.mode, returned.tobytes()) == (result, expected.tobytes())


@pytest.mark.parametrize("size", [(1, 1), (225, 301), (640, 33), (3000, 4)])
def test_any_size_comes_back(relighter, size):
    assert relighter(Image.new("RGB", size, (90, 80, 70))).size == size


def test_two_threads_share_one_relighter(relighter):
    photos = [Image.effect_noise((90 + n, 70), 60).convert("RGB") for n in range(6)]
    with ThreadPoolExecutor(2) as pool:
        together = [relit.tobytes() for relit in pool.map(relighter, photos)]
    assert together == [relighter(photo).tobytes() for photo in photos]


@pytest.mark.parametrize(
    ("size", "small"), [((4000, 3000), (320, 240)), ((300, 200), (300, 200)), ((1, 1), (1, 1)), ((65500, 1), (1108, 1))]
)
def test_the_network_sees_a_bounded_copy(size, small):
    assert working_size(*size, 320 * 240) == small


def test_a_preview_is_bounded_and_looks_like_the_photo(relighter):
    photo = Image.effect_noise((30, 20), 40).resize((900, 600), Image.Resampling.BICUBIC).convert("RGB")
    prepared = relighter.prepare(Photo.from_pil(photo))
    small = prepared.preview(300)
    assert small.photo.size == (300, 200)
    controls = Controls(exposure=-0.5, warmth=20)
    whole = prepared.render(controls).to_pil().resize((300, 200), Image.Resampling.BOX)
    difference = np.abs(small.render(controls).rows().astype(int) - np.asarray(whole))
    assert difference.mean() < 3


def test_both_storages_are_relit_alike(relighter, photo):
    """Plain photos remain Pillow images, relit strip by strip."""
    large = photo.resize((333, 217), Image.Resampling.BICUBIC)
    image, array = Photo(ImageStorage(large)), Photo(ArrayStorage(np.asarray(large)))
    assert np.array_equal(relighter.prepare(image).render().rows(), relighter.prepare(array).render().rows())


@pytest.mark.parametrize("depth", [8, 16])
def test_relit_in_place_it_is_the_same_in_half_the_memory(relighter, photo, depth):
    stored = np.asarray(photo.resize((33, 217), Image.Resampling.BICUBIC)).astype(np.uint16) * 257
    image = Image.fromarray((stored // 257).astype(np.uint8))
    prepared = relighter.prepare(Photo.from_array(stored) if depth == 16 else Photo.from_pil(image))
    expected = prepared.render()
    assert expected is not prepared.photo
    relit = prepared.render(in_place=True)
    assert np.array_equal(relit.rows(), expected.rows())
    assert relit is prepared.photo
    if depth == 16:
        assert np.shares_memory(relit.rows(), stored)
    else:
        assert relit.to_pil() is image


@pytest.mark.parametrize("box", [(0, 0, 331, 217), (200, 150, 331, 217), (17, 3, 18, 4), (0, 90, 331, 97)])
@pytest.mark.parametrize(
    ("dtype", "channels", "profile"),
    [(np.uint8, 3, None), (np.uint8, 3, ADOBE_RGB), (np.uint16, 4, ADOBE_RGB), (np.uint16, 1, None)],
)
def test_a_part_is_relit_to_the_pixels_that_it_has_in_the_whole(dtype, channels, profile, box):
    stored = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, (217, 331, channels)).astype(dtype)
    flash = torch.from_numpy(np.random.default_rng(1).random((1, 3, 14, 20), np.float32))
    prepared = PhotoGain(Photo.from_array(stored, ColorProfile(profile)), flash, torch.randn(flash.shape))
    left, top, right, bottom = box
    part, whole = prepared.crop(box).render(WARM).rows(), prepared.render(WARM).rows()
    assert part.dtype == dtype
    assert np.array_equal(part, whole[top:bottom, left:right])


def test_grey_gets_the_luminance_of_the_gain(photo):
    grey = photo.convert("L")
    flash = to_image(grey.convert("RGB"))
    log_gain = torch.tensor([0.0, 0.3, 0.6]).reshape(1, 3, 1, 1).expand(1, 3, 5, 7)
    uneven, even = (
        PhotoGain(Photo.from_pil(grey), flash, gain)
        for gain in (log_gain, torch.full((1, 3, 5, 7), 0.3 * 0.7152 + 0.6 * 0.0722))
    )
    assert np.array_equal(uneven.render().rows(), even.render().rows())


@pytest.mark.parametrize("preset", ["vgg16", "compact"])
def test_the_network_for_inference_computes_the_same(monkeypatch, preset):
    monkeypatch.setattr(generators, "has_fast_bfloat16", lambda: False)
    generator = Generator(ARCHITECTURES[preset]).eval()
    for layer in generator.modules():
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
            torch.nn.init.kaiming_normal_(layer.weight)
    flash = torch.rand(1, 3, 60, 75)
    plain = generator(flash).detach()
    with torch.inference_mode():
        quick = generator.for_inference(torch.device("cpu"))(flash)
    assert plain.std() > 0.05
    assert torch.allclose(quick, plain, atol=1e-4)


def test_in_bfloat16_a_photo_differs_by_two_levels_at_most(monkeypatch):
    photo = Image.open(EXAMPLE)
    relit = []
    for fast in (False, True):
        monkeypatch.setattr(generators, "has_fast_bfloat16", lambda fast=fast: fast)
        relighter = Relighter.from_pretrained(device="cpu")
        assert next(relighter._generator.decoder.parameters()).dtype == (torch.bfloat16 if fast else torch.float32)
        assert relighter.prepare(Photo.from_pil(photo)).log_gain.dtype == torch.float32
        relit.append(np.asarray(relighter(photo)).astype(int))
    difference = np.abs(relit[1] - relit[0])
    assert 0 < difference.mean() < 0.5
    assert difference.max() <= 2


def test_bfloat16_is_fast_with_amx_only(monkeypatch):
    of_cpus = ({"amx_bf16": True}, True), ({"avx512_bf16": True, "amx_bf16": False}, False), ({}, False)
    for capabilities, fast in of_cpus:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda has=capabilities: has, raising=False)
        assert generators.has_fast_bfloat16() is fast
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert generators.has_fast_bfloat16() is False


def test_each_process_of_a_launcher_takes_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert choose_device("auto") == torch.device("cuda:3")


def test_a_file_may_be_named_by_a_string(relighter, photo, tmp_path):
    photo.save(tmp_path / "party.png")
    written = f2a.relight_file(relighter, str(tmp_path / "party.png"), str(tmp_path))
    assert written == tmp_path / "party_ambient.png"
    assert written.is_file()
