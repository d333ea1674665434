"""``python -m f2a space push``: the page as a Space on the Hub, from a clone of the repository."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from f2a.hub import HubError, hub_errors, parse_repo_id

if TYPE_CHECKING:
    from huggingface_hub import HfApi

ROOT = Path(__file__).resolve().parents[2]

FILES = (
    "app.py",
    "LICENSE",
    "f2a/*.py",
    *(f"f2a/{folder}/**/*.py" for folder in ("photo", "model", "relight", "data", "page")),
    "f2a/page/*.*",
    "f2a/weights/*",
    "f2a/examples/*",
)
"""What the page consists of."""

THUMBNAIL = "docs/page-desktop.jpg"

CPU_WHEELS = "--extra-index-url https://download.pytorch.org/whl/cpu  # a CPU Space needs none of the CUDA wheels\n"

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
"""The Space's ``requirements.txt``: what the page needs of ours, a test compares them."""

WEIGHT_FILES = ("config.json", "model.safetensors")

CARD = """
# {title}

Give a photograph that was taken with flash; get it back as the light of the room would have shown it: at full size, in
its own format, with its own metadata. Photographs are used for nothing but the result, and deleted within an hour.

The method is that of [arXiv 1912.08813](https://arxiv.org/abs/1912.08813). {weights}

As a program:

```python
from gradio_client import Client, handle_file

file, sentence = Client("{repo_id}").predict(handle_file("party.jpg"), api_name="/relight")
```

Made by `python -m f2a space push`, which overwrites what is changed here. The settings are the variables `F2A_WEIGHTS`
(`user/model@revision`) and `F2A_EXAMPLES` (a dataset of flash and ambient pairs).
"""


@dataclass(frozen=True)
class Space:
    """What is asked for: ids of the Hub, with ``@revision`` where one is wanted; ``hardware`` is the Hub's word."""

    repo_id: str
    weights: str | None = None
    examples: str | None = None
    hardware: str | None = None
    private: bool = False


class Pinned(NamedTuple):
    """A repository at one commit."""

    repo_id: str
    commit: str
    private: bool

    def __str__(self) -> str:
        return f"{self.repo_id}@{self.commit}"


class Contents(NamedTuple):
    """The whole Space: each file's path in it and its content (or where that is), and the variables that are set."""

    files: dict[str, bytes | Path]
    variables: dict[str, str | None]
    notes: list[str]


def plan_space(space: Space, root: Path = ROOT) -> Contents:
    """What the Space will hold; only ``weights`` and ``examples`` are looked up on the Hub, and nothing is changed.

    Raises:
        HubError: ``root`` is no clone of the repository, or the weights or examples are not on the Hub.
    """
    if not (root / "app.py").is_file():
        raise HubError(f"{root}: has no app.py; run this in a clone of the repository, not from an installed f2a")
    weights = _pin(space.weights, "model") if space.weights else None
    examples = _pin(space.examples, "dataset") if space.examples else None
    paths = {path for pattern in FILES for path in root.glob(pattern) if path.is_file()}
    files: dict[str, bytes | Path] = {path.relative_to(root).as_posix(): path for path in paths}
    thumbnail = root / THUMBNAIL
    if thumbnail.is_file():
        files["thumbnail.jpg"] = thumbnail
    files["README.md"] = write_card(space, weights, examples, root).encode()
    files["requirements.txt"] = requirements(space.hardware).encode()
    pinned = {"F2A_WEIGHTS": weights, "F2A_EXAMPLES": examples}
    variables = {name: str(value) if value else None for name, value in pinned.items()}
    secret = "is private: give the Space a secret HF_TOKEN that may read it, on its settings page"
    notes = [f"{value.repo_id}: {secret}" for value in pinned.values() if value and value.private]
    return Contents(dict(sorted(files.items())), variables, notes)


def _pin(source: str, kind: str) -> Pinned:
    from huggingface_hub import HfApi

    repo = parse_repo_id(source)
    with hub_errors(f"{source}: no such {kind} could be seen on the Hub"):
        info = HfApi().repo_info(repo.name, repo_type=kind, revision=repo.revision)
    there = {file.rfilename for file in getattr(info, "siblings", None) or ()}
    missing = [name for name in WEIGHT_FILES if kind == "model" and name not in there]
    if missing:
        raise HubError(f"{source}: holds no {missing[0]}, so these are no weights of f2a; name another model")
    return Pinned(repo.name, str(info.sha), bool(info.private))


def requirements(hardware: str | None) -> str:
    """The Space's ``requirements.txt``; on CPU hardware (the Hub's default) PyTorch comes without CUDA."""
    return (CPU_WHEELS if (hardware or "cpu-basic").startswith("cpu") else "") + REQUIREMENTS


def write_card(space: Space, weights: Pinned | None, examples: Pinned | None, root: Path = ROOT) -> str:
    """The Space's README: the settings that head the project's own, with what this Space uses, and a short text."""
    settings: dict[str, Any] = yaml.safe_load((root / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    if weights:
        settings["models"] = [weights.repo_id]
        if not weights.private:  # the Hub preloads only what everybody may read
            settings["preload_from_hub"] = [f"{weights.repo_id} {','.join(WEIGHT_FILES)} {weights.commit}"]
    if examples:
        settings["datasets"] = [examples.repo_id]
    if (root / THUMBNAIL).is_file():
        settings["thumbnail"] = f"https://huggingface.co/spaces/{space.repo_id}/resolve/main/thumbnail.jpg"
    source = f"The weights are [{weights.repo_id}](https://huggingface.co/{weights.repo_id})." if weights else ""
    text = CARD.format(title=settings["title"], repo_id=space.repo_id, weights=source or "The weights are f2a's own.")
    return f"---\n{yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)}---\n{text}"


def describe(contents: Contents) -> str:
    """The files with their sizes, the variables and the two files that are written for the Space, as text."""
    sizes = {name: len(c) if isinstance(c, bytes) else c.stat().st_size for name, c in contents.files.items()}
    lines = [f"{size:>10,} {name}" for name, size in sizes.items()]
    lines.append(f"{sum(sizes.values()):>10,} bytes in {len(sizes)} files")
    lines += [f"variable {name}={value}" for name, value in contents.variables.items() if value]
    for name in ("requirements.txt", "README.md"):
        content = contents.files[name]
        assert isinstance(content, bytes)
        lines.append(f"\n{name}:\n{content.decode()}")
    return "\n".join(lines)


def push_space(space: Space, contents: Contents) -> str:
    """Make or renew the Space; its address. What is as it should be already is left alone, so nothing restarts twice.

    Raises:
        HubError: no token, the Hub refused or was not reached, or it is public and was to be private.
    """
    from huggingface_hub import HfApi, get_token

    if not get_token():
        raise HubError(f"{space.repo_id}: writing to the Hub needs a token: run hf auth login, or set HF_TOKEN")
    api = HfApi()
    remedy = "check name, token, hardware and connection, then run this again"
    with hub_errors(f"{space.repo_id}: the Hub did not take it", remedy):
        address = api.create_repo(
            space.repo_id, repo_type="space", space_sdk="gradio", private=space.private or None, exist_ok=True
        )
        if space.private and not api.space_info(space.repo_id).private:
            raise HubError(
                f"{space.repo_id}: is there already and public; make it private on its page, or choose another name"
            )
        _set_variables(api, space.repo_id, contents.variables)
        _upload(api, space.repo_id, contents.files)
        runtime = api.get_space_runtime(space.repo_id)
        if space.hardware and space.hardware not in (runtime.requested_hardware, runtime.hardware):
            api.request_space_hardware(space.repo_id, space.hardware)  # type: ignore[arg-type]  # the Hub knows more
    return str(address)


def _set_variables(api: "HfApi", repo_id: str, variables: dict[str, str | None]) -> None:
    current = {name: variable.value for name, variable in api.get_space_variables(repo_id).items()}
    for name, value in variables.items():
        if value is None and name in current:
            api.delete_space_variable(repo_id, name)
        elif value is not None and current.get(name) != value:
            api.add_space_variable(repo_id, name, value)


def _upload(api: "HfApi", repo_id: str, files: dict[str, bytes | Path]) -> None:
    """One commit: these files, and nothing else of ours that an earlier version left there."""
    with tempfile.TemporaryDirectory(prefix="f2a-space-") as folder:
        for name, content in files.items():
            target = Path(folder, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
        api.upload_folder(
            repo_id=repo_id, repo_type="space", folder_path=folder, delete_patterns=["f2a/*"],
            commit_message="Publish the page with f2a",
        )  # fmt: skip
