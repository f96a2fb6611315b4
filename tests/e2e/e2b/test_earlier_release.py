"""A whole flow with an earlier release of the SDK, installed beside ours: it asks through older routes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import ROOT, Server

RELEASE = "2.20.0"
FLOW = Path(__file__).with_name("earlier_flow.py")


def _uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if not found:
        pytest.skip("uv is not here to install the earlier release with")
    return found


@pytest.fixture(scope="module")
def earlier_python() -> Path:
    """A Python that has the earlier release; it is kept under ``build/`` for the next time."""
    place = ROOT / "build" / f"e2b-{RELEASE}"
    python, ready = place / "bin" / "python", place / "ready"
    if not ready.exists():
        uv = _uv()
        subprocess.run([uv, "venv", "--quiet", "--clear", "-p", sys.executable, str(place)], check=True, timeout=60)
        install = [uv, "pip", "install", "--quiet", "-p", str(python), f"e2b=={RELEASE}"]
        done = subprocess.run(install, check=False, timeout=120, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"the earlier release cannot be installed: {done.stderr.strip()[-200:]}")
        ready.touch()
    return python


def test_an_earlier_client_goes_through_a_whole_flow(earlier_python: Path, server: Server, key: str) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("E2B_")}
    command = [str(earlier_python), str(FLOW), server.url, key]
    done = subprocess.run(command, check=False, timeout=60, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout)
    assert told == {
        "release": RELEASE,
        "info": ["base", "running", {"of": "a & b"}],
        "id": True,
        "read": "grüße",
        "listed": ["/workspace/notes/ä.txt"],
        "made": [True, False],
        "missing": told["missing"],
        "run": "dark green\n",
        "failed": "CommandExitException",
        "late": True,
        "killed": [True, False],
        "watched": True,
        "metrics": 1,
        "sandboxes": [True],
        "paused": ["paused", False],
        "away": "TimeoutException",
        "resumed": ["grüße", True],
        "ended": [True, False],
        "gone": told["gone"],
    }
    assert told["missing"] in ("NotFoundException", "FileNotFoundException")
    assert "NotFound" in told["gone"]
