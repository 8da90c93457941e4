"""Guard: access control for every request, and security headers for every response."""

from __future__ import annotations

import hmac
import ipaddress
import socket
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["HEADER", "Guard", "is_loopback"]

HEADER = "x-spotal"
"""A header that other sites cannot send: browsers ask for permission first, and the server never grants it."""
POLICY = (
    "default-src 'self'; img-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
COOKIE_AGE = 30 * 24 * 3600
"""Seconds that a browser keeps its cookie."""
LOCKED = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>spotal label</title></head>
<body>
<h1>This page needs its token</h1>
<p>Open the whole address that <code>spotal label</code> printed in its terminal, including everything after the
question mark. This browser remembers it for 30 days.</p>
<p>Answers in this browser that are not sent yet are kept. They are sent when the page is open again.</p>
</body>
</html>
"""


class Guard:
    """An ASGI middleware that protects the page.

    - The Host header must name this machine or an address. A foreign name that resolves to this machine is refused
      (DNS rebinding).
    - Other sites may link to the page. All other requests from them are refused.
    - The browser sends the token once, in the page's address. It gets a cookie instead, and an address without the
      token. This holds for the same machine too, because other users and programs can reach its ports.
    - Requests that change something must be JSON from the page itself.

    Parameters
    ----------
    app : ASGIApp
    host : str, the address or name that the server listens on
    token : str, at least 16 characters
    cookie : str, name of the cookie, different for each project because all ports share cookies
    """

    def __init__(self, app: ASGIApp, host: str, token: str, cookie: str) -> None:
        self.app, self.token, self.cookie = app, token, cookie
        self.names = {host.lower().strip("[]"), "localhost"}
        self.local = is_loopback(host)
        if not self.local:
            name = socket.gethostname().lower()
            self.names |= {name, f"{name}.local", socket.getfqdn().lower()}
        # derived from the token, so that it is the same after a restart with the same token
        self.session = hmac.new(token.encode(), b"spotal page", "sha256").hexdigest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on to the application."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        answer = self._refusal(scope) or self.app
        await answer(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_own_name(host):
            return _no(403, f"this server is not {host or 'without a name'}; use the address that spotal label printed")
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not _is_visit(scope, headers):
            return _no(403, "this server answers its own page only")
        if scope["path"] == "/" and self._has_token(scope):
            return self._welcome(scope)
        if not self._has_session(headers):
            return _locked(scope, headers)
        if scope["method"] not in ("GET", "HEAD"):
            origin = headers.get("origin")
            if origin is not None and origin.lower() not in (f"http://{host}".lower(), f"https://{host}".lower()):
                return _no(403, f"requests from {origin} change nothing here")
            kind = headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "application/json" or HEADER not in headers:
                return _no(403, f"a request that changes something must be JSON with the header {HEADER}")
        return None

    def _is_own_name(self, host: str) -> bool:
        """Return whether a Host header names this machine. Any port is allowed, since a tunnel may have another."""
        name = host.lower()
        name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
        if name in self.names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not self.local

    def _has_session(self, headers: Headers) -> bool:
        cookie = cookie_parser(headers.get("cookie", "")).get(self.cookie)
        return cookie is not None and hmac.compare_digest(cookie.encode(), self.session.encode())

    def _has_token(self, scope: Scope) -> bool:
        given = dict(_query(scope)).get("token")
        return given is not None and hmac.compare_digest(given.encode(), self.token.encode())

    def _welcome(self, scope: Scope) -> Response:
        """Set the cookie, and redirect to the page's address without the token."""
        response = RedirectResponse(_address(scope), 303)
        secure = scope["scheme"] == "https"
        response.set_cookie(
            self.cookie, self.session, max_age=COOKIE_AGE, httponly=True, samesite="strict", secure=secure
        )
        return response


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach a server that listens on ``host``."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _is_visit(scope: Scope, headers: Headers) -> bool:
    """Return whether a person follows a link to the page; a site that embeds or fetches the page is refused."""
    mode, what = headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")
    return scope["method"] == "GET" and mode == "navigate" and what == "document"


def _locked(scope: Scope, headers: Headers) -> Response:
    """Return the response for a browser that sends no cookie."""
    if "text/html" not in headers.get("accept", ""):
        return _no(
            401, "the token of the project that is served here is missing; open the address that spotal label printed"
        )
    response = HTMLResponse(LOCKED, 401)
    if scope["path"] == "/" and headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        # a link on another site led here, and so the browser sent no cookie; it does when this page loads the address
        response.headers["refresh"] = f"0; url={_address(scope)}"
    return response


def _address(scope: Scope) -> str:
    """Return the page's address without the token."""
    rest = [(key, value) for key, value in _query(scope) if key != "token"]
    return "/" + (f"?{urlencode(rest)}" if rest else "")


def _query(scope: Scope) -> list[tuple[str, str]]:
    return parse_qsl(scope["query_string"].decode("latin-1"))


def _no(status: int, sentence: str) -> Response:
    return JSONResponse({"error": sentence}, status)
