"""Jobs, the store, and going on after any kind of end."""

from __future__ import annotations

import gzip
import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from tests.forks import python
from tests.raising import raises_input

from spotal.bench.estimate import Estimator, default_seconds
from spotal.bench.jobs import Job, plan
from spotal.bench.origin import _git
from spotal.bench.protocol import from_table
from spotal.bench.result_archive import adopt, keep
from spotal.bench.results import read
from spotal.bench.runner import run_job
from spotal.bench.store import Store
from spotal.bench.summary import summarize
from spotal.bench.task import prepare
from spotal.bench.workers import run
from spotal.errors import DataFileError, OutputError
from spotal.loop.events import Labeled, Queried, RoundFinished, RoundStarted, Trained


class Crash(Exception):
    pass


@pytest.fixture
def whole(tiny, cache, tmp_path):
    """The digest of a run without a break."""
    outcome = run([tiny], tmp_path / "whole", cache=cache)
    assert not outcome.failures
    with Store(tmp_path / "whole") as store:
        return store.digest()


def test_a_run_keeps_each_round_of_each_job(tiny, cache, tmp_path):
    counted = []
    outcome = run([tiny], tmp_path / "run", cache=cache, watch=lambda counts: counted.append(sum(counts.values())))
    assert outcome.failures == {}
    assert len(outcome.jobs) == 6
    assert counted == sorted(counted)
    with Store(tmp_path / "run") as store:
        assert store.finished() == {job.id for job in outcome.jobs}
        for job in outcome.jobs:
            rounds = store.rounds(job)
            assert [done["round"] for done in rounds] == [0, 1, 2, 3]
            assert [done["asked"] for done in rounds] == [0, 10, 15, 20]
            assert [len(done["picks"]) for done in rounds] == [10, 5, 5, 0]
            picks = np.concatenate([done["picks"] for done in rounds])
            assert len(np.unique(picks)) == 20
            assert [bool(done["metrics"]) for done in rounds] == [False, True, True, True]
            assert all(done["seconds"]["wall"] >= done["seconds"].get("train", 0) for done in rounds)
            assert [done["memory"] is not None for done in rounds] == [False, True, True, False]
            assert store.origins()[rounds[0]["origin"]]["versions"]["numpy"] == np.__version__


def test_strategies_of_a_seed_share_first_rows_test_part_and_networks(tiny, cache, tmp_path):
    run([tiny], tmp_path / "run", cache=cache)
    with Store(tmp_path / "run") as store:
        for seed in (0, 1):
            first = [store.rounds(job) for job in plan([tiny]) if job.seed == seed]
            assert len({json.dumps(rounds[0]["picks"]) for rounds in first}) == 1
            assert len({json.dumps(rounds[1]["metrics"]) for rounds in first}) == 1
            assert len({json.dumps(rounds[1]["picks"]) for rounds in first}) == 3
        jobs = plan([tiny])
        assert store.rounds(jobs[0])[0]["picks"] != store.rounds(jobs[3])[0]["picks"]  # another seed


@pytest.mark.parametrize("event", [RoundStarted, Trained, Queried, Labeled, RoundFinished])
def test_a_run_that_fails_anywhere_ends_with_the_same_bits_when_started_again(tiny, cache, tmp_path, whole, event):
    folder, work, left = tmp_path / "run", [], 7

    def crash(job, seen):
        nonlocal left
        if isinstance(seen, event):
            left -= 1
            if left == 0:
                raise Crash
        if isinstance(seen, Trained):
            work.append((seen.number, seen.n_labeled))

    with pytest.raises(Crash):
        run([tiny], folder, cache=cache, observer=crash)
    with Store(folder) as store:
        done = sum(store.counts().values())
        assert 0 < done < 24
    run([tiny], folder, cache=cache, observer=crash)
    with Store(folder) as store:
        assert store.digest() == whole
    # 6 jobs train in 3 rounds each; the one that was under way may have been trained twice
    assert len(work) in (18, 19)


def test_a_finished_run_does_nothing_when_started_again(tiny, cache, tmp_path, whole):
    events = []
    run([tiny], tmp_path / "whole", cache=cache, observer=lambda job, event: events.append(event))
    assert events == []
    more = tiny.limited(3)
    run([more], tmp_path / "whole", cache=cache, observer=lambda job, event: events.append(event))
    assert sum(isinstance(event, RoundStarted) for event in events) == 3 * 4


def test_two_workers_give_the_same_bits_as_one(tiny, cache, tmp_path, whole):
    outcome = run([tiny], tmp_path / "run", cache=cache, workers=2)
    assert outcome.failures == {}
    with Store(tmp_path / "run") as store:
        assert store.digest() == whole


def test_killed_by_force_it_goes_on_and_ends_with_the_same_bits(tiny, cache, tmp_path, whole):
    script = textwrap.dedent("""
        import json, sys, time
        from pathlib import Path
        from spotal.bench.cache import Cache
        from spotal.bench.protocol import from_table
        from spotal.bench.workers import run
        table = json.loads(sys.argv[1])
        run([from_table("tiny", table)], Path(sys.argv[2]), cache=Cache(sys.argv[3]),
            observer=lambda job, event: time.sleep(0.02))
    """)
    table = {k: v for k, v in tiny.table().items() if v is not None}
    for part in ("pool", "learner", "embedding", "initial"):
        table[part] = {k: v for k, v in table[part].items() if v is not None}
    folder = tmp_path / "run"
    process = python(script, json.dumps(table), folder, cache.folder)
    until = time.monotonic() + 60
    while time.monotonic() < until and _rounds(folder) < 5 and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert 5 <= _rounds(folder) < 24
    run([tiny], folder, cache=cache)
    with Store(folder) as store:
        assert store.digest() == whole


def _rounds(folder):
    if not (folder / "results.sqlite").is_file():
        return 0
    with Store(folder) as store:
        return sum(store.counts().values())


def test_two_processes_may_write_at_once(tiny, tmp_path):
    script = textwrap.dedent("""
        import json, sys
        from pathlib import Path
        from spotal.bench.jobs import plan
        from spotal.bench.protocol import from_table
        from spotal.bench.store import Store
        job = plan([from_table("tiny", json.loads(sys.argv[1]))])[int(sys.argv[3])]
        with Store(Path(sys.argv[2])) as store:
            for number in range(150):
                record = {"round": number, "asked": number, "labeled": number, "metrics": {"accuracy": number / 7},
                          "picks": [number], "figures": {}}
                cost = {"seconds": {}, "memory": None, "origin": ""}
                store.save_round(job, "data", {"n": number}, record, cost, finished=number == 149)
    """)
    table = {k: v for k, v in tiny.table().items() if v is not None}
    for part in ("pool", "learner", "embedding", "initial"):
        table[part] = {k: v for k, v in table[part].items() if v is not None}
    crew = [python(script, json.dumps(table), tmp_path / "run", k) for k in (0, 1)]
    assert [process.wait() for process in crew] == [0, 0]
    with Store(tmp_path / "run") as store:
        jobs = plan([tiny])[:2]
        assert store.counts() == {job.id: 150 for job in jobs}
        assert store.finished() == {job.id for job in jobs}
        for job in jobs:
            assert store.state(job) == {"n": 149}
            assert [done["metrics"]["accuracy"] for done in store.rounds(job)] == [n / 7 for n in range(150)]


def test_a_round_is_kept_whole_or_not_at_all(tiny, tmp_path):
    job = plan([tiny])[0]
    record = {"round": 0, "asked": 0, "labeled": 0, "metrics": {}, "picks": [], "figures": {}}
    cost = {"seconds": {}, "memory": None, "origin": ""}
    with Store(tmp_path / "run") as store:
        before = store.digest()
        with pytest.raises(ValueError, match="not JSON compliant"):
            store.save_round(job, "x", {}, {**record, "metrics": {"accuracy": float("nan")}}, cost, finished=False)
        with pytest.raises(sqlite3.Error):  # the third of the three statements fails
            store.save_round(job, "x", {}, record, {**cost, "memory": object()}, finished=False)
        assert store.digest() == before
        assert store.state(job) is None


def test_other_data_under_the_same_name_are_refused(tiny, cache, tmp_path):
    job = plan([tiny])[0]
    with Store(tmp_path / "run") as store:
        task = prepare(tiny, 0, cache)
        run_job(job, task, store)
        with raises_input("run", "on other data than 'digits' gives now"):
            store.state(job, "something else")


def test_a_job_that_fails_is_named_and_the_others_go_on(table, cache, tmp_path):
    (tmp_path / "bad.py").write_text(
        "from spotal.strategies import Strategy\n\nclass Bad(Strategy):\n    name = 'bad'\n"
        "    def _choose(self, query):\n        raise RuntimeError('no idea')\n"
    )
    protocol = from_table("tiny", {**table, "seeds": 1, "strategies": ["random", "bad.py:Bad"]}, tmp_path)
    outcome = run([protocol], tmp_path / "run", cache=cache)
    assert outcome.failures == {"tiny, Bad, seed 0": "RuntimeError: no idea"}
    with Store(tmp_path / "run") as store:
        assert store.finished() == {plan([protocol])[0].id}
        cells = read(store)
        assert list(cells[0].curves) == ["random"]
        assert cells[0].missing == 1


def test_every_kind_of_start_runs(table, cache, tmp_path):
    starts = [{"kind": "none"}, {"kind": "chosen", "count": 7, "by": "coreset"}, {"kind": "random", "count": 7}]
    for k, start in enumerate(starts):
        protocol = from_table(f"p{k}", {**table, "initial": start, "seeds": 1})
        assert run([protocol], tmp_path / "run", cache=cache).failures == {}
        with Store(tmp_path / "run") as store:
            first = {job.strategy.label: store.rounds(job)[0]["picks"] for job in plan([protocol])}
        assert len(first["random"]) == (5 if start["kind"] == "none" else 7)
        same = first["random"] == first["coreset"] == first["margin"]
        assert same == (start["kind"] != "none")


def test_junk_costs_questions_and_gives_no_labels(table, cache, tmp_path):
    table |= {"classes": [0, 1, 2], "pool": {"size": 120, "junk": 0.4}, "seeds": 1}
    protocol = from_table("junk", table)
    assert run([protocol], tmp_path / "run", cache=cache).failures == {}
    with Store(tmp_path / "run") as store:
        for job in plan([protocol]):
            rounds = store.rounds(job)
            assert [done["asked"] for done in rounds] == [0, 10, 15, 20]
            assert 0 < rounds[-1]["labeled"] < 20
            assert len(rounds[-1]["picks"]) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"learner": {"kind": "random-forest"}},
        {"learner": {"kind": "mlp", "steps": 20, "width": 2}},
        {"learner": {"kind": "small-cnn", "steps": 20, "width": 4}, "embedding": {"kind": "none"}},
        {"dataset": "wine", "embedding": {"kind": "none"}},
        {"dataset": "breast-cancer", "embedding": {"kind": "none"}, "pool": {"size": 60, "near_duplicates": 0.2}},
    ],
    ids=str,
)
def test_every_learner_and_table_runs_with_strategies_that_need_draws(table, cache, tmp_path, change):
    table |= {"seeds": 1, "rounds": 1, "strategies": ["bald", "entropy"], **change}
    protocol = from_table("p", table)
    outcome = run([protocol], tmp_path / "run", cache=cache)
    assert outcome.failures == {}
    with Store(tmp_path / "run") as store:
        (cell,) = read(store)
    bald, entropy = (cell.curves[name][0] for name in ("bald", "entropy"))
    assert bald.metrics["accuracy"][0] == entropy.metrics["accuracy"][0]  # draws change no model
    assert bald.picks[1] != entropy.picks[1]


def test_kept_files_are_taken_over_and_give_the_same_results(tiny, cache, tmp_path, whole):
    with Store(tmp_path / "whole") as store:
        (path,) = keep(store, [tiny], tmp_path / "kept")
    events = []
    with Store(tmp_path / "other") as store:
        assert adopt(store, [tiny], tmp_path / "kept") == 6
        assert adopt(store, [tiny], tmp_path / "kept") == 0
    run([tiny], tmp_path / "other", cache=cache, observer=lambda job, event: events.append(event))
    assert events == []
    with Store(tmp_path / "other") as store:
        assert store.digest() == whole
        first = path.read_bytes()
        keep(store, [tiny.limited(1)], tmp_path / "kept")  # what is there stays
        assert len(json.loads(gzip.decompress(path.read_bytes()))["jobs"]) == 6
        keep(store, [tiny], tmp_path / "kept")
        assert path.read_bytes() == first
    with Store(tmp_path / "third") as store:
        changed = from_table("tiny", {k: v for k, v in _table(tiny).items() if k != "name"} | {"batch_size": 4})
        assert adopt(store, [changed], tmp_path / "kept") == 0
        path.write_bytes(gzip.compress(b"{}"))
        with pytest.raises(DataFileError, match="no archive of benchmark results"):
            adopt(store, [tiny], tmp_path / "kept")


def test_kept_files_know_rows_that_got_no_label(table, cache, tmp_path):
    table |= {"classes": [0, 1, 2], "pool": {"size": 120, "junk": 0.4}, "seeds": 1}
    protocol = from_table("junk", table)
    run([protocol], tmp_path / "run", cache=cache)
    with Store(tmp_path / "run") as store, Store(tmp_path / "other") as other:
        keep(store, [protocol], tmp_path / "kept")
        other.add_protocol(protocol)
        assert adopt(other, [protocol], tmp_path / "kept") == 3
        assert store.kept(plan([protocol])[0])[0]["skipped"]
        assert other.digest() == store.digest()


def _table(protocol):
    table = {k: v for k, v in protocol.table().items() if v is not None}
    for part in ("pool", "learner", "embedding", "initial"):
        table[part] = {k: v for k, v in table[part].items() if v is not None}
    return table


def test_encoders_are_trained_once_and_their_time_is_no_overhead(table, cache, tmp_path):
    table |= {"embedding": {"kind": "ssl", "dim": 8, "rows": 64, "epochs": 1}, "strategies": ["random", "margin"]}
    protocol = from_table("p", table)
    assert run([protocol], tmp_path / "run", cache=cache).failures == {}
    with Store(tmp_path / "run") as store:
        (cell,) = read(store)
        time = summarize([cell], store)["time"]
        spent = [done["seconds"].get("encode") for job in plan([protocol]) for done in store.rounds(job)]
    assert [seconds is not None for seconds in spent] == [True] + 15 * [False]
    assert time["encode"] == spent[0] > 0
    assert time["wall"] == pytest.approx(
        sum(time[name] for name in ("train", "encode", "embed", "query", "measure", "harness"))
    )


def test_forgotten_jobs_are_done_again(tiny, cache, tmp_path, whole):
    with Store(tmp_path / "whole") as store:
        store.forget([job for job in plan([tiny]) if job.strategy.label == "margin"])
        assert len(store.finished()) == 4
    run([tiny], tmp_path / "whole", cache=cache)
    with Store(tmp_path / "whole") as store:
        assert store.digest() == whole


def test_estimates_come_from_what_was_measured(tiny, tmp_path):
    jobs = plan([tiny])
    with Store(tmp_path / "run") as store:
        estimator = Estimator(store, jobs)
        assert estimator.round_seconds(jobs[0]) == default_seconds(jobs[0]) > 0
        for number, wall in enumerate((1.0, 3.0)):
            record = {"round": number, "asked": 0, "labeled": 0, "metrics": {}, "picks": [], "figures": {}}
            cost = {"seconds": {"wall": wall}, "memory": None, "origin": ""}
            store.save_round(jobs[0], "", {}, record, cost, finished=False)
        estimator.learn()
        assert estimator.round_seconds(jobs[0]) == estimator.round_seconds(jobs[1]) == 2.0
        # 6 jobs of 4 rounds, 2 of them done, on two cores
        assert estimator.remaining(store.counts(), 2) == 22 * 2.0 / 2
        assert estimator.remaining({job.id: 4 for job in jobs}, 2) == 0


def test_a_folder_that_is_no_run_is_said_so(tmp_path):
    with raises_input("run", "has no results.sqlite"):
        Store(tmp_path, create=False)
    (tmp_path / "results.sqlite").write_bytes(b"this is no database, it is a text that is long enough" * 40)
    with pytest.raises(DataFileError, match="is no store of benchmark results"):
        Store(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        Store(tmp_path / "file" / "run")


def test_workers_end_with_the_process_that_started_them(tiny, cache, tmp_path):
    script = textwrap.dedent("""
        import os, sys, time
        from spotal.bench.workers import _end_with
        parent = os.getpid()
        if os.fork() == 0:
            print(os.getpid(), flush=True)
            _end_with(parent)
        time.sleep(60)
    """)
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.kill()
    process.wait()
    until = time.monotonic() + 30
    while time.monotonic() < until and _alive(child):
        time.sleep(0.05)
    assert not _alive(child)
    process.stdout.close()


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().split()[2] != "Z"
    except FileNotFoundError:
        return False
    finally:
        os.sched_yield()


def test_a_job_is_told_by_name(tiny):
    assert str(Job(tiny, tiny.strategies[1], 1)) == "tiny, margin, seed 1"


def test_git_is_asked_without_writing(tmp_path):
    def git(*words):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=tmp_path, check=True)

    git("init", "--quiet")
    (tmp_path / "kept.txt").write_text("kept")
    git("add", "kept.txt")
    git("commit", "--quiet", "--message", "first")
    os.utime(tmp_path / "kept.txt", (1, 1))  # git status would note that it is the same all the same
    before = (tmp_path / ".git/index").read_bytes()
    assert _git(tmp_path, "status", "--porcelain") == ""
    assert (tmp_path / ".git/index").read_bytes() == before  # a kill in the middle would leave a lock
