"""The parts of a training run, which ``train_accelerate.py`` puts together."""
