"""How PyTorch's threads wait for each other, which its OpenMP library reads once, when it is loaded."""

import os

SPINS = "3000"
"""Turns of waiting, about a tenth of a millisecond, before a thread of GNU's OpenMP library sleeps.

With the library's own 300,000 ``compact`` takes 12 times as long beside other programs; with none, a third longer on
idle cores (docs/speed.md).
"""


def wait_briefly() -> None:
    """Have threads that wait sleep soon, unless the environment says how they wait. To be called before torch loads."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # for other OpenMP libraries; GNU's prefers the number
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
