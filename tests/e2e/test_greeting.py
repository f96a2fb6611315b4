"""What a person sees who starts the server: a conversation in one piece, where it is, and lines that can be pasted."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.model_server import FakeModel
from tests.support.server import READY_SECONDS, ROOT, Server

COMMAND = [sys.executable, "-m", "chalicelib.cli.main", "dev", "--port", "0", "--model", "none"]
SANDBOXES = "Commands are refused"


@pytest.fixture(scope="module")
def told(shared_model: FakeModel) -> Iterator[list[str]]:
    """The lines of a server that holds a conversation first, up to the last it prints."""
    shared_model.reset()
    env = dict(os.environ) | {
        "ANTHROPIC_BASE_URL": shared_model.url,
        "ANTHROPIC_API_KEY": "provider-key",
        "LAMBENT_SANDBOX": "none",
    }
    process = subprocess.Popen(
        [*COMMAND, "--ephemeral", "--demo"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env=env,
    )
    assert process.stdout is not None
    timer = threading.Timer(READY_SECONDS, process.kill)
    timer.start()
    try:
        yield list(_until_both(process.stdout))
    finally:
        timer.cancel()
        process.kill()
        process.wait()
        process.stdout.close()


def _until_both(lines: Iterator[str]) -> Iterator[str]:
    """Up to the last line of the greeting and the one on sandboxes, in whatever order they come."""
    missing = {"/v1/me", SANDBOXES}
    for line in lines:
        yield line.rstrip("\n")
        missing -= {part for part in missing if part in line}
        if not missing:
            return


def test_nothing_interrupts_the_conversation(told: list[str]) -> None:
    begins = next(at for at, line in enumerate(told) if line.startswith("A conversation"))
    ends = next(at for at, line in enumerate(told) if "session.status_idle" in line)
    assert all(line.startswith("  ") for line in told[begins + 1 : ends]), told
    assert SANDBOXES in told[-1]


def test_the_answer_is_shown_once(told: list[str]) -> None:
    shown = "\n".join(told)
    assert shown.count("agent.message") == 1, shown
    assert shown.count(" ".join(["hi", *["word"] * 19])) == 1, shown


def test_the_lines_to_paste_work(told: list[str], server: Server, key: str) -> None:
    at = next(at for at, line in enumerate(told) if line.startswith("  export LAMBENT="))
    assert "KEY=lmb_" in told[at]
    script = f"{told[at]}\nexport LAMBENT={server.url} KEY={key}\n{told[at + 1]}"
    done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, timeout=60, check=False)
    assert '"tenant":' in done.stdout, done.stderr


def test_a_state_directory_in_use_is_told_with_what_to_do(tmp_path: Path) -> None:
    with Server(state=tmp_path):
        done = subprocess.run(
            [*COMMAND, "--state", str(tmp_path)], capture_output=True, text=True, timeout=60, cwd=ROOT, check=False
        )
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {tmp_path} is in use by another process")
    assert "--state" in done.stderr
