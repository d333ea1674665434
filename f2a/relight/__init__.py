"""Turns flash photos into relit ones: the network's gain at full size, the controls, whole folders."""
