"""The parts of a training run, assembled by ``train_accelerate.py``."""
