"""``f2a explain``: describe what relighting would change in a photo, and where."""

import argparse
from pathlib import Path

from f2a.commands.common import add_weights_flags, open_relighter, warn
from f2a.errors import printable
from f2a.relight.controls import add_control_flags, controls_of


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("photo", type=Path, metavar="PHOTO", help="a flash photo")
    help_text = "write a picture of the change to this file; its colours are stops"
    parser.add_argument("--picture", type=Path, metavar="FILE", help=help_text)
    parser.add_argument("--overwrite", action="store_true", help="replace a picture that exists")
    add_control_flags(parser)
    add_weights_flags(parser)


def run(args: argparse.Namespace) -> int:
    from f2a.files import is_same_file
    from f2a.photo import Photo, PhotoError, PhotoFile, check_target, read_photo, write_photo

    controls = controls_of(args)
    try:
        if args.picture:
            check_target(args.picture, args.overwrite)
            if is_same_file(args.picture, args.photo):
                raise PhotoError(args.photo, f"its picture would replace {args.picture}; choose another output")
        file = read_photo(args.photo)
        prepared = open_relighter(args.weights, args.device).prepare(file.photo)
        explanation = prepared.explain(file.metadata.flash_fired(), controls)
        width, height = file.photo.size
        print(printable(f"{args.photo}: {width} x {height} pixels."))
        print("\n".join(explanation.lines))
        if args.picture:
            picture = Photo.from_pil(explanation.picture())
            write_photo(picture, args.picture, PhotoFile(args.photo, "PNG", picture), args.overwrite)
    except PhotoError as error:
        warn(str(error))
        return 1
    return 0
