"""What commands write: kept up to a size, the rest in a file, jobs in the background not in the way."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.sandbox.guest.conftest import Guest
from tests.functional.sandbox.guest.shellcalls import Shell, timed, until

SPILL = "/mnt/session/results/out.txt"


@pytest.fixture
def shell(guest: Guest) -> Iterator[Shell]:
    """A shell of the test's own."""
    shell = Shell(guest)
    yield shell
    shell.restart()


def _memory_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1])


def test_what_is_no_text_is_replaced_and_colours_stay(shell: Shell) -> None:
    assert shell.says(r"printf 'a\xffb\xe2\x82 \033[31mred\033[0m\0'") == "a\ufffdb\ufffd \x1b[31mred\x1b[0m\0"


def test_output_up_to_the_bound_is_whole(shell: Shell) -> None:
    end = shell.run("printf '%0100d' 0", keepBytes=100, spillPath=SPILL)
    assert (len(end["output"]), end["bytes"], end["spilled"], end["dropped"], end["tail"]) == (100, 100, None, 0, "")


def test_more_goes_to_the_file_whole(shell: Shell) -> None:
    end = shell.run("seq 1 100000; echo the end", keepBytes=1000, spillPath=SPILL)
    whole = "".join(f"{number}\n" for number in range(1, 100_001)) + "the end\n"
    assert end["output"] == whole[:1000]
    assert end["tail"] == whole[-8192:]
    assert (end["bytes"], end["spilled"], end["dropped"]) == (len(whole), SPILL, 0)
    assert (shell.guest.root / SPILL[1:]).read_text() == whole


def test_no_character_is_cut_in_two(shell: Shell) -> None:
    end = shell.run("for i in $(seq 5000); do printf '€'; done", keepBytes=100, spillPath=SPILL)
    assert end["output"] == "€" * 33
    assert set(end["tail"]) == {"€"}


def test_without_a_file_the_rest_is_counted(shell: Shell) -> None:
    end = shell.run("seq 1 10000", keepBytes=10)
    assert (end["output"], end["spilled"], end["dropped"]) == ("1\n2\n3\n4\n5\n", None, end["bytes"] - 10)


def test_the_file_has_a_bound_and_memory_too(shell: Shell) -> None:
    pid = shell.guest.process.pid
    before = _memory_kib(pid)
    end = shell.run("head -c 200000000 /dev/zero | tr '\\0' x", keepBytes=1000, spillPath=SPILL, spillBytes=1_000_000)
    assert (end["exitCode"], end["bytes"], end["dropped"]) == (0, 200_000_000, 199_000_000)
    assert (shell.guest.root / SPILL[1:]).stat().st_size == 1_000_000
    assert _memory_kib(pid) - before < 20_000


def test_a_file_that_cannot_be_written_is_told(shell: Shell) -> None:
    shell.run("mkdir -p here; : >here/file")
    end = shell.run("seq 1 1000", keepBytes=10, spillPath="/workspace/here/file/below")
    assert (end["exitCode"], end["spilled"]) == (0, None)
    assert end["spillProblem"]
    assert end["dropped"] == end["bytes"] - 10


def test_jobs_that_go_on_writing_are_not_heard_later(shell: Shell) -> None:
    assert "started" in shell.says("(while :; do echo noise; echo noise >&2; done) & echo started")
    for number in range(5):
        assert shell.says(f"sleep 0.05; echo {number}") == f"{number}\n"
    assert shell.says("kill %1; echo ended") == "ended\n"


def test_a_job_that_writes_later_does_not_die_of_it(shell: Shell) -> None:
    mark = f"mark-{os.urandom(4).hex()}"
    with timed() as seconds:
        shell.run(f"(sleep 1; for i in $(seq 20000); do echo long long line; done; echo done >{mark}) &")
        assert seconds() < 1
    until((shell.guest.workspace / mark).exists)


def test_a_command_ends_although_its_job_holds_the_output(shell: Shell) -> None:
    with timed() as seconds:
        assert shell.says("sleep 20 & echo here; echo $! >/dev/null") == "here\n"
        assert seconds() < 2
    shell.run("kill %1")


def test_standard_output_and_errors_come_in_their_order(shell: Shell) -> None:
    expected = "".join(f"out {number}\nerr {number}\n" for number in range(200))
    assert shell.says("for i in $(seq 0 199); do echo out $i; echo err $i >&2; done") == expected
