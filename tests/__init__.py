import os

FSYNC = os.fsync
os.fsync = lambda file: None  # no test cuts the power, and syncing gigabytes of checkpoints to a disk takes minutes
