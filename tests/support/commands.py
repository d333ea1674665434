"""The programs, run in this process: much faster than in a child process, which has to import PyTorch again."""

import io
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

SMALL = ("--resolution", "32", "--working_pixels", "4096", "--train_batch_size", "2", "--max_train_steps", "1",
         "--lr_warmup_steps", "0", "--encoder_weights", "none")  # fmt: skip
"""Flags of the shortest training run."""


def small_run(pairs: Path, output: Path, *flags: str) -> list[str]:
    """Return the command line of a four-step training run that takes a second; ``flags`` override the defaults."""
    folders = ["--train_data_dir", str(pairs), "--output_dir", str(output)]
    return [*folders, *SMALL, "--max_train_steps", "4", "--lr_warmup_steps", "1", *flags]


class Ended(NamedTuple):
    """Exit status, standard output and standard error."""

    status: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The last line on standard error."""
        return self.err.strip().splitlines()[-1]


def run(program: str, *words: object) -> Ended:
    """``run("f2a", "relight", ...)`` or ``run("train", ...)``; asserts that no traceback is printed."""
    if program == "f2a":
        from f2a.cli import main
    else:
        from train_accelerate import main  # needs accelerate
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        status = main([str(word) for word in words])
    assert "Traceback" not in err.getvalue()
    return Ended(status, out.getvalue(), err.getvalue())


def sentence(*words: object, status: int = 2) -> str:
    """Run a command of f2a and return its one line on standard error; assert that it ends with this status."""
    ended = run("f2a", *words)
    (line,) = ended.err.splitlines()
    assert ended.status == status
    return line


def refused(*commands: Iterable[object]) -> list[str]:
    """Return the error sentence of each command; assert that all end with status 2."""
    ended = [run(*command) for command in commands]  # type: ignore[arg-type]
    assert [one.status for one in ended] == [2] * len(ended)
    return [one.sentence for one in ended]
