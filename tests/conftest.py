"""Fixtures shared by the tests: the research data next to the checkout (tests are skipped without it), small photos."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("MKL_CBWR", "AUTO")  # as train_accelerate.py sets it; MKL reads it only once, at its first use
if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 0)):  # each and its children keep to their share of cores
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))

from f2a.cli import wait_briefly

wait_briefly()

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from PIL import Image

from f2a.config import GeneratorConfig
from f2a.model.checkpoint import Checkpoint
from f2a.relight.relighter import Relighter
from tests.support import ROOT
from tests.support.hub_stub import HubStub

SHARED = ROOT.parent / "shared"

# The same examples every time, without a deadline, which a busy machine would miss.
no_limits = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]}
settings.register_profile("f2a", derandomize=True, **no_limits)
settings.load_profile("f2a")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Share a run of all tests among as many processes as cores, four at most; run named tests in this process."""
    return min(4, os.cpu_count() or 1) if config.args_source is pytest.Config.ArgsSource.TESTPATHS else 0


LONGEST = ("page/test_faults.py", "training/test_processes.py", "training/test_faults.py", "page/test_corpus.py")
"""Files with tests that take minutes; they run first, since at the end they would leave all but one process idle."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.partition("::")[0].endswith(LONGEST))


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """``shared("golden")`` returns a folder of the research data, or skips the test if it is missing."""

    def find(name: str) -> Path:
        if not (SHARED / name).exists():
            pytest.skip(f"needs the research data: shared/{name} is not beside this checkout")
        return SHARED / name

    return find


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Give each test the same random tensors, whatever ran before it."""
    torch.manual_seed(0)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let Ctrl-C interrupt this process: those that a shell starts in the background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubStub]:
    """A Hub on loopback that this process uses until the test ends."""
    with HubStub() as running:
        running.in_process(monkeypatch)
        yield running


@pytest.fixture
def photo() -> Image.Image:
    """7 wide, 5 high, RGB: red rises from left to right, green from top to bottom, blue is constant."""
    red, green = np.meshgrid(np.arange(7) * 40, np.arange(5) * 60)
    return Image.fromarray(np.stack([red, green, np.full_like(red, 90)], -1).astype(np.uint8))


def brightening_checkpoint(log_gain: float = 0.5) -> Checkpoint:
    """A compact generator that predicts a constant log-gain."""
    torch.manual_seed(0)
    checkpoint = Checkpoint(GeneratorConfig())
    bias = 4 * np.arctanh(log_gain / 4)
    torch.nn.init.constant_(checkpoint.generator.head.convolution.bias, bias)
    return checkpoint


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights that predict a log-gain of 0.5 everywhere (to three digits, in half precision)."""
    folder = tmp_path_factory.mktemp("weights")
    brightening_checkpoint().save(folder)
    return folder


@pytest.fixture(scope="session")
def relighter(weights: Path) -> Relighter:
    return Relighter.from_pretrained(weights, device="cpu")
