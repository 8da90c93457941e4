"""Files are whole or not there."""

import os

import pytest

from spotal.errors import OutputError
from spotal.storage.files import atomic_path, check_writable


def test_appears_when_the_block_ends_and_not_before(tmp_path):
    target = tmp_path / "new" / "a.txt"
    with atomic_path(target) as part:
        part.write_text("whole")
        assert not target.exists()
        assert part.parent == target.parent
    assert target.read_text() == "whole"
    assert os.listdir(target.parent) == ["a.txt"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_failure_leaves_the_older_file_and_nothing_else(tmp_path, error):
    target = tmp_path / "a.txt"
    target.write_text("older")

    def fail():
        with atomic_path(target) as part:
            part.write_text("ha")
            raise error

    with pytest.raises(error):
        fail()
    assert target.read_text() == "older"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_disk_that_gives_out_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match=r"a\.txt cannot be written \(no space left"), atomic_path(tmp_path / "a.txt"):
        raise OSError(28, "No space left on device")
    assert os.listdir(tmp_path) == []


def test_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    with atomic_path(tmp_path / "a"):
        pass
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("target", ["real", "nowhere"])
def test_links_are_refused(tmp_path, target):
    (tmp_path / "real").write_text("older")
    (tmp_path / "link").symlink_to(tmp_path / target)
    with pytest.raises(OutputError, match="link cannot be written: it is a link"), atomic_path(tmp_path / "link"):
        pytest.fail("nothing may be written")
    assert sorted(os.listdir(tmp_path)) == ["link", "real"]
    assert (tmp_path / "real").read_text() == "older"


def test_a_file_is_on_disk_before_it_has_its_name_and_its_folder_after(tmp_path, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace

    def named(number):
        return os.readlink(f"/proc/self/fd/{number}")

    monkeypatch.setattr(os, "fsync", lambda number: (done.append(named(number)), fsync(number)))
    monkeypatch.setattr(os, "replace", lambda one, two: (done.append("named"), replace(one, two)))
    with atomic_path(tmp_path / "a.txt") as part:
        part.write_text("whole")
    assert done == [str(part), "named", str(tmp_path)]


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    for path, told in (
        (tmp_path / "file" / "a.txt", "cannot be written"),
        (tmp_path / "file" / "b" / "a.txt", "cannot be written"),
        (tmp_path, "is a folder"),
        ("/dev/null", "no ordinary file"),
        ("/proc/nowhere/a.txt", "cannot be written"),
        (f"{tmp_path}/a\0b", "cannot be written"),
    ):
        with pytest.raises(OutputError, match=told):
            check_writable(path)
    assert os.listdir(tmp_path) == ["file"]


def test_trial_leaves_no_trace(tmp_path):
    (tmp_path / "a").write_text("older")
    check_writable(tmp_path / "a")
    check_writable(tmp_path / "b")
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "older"
