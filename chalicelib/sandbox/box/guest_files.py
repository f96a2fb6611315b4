"""The guest's code where a box can read it: copied once per content, compiled, never changed afterwards."""

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from chalicelib.sandbox.box.errors import NoIsolation
from chalicelib.sandbox.box.interpreter import Interpreter

_COMPILE = ("-I", "-S", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash")
_PATIENCE_SECONDS = 60
PACKAGE = "guest"


def command(python: Interpreter, folder: str, listener: int, control: int) -> list[str]:
    """How the guest is started wherever it runs: from the directory made here, with two descriptors it inherits."""
    words = [str(python.path), "-I", "-S", "-B", f"{folder}/{PACKAGE}/run.py"]
    return [*words, "--listen-fd", str(listener), "--control-fd", str(control)]


def prepare(root: Path, python: Interpreter) -> Path:
    """The directory below ``root`` with the package, made when it is not whole there. Raises NoIsolation."""
    files = _sources()
    target = root / f"guest-{_digest(files, python)}"
    if not _is_whole(target, files):
        try:
            _make(target, files, python)
        except (OSError, subprocess.SubprocessError) as error:
            raise NoIsolation(f"the guest program could not be laid out in {root}: {error}") from error
    return target


@cache
def _sources() -> Mapping[str, bytes]:
    return dict(_walk(resources.files("chalicelib.sandbox.guest"), ""))


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != "__pycache__":
            found += _walk(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".py"):
            found.append((f"{prefix}{entry.name}", entry.read_bytes()))
    return found


def _digest(files: Mapping[str, bytes], python: Interpreter) -> str:
    digest = hashlib.sha256(f"{python.path} {python.tag}".encode())
    for name in sorted(files):
        digest.update(f"\0{name}\0{len(files[name])}\0".encode() + files[name])
    return digest.hexdigest()[:16]


def _is_whole(target: Path, files: Mapping[str, bytes]) -> bool:
    """Temporary directories get tidied by the system now and then, file by file."""
    return all((target / PACKAGE / name).is_file() for name in files)


def _make(target: Path, files: Mapping[str, bytes], python: Interpreter) -> None:
    """Build aside and rename: of several servers that do so at once the first wins, with the same content."""
    aside = Path(tempfile.mkdtemp(prefix="new-", dir=target.parent))
    try:
        for name, content in files.items():
            file = aside / PACKAGE / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        subprocess.run([python.path, *_COMPILE, aside], check=True, capture_output=True, timeout=_PATIENCE_SECONDS)
        _close(aside)
        _put(aside, target, files)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _close(folder: Path) -> None:
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o444)
    folder.chmod(0o755)


def _put(aside: Path, target: Path, files: Mapping[str, bytes]) -> None:
    if target.exists() and not _is_whole(target, files):
        target.rename(f"{aside}-old")
        shutil.rmtree(f"{aside}-old", ignore_errors=True)
    try:
        aside.rename(target)
    except OSError:
        if not _is_whole(target, files):
            raise
