"""Looking at files and moving them about."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from chalicelib.sandbox.client import GuestProblem
from tests.functional.sandbox.guest.conftest import Guest


def ask(guest: Guest, method: str, **body: Any) -> dict[str, Any]:
    return guest.call(f"/filesystem.Filesystem/{method}", body)


def refused(guest: Guest, method: str, **body: Any) -> str:
    with pytest.raises(GuestProblem) as caught:
        ask(guest, method, **body)
    assert str(guest.root) not in str(caught.value)
    return caught.value.guest_code


def test_the_shape_of_an_entry(guest: Guest, folder: str) -> None:
    real = guest.root / folder.lstrip("/") / "f"
    real.write_bytes(b"abc")
    real.chmod(0o640)
    entry = ask(guest, "Stat", path=f"{folder}/f")["entry"]
    modified = entry.pop("modifiedTime")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", modified)
    owner, group = entry.pop("owner"), entry.pop("group")
    assert owner
    assert group
    assert entry == {
        "name": "f", "path": f"{folder}/f", "type": "FILE_TYPE_FILE", "size": "3", "mode": 0o640,
        "permissions": "-rw-r-----",
    }  # fmt: skip
    assert ask(guest, "Stat", path=folder)["entry"]["permissions"] == "drwxr-xr-x"


def test_a_link_is_described_by_what_it_leads_to(guest: Guest, folder: str) -> None:
    real = guest.root / folder.lstrip("/")
    (real / "dir").mkdir()
    (real / "link").symlink_to("dir")
    (real / "broken").symlink_to("nothing")
    link = ask(guest, "Stat", path=f"{folder}/link")["entry"]
    assert (link["type"], link["symlinkTarget"], link["name"]) == ("FILE_TYPE_DIRECTORY", f"{folder}/dir", "link")
    broken = ask(guest, "Stat", path=f"{folder}/broken")["entry"]
    assert (broken["type"], broken["symlinkTarget"]) == ("FILE_TYPE_SYMLINK", "nothing")


def test_lists_go_as_deep_as_asked_and_follow_no_link(guest: Guest, folder: str) -> None:
    real = guest.root / folder.lstrip("/")
    (real / "a" / "b" / "c").mkdir(parents=True)
    (real / "a" / "f").touch()
    (real / "z").symlink_to("a")
    os.mkfifo(real / "pipe")

    def names(depth: int) -> list[str]:
        return [one["path"][len(folder) + 1 :] for one in ask(guest, "ListDir", path=folder, depth=depth)["entries"]]

    assert names(0) == names(1) == ["a", "z"]
    assert names(2) == ["a", "a/b", "a/f", "z"]
    assert names(9) == ["a", "a/b", "a/b/c", "a/f", "z"]
    through = ask(guest, "ListDir", path=f"{folder}/z", depth=1)["entries"]
    assert [one["path"] for one in through] == [f"{folder}/z/b", f"{folder}/z/f"]


def test_a_thousand_files(guest: Guest, folder: str) -> None:
    real = guest.root / folder.lstrip("/")
    for number in range(1000):
        (real / f"{number:04}").touch()
    assert [one["name"] for one in ask(guest, "ListDir", path=folder)["entries"]] == [f"{n:04}" for n in range(1000)]


def test_names_that_are_no_text_do_not_break_a_list(guest: Guest, folder: str) -> None:
    (guest.root / folder.lstrip("/") / os.fsdecode(b"bad\xff")).touch()
    assert [one["name"] for one in ask(guest, "ListDir", path=folder)["entries"]] == ["bad\ufffd"]


def test_making_directories(guest: Guest, folder: str) -> None:
    assert ask(guest, "MakeDir", path=f"{folder}/x/y")["entry"]["path"] == f"{folder}/x/y"
    assert refused(guest, "MakeDir", path=f"{folder}/x/y") == "already_exists"
    (guest.root / folder.lstrip("/") / "f").touch()
    assert refused(guest, "MakeDir", path=f"{folder}/f") == "invalid_argument"
    assert refused(guest, "MakeDir", path=f"{folder}/f/below") == "invalid_argument"


def test_moving(guest: Guest, folder: str) -> None:
    real = guest.root / folder.lstrip("/")
    (real / "a").write_text("a")
    (real / "taken").write_text("old")
    assert ask(guest, "Move", source=f"{folder}/a", destination=f"{folder}/n/b")["entry"]["path"] == f"{folder}/n/b"
    ask(guest, "Move", source=f"{folder}/n/b", destination=f"{folder}/taken")
    assert (real / "taken").read_text() == "a"
    assert refused(guest, "Move", source=f"{folder}/none", destination=f"{folder}/x") == "not_found"
    assert refused(guest, "Move", source=f"{folder}/n", destination=f"{folder}/n/in/itself") == "invalid_argument"


@pytest.mark.skipif(
    Path("/dev/shm").stat().st_dev == Path("/tmp").stat().st_dev, reason="there is one file system only"
)
def test_moving_between_file_systems(guest: Guest, folder: str) -> None:
    real = guest.root / folder.lstrip("/")
    (real / "tree" / "in").mkdir(parents=True)
    (real / "tree" / "in" / "f").write_text("x")
    (real / "tree" / "link").symlink_to("in")
    other = f"/dev/shm/moved-{Path(folder).name}"
    ask(guest, "Move", source=f"{folder}/tree", destination=f"{other}/tree")
    ask(guest, "Move", source=f"{other}/tree", destination=f"{folder}/back")
    assert (real / "back" / "in" / "f").read_text() == "x"
    assert (real / "back" / "link").is_symlink()
    assert list(Path(other).iterdir()) == []
    ask(guest, "Remove", path=other)
    assert not (real / "tree").exists()


def test_removing(guest: Guest, folder: str) -> None:
    real = guest.root / folder.lstrip("/")
    (real / "tree" / "deep").mkdir(parents=True)
    (real / "tree" / "deep" / "f").touch()
    (real / "link").symlink_to("tree")
    ask(guest, "Remove", path=f"{folder}/link")
    assert (real / "tree" / "deep" / "f").exists()
    for _ in range(2):
        assert ask(guest, "Remove", path=f"{folder}/tree") == {}
    assert list(real.iterdir()) == []
    assert refused(guest, "Remove", path="") == "permission_denied"
    assert refused(guest, "Remove", path="/workspace/../workspace/") == "permission_denied"


def test_what_leads_out_is_refused_everywhere(guest: Guest, folder: str) -> None:
    (guest.root / folder.lstrip("/") / "out").symlink_to("/etc")
    for path in ("../etc", f"{folder}/../../etc", f"{folder}/out/passwd", f"{folder}/out"):
        assert refused(guest, "Stat", path=path) == "permission_denied"
        assert refused(guest, "ListDir", path=path) == "permission_denied"
    assert refused(guest, "Move", source=f"{folder}/out/passwd", destination="x") == "permission_denied"
    assert refused(guest, "Remove", path=f"{folder}/out/passwd") == "permission_denied"
    assert ask(guest, "Stat", path="/etc/passwd")["entry"]["path"] == "/etc/passwd"


def test_other_ways_to_name_the_same_place(guest: Guest, folder: str) -> None:
    name = folder.removeprefix("/workspace/")
    for path in (name, f"~/{name}", f"//workspace//{name}/", f"{folder}/../{name}", str(guest.root) + folder):
        assert ask(guest, "Stat", path=path)["entry"]["path"] == folder
    assert ask(guest, "Stat", path="")["entry"]["path"] == "/workspace"
    assert ask(guest, "Stat", path=f"/home/user/{name}")["entry"]["path"] == f"/home/user/{name}"


def test_what_is_not_there_or_no_directory(guest: Guest, folder: str) -> None:
    (guest.root / folder.lstrip("/") / "f").touch()
    assert refused(guest, "Stat", path=f"{folder}/none") == "not_found"
    assert refused(guest, "Stat", path=f"{folder}/f/below") == "not_found"
    assert refused(guest, "ListDir", path=f"{folder}/none") == "not_found"
    assert refused(guest, "ListDir", path=f"{folder}/f") == "invalid_argument"
    assert refused(guest, "Stat", path=3) == "invalid_argument"
    assert refused(guest, "Stat", path="x" * 300) == "invalid_argument"
    assert refused(guest, "ListDir", path=folder, depth="2") == "invalid_argument"
