"""The unmodified TypeScript SDK, in a recent and an earlier release, against the running server.

Each scenario below ``scenarios`` is a program: agents with auto-paging, a conversation read from a stream opened before
the message, custom tools by hand and through the SDK's tool runner, confirmations, interrupts, deltas, files, tools in
a sandbox, the environment worker, errors as the SDK's classes, webhooks, and how sessions and environments end.
"""

from pathlib import Path

import pytest

from tests.support import javascript
from tests.support.pages import programs
from tests.support.server import ROOT, Server

HERE = Path(__file__).parent
SCENARIOS = javascript.scenarios_of(HERE / "scenarios")

if javascript.MISSING:
    pytest.skip("node and npm are not installed", allow_module_level=True)


@pytest.fixture(scope="module", params=["current", "earlier"])
def home(request: pytest.FixtureRequest) -> Path:
    """A directory with the scenarios beside an installed SDK."""
    return javascript.installed(HERE / request.param, HERE / "scenarios", ROOT / "build" / "typescript" / request.param)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_sdk_works_unmodified(server: Server, key: str, home: Path, scenario: str) -> None:
    done = javascript.run(home, scenario, server, key, without="ANTHROPIC_")
    assert done.returncode == 0, done.stderr + done.stdout


def test_the_programs_of_the_documentation_work(server: Server, key: str, home: Path) -> None:
    for page, text in programs("js"):
        (home / f"{page.stem}.mjs").write_text(text)
        done = javascript.run(home, page.stem, server, key, without="ANTHROPIC_")
        assert done.returncode == 0, done.stderr + done.stdout
        assert "hi word word" in done.stdout
