"""The unmodified JavaScript SDK against the running server; each scenario is a program."""

from pathlib import Path

import pytest

from tests.support import javascript
from tests.support.server import ROOT, Server

SOURCE = Path(__file__).parent / "javascript"
SCENARIOS = javascript.scenarios_of(SOURCE / "scenarios")

if javascript.MISSING:
    pytest.skip("node and npm are not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def home() -> Path:
    """A directory with the scenarios beside an installed SDK."""
    return javascript.installed(SOURCE, SOURCE / "scenarios", ROOT / "build" / "e2b-javascript")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_sdk_works_unmodified(server: Server, key: str, home: Path, scenario: str) -> None:
    done = javascript.run(home, scenario, server, key, without="E2B_")
    assert done.returncode == 0, done.stderr + done.stdout
