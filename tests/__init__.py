import os

FSYNC = os.fsync
os.fsync = lambda file: None  # no test cuts the power, and gigabytes of checkpoints take minutes to reach a disk
