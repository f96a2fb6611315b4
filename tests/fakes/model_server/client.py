"""The tests' side: start the server, script it, read what it saw."""

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from tests.fakes.model_server.server import ModelServer
from tests.support.patience import PATIENCE

ROOT = Path(__file__).parents[3]


class FakeClient:
    """Controls a running server through its HTTP routes; see the package's docstring for what each means."""

    def __init__(self, url: str = "") -> None:
        self.url = url

    @property
    def openai_url(self) -> str:
        return f"{self.url}/v1"

    @property
    def requests(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._call("GET", "/_requests")
        return found

    def requests_of(self, text: str) -> list[dict[str, Any]]:
        """Those whose newest user text contains this."""
        return [record for record in self.requests if text in record["text"]]

    def script(self, *replies: Any) -> None:
        self._call("POST", "/_script", list(replies))

    def hold(self, at: str = "arrival", *, after_tokens: int | None = None, match: str = "") -> None:
        point = {"at": at} if after_tokens is None else {"after_tokens": after_tokens}
        self._call("POST", "/_hold", {**point, "match": match})

    def release(self) -> None:
        self._call("POST", "/_release")

    def reset(self) -> None:
        self._call("POST", "/_reset")

    def held(self) -> int:
        return int(self._call("GET", "/_held"))

    def connections(self) -> int:
        """How many connections model requests came on since the last reset."""
        return len({record["connection"] for record in self.requests})

    def wait_held(self, count: int = 1, timeout: float = PATIENCE) -> None:
        self.wait_until(lambda: self.held() >= count, timeout, f"{count} requests at the gate")

    def wait_requests(self, count: int, timeout: float = PATIENCE) -> list[dict[str, Any]]:
        self.wait_until(lambda: len(self.requests) >= count, timeout, f"{count} requests")
        return self.requests

    def wait_disconnected(self, timeout: float = 1) -> dict[str, Any]:
        """The newest request whose client left early."""
        self.wait_until(lambda: any(r["disconnected"] for r in self.requests), timeout, "a disconnect")
        return [record for record in self.requests if record["disconnected"]][-1]

    @staticmethod
    def wait_until(true: Callable[[], bool], timeout: float, what: str) -> None:
        deadline = time.monotonic() + timeout
        while not true():
            if time.monotonic() > deadline:
                raise AssertionError(f"the fake model server did not see {what} within {timeout} s")
            time.sleep(0.005)

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        raw = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, raw, method=method)
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)


class FakeModel(FakeClient):
    """The server in a thread of this process."""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-model", daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._make(), self._loop).result(10)
        self.url = asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(10)
        return self

    def __exit__(self, *exc: object) -> None:
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @staticmethod
    async def _make() -> ModelServer:
        return ModelServer()


class FakeModelProcess(FakeClient):
    """The server in a process of its own."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.fakes.model_server", "0"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self.url = self._process.stdout.readline().strip()
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self._process.kill()
        self._process.wait(5)
        assert self._process.stdout
        self._process.stdout.close()
