"""Commands that take too long, or that nobody wants any more."""

import signal
import time
from collections.abc import Callable, Iterator

import pytest

from tests.functional.sandbox.guest.conftest import Guest
from tests.functional.sandbox.guest.shellcalls import Running, Shell, begun, exists, timed, until


@pytest.fixture
def shell(guest: Guest) -> Iterator[Shell]:
    """A shell of the test's own."""
    shell = Shell(guest)
    shell.run("x=kept; cd /tmp")
    yield shell
    shell.restart()


STOPPABLE = [
    "sleep 60; echo no",
    "sleep 60 | cat; echo no",
    "while :; do :; done; echo no",
    "for i in 1 2 3; do sleep 30; done; echo no",
    "(sleep 60); echo no",
    "y=$(sleep 60); echo no",
    "read -t 60 y < <(sleep 60); echo no",
    "sleep 60 & wait; echo no",
    "bash -c 'sleep 60; echo no'; echo no",
    "python3 -c 'import time; time.sleep(60)'; echo no",
    "python3 -c 'import signal, time; signal.signal(2, lambda *_: exit(0)); time.sleep(60)'; echo no",
    "sh -c 'trap \"exit 0\" INT TERM; sleep 60'; echo no",
    "f() { sleep 60; }; f; echo no",
    "eval 'sleep 60'; echo no",
]


@pytest.mark.parametrize("command", STOPPABLE)
def test_after_its_time_a_command_ends_and_the_shell_lives_on(shell: Shell, command: str) -> None:
    with timed() as seconds:
        end = shell.run(f"echo begun; {command}", timeoutMs=300)
        assert seconds() < 2.5
    assert (end["exitCode"], end["timedOut"], end["exited"]) == (None, True, False)
    assert "no" not in end["output"].split()
    assert shell.run("echo $x $PWD")["output"] == "kept /tmp\n"


@pytest.mark.parametrize("command", STOPPABLE[:4])
def test_an_interrupt_takes_effect_at_once(shell: Shell, command: str) -> None:
    running = begun(shell, f"echo begun; {command}")
    time.sleep(0.3)
    shell.interrupt()
    end = running.wait()
    assert running.seconds < 0.8
    assert (end["exitCode"], end["timedOut"], end["interrupted"], end["output"]) == (None, False, True, "begun\n")
    assert shell.says("echo $x") == "kept\n"


def test_what_does_not_listen_is_killed(shell: Shell) -> None:
    command = "bash -c 'trap \"\" INT TERM HUP; echo $$; sleep 61; while :; do :; done'"
    with timed() as seconds:
        end = shell.run(command, timeoutMs=300)
        assert seconds() < 4
    assert not exists(int(end["output"]))
    assert shell.says("echo $x") == "kept\n"


def test_descendants_go_too_wherever_they_hide(shell: Shell) -> None:
    command = "sleep 60 & echo $!; (sleep 60 & echo $!); sh -c 'sleep 60 & echo $!; wait'"
    pids = [int(pid) for pid in shell.run(command, timeoutMs=500)["output"].split()]
    assert len(pids) == 3
    until(lambda: not any(map(exists, pids)))


def test_a_guest_that_is_started_in_the_background_has_its_commands_heed_interrupts(
    start_guest: Callable[..., Guest],
) -> None:
    was = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        guest = start_guest()
    finally:
        signal.signal(signal.SIGINT, was)
    end = Shell(guest).run("bash -c 'trap \"echo caught; exit\" INT; kill -INT $$; echo ignored'")
    assert end["output"] == "caught\n"


def test_jobs_of_earlier_commands_are_left_alone(shell: Shell) -> None:
    job = int(shell.says("(while :; do sleep 0.05; done) & echo $!"))
    assert shell.run("sleep 60", timeoutMs=200)["timedOut"]
    assert exists(job)
    shell.run("kill %1")


def test_a_shell_that_cannot_be_interrupted_is_given_up(shell: Shell) -> None:
    with timed() as seconds:
        end = shell.run("trap '' INT; while :; do :; done", timeoutMs=1000)
        assert seconds() < 5
    assert (end["timedOut"], end["exited"]) == (True, True)
    end = shell.run("echo [$x]")
    assert (end["output"], end["restarted"]) == ("[]\n", True)


def test_an_interrupt_of_nothing_is_nothing(shell: Shell) -> None:
    shell.interrupt()
    assert shell.says("echo $x") == "kept\n"


def test_an_interrupt_can_mean_one_call_alone(shell: Shell) -> None:
    first = begun(shell, "sleep 1; echo first", call="a")
    second = Running(shell, "sleep 30; echo second", call="b")
    while not second.end:
        shell.interrupt("b")
        shell.interrupt("someone else's")
        time.sleep(0.1)
    assert first.wait()["output"] == "first\n"
    assert (second.end["interrupted"], second.end["output"]) == (True, "")


def test_many_interrupts_leave_the_shell_in_order(shell: Shell) -> None:
    for number in range(10):
        running = begun(shell, f"n={number}; while :; do :; done")
        shell.interrupt()
        assert running.wait()["interrupted"]
        assert shell.says("echo $x $n") == f"kept {number}\n"


def test_a_flood_of_output_does_not_hold_up_the_end(shell: Shell) -> None:
    with timed() as seconds:
        assert shell.run("yes", timeoutMs=300, keepBytes=1000)["timedOut"]
        assert seconds() < 2
