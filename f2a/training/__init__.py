"""The parts of a training that know nothing of accelerate; ``train_accelerate.py`` puts them together."""
