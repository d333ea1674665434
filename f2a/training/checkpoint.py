"""Training checkpoints: folders that appear complete or not at all, without pickle.

``checkpoint-000500/`` contains one safetensors file each for the generator, optimisers, moving average and random
state. The manifest ``state.json``, written last, has the digest of each file and so shows that the folder is complete.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from f2a.errors import Report, first_line
from f2a.files import UNFINISHED, atomic_dir, recover_dir
from f2a.model.checkpoint import CheckpointError

MANIFEST = "state.json"
"""File of a checkpoint with its metadata and the SHA-256 digest of each other file."""

Tensors = dict[str, dict[str, Tensor]]
"""The tensors of each file, by the file's name: that of a module, an optimiser or the random state."""


class TrainState(NamedTuple):
    """The contents of a checkpoint; ``metadata`` is that of its manifest, without the digests."""

    tensors: Tensors
    metadata: dict[str, Any]


def write_state(folder: Path, tensors: Tensors, metadata: dict[str, Any]) -> None:
    """Write ``tensors`` and ``metadata``, which must be serialisable as JSON, as the checkpoint ``folder``.

    Raises:
        OSError: it cannot be written; earlier checkpoints are unaffected.
    """
    with atomic_dir(folder) as beside:
        for name, module in tensors.items():
            state = {key: tensor.detach().cpu().contiguous() for key, tensor in module.items()}
            try:
                save_file(state, beside / f"{name}.safetensors")
            except SafetensorError as error:  # safetensors raises it for a full disk
                raise OSError(f"{folder}: cannot be written ({error})") from None
        digests = {path.name: _digest(path) for path in sorted(beside.iterdir())}
        (beside / MANIFEST).write_text(json.dumps({"files": digests, **metadata}, indent=2) + "\n", "utf-8")


def read_state(folder: Path) -> TrainState:
    """Read the checkpoint in ``folder``.

    Raises:
        CheckpointError: it is unfinished, or one of its files is missing or damaged.
    """
    try:
        metadata = json.loads((folder / MANIFEST).read_text("utf-8"))
        digests = metadata.pop("files")
        for name, digest in digests.items():
            if Path(name).name != name:
                raise CheckpointError(
                    f"{folder}: {MANIFEST} names {name!r}, a file outside the folder; do not trust it"
                )
            if _digest(folder / name) != digest:
                raise CheckpointError(f"{folder}: {name} is damaged")
        tensors = {Path(name).stem: load_file(folder / name) for name in digests}
    except OSError as error:
        raise CheckpointError(f"{folder}: not a complete checkpoint ({error.strerror}: {error.filename})") from None
    except SafetensorError as error:
        raise CheckpointError(f"{folder}: one of its files is not in the safetensors format ({error})") from None
    except CheckpointError:
        raise
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{folder}: {MANIFEST} is damaged ({error})") from None
    return TrainState(tensors, metadata)


def checkpoint_folder(output: Path, step: int) -> Path:
    return output / f"checkpoint-{step:06d}"


def checkpoints(output: Path) -> list[Path]:
    """Return the checkpoint folders of a run, complete or not, oldest first."""
    folders = [path for path in output.glob("checkpoint-*") if path.name.removeprefix("checkpoint-").isdigit()]
    return sorted(folders, key=lambda path: int(path.name.removeprefix("checkpoint-")))


def newest_state(output: Path, report: Report) -> TrainState | None:
    """Return the newest complete checkpoint, or None; damaged newer ones are named through ``report``."""
    for folder in reversed(checkpoints(output)):
        try:
            return read_state(folder)
        except CheckpointError as error:
            report(f"{error}; using the checkpoint before it")
    return None


def saved_state(output: Path, source: str | None, report: Report) -> TrainState | None:
    """Return the checkpoint that ``--resume_from_checkpoint`` names: ``latest`` (None if there is none) or a folder.

    Raises:
        CheckpointError: that folder is damaged, or ``source`` is None although ``output`` already contains a run.
    """
    if source == "latest":
        return newest_state(output, report)
    if source is not None:
        return read_state(Path(source))
    if folders := checkpoints(output):
        remedy = "continue with --resume_from_checkpoint latest, or choose another --output_dir"
        raise CheckpointError(f"{folders[-1]}: there is a run in this folder already; {remedy}")
    return None


def prune_checkpoints(output: Path, limit: int) -> None:
    """Delete all but the newest ``limit`` checkpoints (0 keeps all), and clean up after an interrupted write."""
    surplus = checkpoints(output)[:-limit] if limit else []
    for folder in surplus:
        folder.rename(folder.with_name(folder.name + UNFINISHED))
    for leftover in list(output.glob(f"*{UNFINISHED}")):
        recover_dir(output / leftover.name.removesuffix(UNFINISHED).removesuffix(".old"))


def pack_state(modules: Mapping[str, nn.Module], optimizers: Mapping[str, torch.optim.Optimizer]) -> Tensors:
    """Return the state of modules and optimisers, by their names."""
    tensors: Tensors = {name: module.state_dict() for name, module in modules.items()}
    return tensors | {name: pack_optimizer(optimizer) for name, optimizer in optimizers.items()}


def unpack_state(
    tensors: Tensors, modules: Mapping[str, nn.Module], optimizers: Mapping[str, torch.optim.Optimizer]
) -> None:
    """Restore what :func:`pack_state` returned; call it inside :func:`misfit_errors`."""
    for name, module in modules.items():
        module.load_state_dict(tensors[name])
    for name, optimizer in optimizers.items():
        unpack_optimizer(optimizer, tensors[name])


@contextmanager
def misfit_errors() -> Iterator[None]:
    """Raise :class:`CheckpointError` if a state unpacked in the block lacks a tensor or has one of another shape."""
    try:
        yield
    except (KeyError, RuntimeError, ValueError, IndexError) as error:
        raise CheckpointError(
            f"the checkpoint does not fit this run ({first_line(error)}); give the flags that it was made with"
        ) from None


def changes(metadata: dict[str, Any], config: dict[str, Any], pairs: str) -> Iterator[str]:
    """Yield a sentence for each flag whose value differs from ``metadata``, and one if the pairs' fingerprint does."""
    for name, value in config.items():
        if name != "resume_from_checkpoint" and (before := metadata["config"].get(name)) != value:
            yield f"changed since the checkpoint: {name} was {before!r}, is {value!r}"
    if metadata["pairs"] != pairs:
        yield "changed since the checkpoint: the training pairs; the run continues with the present ones"


def pack_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the state of each parameter as ``{number}.{name}``; learning rates and betas come from the config."""
    states = optimizer.state_dict()["state"].items()
    return {f"{number}.{name}": tensor for number, state in states for name, tensor in state.items()}


def unpack_optimizer(optimizer: torch.optim.Optimizer, packed: dict[str, Tensor]) -> None:
    """Restore what :func:`pack_optimizer` returned; ``ValueError``/``IndexError`` for a tensor that fits no parameter.

    Moments get the memory format of their parameter: fused kernels read both by address, so a different format would
    silently scramble channels_last weights.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for key, tensor in packed.items():
        number, _, name = key.partition(".")
        parameter = parameters[int(number)]
        if tensor.shape not in (parameter.shape, torch.Size([])):
            raise ValueError(f"{key} has shape {tuple(tensor.shape)}, its parameter {tuple(parameter.shape)}")
        like = torch.empty_like(parameter) if tensor.shape == parameter.shape else tensor.to(parameter.device)
        optimizer.state[parameter][name] = like.copy_(tensor)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
