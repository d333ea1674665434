"""``f2a space push``: publishes the page as a Space on the Hub, from a clone of the repository."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import yaml
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, DatasetInfo, HfApi, ModelInfo
from huggingface_hub.constants import CONFIG_NAME, SAFETENSORS_SINGLE_FILE

from f2a.errors import counted
from f2a.hub import HubError, create_repo, hub_errors, parse_repo_id, require_token

RepoInfo = ModelInfo | DatasetInfo
"""What the Hub reports about a repository: name, commit, files, and whether it is private."""

ROOT = Path(__file__).resolve().parents[2]
"""The clone of the repository, unless f2a is installed."""

FILES = (
    "app.py",
    "LICENSE",
    "f2a/*.py",
    *(f"f2a/{folder}/**/*.py" for folder in ("photo", "model", "relight", "data", "page")),
    "f2a/page/*.*",
    "f2a/weights/*",
    "f2a/examples/*",
)
"""Patterns of the files that the page needs."""

THUMBNAIL = "docs/page-desktop.jpg"
"""Picture that links to the Space show."""

CPU_WHEELS = "--extra-index-url https://download.pytorch.org/whl/cpu  # a CPU Space needs none of the CUDA wheels\n"
"""First line of the requirements of a Space without a GPU."""

REQUIREMENTS = """\
gradio>=6.31,<7
torch>=2.8,<2.12  # those that ZeroGPU Spaces offer
huggingface_hub>=1.27,<3
datasets>=4.0,<6
pillow>=12.3,<13
safetensors>=0.7,<1
numpy>=2.0,<3
cachetools>=6.2,<8
imagecodecs>=2025.3.30,<2027
tifffile>=2025.5.10,<2027
pi-heif>=1.1,<2
pillow-heif>=1.1,<2  # writes HEIC; optional elsewhere, for its wheel holds an encoder under the GPL
"""
"""The Space's ``requirements.txt``: the part of the project's own that the page needs; a test compares the two."""

WEIGHT_FILES = (CONFIG_NAME, SAFETENSORS_SINGLE_FILE)
"""Files that a repository of weights must have, and that the Hub preloads."""

CARD = """
# {title}

Upload a photograph taken with flash and get it back in the light of the room: at full size, in the same format, with
its own metadata. Photographs are used only for the result and are deleted within an hour.

The method is that of [arXiv 1912.08813](https://arxiv.org/abs/1912.08813). {weights}

From a program:

```python
from gradio_client import Client, handle_file

file, sentence = Client("{repo_id}").predict(handle_file("party.jpg"), api_name="/relight")
```

Made by `python -m f2a space push`, which overwrites any changes made here. The settings are the variables
`F2A_WEIGHTS` (`user/model@revision`) and `F2A_EXAMPLES` (a dataset of flash and ambient pairs).
"""
"""The Space's README below its settings; :func:`space_card` fills it in."""


@dataclass(frozen=True)
class Space:
    """A Space to create: Hub ids, optionally with ``@revision``, and ``hardware`` as spelt on the Hub."""

    repo_id: str
    weights: str | None = None
    examples: str | None = None
    hardware: str | None = None
    private: bool = False


class SpaceContents(NamedTuple):
    """A Space's contents: each file's bytes or source by path, variables (None: delete), and notes for the user."""

    files: dict[str, bytes | Path]
    variables: dict[str, str | None]
    notes: list[str]


def plan_space(space: Space, root: Path = ROOT) -> SpaceContents:
    """Return the Space's contents, changing nothing; only ``weights`` and ``examples`` are looked up on the Hub.

    Raises:
        HubError: ``root`` is not a clone of the repository, or the weights or examples are not on the Hub.
    """
    if not (root / "app.py").is_file():
        raise HubError(f"{root}: has no app.py; run this in a clone of the repository, not from an installed f2a")
    weights, examples = _look_up(space.weights, "model"), _look_up(space.examples, "dataset")
    paths = {path for pattern in FILES for path in root.glob(pattern) if path.is_file()}
    files: dict[str, bytes | Path] = {path.relative_to(root).as_posix(): path for path in paths}
    if (root / THUMBNAIL).is_file():
        files["thumbnail.jpg"] = root / THUMBNAIL
    files["README.md"] = space_card(space, weights, examples, root).encode()
    files["requirements.txt"] = requirements(space.hardware).encode()
    repos = {"F2A_WEIGHTS": weights, "F2A_EXAMPLES": examples}
    variables = {name: f"{repo.id}@{repo.sha}" if repo else None for name, repo in repos.items()}
    secret = "is private: give the Space a secret HF_TOKEN that may read it, on its settings page"
    notes = [f"{repo.id}: {secret}" for repo in repos.values() if repo and repo.private]
    return SpaceContents(dict(sorted(files.items())), variables, notes)


def _look_up(source: str | None, kind: str) -> RepoInfo | None:
    if not source:
        return None
    name, revision = parse_repo_id(source)
    with hub_errors(f"{source}: the Hub shows no such {kind}"):
        info = cast(RepoInfo, HfApi().repo_info(name, repo_type=kind, revision=revision))
    missing = set(WEIGHT_FILES if kind == "model" else ()) - {file.rfilename for file in info.siblings or ()}
    if missing:
        raise HubError(f"{source}: has no {min(missing)}, so these are no weights of f2a; name another model")
    return info


def requirements(hardware: str | None) -> str:
    """Return the Space's ``requirements.txt``; for CPU hardware (the Hub's default) it selects PyTorch without CUDA."""
    return (CPU_WHEELS if (hardware or "cpu-basic").startswith("cpu") else "") + REQUIREMENTS


def space_card(space: Space, weights: RepoInfo | None, examples: RepoInfo | None, root: Path) -> str:
    """Return the Space's README: the settings of the project's README, with this Space's repositories, and a text."""
    settings: dict[str, Any] = yaml.safe_load((root / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    source = "The weights are f2a's own."
    if weights:
        settings["models"] = [weights.id]
        if not weights.private:  # the Hub preloads only public repositories
            settings["preload_from_hub"] = [f"{weights.id} {','.join(WEIGHT_FILES)} {weights.sha}"]
        source = f"The weights are [{weights.id}](https://huggingface.co/{weights.id})."
    if examples:
        settings["datasets"] = [examples.id]
    if (root / THUMBNAIL).is_file():
        settings["thumbnail"] = f"https://huggingface.co/spaces/{space.repo_id}/resolve/main/thumbnail.jpg"
    text = CARD.format(title=settings["title"], repo_id=space.repo_id, weights=source)
    return f"---\n{yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)}---\n{text}"


def describe(contents: SpaceContents) -> str:
    """Return, as text, the files with their sizes, the variables, and the two files generated for the Space."""
    sizes = {name: len(c) if isinstance(c, bytes) else c.stat().st_size for name, c in contents.files.items()}
    lines = [f"{size:>10,} {name}" for name, size in sizes.items()]
    lines.append(f"{sum(sizes.values()):>10,} bytes in {counted(len(sizes), 'file')}")
    lines += [f"variable {name}={value}" for name, value in contents.variables.items() if value]
    for name in ("requirements.txt", "README.md"):
        content = contents.files[name]
        assert isinstance(content, bytes)
        lines.append(f"\n{name}:\n{content.decode()}")
    return "\n".join(lines)


def push_space(space: Space, contents: SpaceContents) -> str:
    """Create or update the Space and return its address; unchanged settings are not sent again, to avoid restarts.

    Raises:
        HubError: no token, the Hub refuses or cannot be reached, or the Space is public but should be private.
    """
    require_token(space.repo_id)
    api = HfApi()
    remedy = "check name, token, hardware and connection, then run this again"
    with hub_errors(f"{space.repo_id}: the Hub did not accept it", remedy):
        address = create_repo(space.repo_id, "space", private=space.private, space_sdk="gradio")
        _set_variables(api, space.repo_id, contents.variables)
        _upload(api, space.repo_id, contents.files)
        runtime = api.get_space_runtime(space.repo_id)
        if space.hardware and space.hardware not in (runtime.requested_hardware, runtime.hardware):
            api.request_space_hardware(space.repo_id, space.hardware)  # type: ignore[arg-type]  # the Hub knows more
    return address


def _set_variables(api: HfApi, repo_id: str, variables: dict[str, str | None]) -> None:
    current = {name: variable.value for name, variable in api.get_space_variables(repo_id).items()}
    for name, value in variables.items():
        if value is None and name in current:
            api.delete_space_variable(repo_id, name)
        elif value is not None and current.get(name) != value:
            api.add_space_variable(repo_id, name, value)


def _upload(api: HfApi, repo_id: str, files: dict[str, bytes | Path]) -> None:
    """Upload the files in one commit, which also deletes files of an earlier version under ``f2a/``."""
    names = api.list_repo_files(repo_id, repo_type="space")
    changes: list[CommitOperationAdd | CommitOperationDelete] = [CommitOperationAdd(*file) for file in files.items()]
    changes += [CommitOperationDelete(name) for name in names if name.startswith("f2a/") and name not in files]
    api.create_commit(repo_id, changes, commit_message="Publish the page with f2a", repo_type="space")
