"""The systems to be compared, each defined by a few training flags."""

from typing import Any, NamedTuple

from f2a.config import ARCHITECTURES

Flags = dict[str, Any]
"""Values of flags of ``train_accelerate.py``, by name."""


class Config(NamedTuple):
    """A system to train: its description in the table and its training flags."""

    description: str
    flags: Flags

    @property
    def encoder(self) -> str:
        return ARCHITECTURES[self.flags["preset"]].encoder


LARGE: Flags = {"learning_rate": 2e-4, "encoder_learning_rate": 2e-4}
"""Flags for the networks with 30 million parameters and no normalisation layers."""

PAPER: Flags = {"preset": "vgg16", "guided": "both", "adversarial_weight": 1.0, **LARGE}
"""Flags of the paper's system."""
ALONE: Flags = {"guided": "none", "adversarial_weight": 0.0}
"""Flags for the reconstruction loss alone."""

CONFIGS = {
    "paper": Config("VGG-16, deconv, guided L1 and guided adversarial loss", PAPER),
    "no_adversary": Config("paper without the adversarial loss", PAPER | {"adversarial_weight": 0.0}),
    "no_attention": Config("paper without attention", PAPER | {"guided": "none"}),
    "attention_compared": Config("paper, attention for the reconstruction only", PAPER | {"guided": "compared"}),
    "attention_judged": Config("paper, attention for the discriminator only", PAPER | {"guided": "judged"}),
    "unpool": Config("paper with unpooling", PAPER | {"upsampling": "unpool"}),
    "cauchy": Config("paper with the Cauchy loss", PAPER | {"reconstruction": "cauchy"}),
    "frozen_encoder": Config("paper with a frozen encoder", PAPER | {"freeze_encoder": True}),
    "gain_head": Config("paper that predicts a gain", PAPER | {"head": "gain"}),
    "plain_vgg16": Config("VGG-16 encoder-decoder, L1 alone", PAPER | ALONE),
    "difference": Config("the same, predicting a difference (DeepFlash)", PAPER | ALONE | {"head": "difference"}),
    "unet": Config("U-Net from random weights, L1 alone", {"preset": "unet", **ALONE, **LARGE}),
    "compact": Config("ours: EfficientNet-Lite0, gain, L1", {"preset": "compact"}),
    "compact_direct": Config(
        "ours, predicting the picture", {"preset": "compact", "head": "sigmoid", "exposure": "none"}
    ),
    "compact_frozen": Config("ours with a frozen encoder", {"preset": "compact", "freeze_encoder": True}),
}
"""The systems by name, in the order of the table."""


def to_arguments(flags: Flags) -> list[str]:
    """Return ``flags`` as command-line arguments of ``train_accelerate.py``."""
    arguments: list[str] = []
    for name, value in flags.items():
        if isinstance(value, bool):
            arguments.append(f"--{name}" if value else f"--no-{name}")
        else:
            arguments += [f"--{name}", *map(str, value if isinstance(value, (list, tuple)) else [value])]
    return arguments
