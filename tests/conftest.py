"""What the tests share: the data beside the checkout (skipped visibly where it is absent) and small photos."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("MKL_CBWR", "AUTO")  # as train_accelerate.py sets it; MKL reads it once, at its first use
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

# The same examples every time, however long a busy machine takes for one.
no_limits = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]}
settings.register_profile("f2a", derandomize=True, **no_limits)
settings.load_profile("f2a")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """All tests are shared by as many processes as there are cores, four at most; named ones run in this process."""
    return min(4, os.cpu_count() or 1) if config.args_source is pytest.Config.ArgsSource.TESTPATHS else 0


LONGEST = ("page/test_faults.py", "training/test_processes.py", "training/test_faults.py", "page/test_corpus.py")
"""Files with tests of minutes, which come first: at the end they would leave all processes but one idle."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.partition("::")[0].endswith(LONGEST))


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """``shared("golden")`` is a folder of the research data, or the reason why the test is skipped."""

    def find(name: str) -> Path:
        if not (SHARED / name).exists():
            pytest.skip(f"needs the research data: shared/{name} is not beside this checkout")
        return SHARED / name

    return find


@pytest.fixture(autouse=True)
def seeded() -> None:
    """The same random tensors, whatever was run before."""
    torch.manual_seed(0)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C is not ignored, as it is by what a shell starts in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubStub]:
    """A Hub on loopback, with which this process talks until the test ends."""
    with HubStub() as running:
        running.in_process(monkeypatch)
        yield running


@pytest.fixture
def photo() -> Image.Image:
    """7 wide, 5 high, RGB: red rises from left to right, green from top to bottom, blue is constant."""
    red, green = np.meshgrid(np.arange(7) * 40, np.arange(5) * 60)
    return Image.fromarray(np.stack([red, green, np.full_like(red, 90)], -1).astype(np.uint8))


def brightening_checkpoint(log_gain: float = 0.5) -> Checkpoint:
    """A compact generator that has learnt nothing but one constant log-gain."""
    torch.manual_seed(0)
    checkpoint = Checkpoint(GeneratorConfig())
    bias = 4 * np.arctanh(log_gain / 4)
    torch.nn.init.constant_(checkpoint.generator.head.convolution.bias, bias)
    return checkpoint


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights whose every log-gain is 0.5 (half precision: to three digits)."""
    folder = tmp_path_factory.mktemp("weights")
    brightening_checkpoint().save(folder)
    return folder


@pytest.fixture(scope="session")
def relighter(weights: Path) -> Relighter:
    return Relighter.from_pretrained(weights, device="cpu")
