"""``python -m f2a ablate``: the paper's component analysis, rerun: what each part of a system contributes."""
