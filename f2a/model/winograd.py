"""3x3 convolutions on the CPU by Winograd's minimal filtering, which multiplies far less than the direct sum does.

PyTorch's wheels carry the algorithm (NNPACK; Lavin and Gray, arXiv 1509.09308) but choose it nearly never. It is
float32 throughout; results differ from the direct sum by rounding, some 1e-5 of the largest value.
"""

from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from f2a.model.encoders import EfficientNetLite0

Module = TypeVar("Module", bound=nn.Module)

SHORTEST_SIDE = 28
"""Images smaller than this waste too much of Winograd's 8x8 tiles (measured on two AVX2 cores: 1.3 to 1.8 times as fast
as the direct sum from this size on, 0.7 times at 14)."""
FEWEST_CHANNELS = 16

PADDING = [1, 1]


def _winograd(images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """One image after the other: measured faster than NNPACK's own way with a batch."""
    results = [torch._nnpack_spatial_convolution(image[None], weight, bias, PADDING) for image in images]
    return results[0] if len(results) == 1 else torch.cat(results)


class _Convolution(torch.autograd.Function):
    """Forward and the gradient of the image by Winograd; the gradients of the weights by the usual sum."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(image, weight)
        ctx.has_bias = bias is not None
        return _winograd(image, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        (image, weight), gradient = ctx.saved_tensors, gradients[0].contiguous()
        for_image = for_weight = for_bias = None
        if ctx.needs_input_grad[0]:
            turned = weight.transpose(0, 1).flip(2, 3).contiguous()
            for_image = _winograd(gradient, turned, None)
        if any(ctx.needs_input_grad[1:]):
            wanted = [False, ctx.needs_input_grad[1], ctx.has_bias and ctx.needs_input_grad[2]]
            _, for_weight, for_bias = torch.ops.aten.convolution_backward(
                gradient, image, weight, [len(weight)], [1, 1], PADDING, [1, 1], False, [0, 0], 1, wanted
            )
        return for_image, for_weight, for_bias


class WinogradConv2d(nn.Conv2d):
    """A 3x3 convolution of stride 1 and padding 1 that goes Winograd's way where that is faster."""

    def forward(self, input: Tensor) -> Tensor:
        small = min(input.shape[-2:]) < SHORTEST_SIDE
        if small or input.device.type != "cpu" or input.dtype != torch.float32 or torch.is_autocast_enabled("cpu"):
            return super().forward(input)
        image: Tensor = _Convolution.apply(input, self.weight, self.bias)  # type: ignore[no-untyped-call]
        return image


def use_winograd(module: nn.Module) -> None:
    """Let the convolutions in ``module`` that can go Winograd's way do so; names and weights stay as they are."""
    if torch._nnpack_available():
        for layer in module.modules():
            if type(layer) is nn.Conv2d and _fits(layer):
                layer.__class__ = WinogradConv2d


def _fits(layer: nn.Conv2d) -> bool:
    shape = (layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.groups)
    return (
        shape == ((3, 3), (1, 1), (1, 1), (1, 1), 1) and min(layer.in_channels, layer.out_channels) >= FEWEST_CHANNELS
    )


def arranged(module: Module, device: torch.device) -> Module:
    """``module`` on ``device``, set up for speed: channels last, except on a CPU, where the wide layers of VGG-16, its
    kin and the discriminator are quicker in planes and by Winograd's way (``python -m f2a bench relight`` and ``bench
    train``; what ``torch.jit.optimize_for_inference`` makes of either is slower)."""
    if device.type == "cpu" and not isinstance(getattr(module, "encoder", None), EfficientNetLite0):
        use_winograd(module)
        return module.to(device)
    return module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
