"""Running commands in a box, and seeing what they said."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from chalicelib.sandbox.box.ground import survey
from chalicelib.sandbox.box.settings import BoxSettings
from chalicelib.sandbox.client import GuestClient
from chalicelib.sandbox.hosts.base import BoxSpec, Handle, Host, Limits, Network
from chalicelib.sandbox.hosts.local import LocalHost

_GRACE_SECONDS = 3.0
SMALL = Limits(memory_mib=96, disk_mib=32, processes=48, cpus=1.0)


@dataclass(frozen=True)
class Said:
    """How a command ended and what it wrote on both of its outputs."""

    code: int | None
    text: str
    timed_out: bool = False


class Inside:
    """One computer, used through its guest."""

    def __init__(self, host: Host, handle: Handle) -> None:
        self.host, self.handle = host, handle
        self.guest = GuestClient(host.link(handle))

    def run(self, command: str, *, seconds: float = 20.0, shell: str = "usual") -> Said:
        """A command; those of one shell wait for each other."""
        body = {"command": command, "timeoutMs": int(seconds * 1000), "keepBytes": 100_000}
        events = self.guest.events(f"/shells/{shell}/run", body, silence_s=seconds + _GRACE_SECONDS)
        end = next(event["event"]["end"] for event in events if "end" in event["event"])
        return Said(end["exitCode"], end["output"], end["timedOut"])

    def python(self, program: str, *, seconds: float = 20.0) -> Said:
        """A program for the system's Python."""
        return self.run(f"python3 -I -c {_quoted(program)}", seconds=seconds)

    def answers(self) -> bool:
        """Whether its guest says that it is well."""
        with self.guest.open("GET", "/health") as answer:
            return answer.status_code == 204


@contextmanager
def computer(host: Host, **wanted: object) -> Iterator[Inside]:
    """A small one without a way out, unless told otherwise; gone afterwards."""
    chosen = {"limits": SMALL, "network": closed_off(host), "seconds": 600} | wanted
    handle = host.start(BoxSpec("tenant", os.urandom(4).hex(), **chosen))  # type: ignore[arg-type]
    inside = Inside(host, handle)
    try:
        yield inside
    finally:
        inside.guest.close()
        host.stop(handle)


def closed_off(host: Host) -> Network:
    """No way out, where that can be kept."""
    plain = isinstance(host, LocalHost) and host._settings.mode == "unsafe-process"
    return Network("all" if plain else "none")


@contextmanager
def passable() -> Iterator[Path]:
    """A directory that other users can reach, unlike those of the test runner."""
    with TemporaryDirectory(prefix="lb-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


def isolated(settings: BoxSettings) -> BoxSettings:
    """The settings, where isolation can be had; skips the test where not."""
    if (ground := survey(settings)).tier != "bubblewrap":
        pytest.skip(ground.why)
    return settings


def limited_memory(settings: BoxSettings) -> None:
    """Skips the test where memory is not limited for a box as a whole."""
    if "memory" not in survey(settings).tree.controllers():
        pytest.skip("no control group limits memory here")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def parsed(said: Said) -> object:
    """The JSON a program printed."""
    return json.loads(said.text)
