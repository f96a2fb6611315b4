"""Names that tell whose a thing is."""

import os
import subprocess

import pytest

from chalicelib.sandbox.box import owners


def test_what_this_process_named_is_not_abandoned() -> None:
    name = owners.new_name()
    assert owners.is_name(name)
    assert not owners.is_abandoned(name)
    assert owners.new_name() != name


def test_what_a_dead_process_named_is_abandoned() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        own = owners.new_name()
        name = own.replace(
            f"{os.getpid()}-{owners.started(os.getpid())}", f"{process.pid}-{owners.started(process.pid)}"
        )
        assert not owners.is_abandoned(name)
        process.kill()
        process.wait()
        assert owners.is_abandoned(name)


def test_an_unreaped_process_is_dead() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        start = owners.started(process.pid)
        assert owners.is_same(process.pid, start)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not owners.is_same(process.pid, start)


def test_the_same_number_at_another_time_is_another_process() -> None:
    assert not owners.is_same(os.getpid(), owners.started(os.getpid()) - 1)


def test_what_another_namespace_named_is_left_alone() -> None:
    assert not owners.is_abandoned("999999-1-1-00000000")


@pytest.mark.parametrize(
    "text", ["", "uids", "..", "1-2-3-4", "1-2-3-0000000g", "1-2-3-00000000/..", "1-2-3-00000000\n"]
)
def test_other_texts_are_no_names(text: str) -> None:
    assert not owners.is_name(text)
    assert not owners.is_abandoned(text)


def test_a_process_that_is_not_there_has_no_start() -> None:
    assert owners.started(2**22 + 1) == 0
    assert owners.stat(2**22 + 1) == []
