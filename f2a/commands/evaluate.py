"""``f2a evaluate``: score weights on flash/ambient pairs."""

import argparse
from pathlib import Path

from f2a.commands.common import add_device_flag, open_relighter, warn


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", required=True, type=Path, metavar="FOLDER", help="folder of flash/ambient pairs")
    help_text = "folders of weights or Hub ids user/model[@revision], one row each (default: bundled)"
    parser.add_argument("--weights", nargs="+", metavar="SRC", help=help_text)
    add_device_flag(parser)
    help_text = "folders of other systems' pictures: NAME.*, NAME_ambient.* or NAME_flash_ambient.*, one row each"
    parser.add_argument("--predictions", nargs="+", type=Path, default=[], metavar="DIR", help=help_text)
    help_text = "add classic methods: grey world, Retinex, CLAHE, LIME (needs scikit-image)"
    parser.add_argument("--baselines", action="store_true", help=help_text)
    help_text = "bring the truth to the standard exposure first (mean sRGB 0.56), as validation in training does"
    parser.add_argument("--normalize_exposure", action="store_true", help=help_text)
    help_text = "folder for report.html, grid.png and scores.csv (needs matplotlib)"
    parser.add_argument("--out", type=Path, metavar="DIR", help=help_text)
    parser.add_argument("--json", type=Path, metavar="FILE", help="file for all scores")


def run(args: argparse.Namespace) -> int:
    from f2a.evaluation.baselines import BASELINES
    from f2a.evaluation.evaluate import evaluate
    from f2a.evaluation.scores import FLASH, TRUTH

    warnings: list[str] = []

    def report(sentence: str) -> None:
        warnings.append(sentence)
        warn(sentence)

    sources = args.weights or [None]
    names = sources if len(sources) > 1 else ["ours"]
    others = {FLASH, TRUTH, *BASELINES}
    names = [f"{name} (weights)" if name in others else name for name in names]
    relighters = {name: open_relighter(source, args.device) for name, source in zip(names, sources, strict=True)}
    table = evaluate(
        args.data,
        relighters,
        report,
        predictions=args.predictions,
        baselines=args.baselines,
        normalize_exposure=args.normalize_exposure,
        out=args.out,
        json=args.json,
    )
    print(table)
    return 1 if warnings else 0
