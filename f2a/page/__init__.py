"""What the page shows and does, for ``app.py``, which alone knows Gradio."""
