"""What a box sees of files."""

import os
from itertools import pairwise
from pathlib import Path

import pytest

from chalicelib.sandbox.box import filesystem
from chalicelib.sandbox.hosts.base import Limits

_LIMITS = Limits(memory_mib=64, disk_mib=10)


def places(words: list[str], option: str, *, back: int = 0) -> list[str]:
    """Where the options of a kind point."""
    return [words[at + 1 + back] for at, word in enumerate(words) if word == option]


def test_nothing_of_the_host_is_writable() -> None:
    words = filesystem.system() + filesystem.own(_LIMITS)
    assert not {"--bind", "--dev-bind", "--bind-try", "--share-net"} & set(words)
    assert places(words, "--ro-bind")[0] == "/usr"


def test_what_can_be_written_to_has_a_size_or_is_closed() -> None:
    words = filesystem.system() + filesystem.own(_LIMITS)
    sized = {words[at + 2] for at, word in enumerate(words) if word == "--tmpfs" and words[at - 2] == "--size"}
    sized |= {words[at + 1] for at, word in enumerate(words) if word == "--tmpfs" and "--size" in words[at - 4 : at]}
    assert set(places(words, "--tmpfs")) <= sized
    assert {"/", "/dev"} <= set(places(words, "--remount-ro"))


def test_the_workspace_has_the_size_of_the_disk() -> None:
    words = filesystem.own(_LIMITS)
    at = words.index("/workspace")
    assert words[at - 3 : at] == ["--size", str(10 * 1024 * 1024), "--tmpfs"]


def test_of_etc_only_what_everybody_may_read() -> None:
    bound = [path for path in places(filesystem.system(), "--ro-bind") if path.startswith("/etc")]
    assert not {"/etc", "/etc/shadow", "/etc/ssl", "/etc/ssl/private", "/etc/passwd"} & set(bound)
    assert all(Path(path).stat().st_mode & 0o004 for path in bound)
    assert "/sys" not in filesystem.system()


def test_links_of_the_top_stay_links() -> None:
    words = filesystem.system()
    links = [pair for pair in pairwise(words) if pair[1] in ("/bin", "/lib")]
    assert all(first.startswith("usr/") or first == second for first, second in links)


def test_the_servers_own_place_below_usr_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "cwd", lambda: Path("/usr/local/app/here"))
    assert "/usr/local/app/here" in places(filesystem.system(), "--tmpfs")


def test_a_sealed_file_is_read_from_its_beginning() -> None:
    fd = filesystem.sealed(b"content")
    assert os.read(fd, 99) == b"content"
    os.close(fd)
