"""The f2a page as a Space starts it: ``python app.py`` serves the same page as ``f2a serve``.

Environment: ``F2A_WEIGHTS`` is a folder or a Hub id, ``user/model`` or ``user/model@revision`` (default: the weights
that ship with f2a); ``F2A_EXAMPLES`` is a folder of pairs or a Hub dataset (default: the pairs that ship with f2a);
``F2A_WAITING`` is how many visitors may wait (default: 40); ``F2A_KEEP_S`` is how many seconds their files are kept
(default: 3000); ``GRADIO_SERVER_NAME`` and ``GRADIO_SERVER_PORT`` say where the page listens (default: 127.0.0.1:7860).
"""

import argparse
import os

try:  # before torch: on a ZeroGPU Space it prepares CUDA, elsewhere it is not installed
    import spaces
except ImportError:
    spaces = None

from f2a.cli import wait_briefly
from f2a.errors import F2aError, missing_library
from f2a.page import STARTING

GPU_SECONDS = 10
"""Seconds requested of a ZeroGPU Space per call; a photo takes a fraction of a second."""


def main() -> None:
    """Load the weights and serve the page."""
    parser = argparse.ArgumentParser(description="Serve the f2a page.")
    parser.add_argument("--mcp", action="store_true", help="serve MCP tools too")
    args = parser.parse_args()
    print(STARTING, flush=True)
    wait_briefly()
    try:
        from f2a.page.server import read_settings, run_page

        settings = read_settings(os.environ)
        run_page(settings._replace(mcp=settings.mcp or args.mcp), spaces.GPU(duration=GPU_SECONDS) if spaces else None)
    except ModuleNotFoundError as error:
        raise SystemExit(missing_library(error)) from None
    except F2aError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
