"""``python -m f2a COMMAND``: the flags of each command; nothing heavy is imported for them."""
