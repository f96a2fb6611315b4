"""A sandbox for the tools that need one."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.functional.sandbox.guest.conftest import Guest
from tests.functional.tools.sandboxes import Access, Sandbox


@pytest.fixture
def start_guest(tmp_path: Path) -> Iterator[Callable[[], Guest]]:
    """Starts guests of the test's own."""
    with tempfile.TemporaryDirectory(prefix="guest-") as short:
        started: list[Guest] = []

        def start() -> Guest:
            folder = Path(short, str(len(started)))
            folder.mkdir()
            started.append(Guest(folder, tmp_path / f"root-{len(started)}"))
            # Once it answers, its folders are there.
            assert started[-1].http.get("/health").status_code == 204
            return started[-1]

        yield start
        for guest in started:
            guest.close()


@pytest.fixture
def sandbox(start_guest: Callable[[], Guest]) -> Sandbox:
    """A sandbox of the test's own."""
    return Sandbox(Access(start_guest(), start_guest))
