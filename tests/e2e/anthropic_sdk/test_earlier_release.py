"""A whole flow with an early release of the client, installed beside ours: it hears every event."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from anthropic import Anthropic

from tests.e2e.anthropic_sdk.helpers import SIMPLE_TURN, listed, types
from tests.fakes.model_server import FakeModel
from tests.support.server import ROOT, Server

RELEASE = "0.92.0"
FLOW = Path(__file__).with_name("earlier_flow.py")


def _uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if not found:
        pytest.skip("uv is not here to install the early release with")
    return found


@pytest.fixture(scope="module")
def early_python() -> Path:
    """A Python that has the early release; it is kept under ``build/`` for the next time."""
    place = ROOT / "build" / f"anthropic-{RELEASE}"
    python = place / "bin" / "python"
    ready = place / "ready"
    if not ready.exists():
        uv = _uv()
        subprocess.run([uv, "venv", "--quiet", "--clear", "-p", sys.executable, str(place)], check=True, timeout=60)
        install = [uv, "pip", "install", "--quiet", "-p", str(python), f"anthropic=={RELEASE}"]
        done = subprocess.run(install, check=False, timeout=120, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"the early release cannot be installed: {done.stderr.strip()[-200:]}")
        ready.touch()
    return python


@pytest.mark.slow
def test_an_early_client_goes_through_a_whole_flow(
    early_python: Path, server: Server, key: str, client: Anthropic, model: FakeModel
) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("ANTHROPIC_")}
    done = subprocess.run(
        [str(early_python), str(FLOW), server.url, key],
        check=False,
        timeout=60,
        capture_output=True,
        text=True,
        env=env,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["release"] == RELEASE
    assert told["agent"] == {"version": 2, "listed": 23, "refused": "BadRequestError"}
    assert told["streamed"] == SIMPLE_TURN
    assert told["answer"] == "hello from then"
    assert told["tool"] == {"asked": "lookup", "stop": "requires_action", "end": "end_turn"}
    assert told["file"] == {"size": 5, "bytes": "bytes", "listed": 1}
    assert told["gone"] == "NotFoundError"
    kept = listed(client, told["session"])
    assert types(kept)[: len(SIMPLE_TURN)] == SIMPLE_TURN
    assert [event.id for event in kept] == told["ids"]
