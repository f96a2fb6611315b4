"""Commands in a sandbox."""

import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from e2b import (
    CommandExitException,
    InvalidArgumentException,
    NotFoundException,
    Sandbox,
    SandboxException,
    TimeoutException,
)
from e2b.sandbox.commands.command_handle import PtySize

from tests.e2e.e2b.conftest import Options
from tests.e2e.e2b.helpers import PATIENCE, eventually, is_alive


def test_output_is_told_while_a_command_runs(sandbox: Sandbox) -> None:
    told: list[tuple[float, str]] = []
    result = sandbox.commands.run(
        "echo a; sleep 1; echo b", on_stdout=lambda text: told.append((time.monotonic(), text))
    )
    assert "".join(text for _, text in told) == result.stdout == "a\nb\n"
    assert told[-1][0] - told[0][0] > 0.7


def test_a_failure_tells_its_code_and_both_outputs(sandbox: Sandbox) -> None:
    heard: list[str] = []
    with pytest.raises(CommandExitException) as failed:
        sandbox.commands.run("echo out; echo err >&2; exit 3", on_stderr=heard.append)
    assert (failed.value.exit_code, failed.value.stdout, failed.value.stderr) == (3, "out\n", "err\n")
    assert heard == ["err\n"]


def test_much_output_comes_whole(sandbox: Sandbox) -> None:
    line = "äöü€😀" * 100
    sandbox.files.write("lines", (line + "\n") * 100)
    result = sandbox.commands.run("for i in $(seq 85); do cat lines; done", timeout=60)
    assert len(result.stdout.encode()) > 10 << 20
    assert result.stdout == (line + "\n") * 8500


def test_where_and_with_what_a_command_runs(sandbox: Sandbox) -> None:
    sandbox.files.make_dir("deep/er")
    run = sandbox.commands.run
    assert run("pwd; echo $A-$B", cwd="deep/er", envs={"A": "1", "B": "two words"}).stdout == (
        "/workspace/deep/er\n1-two words\n"
    )
    assert run("whoami", user="user").stdout
    with pytest.raises(InvalidArgumentException):
        run("pwd", cwd="missing")


def test_a_time_limit_ends_command_and_process(sandbox: Sandbox) -> None:
    started = time.monotonic()
    with pytest.raises(TimeoutException):
        sandbox.commands.run("echo $$ > pid; exec sleep 30", timeout=1)
    assert 0.8 < time.monotonic() - started < 5
    pid = int(sandbox.files.read("pid"))
    assert eventually(lambda: not is_alive(sandbox, pid))


def test_a_background_command_is_listed_followed_and_killed(sandbox: Sandbox, options: Options) -> None:
    handle = sandbox.commands.run("echo first; sleep 1; echo last", background=True, timeout=0, envs={"A": "b"})
    assert handle.pid in [one.pid for one in sandbox.commands.list()]
    (found,) = [one for one in sandbox.commands.list() if one.pid == handle.pid]
    assert (found.cmd, found.args[-1], found.envs.get("A")) == ("/bin/bash", "echo first; sleep 1; echo last", "b")
    other = Sandbox.connect(sandbox.sandbox_id, **options).commands.connect(handle.pid)
    assert other.wait().stdout.endswith("last\n")
    assert handle.wait().stdout == "first\nlast\n"
    assert handle.pid not in [one.pid for one in sandbox.commands.list()]


def test_a_killed_command_says_so(sandbox: Sandbox) -> None:
    handle = sandbox.commands.run("sleep 60", background=True, timeout=0)
    assert sandbox.commands.kill(handle.pid) is True
    with pytest.raises(CommandExitException) as ended:
        handle.wait()
    assert ended.value.exit_code == -1
    assert sandbox.commands.kill(handle.pid) is False
    with pytest.raises(NotFoundException):
        sandbox.commands.connect(999_999)


@pytest.mark.parametrize("how", ["send", "stream"])
def test_input(sandbox: Sandbox, how: str) -> None:
    handle = sandbox.commands.run("cat; echo done", background=True, stdin=True)
    send: Callable[[str], None] = lambda text: sandbox.commands.send_stdin(handle.pid, text)  # noqa: E731
    if how == "stream":
        sandbox.commands.stream_input(handle.pid, iter(["one\n", "zwei ü\n"]))
    else:
        send("one\n")
        send("zwei ü\n")
    sandbox.commands.close_stdin(handle.pid)
    assert handle.wait().stdout == "one\nzwei ü\ndone\n"


def test_input_to_a_command_without_any_is_an_error(sandbox: Sandbox) -> None:
    handle = sandbox.commands.run("sleep 60", background=True, timeout=0)
    with pytest.raises(SandboxException):
        sandbox.commands.send_stdin(handle.pid, "x")
    assert handle.kill()


def test_a_client_that_goes_leaves_its_command_at_work(sandbox: Sandbox, options: Options) -> None:
    handle = sandbox.commands.run("sleep 0.5; echo survived > out.txt", background=True, timeout=0)
    handle.disconnect()
    assert eventually(lambda: sandbox.files.exists("out.txt"))


def test_a_client_that_dies_leaves_its_command_at_work(sandbox: Sandbox, options: Options) -> None:
    program = (
        "import os, sys\n"
        "from e2b import Sandbox\n"
        "box = Sandbox.connect(sys.argv[1], api_key=sys.argv[2], api_url=sys.argv[3], sandbox_url=sys.argv[3])\n"
        "box.commands.run('sleep 0.5; echo survived > out.txt', background=True, timeout=0)\n"
        "os._exit(9)\n"
    )
    arguments = [sandbox.sandbox_id, options["api_key"], options["api_url"]]
    done = subprocess.run([sys.executable, "-c", program, *arguments], timeout=PATIENCE * 3, check=False)
    assert done.returncode == 9
    assert eventually(lambda: sandbox.files.exists("out.txt"))


def test_a_terminal(sandbox: Sandbox) -> None:
    heard: list[bytes] = []
    handle = sandbox.pty.create(PtySize(rows=24, cols=80), cwd="/workspace")
    sandbox.pty.send_stdin(handle.pid, b"stty size; tty\n")
    sandbox.pty.resize(handle.pid, PtySize(rows=30, cols=100))
    sandbox.pty.send_stdin(handle.pid, b"stty size; exit 4\n")
    with pytest.raises(CommandExitException) as ended:
        handle.wait(on_pty=heard.append)
    assert ended.value.exit_code == 4
    screen = b"".join(heard)
    assert b"/dev/pts/" in screen
    assert b"30 100" in screen


def test_many_commands_at_once(sandbox: Sandbox) -> None:
    handles = [sandbox.commands.run(f"sleep 0.3; echo {number}", background=True) for number in range(12)]
    assert [handle.wait().stdout for handle in handles] == [f"{number}\n" for number in range(12)]
