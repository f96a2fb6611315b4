"""Boxes seen from another server of the same machine, and after their server died."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from chalicelib.sandbox.box.ground import survey
from chalicelib.sandbox.box.record import read
from chalicelib.sandbox.box.settings import BoxSettings
from chalicelib.sandbox.hosts.base import Handle
from chalicelib.sandbox.hosts.local import LocalHost
from tests.functional.sandbox.box.inside import Inside, computer, isolated, passable
from tests.support.patience import PATIENCE

_SERVER = """
import json, sys
from pathlib import Path
from chalicelib.sandbox.box.settings import BoxSettings
from chalicelib.sandbox.hosts.base import BoxSpec, Limits, Network
from chalicelib.sandbox.hosts.local import LocalHost
host = LocalHost(BoxSettings(mode=sys.argv[2], scratch=Path(sys.argv[1])))
handle = host.start(BoxSpec("tenant", "one", network=Network("all"), limits=Limits(96, 32, 48, 1.0)))
print(json.dumps(handle.data), flush=True)
sys.stdin.read()
"""


@contextmanager
def server(scratch: Path, mode: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Another process with one box, and the data of its handle."""
    words = [sys.executable, "-c", _SERVER, str(scratch), mode]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(words, cwd=Path(__file__).parents[4], **pipes) as process:  # type: ignore[call-overload]
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


@pytest.mark.parametrize("mode", ["bubblewrap", "unsafe-process"])
def test_another_server_sees_uses_freezes_and_ends_a_box(mode: Any) -> None:
    with passable() as scratch:
        settings = BoxSettings(mode=mode, scratch=scratch)
        if mode == "bubblewrap":
            isolated(settings)
        host = LocalHost(settings)
        with closing(host), server(scratch, mode) as (_, data):
            handle = Handle("local", data)
            one = Inside(host, handle)
            with closing(one.guest):
                assert one.run("echo here").text.strip() == "here"
                host.freeze(handle)
                assert host.condition(handle) == "frozen"
                host.thaw(handle)
                assert one.answers()
            host.stop(handle)
            assert host.condition(handle) == "gone"


@pytest.mark.parametrize("frozen", [False, True])
def test_a_box_does_not_outlive_its_server_and_the_next_one_tidies_up(frozen: bool) -> None:
    with passable() as scratch:
        settings = isolated(BoxSettings(scratch=scratch))
        host = LocalHost(settings)
        tree = survey(settings).tree
        with closing(host), server(scratch, "bubblewrap") as (process, data):
            handle = Handle("local", data)
            found = read(host._scratch(), data["box"])
            assert found
            if frozen:
                host.freeze(handle)
            process.send_signal(signal.SIGKILL)
            process.wait()
            _await(lambda: not found.lives())
            with computer(host) as mine:
                assert not (scratch / "boxes" / found.name).exists()
                assert not any((parent / found.name).exists() for parent in tree.parents)
                assert host.condition(handle) == "gone"
                assert mine.answers()


def test_tidying_up_touches_nothing_of_living_servers() -> None:
    with passable() as scratch:
        settings = isolated(BoxSettings(scratch=scratch))
        host, later = LocalHost(settings), LocalHost(settings)
        with closing(host), closing(later), computer(host) as one, computer(later):
            assert one.answers()
            assert later.condition(one.handle) == "running"


def test_what_a_plain_process_left_running_ends_with_it() -> None:
    with passable() as scratch:
        host = LocalHost(BoxSettings(mode="unsafe-process", scratch=scratch))
        with closing(host), computer(host) as one:
            mark = f"{300 + os.getpid() % 1000}.{os.urandom(3).hex()}".replace("a", "1").rstrip("abcdef")
            one.run(f"setsid -f sleep {_number(mark)}; (setsid sleep {_number(mark)} &) ; true")
            _await(lambda: _running(_number(mark)) == 2)
            host.stop(one.handle)
            _await(lambda: _running(_number(mark)) == 0)


def _number(mark: str) -> str:
    return "3" + "".join(str(ord(letter) % 10) for letter in mark)


def _running(number: str) -> int:
    words = f"sleep\0{number}\0".encode()
    return sum(1 for path in Path("/proc").glob("[0-9]*/cmdline") if _content(path) == words)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _await(done: Any, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)
