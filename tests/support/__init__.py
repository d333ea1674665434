"""Helpers shared by several tests: files and programs of others, servers, and photos that are hard to read."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""Root of the checkout."""
