"""``f2a COMMAND``: one module per command; its docstring is its help, and heavy imports wait until it runs."""
