"""Endless draws from sources of pairs in fixed shares.

The pair drawn is a pure function of ``(seed, draw number)``: a run that resumes at draw ``n`` sees the same pairs as
one that never stopped.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from f2a.data.cache import CachedPair, DataError

SAMPLED = 61
"""Distance, in pixels, between a photo's samples in a fingerprint; odd, so as not to coincide with camera patterns."""


class Pairs(Protocol):
    """A list of pairs, or an object that decodes each pair when it is drawn."""

    def __len__(self) -> int: ...
    def __getitem__(self, number: int, /) -> CachedPair: ...


@runtime_checkable
class HasOrder(Pairs, Protocol):
    """Pairs that are cheap to read only in certain orders; ``order`` returns a random one, with every pair once."""

    def order(self, random: np.random.Generator) -> np.ndarray: ...


class WeightedSource(NamedTuple):
    """The pairs of one source and their share of all draws."""

    pairs: Pairs
    share: float


class MixtureSampler:
    """Endless draws from several sources in fixed shares; draw ``i`` is a function of ``(seed, i)``.

    Each source has its own epochs, each in a new random order. Shares are rounded to twentieths.
    """

    cycle = 20

    def __init__(self, sources: Sequence[WeightedSource], seed: int) -> None:
        self.sources, self.seed = sources, seed
        self.pattern = _interleave([source.share for source in sources], self.cycle if len(sources) > 1 else 1)
        self.counts = [self.pattern.count(number) for number in range(len(sources))]
        if not all(self.counts):
            raise DataError(f"the share of folder number {self.counts.index(0) + 1} is below a twentieth; raise it")

    def __len__(self) -> int:
        """Number of draws in an epoch, which is the number of pairs."""
        return sum(len(source.pairs) for source in self.sources)

    def fingerprint(self) -> str:
        """Return a digest of the decoded pairs' number, shares, sizes and sampled pixels, independent of where their
        files are; streamed pairs contribute only their number and share."""
        digest = hashlib.sha256(str([(len(source.pairs), source.share) for source in self.sources]).encode())
        for source in self.sources:
            numbers = range(0 if isinstance(source.pairs, HasOrder) else len(source.pairs))
            for pair in (source.pairs[number] for number in numbers):
                digest.update(str(pair.flash.shape).encode())
                for photo in (pair.flash, pair.ambient):
                    digest.update(photo[::SAMPLED, ::SAMPLED].tobytes())
        return digest.hexdigest()

    def __getitem__(self, draw: int) -> CachedPair:
        cycle, slot = divmod(draw, len(self.pattern))
        origin = self.pattern[slot]
        nth = cycle * self.counts[origin] + self.pattern[:slot].count(origin)
        pairs = self.sources[origin].pairs
        epoch, position = divmod(nth, len(pairs))
        random = np.random.default_rng((self.seed, origin, epoch))
        order = pairs.order(random) if isinstance(pairs, HasOrder) else random.permutation(len(pairs))
        return pairs[int(order[position])]


def _interleave(shares: Sequence[float], length: int) -> list[int]:
    """Return source numbers such that every beginning of the list has them as near to ``shares`` as possible."""
    pattern: list[int] = []
    for slot in range(1, length + 1):
        deficits = [share / sum(shares) * slot - pattern.count(number) for number, share in enumerate(shares)]
        pattern.append(int(np.argmax(deficits)))
    return pattern
