"""``python -m f2a bench``: how fast training and relighting are."""
