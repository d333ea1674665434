"""``f2a COMMAND``: one module each, whose docstring is its help; heavy imports wait until it runs."""
