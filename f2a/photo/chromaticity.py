"""From chromaticities to matrices: of white points and primaries, with numpy and nothing of photos."""

import numpy as np

Chromaticity = tuple[float, float]
"""x and y of CIE 1931."""
Primaries = tuple[float, float, float, float, float, float, float, float]
"""The chromaticities of white, red, green and blue, in the order of a PNG's ``cHRM``."""

D50: Chromaticity = (0.3457, 0.3585)
D65: Chromaticity = (0.3127, 0.3290)
BT709: Primaries = (*D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)

BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
"""From XYZ to the responses of cones."""


def xyz_of(white: Chromaticity) -> np.ndarray:
    """XYZ of a white point, whose Y is 1."""
    x, y = map(float, white)
    return np.array([x / y, 1, (1 - x - y) / y])


def adaptation(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """``(3, 3)``: from XYZ beside one white point to XYZ beside another, after Bradford."""
    cones = BRADFORD @ target / (BRADFORD @ source)
    matrix: np.ndarray = np.linalg.inv(BRADFORD) @ np.diag(cones) @ BRADFORD
    return matrix


def rgb_to_xyz(primaries: Primaries) -> np.ndarray:
    """``(3, 3)``: linear red, green and blue to XYZ beside their own white.

    Raises:
        ZeroDivisionError, numpy.linalg.LinAlgError: the primaries are impossible.
    """
    white, *colors = np.reshape(primaries, (4, 2))
    directions = np.stack([[x, y, 1 - x - y] for x, y in colors], 1)
    matrix: np.ndarray = directions * np.linalg.solve(directions, xyz_of(tuple(white)))
    return matrix
