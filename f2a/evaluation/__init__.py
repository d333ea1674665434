"""``f2a evaluate``: compares any system's pictures with the truth, in a table, files and a report."""
