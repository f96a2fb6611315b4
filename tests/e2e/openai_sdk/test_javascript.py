"""The unmodified JavaScript SDK against the running server; each scenario is a program."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.server import ROOT, Server

SOURCE = Path(__file__).parent / "javascript"
SCENARIOS = sorted(path.stem for path in (SOURCE / "scenarios").glob("*.mjs") if path.stem != "support")

if shutil.which("node") is None or shutil.which("npm") is None:
    pytest.skip("node and npm are not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def home() -> Path:
    """A directory with the scenarios beside an installed SDK; installed anew when the lock file changed."""
    place = ROOT / "build" / "openai-javascript"
    lock = (SOURCE / "package-lock.json").read_text()
    mark = place / "installed"
    if not mark.exists() or mark.read_text() != lock:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SOURCE / name, place)
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        mark.write_text(lock)
    for script in (SOURCE / "scenarios").glob("*.mjs"):
        shutil.copy(script, place)
    return place


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_sdk_works_unmodified(server: Server, key: str, home: Path, scenario: str) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    done = subprocess.run(
        ["node", f"{scenario}.mjs"],
        cwd=home,
        env=env | {"LAMBENT_URL": server.url, "LAMBENT_KEY": key},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
