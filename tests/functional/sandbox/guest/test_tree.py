"""The durable part of the file system, out and in: what can be kept is, and what is in the way stops nothing else."""

import os
import resource
from typing import Any

import pytest

from chalicelib.sandbox.client import GuestGone, GuestProblem
from chalicelib.sandbox.frames import received, sent
from chalicelib.sandbox.sending import send_tree
from chalicelib.workspaces.gathering import Finish
from chalicelib.workspaces.model import Entry
from tests.functional.sandbox.guest.conftest import Guest

LATE = 253_402_300_799 * 1_000_000_000


def scanned(guest: Guest, folder: str) -> dict[str, dict[str, Any]]:
    """What the outside is told of a folder: headers by the name below it."""
    with guest.client.open("POST", "/tree/changes", json={"roots": [folder]}) as answer:
        entries = received(answer.iter_raw(), Finish(), [folder])
        return {one.path.removeprefix(f"{folder}/"): dict(one.header) for one in entries}


def test_what_is_no_text_and_what_is_out_of_time_does_no_harm(guest: Guest, folder: str) -> None:
    real = guest.root / folder.lstrip("/")
    (real / "odd").symlink_to(os.fsdecode(b"\xff\xfe"))
    (real / "plain").symlink_to("x")
    for name, seconds in (("before", -(10**9)), ("late", 10**12)):
        (real / name).touch()
        os.utime(real / name, (seconds, seconds))
    found = scanned(guest, folder)
    assert set(found) == {"plain", "before", "late"}
    assert found["before"]["mtime"] == 1
    # Some file systems know no time as late as that.
    assert 10**18 < found["late"]["mtime"] <= LATE


def test_a_closed_folder_is_kept_with_its_content_and_stays_closed(guest: Guest, folder: str) -> None:
    real = guest.root / folder.lstrip("/")
    (real / "closed" / "in").mkdir(parents=True)
    (real / "closed" / "in" / "f").write_text("x")
    (real / "closed" / "in").chmod(0o400)
    (real / "closed").chmod(0)
    assert set(scanned(guest, folder)) == {"closed", "closed/in", "closed/in/f"}
    assert (real / "closed").stat().st_mode & 0o777 == 0
    (real / "closed").chmod(0o700)
    assert (real / "closed" / "in").stat().st_mode & 0o777 == 0o400


def test_what_cannot_be_looked_at_for_want_of_descriptors_is_not_gone(guest: Guest, folder: str) -> None:
    real = guest.root / folder.lstrip("/")
    (real / "in").mkdir()
    (real / "in" / "f").write_text("x")
    first = Finish()
    assert set(_paths_of_scan(guest, folder, first)) == {f"{folder}/in", f"{folder}/in/f"}
    was = resource.prlimit(guest.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(guest.process.pid, resource.RLIMIT_NOFILE, (3, was[1]))
    with pytest.raises((GuestGone, GuestProblem)):
        _paths_of_scan(guest, folder, Finish(), first.seq)
    resource.prlimit(guest.process.pid, resource.RLIMIT_NOFILE, was)
    second = Finish()
    assert (_paths_of_scan(guest, folder, second), second.removed) == ([], [])


def test_labels_of_any_form_that_commands_made_up_stop_nothing(guest: Guest, folder: str) -> None:
    real = guest.root / folder.lstrip("/")
    made = {
        "deep": b"[" * 3500,
        "deeper": b'{"a":' * 600,
        "half": b'{"a": 1',
        "number": b"5",
        "bytes": b"\xff\xfe",
        "surrogate": b'{"a": "\\ud800"}',
        "empty": b"",
    }
    for name, label in made.items():
        (real / name).touch()
        try:
            os.setxattr(real / name, "user.lambent.metadata", label)
        except OSError:
            pytest.skip("this file system takes no labels")
    found = scanned(guest, folder)
    assert {name: header.get("labels") for name, header in found.items()} == dict.fromkeys(made)
    listed = guest.call("/filesystem.Filesystem/ListDir", {"path": folder})["entries"]
    assert {entry["name"] for entry in listed} == set(made)


def _paths_of_scan(guest: Guest, folder: str, finish: Finish, stored: int = 0) -> list[str]:
    with guest.client.open("POST", "/tree/changes", json={"roots": [folder], "stored": stored}) as answer:
        return [one.path for one in received(answer.iter_raw(), finish, [folder])]


def test_what_was_sent_and_never_confirmed_is_told_of_when_it_goes_or_changes_back(guest: Guest, folder: str) -> None:
    real = guest.root / folder.lstrip("/")
    (real / "kept").mkdir(mode=0o755)
    guest.client.call("/tree/commit", {"seq": _scan(guest, folder)[0]})
    (real / "kept").chmod(0o700)
    (real / "gone").touch()
    assert _scan(guest, folder)[1] == []
    # Whoever has taken that scan is not the one who asks from now on.
    (real / "kept").chmod(0o755)
    (real / "gone").unlink()
    (real / "new").touch()
    assert set(scanned(guest, folder)) == {"kept", "new"}
    seq, removed = _scan(guest, folder)
    assert removed == [f"{folder}/gone"]
    guest.client.call("/tree/commit", {"seq": seq})
    assert scanned(guest, folder) == {}
    assert _scan(guest, folder)[1] == []


def _scan(guest: Guest, folder: str) -> tuple[int, list[str]]:
    """The number of a scan, and what is gone by it."""
    finish = Finish()
    with guest.client.open("POST", "/tree/changes", json={"roots": [folder]}) as answer:
        for one in received(answer.iter_raw(), finish, [folder]):
            list(one.pieces())
    return finish.seq, finish.removed


def test_a_root_that_became_a_link_is_followed_within_the_workspace_alone(guest: Guest, folder: str) -> None:
    real = guest.root / folder.lstrip("/")
    (real / "target").mkdir()
    (real / "target" / "f").touch()
    (real / "near").symlink_to(real / "target")
    (real / "far").symlink_to("/etc")
    assert set(scanned(guest, f"{folder}/near")) == {"f"}
    assert set(scanned(guest, f"{folder}/far")) == set()


def test_what_is_in_the_way_of_an_entry_is_told_and_the_others_are_made(guest: Guest, folder: str) -> None:
    real = guest.root / folder.lstrip("/")
    (real / "taken").mkdir()
    (real / "file").touch()
    (real / "link").symlink_to("/tmp")
    names = ("taken", "file/below", "link/away", "good")
    entries = [(f"{folder}/{name}", Entry("file", 0o444, 5, 4), [b"data"]) for name in names]
    problems = send_tree(guest.client, sent(entries))
    assert [problem.partition(f"{folder}/")[2].partition(":")[0] for problem in problems] == list(names[:3])
    assert (real / "good").read_bytes() == b"data"
    assert not os.path.lexists("/tmp/away")


def test_a_folder_that_nobody_may_enter_is_put_back_with_its_content(guest: Guest, folder: str) -> None:
    entries: list[Any] = [
        (f"{folder}/shut", Entry("dir", 0), ()),
        (f"{folder}/shut/f", Entry("file", 0o600, 5, 1), [b"x"]),
    ]
    assert send_tree(guest.client, sent(entries), baseline=True) == []
    shut = guest.root / folder.lstrip("/") / "shut"
    assert shut.stat().st_mode & 0o777 == 0
    shut.chmod(0o700)
    assert (shut / "f").read_bytes() == b"x"


def test_a_tree_deeper_than_functions_can_call_each_other_is_removed(guest: Guest, folder: str) -> None:
    at = os.open(guest.root / folder.lstrip("/"), os.O_RDONLY)
    for _ in range(2500):
        os.mkdir("d", dir_fd=at)
        below = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    guest.call("/filesystem.Filesystem/Remove", {"path": f"{folder}/d"})
    assert not (guest.root / folder.lstrip("/") / "d").exists()


def test_folders_made_for_a_path_that_is_too_long_go_again(guest: Guest, folder: str) -> None:
    path = f"{folder}/" + f"{'d' * 200}/" * 30 + "f"
    answer = guest.http.post("/files", params={"path": path}, content=b"x")
    assert answer.status_code == 400
    assert list((guest.root / folder.lstrip("/")).iterdir()) == []


def test_a_file_without_an_end_is_refused(guest: Guest) -> None:
    assert guest.http.get("/files", params={"path": "/proc/self/maps"}).status_code == 200
    for path in ("/proc/self/pagemap", "/proc/self/mem"):
        assert guest.http.get("/files", params={"path": path}).status_code == 400
