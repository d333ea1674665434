"""The encoders' ImageNet weights: from a file, or from the Hub."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file

from f2a.config import ConfigError
from f2a.hub import HubError, fetch_file
from f2a.model.encoders import VGG16, EfficientNetLite0, UNet

HUB_WEIGHTS = {"vgg16": "timm/vgg16.tv_in1k", "efficientnet_lite0": "timm/tf_efficientnet_lite0.in1k"}
"""Repositories whose ``model.safetensors`` has an encoder's weights; there are none for U-Net."""

FROM_HUB, NO_WEIGHTS = "hub", "none"


def pretrain(encoder: VGG16 | UNet | EfficientNetLite0, name: str, source: str, flag: str) -> bool:
    """Load the ImageNet weights of ``encoder``; False where there are none to load.

    Args:
        name: of the encoder.
        source: ``hub``, ``none``, or a safetensors file with the names of torchvision, timm or
            ``efficientnet_lite0_pytorch``.
        flag: that has ``source`` as its value, for messages.

    Raises:
        ConfigError: the weights cannot be downloaded, or are those of another network.
    """
    if source == NO_WEIGHTS or (source == FROM_HUB and name not in HUB_WEIGHTS):
        return False
    path = fetch_weights(name, flag) if source == FROM_HUB else Path(source)
    try:
        encoder.load_imagenet(load_file(path))
    except (OSError, SafetensorError, KeyError, RuntimeError) as error:
        reason = f"not weights of {name} ({type(error).__name__}: {error})"
        raise ConfigError(f"{flag} is {source!r}: {reason}") from None
    return True


def fetch_weights(name: str, flag: str) -> Path:
    """The weights' file in the Hub's cache."""
    try:
        return fetch_file(HUB_WEIGHTS[name], "model.safetensors")
    except HubError as error:
        remedy = f"or pass a file as --{flag} FILE, or --{flag} {NO_WEIGHTS} to start from random weights"
        raise ConfigError(f"{flag}: {error}; {remedy}") from None
