"""``f2a download``: the archives that the paper's authors published on Google Drive.

``gdown`` fetches an archive and resumes an interrupted download; the archive is kept. The unpacked folder appears
complete or not at all.
"""

import lzma
import shutil
import stat
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

from f2a.errors import F2aError, counted
from f2a.files import atomic_dir, make_folder

GIGABYTE = 2**30
"""Number of bytes in a GiB."""


class Archive(NamedTuple):
    """A published zip: its Google Drive id, the limits on its unpacked contents, and the command that uses it."""

    drive_id: str
    max_bytes: int
    max_files: int
    then: str

    @property
    def page(self) -> str:
        """Address of the page for downloading it by hand."""
        return f"https://drive.google.com/file/d/{self.drive_id}/view"


ARCHIVES = {
    "dataset": Archive(
        "1Z7Wy9Hj5HjVD8P-zVkw55_BISQ7jQSFg",
        32 * GIGABYTE,
        100_000,
        "python train_accelerate.py --train_data_dir {folder}/DATASET_LR",
    ),
    "model": Archive(
        "15ycOOjjOJ4KkwubC7g8Ttc5OvzClzM1C",
        4 * GIGABYTE,
        1_000,
        "python -m f2a convert {folder}/checkpoints/model-1000.pth weights",
    ),
}
"""Archives by their name on the command line: the flash/ambient pairs (DATASET_LR), and the generator of epoch 1000."""

NOT_PHOTOS = "__MACOSX"
"""Folder that macOS adds to every zip; its files have the names of the photos but are not photos."""

DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, ValueError)
"""Exceptions that ``zipfile`` raises for damaged or encrypted archives and for compression that it does not support."""


def fetch(name: str, folder: Path) -> Path:
    """Download the archive ``name`` of :data:`ARCHIVES`, unpack it into ``folder / name``, and return that folder.

    A complete archive ``folder / NAME.zip`` is not fetched again; an existing ``folder / name`` is left as it is.

    Raises:
        F2aError: gdown is missing, Drive refused, or the archive is damaged, unsafe or too large.
        OutputError: ``folder`` cannot be created.
    """
    archive, target, zipped = ARCHIVES[name], folder / name, folder / f"{name}.zip"
    if target.exists():
        return target
    make_folder(folder)
    if not zipped.exists():
        _from_drive(archive, zipped)
    unpack(zipped, target, archive)
    return target


def _from_drive(archive: Archive, zipped: Path) -> None:
    by_hand = f"open {archive.page} in a browser, save the file as {zipped}, and run this again"
    try:
        import gdown
    except ImportError:
        raise F2aError(f"Google Drive needs gdown: pip install gdown; or {by_hand}") from None
    try:
        gdown.download(id=archive.drive_id, output=str(zipped), resume=True)
    except Exception as error:  # the errors of requests and gdown have no common base class
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        is_partial = any(part.stat().st_size for part in zipped.parent.glob(f"{zipped.name}*.part"))
        again = "run this again to resume, or" if is_partial else "its quota may be used up or the connection lost:"
        raise F2aError(f"Google Drive did not provide {zipped.name} ({reason}); {again} {by_hand}") from None
    if not zipped.exists():  # older versions of gdown print what is wrong and return
        raise F2aError(f"Google Drive did not provide {zipped.name}; today's quota may be used up: {by_hand}")


def unpack(zipped: Path, target: Path, limits: Archive) -> None:
    """Unpack ``zipped``; ``target`` appears complete or not at all, and ``zipfile`` writes nothing outside it.

    Raises:
        F2aError: the archive is damaged, contains a link, or is larger than ``limits`` or the free space.
    """
    try:
        with zipfile.ZipFile(zipped) as archive, atomic_dir(target) as folder:
            members = [member for member in archive.infolist() if not member.filename.startswith(f"{NOT_PHOTOS}/")]
            _check_members(zipped, members, limits)
            for member in members:
                archive.extract(member, folder)
    except F2aError:
        raise
    except DAMAGE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise F2aError(f"{zipped}: cannot be unpacked ({reason}); delete it and run this again") from None
    except OSError as error:
        remedy = "check space and permissions, then run again"
        raise F2aError(f"{target}: cannot be written ({error}); {remedy}") from None


def _check_members(zipped: Path, members: list[zipfile.ZipInfo], limits: Archive) -> None:
    """Raise :class:`F2aError` for a link or device, for too large an archive, and for too little disk space."""
    for member in members:
        if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            reason = f"{member.filename!r} in it is a link or device; nothing was unpacked; do not trust this file"
            raise F2aError(f"{zipped}: {reason}")
    size = sum(member.file_size for member in members)
    if size > limits.max_bytes or len(members) > limits.max_files:
        expected = f"at most {limits.max_bytes / GIGABYTE:.0f} GiB in {counted(limits.max_files, 'file')} are expected"
        contents = f"holds {size / GIGABYTE:.1f} GiB in {counted(len(members), 'file')}"
        raise F2aError(f"{zipped}: {contents}; {expected}; nothing was unpacked")
    free = shutil.disk_usage(zipped.parent).free
    if size > free:
        need, have = (f"{value / GIGABYTE:.1f} GiB" for value in (size, free))
        raise F2aError(f"{zipped}: unpacks to {need}, but only {have} are free there; make room and run this again")
