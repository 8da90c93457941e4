"""A real Label Studio on loopback, and a proxy in front of it that fails on demand."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TOKEN = "0123456789abcdef0123456789abcdef01234567"
USER, PASSWORD = "first@example.com", "correct horse"
PATIENCE = 400
"""Seconds to wait for the server on a busy machine; it needs about 25 on an idle one."""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def installed():
    """The server's command, or None."""
    root = Path(__file__).parents[2]
    named = os.environ.get("LABEL_STUDIO_BIN")
    path = Path(named) if named else root / ".venv-label-studio" / "bin" / "label-studio"
    return path if path.exists() else None


@contextlib.contextmanager
def running(command, folder):
    """The server's address while it runs; all its processes are gone after."""
    port = free_port()
    env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ} | {
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "FEATURE_FLAGS_OFFLINE": "true",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "DJANGO_DB": "sqlite",
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder / "data"),
        "LABEL_STUDIO_USERNAME": USER,
        "LABEL_STUDIO_PASSWORD": PASSWORD,
        "LABEL_STUDIO_USER_TOKEN": TOKEN,
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "ML_BLOCK_LOCAL_IP": "false",
        "SSRF_PROTECTION_ENABLED": "false",
        "LOCAL_FILES_SERVING_ENABLED": "true",
        "LOCAL_FILES_DOCUMENT_ROOT": str(folder.parent),
    }
    words = [str(command), "start", "--no-browser", "--port", str(port), "--internal-host", "127.0.0.1"]
    url = f"http://127.0.0.1:{port}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, env=env, stdout=log, stderr=log, start_new_session=True, cwd=folder)
        try:
            end = time.monotonic() + PATIENCE
            while not healthy(url):
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"Label Studio did not start:\n{(folder / 'log').read_text()[-3000:]}")
                time.sleep(0.5)
            yield url
        finally:
            for kind in (signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, kind)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(10)


def healthy(url):
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False


class Proxy:
    """Passes requests on. ``fault(method, path)`` may name one: "refuse" (status 500), "lose" (passed on, then status
    500), "late" (passed on, and its answer held back) or "slow" (held back, never passed on).
    """

    def __init__(self, url):
        self.target = url.removeprefix("http://")
        self.fault = lambda method, path: None
        self.hold = threading.Event()
        handler = type("Handler", (_Handler,), {"proxy": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.hold.set()
        self.server.shutdown()
        self.server.server_close()


class _Handler(BaseHTTPRequestHandler):
    proxy: Proxy

    def _pass(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.proxy.fault(self.command, self.path)
        if fault == "slow":
            self.proxy.hold.wait(60)
            return
        if fault == "refuse":
            self._send(500, {}, b"{}")
            return
        connection = http.client.HTTPConnection(self.proxy.target, timeout=300)
        connection.request(self.command, self.path, body, {**dict(self.headers), "Host": self.proxy.target})
        answer = connection.getresponse()
        content = answer.read()
        if fault == "late":
            self.proxy.hold.wait(60)
            return
        if fault == "lose":
            self._send(500, {}, b"{}")
            return
        self._send(answer.status, {"Content-Type": answer.getheader("Content-Type", "")}, content)

    def _send(self, status, headers, content):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _pass

    def log_message(self, *words):
        pass
