"""Weights and their description: ``model.safetensors`` and ``config.json`` in a folder or on the Hub.

No pickle is opened here except the file that the paper's authors published, and that only with ``weights_only=True``.
"""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import safetensors
import torch
from huggingface_hub.constants import CONFIG_NAME, SAFETENSORS_SINGLE_FILE
from safetensors.torch import load_file, save_file
from torch import Tensor

from f2a.config import ARCHITECTURES, ConfigError, GeneratorConfig, from_dict
from f2a.errors import F2aError, first_line
from f2a.files import atomic_write
from f2a.hub import HubError, fetch_file, parse_repo_id
from f2a.model.generator import Generator

BUNDLED = Path(__file__).parents[1] / "weights"
"""The default weights, which ship with the library."""


class CheckpointError(F2aError):
    """Weights that cannot be used; the message names the file or repository, the reason and the remedy."""


class Checkpoint:
    """A generator and a record of how it was made.

    Args:
        architecture: the generator's architecture.
        training: plain values that say how the weights were made: data and licences, command, seed, minutes, scores.

    Attributes:
        precision: type in which the weights are saved; they are loaded as float32.
    """

    def __init__(self, architecture: GeneratorConfig, training: dict[str, Any] | None = None) -> None:
        self.architecture = architecture
        self.training = training or {}
        self.generator = Generator(architecture)
        self.precision = torch.float16

    def save(self, folder: Path) -> None:
        """Write ``config.json`` and ``model.safetensors`` into ``folder``, which is created if it does not exist.

        Raises:
            CheckpointError: the folder cannot be written.
        """
        weights = self.generator.state_dict()
        state = {name: tensor.detach().to(self.precision).contiguous() for name, tensor in weights.items()}
        content = {"architecture": vars(self.architecture), "training": self.training}
        files = atomic_write(folder / CONFIG_NAME), atomic_write(folder / SAFETENSORS_SINGLE_FILE)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with files[0] as config, files[1] as tensors:
                config.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
                save_file(state, tensors, metadata={"format": "pt"})
                tensors.chmod(config.stat().st_mode)
        except (OSError, safetensors.SafetensorError) as error:
            remedy = "make room or choose another folder"
            raise CheckpointError(f"{folder}: cannot be written ({first_line(error)}); {remedy}") from None

    @classmethod
    def load(cls, source: str | Path | None = None, revision: str | None = None) -> "Checkpoint":
        """Load the checkpoint in a folder, in a Hub repository, or (None) the one that ships with the library.

        Args:
            source: a folder with ``config.json`` and ``model.safetensors``, or a Hub id ``user/model[@revision]``.
            revision: branch, tag or commit of a Hub repository; pin a commit for weights that never change.

        Raises:
            CheckpointError: a file is missing or damaged, or does not fit the architecture given in the config.
        """
        folder = BUNDLED if source is None else Path(source)
        if source is None or folder.is_dir():
            return _read(folder / CONFIG_NAME, folder / SAFETENSORS_SINGLE_FILE)
        repo = parse_repo_id(str(source))
        try:
            config = fetch_file(repo.name, CONFIG_NAME, revision or repo.revision)
            commit = config.parent.name  # a push between the two must not mix one model's config with another's weights
            return _read(config, fetch_file(repo.name, SAFETENSORS_SINGLE_FILE, commit))
        except HubError as error:
            raise CheckpointError(f"{error}; or pass a folder of weights") from error
        except CheckpointError as error:
            raise CheckpointError(f"{source}: {error}") from error


def _read(config: Path, weights: Path) -> Checkpoint:
    checkpoint = _read_config(config)
    state = _read_weights(weights)
    _check(state, checkpoint.generator.state_dict(), str(weights))
    checkpoint.generator.load_state_dict(state)
    checkpoint.generator.eval()
    return checkpoint


def _read_config(path: Path) -> Checkpoint:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        architecture, training = content["architecture"], content.get("training")
        if not isinstance(architecture, dict) or not isinstance(training, dict | None):
            raise ConfigError("architecture and training have to be tables")
        return Checkpoint(from_dict(GeneratorConfig, architecture), training)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); a checkpoint folder contains it") from error
    except KeyError as error:
        raise CheckpointError(f"{path}: not the config of an f2a generator (it has no {error})") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path}: not the config of an f2a generator ({error})") from error


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror or error})") from error
    except safetensors.SafetensorError as error:
        raise CheckpointError(f"{path}: not a whole safetensors file ({error}); download it again") from error


def _check(state: dict[str, Tensor], expected: dict[str, Tensor], origin: str) -> None:
    """Raise :class:`CheckpointError` that names the first missing, unexpected, wrongly shaped or damaged tensor."""
    for key, tensor in expected.items():
        if key not in state:
            raise CheckpointError(f"{origin}: missing key {key}; is this the right file?")
        if state[key].shape != tensor.shape:
            shapes = f"{tuple(state[key].shape)}, not {tuple(tensor.shape)}"
            raise CheckpointError(f"{origin}: {key} has shape {shapes}; is this the right file?")
        if not state[key].is_floating_point():
            raise CheckpointError(f"{origin}: {key} holds {state[key].dtype}, not floats; is this the right file?")
        if not state[key].float().isfinite().all():
            raise CheckpointError(f"{origin}: {key} holds values that are not finite; the weights are damaged")
    unexpected = [key for key in state if key not in expected]
    if unexpected:
        raise CheckpointError(f"{origin}: unexpected key {unexpected[0]}; is this the right file?")


def average(sources: Sequence[str | Path]) -> Checkpoint:
    """The mean of the weights of ``sources``, which must be trained from the same weights with different seeds.

    Such a mean generalises better than any of them (Wortsman et al. 2022, "Model soups"); the mean of independently
    trained weights is useless. ``training`` is that of the first source.

    Raises:
        CheckpointError: a source cannot be used, or its architecture differs from the first one's.
    """
    mean, *others = [Checkpoint.load(source) for source in sources]
    for source, other in zip(sources[1:], others, strict=True):
        if other.architecture != mean.architecture:
            raise CheckpointError(
                f"{source}: its architecture is not that of {sources[0]}; average weights of one kind"
            )
    states = [checkpoint.generator.state_dict() for checkpoint in (mean, *others)]
    mean.generator.load_state_dict({key: torch.stack([state[key] for state in states]).mean(0) for key in states[0]})
    mean.training = {**mean.training, "average_of": [str(source) for source in sources]}
    return mean


PUBLISHED_NAMES: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (r"encoder\.stages\.(\d)\.(\d)\.", lambda m: f"enc5.conv{int(m[1]) + 1}_{int(m[2]) // 2 + 1}."),
    (r"decoder\.enlarge\.(\d)\.", lambda m: f"dec5.unconv{int(m[1]) + 1}."),
    (r"decoder\.blocks\.(\d)\.(\d)\.", lambda m: f"dec5.conv_block{int(m[1]) + 1}.{m[2]}."),
    (r"head\.convolution\.", lambda m: "dec5.convToCh."),
)
"""Patterns of our tensor names, and the names in the checkpoint that the paper's authors published."""


def published_name(key: str) -> str:
    """Name of our tensor ``key`` in the published checkpoint, for example ``enc5.conv1_1.weight``."""
    for pattern, theirs in PUBLISHED_NAMES:
        if match := re.match(pattern, key):
            return theirs(match) + key[match.end() :]
    raise KeyError(key)


def convert_published(path: Path) -> Checkpoint:
    """Convert the published 2020 ``.pth`` file to a checkpoint.

    Raises:
        CheckpointError: it is not such a file, or a key is missing, unexpected or of the wrong shape.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # torch raises many kinds of error for other files
        raise CheckpointError(f"{path}: not a PyTorch file of plain weights; is it model-1000.pth?") from error
    if not isinstance(state, dict) or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise CheckpointError(f"{path}: contains no table of tensors; is it model-1000.pth?")
    checkpoint = Checkpoint(ARCHITECTURES["vgg16"], {"converted_from": path.name, "paper": "arXiv 1912.08813"})
    ours = checkpoint.generator.state_dict()
    _check(state, {published_name(key): tensor for key, tensor in ours.items()}, str(path))
    checkpoint.generator.load_state_dict({key: state[published_name(key)] for key in ours})
    checkpoint.precision = torch.float32
    checkpoint.generator.eval()
    return checkpoint
