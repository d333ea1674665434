"""The patch discriminator, and batch normalisation over several processes."""

import numpy as np
import pytest
import torch
import torch.multiprocessing as multiprocessing
from torch import nn

from f2a.model.discriminator import Discriminator, SharedBatchNorm2d
from tests.support.golden import filled


def test_it_has_the_parameters_of_the_2020_code_no_buffers_and_one_logit_a_patch_of_32_pixels():
    discriminator = Discriminator()
    assert sum(weight.numel() for weight in discriminator.parameters()) == 6_283_649
    assert not list(discriminator.buffers())
    assert discriminator(torch.rand(1, 3, 64, 96)).shape == (1, 1, 2, 3)


def test_its_logits_are_those_of_the_2020_code(shared):
    golden = shared("golden")
    discriminator = Discriminator()
    discriminator.load_state_dict(filled(golden, "discriminator"))
    ambient, attention = (
        nn.functional.interpolate(torch.from_numpy(np.load(golden / f"{name}.npy")), size=(224, 224)).repeat(2, 1, 1, 1)
        for name in ("ambient", "attention")
    )
    expected = torch.from_numpy(np.load(golden / "discriminator_logits.npy"))
    torch.testing.assert_close(discriminator(ambient * attention), expected, rtol=1e-4, atol=1e-4)


def test_alone_it_normalises_as_pytorch_does():
    features = torch.rand(2, 3, 4, 5)
    torch.testing.assert_close(SharedBatchNorm2d(3)(features), nn.BatchNorm2d(3)(features))


def normalise_half(
    process: int, features: torch.Tensor, outputs: torch.Tensor, gradients: torch.Tensor, file: str
) -> None:
    torch.distributed.init_process_group("gloo", f"file://{file}", rank=process, world_size=2)
    norm = SharedBatchNorm2d(3)
    half = features[2 * process : 2 * process + 2].clone().requires_grad_()
    out = norm(half)
    outputs[2 * process : 2 * process + 2] = out.detach()
    (out**3).mean().backward()
    gradients[2 * process : 2 * process + 2] = half.grad
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_with_half_a_batch_normalise_as_one_with_all_of_it(tmp_path):
    features = torch.rand(4, 3, 2, 5, generator=torch.Generator().manual_seed(1)).share_memory_()
    outputs, gradients = torch.zeros(4, 3, 2, 5).share_memory_(), torch.zeros(4, 3, 2, 5).share_memory_()
    multiprocessing.spawn(normalise_half, (features, outputs, gradients, str(tmp_path / "meeting")), nprocs=2)
    whole = features.clone().requires_grad_()
    out = nn.BatchNorm2d(3)(whole)
    (out**3).mean().backward()
    torch.testing.assert_close(outputs, out.detach(), rtol=1e-4, atol=1e-5)
    # each process minimises its own half's mean: twice the share that this half has in the mean of all
    torch.testing.assert_close(gradients / 2, whole.grad, rtol=1e-4, atol=1e-6)
