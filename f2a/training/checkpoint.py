"""Training checkpoints: folders that are whole or not there, without pickle.

``checkpoint-000500/`` holds one safetensors file a part (generator, optimisers, average, random state) and
``state.json``, which is written last and names the digest of each: it is the mark that the folder is whole.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from f2a.files import UNFINISHED, atomic_dir, recover_dir
from f2a.model.checkpoint import CheckpointError

MARK = "state.json"

Parts = dict[str, dict[str, Tensor]]
"""Name of a part to its tensors."""


class TrainState(NamedTuple):
    parts: Parts
    facts: dict[str, Any]


def write_state(folder: Path, parts: Parts, facts: dict[str, Any]) -> None:
    """Write ``parts`` and plain ``facts`` as the checkpoint ``folder``.

    Raises:
        OSError: it cannot be written; the checkpoints before it stay as they are.
    """
    with atomic_dir(folder) as beside:
        for name, tensors in parts.items():
            state = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
            try:
                save_file(state, beside / f"{name}.safetensors")
            except SafetensorError as error:  # the library's own for a full disk
                raise OSError(f"{folder}: cannot be written ({error})") from None
        digests = {path.name: _digest(path) for path in sorted(beside.iterdir())}
        (beside / MARK).write_text(json.dumps({"files": digests, **facts}, indent=2) + "\n", "utf-8")


def read_state(folder: Path) -> TrainState:
    """The checkpoint in ``folder``.

    Raises:
        CheckpointError: it was never finished, or a file of it is missing or damaged.
    """
    try:
        facts = json.loads((folder / MARK).read_text("utf-8"))
        digests = facts.pop("files")
        for name, digest in digests.items():
            if Path(name).name != name:
                raise CheckpointError(f"{folder}: {MARK} names {name!r}, a file outside; do not trust it")
            if _digest(folder / name) != digest:
                raise CheckpointError(f"{folder}: {name} is damaged")
        parts = {Path(name).stem: load_file(folder / name) for name in digests}
    except OSError as error:
        raise CheckpointError(f"{folder}: not a whole checkpoint ({error.strerror}: {error.filename})") from None
    except SafetensorError as error:
        raise CheckpointError(f"{folder}: a part of it is no safetensors file ({error})") from None
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{folder}: {MARK} is damaged ({error})") from None
    return TrainState(parts, facts)


def checkpoint_folder(output: Path, step: int) -> Path:
    return output / f"checkpoint-{step:06d}"


def checkpoints(output: Path) -> list[Path]:
    """Checkpoint folders of a run, oldest first, whole or not."""
    folders = [path for path in output.glob("checkpoint-*") if path.name.removeprefix("checkpoint-").isdigit()]
    return sorted(folders, key=lambda path: int(path.name.removeprefix("checkpoint-")))


def newest_state(output: Path, report: Callable[[str], None]) -> TrainState | None:
    """The newest whole checkpoint; one that is damaged is named through ``report``, and the one before it taken."""
    for folder in reversed(checkpoints(output)):
        try:
            return read_state(folder)
        except CheckpointError as error:
            report(f"{error}; going back to the checkpoint before it")
    return None


def saved_state(output: Path, source: str | None, report: Callable[[str], None]) -> TrainState | None:
    """The checkpoint that ``--resume_from_checkpoint`` names: ``latest`` (None where there is none yet) or a folder.

    Raises:
        CheckpointError: that folder is damaged, or nothing is named though a run has begun here.
    """
    if source == "latest":
        return newest_state(output, report)
    if source is not None:
        return read_state(Path(source))
    if begun := checkpoints(output):
        way_on = "go on with --resume_from_checkpoint latest, or choose another --output_dir"
        raise CheckpointError(f"{begun[-1]}: a run has begun here; {way_on}")
    return None


def prune_checkpoints(output: Path, limit: int) -> None:
    """Delete all but the newest ``limit`` checkpoints (0: none), and what a killed run left unfinished."""
    surplus = checkpoints(output)[:-limit] if limit else []
    for folder in surplus:
        folder.rename(folder.with_name(folder.name + UNFINISHED))
    for leftover in list(output.glob(f"*{UNFINISHED}")):
        recover_dir(output / leftover.name.removesuffix(UNFINISHED).removesuffix(".old"))


def pack_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """What an optimiser remembers of each parameter, ``{number}.{name}``; its settings are the run's to know."""
    packed: dict[str, Tensor] = {}
    for number, parameter in enumerate(_parameters(optimizer)):
        packed |= {f"{number}.{name}": tensor for name, tensor in optimizer.state[parameter].items()}
    return packed


def unpack_optimizer(optimizer: torch.optim.Optimizer, packed: dict[str, Tensor]) -> None:
    """Put back what :func:`pack_optimizer` took; a tensor that fits no parameter raises ``ValueError``/``IndexError``.

    Moments get their parameter's memory order: fused kernels read both by address, so another order would mix up
    channels_last weights without an error.
    """
    parameters = _parameters(optimizer)
    for key, tensor in packed.items():
        number, _, name = key.partition(".")
        parameter = parameters[int(number)]
        if tensor.shape not in (parameter.shape, torch.Size([])):
            raise ValueError(f"{key} has shape {tuple(tensor.shape)}, its parameter {tuple(parameter.shape)}")
        like = torch.empty_like(parameter) if tensor.shape == parameter.shape else tensor.to(parameter.device)
        optimizer.state[parameter][name] = like.copy_(tensor)


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
