"""Programs in JavaScript that use an unmodified SDK against a running server."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.support.server import Server

MISSING = shutil.which("node") is None or shutil.which("npm") is None
"""Whether this machine cannot run them."""


def scenarios_of(folder: Path) -> list[str]:
    """The names of the programs in a folder; what they share is in ``support``."""
    return sorted(path.stem for path in folder.glob("*.mjs") if path.stem != "support")


def installed(package: Path, scenarios: Path, place: Path) -> Path:
    """A directory with the scenarios beside an installed SDK; installed anew when the lock file changed."""
    lock = (package / "package-lock.json").read_text()
    mark = place / "installed"
    if not mark.exists() or mark.read_text() != lock:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(package / name, place)
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        mark.write_text(lock)
    for script in scenarios.glob("*.mjs"):
        shutil.copy(script, place)
    return place


def run(home: Path, scenario: str, server: Server, key: str, without: str) -> subprocess.CompletedProcess[str]:
    """How a scenario ended; it sees no variable whose name begins with ``without``."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(without)}
    return subprocess.run(
        ["node", f"{scenario}.mjs"],
        cwd=home,
        env=env | {"LAMBENT_URL": server.url, "LAMBENT_KEY": key, "LAMBENT": server.url, "KEY": key},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
