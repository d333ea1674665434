"""``f2a serve``: serve the page."""

import argparse
import os

from f2a.errors import F2aError
from f2a.page import STARTING


def add_flags(parser: argparse.ArgumentParser) -> None:
    help_text = "address to listen on (default: 127.0.0.1, for this computer only; 0.0.0.0: for the network)"
    parser.add_argument("--host", metavar="ADDRESS", help=help_text)
    parser.add_argument(
        "--port", type=int, metavar="N", help="port to listen on (default: the first free one from 7860)"
    )
    help_text = "give the page a public address for a week, through Gradio's servers"
    parser.add_argument("--share", action="store_true", help=help_text)
    parser.add_argument("--mcp", action="store_true", help="serve MCP tools too")


def run(args: argparse.Namespace) -> int:
    if args.port is not None and not 1 <= args.port <= 65_535:
        raise F2aError(f"--port is {args.port}: give a number from 1 to 65535")
    print(STARTING, flush=True)
    from f2a.page.server import read_settings, run_page

    overrides = {name: value for name in ("host", "port", "share", "mcp") if (value := getattr(args, name))}
    run_page(read_settings(os.environ)._replace(**overrides))
    return 0
