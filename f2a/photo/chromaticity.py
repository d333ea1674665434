"""Matrices computed from the chromaticities of white points and primaries."""

import numpy as np

Chromaticity = tuple[float, float]
"""CIE 1931 x and y."""
Primaries = tuple[float, float, float, float, float, float, float, float]
"""Chromaticities of white, red, green and blue, in the order of a PNG's ``cHRM``."""

D50: Chromaticity = (0.3457, 0.3585)
D65: Chromaticity = (0.3127, 0.3290)
BT709: Primaries = (*D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)

BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
"""The matrix from XYZ to cone responses, ``(3, 3)``."""


def xyz_of(white: Chromaticity) -> np.ndarray:
    """XYZ of a white point, scaled so that Y is 1."""
    x, y = map(float, white)
    return np.array([x / y, 1, (1 - x - y) / y])


def adaptation(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The Bradford matrix, ``(3, 3)``, from XYZ relative to one white point to XYZ relative to another."""
    cones = BRADFORD @ target / (BRADFORD @ source)
    matrix: np.ndarray = np.linalg.inv(BRADFORD) @ np.diag(cones) @ BRADFORD
    return matrix


def rgb_to_xyz(primaries: Primaries) -> np.ndarray:
    """The matrix, ``(3, 3)``, from linear red, green and blue to XYZ relative to their own white.

    Raises:
        ZeroDivisionError, numpy.linalg.LinAlgError: the primaries are impossible.
    """
    white, *colors = np.reshape(primaries, (4, 2))
    directions = np.stack([[x, y, 1 - x - y] for x, y in colors], 1)
    matrix: np.ndarray = directions * np.linalg.solve(directions, xyz_of(tuple(white)))
    return matrix
