"""``python -m f2a``."""

import os
import sys

from f2a.cli import main

# PyTorch's threads else spin while they wait for each other: beside other programs that is tens of times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if __name__ == "__main__":
    sys.exit(main())
