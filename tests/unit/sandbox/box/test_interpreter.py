"""Which Python runs the guest."""

import sys
from pathlib import Path

import pytest

from chalicelib.sandbox.box import interpreter
from chalicelib.sandbox.box.errors import NoIsolation


def script(path: Path, answer: str) -> Path:
    """A program that says it is some interpreter."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{answer}'\n")
    path.chmod(0o755)
    return path


def test_our_own_is_found_behind_a_virtual_environment() -> None:
    found = interpreter.own()
    assert found.tag == sys.implementation.cache_tag
    assert found.path == Path(sys.executable).resolve()
    assert found.tree is None or found.path.is_relative_to(found.tree)


def test_one_of_the_system_needs_no_binding() -> None:
    found = interpreter.find()
    assert found.path.is_relative_to("/usr") == (found.tree is None)


@pytest.mark.parametrize(("answer", "tag"), [("cpython-311 3 11", "cpython-311"), ("cpython-310 3 10", "")])
def test_an_old_one_will_not_do(tmp_path: Path, answer: str, tag: str) -> None:
    assert interpreter._tag(script(tmp_path / "python3", answer)) == tag


def test_one_that_does_not_run_will_not_do(tmp_path: Path) -> None:
    assert interpreter._tag(tmp_path / "missing") == ""
    assert interpreter._tag(Path("/bin/false")) == ""


def test_a_tree_outside_of_the_system_is_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = script(tmp_path / "py/bin/python3.12", "cpython-312 3 12")
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path / "py"))
    found = interpreter.own()
    assert (found.path, found.tree) == (program, tmp_path / "py")


def test_without_any_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(NoIsolation, match=r"3\.11"):
        interpreter.own()
