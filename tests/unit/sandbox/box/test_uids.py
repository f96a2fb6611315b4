"""User ids that no two live boxes share."""

import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.sandbox.box.errors import StartFailed
from chalicelib.sandbox.box.uids import UidPool, usable

_FIRST = 5000
_TAKE_ALL = """
import sys
from pathlib import Path
from chalicelib.sandbox.box.uids import UidPool
held = [UidPool(Path(sys.argv[1]), 5000 + n, 1).take() for n in range(3)]
print("held", flush=True)
sys.stdin.read()
"""


def test_none_is_given_twice_and_what_is_given_back_is_free(tmp_path: Path) -> None:
    pool = UidPool(tmp_path / "uids", _FIRST, 3)
    first = pool.take()
    others = {
        UidPool(tmp_path / "uids", number, 1).take().number for number in range(5000, 5003) if number != first.number
    }
    assert {first.number, *others} == {5000, 5001, 5002}


def test_when_all_are_taken_that_is_said(tmp_path: Path) -> None:
    pool = UidPool(tmp_path / "uids", _FIRST, 1)
    held = pool.take()
    with pytest.raises(StartFailed):
        pool.take()
    held.release()
    held.release()
    assert pool.take().number == _FIRST


def test_another_process_holds_its_own_until_it_dies(tmp_path: Path) -> None:
    words = [sys.executable, "-c", _TAKE_ALL, str(tmp_path / "uids")]
    root = Path(__file__).parents[4]
    with subprocess.Popen(words, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        pool = UidPool(tmp_path / "uids", _FIRST, 3)
        with pytest.raises(StartFailed):
            pool.take()
        process.kill()
        process.wait()
        assert pool.take().number in range(5000, 5003)


def test_ids_outside_of_the_namespace_are_not_usable() -> None:
    assert usable(0, 1)
    assert not usable(2**32 - 1, 10)
