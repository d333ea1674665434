"""The Gradio page that ``app.py`` serves; nothing outside this folder and ``app.py`` imports Gradio."""

STARTING = "Loading the libraries and the weights; the page's address follows in a few seconds."
"""Line printed before anything else; it is defined here, where no library is imported, as that takes seconds."""
