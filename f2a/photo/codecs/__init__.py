"""One file for each format that Pillow alone does not read or write as it should."""
