"""Saving trained weights to disk, where they stay if an upload fails, and pushing them to the Hub."""

import shlex
import shutil
from concurrent.futures import Future
from pathlib import Path

from huggingface_hub import HfApi, get_token

from f2a.config import ConfigError, TrainConfig
from f2a.errors import Report
from f2a.files import atomic_dir
from f2a.hub import HubError, create_repo, hub_errors
from f2a.model.checkpoint import Checkpoint
from f2a.publish.model_card import PICTURE, model_card, repo_id


def write_model(folder: Path, checkpoint: Checkpoint, config: TrainConfig, picture: Path) -> None:
    """Write weights, card and, if it exists, the validation ``picture`` to a folder for ``Relighter.from_pretrained``;
    the folder appears complete or not at all."""
    with atomic_dir(folder) as beside:
        checkpoint.save(beside)
        if has_picture := picture.exists():
            shutil.copy(picture, beside / PICTURE)
        card = model_card(config, checkpoint.architecture, checkpoint.training, has_picture=has_picture)
        (beside / "README.md").write_text(card, "utf-8")


class Pusher:
    """Uploads folders of weights to the run's model repository, which is created if necessary.

    A background upload reads a copy, ``.pushing`` in the run's folder.

    Raises:
        ConfigError: no token, the Hub refuses or cannot be reached, or the repository is public but should be private.
    """

    def __init__(self, config: TrainConfig) -> None:
        if not (config.hub_token or get_token()):
            raise ConfigError("push_to_hub is True: the Hub needs a token; run hf auth login, or give --hub_token")
        self.copies = Path(config.output_dir) / ".pushing"
        self._api = HfApi(token=config.hub_token)
        self._upload: Future[None] | None = None
        name = repo_id(config)
        try:
            with hub_errors(
                f"the Hub did not accept {name}", "check name, token and connection, or train without a push"
            ):
                self.repository = create_repo(name, "model", private=config.hub_private_repo, token=config.hub_token)
        except HubError as error:
            raise ConfigError(str(error)) from error

    def push_in_background(self, folder: Path, report: Report) -> None:
        """Start uploading a copy of ``folder`` unless an upload is still running; a failure is only reported."""
        if not folder.is_dir() or (self._upload and not self._upload.done()):
            return
        shutil.rmtree(self.copies, ignore_errors=True)
        shutil.copytree(folder, self.copies)

        def upload() -> None:
            try:
                self._push(self.copies)
            except HubError as error:
                report(f"an interim push failed, training continues: {error.__cause__ or error}")

        self._upload = self._api.run_as_future(upload)

    def push(self, folder: Path) -> str:
        """Wait for any running upload, upload ``folder``, and return the repository's address.

        Raises:
            HubError: the Hub refuses or cannot be reached.
        """
        if self._upload:
            self._upload.result()
        address = self._push(folder)
        shutil.rmtree(self.copies, ignore_errors=True)
        return address

    def _push(self, folder: Path) -> str:
        name = self.repository.repo_id
        again = shlex.join(["hf", "upload", name, str(folder), "."])
        with hub_errors(f"the Hub did not accept {name}", f"the weights are in {folder}; try again with {again}"):
            self._api.upload_folder(repo_id=name, folder_path=folder, commit_message="Train with f2a")
        return str(self.repository)
