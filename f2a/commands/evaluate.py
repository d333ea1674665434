"""The flags of ``python -m f2a evaluate``; nothing heavy is imported for them."""

import argparse
from pathlib import Path


def add_evaluate_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", required=True, type=Path, metavar="FOLDER", help="folder of flash/ambient pairs")
    what = "folders of weights or Hub ids user/model[@revision], a row each (default: bundled)"
    parser.add_argument("--weights", nargs="+", metavar="SRC", help=what)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    what = "folders of another system's pictures: NAME.*, NAME_ambient.* or NAME_flash_ambient.*, a row each"
    parser.add_argument("--predictions", nargs="+", type=Path, default=[], metavar="DIR", help=what)
    what = "rows of classic methods: grey world, Retinex, CLAHE, LIME (needs scikit-image)"
    parser.add_argument("--baselines", action="store_true", help=what)
    what = "bring the truth to the standard exposure first (mean sRGB 0.56), as training validates"
    parser.add_argument("--normalize_exposure", action="store_true", help=what)
    what = "folder for report.html, grid.png and scores.csv (needs matplotlib)"
    parser.add_argument("--out", type=Path, metavar="DIR", help=what)
    parser.add_argument("--json", type=Path, metavar="FILE", help="file for all figures")
