"""Errors that are shown to the user, each as one sentence."""

import re
from collections.abc import Callable
from importlib import import_module

Report = Callable[[str], object]
"""Function that receives each sentence for the user during the work, such as ``print``."""


class F2aError(ValueError):
    """An error whose message is written for the user: one printable sentence with thing, reason and remedy.

    The commands and the page show ``str(error)`` as it is; any other error is a bug.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


def printable(text: str) -> str:
    """``text`` on one line, with control characters and lone surrogates (from file names not in UTF-8) escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def counted(number: float, noun: str) -> str:
    """A number and a noun, plural unless the number is 1: ``"1 photo"``, ``"0 photos"``."""
    return f"{number:.10g} {noun}{'' if number == 1 else 's'}"


def first_line(error: BaseException) -> str:
    """First line of a library's error message, without further advice; for a system error, only the reason."""
    message = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
    return str(message).splitlines()[0].rstrip(" .")


def system_error(error: OSError) -> str:
    """A printable sentence about an error of the operating system: the file, if there is one, and the reason."""
    return printable(f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error))


def require_package(module: str, package: str, need: str) -> None:
    """Raise :class:`F2aError` if ``package`` is not installed; ``need`` is, for example, ``"the report needs"``."""
    try:
        import_module(module)
    except ImportError as error:
        raise F2aError(f"{need} {package} ({error}): pip install {package}") from None


def missing_library(error: ModuleNotFoundError) -> str:
    """A sentence that says what to install when a library of an optional extra is missing.

    Raises:
        ModuleNotFoundError: ``error`` itself, if the library belongs to none of f2a's extras.
    """
    from importlib.metadata import PackageNotFoundError, requires  # slow to import

    library = (error.name or "").partition(".")[0]
    try:
        extras = re.findall(r"(([\w-]+)[^;\n]*); extra == ['\"](\w+)", "\n".join(requires("f2a") or ()))
    except PackageNotFoundError:
        extras = [("-r requirements.txt", library, "")]  # a clone: the file lists them all
    extra_of_library = next((extra for _, name, extra in extras if name == library), None)
    if extra_of_library is None or library == "f2a":
        raise error
    packages = " ".join(f'"{line}"' if extra else line for line, _, extra in extras if extra == extra_of_library)
    return f"{library} is missing; run: pip install {packages}"
