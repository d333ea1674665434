"""``f2a space push``: publish the page on the Hub."""

import argparse

from f2a.commands.common import add_push, tell


def add_flags(parser: argparse.ArgumentParser) -> None:
    push = add_push(parser, "create or update a Space on the Hub with the page")
    push.add_argument("repo_id", metavar="REPO_ID", help="user/space, created if it does not exist")
    push.add_argument("--weights", metavar="ID", help="user/model[@revision], pinned to its commit (default: bundled)")
    push.add_argument("--examples", metavar="ID", help="user/dataset[@revision] of pairs (default: bundled)")
    push.add_argument("--hardware", metavar="WORD", help="zero-a10g, cpu-basic, ..., as the Hub spells it")
    push.add_argument("--dry-run", action="store_true", help="print what would be uploaded and set; change nothing")


def run(args: argparse.Namespace) -> int:
    from f2a.publish.space import Space, describe, plan_space, push_space

    space = Space(args.repo_id, args.weights, args.examples, args.hardware, args.private)
    contents = plan_space(space)
    print(describe(contents) if args.dry_run else push_space(space, contents))
    for note in contents.notes:
        tell(note)
    return 0
