"""What goes wrong, told to a person in one sentence."""


class F2aError(ValueError):
    """An error whose message was written for the user: one printable sentence: thing, reason, remedy.

    Every command and page shows ``str(error)`` of these as it is; any other error is a fault of the program.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


def printable(text: str) -> str:
    """``text`` in one line without control characters and lone surrogates, as which Python reads names not in UTF-8."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def first_line(error: BaseException) -> str:
    """What a library's error says, without the advice in further lines; of a system error, the reason alone."""
    message = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
    return str(message).splitlines()[0].rstrip(" .")
