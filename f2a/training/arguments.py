"""The command line of a training run: recipe, then the file given as ``--config``, then flags; later values win."""

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any, get_args, get_type_hints

import yaml

import f2a
from f2a.config import ARCHITECTURES, RECIPES, ConfigError, TrainConfig, add_flags, from_dict, number_or_word
from f2a.errors import F2aError
from f2a.files import atomic_write

SCRIPT = Path(f2a.__file__).resolve().parents[1] / "train_accelerate.py"
"""Path of the training program, which exists only in a clone of the repository."""
RUN_FILE = "run.yaml"
"""File in the output folder with all flags of the run but secrets, fit for ``--config``."""

SECRETS = ("hub_token",)
"""Flags whose values are never saved or published."""

READERS = {".yaml": yaml.safe_load, ".yml": yaml.safe_load, ".json": json.loads}
"""Parsers for files of flags, by suffix."""


def check_script() -> None:
    """Raise :class:`F2aError` if :data:`SCRIPT` is missing."""
    if not SCRIPT.is_file():
        raise F2aError(f"{SCRIPT}: is missing; run this in a clone of the repository, not from an installed f2a")


def parse_run(arguments: list[str], description: str) -> TrainConfig:
    """Return the config that the command line describes.

    Raises:
        ConfigError: a value, or the file given as ``--config``, cannot be used.
    """
    first = argparse.ArgumentParser(SCRIPT.name, add_help=False, allow_abbrev=False)
    usage = "%(prog)s --train_data_dir DIR [--FLAG VALUE ...]"  # listing every flag would push an error off the screen
    parser = argparse.ArgumentParser(SCRIPT.name, usage, description, allow_abbrev=False)
    for stage in (first, parser):
        stage.add_argument("--config", metavar="FILE", help="yaml or json file of flags; flags on the command line win")
    first.add_argument("--recipe", choices=tuple(RECIPES))
    early, _ = first.parse_known_args(arguments)
    from_file = read_run(Path(early.config)) if early.config else {}
    recipe = early.recipe or from_file.get("recipe", "f2a")
    if recipe not in RECIPES:
        raise ConfigError(f"{early.config}: recipe is {recipe!r}: choose one of {', '.join(RECIPES)}")
    add_flags(parser, TrainConfig)
    parser.set_defaults(**vars(RECIPES[recipe]) | from_file | {"recipe": recipe})
    values = vars(parser.parse_args(arguments))
    del values["config"]
    config = from_dict(TrainConfig, values)
    if not config.init_weights:
        config.architecture(ARCHITECTURES[config.preset])  # raises if the parts do not fit together
    return config


def read_run(path: Path) -> dict[str, Any]:
    """Return the flags in a YAML or JSON file, each checked.

    Raises:
        ConfigError: the file cannot be read, or contains an unknown name or an invalid value.
    """
    if path.suffix not in READERS:
        raise ConfigError(f"{path}: give a file of flags whose name ends in {', '.join(READERS)}")
    try:
        values = READERS[path.suffix](path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: not valid {path.suffix[1:]} ({' '.join(str(error).split())})") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: has no table of flags, such as 'learning_rate: 0.001'")
    floats = {name for name, hint in get_type_hints(TrainConfig).items() if float in (hint, *get_args(hint))}
    for name, value in values.items():
        if name in floats and isinstance(value, str):
            values[name] = number_or_word(value)  # YAML 1.1 reads 1e-3 as text
    try:
        from_dict(TrainConfig, values)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return values


def save_run(config: TrainConfig, path: Path) -> None:
    """Write all flags except secrets to a file for ``--config``, which is replaced completely or not at all."""
    with atomic_write(path) as beside:
        beside.write_text(yaml.safe_dump(public_values(config), sort_keys=False, allow_unicode=True), "utf-8")


def public_values(config: TrainConfig) -> dict[str, Any]:
    """Return all flags and their values, except secrets."""
    return {name: value for name, value in dataclasses.asdict(config).items() if name not in SECRETS}


def without_secrets(arguments: list[str]) -> list[str]:
    """Return the command line with its secrets hidden, fit for publication."""
    public: list[str] = []
    secrets = [f"--{name}" for name in SECRETS]
    for argument in arguments:
        if public and public[-1] in secrets:
            public.append("HIDDEN")
        else:
            flag, equals, _ = argument.partition("=")
            public.append(f"{flag}=HIDDEN" if equals and flag in secrets else argument)
    return public
