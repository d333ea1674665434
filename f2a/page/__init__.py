"""What the page shows and does, for ``app.py``, which alone knows Gradio."""

STARTING = "Loading the libraries and the weights; the page's address follows in a few seconds."
"""Printed first: the libraries alone take seconds, so it stands where none of them is imported."""
