"""A watch over the losses of a run: their mean for the log, and a stop when they are lost."""

import math
from collections import deque
from collections.abc import Sequence

from torch import Tensor


class DivergenceError(RuntimeError):
    """The loss is not finite or has diverged; the message names the step, the files of its batch and the remedy."""


class LossMonitor:
    """Looks at each step's losses one step late, so that a GPU is never waited for.

    Args:
        divergence_factor: how many times its lowest value the running mean of the first loss may reach; 0: any.
    """

    memory = 0.98
    """Decay of the running means: about the last fifty steps."""

    settled = 50
    """Steps before the running mean is trusted to tell divergence from a start."""

    def __init__(self, divergence_factor: float) -> None:
        self.divergence_factor = divergence_factor
        self.means: dict[str, float] = {}
        self._waiting: deque[tuple[int, Sequence[str], Tensor, Sequence[str]]] = deque()
        self._seen, self._lowest = 0, math.inf

    def update(self, step: int, names: Sequence[str], losses: Tensor, files: Sequence[str]) -> None:
        """Take ``losses``, one value for each of ``names``, and look at those of the step before.

        Raises:
            DivergenceError: those were not finite, or have diverged.
        """
        self.flush()
        self._waiting.append((step, names, losses, files))

    def flush(self) -> None:
        """Look at all losses taken so far; call it before weights are kept."""
        while self._waiting:
            self._look(*self._waiting.popleft())

    def _look(self, step: int, names: Sequence[str], losses: Tensor, files: Sequence[str]) -> None:
        self._seen += 1
        for name, value in zip(names, losses.tolist(), strict=True):
            if not math.isfinite(value):
                raise DivergenceError(divergence(step, f"the {name} loss is {value}", files))
            self.means[name] = value + self.memory * (self.means.get(name, value) - value)
        mean = self.means[names[0]]
        if self._seen < self.settled or not self.divergence_factor:
            return
        self._lowest = min(self._lowest, mean)
        if mean > self.divergence_factor * self._lowest:
            what = f"the mean {names[0]} loss rose from {self._lowest:.4g} to {mean:.4g}"
            raise DivergenceError(divergence(step, what, files))


def divergence(step: int, what: str, files: Sequence[str]) -> str:
    """The sentence that ends a run which has diverged."""
    return f"step {step}: {what} at the pairs {', '.join(files)}; look at them, or lower --learning_rate"
