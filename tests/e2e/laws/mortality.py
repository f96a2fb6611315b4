"""A server that is killed at moments of its work, and its tenants."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.api import Api
from tests.support.patience import PATIENCE
from tests.support.server import Server

Come = Callable[[], bool]


class Owner:
    """A tenant of one test, with a client of the server as it runs now."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._key = server.tenant()
        self._clients: dict[str, Api] = {}

    @property
    def state(self) -> Path:
        """Where the server keeps its state."""
        assert self.server.state is not None
        return self.server.state

    @property
    def api(self) -> Api:
        """The client."""
        if self.server.url not in self._clients:
            self._clients[self.server.url] = Api(self.server.url, self._key)
        return self._clients[self.server.url]

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()


@dataclass(frozen=True)
class Written:
    """The moment at which the server has kept so many more records."""

    records: int

    def come(self, state: Path) -> Come:
        """Tells whether it has come, from now on."""
        until = _records(state) + self.records
        return lambda: _records(state) >= until


@dataclass(frozen=True)
class Passed:
    """The moment so many seconds later."""

    seconds: float

    def come(self, _: Path) -> Come:
        """Tells whether it has come, from now on."""
        until = time.monotonic() + self.seconds
        return lambda: time.monotonic() >= until


def await_closely(come: Come, over: Come = lambda: False) -> None:
    """Until the moment has come or can come no more; looks without a pause."""
    deadline = time.monotonic() + PATIENCE
    while not (come() or over()):
        assert time.monotonic() < deadline, "the moment did not come"


def _records(state: Path) -> int:
    return sum(journal.read_bytes().count(b"\n") for journal in state.glob("journal-*.log"))
