"""``f2a bench``: measures how fast training and relighting are."""
