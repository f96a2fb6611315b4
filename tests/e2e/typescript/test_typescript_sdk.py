"""The unmodified TypeScript SDK, in a recent and an earlier release, against the running server.

Each scenario below ``scenarios`` is a program: agents with auto-paging, a conversation read from a stream opened before
the message, custom tools by hand and through the SDK's tool runner, confirmations, interrupts, deltas, files, tools in
a sandbox, errors as the SDK's classes, webhooks, and how sessions and environments end.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.server import ROOT, Server

HERE = Path(__file__).parent
SCENARIOS = sorted(path.stem for path in (HERE / "scenarios").glob("*.mjs") if path.stem != "support")

if shutil.which("node") is None or shutil.which("npm") is None:
    pytest.skip("node and npm are not installed", allow_module_level=True)


@pytest.fixture(scope="module", params=["current", "earlier"])
def home(request: pytest.FixtureRequest) -> Path:
    """A directory with the scenarios beside an installed SDK; installed anew when the lock file changed."""
    source, place = HERE / request.param, ROOT / "build" / "typescript" / request.param
    lock = (source / "package-lock.json").read_text()
    mark = place / "installed"
    if not mark.exists() or mark.read_text() != lock:
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(source, place, ignore=shutil.ignore_patterns("node_modules"))
        done = subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=place, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        mark.write_text(lock)
    for script in (HERE / "scenarios").glob("*.mjs"):
        shutil.copy(script, place)
    return place


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_sdk_works_unmodified(server: Server, key: str, home: Path, scenario: str) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("ANTHROPIC_")}
    done = subprocess.run(
        ["node", f"{scenario}.mjs"],
        cwd=home,
        env=env | {"LAMBENT_URL": server.url, "LAMBENT_KEY": key},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr + done.stdout
