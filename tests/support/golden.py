"""How the golden values were made: tensors filled by rule (``shared/golden/README.md``)."""

import json
import math
from pathlib import Path

import torch
from torch import Tensor


def filled(golden: Path, model: str) -> dict[str, Tensor]:
    """Return the tensors of one of the models in ``keys.json``, by their 2020 names."""
    state = {}
    for number, (name, shape) in enumerate(json.loads((golden / "keys.json").read_text())[model]):
        values = torch.randn(shape, generator=torch.Generator().manual_seed(number))
        if len(shape) > 1:
            values *= math.sqrt(2 / math.prod(shape[1:]))
        else:
            values = values * 0.05 + (0 if name.endswith("bias") else 1)
        state[name] = values
    return state
