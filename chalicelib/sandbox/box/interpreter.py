"""Which Python runs the guest: the system's when it will do, else the one that runs the server."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from chalicelib.sandbox.box.errors import NoIsolation
from chalicelib.sandbox.box.scratch import blocked_at

_SYSTEM = ("/usr/bin/python3", "/usr/local/bin/python3")
_OLDEST = (3, 11)
_ASK = (
    "import sys, json, socket, subprocess, threading, selectors, pty;"
    "print(sys.implementation.cache_tag, *sys.version_info[:2])"
)
_PATIENCE_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Interpreter:
    """``path`` is valid inside and outside. ``tree`` must be bound at its own place, unless it lies in the system's.

    ``private`` says that an unrelated user cannot reach the tree, so that it has to be bound to a passable place first.
    """

    path: Path
    tag: str
    tree: Path | None = None
    private: bool = False


def find() -> Interpreter:
    """Raises NoIsolation when no Python is new enough."""
    for candidate in _SYSTEM:
        real = Path(candidate).resolve()
        if real.is_relative_to("/usr") and (tag := _tag(real)):
            return Interpreter(real, tag)
    return own()


def own() -> Interpreter:
    """The one that runs this process, whatever virtual environment it was started from."""
    real = Path(sys.executable).resolve()
    tree = Path(sys.base_prefix).resolve()
    if not (tag := _tag(real)):
        raise NoIsolation("no Python of at least 3.11 was found to run inside a sandbox")
    if tree.is_relative_to("/usr"):
        return Interpreter(real, tag)
    return Interpreter(real, tag, tree, private=os.geteuid() == 0 and blocked_at(tree) is not None)


def _tag(path: Path) -> str:
    """The name of the interpreter's byte code; empty when it is too old, incomplete or not there."""
    try:
        done = subprocess.run(
            [path, "-I", "-S", "-c", _ASK], capture_output=True, text=True, timeout=_PATIENCE_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    tag, major, minor = done.stdout.split()
    return tag if (int(major), int(minor)) >= _OLDEST else ""
