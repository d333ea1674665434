"""Every choice a user can make, stated once: a field is the flag, its default and its help text."""

import argparse
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from f2a.errors import F2aError

Config = TypeVar("Config")

KEEP = "keep"
"""The exposure of a generator that keeps each photo's own mean brightness."""
FREE = "none"
"""How a flag leaves the exposure to the network."""
UPSAMPLINGS = ("bilinear", "bilinear_fine", "deconv", "unpool")


class ConfigError(F2aError):
    """A choice that cannot be used; the message names the field, the value and the remedy."""


def option(
    default: Any,
    help: str,
    choices: tuple[str, ...] = (),
    metavar: str | None = None,
    least: float | None = None,
) -> Any:
    """A dataclass field that knows its help text and its allowed values: some choices, or numbers from ``least`` on."""
    metadata = {"help": help, "choices": choices, "metavar": metavar, "least": least}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def check_values(config: Any) -> None:
    """Raise :class:`ConfigError` for a field whose value is not among its choices, or is too small."""
    for item in dataclasses.fields(config):
        value, choices, least = getattr(config, item.name), item.metadata["choices"], item.metadata["least"]
        if least is not None and value is not None and not value >= least:
            raise ConfigError(f"{item.name} is {value}: give at least {least}")
        if choices and value is not None and value not in choices:
            raise ConfigError(f"{item.name} is {value!r}: choose one of {', '.join(choices)}")


def check_exposure(exposure: float | str | None) -> None:
    """Raise :class:`ConfigError` for what is neither ``keep`` nor a number between 0 and 1, nor None."""
    number = exposure if isinstance(exposure, int | float) else 0.5
    if not 0 < number < 1 or (isinstance(exposure, str) and exposure != KEEP):
        raise ConfigError(f"exposure is {exposure!r}: give {KEEP!r} or a number between 0 and 1")


@dataclass(frozen=True)
class GeneratorConfig:
    """What a generator is made of; stands in ``config.json`` beside its weights."""

    encoder: str = option(
        "efficientnet_lite0",
        "encoder: two that start from ImageNet's weights, and U-Net's, which starts from nothing",
        ("efficientnet_lite0", "vgg16", "unet"),
    )
    upsampling: str = option(
        "bilinear",
        "how the decoder enlarges: deconv or unpool (the paper's mirrored decoder), bilinear (the light one), "
        "bilinear_fine (the same with more at full working size)",
        UPSAMPLINGS,
    )
    head: str = option(
        "gain",
        "what the network predicts: gain (log-gain in linear light), sigmoid or tanh (the relit image itself), "
        "difference (what is added to the flash image)",
        ("gain", "difference", "sigmoid", "tanh"),
    )
    normalization: str = option(
        "imagenet",
        "how the encoder sees the photo: unit [0, 1], signed [-1, 1], or imagenet mean and deviation",
        ("unit", "signed", "imagenet"),
    )
    exposure: float | str | None = option(
        None,
        "mean brightness of a relit photo: keep (the flash photo's own), an sRGB value between 0 and 1, or None, which "
        "leaves it to the network",
    )
    min_exposure: float = option(
        0.37, "with exposure keep: darker photos are brought to this mean sRGB value, 0 to 1", least=0
    )
    working_pixels: int = option(
        320 * 240, "area of the copy of the photo that the network sees, in pixels", least=32 * 32
    )

    def __post_init__(self) -> None:
        check_values(self)
        check_exposure(self.exposure)
        if self.exposure is not None and self.head != "gain":
            raise ConfigError(f"exposure is {self.exposure!r} with head {self.head!r}: it needs head 'gain'")
        if self.min_exposure >= 1:
            raise ConfigError(f"min_exposure is {self.min_exposure}: give a number below 1")
        if self.upsampling == "unpool" and self.encoder != "vgg16":
            raise ConfigError(
                f"upsampling 'unpool' needs the pooling indices of encoder 'vgg16', not of {self.encoder!r}: "
                "choose encoder 'vgg16' or another upsampling"
            )


PRESETS = {
    "compact": GeneratorConfig(exposure=KEEP),
    "vgg16": GeneratorConfig(encoder="vgg16", upsampling="deconv", head="sigmoid", normalization="unit"),
    "unet": GeneratorConfig(encoder="unet", upsampling="deconv", head="sigmoid", normalization="unit"),
}
"""``compact`` is the default; ``vgg16`` is the paper's generator as its authors trained it; ``unet`` one to compare
with."""


def from_dict(cls: type[Config], values: dict[str, Any]) -> Config:
    """The config that ``values`` describe; an unknown or missing name raises :class:`ConfigError`.

    A field without a default may not be missing; the others keep their defaults.
    """
    known = {item.name: item for item in dataclasses.fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ConfigError(f"unknown field {unknown[0]!r}: {cls.__name__} has {', '.join(known)}")
    hints = get_type_hints(cls)
    for name, value in values.items():
        if not _fits(value, hints[name]):
            raise ConfigError(f"{name} is {value!r}: expected {_spell(hints[name])}")
    return cls(**values)


def add_flags(parser: argparse.ArgumentParser, cls: type[Any]) -> None:
    """Give ``parser`` one flag a field of ``cls``; a bool field becomes ``--name`` and ``--no-name``."""
    hints = get_type_hints(cls)
    for item in dataclasses.fields(cls):
        hint = hints[item.name]
        kind, many = _flag_type(hint)
        default = item.default_factory() if item.default_factory is not dataclasses.MISSING else item.default
        spec: dict[str, Any] = {"default": default, "help": item.metadata["help"] + " (default: %(default)s)"}
        if kind is bool:
            spec["action"] = argparse.BooleanOptionalAction
        else:
            spec["type"] = kind
            spec["metavar"] = item.metadata["metavar"]
            if item.metadata["choices"]:
                spec["choices"] = item.metadata["choices"]
                spec.pop("metavar")
            if many:
                spec["nargs"] = "+"
        parser.add_argument(f"--{item.name}", **spec)


def _flag_type(hint: Any) -> tuple[Callable[[str], Any], bool]:
    if get_origin(hint) is list:
        return get_args(hint)[0], True
    kinds = [kind for kind in get_args(hint) or (hint,) if kind is not type(None)]
    return (kinds[0] if len(kinds) == 1 else _number_or_word), False


def _number_or_word(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _fits(value: Any, hint: Any) -> bool:
    if get_origin(hint) is list:
        return isinstance(value, list) and all(_fits(entry, get_args(hint)[0]) for entry in value)
    if get_args(hint):
        return any(_fits(value, kind) for kind in get_args(hint))
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def _spell(hint: Any) -> str:
    return getattr(hint, "__name__", str(hint)) if not get_args(hint) else str(hint)


@dataclass(frozen=True)
class TrainConfig:
    """One training run."""

    recipe: str = option("f2a", "values of all other flags: f2a is ours, paper is arXiv 1912.08813", ("f2a", "paper"))

    train_data_dir: list[str] = option(  # noqa: RUF009
        [],
        "folders of NAME_flash.* / NAME_ambient.* pairs (their train/ folder where they have one); FOLDER=SHARE gives "
        "a folder its share of every batch, FOLDER/PATTERN takes the names that match",
        metavar="DIR",
    )
    dataset_name: str | None = option(
        None, "Hub dataset of pairs, user/data, beside the folders or in their place", metavar="ID"
    )
    dataset_config_name: str | None = option(None, "configuration of that dataset, where it has several")
    dataset_revision: str | None = option(None, "its branch, tag or commit; a commit never changes")
    dataset_split: str = option("train", "its split to learn from")
    pair_key: str = option("scene", "column that both photos of a pair share, where each photo has a row of its own")
    streaming: bool = option(
        False, "read --dataset_name while training and keep nothing of it; slower, for data larger than the disk"
    )
    validation_dir: str | None = option(
        None, "folder of pairs that are only measured; None takes val/ or test/ of the training folders", metavar="DIR"
    )
    validation_split: str | None = option(None, "split of --dataset_name that is only measured")
    strict_data: bool = option(False, "stop at a pair that cannot be used, instead of leaving it out")
    output_dir: str = option("runs/f2a", "where weights, the cache of decoded pairs and the log go", metavar="DIR")
    cache_dir: str | None = option(
        None, "folder of decoded pairs, which runs may share; None is cache/ in the output folder", metavar="DIR"
    )

    preset: str = option("compact", "generator preset", tuple(PRESETS))
    upsampling: str | None = option(None, "decoder in place of the preset's", UPSAMPLINGS)
    head: str | None = option(None, "head in place of the preset's", ("gain", "difference", "sigmoid", "tanh"))
    normalization: str | None = option(
        None,
        "how the encoder sees the photo; None is imagenet where it starts from ImageNet's weights, else the preset's",
        ("unit", "signed", "imagenet"),
    )
    exposure: float | str | None = option(
        None,
        "mean brightness of a relit photo, and of every target crop in training: keep (the flash photo's own), an sRGB "
        "value between 0 and 1, or none, which leaves it to the network; None is the preset's",
    )
    min_exposure: float | None = option(
        None,
        "with exposure keep: darker photos are brought to this mean sRGB value, 0 to 1; None is the preset's",
        least=0,
    )
    working_pixels: int | None = option(
        None, "area of the copy of a photo that the network will see; None is the preset's", least=32 * 32
    )
    encoder_weights: str = option(
        "hub", "the encoder's ImageNet weights: a safetensors file, hub (fetched once) or none", metavar="SRC"
    )
    freeze_encoder: bool = option(False, "leave the encoder as it is")
    encoder_dropout: float = option(
        0.0, "share of the encoder's deepest features that each training step leaves out", least=0
    )
    init_weights: str | None = option(None, "generator weights to start from: a folder or a Hub id", metavar="SRC")

    reconstruction: str = option("l1", "reconstruction loss", ("l1", "cauchy"))
    guided: str = option(
        "none",
        "where images are multiplied by the attention map: both, before they are compared and before they are judged "
        "by the discriminator; compared or judged, only there; none",
        ("none", "both", "compared", "judged"),
    )
    reconstruction_weight: float = option(1.0, "weight of the reconstruction loss", least=0)
    adversarial_weight: float = option(0.0, "weight of the adversarial loss; 0: no discriminator is built", least=0)
    perceptual_weight: float = option(0.0, "weight of the perceptual loss; 0: no network is loaded for it", least=0)
    structural_weight: float = option(0.0, "weight of the structural loss, 1 - SSIM of the grey photos", least=0)
    gradient_weight: float = option(
        0.0, "weight of the gradient loss, which compares the steps of luminance from pixel to pixel, in stops", least=0
    )
    perceptual_network: str = option(
        "vgg16",
        "network whose features the perceptual loss compares; efficientnet_lite0 costs a tenth of vgg16",
        ("vgg16", "efficientnet_lite0"),
    )
    perceptual_encoder: str = option("hub", "that network's ImageNet weights: a safetensors file or hub", metavar="SRC")

    resolution: int = option(224, "side of a training crop, in pixels", least=1)
    crop: list[float] = option([0.55, 1.0], "smallest and largest crop, as a part of the short side")  # noqa: RUF009
    crop_aspect: list[float] = option([0.85, 1.18], "smallest and largest width over height of a crop")  # noqa: RUF009
    flash_stops: float = option(0.5, "exposure jitter of the flash photo, in stops either way", least=0)
    ambient_in_flash: float = option(0.25, "at most this part of the room light is mixed into the flash photo", least=0)
    color_jitter: float = option(
        0.1, "standard deviation of a random log-gain per channel that both photos of a pair get", least=0
    )
    reflectance: float = option(
        0.5, "share of the crops in which both photos get surfaces of other brightness and colours", least=0
    )
    noise: float = option(0.01, "greatest standard deviation of the grain added to the flash photo, in sRGB", least=0)
    normalize_exposure: bool = option(True, "bring every ambient target to one exposure (mean sRGB 0.56)")

    train_batch_size: int = option(8, "pairs a step, on each process", least=1)
    gradient_accumulation_steps: int = option(1, "batches whose gradients make one optimisation step", least=1)
    dataloader_num_workers: int = option(0, "processes that cut crops beside each training process", least=0)
    max_train_steps: int | None = option(
        None, "optimisation steps; wins over epochs (3000 where neither is given)", least=1
    )
    num_train_epochs: int | None = option(None, "times that every pair is seen", least=1)
    max_train_minutes: float | None = option(
        None, "stop after so many minutes; the learning rate follows the steps", least=0
    )

    learning_rate: float = option(1e-3, "learning rate of decoder and head", least=0)
    encoder_learning_rate: float = option(2e-4, "learning rate of the pretrained encoder", least=0)
    discriminator_learning_rate: float = option(2e-6, "learning rate of the discriminator", least=0)
    lr_scheduler: str = option("cosine", "how learning rates fall", ("cosine", "linear", "constant"))
    lr_warmup_steps: int = option(100, "steps over which the learning rates rise before that", least=0)
    weight_decay: float = option(0.0, "decoupled weight decay (AdamW); 0 is plain Adam", least=0)
    adam_beta1: float = option(0.9, "Adam's decay of the mean gradient")
    adam_beta2: float = option(0.999, "Adam's decay of the squared gradient")
    adam_epsilon: float = option(1e-8, "added to the root of that average", least=0)
    use_ema: bool = option(True, "validate and save the moving average of the weights")
    ema_decay: float = option(0.999, "decay of that average")
    mixed_precision: str | None = option(
        None, "arithmetic of the networks; None is what accelerate config says", ("no", "fp16", "bf16")
    )
    seed: int = option(0, "of data order, augmentation and initial weights", least=0)

    validation_steps: int = option(250, "steps between validations", least=1)
    checkpointing_steps: int = option(
        500, "steps between checkpoints; 0: only when the run ends or is stopped", least=0
    )
    checkpoints_total_limit: int = option(2, "newest checkpoints to keep; 0: all", least=0)
    resume_from_checkpoint: str | None = option(None, "latest, or a checkpoint folder, to go on from", metavar="SRC")
    divergence_factor: float = option(10.0, "stop when the mean loss is so many times its lowest; 0: never", least=0)
    report_to: str = option("none", "tracker, beside the files", ("tensorboard", "trackio", "wandb", "none"))

    push_to_hub: bool = option(False, "upload the best weights when the run ends")
    hub_model_id: str | None = option(None, "user/model to push to; None is the output folder's name", metavar="ID")
    hub_private_repo: bool = option(False, "make a new repository private")
    hub_interim_pushes: bool = option(True, "upload the best weights so far at checkpoints too, in the background")
    license: str = option("other", "licence of the weights for the model card, as the Hub spells it", metavar="WORD")
    hub_token: str | None = option(None, "Hub token; None is the one of hf auth login", metavar="TOKEN")

    @property
    def compares_guided(self) -> bool:
        """Whether the attention map multiplies what the generator's comparing losses see."""
        return self.guided in ("both", "compared")

    @property
    def judges_guided(self) -> bool:
        """Whether the attention map multiplies what the discriminator sees."""
        return self.guided in ("both", "judged")

    def __post_init__(self) -> None:
        check_values(self)
        check_exposure(None if self.exposure == FREE else self.exposure)
        for name in ("crop", "crop_aspect"):
            values = getattr(self, name)
            if len(values) != 2 or not 0 < values[0] <= values[1]:
                raise ConfigError(f"{name} is {values}: give two numbers above 0, the smaller first")
        if self.crop[1] > 1:
            raise ConfigError(f"crop is {self.crop}: a crop cannot be larger than the photo, give at most 1")
        if self.adversarial_weight and self.resolution < 64:
            raise ConfigError(f"resolution is {self.resolution}: the discriminator needs at least 64 pixels")
        if self.perceptual_weight and self.perceptual_encoder == "none":
            raise ConfigError("perceptual_encoder is 'none': the perceptual loss needs ImageNet weights, give a file")
        terms = ("reconstruction", "adversarial", "perceptual", "structural", "gradient")
        if not any(getattr(self, f"{term}_weight") for term in terms):
            raise ConfigError("every loss has the weight 0: give one a value, such as --reconstruction_weight 1")


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
"""``paper``: arXiv 1912.08813, section 4, with what only the 2020 code and its published weights tell: the encoder
moves and sees raw [0, 1] values, and the published weights are of epoch 1000."""
