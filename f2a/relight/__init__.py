"""A flash photo in, the relit photo out: the network's gain at full size, the controls, whole folders."""
