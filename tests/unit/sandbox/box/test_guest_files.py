"""Laying out the guest's code."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chalicelib.sandbox.box import guest_files
from chalicelib.sandbox.box.errors import NoIsolation
from chalicelib.sandbox.box.interpreter import Interpreter, own

PYTHON = Interpreter(Path(sys.executable).resolve(), sys.implementation.cache_tag)


def test_all_files_are_there_compiled_and_closed(tmp_path: Path) -> None:
    made = guest_files.prepare(tmp_path, PYTHON)
    names = {str(path.relative_to(made / "guest")) for path in made.rglob("*.py")}
    assert {"run.py", "main.py", "__init__.py", "wire.py"} <= names
    assert len(list(made.rglob(f"*.{PYTHON.tag}.pyc"))) == len(names)
    assert {path.stat().st_mode & 0o222 for path in made.rglob("*.py*") if path.is_file()} == {0}
    assert made.stat().st_mode & 0o777 == 0o755
    assert [path.name for path in tmp_path.iterdir()] == [made.name]


def test_the_second_time_nothing_is_done(tmp_path: Path) -> None:
    made = guest_files.prepare(tmp_path, PYTHON)
    before = made.stat().st_ino
    assert guest_files.prepare(tmp_path, PYTHON) == made
    assert made.stat().st_ino == before


def test_what_lost_a_file_is_made_anew(tmp_path: Path) -> None:
    made = guest_files.prepare(tmp_path, PYTHON)
    (made / "guest/main.py").unlink()
    assert guest_files.prepare(tmp_path, PYTHON) == made
    assert (made / "guest/main.py").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [made.name]


def test_many_at_once_make_one(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: guest_files.prepare(tmp_path, PYTHON), range(4)))
    assert len(found) == 1
    assert [path.name for path in tmp_path.iterdir()] == [found.pop().name]


def test_other_interpreters_have_other_places(tmp_path: Path) -> None:
    other = Interpreter(PYTHON.path, "other-tag")
    assert guest_files.prepare(tmp_path, PYTHON) != guest_files.prepare(tmp_path, other)


def test_where_it_cannot_be_done_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoIsolation, match="could not be laid out"):
        guest_files.prepare(tmp_path, Interpreter(Path("/bin/false"), "tag"))
    with pytest.raises(NoIsolation):
        guest_files.prepare(tmp_path / "missing", PYTHON)


def test_the_command_hands_over_what_is_inherited() -> None:
    words = guest_files.command(own(), "/inside", 7, 8)
    assert words[-5:] == ["/inside/guest/run.py", "--listen-fd", "7", "--control-fd", "8"]
    assert {"-I", "-S", "-B"} <= set(words)
