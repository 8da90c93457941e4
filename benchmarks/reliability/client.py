"""Client of the labeling page's HTTP protocol, without a browser."""

from __future__ import annotations

import http.client
import json
import re
import secrets
import time
from typing import Any
from urllib.parse import quote, urlsplit

from benchmarks.reliability.process import Forked

__all__ = ["Client", "Refused", "address_of"]

HELD, FEW = 200, 100
"""Number of tasks that the page loads, and the number at which it asks for more; as in its session.js."""


class Refused(Exception):
    """The server answered with an error."""


class Client:
    """One browser: a persistent connection, the cookie, and the state.

    ``open`` lists the items that wait for this annotator, in the order of the page.
    """

    def __init__(self, address: str, annotator: str, timeout: float = 60) -> None:
        parts = urlsplit(address)
        assert parts.hostname in ("127.0.0.1", "localhost")
        self.annotator, self.cookie, self.version, self.key = annotator, "", "", ""
        self.open: list[int] = []
        self._end = -1
        self._host, self._port, self._timeout = parts.hostname, parts.port, timeout
        self._connection: http.client.HTTPConnection | None = None
        self._ask("GET", f"/?{parts.query}" if parts.query else "/")

    def state(self) -> dict[str, Any]:
        """Ask for the state as the page does: the changes since the last time, and more tasks if few remain."""
        path = f"/api/state?annotator={quote(self.annotator)}"
        if self.version:
            more = HELD - len(self.open) if len(self.open) < FEW else 0
            path += f"&version={quote(self.version)}&end={self._end}&more={more}"
        state: dict[str, Any] = json.loads(self._ask("GET", path))
        self.version, self.key = state.get("version", ""), state.get("key", self.key)
        if "tasks" in state:  # else nothing has changed
            self._end = state["end"]
            new = [task["number"] for task in state["tasks"]]
            old = [] if "gone" not in state else [number for number in self.open if number not in state["gone"]]
            self.open = list(dict.fromkeys([*old, *state.get("still", ()), *new]))
        return state

    def answer(self, item: int, label: str | None, kind: str = "label") -> str:
        """Answer an item; return the answer's id when the server confirms that it is on disk."""
        return self.send([self.make(item, label, kind)])[0]

    def make(self, item: int, label: str | None, kind: str = "label") -> dict[str, Any]:
        """Make an answer in the format of the page's outbox."""
        said = {"id": secrets.token_hex(16), "annotator": self.annotator, "kind": kind, "item": item}
        return said | ({"label": label} if kind == "label" else {})

    def send(self, answers: list[dict[str, Any]]) -> list[str]:
        """Send answers; return the ids of those that the server acknowledged."""
        body = json.dumps({"project": self.key, "answers": answers})
        results = json.loads(self._ask("POST", "/api/answers", body))["results"]
        failed = [result["error"] for result in results if result.get("error")]
        if failed:
            raise Refused(failed[0])
        said = {answer["item"] for answer in answers}
        self.open = [number for number in self.open if number not in said]
        return [str(result["id"]) for result in results]

    def close(self) -> None:
        """Close the connection; the next request opens a new one."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _ask(self, method: str, path: str, body: str | None = None) -> bytes:
        headers = {"Accept": "text/html" if path[1:2] in ("", "?") else "application/json"}
        headers |= {"Cookie": self.cookie} if self.cookie else {}
        headers |= {"Content-Type": "application/json", "X-Spotal": "1"} if body is not None else {}
        response, content = self._exchange(method, path, body, headers)
        if response.will_close:
            self.close()
        if response.status in (302, 303, 307):
            self.cookie = (response.headers.get("Set-Cookie") or "").partition(";")[0]
            return self._ask(method, response.headers["Location"], body)
        if response.status != 200:
            raise Refused(f"{response.status}: {content[:300]!r}")
        return content

    def _exchange(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> tuple[Any, bytes]:
        """Send and receive; like browsers, retry once with a new connection if the old one was closed."""
        is_kept = self._connection is not None
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
            return response, response.read()
        except ConnectionError:
            self.close()
            if not is_kept:
                raise
            return self._exchange(method, path, body, headers)


def address_of(server: Forked, seconds: float = 60) -> str:
    """Wait for the address that ``spotal label`` prints; empty if the command ended before."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        match = re.search(r"Label at (http://\S+)", server.output())
        if match:
            return match[1]
        if server.done():
            break
        time.sleep(0.005)
    return ""
