"""The bash tool over a real guest."""

import re
import threading
import time
from typing import Any

import pytest

from chalicelib.tools.bash import Bash
from chalicelib.tools.output import MAX_CHARS, finished
from tests.functional.sandbox.guest.shellcalls import timed, until
from tests.functional.tools.contexts import context, error_of
from tests.functional.tools.sandboxes import Sandbox, text_of

BASH = Bash()


def test_output_of_a_command(sandbox: Sandbox) -> None:
    assert sandbox.says(BASH, command="echo out; echo err >&2") == "out\nerr"


def test_state_stays_until_the_shell_is_restarted(sandbox: Sandbox) -> None:
    sandbox.says(BASH, command="cd /tmp; export X=1; y=2")
    assert sandbox.says(BASH, command="echo $PWD $X $y") == "/tmp 1 2"
    assert sandbox.says(BASH, restart=True) == "The shell was restarted."
    assert sandbox.says(BASH, command="echo ${PWD##*/} [$X] [$y]") == "workspace [] []"
    sandbox.says(BASH, command="z=1")
    assert sandbox.says(BASH, restart=True, command="echo [$z]") == "[]"


@pytest.mark.parametrize(
    ("command", "text"),
    [("true", "(no output)"), ("exit_with() { return 4; }; echo x; exit_with", "x\nexit=4"), ("false", "exit=1")],
)
def test_an_exit_code_is_told_and_is_no_error(sandbox: Sandbox, command: str, text: str) -> None:
    assert sandbox.says(BASH, command=command) == text


def test_a_shell_that_ended_is_told(sandbox: Sandbox) -> None:
    assert sandbox.says(BASH, command="exit 3").startswith("exit=3\n[The shell ended")
    assert sandbox.says(BASH, command="echo on").startswith("on\n[The shell had ended.")
    assert sandbox.says(BASH, command="echo on") == "on"


@pytest.mark.parametrize("name", ["timeout", "timeout_ms"])
def test_a_time_out_is_an_error_with_the_output_so_far(sandbox: Sandbox, name: str) -> None:
    sandbox.says(BASH, command="x=kept")
    with timed() as seconds:
        text = sandbox.fails(BASH, command="echo begun; sleep 60", **{name: 300})
        assert seconds() < 3
    assert text == "Error: the command was stopped after 0.3 s. Until then it said:\nbegun"
    assert sandbox.says(BASH, command="echo $x") == "kept"


def test_the_longest_time_is_ten_minutes(sandbox: Sandbox) -> None:
    assert sandbox.says(BASH, command="echo fine", timeout=10**9) == "fine"


def test_a_cancelled_command_ends_at_once(sandbox: Sandbox) -> None:
    threading.Timer(0.4, sandbox.cancelled.set).start()
    began = time.monotonic()
    text = sandbox.fails(BASH, command="echo begun; sleep 60; echo no")
    assert time.monotonic() - began < 1.4
    assert text == "Error: the command was interrupted. Until then it said:\nbegun"
    sandbox.cancelled.clear()
    assert sandbox.says(BASH, command="echo on") == "on"


def test_a_command_cancelled_before_it_comes_to_its_turn_is_not_run(sandbox: Sandbox) -> None:
    sandbox.cancelled.set()
    assert "was interrupted" in sandbox.fails(BASH, command="sleep 0.5; touch mark; sleep 60")
    assert not (sandbox.guest.workspace / "mark").exists()


def test_in_the_background(sandbox: Sandbox) -> None:
    sandbox.says(BASH, command="greeting=hello")
    with timed() as seconds:
        text = sandbox.says(BASH, command="sleep 0.5; echo $greeting; exit 3", run_in_background=True)
        assert seconds() < 0.4
    match = re.fullmatch(
        r"Process (\d+) runs in the background\. Its output goes to (/mnt/session/results/\S+)\.", text
    )
    assert match
    log = sandbox.guest.root / match[2][1:]
    assert log.read_text() in ("", "hello\n")
    until(lambda: log.read_text() == "hello\n")
    assert sandbox.says(BASH, command="echo on") == "on"


def test_everything_is_durable_before_the_result_is_given(sandbox: Sandbox) -> None:
    sandbox.says(BASH, command="echo x")
    sandbox.fails(BASH, command="sleep 9", timeout=100)
    assert sandbox.access.persisted == [None, None]


@pytest.mark.parametrize("size", [300_000, 3_000_000])
def test_long_output_goes_to_a_file(sandbox: Sandbox, size: int) -> None:
    output = sandbox.run(BASH, command=f"seq 1 {size} | head -c {size}; echo; echo the end; exit 7")
    text = text_of(output)
    path = f"/mnt/session/results/use_{1}.txt"
    assert not output.is_error
    assert len(text) < 20_000
    assert text.startswith("1\n2\n3\n")
    assert "the end" in text
    assert path in text
    kept = (sandbox.guest.root / path[1:]).read_text()
    assert kept.startswith("1\n2\n3\n")
    assert "the end\n" in kept or kept.endswith("the end\nexit=7")
    assert len(kept) >= size
    assert "exit=7" in text
    assert finished(output) == output


def test_output_up_to_the_bound_is_shown_whole(sandbox: Sandbox) -> None:
    assert sandbox.says(BASH, command=f"printf '%0{MAX_CHARS}d' 0") == "0" * MAX_CHARS
    assert len(sandbox.says(BASH, command="for i in $(seq 30000); do printf '€'; done")) == 30_000


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"command": ""},
        {"command": 5},
        {"command": "a\0b"},
        {"command": "\ud800"},
        {"command": "true", "timeout": "9"},
        {"command": "true", "timeout_ms": 0},
        {"command": "true", "restart": "yes"},
        {"command": "true", "run_in_background": 1},
    ],
)
def test_wrong_arguments_are_an_error_result(arguments: dict[str, Any]) -> None:
    assert "no sandbox" not in error_of(BASH.run(context(), arguments))


def test_commands_of_one_answer_share_the_shell_one_after_the_other(sandbox: Sandbox) -> None:
    texts: list[str] = []
    sandbox.says(BASH, command="n=0")
    threads = [
        threading.Thread(target=lambda: texts.append(sandbox.says(BASH, command="n=$((n + 1)); sleep 0.05; echo $n")))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(texts) == ["1", "2", "3", "4", "5"]
