"""The f2a page: a flash photograph in, the same photograph in the light of the room out. Run ``python app.py``.

Environment: ``F2A_WEIGHTS`` is a folder or a Hub id, ``user/model`` or ``user/model@revision`` (default: the weights
that ship with f2a); ``F2A_EXAMPLES`` a folder of pairs or a Hub dataset (default: the rendered pairs that ship with
f2a); ``F2A_WAITING`` how many visitors may wait in line (default: 40); ``F2A_KEEP_S`` how many seconds their files stay
(default: 3000); ``GRADIO_SERVER_NAME`` and ``GRADIO_SERVER_PORT`` say where the page listens (default: 127.0.0.1:7860).
"""

import argparse
import os
from importlib.util import find_spec

try:  # before torch: on a ZeroGPU Space it prepares CUDA, elsewhere it is not installed
    import spaces
except ImportError:
    spaces = None

from f2a.page.server import SettingError, read_settings, run_page

GPU_SECONDS = 10
"""What a ZeroGPU Space is asked for; a photo takes a fraction of a second."""


def main() -> None:
    """Load the weights and serve the page."""
    parser = argparse.ArgumentParser(description="Serve the f2a page.")
    parser.add_argument("--mcp", action="store_true", help="serve MCP tools too (pip install gradio[mcp])")
    args = parser.parse_args()
    if args.mcp and not find_spec("mcp"):
        parser.error('--mcp needs the MCP library: pip install "gradio[mcp]"')
    try:
        run_page(read_settings(os.environ), args.mcp, spaces.GPU(duration=GPU_SECONDS) if spaces else None)
    except SettingError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
