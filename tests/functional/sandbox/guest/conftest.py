"""The guest as a process of its own: on a Unix socket, its folders below a temporary directory."""

import base64
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from chalicelib.sandbox.client import GuestClient, frame
from chalicelib.sandbox.hosts.base import Link

PROGRAM = Path(__file__).parents[4] / "chalicelib" / "sandbox" / "guest" / "run.py"
_FRAMED = {"content-type": "application/connect+json", "connect-protocol-version": "1"}


class Output:
    """What a stream of a command's events held."""

    def __init__(self, events: Iterator[dict[str, Any]]) -> None:
        self.events = [event["event"] for event in events]
        self.pid: int = self.events[0]["start"]["pid"]
        self.end: dict[str, Any] = self.events[-1].get("end", {})

    def bytes_of(self, kind: str = "stdout") -> bytes:
        data = (event["data"] for event in self.events if "data" in event)
        return b"".join(base64.b64decode(one[kind]) for one in data if kind in one)

    @property
    def text(self) -> str:
        return self.bytes_of().decode()


class Guest:
    """A running guest and ways to speak with it."""

    def __init__(self, folder: Path, root: Path, options: tuple[str, ...] = (), fds: tuple[int, ...] = ()) -> None:
        self.root = root
        self.workspace = root / "workspace"
        self.socket = str(folder / "s")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.socket)
            listener.listen(64)
            words = ["-I", "-S", "-B", str(PROGRAM), "--listen-fd", str(listener.fileno()), "--root", str(root)]
            self.process = subprocess.Popen(
                [sys.executable, *words, *options], pass_fds=[listener.fileno(), *fds], stderr=subprocess.PIPE
            )
        link = Link("http://guest", self.socket)
        self.client = GuestClient(link)
        self.http = httpx2.Client(
            transport=httpx2.HTTPTransport(uds=self.socket), base_url="http://guest", timeout=20, trust_env=False
        )

    def call(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self.client.call(path, body, timeout_s=20)

    def events(self, path: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        return self.client.events(path, body, silence_s=20)

    def run(self, command: str, **more: Any) -> Output:
        return Output(self.events("/process.Process/Start", bash(command, **more)))

    @contextmanager
    def stream(self, path: str, body: dict[str, Any], **headers: str) -> Iterator[httpx2.Response]:
        """The raw answer to a streaming call."""
        with self.http.stream("POST", path, content=frame(body), headers={**_FRAMED, **headers}) as answer:
            yield answer

    def close(self) -> str:
        """End it; what it wrote about faults of its own."""
        self.client.close()
        self.http.close()
        self.process.terminate()
        _, faults = self.process.communicate(timeout=20)
        return str(faults.decode())


def bash(command: str, **more: Any) -> dict[str, Any]:
    """The request of a start as E2B's SDKs make it."""
    envs, cwd = more.pop("envs", {}), more.pop("cwd", "")
    process = {"cmd": "/bin/bash", "args": ["-c", command], "envs": envs, **({"cwd": cwd} if cwd else {})}
    return {"process": process, "stdin": False, **more}


@pytest.fixture
def start_guest(tmp_path: Path) -> Iterator[Callable[..., Guest]]:
    """Starts guests of the test's own."""
    with tempfile.TemporaryDirectory(prefix="guest-") as short:
        started: list[Guest] = []

        def start(*options: str, fds: tuple[int, ...] = ()) -> Guest:
            folder = Path(short, str(len(started)))
            folder.mkdir()
            started.append(Guest(folder, tmp_path / f"root-{len(started)}", options, fds))
            return started[-1]

        yield start
        for guest in started:
            guest.close()


@pytest.fixture(scope="module")
def shared_guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """One guest for the tests of a module; each test has a folder of its own in it."""
    with tempfile.TemporaryDirectory(prefix="guest-") as short:
        guest = Guest(Path(short), tmp_path_factory.mktemp("root"))
        yield guest
        assert guest.close() == ""


@pytest.fixture
def guest(shared_guest: Guest) -> Guest:
    """The module's guest."""
    return shared_guest


@pytest.fixture
def folder(shared_guest: Guest, request: pytest.FixtureRequest) -> str:
    """The path, as the sandbox shows it, of a folder nobody else uses."""
    name = f"test-{os.urandom(4).hex()}"
    shared_guest.call("/filesystem.Filesystem/MakeDir", {"path": name})
    return f"/workspace/{name}"
