"""What the README shows can be pasted: the shell lines and the SDK script work as they stand there."""

import re
import shutil
import subprocess
import sys

import pytest

from tests.support.server import ROOT, Server

BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def shown(language: str, part: str) -> str:
    """The README's block of a language that holds a text."""
    blocks = [text for name, text in BLOCK.findall((ROOT / "README.md").read_text()) if name == language]
    (found,) = (text for text in blocks if part in text)
    return found


def filled(text: str, server: Server, key: str) -> str:
    """With this server's address and a real key."""
    assert "http://127.0.0.1:8000" in text
    assert "lmb_…" in text
    return text.replace("http://127.0.0.1:8000", server.url).replace("lmb_…", key)


def test_the_sdk_script_holds_a_conversation(server: Server, key: str) -> None:
    script = filled(shown("python", "Anthropic("), server, key)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    told = done.stdout.split()
    assert "agent.message" in told
    assert told[-1] == "session.status_idle"


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="curl and jq are not installed")
def test_the_first_request_streams_an_answer(server: Server, key: str) -> None:
    script = filled(shown("sh", "/v1/agents"), server, key)
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "event: agent.message\n" in done.stdout
    assert done.stdout.rstrip().splitlines()[-3].startswith("event: session.status_idle")
