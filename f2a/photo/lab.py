"""CIE Lab, under any white, to sRGB."""

import numpy as np

from f2a.photo.icc import srgb_encoded

Chromaticity = tuple[float, float]
D50, D65 = (0.3457, 0.3585), (0.3127, 0.3290)

BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
XYZ_TO_SRGB = np.array(
    [[3.2404542, -1.5371385, -0.4985314], [-0.9692660, 1.8760108, 0.0415560], [0.0556434, -0.2040259, 1.0572252]]
)
"""To linear light, under D65."""


def lab_to_srgb(lab: np.ndarray, white: Chromaticity = D50) -> np.ndarray:
    """``(..., 3)``, lightness from 0 to 100 first, to sRGB in [0, 1], clipped there.

    Args:
        white: x and y of the white that the lightness 100 stands for; adapted to sRGB's own after Bradford.
    """
    y = (lab[..., :1] + 16) / 116
    xyz = np.concatenate([y + lab[..., 1:2] / 500, y, y - lab[..., 2:] / 200], -1)
    xyz = np.where(xyz > 6 / 29, xyz**3, 3 * (6 / 29) ** 2 * (xyz - 4 / 29)) * _xyz(white)
    adapted = np.linalg.inv(BRADFORD) @ np.diag(BRADFORD @ _xyz(D65) / (BRADFORD @ _xyz(white))) @ BRADFORD
    return srgb_encoded(xyz @ (XYZ_TO_SRGB @ adapted).T)


def _xyz(white: Chromaticity) -> np.ndarray:
    x, y = white
    return np.array([x / y, 1, (1 - x - y) / y])
