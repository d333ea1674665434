"""The attention map that guides the losses: where flash and ambient agree, the pair can be trusted."""

from torch import Tensor


def attention_map(flash: Tensor, ambient: Tensor) -> Tensor:
    """``1 - mean over channels of |flash - ambient|`` (arXiv 1912.08813, equation 2).

    Args:
        flash, ambient: ``(B, 3, H, W)``, sRGB in [0, 1].

    Returns:
        ``(B, 1, H, W)`` in [0, 1]; 1 where the two photos are the same.
    """
    return 1 - (flash - ambient).abs().mean(dim=1, keepdim=True)
