"""Trained weights to the Hub; they are on disk before and stay there, whatever the network does."""

import shlex
from pathlib import Path

from huggingface_hub import HfApi


class PushError(RuntimeError):
    """The upload did not succeed; the message gives the reason and the command that tries again."""


def push(folder: Path, repo_id: str, *, private: bool = False, token: str | None = None) -> str:
    """Upload the files of ``folder`` to the model repository ``repo_id``, made if it is not there; its address.

    Raises:
        PushError: the Hub refused, or could not be reached.
    """
    api = HfApi(token=token)
    try:
        repository = api.create_repo(repo_id, private=private, exist_ok=True)
        api.upload_folder(repo_id=repository.repo_id, folder_path=folder, commit_message="Train with f2a")
    except Exception as error:  # the client's transport, server and file errors share no ancestor; nothing may be lost
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        again = shlex.join(["hf", "upload", repo_id, str(folder), "."])
        raise PushError(f"the Hub did not take {repo_id} ({reason}); the weights are in {folder}: {again}") from error
    return str(repository)
