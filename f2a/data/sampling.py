"""Endless draws from pairs in fixed shares.

Which pair is drawn is a pure function of ``(seed, draw number)``: a run that stops and goes on at draw ``n`` sees what
it would have seen without the stop.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from f2a.data.cache import CachedPair, DataError

SAMPLED = 61
"""Pixels between those that stand for a photo in a fingerprint; odd, so that no pattern of a camera hides in it."""


class Pairs(Protocol):
    """A list of pairs, or an object that decodes each when it is drawn."""

    def __len__(self) -> int: ...
    def __getitem__(self, number: int, /) -> CachedPair: ...


@runtime_checkable
class HasOrder(Pairs, Protocol):
    """Pairs that are cheap to read only in some orders; ``order`` is a random one of them, with every pair once."""

    def order(self, random: np.random.Generator) -> np.ndarray: ...


class WeightedSource(NamedTuple):
    """The pairs of one source and their share of every batch."""

    pairs: Pairs
    share: float


class MixtureSampler:
    """Endless draws from several sources in fixed shares; draw ``i`` is a function of ``(seed, i)``.

    Each source has epochs of its own, in a fresh random order each. Shares are rounded to a twentieth.
    """

    cycle = 20

    def __init__(self, sources: Sequence[WeightedSource], seed: int) -> None:
        self.sources, self.seed = sources, seed
        self.pattern = _interleave([source.share for source in sources], self.cycle if len(sources) > 1 else 1)
        self.counts = [self.pattern.count(number) for number in range(len(sources))]
        if not all(self.counts):
            raise DataError(f"the share of folder number {self.counts.index(0) + 1} is below a twentieth; raise it")

    def __len__(self) -> int:
        """Draws in an epoch: as many as there are pairs."""
        return sum(len(source.pairs) for source in self.sources)

    def fingerprint(self) -> str:
        """A digest of number, sizes and pixels of the decoded pairs, wherever their files are; of streamed pairs, of
        their number alone."""
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


def _interleave(shares: Sequence[float], slots: int) -> list[int]:
    pattern: list[int] = []
    for slot in range(1, slots + 1):
        deficits = [share / sum(shares) * slot - pattern.count(number) for number, share in enumerate(shares)]
        pattern.append(int(np.argmax(deficits)))
    return pattern
