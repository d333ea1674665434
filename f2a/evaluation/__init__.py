"""``python -m f2a evaluate``: pictures of any system against the truth, as a table, as files and as a report."""
