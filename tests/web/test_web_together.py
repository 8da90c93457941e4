"""Requests of the same moment are worked on by one call, and each is told its own."""

from __future__ import annotations

import asyncio
import threading

import pytest
from tests.web.conftest import answer

from spotal.errors import ProjectError
from spotal.web.state import States
from spotal.web.together import Together


def gathered(work, asked):
    """What is said to each who asks at the same time, errors among them."""

    async def ask():
        together = Together(work)
        return await asyncio.gather(*map(together.ask, asked), return_exceptions=True)

    return asyncio.run(ask())


def test_what_is_asked_while_a_call_is_at_work_is_answered_by_the_next():
    calls, begun, go_on = [], threading.Event(), threading.Event()

    def work(asked):
        calls.append(asked)
        begun.set()
        go_on.wait(10)
        return [10 * one for one in asked]

    async def ask():
        together = Together(work)
        first = asyncio.create_task(together.ask(1))
        await asyncio.to_thread(begun.wait, 10)
        others = [asyncio.create_task(together.ask(k)) for k in (2, 3, 4)]
        await asyncio.sleep(0)
        others[1].cancel()  # hangs up, and stops nobody
        go_on.set()
        said = await asyncio.gather(first, *others, return_exceptions=True)
        return said, await together.ask(5)

    said, last = asyncio.run(ask())
    assert calls == [[1], [2, 3, 4], [5]]
    assert (said[0], said[1], said[3], last) == (10, 20, 40, 50)
    assert isinstance(said[2], asyncio.CancelledError)


def test_an_error_is_told_to_the_one_whom_it_concerns():
    wrong = ProjectError("no")
    assert gathered(lambda asked: [wrong if one == 2 else one for one in asked], [1, 2, 3]) == [1, wrong, 3]


def test_an_error_of_the_call_is_told_to_all():
    def work(asked):
        raise ProjectError(f"{len(asked)} asked")

    assert [str(one) for one in gathered(work, [1, 2, 3])] == ["3 asked"] * 3


def test_a_state_that_is_not_fresh_is_as_of_the_last_look(texts, client):
    states, page = States(texts), client(texts)
    states.catch_up()
    answer(page, 0, id="a")
    assert [task["id"] for task in states.of("ann", fresh=False)["tasks"]] == ["t0", "t1", "t2", "t3"]
    states.catch_up()
    assert [task["id"] for task in states.of("ann", fresh=False)["tasks"]] == ["t1", "t2", "t3"]
    assert states.of("ann", fresh=False)["counts"]["labeled"] == 1


@pytest.mark.parametrize("label", ["green", "blue"])
def test_votes_are_those_of_now(texts, client, label):
    page = client(texts)
    for name, said in (("ann", "red"), ("bob", "green")):
        answer(page, 0, said, id=name, annotator=name)
    assert page.get("/api/state").json()["tasks"][0]["votes"] == {"ann": "red", "bob": "green"}
    answer(page, 0, label, id="again", annotator="bob")
    assert page.get("/api/state").json()["tasks"][0]["votes"] == {"ann": "red", "bob": label}
