"""CIE Lab, under any white, to sRGB."""

import numpy as np

from f2a.photo.chromaticity import BT709, D50, D65, Chromaticity, adaptation, rgb_to_xyz, xyz_of
from f2a.photo.icc import srgb_encoded


def lab_to_srgb(lab: np.ndarray, white: Chromaticity = D50) -> np.ndarray:
    """``(..., 3)``, lightness from 0 to 100 first, to sRGB in [0, 1], clipped there.

    Args:
        white: that the lightness 100 stands for; adapted to sRGB's own after Bradford.
    """
    y = (lab[..., :1] + 16) / 116
    xyz = np.concatenate([y + lab[..., 1:2] / 500, y, y - lab[..., 2:] / 200], -1)
    xyz = np.where(xyz > 6 / 29, xyz**3, 3 * (6 / 29) ** 2 * (xyz - 4 / 29)) * xyz_of(white)
    to_srgb = np.linalg.inv(rgb_to_xyz(BT709)) @ adaptation(xyz_of(white), xyz_of(D65))
    return srgb_encoded(xyz @ to_srgb.T)
