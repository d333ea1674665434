"""Files of a model on the Hub, and a sentence for each way in which the Hub does not hand them out."""

from pathlib import Path

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RemoteEntryNotFoundError,
    RevisionNotFoundError,
)


class HubFileError(ValueError):
    """A file that cannot be had; the message names the repository, the reason and the remedy."""


def fetch_file(repo_id: str, name: str, revision: str | None = None) -> Path:
    """The file ``name`` of a model, in the Hub's cache; only a whole file is ever there.

    Raises:
        HubFileError: the Hub refuses, fails or cannot be reached, or the file cannot be stored.
    """
    try:
        return Path(hf_hub_download(repo_id, name, revision=revision))
    except Exception as error:  # the client's, the transport's and the disk's errors share no ancestor
        raise HubFileError(f"{repo_id}: {_why(error, name, revision)}") from error


def _why(error: Exception, name: str, revision: str | None) -> str:
    if isinstance(error, HFValidationError):
        return "neither a folder nor a Hub id like user/model"
    if isinstance(error, RevisionNotFoundError):
        return f"has no revision {revision!r}; give a branch, a tag or a commit of it"
    if isinstance(error, RemoteEntryNotFoundError):
        return f"holds no {name}; is it the right model?"
    answers = [answer for answer in (error, error.__cause__) if isinstance(answer, HfHubHTTPError)]
    if answers:
        return _refusal(answers[0].response.status_code, name)
    if isinstance(error, LocalEntryNotFoundError):
        return "the Hub cannot be reached; check the connection and try again"
    reason = (getattr(error, "strerror", None) or str(error).strip() or type(error).__name__).splitlines()[0]
    return f"{name} cannot be had from the Hub ({reason}); try again"


def _refusal(status: int, name: str) -> str:
    if status in (401, 403, 404):
        what = "does not show"
        remedy = "check the name; a private or gated model needs access and a token: run hf auth login, or set HF_TOKEN"
    elif status == 429:
        what, remedy = "is asked too often for", "wait some minutes and try again"
    else:
        what, remedy = "fails at", "try again later"
    return f"the Hub {what} {name} (status {status}); {remedy}"
