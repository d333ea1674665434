"""Running means of a run's losses for the log, and the check that ends a run when they diverge."""

import math
from collections.abc import Iterable, Sequence

from torch import Tensor, nn


class DivergenceError(RuntimeError):
    """A loss or weight is not finite, or a loss has diverged; the message names the step and the remedy."""


class LossMonitor:
    """Checks the losses of each step one step later, so that the run never waits for a GPU.

    Args:
        divergence_factor: largest allowed ratio of the first loss's running mean to its minimum; 0 disables the check.
    """

    decay = 0.98
    """Decay of the running means per step; they cover about the last fifty steps."""

    warmup_steps = 50
    """Number of steps before a rise of the running mean counts as divergence."""

    def __init__(self, divergence_factor: float) -> None:
        self.divergence_factor = divergence_factor
        self.means: dict[str, float] = {}
        self._pending: list[tuple[int, Sequence[str], Tensor, Sequence[str]]] = []
        self._steps, self._minimum = 0, math.inf

    def update(self, step: int, names: Sequence[str], losses: Tensor, files: Sequence[str]) -> None:
        """Add ``losses``, one per name; :class:`DivergenceError` if those of the previous step diverged."""
        self.flush()
        self._pending.append((step, names, losses, files))

    def flush(self) -> None:
        """Check all losses so far; call this before saving weights."""
        while self._pending:
            self._check(*self._pending.pop())

    def _check(self, step: int, names: Sequence[str], losses: Tensor, files: Sequence[str]) -> None:
        self._steps += 1
        at = f"at the pairs {', '.join(files)}; look at them, or lower --learning_rate"
        for name, value in zip(names, losses.tolist(), strict=True):
            if not math.isfinite(value):
                raise DivergenceError(f"step {step}: the {name} loss is {value} {at}")
            self.means[name] = value + self.decay * (self.means.get(name, value) - value)
        mean = self.means[names[0]]
        if self._steps < self.warmup_steps or not self.divergence_factor:
            return
        self._minimum = min(self._minimum, mean)
        if mean > self.divergence_factor * self._minimum:
            risen = f"the mean {names[0]} loss rose from {self._minimum:.4g} to {mean:.4g}"
            raise DivergenceError(f"step {step}: {risen} {at}")


def check_weights(step: int, modules: Iterable[nn.Module]) -> None:
    """Raise :class:`DivergenceError` if any weight is infinite or not a number."""
    if not all(weight.isfinite().all() for module in modules for weight in module.parameters()):
        raise DivergenceError(f"step {step}: a weight is not finite; lower --learning_rate")
