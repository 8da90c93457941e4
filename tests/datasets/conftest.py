"""Where the real data are, and a server on loopback."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from datasets_helpers import lacking

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture
def cifar10_folder() -> Path:
    roots = [Path(os.environ["SPOTAL_DATA"])] if os.environ.get("SPOTAL_DATA") else []
    for root in [*roots, SHARED]:
        if (root / "cifar10" / "test.parquet").is_file():
            return root / "cifar10"
    lacking("CIFAR-10")


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No data on this machine but what a test puts into the cache, whose folder this is."""
    monkeypatch.delenv("SPOTAL_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("spotal.datasets.fashion_mnist.DEBIAN", str(tmp_path / "debian"))
    return tmp_path / "cache" / "spotal"


class Server:
    """Answers with ``pages`` and counts requests; ``short`` cuts replies below what their header says."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.short = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append(self.path)
                if self.path not in outer.pages:
                    self.send_error(404)
                    return
                content = outer.pages[self.path]
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) - outer.short])

            def log_message(self, *_: object) -> None: ...

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.http.shutdown()
    thread.join()
    made.http.server_close()
