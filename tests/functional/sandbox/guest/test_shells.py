"""Shells that live from command to command."""

from collections.abc import Callable, Iterator

import pytest

from chalicelib.sandbox.client import GuestProblem
from tests.functional.sandbox.guest.conftest import Guest
from tests.functional.sandbox.guest.shellcalls import Running, Shell, begun, exists, timed, until


@pytest.fixture
def shell(guest: Guest) -> Iterator[Shell]:
    """A shell of the test's own."""
    shell = Shell(guest)
    yield shell
    shell.restart()


@pytest.mark.parametrize(
    ("first", "second", "output"),
    [
        ("cd /tmp", "pwd", "/tmp\n"),
        ("x=5", "echo $x", "5\n"),
        ("export Y=6", "sh -c 'echo $Y'", "6\n"),
        ("declare -A m=([a]=1)", "echo ${m[a]}", "1\n"),
        ('f() { echo "f $1"; }', "f 2", "f 2\n"),
        ("alias greet='echo hello'", "greet you", "hello you\n"),
        ("set -o noglob", "echo *", "*\n"),
        ("set -- a b c", "echo $# $2", "3 b\n"),
        ("exec 7<<<'from seven'", "cat <&7", "from seven\n"),
        ("shopt -s extglob", "case ab in !(x)) echo yes;; esac", "yes\n"),
        ("umask 077", "umask", "0077\n"),
        ("trap 'echo bye' USR1", "kill -USR1 $$; echo on", "bye\non\n"),
        ("sleep 30 & job=$!", "kill -0 $job && kill $job && echo ended", "ended\n"),
        ("false", "echo $?", "0\n"),
        ("exec >/dev/null", "echo still heard", "still heard\n"),
    ],
)
def test_state_stays_from_command_to_command(shell: Shell, first: str, second: str, output: str) -> None:
    shell.run(first)
    assert shell.says(second) == output


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("echo 'it''s' \"$HOME\" | tr -d '\\n' | wc -l", "0\n"),
        ("cat <<'END'\n$not `run` 'quotes\" \\\nEND", "$not `run` 'quotes\" \\\n"),
        ("cat <<END\nsum $((1 + 2))\nEND\n", "sum 3\n"),
        ("cat <<END\nno newline after it\nEND", "no newline after it\n"),
        ("for i in 1 2 3; do\n  echo $i\ndone", "1\n2\n3\n"),
        ("echo a; echo b >&2; echo c", "a\nb\nc\n"),
        ("echo '!!' \"!x\"", "!! !x\n"),
        ("printf '%s' 'ü☃😀'", "ü☃😀"),
        ("# only a comment", ""),
        ("", ""),
        ("echo $0 $#", "bash 0\n"),
        ("return 0; echo not this", ""),
        ("echo x; # end", "x\n"),
    ],
)
def test_the_text_arrives_as_it_is(shell: Shell, command: str, output: str) -> None:
    assert shell.says(command) == output


def test_commands_have_nothing_to_read_and_no_terminal(shell: Shell) -> None:
    assert shell.says('cat; read x; echo "[$x]"; [ -t 0 ] || [ -t 1 ] || echo none') == "[]\nnone\n"


def test_commands_see_no_files_of_the_shells_own(shell: Shell) -> None:
    assert shell.says("exec 0<&0; for f in /proc/self/fd/*; do echo ${f##*/}; done | sort -n | head -3") == "0\n1\n2\n"
    assert not [n for n in shell.says("bash -c 'cd /proc/$$/fd && echo *'").split() if 200 < int(n) < 255]


@pytest.mark.parametrize(
    "broken", ["echo 'open", 'echo "open', 'echo "$(open', "x=$(open", "if true", "cat <(open", "(", "fi", "${x"]
)
def test_a_text_that_is_no_command_is_an_error_and_the_shell_lives_on(shell: Shell, broken: str) -> None:
    shell.run("x=kept")
    for _ in range(3):
        end = shell.run(broken)
        assert end["exitCode"] in (1, 2)
        assert "bash" in end["output"]
    assert shell.says("echo $x") == "kept\n"


def test_exit_ends_the_shell_and_the_next_command_gets_a_new_one(shell: Shell) -> None:
    assert shell.run("x=1; cd /tmp")["restarted"] is False
    end = shell.run("exit 3")
    assert (end["exitCode"], end["exited"], end["cwd"]) == (3, True, None)
    end = shell.run("echo [$x] $PWD")
    assert (end["output"], end["restarted"]) == (f"[] {shell.guest.workspace}\n", True)
    assert shell.run("true")["restarted"] is False


@pytest.mark.parametrize(
    ("command", "code"), [("kill -9 $$", 137), ("exec sh -c 'exit 5'", 5), ("set -e; false; echo no", 1)]
)
def test_a_shell_that_ended_tells_how(shell: Shell, command: str, code: int) -> None:
    end = shell.run(command)
    assert (end["exitCode"], end["exited"], end["output"]) == (code, True, "")
    assert shell.run("true")["restarted"] is True


def test_the_start_tells_whether_the_shell_is_new(shell: Shell) -> None:
    first, second = next(shell.events("true")), next(shell.events("true"))
    assert (first["event"]["start"]["fresh"], second["event"]["start"]["fresh"]) == (True, False)
    assert first["event"]["start"]["pid"] == second["event"]["start"]["pid"]


def test_the_folder_is_told_as_the_sandbox_shows_it(shell: Shell) -> None:
    assert shell.run("mkdir -p deep/er && cd deep/er")["cwd"] == "/workspace/deep/er"
    assert shell.run("cd /")["cwd"] == "/"


def test_variables_of_one_call_are_gone_with_the_next(shell: Shell) -> None:
    assert shell.says("sh -c 'echo \"$A\"'", env={"A": 'it\'s "q" $x\n2'}) == 'it\'s "q" $x\n2\n'
    assert shell.says("echo [$A]") == "[]\n"


@pytest.mark.parametrize(
    "body",
    [
        {"command": 5},
        {"command": "a\0b"},
        {"command": "\ud800"},
        {"command": "true", "timeoutMs": 0},
        {"command": "true", "timeoutMs": True},
        {"command": "true", "keepBytes": 10**9},
        {"command": "true", "env": []},
        {"command": "true", "env": {"A B": "x"}},
        {"command": "true", "env": {"A": 5}},
        {"command": "true", "spillPath": 5},
        {"command": "true", "spillPath": "/workspace/../../x"},
    ],
)
def test_what_cannot_be_run_is_refused(shell: Shell, body: dict[str, object]) -> None:
    with pytest.raises(GuestProblem) as caught:
        list(shell.guest.events(f"{shell.path}/run", body))
    assert caught.value.guest_code in ("invalid_argument", "permission_denied")


def test_restart_clears_everything(shell: Shell) -> None:
    pid = int(shell.says("x=1; cd /tmp; sleep 60 & echo $!"))
    shell.restart()
    until(lambda: not exists(pid))
    end = shell.run("echo [$x] $PWD")
    assert (end["output"], end["restarted"]) == (f"[] {shell.guest.workspace}\n", False)


def test_restart_ends_what_runs(shell: Shell) -> None:
    running = begun(shell, "echo begun; sleep 60")
    shell.restart()
    end = running.wait()
    assert (end["exitCode"], end["interrupted"], end["output"], end["exited"]) == (None, True, "begun\n", True)
    assert running.seconds < 2
    assert shell.run("echo on")["restarted"] is False


def test_calls_of_one_shell_wait_in_line(shell: Shell) -> None:
    shell.run("n=0")
    first = begun(shell, "sleep 1; n=$((n + 1)); echo $n")
    second, other = Running(shell, "n=$((n * 10)); echo $n"), Shell(shell.guest)
    assert other.says("echo free") == "free\n"
    assert not first.end
    assert [first.wait()["output"], second.wait()["output"]] == ["1\n", "10\n"]


def test_many_calls_at_once_all_come_to_their_turn(shell: Shell) -> None:
    running = [Running(shell, f"echo {number} >>order; echo {number}") for number in range(12)]
    assert [one.wait()["output"] for one in running] == [f"{number}\n" for number in range(12)]
    assert len(shell.says("cat order").split()) == 12


def test_a_command_in_the_background_outlives_the_shell(shell: Shell) -> None:
    log = "/mnt/session/results/made/new.log"
    end = shell.run('echo one; sleep 0.4; echo "two $x"; cat', logPath=log, timeoutMs=5000)
    pid = int(end["output"])
    assert exists(pid)
    shell.restart()
    assert exists(pid)
    until(lambda: not exists(pid))
    assert (shell.guest.root / log[1:]).read_text() == "one\ntwo \n"


def test_a_command_in_the_background_has_the_shells_state(shell: Shell) -> None:
    shell.run("cd /tmp; x=here; f() { echo $x in $PWD; }")
    end = shell.run("f", logPath="state.log")
    until(lambda: not exists(int(end["output"])))
    assert (shell.guest.workspace / "state.log").read_text() == "here in /tmp\n"


def test_a_shell_gets_by_when_the_place_for_temporary_files_is_cleared(shell: Shell) -> None:
    assert shell.says("echo one") == "one\n"
    shell.run(f"rm -rf {shell.guest.root}/.shell-*")
    assert shell.says("echo two") == "two\n"


def test_a_client_that_leaves_has_its_command_stopped(shell: Shell) -> None:
    with shell.guest.stream(f"{shell.path}/run", {"command": "echo $$ >pid; exec 9>&1; sleep 61"}) as answer:
        next(answer.iter_raw())
        until(lambda: (shell.guest.workspace / "pid").exists())
    with timed() as seconds:
        assert shell.says("echo free") == "free\n"
        assert seconds() < 3


def test_there_is_an_end_to_shells(start_guest: Callable[[], Guest]) -> None:
    guest = start_guest()
    with pytest.raises(GuestProblem, match="too long"):
        list(guest.events(f"/shells/{'n' * 65}/run", {"command": "true"}))
    shells = [Shell(guest) for _ in range(33)]
    for shell in shells[:32]:
        shell.run("true")
    with pytest.raises(GuestProblem, match="32 shells"):
        shells[32].run("true")
    shells[0].restart()
    assert shells[32].says("echo room") == "room\n"
