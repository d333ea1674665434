"""``python -m f2a COMMAND``: one module each, with its help, flags and run; heavy imports wait until it runs."""
