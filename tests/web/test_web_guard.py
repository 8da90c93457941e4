from __future__ import annotations

import asyncio
import re
from urllib.parse import unquote

import pytest
from tests.web.conftest import TOKEN, answer

from spotal.web import create_app
from spotal.web.guard import HEADERS, is_loopback

LOCAL = {"host": "127.0.0.1"}
OPEN = {"host": "0.0.0.0"}


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8642", "127.0.0.1.evil.example", "192.168.1.5", "", "localhost.evil.example:8642"],
)
def test_foreign_host_names_are_refused_everywhere(texts, client, host):
    page = client(texts)
    for path in ("/", "/api/state", "/static/main.js", "/image/0/small"):
        response = page.get(path, headers={"Host": host})
        assert response.status_code == 403
        assert "error" in response.json()


@pytest.mark.parametrize("host", ["127.0.0.1:8642", "localhost:9000", "[::1]:8642", "LOCALHOST"])
def test_names_of_this_machine_are_known(texts, client, host):
    assert client(texts).get("/api/state", headers={"Host": host}).status_code == 200


def test_a_server_for_others_is_known_by_address_but_not_by_foreign_names(texts, client):
    page = client(texts, **OPEN, shown=False)
    assert page.get("/api/state", headers={"Host": "192.168.1.5:8642"}).status_code == 401
    assert page.get("/api/state", headers={"Host": "evil.example"}).status_code == 403


@pytest.mark.parametrize("where", [LOCAL, OPEN])
def test_without_the_token_nothing_is_told(texts, client, where):
    page = client(texts, **where, shown=False)
    for path in ("/", "/?token=wrong", "/?token=", "/?token=%ff", "/?token=%ed%a0%80", f"/?token={TOKEN}&token=x",
                 f"/?token={TOKEN[:-1]}", f"/?token={TOKEN}%00", "/api/state", f"/api/state?token={TOKEN}", "/api/map",
                 "/static/main.js", f"/static/main.js?token={TOKEN}", "/image/0/small", "/nothing"):  # fmt: skip
        response = page.get(path)
        assert response.status_code == 401
        assert "spotal label printed" in response.json()["error"]
        assert "set-cookie" not in response.headers
    body = {"answers": [{"id": "a", "item": 0, "annotator": "ann", "kind": "skip"}]}
    assert page.post("/api/answers", json=body).status_code == 401
    assert texts.labels.history() == []


def test_a_browser_without_the_token_gets_a_page_that_says_what_to_do(texts, client):
    response = client(texts, shown=False).get("/?token=wrong", headers={"Accept": "text/html,*/*;q=0.8"})
    assert response.status_code == 401
    assert response.headers["content-type"].startswith("text/html")
    assert "<code>spotal label</code> printed" in response.text
    assert "refresh" not in response.headers
    assert HEADERS.items() <= dict(response.headers).items()


@pytest.mark.parametrize("where", [LOCAL, OPEN])
def test_the_token_is_exchanged_for_a_cookie_and_leaves_the_address(texts, client, where):
    page = client(texts, **where, shown=False)
    response = page.get(f"/?token={TOKEN}&view=grid")
    assert (response.status_code, response.headers["location"]) == (303, "/?view=grid")
    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    assert page.get("/").status_code == 200
    assert answer(page, 0, id="a")["now"]["label"] == "red"
    later = client(texts, **where, shown=False)  # a restart that keeps the token
    later.cookies = page.cookies
    assert later.get("/api/state").status_code == 200
    other = client(texts, **where, token=TOKEN[::-1], shown=False)
    other.cookies = page.cookies
    assert other.get("/api/state").status_code == 401


@pytest.mark.parametrize(
    "path",
    ["//evil.example/", "///evil.example/", "/%2f/evil.example/", "/\\evil.example/", "//evil.example/%2e%2e", "/.//x/",
     "/https://evil.example/", "//evil.example\\@127.0.0.1/", "/%09//evil.example/", "//"],
)  # fmt: skip
def test_the_token_leads_to_the_page_and_nowhere_else(texts, path):
    # straight to the application: a client would tidy the path
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http"}
    scope |= {"path": unquote(path), "raw_path": path.encode(), "query_string": f"token={TOKEN}".encode()}
    scope |= {"headers": [(b"host", b"127.0.0.1:8642"), (b"accept", b"text/html")], "client": ("127.0.0.1", 5)}
    started = []

    async def receive():
        return {"type": "http.request", "body": b""}

    async def send(message):
        started.append(message)

    asyncio.run(create_app(texts, token=TOKEN)(scope, receive, send))
    headers = dict(started[0]["headers"])
    assert started[0]["status"] == 401
    assert not headers.keys() & {b"location", b"refresh", b"set-cookie"}


def test_what_the_token_came_with_stays_in_the_query(texts, client):
    page = client(texts, shown=False)
    response = page.get(f"/?x=%0d%0aSet-Cookie:%20a=b&token={TOKEN}&y=//evil.example")
    assert response.headers["location"] == "/?x=%0D%0ASet-Cookie%3A+a%3Db&y=%2F%2Fevil.example"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
    ],
)
def test_other_sites_change_nothing(texts, client, headers):
    page = client(texts)
    body = b'{"answers": [{"id": "a", "item": 0, "annotator": "ann", "kind": "skip"}]}'
    given = {"Content-Type": "application/json"} | headers
    assert page.post("/api/answers", content=body, headers=given).status_code == 403
    assert texts.labels.history() == []


def test_the_header_of_the_page_is_needed_and_its_own_origin_is_fine(texts, client):
    page = client(texts)
    key = page.get("/api/state").json()["key"]
    body = {"project": key, "answers": [{"id": "a", "item": 0, "annotator": "ann", "kind": "skip"}]}
    good = {"Origin": "http://127.0.0.1:8642", "Sec-Fetch-Site": "same-origin"}
    assert page.post("/api/answers", json=body, headers=good).status_code == 200
    del page.headers["X-Spotal"]
    assert page.post("/api/answers", json=body, headers=good).status_code == 403
    asked = page.options(
        "/api/answers", headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    )
    assert asked.status_code == 403
    assert not [name for name in asked.headers if name.startswith("access-control")]


def test_other_sites_may_link_to_the_page_and_embed_nothing(texts, client):
    page = client(texts)
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert page.get("/", headers=link).status_code == 200
    assert page.get("/", headers=link | {"Sec-Fetch-Dest": "iframe"}).status_code == 403
    embed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    assert page.get("/image/0/small", headers=embed).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e%2f%2e%2e%2fproject/schema.py",
        "/static//etc/passwd",
        "/image/..%2f..%2fproject.sqlite/small",
        "/image/0/..%2f..%2fspotal.toml",
        "/image/-1/small",
        "/image/99999/small",
        "/image/99999999999999999999999999/small",
        "/image/0/huge",
        "/image/0.png",
        "/spotal.toml",
        "/project.sqlite",
    ],
)
def test_nothing_but_the_page_and_the_projects_images_is_served(images, client, path):
    response = client(images).get(path)
    assert response.status_code in (400, 404)
    assert b"import" not in response.content
    assert b"root:" not in response.content


def test_what_is_no_image_is_not_served(images, texts, client):
    assert client(texts).get("/image/0/small").status_code == 404
    secret = images.folder / "secret.txt"
    secret.write_text("a secret")
    photo = images.items.file(images.items.get("p00.png"))
    photo.unlink()
    photo.symlink_to(secret)
    response = client(images).get("/image/0/small")
    assert response.status_code == 404
    assert b"a secret" not in response.content


def test_every_response_carries_the_headers_and_the_page_needs_nothing_from_elsewhere(images, client):
    page = client(images)
    for path in ("/", "/api/state", "/static/main.js", "/image/0/small", "/nothing", "/static/nothing"):
        response = page.get(path)
        for name, value in HEADERS.items():
            assert response.headers[name] == value
        assert "cache-control" in response.headers
    assert "default-src 'self'" in HEADERS["content-security-policy"]
    html = page.get("/").text
    assert not re.search(r"<script(?! type=\"module\" src=)|<style|\son\w+=|\sstyle=", html)
    for address in re.findall(r'(?:src|href)="([^"]+)"', html):
        assert not re.match(r"(\w+:|//)", address)
        if address.startswith("static/"):
            assert page.get(f"/{address}").status_code == 200


def test_errors_tell_no_more_than_a_sentence(texts, client, monkeypatch):
    monkeypatch.setattr(type(texts.rounds), "all", lambda *_: 1 / 0)
    page = client(texts)
    page._transport.raise_server_exceptions = False
    response = page.get("/api/state")
    assert response.status_code == 500
    assert "Traceback" not in response.text


def test_loopback():
    assert all(map(is_loopback, ("127.0.0.1", "localhost", "::1", "[::1]", "127.3.2.1")))
    assert not any(map(is_loopback, ("0.0.0.0", "192.168.1.5", "::", "example.org", "")))


@pytest.mark.parametrize("other", ["a/b=1", "a,b=2", "path=/; expires=3", "=", "\x7f=4"])
def test_cookies_of_other_servers_on_this_machine_do_no_harm(texts, client, other):
    page = client(texts)
    own = "; ".join(f"{name}={value}" for name, value in page.cookies.items())
    page.cookies.clear()
    assert page.get("/api/state", headers={"Cookie": other}).status_code == 401
    assert page.get("/api/state", headers={"Cookie": f"{other}; {own}"}).status_code == 200
