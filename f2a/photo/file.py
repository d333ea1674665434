"""``PhotoFile``: a photo, and what its file needs to be written again in the same way."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from f2a.photo.metadata.metadata import Metadata
from f2a.photo.photo import Photo


@dataclass(frozen=True)
class PhotoFile:
    """What is in a photo file.

    Attributes:
        path: the file.
        format: in which the photo is written unless another is asked for: a key of ``f2a.photo.codecs.CODECS``.
        photo: the photo.
        metadata: as a codec finds it; cleaned by :func:`f2a.photo.read_photo`.
        encoding: how the file holds its pixels (quantisation tables, chroma sampling, compression), in the terms of
            the codec that ``format`` names.
        notes: what was left out or changed, a sentence each.
    """

    path: Path
    format: str
    photo: Photo
    metadata: Metadata
    encoding: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
