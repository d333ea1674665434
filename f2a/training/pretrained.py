"""The encoders' ImageNet weights: from a file, or from the Hub."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file

from f2a.config import ConfigError
from f2a.hub import HubError, fetch_file
from f2a.model.encoders import VGG16, EfficientNetLite0, UNet

HUB_WEIGHTS = {"vgg16": "timm/vgg16.tv_in1k", "efficientnet_lite0": "timm/tf_efficientnet_lite0.in1k"}
"""Repositories whose ``model.safetensors`` has an encoder's weights; U-Net has none."""

FROM_HUB, FROM_NOTHING = "hub", "none"


def pretrain(encoder: VGG16 | UNet | EfficientNetLite0, name: str, source: str, flag: str) -> bool:
    """Give ``encoder`` its ImageNet weights; whether there were any to give.

    Args:
        name: of the encoder.
        source: ``hub``, ``none``, or a safetensors file with the names of torchvision, timm or
            ``efficientnet_lite0_pytorch``.
        flag: the flag that ``source`` was given with, for messages.

    Raises:
        ConfigError: the weights cannot be fetched, or are of another network.
    """
    if source == FROM_NOTHING or (source == FROM_HUB and name not in HUB_WEIGHTS):
        return False
    path = fetch(name, flag) if source == FROM_HUB else Path(source)
    try:
        encoder.load_imagenet(load_file(path))
    except (OSError, SafetensorError, KeyError, RuntimeError) as error:
        what = f"not weights of {name} ({type(error).__name__}: {error})"
        raise ConfigError(f"{flag} is {source!r}: {what}") from None
    return True


def fetch(name: str, flag: str) -> Path:
    """The weights' file in the Hub's cache."""
    try:
        return fetch_file(HUB_WEIGHTS[name], "model.safetensors")
    except HubError as error:
        remedy = f"or pass a file of them as --{flag} FILE, or --{flag} {FROM_NOTHING} to start from nothing"
        raise ConfigError(f"{flag}: {error}; {remedy}") from None
