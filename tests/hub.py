"""A Hugging Face hub on the loopback interface: models of a folder, with what huggingface_hub asks of it."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

REVISION = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """What is served and how. ``breaks``: names of files whose download is cut off; ``asked``: paths asked for."""

    def __init__(self) -> None:
        self.models: dict[str, Path] = {}
        self.breaks: set[str] = set()
        self.asked: list[str] = []
        self.url = ""

    def files(self, name: str) -> list[str]:
        folder = self.models[name]
        return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@contextmanager
def serving():
    """Give a running Hub."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *words):
            pass

        def do_HEAD(self):
            self.answer(body=False)

        def do_GET(self):
            self.answer(body=True)

        def answer(self, body):
            path = self.path.partition("?")[0].strip("/")
            hub.asked.append(path)
            name = next((name for name in hub.models if name in path), None)
            if name is None:
                self.send(404, b"{}", {"X-Error-Code": "RepoNotFound"}, body)
            elif path.startswith("api/models/"):
                self.api(name, path, body)
            elif path.startswith(f"{name}/resolve/"):
                self.file(name, path.removeprefix(f"{name}/resolve/").partition("/")[2], body)
            else:
                self.send(404, b"{}", {}, body)

        def api(self, name, path, body):
            tree = [
                {"type": "file", "path": file, "size": (hub.models[name] / file).stat().st_size, "oid": "0" * 40}
                for file in hub.files(name)
            ]
            about = {"id": name, "modelId": name, "sha": REVISION, "private": False, "tags": [], "downloads": 0}
            about["siblings"] = [{"rfilename": entry["path"]} for entry in tree]
            self.send(200, json.dumps(tree if "/tree/" in path else about).encode(), {}, body)

        def file(self, name, file, body):
            path = hub.models[name] / file
            if not path.is_file():
                self.send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": REVISION}, body)
                return
            content = path.read_bytes()
            tag = hashlib.sha256(content).hexdigest()
            self.send(200, content, {"ETag": f'"{tag}"', "X-Repo-Commit": REVISION}, body, cut=file in hub.breaks)

        def send(self, status, content, headers, body, cut=False):
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(key, value)
            self.end_headers()
            if body and cut:
                self.wfile.write(content[: len(content) // 2])
                self.wfile.flush()
                self.close_connection = True
                self.connection.close()
            elif body:
                self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
