"""``f2a dataset push``: upload flash/ambient pairs to the Hub."""

import argparse
from pathlib import Path

from f2a.commands.common import add_push, tell


def add_flags(parser: argparse.ArgumentParser) -> None:
    push = add_push(parser, "make a Hub dataset from a folder of flash/ambient pairs")
    push.add_argument(
        "folder", type=Path, metavar="FOLDER", help="folder of pairs, or of train/, val/ and test/ folders"
    )
    push.add_argument("repo_id", metavar="REPO_ID", help="user/data, created if it does not exist")
    push.add_argument(
        "--license", default="other", metavar="WORD", help="the photos' license, as the Hub spells it (default: other)"
    )


def run(args: argparse.Namespace) -> int:
    from f2a.publish.dataset import push_dataset

    print(push_dataset(args.folder, args.repo_id, tell, private=args.private, license=args.license))
    return 0
