"""``python -m f2a``."""

import sys

from f2a.cli import main

if __name__ == "__main__":
    sys.exit(main())
