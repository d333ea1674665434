"""``python -m tests.photo.faults``: make every file, relight it, and write docs/photo_faults.md."""

from tests.photo.faults.table import write_document

if __name__ == "__main__":
    write_document()
