"""Winograd's way gives what the direct sum gives, forward and backward."""

import pytest
import torch
from torch import nn

from f2a.model.winograd import WinogradConv2d, use_winograd

WIDE, HIGH = 41, 30


def both_ways(image: torch.Tensor) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    direct = nn.Sequential(nn.Conv2d(16, 24, 3, padding=1))
    quick = nn.Sequential(nn.Conv2d(16, 24, 3, padding=1))
    quick.load_state_dict(direct.state_dict())
    use_winograd(quick)
    if type(quick[0]) is not WinogradConv2d:
        pytest.skip("this PyTorch has no NNPACK")
    return direct, quick


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_values_and_gradients_are_those_of_the_direct_sum(layout):
    torch.manual_seed(1)
    image = torch.randn(3, 16, HIGH, WIDE).to(memory_format=layout)
    wanted = torch.randn(3, 24, HIGH, WIDE)
    seen = []
    for way in both_ways(image):
        flash = image.clone().requires_grad_()
        relit = way(flash)
        (relit * wanted).sum().backward()
        seen.append([relit.detach(), flash.grad, way[0].weight.grad, way[0].bias.grad])
    for direct, quick in zip(*seen, strict=True):
        torch.testing.assert_close(quick, direct, rtol=1e-4, atol=1e-4 * float(direct.abs().max()))


def test_the_bias_is_added_and_each_image_is_its_own():
    image = torch.zeros(2, 16, HIGH, WIDE)
    image[1, 0, 10, 10] = 1
    _, quick = both_ways(image)
    with torch.no_grad():
        relit = quick(image)
    torch.testing.assert_close(relit[0], quick[0].bias.detach()[:, None, None].expand_as(relit[0]))
    torch.testing.assert_close(
        relit[1, :, 9:12, 9:12] - quick[0].bias.detach()[:, None, None],
        quick[0].weight.detach()[:, 0].flip(1, 2),
        atol=1e-5,
        rtol=1e-4,
    )


def test_a_frozen_layer_passes_the_gradient_on_and_keeps_none():
    image = torch.randn(1, 16, HIGH, WIDE, requires_grad=True)
    _, quick = both_ways(image)
    quick.requires_grad_(False)
    quick(image).sum().backward()
    assert image.grad is not None
    assert quick[0].weight.grad is None


def test_only_plain_3x3_convolutions_wide_enough_change_and_small_images_go_the_usual_way():
    layers = [nn.Conv2d(16, 16, 3, stride=2, padding=1), nn.Conv2d(16, 16, 1), nn.Conv2d(3, 16, 3, padding=1)]
    for layer in layers:
        use_winograd(layer)
        assert type(layer) is nn.Conv2d
    direct, quick = both_ways(torch.empty(0))
    small = torch.randn(1, 16, 9, 70)
    assert torch.equal(direct(small), quick(small))
