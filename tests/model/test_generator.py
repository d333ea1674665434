"""The generators: golden values of the 2020 code, sizes, and guarantees of the heads."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from f2a.color import linear_to_srgb, luminance, relight, srgb_to_linear
from f2a.config import ARCHITECTURES, ConfigError, GeneratorConfig
from f2a.model.checkpoint import published_name
from f2a.model.encoders import LITE0_BLOCKS, EfficientNetLite0, SameConv, UNet, lite0_pytorch_names
from f2a.model.generator import Generator
from tests.support.golden import filled


@pytest.mark.parametrize("upsampling", ["deconv", "unpool"])
@pytest.mark.parametrize(("head", "normalization"), [("sigmoid", "unit"), ("tanh", "signed")])
def test_the_papers_generator_computes_what_the_2020_code_computes(shared, upsampling, head, normalization):
    golden = shared("golden")
    theirs = filled(golden, f"generator_{upsampling}")
    generator = Generator(GeneratorConfig("vgg16", upsampling, head, normalization)).eval()
    generator.load_state_dict({key: theirs[published_name(key)] for key in generator.state_dict()})
    flash = torch.from_numpy(np.load(golden / "flash.npy"))
    with torch.inference_mode():
        # with tanh the 2020 code expects and returns [-1, 1]; f2a uses sRGB in [0, 1] for both
        relit = generator(flash) if head == "sigmoid" else 2 * generator((flash + 1) / 2) - 1
    expected = torch.from_numpy(np.load(golden / f"generator_{upsampling}_{head}.npy"))
    assert (relit - expected).abs().max() <= 1e-5


def test_the_papers_generator_has_30387011_parameters_and_every_published_key_and_compact_under_6_million(shared):
    assert sum(p.numel() for p in Generator(ARCHITECTURES["compact"]).parameters()) <= 6_000_000
    generator = Generator(ARCHITECTURES["vgg16"])
    assert sum(p.numel() for p in generator.parameters()) == 30_387_011
    keys = json.loads((shared("golden") / "keys.json").read_text())["generator_deconv"]
    ours = {published_name(key): list(tensor.shape) for key, tensor in generator.state_dict().items()}
    assert ours == dict(keys)


def test_the_fine_decoder_shows_the_head_every_pixel_of_the_image():
    generator = Generator(GeneratorConfig(upsampling="bilinear_fine")).eval()
    torch.nn.init.normal_(generator.head.convolution.weight)
    flash = torch.rand(1, 3, 17, 33)
    other = flash.clone()
    other[..., 8, 16] = 1 - other[..., 8, 16]
    with torch.inference_mode():
        changed = (generator.log_gain(other) - generator.log_gain(flash)).abs().amax(1)[0]
    assert changed.shape == (17, 33)
    assert changed[8, 16] > 0
    assert sum(weight.numel() for weight in generator.parameters()) <= 6_000_000


@pytest.mark.parametrize("preset", ARCHITECTURES)
def test_every_convolution_for_inference_reads_channels_last(preset):
    """Mixed with the other memory format, each concatenation and convolution would copy its input."""
    generator, formats = Generator(ARCHITECTURES[preset]).for_inference(torch.device("cpu")), set()
    for layer in (*generator.encoder.modules(), *generator.decoder.modules()):
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_pre_hook(
                lambda layer, inputs: formats.add(inputs[0].is_contiguous(memory_format=torch.channels_last))
            )
    with torch.inference_mode():
        generator(torch.rand(1, 3, 33, 50))
    assert formats == {True}


@pytest.mark.parametrize("config", [*ARCHITECTURES.values(), GeneratorConfig("vgg16", "unpool", "sigmoid", "unit")])
def test_any_size_comes_back_in_its_size(config):
    generator = Generator(config).eval()
    for height, width in ((1, 1), (17, 33), (31, 50), (64, 96)):
        flash = torch.rand(1, 3, height, width)
        with torch.inference_mode():
            assert generator(flash).shape == flash.shape
            assert generator.log_gain(flash).shape == flash.shape


def test_an_untrained_gain_head_leaves_the_photo_as_it_is():
    flash = torch.rand(1, 3, 32, 64)
    generator = Generator(GeneratorConfig()).eval()
    assert torch.equal(generator.log_gain(flash), torch.zeros_like(flash))
    assert torch.allclose(generator(flash), flash, atol=1e-6)


def test_the_colour_of_a_gain_is_smooth_and_has_no_luminance():
    torch.manual_seed(1)
    generator = Generator(GeneratorConfig()).eval()
    for layer in (generator.head.convolution, generator.head.color):
        torch.nn.init.normal_(layer.weight, std=0.3)
    with torch.inference_mode():
        log_gain = generator.log_gain(torch.rand(1, 3, 64, 96))
    color = log_gain - luminance(log_gain)
    steps = max(float(color.diff(dim=axis).abs().max()) for axis in (-1, -2))
    assert 0 < steps <= 2 / 16 + 1e-5  # tanh's whole range across one cell of 16 pixels
    assert luminance(log_gain).diff(dim=-1).abs().max() > 3 * steps


@pytest.mark.parametrize("head", ["gain", "sigmoid", "tanh"])
def test_every_head_tells_one_story_as_image_and_as_gain(head):
    torch.manual_seed(3)
    generator = Generator(GeneratorConfig("vgg16", "deconv", head, "unit")).eval()
    torch.nn.init.normal_(generator.head.convolution.weight, std=0.1)
    flash = torch.rand(1, 3, 16, 32) * 0.6 + 0.1
    with torch.inference_mode():
        relit, again = generator(flash), relight(flash, generator.log_gain(flash))
    comparable = relit.amax(1, keepdim=True) < 0.8  # above that, the output of a direct head is rolled off as a gain is
    assert torch.allclose(torch.where(comparable, again, 0), torch.where(comparable, relit, 0), atol=1e-4)


def test_the_difference_head_adds_to_the_photo_and_starts_at_nothing():
    flash = torch.rand(1, 3, 16, 32)
    generator = Generator(GeneratorConfig("vgg16", "deconv", "difference", "unit")).eval()
    assert torch.equal(generator(flash), flash)
    torch.nn.init.constant_(generator.head.convolution.bias, 0.1)
    with torch.inference_mode():
        brighter = generator(flash)
        assert torch.allclose(brighter, flash + np.tanh(0.1), atol=1e-6)
        lit = linear_to_srgb(srgb_to_linear(flash).clamp(min=1e-4) * generator.log_gain(flash).exp())
        assert torch.allclose(lit, brighter, atol=1e-4)


def test_unet_starts_from_nothing_and_says_so():
    with pytest.raises(KeyError, match="starts from random weights"):
        UNet().load_imagenet({})


def test_features_of_an_untrained_unet_keep_their_size():
    torch.manual_seed(0)
    image = torch.randn(1, 3, 32, 48)
    with torch.inference_mode():
        features = UNet()(image).features
    assert [tuple(f.shape[1:]) for f in features] == [(64 << level, 32 >> level, 48 >> level) for level in range(5)]
    assert 0.3 < features[-1].std() / features[0].std() < 3  # after ten layers the signal has neither faded nor grown


def test_folding_batch_normalisation_changes_nothing():
    """Compare the first convolution with the same one followed by explicit batch normalisation."""
    generator, encoder, weights = torch.Generator().manual_seed(5), EfficientNetLite0(), {}
    layers = [layer for layer in encoder.modules() if isinstance(layer, SameConv)]
    for layer, (conv, norm) in zip(layers, lite0_pytorch_names(), strict=True):
        weights[f"{conv}.weight"] = torch.randn(layer.weight.shape, generator=generator)
        for part in ("weight", "bias", "running_mean", "running_var"):
            weights[f"{norm}.{part}"] = torch.rand(layer.out_channels, generator=generator) + 0.5
    encoder.load_imagenet(weights)
    image = torch.rand(1, 3, 8, 12, generator=generator)
    padded = torch.nn.functional.pad(image, (0, 1, 0, 1))
    plain = torch.nn.functional.conv2d(padded, weights["_conv_stem.weight"], stride=2)
    normed = torch.nn.functional.batch_norm(
        plain, *(weights[f"_bn0.{p}"] for p in ("running_mean", "running_var", "weight", "bias")), eps=1e-3
    )
    assert torch.allclose(encoder.stem[0](image), normed, atol=1e-5)


def test_lite0_takes_the_imagenet_weights(shared):
    encoder = EfficientNetLite0()
    encoder.load_imagenet(load_file(shared("weights") / "efficientnet_lite0.safetensors"))
    with torch.inference_mode():
        pyramid = encoder(torch.rand(1, 3, 64, 96))
    assert [tuple(f.shape[1:]) for f in pyramid.features] == [
        (width, 64 >> level, 96 >> level) for level, width in enumerate(EfficientNetLite0.channels)
    ]
    assert len(LITE0_BLOCKS) == 16


@pytest.mark.parametrize(
    ("values", "named"),
    [({"encoder": "resnet"}, "resnet"), ({"upsampling": "unpool"}, "unpool"), ({"working_pixels": 9}, "working_pixels"),
     ({"exposure": 0.5, "head": "sigmoid"}, "head 'gain'"), *(
         ({"exposure": exposure}, f"exposure is {exposure!r}: give 'keep' or a number between 0 and 1")
         for exposure in ("kept", 0.0, 1, -0.5))],
)  # fmt: skip
def test_a_config_that_cannot_be_built_is_named(values, named):
    with pytest.raises(ConfigError, match=named):
        GeneratorConfig(**values)


@pytest.mark.parametrize(("exposure", "dark", "bright"), [(0.5, 0.5, 0.5), ("keep", 0.3, None)])
def test_a_generator_gives_every_photo_its_exposure_or_lifts_dark_ones_only(exposure, dark, bright):
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig(exposure=exposure, min_exposure=0.3)).eval()
    torch.nn.init.normal_(generator.head.convolution.weight, std=0.3)
    flash = torch.rand(2, 3, 34, 50) * torch.tensor([0.2, 0.9]).reshape(2, 1, 1, 1)
    with torch.inference_mode():
        relit = generator(flash)
        torch.testing.assert_close(relit, relight(flash, generator.log_gain(flash)))
    assert relit.mean((1, 2, 3)).tolist() == pytest.approx([dark, bright or float(flash[1].mean())], abs=3e-3)


def test_a_generator_that_keeps_the_exposure_lifts_no_blacks():
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig(exposure="keep", min_exposure=0.4)).eval()
    flash = torch.rand(1, 3, 34, 50) * 0.5
    flash[..., :8, :8] = 0.01
    with torch.inference_mode():
        relit = generator(flash)
    assert relit[..., :8, :8].max() < 0.015
    assert relit.mean() == pytest.approx(0.4, abs=5e-3)


def test_the_gain_is_refined_in_use_and_not_in_training():
    generator = Generator(GeneratorConfig(exposure="keep"))
    flash = torch.linspace(0.2, 0.9, 50).expand(1, 3, 34, 50)
    with torch.inference_mode():  # an untrained head lifts nothing, so only the contrast is left
        assert generator.train().log_gain(flash).std() == pytest.approx(0, abs=1e-6)
        assert generator.eval().log_gain(flash).std() > 0.005
