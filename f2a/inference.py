"""The same generator, quicker: for running it only, on the device it will stay on."""

import torch

from f2a.encoders import PooledStages
from f2a.generator import Generator
from f2a.winograd import use_winograd


def for_inference(generator: Generator, device: torch.device) -> Generator:
    """The generator on ``device``, in evaluation mode and in the layout in which its convolutions are quickest.

    On a CPU the wide 3x3 convolutions of VGG-16 and its kin go Winograd's way, which wants channels first. Narrow and
    depthwise ones, and GPUs, are quicker with channels last. Measured by ``python -m f2a bench relight``; what
    ``torch.jit.optimize_for_inference`` makes of either is slower.
    """
    generator = generator.eval().requires_grad_(False).to(device)
    if device.type == "cpu" and isinstance(generator.encoder, PooledStages):
        use_winograd(generator)
        return generator
    quick: Generator = generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return quick
