"""The page in a real browser: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import signal
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from functools import partial

import pytest
import uvicorn
from tests.forks import COMMAND, python
from tests.web.conftest import TOKEN, make_images, paint_images, predict
from tests.web.slow_tasks import OURS

from spotal.images import find_images
from spotal.project import Pick
from spotal.web import create_app
from spotal.web.setup import Setup

MANY = tuple(f"class {k}" for k in range(1, 31))
COLORS = ("black-tailed", "pied", "gray", "red", "blue", "golden", "great", "lesser")
BIRDS = ("tern", "grosbeak", "finch", "albatross", "teal")
TORN = """(selector) => {
  // words of labels that lie on more than one line, or do not show as a whole
  const torn = [];
  for (const label of document.querySelectorAll(selector)) {
    const { right } = label.getBoundingClientRect();
    for (const node of label.childNodes) {
      for (const { 0: word, index } of node.textContent.matchAll(/[^ -]+/g)) {
        const range = document.createRange();
        range.setStart(node, index);
        range.setEnd(node, index + word.length);
        if (range.getClientRects().length > 1 || range.getBoundingClientRect().right > right + 1) torn.push(word);
      }
    }
  }
  return torn;
}"""


@pytest.fixture
def visit(browser):
    """A page at an address, in a browser of its own; any error in it fails the test."""
    contexts, errors = [], []

    def visit(address, context=None, ready=".frame, .finished", **options):
        if context is None:
            contexts.append(browser.new_context(reduced_motion="reduce", **options))
            context = contexts[-1]
            context.set_default_timeout(60_000)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(error))
        page.goto(address)
        page.locator(ready).first.wait_for()
        return page

    yield visit
    for context in contexts:
        context.close()
    assert errors == []


class Live:
    """The server of an application, in a thread, on a port that stays the same."""

    def __init__(self, app):
        self.app = app
        self.lost = None
        """Whose answers' "reply" gets lost, or the "request" itself."""
        self.port = free_port()
        self.page = f"http://127.0.0.1:{self.port}/"
        self.address = f"{self.page}?token={TOKEN}"

    def start(self):
        self.server = uvicorn.Server(
            uvicorn.Config(
                self.serve,
                interface="asgi3",
                port=self.port,
                log_level="critical",
                timeout_graceful_shutdown=1,
                lifespan="off",
            )
        )
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        wait(lambda: self.server.started)

    def stop(self):
        self.server.should_exit = True
        self.thread.join()

    async def serve(self, scope, receive, send):
        lost = self.lost if scope.get("path") == "/api/answers" else None
        if lost == "request":
            await self.hang_up(send)
        elif lost == "reply":
            await self.app(scope, receive, self.unheard)
            await self.hang_up(send)
        else:
            await self.app(scope, receive, send)

    async def unheard(self, message):
        pass

    async def hang_up(self, send):
        """Close the connection in the middle of a response."""
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
        raise ConnectionAbortedError


@contextmanager
def served(app):
    server = Live(app)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        (server.app if isinstance(server.app, Setup) else server.app.state.jobs).close()


def live(project, **options):
    return served(create_app(project, **{"annotator": "ann", "token": TOKEN} | options))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def shown(page, item):
    """Wait until that item and its picture show."""
    page.locator(f".frame img[alt='Item {item}']").wait_for()
    until(page, "((image) => image.complete && image.naturalWidth > 0)(document.querySelector('.frame img'))")


def until(page, condition):
    """Wait until a condition holds in the page; Playwright's own way is against the page's policy."""
    wait(lambda: page.evaluate(condition))


def saved(page, project, labeled):
    """Wait until so many items are labeled, and the page knows."""
    wait(lambda: project.counts().labeled == labeled)
    until(page, "!document.body.classList.contains('saving')")


def said(project):
    return [(event.item, event.kind, event.label) for event in project.labels.history()]


def linked(body, route):
    route.fulfill(content_type="text/html", body=body)


def done(page):
    page.get_by_role("heading", name="This batch is done").wait_for()


def test_a_batch_is_labeled_by_keyboard_alone_and_each_answer_is_on_disk_before_the_next_item(images, visit):
    predict(images)
    with live(images) as server:
        page = visit(server.address)
        for k, (key, word) in enumerate(
            [("1", ("label", "red")), ("g", ("label", "green")), ("s", ("skip", None)), ("n", ("none_of_these", None)),
             ("3", ("label", "blue"))]
        ):  # fmt: skip
            shown(page, f"p0{k}.png")
            assert len(images.labels.history()) == k
            page.keyboard.press(key)
            wait(lambda k=k: len(images.labels.history()) == k + 1)
            assert said(images)[-1] == (f"p0{k}.png", *word)
        done(page)
        assert page.get_by_role("button", name="Choose the next batch").is_enabled()
        page.get_by_role("progressbar", name="Batch: 5 of 5").wait_for()
        assert "No items left to answer" in page.inner_text("#said")
        page.keyboard.press("1")  # keys do nothing now
        page.keyboard.press("u")
        wait(lambda: len(images.labels.history()) == 6)
        assert images.labels.history()[-1].undoes == 5


def test_the_model_is_shown_with_its_guess_and_why_and_the_map_in_words(images, visit):
    predict(images, "green", 0.7)
    with live(images) as server:
        page = visit(server.address)
        shown(page, "p00.png")
        why = page.inner_text("#why")
        assert "Represents 3 images of 12" in why
        assert "70 %" in why
        assert page.locator("#why img[alt='p03.png']").count() == 1
        assert "70 %" in page.get_by_role("button", name="green").inner_text()
        assert "right about random items" in page.inner_text("#curve")
        page.keyboard.press("1")
        shown(page, "p01.png")
        until(
            page,
            "document.querySelector('#map-text').textContent.startsWith('1 labeled, 4 waiting for an answer')",
        )
        assert page.get_by_role("list", name="Labeled items by class").inner_text().split() == ["red", "1"]
        painted = (
            "[...document.querySelector('#map').getContext('2d').getImageData(0, 0, 300, 200).data].some((v) => v)"
        )
        assert page.evaluate(painted)


def test_reloading_in_the_middle_goes_on_where_one_was_and_undo_still_reaches_back(images, visit):
    with live(images) as server:
        page = visit(server.address)
        for k in range(2):
            shown(page, f"p0{k}.png")
            page.keyboard.press("2")
        shown(page, "p02.png")
        page.reload()
        shown(page, "p02.png")
        page.keyboard.press("u")
        shown(page, "p01.png")
        page.keyboard.press("u")
        shown(page, "p00.png")
        assert images.counts().labeled == 0
        page.keyboard.press("u")
        until(page, "document.querySelector('#said').textContent.includes('Nothing to undo')")
        page.keyboard.press("3")
        shown(page, "p01.png")
        assert [row.label for row in images.labels.standings().values()] == ["blue"]
        assert len(images.labels.history()) == 5


def test_an_answer_can_be_changed_and_undone(images, visit):
    with live(images) as server:
        page = visit(server.address)
        shown(page, "p00.png")
        page.keyboard.press("1")
        shown(page, "p01.png")
        page.keyboard.press("ArrowLeft")
        shown(page, "p00.png")
        assert "Your answer: red" in page.inner_text(".notice")
        assert page.get_by_role("button", name="red").get_attribute("aria-pressed") == "true"
        page.keyboard.press("2")
        shown(page, "p01.png")
        page.keyboard.press("u")
        shown(page, "p00.png")
        page.get_by_text("Your answer: red").wait_for()
        assert images.labels.standings()["p00.png"].label == "red"


def test_an_item_answered_soon_after_its_undo_does_not_come_back(images, visit):
    with live(images) as server:
        page = visit(server.address)
        shown(page, "p00.png")
        page.keyboard.press("1")
        shown(page, "p01.png")
        saved(page, images, 1)
        held, holding = [], [True]
        page.route("**/api/state*", lambda route: held.append(route) if holding else route.continue_())
        page.keyboard.press("u")
        shown(page, "p00.png")
        page.locator("body:not(.saving)").wait_for()
        page.keyboard.press("2")  # before the page has heard what the undo changed
        shown(page, "p01.png")
        wait(lambda: page.evaluate("1") and held)
        with page.expect_response(lambda answer: "/api/state" in answer.url and answer.request != held[0].request):
            holding.clear()
            for route in held:
                route.continue_()
        page.wait_for_timeout(200)
        shown(page, "p01.png")


def test_two_tabs_at_once_share_the_batch(images, visit):
    with live(images) as server:
        first = visit(server.address)
        second = visit(server.address, first.context)
        shown(first, "p00.png")
        shown(second, "p00.png")
        first.keyboard.press("1")
        shown(first, "p01.png")
        second.get_by_text("Answered meanwhile").wait_for()  # what one looks at is never swapped under one's fingers
        second.keyboard.press("ArrowRight")
        shown(second, "p01.png")
        second.keyboard.press("2")
        shown(second, "p02.png")
        first.get_by_text("Answered meanwhile").wait_for()
        first.keyboard.press("ArrowRight")
        shown(first, "p02.png")
        assert said(images) == [("p00.png", "label", "red"), ("p01.png", "label", "green")]


def test_a_lost_server_is_said_plainly_and_nothing_is_lost_or_sent_twice(images, visit):
    with live(images) as server:
        page = visit(server.address)
        shown(page, "p00.png")
        page.wait_for_load_state("networkidle")
        server.stop()
        page.keyboard.press("1")
        shown(page, "p01.png")
        banner = page.get_by_role("alert").filter(has_text="cannot be reached")
        banner.wait_for()
        assert "1 answer waiting" in banner.inner_text()
        page.keyboard.press("2")
        shown(page, "p02.png")
        page.keyboard.press("3")
        shown(page, "p03.png")
        page.keyboard.press("u")
        shown(page, "p02.png")
        assert "4 answers waiting" in banner.inner_text()
        assert images.labels.history() == []
        server.start()
        page.get_by_text("The server is back: 4 kept answers saved").wait_for()
        standing = {row.item: row.label for row in images.labels.standings().values()}
        assert standing == {"p00.png": "red", "p01.png": "green"}
        assert len(images.labels.history()) == 4
        shown(page, "p02.png")
        page.keyboard.press("1")
        shown(page, "p03.png")
        assert len(images.labels.history()) == 5


def test_a_batch_that_ends_without_the_server_is_not_called_saved(images, visit):
    with live(images) as server:
        page = visit(server.address)
        shown(page, "p00.png")
        page.wait_for_load_state("networkidle")
        server.stop()
        for k in range(5):
            shown(page, f"p0{k}.png")
            page.keyboard.press("1")
        done(page)
        assert "5 answers not saved yet" in page.inner_text(".finished")
        server.start()
        page.get_by_text("Round 1 is answered. Every answer is saved.").wait_for()
        assert images.counts().labeled == 5
        page.keyboard.press("ArrowLeft")
        shown(page, "p04.png")


def test_answers_outlive_a_closed_tab_and_a_reply_that_got_lost(images, visit):
    with live(images) as server:
        page = visit(server.address)
        shown(page, "p00.png")
        server.lost = "reply"  # the answer arrives and is recorded
        page.keyboard.press("1")
        shown(page, "p01.png")
        assert said(images) == [("p00.png", "label", "red")]
        server.lost = "request"
        page.keyboard.press("2")
        shown(page, "p02.png")
        context = page.context
        page.close()
        server.lost = None
        again = visit(server.address, context)
        shown(again, "p02.png")
        again.get_by_text("The server is back: 2 kept answers saved").wait_for()  # in the banner; they are spoken too
        assert said(images) == [("p00.png", "label", "red"), ("p01.png", "label", "green")]


def test_another_project_at_the_same_address_gets_no_answers(images, texts, visit):
    with live(images) as server:
        page = visit(server.address)
        shown(page, "p00.png")
        page.wait_for_load_state("networkidle")
        server.stop()
        page.keyboard.press("1")
        shown(page, "p01.png")
        own, server.app = server.app, create_app(texts, annotator="ann", token=TOKEN)
        server.start()
        page.get_by_role("alert").filter(has_text="he token of the project that is served here is missing").wait_for()
        page.context.request.get(server.address)  # as somebody does who opens the other project beside it
        page.get_by_role("alert").filter(has_text="nother project is served").wait_for()
        page.keyboard.press("2")
        shown(page, "p02.png")
        server.stop()
        server.app = own
        server.start()
        page.get_by_text("The server is back: 2 kept answers saved").wait_for()
        assert texts.labels.history() == []
        assert said(images) == [("p00.png", "label", "red"), ("p01.png", "label", "green")]


def test_an_answer_that_cannot_be_recorded_is_said_and_holds_up_no_other(images, visit):
    with live(images) as server:
        page = visit(server.address)
        shown(page, "p00.png")
        key = page.evaluate("fetch('api/state').then((r) => r.json()).then((s) => s.key)")
        for k, kept in enumerate(('{"id": "x", "item": "none"}', '{"id": "y", "item": 4, "annotator": "ann", '
                                  '"kind": "label", "label": "gone"}')):  # fmt: skip
            page.evaluate("([key, kept]) => localStorage.setItem(key, kept)", [f"spotal/{key}/0-{k}", kept])
        page.keyboard.press("1")
        shown(page, "p01.png")
        page.get_by_role("alert").filter(has_text="An answer was not recorded").wait_for()
        assert said(images) == [("p00.png", "label", "red")]
        assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('spotal/')).length") == 0


def test_kill_9_of_the_command_and_back(tmp_path, visit):
    with make_images(tmp_path) as project:
        port = free_port()
        words = ["label", project.folder, "--port", port, "--no-browser", "--annotator", "ann"]

        def start():
            process = python(COMMAND, *words, stdout=subprocess.PIPE, text=True)
            assert process.stdout is not None
            line = ""
            while not line.startswith("Label at"):
                line = process.stdout.readline()
                assert line, "the command ended"
            return process, line.removeprefix("Label at ").strip()

        process, address = start()
        try:
            page = visit(address)
            shown(page, "p00.png")
            page.keyboard.press("1")
            shown(page, "p01.png")
            page.wait_for_load_state("networkidle")
            process.kill()
            process.wait()
            page.keyboard.press("2")
            shown(page, "p02.png")
            page.get_by_role("alert").filter(has_text="cannot be reached").wait_for()
            process, _ = start()
            page.get_by_text("The server is back: 1 kept answer saved").wait_for()
            assert said(project) == [("p00.png", "label", "red"), ("p01.png", "label", "green")]
            process.send_signal(signal.SIGINT)
            rest, _ = process.communicate(timeout=30)
            assert process.returncode == 0
            assert "Stopped; 2 labeled" in rest
        finally:
            process.kill()
            process.communicate()


def test_phone_width_by_touch(images, visit):
    predict(images)
    with live(images) as server:
        page = visit(server.address, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
        shown(page, "p00.png")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        small = """[...document.querySelectorAll('button')].filter((b) => b.offsetParent)
            .map((b) => b.getBoundingClientRect()).filter((r) => r.width < 42 || r.height < 42).length"""
        assert page.evaluate(small) == 0
        page.get_by_role("button", name="blue").tap()
        shown(page, "p01.png")
        page.get_by_role("button", name="Undo").tap()
        shown(page, "p00.png")
        page.get_by_role("button", name="Grid").tap()
        for k in range(3):
            page.locator(".tile").nth(k).tap()
        page.get_by_text("3 marked").wait_for()
        page.get_by_role("button", name="green").tap()
        saved(page, images, 3)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_grid_by_keyboard(images, visit):
    with live(images) as server:
        page = visit(server.address)
        shown(page, "p00.png")
        page.keyboard.press("v")
        first = page.get_by_role("option").first
        first.wait_for()
        until(page, "document.activeElement.classList.contains('tile')")
        until(page, "[...document.querySelectorAll('.tile img')].every((i) => i.naturalWidth)")
        page.keyboard.press("Space")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Space")
        page.get_by_text("2 marked").wait_for()
        page.keyboard.press("3")
        saved(page, images, 2)
        until(page, "document.activeElement.getAttribute('aria-label') === 'p02.png'")
        page.keyboard.press("1")
        saved(page, images, 3)
        page.keyboard.press("u")
        saved(page, images, 2)
        page.keyboard.press("u")  # what was answered together is taken back together
        saved(page, images, 0)
        page.keyboard.press("Home")
        page.keyboard.press("Enter")
        shown(page, "p00.png")


def test_earlier_answers_are_filtered_and_corrected_singly_or_many_at_once(images, visit):
    for k, label in enumerate(["red", "red", "blue", "red"]):
        images.labels.record(f"p0{k}.png", label, annotator="bob" if k == 3 else "ann")
    images.rounds.add([Pick("p07.png")], strategy="spot", n_labeled=4)
    images.labels.record("p07.png", "red", annotator="ann")
    with live(images) as server:
        page = visit(server.address)
        page.get_by_role("button", name="Answers").click()
        page.get_by_text("5 answered items").wait_for()
        assert page.get_by_role("button", name="green").is_disabled()
        page.get_by_label("Round").select_option("Round 1")
        page.get_by_label("Person").select_option("ann")
        page.get_by_label("Answer", exact=True).select_option("red")
        page.get_by_text("2 answered items").wait_for()
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Mark all 2").click()
        page.get_by_role("button", name="green").click()
        page.get_by_text("0 answered items").wait_for()
        assert [images.labels.standings()[f"p0{k}.png"].label for k in range(4)] == ["green", "green", "blue", "red"]
        page.get_by_label("Answer", exact=True).select_option("All answers")
        page.get_by_label("Part of the name or text").fill("P02")
        page.get_by_text("1 answered item.").wait_for()
        page.locator(".tile").click()
        page.keyboard.press("1")
        until(page, "document.querySelector('.tile .chip').textContent === 'red'")
        wait(lambda: images.labels.standings()["p02.png"].label == "red")
        page.get_by_role("button", name="Undo").click()
        wait(lambda: images.labels.standings()["p02.png"].label == "blue")
        until(page, "document.querySelector('.tile .chip').textContent === 'blue'")
        page.get_by_role("button", name="One", exact=True).click()
        shown(page, "p04.png")


def test_undo_into_an_earlier_round_asks_before_it_takes_anything_back(images, visit):
    with live(images) as server:
        page = visit(server.address)
        for k in range(5):
            shown(page, f"p0{k}.png")
            page.keyboard.press("1")
        done(page)
        images.rounds.add([Pick("p07.png"), Pick("p08.png")], strategy="spot", n_labeled=5)
        shown(page, "p07.png")
        page.keyboard.press("2")
        shown(page, "p08.png")
        page.keyboard.press("u")  # of this round: at once
        shown(page, "p07.png")
        page.keyboard.press("u")
        dialog = page.get_by_role("dialog", name="Undo an earlier answer?")
        dialog.get_by_text("Your answer about p04.png is from round 1.").wait_for()
        page.keyboard.press("Enter")  # keeps it
        dialog.wait_for(state="hidden")
        assert images.counts().labeled == 5
        page.keyboard.press("u")
        dialog.get_by_role("button", name="Undo it").click()
        shown(page, "p04.png")
        assert images.counts().labeled == 4


def test_the_page_says_what_a_correction_of_somebody_elses_answer_does(images, visit):
    images.labels.record("p00.png", "red", annotator="bob")
    images.labels.record("p01.png", "green", annotator="ann")
    predict(images, "green", 0.7)
    with live(images) as server:
        page = visit(server.address)
        page.get_by_role("button", name="Answers").click()
        page.get_by_text("2 answered items").wait_for()
        page.locator(".tile", has_text="green").click()
        assert page.locator(".notice").is_hidden()
        page.locator(".tile", has_text="green").click()
        page.get_by_label("Model").select_option("Model disagrees")
        page.locator(".tile", has_text="model: green 70 %").click()
        page.locator(".notice", has_text="1 marked item was answered by bob. Your answer does not replace").wait_for()
        page.keyboard.press("2")
        wait(lambda: images.labels.standings()["p00.png"].state == "conflict")
        page.get_by_text("0 answered items").wait_for()  # somebody agrees with the model now


def test_what_the_model_is_sure_of_is_confirmed_in_a_strip(tmp_path, visit):
    with make_images(tmp_path, n=30, picks=3) as project:
        for item, label in (("p01.png", "green"), ("p03.png", "red"), ("p05.png", "blue")):
            project.labels.record(item, label, annotator="bob")
        predict(project, "green", 0.97)
        with live(project) as server:
            page = visit(server.address)
            shown(page, "p00.png")
            page.get_by_role("button", name="Confirm", exact=True).click()
            strip = page.get_by_role("group", name="Look-alikes, suggested as green")
            strip.wait_for()
            until(page, "[...document.querySelectorAll('.strip img')].every((i) => i.naturalWidth)")
            tiles = strip.get_by_role("button")
            names = [tiles.nth(k).get_attribute("aria-label") for k in range(tiles.count())]
            assert set(names) == {f"p{k:02d}.png" for k in range(4, 30, 3)}
            page.keyboard.press("1")  # means nothing here
            tiles.nth(1).click()
            page.get_by_role("button", name="Confirm 8 items as green").click()
            page.get_by_role("heading", name="Nothing to confirm now").wait_for()
            saved(page, project, 11)
            events = [event for event in project.labels.history() if event.annotator == "ann"]
            assert {(event.item, event.source, event.label) for event in events} == {
                (name, "suggestion", "green") for k, name in enumerate(names) if k != 1
            }
            page.get_by_role("button", name="Undo").click()
            saved(page, project, 3)
            page.get_by_role("button", name="One", exact=True).click()
            shown(page, "p00.png")


def test_confirmations_are_kept_while_the_server_is_away(tmp_path, visit):
    with make_images(tmp_path, n=30, picks=3) as project:
        for item, label in (("p01.png", "green"), ("p03.png", "red"), ("p05.png", "blue")):
            project.labels.record(item, label, annotator="bob")
        predict(project, "green", 0.97)
        with live(project) as server:
            page = visit(server.address)
            page.get_by_role("button", name="Confirm", exact=True).click()
            page.get_by_role("button", name="Confirm 9 items as green").wait_for()
            until(page, "[...document.querySelectorAll('.strip img')].every((i) => i.naturalWidth)")
            page.wait_for_load_state("networkidle")
            server.stop()
            page.keyboard.press("Enter")
            page.get_by_role("alert").filter(has_text="9 answers waiting").wait_for()
            page.get_by_role("heading", name="Suggestions come when the server is back").wait_for()
            server.start()
            page.get_by_text("The server is back: 9 kept answers saved").wait_for()
            assert project.labels.sources() == {"suggestion": 9, "page": 3}
            page.get_by_role("heading", name="Nothing to confirm now").wait_for()


def test_a_folder_of_photos_becomes_a_project_on_the_page(tmp_path, visit):
    paint_images(tmp_path / "photos", 30)
    app = Setup(find_images(tmp_path / "photos"), tmp_path / "photos-labels", token=TOKEN, annotator="ann")
    with served(app) as server:
        page = visit(server.address, ready="#classes")
        page.get_by_text("30 images in").wait_for()
        button = page.get_by_role("button", name="Start labeling")
        assert button.is_disabled()
        page.get_by_label("Names of the classes").fill("red")
        page.get_by_text("1 class: give at least two").wait_for()
        page.get_by_label("Names of the classes").fill("red\n\ngreen\nred\n blue ")
        page.get_by_text("3 classes", exact=True).wait_for()
        button.click()
        page.locator(".frame img").wait_for(timeout=300_000)
        until(page, "document.querySelector('.frame img').naturalWidth > 0")
        page.keyboard.press("3")
        wait(lambda: app.project.counts().labeled == 1)
        assert said(app.project)[0][1:] == ("label", "blue")


def test_the_picture_is_enlarged_and_moved(images, visit):
    with live(images) as server:
        page = visit(server.address)
        shown(page, "p00.png")
        box = page.locator(".frame").bounding_box()
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        width = "document.querySelector('.frame img').getBoundingClientRect().width"
        whole = page.evaluate(width)
        page.get_by_role("button", name="Zoom in", exact=True).click()
        assert abs(page.evaluate(width) / whole - 1.6) < 0.01
        left = "document.querySelector('.frame img').getBoundingClientRect().left"
        before = page.evaluate(left)
        page.mouse.move(*middle)
        page.mouse.down()
        page.mouse.move(middle[0] + 40, middle[1], steps=4)
        page.mouse.up()
        assert abs(page.evaluate(left) - before - 40) < 1
        page.mouse.wheel(0, -300)
        until(page, f"{width} > {1.7 * whole}")
        page.keyboard.press("z")
        assert abs(page.evaluate(width) - whole) < 1
        page.mouse.dblclick(*middle)
        assert page.evaluate(width) > 2 * whole
        assert images.labels.history() == []
        page.keyboard.press("1")
        shown(page, "p01.png")
        assert abs(page.evaluate(width) - whole) < 1  # another picture shows as a whole
        page.keyboard.press("+")
        assert page.evaluate(width) > 1.5 * whole
        page.keyboard.press("-")
        assert abs(page.evaluate(width) - whole) < 1


def test_two_fingers_enlarge_the_picture_and_the_map(images, visit):
    with live(images) as server:
        page = visit(server.address, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
        shown(page, "p00.png")
        hand = page.context.new_cdp_session(page)

        def pinch(selector):
            page.locator(selector).scroll_into_view_if_needed()
            box = page.locator(selector).bounding_box()
            x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            for kind, gap in (("touchStart", 30), ("touchMove", 45), ("touchMove", 90), ("touchEnd", None)):
                points = [] if gap is None else [{"x": x - gap, "y": y, "id": 0}, {"x": x + gap, "y": y, "id": 1}]
                hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        pinch(".frame")
        until(page, "document.querySelector('.frame img').getBoundingClientRect().width > 700")
        pinch("#map")
        until(page, "!document.querySelector('[aria-label=\"Zoom out of the map\"]').disabled")
        assert page.evaluate("visualViewport.scale") == 1  # the page itself stays as it is
        assert images.labels.history() == []


def spot(page, number):
    """Where an item lies on the map, in pixels of the window."""
    found = page.evaluate("fetch('api/map').then((reply) => reply.json())")
    k = found["numbers"].index(number)
    box = page.locator("#map").bounding_box()
    x = box["x"] + 10 + (box["width"] - 20) * found["x"][k] / 1000
    return x, box["y"] + box["height"] - 10 - (box["height"] - 20) * found["y"][k] / 1000


def test_items_are_found_on_the_map_by_a_click_and_by_a_box(images, visit):
    images.labels.record("p00.png", "red", annotator="ann")
    with live(images) as server:
        page = visit(server.address, viewport={"width": 1280, "height": 1100})
        shown(page, "p01.png")
        until(page, "document.querySelector('#map-text').textContent.includes('1 labeled')")
        page.mouse.click(*spot(page, 3))  # waits for an answer
        shown(page, "p03.png")
        page.mouse.click(*spot(page, 0))  # is answered
        page.get_by_text("1 item.").wait_for()
        assert page.locator(".tile").get_attribute("title").startswith("p00.png")
        page.get_by_role("button", name="Leave the box").click()
        page.get_by_text("1 answered item.").wait_for()
        box = page.locator("#map").bounding_box()
        page.mouse.move(box["x"] + 2, box["y"] + 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] - 2, steps=5)
        page.mouse.up()
        page.get_by_text("12 items. Mark the ones to answer or correct").wait_for()
        page.locator(".tile[title^='p10.png']").click()
        page.locator(".tile[title^='p07.png']").click()
        page.keyboard.press("2")
        saved(page, images, 3)
        assert images.labels.standings()["p10.png"].label == "green"
        page.get_by_role("button", name="Larger map").click()
        page.locator("#map").scroll_into_view_if_needed()
        until(page, "document.querySelector('#map').clientWidth > 1000")
        assert page.locator(".stage").is_hidden()
        page.keyboard.press("1")  # nothing is answered unseen
        page.wait_for_timeout(200)
        assert len(images.labels.history()) == 3
        page.mouse.click(*spot(page, 2))
        shown(page, "p02.png")
        assert page.evaluate("document.querySelector('#map').clientWidth") < 400


def test_the_map_is_enlarged_and_moved(images, visit):
    with live(images) as server:
        page = visit(server.address, viewport={"width": 1280, "height": 1100})
        shown(page, "p00.png")
        until(page, "document.querySelector('#map-text').textContent.includes('waiting')")
        x, y = spot(page, 3)
        page.mouse.move(x, y)
        page.keyboard.down("Control")
        page.mouse.wheel(0, -150)  # towards the item, which stays where it is
        page.keyboard.up("Control")
        until(page, "!document.querySelector('[aria-label=\"Zoom out of the map\"]').disabled")
        page.keyboard.down("Shift")
        page.mouse.down()
        page.mouse.move(x - 31, y, steps=3)
        page.mouse.up()
        page.keyboard.up("Shift")
        page.mouse.click(x - 30, y)  # the map has moved along
        shown(page, "p03.png")


def test_thumbnails_have_a_chosen_size_that_is_remembered(images, visit):
    with live(images) as server:
        page = visit(server.address)
        shown(page, "p00.png")
        page.keyboard.press("v")
        page.get_by_role("group", name="Size of the pictures").get_by_role("button", name="L", exact=True).click()
        width = "document.querySelector('.tile').getBoundingClientRect().width"
        until(page, f"{width} >= 210")
        page.reload()
        page.locator(".tile").first.wait_for()
        until(page, f"{width} >= 210")
        page.get_by_role("button", name="S", exact=True).click()
        until(page, f"{width} < 130")


def test_many_classes_are_found_by_name(tmp_path, visit):
    with make_images(tmp_path, classes=MANY) as project, live(project) as server:
        page = visit(server.address)
        shown(page, "p00.png")
        page.keyboard.press("2")
        shown(page, "p01.png")
        page.keyboard.press("/")
        page.keyboard.type("27")
        assert page.locator(".class:visible").count() == 1
        page.keyboard.press("Enter")
        shown(page, "p02.png")
        assert page.locator(".class:visible").count() == 30
        assert [word for *_, word in said(project)] == ["class 2", "class 27"]
        page.keyboard.press("1")  # the field has lost the focus
        shown(page, "p03.png")


def test_one_of_a_thousand_classes_is_found_by_a_few_letters_or_with_a_slip(tmp_path, visit):
    names = tuple(f"{color} {bird} {k}" for k in range(25) for color in COLORS for bird in BIRDS)
    assert len(names) == 1000
    with make_images(tmp_path, classes=names) as project, live(project) as server:
        page = visit(server.address)
        for k, (typed, label) in enumerate(
            [("grosbaek 7", "pied grosbeak 7"), ("tail tern 24", "black-tailed tern 24"),
             ("24 TÉRN pied", "pied tern 24")]
        ):  # fmt: skip
            shown(page, f"p0{k}.png")
            page.keyboard.press("/")
            page.keyboard.type(typed)
            first = page.locator(".class.chosen")
            assert first.inner_text().splitlines()[-1] == label
            assert first.evaluate("(b) => b === [...b.parentElement.children].find((c) => !c.hidden)")
            page.keyboard.press("Enter")
        shown(page, "p03.png")
        page.keyboard.press("/")
        page.keyboard.type("tern 3")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        shown(page, "p04.png")
        assert [word for *_, word in said(project)][3] == "gray tern 3"
        page.keyboard.press("/")
        page.keyboard.type("penguin")
        page.get_by_text("No class matches “penguin”.").wait_for()
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        assert page.locator(".class:visible").count() == 1000
        assert len(said(project)) == 4


@pytest.mark.parametrize("width", [390, 1280])
def test_labels_never_break_inside_a_word(tmp_path, visit, width):
    names = ("Chestnut-sided_warbler", "Donaudampfschifffahrt", "golden_retriever_of_the_north", "a", "commonBlackbird",
             *(f"filler {k}" for k in range(60)))  # fmt: skip
    with make_images(tmp_path, classes=names) as project:
        predict(project, "Donaudampfschifffahrt", 0.99)
        with live(project) as server:
            page = visit(server.address, viewport={"width": width, "height": 860})
            shown(page, "p00.png")
            assert page.evaluate(TORN, ".class .label, .bars li span") == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            looks = page.evaluate("[...document.querySelectorAll('.dot')].map((dot) => dot.className)")
            assert len(set(looks)) == 61
            assert set(looks[60:]) == {"dot c-other circle"}
            until(page, "document.querySelector('#map-text').textContent.includes('after the first 60')")


def test_accuracy_is_seen_without_scrolling_and_reasons_are_in_plain_words(images, visit):
    predict(images)
    with live(images) as server:
        page = visit(server.address, viewport={"width": 1280, "height": 800})
        shown(page, "p00.png")
        assert page.evaluate("document.querySelector('#curve').getBoundingClientRect().bottom") < 800
        side = page.inner_text(".side")
        assert "Represents 3 images of 12: the ones most similar to it." in side
        for word in ("weight", "principal", "embedding", "uncertainty"):
            assert word not in side


def test_texts_are_shown_as_they_are_and_conflicts_first(texts, visit):
    for who, label in (("ann", "red"), ("bob", "blue")):
        texts.labels.record("t3", label, annotator=who)
    with live(texts) as server:
        page = visit(server.address)
        assert page.inner_text(".frame blockquote") == "text <b>3</b>"
        assert "ann says red, bob says blue" in page.inner_text(".notice")
        page.keyboard.press("3")
        page.get_by_text("text <b>0</b>", exact=True).wait_for()
        assert texts.labels.standings()["t3"].label == "blue"


def test_an_answer_to_a_text_that_changed_meanwhile_does_not_count_and_it_is_asked_again(texts, visit, tmp_path):
    before = texts.items.get("t0").content
    with live(texts) as server:
        page = visit(server.address)
        page.get_by_text("text <b>0</b>", exact=True).wait_for()
        file = tmp_path / "texts.jsonl"
        file.write_text(file.read_text().replace("text <b>0</b>", "another text"))
        assert texts.refresh().changed == ["t0"]
        page.keyboard.press("1")
        wait(lambda: texts.labels.set_aside())
        (event,) = texts.labels.set_aside()
        assert (event.item, event.content) == ("t0", before)
        page.keyboard.press("v")
        page.locator(".tile", has_text="another text").wait_for()
        page.keyboard.press("Home")
        page.keyboard.press("Enter")
        page.locator(".frame blockquote", has_text="another text").wait_for()
        page.keyboard.press("2")
        wait(lambda: "t0" in texts.labels.standings())
        assert texts.labels.standings()["t0"].label == "green"


def test_a_picture_that_cannot_be_shown_gets_no_class_unseen(images, visit):
    images.items.file(images.items.get("p00.png")).write_bytes(b"broken")
    with live(images) as server:
        page = visit(server.address)
        page.get_by_text("The picture cannot be shown:").wait_for()
        page.keyboard.press("1")
        page.get_by_role("alert").filter(has_text="skip the item").wait_for()
        assert images.labels.history() == []
        page.keyboard.press("s")
        shown(page, "p01.png")
        assert said(images) == [("p00.png", "skip", None)]


def test_the_next_batch_shows_by_itself(images, visit):
    with live(images) as server:
        page = visit(server.address)
        for k in range(5):
            shown(page, f"p0{k}.png")
            page.keyboard.press("1")
        done(page)
        images.rounds.add([Pick("p07.png")], strategy="spot", n_labeled=5)
        shown(page, "p07.png")
        assert "Round 2" in page.inner_text("#round")


def test_a_batch_is_labeled_the_next_one_chosen_and_labeled_by_two_people(tmp_path, visit):
    with make_images(tmp_path, n=30, picks=4, batch_size=4) as project, live(project) as server:
        ann, bob = visit(server.address), visit(server.address)
        bob.locator("#who").click()
        bob.get_by_label("Your name is saved with").fill("bob")
        bob.get_by_role("button", name="Continue").click()
        for k in range(4):
            shown(ann, f"p0{k}.png")
            ann.keyboard.press("123"[k % 3])
        done(ann)
        bob.get_by_text("Answered meanwhile").wait_for()
        bob.keyboard.press("ArrowRight")
        done(bob)
        ann.get_by_role("button", name="Choose the next batch").click()
        ann.get_by_role("heading", name="Choosing the next batch").wait_for()
        bob.get_by_role("heading", name="Choosing the next batch, started by ann").wait_for()
        for page in (ann, bob):
            page.locator(".frame img").wait_for(timeout=300_000)
            assert "Round 2" in page.inner_text("#round")
        chosen = [pick.item for pick in project.rounds.picks(1)]
        assert len(chosen) == 4
        assert project.models.last().n_labeled == 4
        assert ann.locator("#why .bars li").count() == 3  # the new model's guess
        for item in chosen:
            shown(ann, item)
            ann.keyboard.press("1")
        done(ann)
        assert project.counts().labeled == 8


def test_work_on_the_page_is_canceled_fails_in_a_sentence_and_makes_files(tmp_path, visit):
    tasks = {"next": OURS["slow"], "train": OURS["wrong"], "predict": OURS["in_a_moment"]}
    with make_images(tmp_path, picks=1) as project, live(project, tasks=tasks) as server:
        page = visit(server.address)
        shown(page, "p00.png")
        page.keyboard.press("1")
        done(page)
        page.get_by_role("button", name="Choose the next batch").click()
        page.get_by_text("of 10,000").wait_for(timeout=120_000)
        page.locator(".finished").get_by_text("left").wait_for()
        page.reload()  # and it goes on
        page.get_by_role("button", name="Cancel").click()
        page.locator(".notice").get_by_text("Canceled: all answers are kept").wait_for()
        page.get_by_role("button", name="Train on everything").click()
        page.locator(".notice").get_by_text("Wrong failed: model must be one").wait_for(timeout=120_000)
        with page.expect_download(timeout=120_000) as download:
            page.get_by_role("button", name="Download predictions").click()
        assert download.value.path().read_text() == "12"
        page.get_by_role("link", name="Download moment.txt").wait_for()
        page.keyboard.press("u")
        shown(page, "p00.png")


def test_a_token_opens_the_page_once_and_a_name_is_asked_for(images, visit):
    with live(images, annotator=None) as server:
        page = visit(server.address)
        assert page.url == server.page
        page.get_by_label("Your name is saved with each of your answers.").fill("bea")
        page.keyboard.press("Enter")
        shown(page, "p00.png")
        page.get_by_role("button", name="bea").wait_for()
        page.keyboard.press("1")
        shown(page, "p01.png")
        page.reload()
        shown(page, "p01.png")
        page.get_by_role("button", name="bea").wait_for()
        page.keyboard.press("2")
        shown(page, "p02.png")
        assert [event.annotator for event in images.labels.history()] == ["bea", "bea"]


def test_a_link_on_another_site_leads_to_the_page(images, visit, browser):
    """The cookie is not sent along with what another site started; the page asks once more by itself."""
    context = browser.new_context()
    with live(images) as server:
        for address in (server.address, server.page):  # the one with the token, and the one that was visited before
            page, link = context.new_page(), f'<a href="{address}">label</a>'
            page.route("http://other.example/", partial(linked, link))
            page.goto("http://other.example/")
            page.get_by_text("label").click()
            shown(page, "p00.png")
            assert page.url == server.page
    context.close()


def test_without_the_token_the_page_says_what_to_do(images, browser):
    context = browser.new_context()
    with live(images) as server:
        page = context.new_page()
        page.goto(server.page)
        page.get_by_role("heading", name="This page needs its token").wait_for()
    context.close()


def test_help_and_single_keys_switched_off(images, visit):
    with live(images) as server:
        page = visit(server.address)
        shown(page, "p00.png")
        page.keyboard.press("?")
        page.get_by_role("dialog", name="Keys").wait_for()
        page.keyboard.press("1")  # not while the dialog is open
        page.get_by_label("Answer with single keys").uncheck()
        page.keyboard.press("Escape")
        page.keyboard.press("2")
        # by Tab and Enter alone
        button = page.get_by_role("button", name="blue")
        for _ in range(40):
            page.keyboard.press("Tab")
            if button.evaluate("(b) => b === document.activeElement"):
                break
        page.keyboard.press("Enter")
        shown(page, "p01.png")
        assert said(images) == [("p00.png", "label", "blue")]


def test_the_first_of_two_people_is_told_that_a_second_is_missing(tmp_path, visit):
    with make_images(tmp_path / "images", picks=2, overlap=2) as project, live(project) as server:
        page = visit(server.address)
        for k in range(2):
            shown(page, f"p0{k}.png")
            page.keyboard.press("1")
        page.get_by_role("heading", name="Your part is done").wait_for()
        page.get_by_text("2 items wait for a second person").wait_for()
        assert page.locator(".finished button").count() == 0
        assert "2 of 4" in page.inner_text("#progress")
        page.locator("#who").click()
        page.get_by_label("Your name is saved with").fill("bob")
        page.get_by_role("button", name="Continue").click()
        for k in range(2):
            shown(page, f"p0{k}.png")
            page.keyboard.press("1")
        done(page)
        page.get_by_role("button", name="Choose the next batch").wait_for()
