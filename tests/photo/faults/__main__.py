"""``python -m tests.photo.faults``: make every file, relight it, and write docs/photo_faults.md.

If numbers follow, only the files of these kinds are made; the other rows are kept.
"""

import sys

from tests.photo.faults.table import KINDS, write_document

if __name__ == "__main__":
    write_document({int(kind) for kind in sys.argv[1:]} or set(range(1, len(KINDS) + 1)))
