"""Clients that are slow, many, broken or gone: the page answers others, and the log has no traceback."""

from __future__ import annotations

import errno
import socket
import struct
import threading
import time
from contextlib import ExitStack, contextmanager, suppress

import pytest
from tests.web.conftest import TOKEN

from spotal.web import create_app
from spotal.web.serving import BACKLOG, limited_server, most_connections

HEAD = b"Host: 127.0.0.1\r\nContent-Type: application/json\r\nX-Spotal: 1\r\n"


@contextmanager
def served(project, **limits):
    """The page on a port of its own, and the cookie that a browser has: where, cookie, server."""
    app = create_app(project, annotator="ann", token=TOKEN)
    listener = socket.create_server(("127.0.0.1", 0))
    server = limited_server(app, log="error", **limits)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        where = listener.getsockname()
        until(lambda: server.started)
        said = ask(where, f"GET /?token={TOKEN} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        cookie = said.partition(b"set-cookie: ")[2].partition(b";")[0]
        yield where, b"Cookie: " + cookie + b"\r\n", server
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()
    assert not thread.is_alive()


def until(reached, seconds=30):
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.01)


def ask(where, sent):
    with socket.create_connection(where, timeout=30) as connection:
        connection.sendall(sent)
        return rest(connection)


def rest(connection):
    """All that comes until the server closes the connection."""
    said = b""
    try:
        while part := connection.recv(65_536):
            said += part
    except OSError as error:
        assert error.errno == errno.ECONNRESET  # noqa: PT017
    return said


def state(where, cookie):
    said = ask(where, b"GET /api/state HTTP/1.1\r\nConnection: close\r\n" + HEAD + cookie + b"\r\n")
    return said.startswith(b"HTTP/1.1 200 ")


def test_idle_connections_do_not_keep_others_out(texts):
    with served(texts, most=50, patience=2.0) as (where, cookie, server), ExitStack() as held:
        begun = time.monotonic()
        idle = [held.enter_context(socket.create_connection(where, timeout=30)) for _ in range(300)]
        for connection in idle[::2]:
            connection.send(b"GET /api/state HTTP/1.1\r\nX-Slow: ")  # and never the rest
        assert state(where, cookie)
        assert len(server.server_state.connections) <= 51
        if time.monotonic() - begun < 2:
            assert len(server.server_state.connections) >= 40
        assert [rest(connection) for connection in idle] == [b""] * 300
        until(lambda: not server.server_state.connections)


def test_a_head_that_comes_byte_by_byte_is_cut_off(texts):
    with served(texts, patience=0.5) as (where, _, _), socket.create_connection(where, timeout=30) as slow:
        begun = time.monotonic()
        with suppress(OSError):
            while time.monotonic() < begun + 20:
                slow.send(b"G")
                time.sleep(0.05)
        assert time.monotonic() < begun + 10


def test_a_body_that_does_not_come_is_given_up(texts):
    post = b"POST /api/answers HTTP/1.1\r\nContent-Length: 99\r\n" + HEAD
    with served(texts, patience=0.5) as (where, cookie, server):
        assert ask(where, post + b"\r\n{").startswith(b"HTTP/1.1 401 ")  # and closed
        with socket.create_connection(where, timeout=30) as slow:
            slow.sendall(post + cookie + b"\r\n{")
            time.sleep(1.0)  # longer than a head may take
            slow.sendall(b" " * 98)
            assert slow.recv(15).startswith(b"HTTP/1.1 400 ")
        until(lambda: not server.server_state.connections)


def test_a_client_that_takes_no_response_is_cut_off(texts):
    with served(texts, patience=60, body_patience=0.5) as (where, cookie, server), socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        deaf.connect(where)
        deaf.settimeout(0.2)
        with suppress(OSError):
            while True:  # many requests, and no answer is read
                deaf.sendall(b"GET /static/main.js HTTP/1.1\r\n" + HEAD + cookie + b"\r\n")
        until(lambda: not server.server_state.connections)


@pytest.mark.parametrize("reset", [False, True])
def test_clients_that_hang_up_leave_no_traceback(texts, reset, capfd):
    chunked = b"Transfer-Encoding: chunked\r\n"
    with served(texts) as (where, cookie, server):
        own = HEAD + cookie
        for sent in (
            b"",
            b"GET /api/st",
            b"POST /api/answers HTTP/1.1\r\nContent-Length: 99\r\n" + own + b"\r\n{",
            b"POST /api/answers HTTP/1.1\r\n" + chunked + own + b"\r\n1\r\n{\r\n",
            b"POST /api/answers HTTP/1.1\r\n" + chunked + own + b"\r\nZZ\r\n",
            b"GET /static/main.js HTTP/1.1\r\n" + own + b"\r\n",
            b"GET /api/state HTTP/1.1\r\n" + own + b"\r\n" + b"GET /api/map HTTP/1.1\r\n" + own + b"\r\n",
            b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + own + b"\r\n",
            b"\x16\x03\x01\x02\x00\x01",
        ):
            for wait in (0, 0.1):
                with socket.create_connection(where, timeout=30) as gone:
                    gone.sendall(sent)
                    time.sleep(wait)
                    if reset:
                        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with socket.create_connection(where, timeout=30) as broken:  # in the middle of a request that was answered
            broken.sendall(b"GET /api/state HTTP/1.1\r\n" + chunked + own + b"\r\n")
            broken.recv(10)
            broken.sendall(b"ZZ\r\n")
            rest(broken)
        assert state(where, cookie)
        until(lambda: not server.server_state.connections)
    assert capfd.readouterr().err == ""


def test_connections_leave_files_for_others():
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        for soft in (256, 1_024):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
            most = most_connections()
            now = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
            assert now == min(4_096, before[1])
            assert 16 <= most <= 512
            assert BACKLOG + 2 * most < now
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
