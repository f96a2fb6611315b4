"""The glob tool over a real guest."""

import os

from chalicelib.tools.glob import NONE_FOUND, Glob
from tests.functional.tools.contexts import context, error_of
from tests.functional.tools.sandboxes import Sandbox

GLOB = Glob()


def _make(sandbox: Sandbox, *names: str) -> None:
    for number, name in enumerate(names):
        path = sandbox.guest.workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number))


def test_files_of_all_folders_newest_first(sandbox: Sandbox) -> None:
    _make(sandbox, "a.py", "sub/.hidden/b.py", "node_modules/c.py", "d.txt")
    text = sandbox.says(GLOB, pattern="*.py")
    assert text.splitlines() == [
        "/workspace/node_modules/c.py",
        "/workspace/sub/.hidden/b.py",
        "/workspace/a.py",
    ]
    assert sandbox.says(GLOB, pattern="*.py", path="/workspace/sub") == "/workspace/sub/.hidden/b.py"


def test_that_there_is_none_is_no_error(sandbox: Sandbox) -> None:
    assert sandbox.says(GLOB, pattern="*.none") == NONE_FOUND


def test_of_many_a_hundred_are_shown(sandbox: Sandbox) -> None:
    _make(sandbox, *(f"f{number}" for number in range(300)))
    shown = sandbox.says(GLOB, pattern="*").splitlines()
    assert (len(shown), shown[0], shown[-1]) == (101, "/workspace/f299", "[100 of 300 files are shown.]")
    assert len(sandbox.says(GLOB, pattern="*", limit=1000).splitlines()) == 251


def test_what_cannot_be_searched(sandbox: Sandbox) -> None:
    assert "does not exist" in sandbox.fails(GLOB, pattern="*", path="none")
    assert "`pattern`" in error_of(GLOB.run(context(), {}))
    assert "`limit`" in error_of(GLOB.run(context(), {"pattern": "*", "limit": "5"}))
