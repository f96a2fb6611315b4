"""Texts by their lines, and editing in place."""

import os
from pathlib import Path
from typing import Any

import pytest

from chalicelib.sandbox.client import GuestProblem
from tests.functional.sandbox.guest.conftest import Guest


@pytest.fixture
def real(guest: Guest, folder: str) -> Path:
    """The test's folder as this process sees it."""
    return guest.root / folder[1:]


def view(guest: Guest, path: str, **more: Any) -> dict[str, Any]:
    return guest.call("/text/view", {"path": path, **more})


def edit(guest: Guest, path: str, old: str, new: str, **more: Any) -> dict[str, Any]:
    return guest.call("/text/edit", {"path": path, "old": old, "new": new, **more})


def code_of(guest: Guest, route: str, body: dict[str, Any]) -> str:
    with pytest.raises(GuestProblem) as caught:
        guest.call(route, body)
    return caught.value.guest_code


@pytest.mark.parametrize(
    ("content", "span", "text", "last", "total"),
    [
        ("a\nb\nc\n", {}, "a\nb\nc\n", 3, 3),
        ("a\nb\nc", {}, "a\nb\nc", 3, 3),
        ("a\nb\nc\n", {"first": 2}, "b\nc\n", 3, 3),
        ("a\nb\nc\n", {"first": 2, "last": 2}, "b\n", 2, 3),
        ("a\nb\nc\n", {"last": -1}, "a\nb\nc\n", 3, 3),
        ("a\nb\nc\n", {"first": -5, "last": 99}, "a\nb\nc\n", 3, 3),
        ("a\nb\n", {"first": 9}, "", 8, 2),
        ("a\n\n\n", {"first": 2}, "\n\n", 3, 3),
        ("", {}, "", 0, 0),
        ("\n", {}, "\n", 1, 1),
        ("a\r\nb", {"first": 2}, "b", 2, 2),
        ("aaaa\nbbbb\ncccc\n", {"maxBytes": 12}, "aaaa\nbbbb\n", 2, 3),
        ("aaaa\nbbbb\ncccc\n", {"maxBytes": 15}, "aaaa\nbbbb\ncccc\n", 3, 3),
        ("aaaa\nbbbb\n", {"maxBytes": 5}, "aaaa\n", 1, 2),
    ],
)
def test_lines(
    guest: Guest, folder: str, real: Path, content: str, span: dict[str, int], text: str, last: int, total: int
) -> None:
    (real / "f").write_bytes(content.encode())
    found = view(guest, f"{folder}/f", **span)
    assert (found["text"], found["last"], found["totalLines"], found["cut"]) == (text, last, total, False)
    assert (found["path"], found["size"], found["binary"]) == (f"{folder}/f", len(content), False)


def test_a_line_too_long_is_cut(guest: Guest, folder: str, real: Path) -> None:
    (real / "f").write_text("x" * 1_000_000 + "\nnext\n")
    found = view(guest, f"{folder}/f", maxBytes=100)
    assert (found["text"], found["last"], found["cut"], found["totalLines"]) == ("x" * 100, 1, True, 2)


def test_a_huge_file_is_read_in_pieces(guest: Guest, folder: str, real: Path) -> None:
    line = b"0123456789abcdef" * 1024 + b"\n"
    with (real / "huge").open("wb") as file:
        for _ in range(6000):
            file.write(line)
    status = Path(f"/proc/{guest.process.pid}/status")
    found = view(guest, f"{folder}/huge", first=5990, last=5991)
    assert (found["text"], found["totalLines"]) == (2 * line.decode(), 6000)
    peak = next(row for row in status.read_text().splitlines() if row.startswith("VmHWM"))
    assert int(peak.split()[1]) < 80_000
    (real / "huge").unlink()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a..", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"\x7fELF\0\0", None),
    ],
)
def test_what_is_no_text_is_named(guest: Guest, folder: str, real: Path, content: bytes, kind: str | None) -> None:
    (real / "f").write_bytes(content)
    found = view(guest, f"{folder}/f")
    assert (found["binary"], found["mediaType"], found["size"]) == (True, kind, len(content))


def test_bytes_that_are_no_text_are_replaced(guest: Guest, folder: str, real: Path) -> None:
    (real / "f").write_bytes(b"caf\xe9\n")
    assert view(guest, f"{folder}/f")["text"] == "caf\ufffd\n"


def test_what_cannot_be_viewed(guest: Guest, folder: str, real: Path) -> None:
    os.mkfifo(real / "pipe")
    (real / "out").symlink_to("/etc/passwd")
    assert code_of(guest, "/text/view", {"path": f"{folder}/none"}) == "not_found"
    assert code_of(guest, "/text/view", {"path": folder}) == "invalid_argument"
    assert code_of(guest, "/text/view", {"path": f"{folder}/pipe"}) == "invalid_argument"
    assert code_of(guest, "/text/view", {"path": f"{folder}/out"}) == "permission_denied"
    assert code_of(guest, "/text/view", {"path": ""}) == "invalid_argument"
    assert code_of(guest, "/text/view", {"path": f"{folder}/f", "first": "1"}) == "invalid_argument"


def test_an_edit_replaces_the_one_place(guest: Guest, folder: str, real: Path) -> None:
    file = real / "f.py"
    file.write_text("".join(f"line {number}\n" for number in range(1, 12)))
    file.chmod(0o750)
    done = edit(guest, f"{folder}/f.py", "line 6\n", "six\nand a half\n")
    assert file.read_text().splitlines()[4:8] == ["line 5", "six", "and a half", "line 7"]
    assert (done["replaced"], done["firstLine"]) == (1, 3)
    assert done["snippet"].splitlines() == [
        "line 3", "line 4", "line 5", "six", "and a half", "line 7", "line 8", "line 9", "line 10",
    ]  # fmt: skip
    assert file.stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize(
    ("content", "old", "new", "code"),
    [
        ("a b a", "a", "x", "failed_precondition"),
        ("a b a", "c", "x", "failed_precondition"),
        ("a b a", "", "x", "invalid_argument"),
        ("a b a", "b", "b", "invalid_argument"),
    ],
)
def test_an_edit_that_does_not_fit_changes_nothing(
    guest: Guest, folder: str, real: Path, content: str, old: str, new: str, code: str
) -> None:
    (real / "f").write_text(content)
    before = (real / "f").stat().st_mtime_ns
    assert code_of(guest, "/text/edit", {"path": f"{folder}/f", "old": old, "new": new}) == code
    assert ((real / "f").read_text(), (real / "f").stat().st_mtime_ns) == (content, before)


def test_all_places_at_once(guest: Guest, folder: str, real: Path) -> None:
    (real / "f").write_text("a.b\na.c\n")
    assert edit(guest, f"{folder}/f", "a.", "", all=True)["replaced"] == 2
    assert (real / "f").read_text() == "b\nc\n"


def test_line_ends_of_another_kind_are_kept(guest: Guest, folder: str, real: Path) -> None:
    (real / "f").write_bytes(b"one\r\ntwo\r\nthree\r\n")
    edit(guest, f"{folder}/f", "one\ntwo\n", "1\n2\n2.5\n")
    assert (real / "f").read_bytes() == b"1\r\n2\r\n2.5\r\nthree\r\n"


def test_lines_that_are_put_in_end_as_the_others_do(guest: Guest, folder: str, real: Path) -> None:
    (real / "f").write_bytes(b"one\r\ntwo\r\n")
    edit(guest, f"{folder}/f", "one", "1\n1.5")
    assert (real / "f").read_bytes() == b"1\r\n1.5\r\ntwo\r\n"
    (real / "f").write_bytes(b"one\r\ntwo\nthree\n")
    edit(guest, f"{folder}/f", "two", "2\n2.5")
    assert (real / "f").read_bytes() == b"one\r\n2\n2.5\nthree\n"


def test_line_ends_can_be_changed(guest: Guest, folder: str, real: Path) -> None:
    (real / "f").write_bytes(b"one\r\ntwo\r\n")
    edit(guest, f"{folder}/f", "one\r\n", "one\n")
    assert (real / "f").read_bytes() == b"one\ntwo\r\n"


def test_bytes_that_are_no_text_survive_an_edit(guest: Guest, folder: str, real: Path) -> None:
    (real / "f").write_bytes(b"\xff\xfe x \0")
    edit(guest, f"{folder}/f", "x", "y")
    assert (real / "f").read_bytes() == b"\xff\xfe y \0"


def test_an_edit_goes_through_a_link_and_keeps_it(guest: Guest, folder: str, real: Path) -> None:
    (real / "f").write_text("old")
    (real / "link").symlink_to("f")
    edit(guest, f"{folder}/link", "old", "new")
    assert (real / "link").is_symlink()
    assert (real / "f").read_text() == "new"


def test_what_cannot_be_edited(guest: Guest, folder: str, real: Path) -> None:
    (real / "large").touch()
    os.truncate(real / "large", 65 << 20)
    body = {"old": "a", "new": "b"}
    assert code_of(guest, "/text/edit", {"path": f"{folder}/none", **body}) == "not_found"
    assert code_of(guest, "/text/edit", {"path": folder, **body}) == "invalid_argument"
    assert code_of(guest, "/text/edit", {"path": f"{folder}/large", **body}) == "failed_precondition"
    assert code_of(guest, "/text/edit", {"path": f"{folder}/f", "old": 5, "new": "b"}) == "invalid_argument"
