"""Errors that are shown to the user, as one sentence each."""

import re
from collections.abc import Callable
from importlib import import_module

Report = Callable[[str], object]
"""What each sentence for the user is passed to while the work goes on, such as ``print``."""


class F2aError(ValueError):
    """An error whose message was written for the user: one printable sentence: thing, reason, remedy.

    Every command and page shows ``str(error)`` of these as it is; any other error is a fault of the program.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


def printable(text: str) -> str:
    """``text`` in one line without control characters and lone surrogates, as which Python reads names not in UTF-8."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def counted(number: float, noun: str) -> str:
    """A number with what it counts, in the plural but for one: ``"1 photo"``, ``"0 photos"``."""
    return f"{number:.10g} {noun}{'' if number == 1 else 's'}"


def first_line(error: BaseException) -> str:
    """What a library's error says, without the advice in further lines; of a system error, the reason alone."""
    message = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
    return str(message).splitlines()[0].rstrip(" .")


def require_package(module: str, package: str, need: str) -> None:
    """Raise :class:`F2aError` where ``package`` is not installed; ``need`` is such as ``"the report needs"``."""
    try:
        import_module(module)
    except ImportError as error:
        raise F2aError(f"{need} {package} ({error}): pip install {package}") from None


def missing_library(error: ModuleNotFoundError) -> str:
    """What to install, where a library is missing that only some commands need.

    Raises:
        ModuleNotFoundError: ``error``, where it is no library of one of f2a's extras.
    """
    from importlib.metadata import PackageNotFoundError, requires  # slow to import

    library = (error.name or "").partition(".")[0]
    try:
        extras = re.findall(r"(([\w-]+)[^;\n]*); extra == ['\"](\w+)", "\n".join(requires("f2a") or ()))
    except PackageNotFoundError:
        extras = [("-r requirements.txt", library, "")]  # a clone, which names them all
    extra_of_library = next((extra for _, name, extra in extras if name == library), None)
    if extra_of_library is None or library == "f2a":
        raise error
    packages = " ".join(f'"{line}"' if extra else line for line, _, extra in extras if extra == extra_of_library)
    return f"{library} is missing; run: pip install {packages}"
