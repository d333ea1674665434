"""``f2a watch``: relight the photos that appear in a folder, until Ctrl-C."""

import argparse
import signal
from pathlib import Path

from f2a.commands.common import warn
from f2a.commands.relight import add_photo_flags, check_photo_flags, relight_function
from f2a.errors import F2aError, printable


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder to watch; its subfolders are ignored")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="folder for the results")
    add_photo_flags(parser)


def run(args: argparse.Namespace) -> int:
    from f2a.files import is_folder, make_folder
    from f2a.photo import names_a_file
    from f2a.relight.watch import watch_folder

    check_photo_flags(args)
    if not args.folder.is_dir():
        raise F2aError(f"{args.folder}: not a folder; create it or name another")
    output = Path(args.output)
    if names_a_file(output) and not is_folder(args.output):
        raise F2aError(f"{args.output}: looks like a file; name a folder for the results")
    photos = watch_folder(args.folder)
    relight, counts, ours = relight_function(args, 1), {"relit": 0, "failed": 0}, set[Path]()
    make_folder(output)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # like Ctrl-C
    warn(f"watching {args.folder}; Ctrl-C ends it")
    try:
        for photo in photos:
            report = lambda note, photo=photo: warn(f"{photo}: {note}")  # noqa: E731
            try:
                relit = relight(photo, output, overwrite=args.overwrite or photo in ours, report=report)
            except F2aError as error:
                counts["failed"] += 1
                warn(str(error))
            else:
                counts["relit"] += 1
                ours.add(photo)
                print(printable(str(relit)), flush=True)
    except KeyboardInterrupt:
        pass
    finally:
        warn(f"{counts['relit']} relit, {counts['failed']} failed")
    return 1 if counts["failed"] else 0
