"""Every option, defined once: a dataclass field gives the flag, its default and its help text."""

import argparse
import dataclasses
import math
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from f2a.errors import F2aError

ConfigType = TypeVar("ConfigType")

KEEP = "keep"
"""The exposure of a generator that keeps each photo's own mean brightness."""
FREE = "none"
"""The value of a flag that leaves the exposure to the network."""


class ConfigError(F2aError):
    """A value that cannot be used; the message names the field, the value and the remedy."""


def option(
    default: Any,
    help: str,
    choices: tuple[str, ...] = (),
    metavar: str | None = None,
    minimum: float = -math.inf,
    maximum: float = math.inf,
) -> Any:
    """A dataclass field with its help text and its allowed values: a list of choices, or numbers in a range."""
    metadata = {"help": help, "choices": choices, "metavar": metavar, "minimum": minimum, "maximum": maximum}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def check_values(config: Any) -> None:
    """Raise :class:`ConfigError` for a value that is empty, not among its choices, or out of its range."""
    for item in dataclasses.fields(config):
        value, choices = getattr(config, item.name), item.metadata["choices"]
        for entry in value if isinstance(value, list) else [value]:
            if entry == "":
                raise ConfigError(f"{item.name} is empty: give a value, or leave the flag out")
            if choices and entry is not None and entry not in choices:
                raise ConfigError(f"{item.name} is {entry!r}: choose one of {', '.join(choices)}")
            if isinstance(entry, int | float):
                _check_range(f"{item.name} is {value}", entry, item.metadata["minimum"], item.metadata["maximum"])


def _check_range(fault: str, number: float, minimum: float, maximum: float) -> None:
    if not number >= minimum:
        raise ConfigError(f"{fault}: give at least {minimum}")
    if number > maximum:
        raise ConfigError(f"{fault}: give at most {maximum}")
    if math.isinf(number):
        raise ConfigError(f"{fault}: give a finite number")


def check_exposure(exposure: float | str | None) -> None:
    """Raise :class:`ConfigError` unless ``exposure`` is None, ``keep`` or a number between 0 and 1."""
    is_mean = isinstance(exposure, int | float) and 0 < exposure < 1
    if exposure not in (None, KEEP) and not is_mean:
        raise ConfigError(f"exposure is {exposure!r}: give {KEEP!r} or a number between 0 and 1")


@dataclass(frozen=True)
class GeneratorConfig:
    """The architecture of a generator, as stored in ``config.json`` with its weights."""

    encoder: str = option(
        "efficientnet_lite0",
        "efficientnet_lite0 and vgg16 start from ImageNet weights, unet from random ones",
        ("efficientnet_lite0", "vgg16", "unet"),
    )
    upsampling: str = option(
        "bilinear",
        "how the decoder upsamples: deconv or unpool (the paper's mirrored decoder), bilinear (a small decoder), or "
        "bilinear_fine (the same with more layers at full working size)",
        ("bilinear", "bilinear_fine", "deconv", "unpool"),
    )
    head: str = option(
        "gain",
        "what the network predicts: gain (log-gain in linear light), sigmoid or tanh (the relit image itself), or "
        "difference (which is added to the flash image)",
        ("gain", "difference", "sigmoid", "tanh"),
    )
    normalization: str = option(
        "imagenet",
        "range of the encoder's input: unit [0, 1], signed [-1, 1], or imagenet (its mean and standard deviation)",
        ("unit", "signed", "imagenet"),
    )
    exposure: float | str | None = option(
        None,
        "mean brightness of relit photos, and of their targets in training: keep (that of the flash photo), an sRGB "
        "value between 0 and 1, or none, which leaves it to the network",
    )
    min_exposure: float = option(
        0.37, "with exposure keep: darker photos are brightened to this mean sRGB value", minimum=0, maximum=0.99
    )
    working_pixels: int = option(
        320 * 240, "area in pixels to which a photo is reduced for the network", minimum=32 * 32
    )

    def __post_init__(self) -> None:
        check_exposure(self.exposure)
        check_values(self)
        if self.exposure is not None and self.head != "gain":
            remedy = f"it needs head 'gain'; give that, or exposure {FREE!r}"
            raise ConfigError(f"exposure is {self.exposure!r} with head {self.head!r}: {remedy}")
        if self.upsampling == "unpool" and self.encoder != "vgg16":
            raise ConfigError(
                f"upsampling 'unpool' needs the pooling indices of encoder 'vgg16', not of {self.encoder!r}: "
                "choose encoder 'vgg16' or another upsampling"
            )


def preset_option(name: str, otherwise: str = "the preset's") -> Any:
    """An option that overrides the preset's value of this field of :class:`GeneratorConfig`."""
    metadata = GeneratorConfig.__dataclass_fields__[name].metadata
    return field(default=None, metadata=metadata | {"help": f"{metadata['help']}; None: {otherwise}"})


ARCHITECTURES = {
    "compact": GeneratorConfig(exposure=KEEP),
    "vgg16": GeneratorConfig(encoder="vgg16", upsampling="deconv", head="sigmoid", normalization="unit"),
    "unet": GeneratorConfig(encoder="unet", upsampling="deconv", head="sigmoid", normalization="unit"),
}
"""``compact`` is the default, ``vgg16`` the paper's generator as its authors trained it, ``unet`` a baseline."""


def from_dict(cls: type[ConfigType], values: dict[str, Any]) -> ConfigType:
    """The config with these ``values``, and defaults for missing names.

    Raises:
        ConfigError: a name is unknown, or a value has the wrong type.
    """
    known = {item.name: item for item in dataclasses.fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(known))
    if unknown:
        similar = get_close_matches(str(unknown[0]), known) or known
        raise ConfigError(f"unknown field {unknown[0]!r}: {cls.__name__} has {', '.join(similar)}")
    hints = get_type_hints(cls)
    for name, value in values.items():
        if not _fits(value, hints[name]):
            expected = hints[name] if get_args(hints[name]) else hints[name].__name__
            raise ConfigError(f"{name} is {value!r}: expected {expected}")
    return cls(**values)


def add_flags(parser: argparse.ArgumentParser, cls: type[Any]) -> None:
    """Add a flag to ``parser`` for each field of ``cls``; a bool field becomes ``--name`` and ``--no-name``."""
    hints, defaults = get_type_hints(cls), vars(cls())
    for item in dataclasses.fields(cls):
        kinds = [kind for kind in get_args(hints[item.name]) or (hints[item.name],) if kind is not type(None)]
        if bool in kinds:
            spec: dict[str, Any] = {"action": argparse.BooleanOptionalAction}
        else:
            spec = {name: item.metadata[name] or None for name in ("metavar", "choices")}
            spec["type"] = kinds[0] if len(kinds) == 1 else number_or_word
            spec["metavar"] = spec["metavar"] or (None if spec["choices"] else kinds[0].__name__.upper())
            spec["nargs"] = "+" if get_origin(hints[item.name]) is list else None
        help_text = item.metadata["help"] + " (default: %(default)s)"
        parser.add_argument(f"--{item.name}", default=defaults[item.name], help=help_text, **spec)


def number_or_word(text: str) -> float | str:
    """``text`` as a number if it is one."""
    try:
        return float(text)
    except ValueError:
        return text


def _fits(value: Any, hint: Any) -> bool:
    if get_origin(hint) is list:
        return isinstance(value, list) and all(_fits(entry, get_args(hint)[0]) for entry in value)
    if get_args(hint):
        return any(_fits(value, kind) for kind in get_args(hint))
    if hint in (int, float):
        return isinstance(value, (int, hint)) and not isinstance(value, bool)
    return isinstance(value, hint)


@dataclass(frozen=True)
class TrainConfig:
    """One training run."""

    recipe: str = option("f2a", "defaults of all other flags: f2a (ours) or paper (arXiv 1912.08813)", ("f2a", "paper"))

    train_data_dir: list[str] = option(  # noqa: RUF009
        [],
        "folders of NAME_flash.* and NAME_ambient.* pairs (of their train/ folder if they have one); FOLDER=SHARE sets "
        "a folder's share of every batch, FOLDER/PATTERN selects names",
        metavar="DIR",
    )
    dataset_name: str | None = option(None, "Hub dataset of pairs, user/data, with or without folders", metavar="ID")
    dataset_config_name: str | None = option(None, "configuration of the dataset, if it has several")
    dataset_revision: str | None = option(None, "branch, tag or commit of the dataset; only a commit never changes")
    dataset_split: str = option("train", "split of the dataset to train on")
    pair_key: str = option("scene", "column that both photos of a pair share, in datasets with one photo per row")
    streaming: bool = option(False, "read --dataset_name while training without storing it, which is slower")
    validation_dir: str | None = option(
        None, "folder of pairs to validate on; None: val/ or test/ of the training folders", metavar="DIR"
    )
    validation_split: str | None = option(None, "split of --dataset_name to validate on")
    strict_data: bool = option(False, "stop at a pair that cannot be used instead of skipping it")
    output_dir: str = option("runs/f2a", "folder for weights, pictures, logs and decoded pairs", metavar="DIR")
    cache_dir: str | None = option(
        None, "folder of decoded pairs, which several runs may share; None: cache/ in the output folder", metavar="DIR"
    )

    preset: str = option("compact", "generator preset", tuple(ARCHITECTURES))
    upsampling: str | None = preset_option("upsampling")
    head: str | None = preset_option("head")
    normalization: str | None = preset_option(
        "normalization", "imagenet if the encoder starts from ImageNet weights, otherwise the preset's"
    )
    exposure: float | str | None = preset_option("exposure")
    min_exposure: float | None = preset_option("min_exposure")
    working_pixels: int | None = preset_option("working_pixels")
    encoder_weights: str = option(
        "hub", "ImageNet weights of the encoder: a safetensors file, hub (downloaded once) or none", metavar="SRC"
    )
    freeze_encoder: bool = option(False, "do not train the encoder")
    encoder_dropout: float = option(0.0, "dropout rate of the encoder's deepest features", minimum=0, maximum=1)
    init_weights: str | None = option(
        None, "generator weights to start from, a folder or a Hub id, in place of a preset", metavar="SRC"
    )

    reconstruction: str = option("l1", "reconstruction loss", ("l1", "cauchy"))
    guided: str = option(
        "none",
        "which images the attention map multiplies: compared (those of the reconstruction loss), judged (those of the "
        "discriminator), both or none",
        ("none", "both", "compared", "judged"),
    )
    reconstruction_weight: float = option(1.0, "weight of the reconstruction loss", minimum=0)
    adversarial_weight: float = option(0.0, "weight of the adversarial loss; 0: without a discriminator", minimum=0)
    perceptual_weight: float = option(0.0, "weight of the perceptual loss; 0: without its network", minimum=0)
    structural_weight: float = option(0.0, "weight of the structural loss, 1 - SSIM of the grey photos", minimum=0)
    gradient_weight: float = option(0.0, "weight of the gradient loss, of steps in luminance between pixels", minimum=0)
    perceptual_network: str = option(
        "vgg16",
        "network whose features the perceptual loss compares; efficientnet_lite0 takes a tenth of the time of vgg16",
        ("vgg16", "efficientnet_lite0"),
    )
    perceptual_encoder: str = option("hub", "its ImageNet weights: a safetensors file or hub", metavar="SRC")

    resolution: int = option(224, "side of a training crop in pixels", minimum=1)
    crop: list[float] = option([0.55, 1.0], "minimum and maximum side of a crop over the short side", maximum=1)  # noqa: RUF009
    crop_aspect: list[float] = option([0.85, 1.18], "minimum and maximum aspect ratio of a crop, width over height")  # noqa: RUF009
    flash_stops: float = option(0.5, "exposure jitter of the flash photo, in stops up and down", minimum=0, maximum=10)
    ambient_in_flash: float = option(0.25, "maximum share of the ambient light added to the flash photo", minimum=0)
    color_jitter: float = option(
        0.1, "standard deviation of a random log-gain per channel, the same for both photos of a pair", minimum=0
    )
    reflectance: float = option(
        0.5, "share of crops whose surfaces get a random brightness and colour in both photos", minimum=0, maximum=1
    )
    copy_paste: float = option(
        0.5, "share of crops with objects pasted from another crop, with flash shadows", minimum=0, maximum=1
    )
    noise: float = option(0.01, "maximum standard deviation of the grain added to the flash photo, in sRGB", minimum=0)
    normalize_exposure: bool = option(True, "bring all ambient targets to the same exposure (mean sRGB 0.56)")

    train_batch_size: int = option(8, "pairs per batch, on each process", minimum=1)
    gradient_accumulation_steps: int = option(1, "batches per optimisation step", minimum=1)
    dataloader_num_workers: int = option(0, "worker processes that prepare crops, for each training process", minimum=0)
    max_train_steps: int | None = option(None, "optimisation steps; they override epochs (default 3000)", minimum=1)
    num_train_epochs: int | None = option(None, "passes over all pairs", minimum=1)
    max_train_minutes: float | None = option(
        None, "stop after this many minutes; the learning rate still follows the steps", minimum=0
    )

    learning_rate: float = option(1e-3, "learning rate of decoder and head", minimum=0)
    encoder_learning_rate: float = option(2e-4, "learning rate of the encoder", minimum=0)
    discriminator_learning_rate: float = option(2e-6, "learning rate of the discriminator", minimum=0)
    lr_scheduler: str = option("cosine", "how the learning rates fall", ("cosine", "linear", "constant"))
    lr_warmup_steps: int = option(100, "steps over which the learning rates rise first", minimum=0)
    weight_decay: float = option(0.0, "decoupled weight decay (AdamW); 0 is plain Adam", minimum=0)
    adam_beta1: float = option(0.9, "decay of Adam's mean of the gradient", minimum=0, maximum=0.99999)
    adam_beta2: float = option(0.999, "decay of Adam's mean of the squared gradient", minimum=0, maximum=0.99999)
    adam_epsilon: float = option(1e-8, "added to the root of the mean squared gradient", minimum=0)
    use_ema: bool = option(True, "validate and save an exponential moving average of the weights")
    ema_decay: float = option(0.999, "decay of that average", minimum=0, maximum=1)
    mixed_precision: str | None = option(
        None, "arithmetic of the networks; None: as set by accelerate launch, otherwise no", ("no", "fp16", "bf16")
    )
    seed: int = option(0, "seed of data order, augmentation and initial weights", minimum=0, maximum=2**32 - 1)

    validation_steps: int = option(250, "steps between validations", minimum=1)
    checkpointing_steps: int = option(500, "steps between checkpoints; 0: only when the run ends", minimum=0)
    checkpoints_total_limit: int = option(2, "number of checkpoints to keep; 0: all", minimum=0)
    resume_from_checkpoint: str | None = option(None, "continue from latest or from a checkpoint folder", metavar="SRC")
    divergence_factor: float = option(10.0, "stop at this multiple of the lowest mean loss; 0: never", minimum=0)
    report_to: str = option("none", "tracker to log to", ("tensorboard", "trackio", "wandb", "none"))

    push_to_hub: bool = option(False, "upload the best weights when the run ends")
    hub_model_id: str | None = option(None, "user/model to push to; None: the output folder's name", metavar="ID")
    hub_private_repo: bool = option(False, "make a new repository private")
    hub_interim_pushes: bool = option(True, "also upload the best weights so far at each checkpoint, in the background")
    license: str = option("other", "licence of the weights in the model card, as the Hub spells it", metavar="WORD")
    hub_token: str | None = option(None, "Hub token; None: that of hf auth login", metavar="TOKEN")

    def guides(self, images: str) -> bool:
        """Whether the attention map multiplies these ``images``: ``compared`` or ``judged``."""
        return self.guided in ("both", images)

    def __post_init__(self) -> None:
        check_exposure(None if self.exposure == FREE else self.exposure)
        check_values(self)
        for name in ("crop", "crop_aspect"):
            values = getattr(self, name)
            if len(values) != 2 or not 0 < values[0] <= values[1]:
                raise ConfigError(f"{name} is {values}: give two positive numbers, the smaller first")
        terms = [term for term in MIN_RESOLUTION if getattr(self, f"{term}_weight")]
        if not terms:
            raise ConfigError("every loss has the weight 0: give one a value, such as --reconstruction_weight 1")
        sides = MIN_RESOLUTION | {"perceptual": MIN_PERCEPTUAL_RESOLUTION[self.perceptual_network]}
        for term in terms:
            if self.resolution < sides[term]:
                raise ConfigError(
                    f"resolution is {self.resolution}: the {term} loss needs at least {sides[term]} pixels"
                )
        if self.perceptual_weight and self.perceptual_encoder == "none":
            raise ConfigError("perceptual_encoder is 'none': the perceptual loss needs ImageNet weights; give a file")
        for flag in HUB_DATA_FLAGS:
            if getattr(self, flag) != getattr(TrainConfig, flag) and not self.dataset_name:
                raise ConfigError(f"{flag} is {getattr(self, flag)!r}: it needs a Hub dataset; give --dataset_name too")

    def architecture(self, base: GeneratorConfig) -> GeneratorConfig:
        """``base`` with the fields that flags override; :class:`ConfigError` if the result is no valid generator."""
        fields = dataclasses.fields(base)
        values = {item.name: value for item in fields if (value := getattr(self, item.name, None)) is not None}
        return dataclasses.replace(base, **values | ({"exposure": None} if self.exposure == FREE else {}))


MIN_RESOLUTION = {"reconstruction": 1, "adversarial": 64, "perceptual": 16, "structural": 7, "gradient": 5}
"""Minimum side of a crop in pixels for each loss; the discriminator's last normalisation then averages over 2x2."""
MIN_PERCEPTUAL_RESOLUTION = {"vgg16": 16, "efficientnet_lite0": 32}
"""Minimum side of a crop in pixels for the perceptual loss, by its network."""

HUB_DATA_FLAGS = (
    "dataset_config_name", "dataset_revision", "dataset_split", "pair_key", "streaming", "validation_split",
)  # fmt: skip
"""Flags that need ``dataset_name``."""


RECIPES = {
    "f2a": TrainConfig(),
    "paper": TrainConfig(
        recipe="paper",
        preset="vgg16",
        head="sigmoid",
        normalization="unit",
        guided="both",
        adversarial_weight=1.0,
        crop=[0.8, 1.0],
        crop_aspect=[1.0, 1.0],
        flash_stops=0.0,
        ambient_in_flash=0.0,
        color_jitter=0.0,
        reflectance=0.0,
        copy_paste=0.0,
        noise=0.0,
        normalize_exposure=False,
        num_train_epochs=1000,
        learning_rate=2e-5,
        encoder_learning_rate=2e-5,
        discriminator_learning_rate=2e-6,
        lr_scheduler="constant",
        lr_warmup_steps=0,
        adam_beta1=0.5,
        use_ema=False,
    ),
}
"""``paper`` follows arXiv 1912.08813, section 4. Some values are known only from the 2020 code and its published
weights: the encoder is trained and sees raw [0, 1] values, and training ends at epoch 1000."""
