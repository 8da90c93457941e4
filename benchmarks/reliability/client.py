"""Client: the labeling page's own HTTP protocol, without a browser."""

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
"""Tasks that the page holds, and how many are so few that it asks for more; as in its session.js."""


class Refused(Exception):
    """The server answered with an error."""


class Client:
    """One browser: a connection that is kept, the cookie, and what is known of the state.

    ``open`` holds the items that wait for this annotator, in the order of asking.
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
        """The state as the page asks for it: what changed since the last time, and more tasks where few are left."""
        path = f"/api/state?annotator={quote(self.annotator)}"
        if self.version:
            more = HELD - len(self.open) if len(self.open) < FEW else 0
            path += f"&version={quote(self.version)}&end={self._end}&more={more}"
        found: dict[str, Any] = json.loads(self._ask("GET", path))
        self.version, self.key = found.get("version", ""), found.get("key", self.key)
        if "tasks" in found:  # else nothing is new
            self._end = found["end"]
            told = [task["number"] for task in found["tasks"]]
            kept = [] if "gone" not in found else [number for number in self.open if number not in found["gone"]]
            self.open = list(dict.fromkeys([*kept, *found.get("still", ()), *told]))
        return found

    def answer(self, item: int, label: str | None, kind: str = "label") -> str:
        """Answer an item; the answer's id once the server says that it is on disk."""
        return self.send([self.make(item, label, kind)])[0]

    def make(self, item: int, label: str | None, kind: str = "label") -> dict[str, Any]:
        """An answer as the page's outbox holds it."""
        said = {"id": secrets.token_hex(16), "annotator": self.annotator, "kind": kind, "item": item}
        return said | ({"label": label} if kind == "label" else {})

    def send(self, answers: list[dict[str, Any]]) -> list[str]:
        """Send answers; the ids of those that the server acknowledged."""
        body = json.dumps({"project": self.key, "answers": answers})
        results = json.loads(self._ask("POST", "/api/answers", body))["results"]
        failed = [result["error"] for result in results if result.get("error")]
        if failed:
            raise Refused(failed[0])
        said = {answer["item"] for answer in answers}
        self.open = [number for number in self.open if number not in said]
        return [str(result["id"]) for result in results]

    def close(self) -> None:
        """Hang up; whoever asks again connects anew."""
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
        """Send and receive; once more over a new connection where the kept one was closed meanwhile, as browsers do."""
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
    """The address that ``spotal label`` prints, once it is there; empty where it ended before."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        found = re.search(r"Label at (http://\S+)", server.output())
        if found:
            return found[1]
        if server.done():
            break
        time.sleep(0.005)
    return ""
