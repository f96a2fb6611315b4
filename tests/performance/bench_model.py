"""The model of a measurement: a process of its own that remembers when it was asked and when it spoke."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from tests.fakes.model_server import FakeModelProcess

ANOTHER = "LAMBENT_BENCH_MODEL"
"""Names a script to use as the model: it takes a port, and tells at ``/_log/NONCE`` what it did for a nonce."""


@dataclass(frozen=True, slots=True)
class Spoke:
    """One answer, in monotonic seconds: when it was asked for, began and was complete."""

    arrived: float
    first: float
    last: float


class BenchModel(Protocol):
    """A model server; it does what a text's ``tokens:``, ``ttft:``, ``gap:`` and ``tools:`` say."""

    url: str

    def forget(self) -> None:
        """Drop what is remembered."""
        ...

    def spoke(self, nonce: str) -> list[Spoke]:
        """The answers to the text that carries ``nonce:…``, in order."""
        ...


class _Own(FakeModelProcess):
    def forget(self) -> None:
        self.reset()

    def spoke(self, nonce: str) -> list[Spoke]:
        records = self.requests_of(f"nonce:{nonce} ")
        return [Spoke(one["arrived"], one["first_token"] or one["ended"], one["ended"]) for one in records]


class _Other:
    def __init__(self, url: str) -> None:
        self.url = url

    def forget(self) -> None:
        """It forgets by itself what was asked for once."""

    def spoke(self, nonce: str) -> list[Spoke]:
        with urllib.request.urlopen(f"{self.url}/_log/{nonce}", timeout=10) as answer:
            records = json.load(answer)
        return [Spoke(*(one[name] / 1e9 for name in ("arrive", "first", "last"))) for one in records]


@contextmanager
def bench_model() -> Iterator[BenchModel]:
    """The model named by the environment, else the tests' own."""
    script = os.environ.get(ANOTHER)
    if not script:
        with _Own() as own:
            yield own
        return
    port = _free_port()
    process = subprocess.Popen([sys.executable, script, str(port)])
    try:
        _wait_for(port)
        yield _Other(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait(5)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise AssertionError("the model did not start")
