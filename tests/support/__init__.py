"""What several tests share: files and programs of other makers, servers, and photos that are hard to read."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""
