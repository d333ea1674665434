"""The map that guides the losses."""

import numpy as np
import torch

from f2a.training.losses import attention_map


def test_where_the_photos_agree_it_is_one_and_it_falls_by_the_mean_difference():
    flash, ambient = torch.zeros(1, 3, 1, 2), torch.zeros(1, 3, 1, 2)
    ambient[0, :, 0, 1] = torch.tensor([0.3, 0.6, 0.0])
    assert attention_map(flash, ambient).shape == (1, 1, 1, 2)
    torch.testing.assert_close(attention_map(flash, ambient).flatten(), torch.tensor([1.0, 0.7]))


def test_it_is_that_of_the_2020_code(shared):
    flash, ambient, expected = (
        torch.from_numpy(np.load(shared("golden") / f"{name}.npy")) for name in ("flash", "ambient", "attention")
    )
    torch.testing.assert_close(attention_map(flash, ambient), expected, rtol=0, atol=1e-6)
