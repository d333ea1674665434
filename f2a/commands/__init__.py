"""``python -m f2a COMMAND``: a module each, with its help, flags and run; only running imports what is heavy."""
