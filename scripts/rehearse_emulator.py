"""The AWS emulator of the rehearsal: ministack in an environment of its own, bound to loopback."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import urllib3

ROOT = Path(__file__).resolve().parent.parent
UV = Path(sys.executable).parent / "uv"
LOCK = ROOT / "requirements" / "rehearsal.lock"
VENV = ROOT / "build" / "rehearsal-venv"
START_SECONDS = 60


class EmulatorDidNotStartError(Exception):
    """The emulator ended or stayed silent; its log says why."""


@dataclass(frozen=True)
class Emulator:
    """A running emulator. `log` holds what it and the functions in it wrote."""

    endpoint: str
    log: Path


def installed() -> Path:
    """The interpreter of the emulator's environment, which is made anew when its lock has changed.

    Raises:
        subprocess.CalledProcessError: the packages could not be had.
    """
    python = VENV / "bin" / "python"
    mark = VENV / "lock.sha256"
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if mark.exists() and mark.read_text() == digest:
        return python
    shutil.rmtree(VENV, ignore_errors=True)
    _uv("venv", "--quiet", "--python", sys.executable, str(VENV))
    _uv("pip", "install", "--quiet", "--python", str(python), "--require-hashes", "-r", str(LOCK))
    mark.write_text(digest)
    return python


@contextmanager
def running(folder: Path, elsewhere: Mapping[str, str] | None = None) -> Iterator[Emulator]:
    """An emulator with nothing in it, for as long as the context lasts; its files are under `folder`.

    `elsewhere` is where functions find what it does not emulate: `AWS_ENDPOINT_URL_…` and the address.

    Raises:
        EmulatorDidNotStartError: it does not answer.
    """
    python, port = installed(), free_port()
    log = folder / "ministack.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(python), "-m", "ministack"],
            cwd=folder,
            env=_environment(port, folder) | dict(elsewhere or {}),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            emulator = Emulator(f"http://127.0.0.1:{port}", log)
            _wait(emulator, process)
            yield emulator
        finally:
            _stop(process)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment(port: int, folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        # Functions inherit it; without it those of custom runtimes would ask AWS itself.
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "LOG_LEVEL": "INFO",
        # Functions may do what their roles allow, as in AWS, and no more.
        "AUTH": "true",
    }


def _wait(emulator: Emulator, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib3.request("GET", f"{emulator.endpoint}/_ministack/health", timeout=5, retries=False)
        except urllib3.exceptions.HTTPError:
            time.sleep(0.05)
        else:
            return
    raise EmulatorDidNotStartError(emulator.log.read_text(errors="replace")[-4000:])


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _uv(*arguments: str) -> None:
    subprocess.run([str(UV), *arguments], check=True)
