"""The sentence on sandboxes."""

from pathlib import Path

import pytest

from chalicelib.sandbox.box import status
from chalicelib.sandbox.box.errors import NoIsolation
from chalicelib.sandbox.box.ground import Ground, boxes, survey
from chalicelib.sandbox.box.group_tree import GroupTree
from chalicelib.sandbox.box.interpreter import Interpreter
from chalicelib.sandbox.box.isolation import Isolation
from chalicelib.sandbox.box.settings import BoxSettings
from chalicelib.sandbox.box.tools import Tools

_PYTHON = Interpreter(Path("/usr/bin/python3"), "tag")


def sentence(monkeypatch: pytest.MonkeyPatch, ground: Ground) -> str:
    """What is said of a finding."""
    monkeypatch.setattr(status, "survey", lambda _: ground)
    return status.describe(BoxSettings())


def isolated(tree: GroupTree, setpriv: str) -> Ground:
    """A machine with isolation."""
    isolation = Isolation(Tools("bwrap", "1.2", setpriv), _PYTHON, Path("/g"), Path("/p"))
    return Ground("bubblewrap", "", None, tree, _PYTHON, isolation)


def test_isolation_with_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = GroupTree(None, tuple((name, Path("/x")) for name in ("memory", "pids", "cpu")))
    assert sentence(monkeypatch, isolated(tree, "setpriv")) == (
        "Sandboxes run in bubblewrap 1.2, each under a user of its own; "
        "control groups limit memory, processes and processor time."
    )


def test_isolation_with_less(monkeypatch: pytest.MonkeyPatch) -> None:
    said = sentence(monkeypatch, isolated(GroupTree(None, (("pids", Path("/x")),)), ""))
    assert said.endswith("under this server's user; control groups limit processes, not memory and processor time.")
    said = sentence(monkeypatch, isolated(GroupTree(), ""))
    assert "memory is limited for each process" in said


def test_none_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    said = sentence(monkeypatch, Ground(None, "the moon is full"))
    assert said.startswith("Commands are refused: the moon is full. What a machine needs is in docs/")


def test_no_isolation_is_said_aloud(monkeypatch: pytest.MonkeyPatch) -> None:
    said = sentence(monkeypatch, Ground("unsafe-process", "", None, GroupTree(), _PYTHON))
    assert "WITHOUT isolation" in said


def test_switched_off_is_off() -> None:
    settings = BoxSettings(mode="none")
    assert status.describe(settings) == "Commands are refused: sandboxes are switched off by LAMBENT_SANDBOX=none."
    with pytest.raises(NoIsolation, match="switched off"):
        boxes(survey(settings), settings)
