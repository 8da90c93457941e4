"""Workers share the cores: one thread each, in this process and in those that tests start, which Ctrl-C reaches.

And what several folders of tests need: a browser, and one Label Studio a session. Where they are missing tests are
skipped; CI must have them.
"""

import os
import shutil
import signal
from pathlib import Path

import pytest

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"  # model "auto" fetches nothing; tests of it start a hub of their own

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as a shell starts what runs in its background
    signal.signal(signal.SIGINT, signal.default_int_handler)

import torch  # noqa: E402 - after the variables that it reads
from tests.annotate.server import installed, running  # noqa: E402
from tests.scheduling import ByFile, place  # noqa: E402

torch.set_num_threads(1)


SLOW = (
    "annotate/test_label_studio.py",
    "annotate/test_label_studio_faults.py",
    "annotate/test_label_studio_loop.py",
    "bench/test_bench_features.py",
    "bench/test_bench_lite0.py",
    "bench/test_bench_pretrained.py",
    "bench/test_bench_run.py",
    "bench/test_bench_shared.py",
    "bench/test_bench_smoke.py",
    "benchmarks",
    "cli/test_cli_demo.py",
    "cli/test_cli_embed.py",
    "cli/test_cli_full_disk.py",
    "cli/test_cli_label.py",
    "cli/test_cli_main.py",
    "cli/test_cli_outputs.py",
    "cli/test_cli_project.py",
    "cli/test_cli_scale.py",
    "cli/test_cli_terminal.py",
    "embed",
    "engine",
    "integrations",
    "learner/test_adapt.py",
    "learner/test_torch_learner.py",
    "project/learning",
    "project/report",
    "project/test_project_copies.py",
    "project/test_project_journal.py",
    "reliability",
    "strategies/test_peers_by_hand.py",
    "strategies/test_peers_of_today.py",
    "strategies/test_peers_skactiveml.py",
    "strategies/test_strategy_properties.py",
    "strategies/test_transported.py",
    "test_import.py",
    "test_plan.py",
    "walks",
    "web/test_web_browser.py",
    "web/test_web_jobs.py",
    "web/test_web_limits.py",
    "web/test_web_together.py",
)
"""Folders and files here whose tests start processes, train networks or take more than some seconds: ``make test-fast``
leaves them out, as it does single tests with the mark."""


def pytest_collection_modifyitems(items):
    """Mark what is slow, and begin with what takes longest."""
    here = Path(__file__).parent
    for item in items:
        file = item.path.relative_to(here)
        if any(str(part) in SLOW for part in (file, *file.parents)):
            item.add_marker(pytest.mark.slow)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: place(item.path.relative_to(here).as_posix(), item.path in slow))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    config.option.loadscopereorder = False
    return ByFile(config, log)


def missing(reason):
    """Skip; in CI fail."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium, driven by Playwright."""
    path = shutil.which("chromium")
    if path is None:
        missing("no chromium on this machine; on Debian: apt-get install chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("no playwright; pip install spotal[dev]")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The address of a Label Studio that runs for this session."""
    command = installed()
    if command is None:
        missing("no Label Studio is installed: run make label-studio, or name its command in LABEL_STUDIO_BIN")
    with running(command, tmp_path_factory.mktemp("label-studio")) as url:
        yield url
