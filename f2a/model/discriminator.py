"""The patch discriminator, which distinguishes patches of ambient photos from relit ones."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

WIDTHS = (64, 128, 256, 512, 1024)
"""Output channels of the stride-2 convolutions (2020 code); the last has a receptive field of 63 pixels."""


class AllReduceSum(torch.autograd.Function):
    """Sum of the tensors of all processes, on each of them; the gradient is summed over all processes too.

    ``torch.distributed.nn.functional.all_reduce`` is deprecated, and with it gloo's threads can outlive Python: of 35
    runs of two processes that ended soon afterwards, seven ended with SIGABRT (torch 2.13.0).
    """

    @staticmethod
    def forward(context: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return AllReduceSum.forward(context, gradient)


class SharedBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation with statistics over the batches of all processes; ``(B, C, H, W)`` to the same.

    ``nn.SyncBatchNorm`` does this on GPUs only. Here two gloo processes with half a batch each agree with one process
    that has the whole batch. Every process must have the same number of pixels. The variance is summed after the mean
    is known, which needs a second small message but avoids cancellation in float32.

    No running statistics are kept, since a discriminator is used in training only. So there are no buffers that
    DistributedDataParallel would overwrite between the two forward passes of a step (pytorch#175024).
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, track_running_stats=False)

    def forward(self, input: Tensor) -> Tensor:
        processes = dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1
        if processes == 1:
            return super().forward(input)
        mean = self._over_all(input.float().mean((0, 2, 3)), processes)
        centred = input.float() - mean
        variance = self._over_all((centred**2).mean((0, 2, 3)), processes)
        scale = self.weight.reshape(1, -1, 1, 1) / (variance + self.eps).sqrt()
        return (centred * scale + self.bias.reshape(1, -1, 1, 1)).to(input.dtype)

    @staticmethod
    def _over_all(means: Tensor, processes: int) -> Tensor:
        return (AllReduceSum.apply(means) / processes).reshape(1, -1, 1, 1)  # type: ignore[no-untyped-call]


class Discriminator(nn.Module):
    """Maps an image times its attention map, ``(B, 3, H, W)`` in [0, 1], to a logit per patch, ``(B, 1, H/32, W/32)``.

    Five stride-2 3x3 convolutions with batch normalisation (not after the first) and LeakyReLU, then a 3x3 convolution
    to one channel; 6,283,649 parameters. PyTorch's default initialisation and the tensor names are as in the 2020 code.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, width in zip((3, *WIDTHS), WIDTHS, strict=False):
            layers.append(nn.Conv2d(before, width, 3, stride=2, padding=1))
            layers += [SharedBatchNorm2d(width)] if before > 3 else []
            layers.append(nn.LeakyReLU(inplace=True))
        self.dis_arch = nn.Sequential(*layers, nn.Conv2d(WIDTHS[-1], 1, 3, padding=1))

    def forward(self, guided_image: Tensor) -> Tensor:
        return self.dis_arch(guided_image)
