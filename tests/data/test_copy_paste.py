import numpy as np
import pytest
import torch

from f2a.data.augment import Crops
from f2a.data.cache import CachedPair
from f2a.data.copy_paste import paste_objects, silhouette
from f2a.data.sampling import MixtureSampler, WeightedSource
from tests.support.pairs import plain_crops

SIDE = 48
RED, BLUE = (torch.tensor(color).reshape(3, 1, 1) for color in ([0.4, 0.1, 0.1], [0.1, 0.1, 0.4]))


def pasted(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return flash and ambient light with blue objects on red walls."""
    wall, object = RED.expand(3, SIDE, SIDE), BLUE.expand(3, SIDE, SIDE)
    return paste_objects(wall, wall, torch.stack([object, object]), np.random.default_rng((seed,)))


def walls_and_objects(image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the masks of pixels in an image of :func:`pasted` that are only wall, and only object."""
    return image[0] > 3 * image[2], image[2] > 3 * image[0]


@pytest.mark.parametrize("seed", range(8))
def test_objects_cover_the_same_pixels_of_both_photos(seed):
    flash, ambient = pasted(seed)
    walls, objects = walls_and_objects(ambient)
    hidden = objects & (flash[2] > 3 * flash[0])
    assert hidden.sum() == objects.sum()
    assert not (walls & (flash[2] > 3 * flash[0])).any()


def test_the_flash_photo_alone_has_hard_shadows_on_its_walls():
    darkest = []
    for seed in range(12):
        flash, ambient = pasted(seed)
        walls, _ = walls_and_objects(ambient)
        assert (ambient[0][walls] >= 0.4 * (1 - 0.3) ** 3 - 1e-6).all()  # soft: at most 0.3 for each of three
        darkest.append(float(flash[0][walls].min()) / 0.4)
    assert sum(light < 0.6 for light in darkest) >= 6
    assert min(darkest) > 0.06**3 * 0.5  # the light of the room is left


def test_a_shadow_lies_to_one_side_of_its_objects():
    flash, ambient = pasted(3)
    walls, objects = walls_and_objects(ambient)
    shadow = walls & (flash[0] < 0.8 * ambient[0])
    assert shadow.any()
    places = torch.stack(torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")).float()
    offset = places[:, shadow].mean(1) - places[:, objects].mean(1)
    assert offset.norm() > 1


@pytest.mark.parametrize("side", [6, 33, 96])
def test_silhouettes_are_of_many_sizes_and_all_within_0_and_1(side):
    shapes = [silhouette(side, np.random.default_rng((seed,))) for seed in range(24)]
    assert all(shape.shape == (1, side, side) and shape.min() >= 0 and shape.max() <= 1 for shape in shapes)
    assert len({round(float(shape.mean()), 3) for shape in shapes}) > 10


def test_a_crop_with_objects_is_a_function_of_seed_and_draw():
    random = np.random.default_rng(0)
    pairs = [CachedPair(str(n), *random.integers(0, 255, (2, 20, 30, 3), np.uint8), 1.0) for n in range(3)]
    mixture = MixtureSampler([WeightedSource(pairs, 1.0)], 5)
    crops, plain = (Crops(mixture, plain_crops(16, copy_paste=share)) for share in (1.0, 0.0))
    assert crops[4].flash.equal(crops[4].flash)
    assert not crops[4].flash.equal(plain[4].flash)
