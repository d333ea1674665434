"""The losses: values that can be checked by hand, which network gets a gradient, and the figures of the 2020 code."""

import json
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import train_accelerate
from f2a.color import linear_to_srgb
from f2a.config import TrainConfig
from f2a.data.augment import PairCrops
from f2a.metrics import ssim
from f2a.model.checkpoint import published_name
from f2a.model.encoders import VGG16
from f2a.training.arguments import parse_run
from f2a.training.losses import (
    PerceptualDistance,
    attention_map,
    cauchy,
    discriminator_loss,
    generator_losses,
    gradient_difference,
    structural_dissimilarity,
    weighted_sum,
)
from f2a.training.setup import TrainingInputs, build_checkpoint, load_pretrained
from tests.support.golden import filled
from tests.training.conftest import set_up

HALF = torch.full((1, 3, 2, 3), 0.5)
ONE = torch.ones(1, 1, 1, 1)
JUDGED = TrainConfig(guided="judged", adversarial_weight=1.0)


def test_where_the_photos_agree_attention_is_one_and_it_falls_by_the_mean_difference():
    flash, ambient = torch.zeros(1, 3, 1, 2), torch.zeros(1, 3, 1, 2)
    ambient[0, :, 0, 1] = torch.tensor([0.3, 0.6, 0.0])
    torch.testing.assert_close(attention_map(flash, ambient), torch.tensor([1.0, 0.7]).reshape(1, 1, 1, 2))


def golden_tensors(golden, *names):
    return (torch.from_numpy(np.load(golden / f"{name}.npy")) for name in names)


def test_attention_and_cauchy_are_those_of_the_2020_code(shared):
    flash, ambient, attention = golden_tensors(shared("golden"), "flash", "ambient", "attention")
    torch.testing.assert_close(attention_map(flash, ambient), attention, rtol=0, atol=1e-6)
    expected = json.loads((shared("golden") / "training_losses.json").read_text())["cauchy_flash_vs_ambient_mean"]
    assert cauchy(flash, ambient).item() == pytest.approx(expected, abs=1e-6)


def test_l1_and_cauchy_of_a_difference_of_a_half():
    assert generator_losses(TrainConfig(), HALF, 0 * HALF, ONE) == {"reconstruction": pytest.approx(0.5)}
    assert cauchy(HALF, 0 * HALF, c=0.5) == pytest.approx(0.5 * math.log(2))


def test_an_undecided_judge_costs_ln_2_a_verdict():
    undecided = lambda image: torch.zeros(1, 1, 1, 1)  # noqa: E731
    assert discriminator_loss(JUDGED, HALF, HALF, ONE, undecided) == pytest.approx(2 * math.log(2))
    assert generator_losses(JUDGED, HALF, HALF, ONE, undecided)["adversarial"] == pytest.approx(math.log(2))
    sure_of_the_ambient = lambda image: 100 * (image - 0.5)  # noqa: E731
    assert discriminator_loss(JUDGED, HALF, 2 * HALF, ONE, sure_of_the_ambient) == pytest.approx(math.log(2))


def test_the_discriminators_loss_gives_the_generator_no_gradient_and_its_judgement_does():
    weight, relit = torch.ones((), requires_grad=True), HALF.clone().requires_grad_()
    judge = lambda image: weight * image  # noqa: E731
    discriminator_loss(JUDGED, relit, HALF, ONE, judge).backward()
    assert relit.grad is None
    assert weight.grad is not None
    generator_losses(JUDGED, relit, HALF, ONE, judge)["adversarial"].backward()
    assert relit.grad is not None


def test_a_term_of_weight_0_is_never_computed():
    config = TrainConfig(reconstruction_weight=0, adversarial_weight=0, perceptual_weight=2, perceptual_encoder="x")
    never = lambda *images: pytest.fail("computed")  # noqa: E731
    losses = generator_losses(config, HALF, 0 * HALF, ONE, discriminator=never, perceptual=F.l1_loss)
    assert losses == {"perceptual": pytest.approx(0.5)}
    assert weighted_sum(config, losses) == pytest.approx(1.0)
    assert generator_losses(TrainConfig(), HALF, 0 * HALF, ONE, never, never) == {"reconstruction": pytest.approx(0.5)}


def test_every_term_is_there_under_its_name_and_weight():
    weights = {"reconstruction": 1.0, "adversarial": 2.0, "perceptual": 3.0, "structural": 4.0, "gradient": 5.0}
    config = TrainConfig(resolution=64, perceptual_encoder="x", **{f"{name}_weight": w for name, w in weights.items()})
    image = torch.full((1, 3, 8, 9), 0.5)
    losses = generator_losses(config, image, 0 * image, ONE, lambda image: 0 * image, F.l1_loss)
    assert list(losses) == list(weights)
    expected = 1 * 0.5 + 2 * math.log(2) + 3 * 0.5 + 4 * losses["structural"].item() + 5 * losses["gradient"].item()
    assert weighted_sum(config, losses).item() == pytest.approx(expected)


SEEN, HIDDEN = math.log(1 + math.exp(-0.5)), math.log(2)
"""Adversarial loss of a pixel of a half whose value is its logit, and of the same pixel multiplied by 0."""


@pytest.mark.parametrize(
    ("guided", "reconstruction", "adversarial"),
    [("both", 0.5 / 6, (SEEN + 5 * HIDDEN) / 6), ("none", 0.5, SEEN),
     ("compared", 0.5 / 6, SEEN), ("judged", 0.5, (SEEN + 5 * HIDDEN) / 6)],
)  # fmt: skip
def test_attention_hides_what_it_is_asked_to_from_whom_it_is_asked_to(guided, reconstruction, adversarial):
    config = parse_run(["--guided", guided, "--adversarial_weight", "1"], "")
    one_shown = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]).reshape(1, 1, 2, 3)
    losses = generator_losses(config, HALF, 0 * HALF, one_shown, lambda image: image)
    assert losses["reconstruction"] == pytest.approx(reconstruction)
    assert losses["adversarial"] == pytest.approx(adversarial)


@pytest.mark.parametrize(("guided", "expected"), [("none", 0.5), ("both", 0.25), ("compared", 0.5), ("judged", 0.25)])
def test_the_discriminator_learns_under_the_attention_that_it_is_asked_under(monkeypatch, guided, expected):
    flags = ["--adversarial_weight", "1", "--max_train_steps", "1", "--encoder_weights", "none"]
    config = parse_run(["--guided", guided, *flags], "")
    trainer = set_up(config, TrainingInputs(build_checkpoint(config), [], [], None))
    judged = []

    def watched(config, relit, ambient, attention, discriminator):
        return discriminator_loss(config, relit, ambient, attention, lambda i: judged.append(i) or discriminator(i))

    monkeypatch.setattr(train_accelerate, "discriminator_loss", watched)
    black, grey = torch.zeros(1, 3, 64, 64), torch.full((1, 3, 64, 64), 0.5)
    trainer.training_step(PairCrops(black, grey, ["a"]))
    assert judged[1].unique().tolist() == [expected]  # the ambient photo; attention is 0.5 everywhere


def test_the_frozen_eye_sees_a_difference_and_passes_the_gradient_on(shared):
    eye = VGG16()
    load_pretrained(eye, "vgg16", str(shared("weights") / "vgg16_features.safetensors"), "perceptual_encoder")
    distance = PerceptualDistance(eye)
    relit = torch.rand(1, 3, 32, 48).requires_grad_()
    assert distance(relit, relit) == 0
    distance(relit, torch.rand(1, 3, 32, 48)).backward()
    assert relit.grad.abs().sum() > 0
    assert all(weight.grad is None for weight in distance.parameters())


def test_the_eye_does_not_care_how_its_weights_are_scaled():
    torch.manual_seed(0)
    distance, relit, ambient = PerceptualDistance(VGG16()), torch.rand(1, 3, 32, 48), torch.rand(1, 3, 32, 48)
    first = distance.encoder.stages[0][0]
    before = distance(relit, ambient)
    first.weight.data *= 3
    first.bias.data *= 3
    for layer in distance.encoder.modules():
        if isinstance(layer, torch.nn.Conv2d) and layer is not first:
            layer.bias.data *= 3
    torch.testing.assert_close(distance(relit, ambient), before, rtol=1e-4, atol=0)


@pytest.mark.parametrize(
    ("guided", "steps"), [("both", 1), *(pytest.param(g, 3, marks=pytest.mark.slow) for g in ("both", "none"))]
)
def test_the_first_steps_are_those_of_the_2020_code(shared, guided, steps):
    """Three in float64: at 2e-5 Adam turns float32's rounding of a zero gradient into whole steps; by the third the
    memory order alone moves the losses by 1e-3. The golden float32 run lies within 1e-4 of float64."""
    golden, dtype = shared("golden"), torch.float32 if steps == 1 else torch.float64
    config = parse_run(
        ["--recipe", "paper", "--guided", guided, "--max_train_steps", "3", "--encoder_weights", "none"], ""
    )
    checkpoint = build_checkpoint(config)
    state = filled(golden, "generator_deconv")
    ours = checkpoint.generator.state_dict()
    checkpoint.generator.load_state_dict({name: state[published_name(name)] for name in ours})
    trainer = set_up(config, TrainingInputs(checkpoint, [], [], None))
    trainer.discriminator.load_state_dict(filled(golden, "discriminator"))
    for network in (trainer.generator, trainer.discriminator):
        network.to(dtype)
    flash, ambient = (image.to(dtype) for image in golden_tensors(golden, "flash", "ambient"))
    batch = PairCrops(torch.cat([flash, flash.flip(-1)]), torch.cat([ambient, ambient.flip(-1)]), ["a", "b"])
    expected = json.loads((golden / "training_losses.json").read_text())
    for step in expected["guided_l1" if guided == "both" else "plain_l1"][:steps]:
        losses = {name: loss.item() for name, loss in trainer.training_step(batch).items()}
        assert losses["reconstruction"] == pytest.approx(step["reconstruction"], rel=1e-4, abs=1e-4)
        assert losses["adversarial"] == pytest.approx(step["generator_adversarial"], rel=1e-4, abs=1e-4)
        assert losses["discriminator"] == pytest.approx(step["discriminator"], rel=1e-4, abs=1e-4)


def test_structural_dissimilarity_is_one_minus_ssim():
    torch.manual_seed(0)
    grey = torch.rand(1, 1, 21, 34).expand(1, 3, 21, 34)
    noisy = (grey + 0.2 * torch.rand(1, 1, 21, 34)).clamp(0, 1)
    # the metric takes the unbiased covariance of 49 samples and 8-bit values, the loss neither
    assert float(structural_dissimilarity(noisy, grey)) == pytest.approx(1 - ssim(noisy, grey), abs=3e-3)
    assert float(structural_dissimilarity(grey, grey)) == pytest.approx(0, abs=1e-5)


def test_the_gradient_loss_sees_the_edge_of_a_shadow_and_not_how_bright_the_photo_is():
    lit = linear_to_srgb(torch.full((1, 3, 6, 8), 0.4))
    shadow = lit.clone()
    shadow[..., 4:] = linear_to_srgb(torch.tensor(0.1))
    edge = math.log2(0.404 / 0.104)
    # across, 1 of 7, 2 of 6 and 4 of 4 pairs of pixels straddle the edge; down, none do
    assert gradient_difference(shadow, lit).item() == pytest.approx(edge * (1 / 7 + 2 / 6 + 1) / 6, rel=1e-3)
    assert gradient_difference(0.5 * lit, 0.5 * lit).item() == 0
    darker = linear_to_srgb(torch.full((1, 3, 6, 8), 0.2))
    assert gradient_difference(darker, lit).item() == pytest.approx(0, abs=1e-6)


def test_dropout_acts_in_training_only():
    config = parse_run(["--encoder_weights", "none", "--encoder_dropout", "0.5"], "")
    generator = build_checkpoint(config).generator
    torch.nn.init.normal_(generator.head.convolution.weight)
    flash = torch.rand(1, 3, 32, 64)
    with torch.inference_mode():
        generator.eval()
        assert torch.equal(generator(flash), generator(flash))
        generator.train()
        assert not torch.equal(generator(flash), generator(flash))
