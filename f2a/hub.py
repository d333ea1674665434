"""Access to the Hub: repository ids, files of models, new repositories, and a sentence for each error."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from huggingface_hub import HfApi, RepoUrl, get_token, hf_hub_download
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RemoteEntryNotFoundError,
    RevisionNotFoundError,
)

from f2a.errors import F2aError, first_line

REMEDIES = dict.fromkeys(
    (401, 403, 404),
    "check the name; a private or gated model needs access and a token: run hf auth login, or set HF_TOKEN",
) | {429: "wait a few minutes and try again"}
"""Remedies by HTTP status of the Hub's answer."""


class HubError(F2aError):
    """A transfer from or to the Hub failed; the message names the repository, the reason and the remedy."""


class RepoId(NamedTuple):
    """A repository, ``user/name``, and its branch, tag or commit (None: the newest)."""

    name: str
    revision: str | None


def parse_repo_id(text: str) -> RepoId:
    """Split ``user/name@revision`` or ``user/name`` into its parts."""
    name, _, revision = text.partition("@")
    return RepoId(name, revision or None)


def require_token(repo_id: str) -> None:
    """Raise :class:`HubError` if there is no token for writing to ``repo_id``."""
    if not get_token():
        raise HubError(f"{repo_id}: writing to the Hub needs a token: run hf auth login, or set HF_TOKEN")


def create_repo(repo_id: str, kind: str, *, private: bool, token: str | None = None, **options: Any) -> RepoUrl:
    """Create a ``model``, ``dataset`` or ``space`` unless it exists, and return its address.

    Raises:
        HubError: it exists and is public, but ``private`` is wanted.
    """
    api = HfApi(token=token)
    address = api.create_repo(repo_id, repo_type=kind, private=private or None, exist_ok=True, **options)
    if private and not api.repo_info(address.repo_id, repo_type=kind).private:
        raise HubError(f"{repo_id}: exists already and is public; make it private on its page, or choose another name")
    return address


@contextmanager
def hub_errors(
    failure: str, remedy: str = "check name, revision, token and connection", kind: type[F2aError] = HubError
) -> Iterator[None]:
    """Turn any error of the Hub's client, the libraries built on it or the transport into one sentence.

    Args:
        failure: what did not succeed; the reason follows it in brackets.
        remedy: what to do about it.
        kind: the error to raise; f2a's own errors pass unchanged.
    """
    try:
        yield
    except F2aError:
        raise
    except Exception as error:  # these errors have no common base class
        raise kind(f"{failure} ({first_line(error)}); {remedy}") from error


def fetch_file(repo_id: str, name: str, revision: str | None = None) -> Path:
    """Path in the Hub's cache of the file ``name`` of a model; the cache only ever contains whole files.

    Raises:
        HubError: the Hub refuses, fails or cannot be reached, or the file cannot be stored.
    """
    try:
        return Path(hf_hub_download(repo_id, name, revision=revision))
    except Exception as error:  # errors of the client, the transport and the disk have no common base class
        raise HubError(f"{repo_id}: {_reason(error, name, revision)}") from error


def _reason(error: Exception, name: str, revision: str | None) -> str:
    if isinstance(error, HFValidationError):
        return "neither a folder nor a Hub id like user/model"
    if isinstance(error, RevisionNotFoundError):
        return f"has no revision {revision!r}; give a branch, a tag or a commit of it"
    if isinstance(error, RemoteEntryNotFoundError):
        return f"has no {name}; is it the right model?"
    answers = [answer for answer in (error, error.__cause__) if isinstance(answer, HfHubHTTPError)]
    if answers:
        status = answers[0].response.status_code
        remedy = REMEDIES.get(status, "try again later")
        return f"the Hub answered the request for {name} with status {status}; {remedy}"
    if isinstance(error, LocalEntryNotFoundError):
        return "the Hub cannot be reached; check the connection and try again"
    return f"{name} could not be fetched from the Hub ({first_line(error)}); try again"
