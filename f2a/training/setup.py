"""The inputs of a training run: pairs, the generator, and the perceptual loss."""

import dataclasses
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from huggingface_hub.constants import SAFETENSORS_SINGLE_FILE
from safetensors import SafetensorError
from safetensors.torch import load_file

from f2a.config import ARCHITECTURES, ConfigError, TrainConfig
from f2a.data.augment import Crops
from f2a.data.cache import CachedPair
from f2a.data.folder import parse_share, read_pairs, split_folder
from f2a.data.hub import HubSplit, read_hub_pairs
from f2a.data.sampling import MixtureSampler, WeightedSource
from f2a.data.stream import StreamedPairs, read_streamed_once
from f2a.errors import Report, counted
from f2a.hub import HubError, fetch_file
from f2a.model.checkpoint import Checkpoint
from f2a.model.encoders import VGG16, EfficientNetLite0, UNet
from f2a.training.losses import PerceptualDistance

HUB_WEIGHTS = {"vgg16": "timm/vgg16.tv_in1k", "efficientnet_lite0": "timm/tf_efficientnet_lite0.in1k"}
"""Hub repository whose ``model.safetensors`` has an encoder's ImageNet weights, by encoder; U-Net has none."""

FROM_HUB, NO_WEIGHTS = "hub", "none"
"""Values of the flags for ImageNet weights: download them, or start from random ones."""


class TrainingInputs(NamedTuple):
    """The generator, crops for training, validation pairs (possibly none), and the perceptual loss if it is used."""

    checkpoint: Checkpoint
    crops: Crops
    validation: list[CachedPair]
    perceptual: PerceptualDistance | None


def load_inputs(config: TrainConfig, report: Report) -> TrainingInputs:
    """Read everything that ``config`` names; pairs are decoded once, into the cache.

    Raises:
        ConfigError, DataError, CheckpointError: a value, the pairs or the weights cannot be used.
    """
    if not config.train_data_dir and not config.dataset_name:
        remedy = "give a folder of NAME_flash.* and NAME_ambient.* pairs, or a Hub dataset as --dataset_name"
        raise ConfigError(f"train_data_dir is empty: {remedy}")
    cache = Path(config.cache_dir or Path(config.output_dir) / "cache")
    read = partial(read_pairs, cache=cache, report=report, strict=config.strict_data)
    shares = [parse_share(text) for text in config.train_data_dir]
    sources = [WeightedSource(read(split_folder(folder, ["train"]) or folder), share) for folder, share in shares]
    divided = [folder for folder, _ in shares if split_folder(folder, ["train"])]
    splits = [split_folder(folder, ["val", "test"]) for folder in divided]
    held_out: Sequence[str | Path | None] = [config.validation_dir] if config.validation_dir else splits
    validation = [pair for folder in held_out if folder for pair in read(folder)]
    if config.dataset_name:
        source, pairs = hub_sources(config, cache, report)
        sources, validation = [*sources, source], validation + pairs
    learned = counted(sum(len(source.pairs) for source in sources), "pair")
    report(f"training on {learned}, validating on {counted(len(validation), 'pair')}")
    checkpoint = build_checkpoint(config)
    exposures = {name: getattr(checkpoint.architecture, name) for name in ("exposure", "min_exposure")}
    crops = Crops(MixtureSampler(sources, config.seed), dataclasses.replace(config, **exposures))
    return TrainingInputs(checkpoint, crops, validation, build_perceptual_loss(config))


def hub_sources(config: TrainConfig, cache: Path, report: Report) -> tuple[WeightedSource, list[CachedPair]]:
    """Return the pairs of ``--dataset_name`` for training and for validation."""
    options = config.dataset_config_name, config.dataset_revision, config.pair_key, config.hub_token
    split = HubSplit(str(config.dataset_name), config.dataset_split, *options)
    read: Any = read_streamed_once if config.streaming else read_hub_pairs
    read = partial(read, cache=cache, report=report, strict=config.strict_data)
    pairs = StreamedPairs(split, report, strict=config.strict_data) if config.streaming else read(split)
    validation = read(split._replace(split=config.validation_split)) if config.validation_split else []
    return WeightedSource(pairs, 1.0), validation


def build_checkpoint(config: TrainConfig) -> Checkpoint:
    """Return the initial generator, from ``init_weights`` or a preset.

    Raises:
        ConfigError, CheckpointError: the weights cannot be used, or do not match the generator that the flags describe.
    """
    checkpoint = from_weights(config, config.init_weights) if config.init_weights else from_preset(config)
    checkpoint.generator.dropout.p = config.encoder_dropout
    checkpoint.generator.encoder.requires_grad_(not config.freeze_encoder)
    return checkpoint


def from_preset(config: TrainConfig) -> Checkpoint:
    """Return a new generator, whose encoder has ImageNet weights if ``config`` asks for them."""
    preset = ARCHITECTURES[config.preset]
    pretrained = config.encoder_weights != NO_WEIGHTS and preset.encoder in HUB_WEIGHTS
    base = dataclasses.replace(preset, normalization="imagenet") if pretrained else preset
    checkpoint = Checkpoint(config.architecture(base))
    load_pretrained(checkpoint.generator.encoder, preset.encoder, config.encoder_weights, "encoder_weights")
    return checkpoint


def from_weights(config: TrainConfig, source: str) -> Checkpoint:
    """Return the generator in ``source``; :class:`ConfigError` if ``config`` describes another."""
    checkpoint = Checkpoint.load(source)
    trained, preset = checkpoint.architecture, ARCHITECTURES[config.preset]
    if config.preset != TrainConfig.preset and preset.encoder != trained.encoder:
        raise ConfigError(f"preset is {config.preset!r}: {source} has the encoder {trained.encoder!r}; leave one out")
    checkpoint.architecture = checkpoint.generator.config = config.architecture(trained)
    for name in ("upsampling", "head", "normalization"):  # the others need no retraining
        value, before = getattr(checkpoint.architecture, name), getattr(trained, name)
        if value != before:
            raise ConfigError(f"{name} is {value!r}: {source} was trained with {before!r}; leave one out")
    return checkpoint


def build_perceptual_loss(config: TrainConfig) -> PerceptualDistance | None:
    """Return the perceptual loss with its frozen encoder, or None if its weight is 0."""
    if not config.perceptual_weight:
        return None
    encoder = VGG16() if config.perceptual_network == "vgg16" else EfficientNetLite0()
    load_pretrained(encoder, config.perceptual_network, config.perceptual_encoder, "perceptual_encoder")
    return PerceptualDistance(encoder)


def load_pretrained(encoder: VGG16 | UNet | EfficientNetLite0, name: str, source: str, flag: str) -> None:
    """Load ImageNet weights into ``encoder``, if any exist for it.

    Args:
        name: the encoder's name in the config.
        source: ``hub``, ``none``, or a safetensors file with the tensor names of torchvision, timm or
            ``efficientnet_lite0_pytorch``.
        flag: the flag whose value is ``source``, for messages.

    Raises:
        ConfigError: the weights cannot be downloaded or read, or belong to another network.
    """
    if source == NO_WEIGHTS or (source == FROM_HUB and name not in HUB_WEIGHTS):
        return
    try:
        path = fetch_file(HUB_WEIGHTS[name], SAFETENSORS_SINGLE_FILE) if source == FROM_HUB else Path(source)
        encoder.load_imagenet(load_file(path))
    except HubError as error:
        random = "" if flag == "perceptual_encoder" else f", or --{flag} {NO_WEIGHTS} to start from random weights"
        raise ConfigError(f"{flag}: {error}; or pass a file as --{flag} FILE{random}") from None
    except (OSError, SafetensorError, KeyError, RuntimeError) as error:
        reason = f"not weights of {name} ({type(error).__name__}: {error})"
        raise ConfigError(f"{flag} is {source!r}: {reason}; give the file that --{flag} {FROM_HUB} fetches") from None
