"""What a caller wants run, read from a request."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from .wire import Problem


class Size(NamedTuple):
    """A terminal's, in characters."""

    cols: int
    rows: int


class Command(NamedTuple):
    """A program and how to start it; ``cwd`` as the caller gave it, empty for the working directory."""

    cmd: str
    args: tuple[str, ...]
    envs: Mapping[str, str]
    cwd: str
    stdin: bool
    terminal: Size | None
    tag: str

    def config(self) -> dict[str, Any]:
        """The part of it that lists of processes show."""
        shown: dict[str, Any] = {"cmd": self.cmd, "args": list(self.args), "envs": dict(self.envs)}
        return {**shown, "cwd": self.cwd} if self.cwd else shown


def command_of(body: dict[str, Any]) -> Command:
    """The request of a start. Raises Problem."""
    process = part(body, "process")
    cmd = process.get("cmd") or ""
    args = process.get("args") or []
    envs = process.get("envs") or {}
    texts = [cmd, process.get("cwd") or "", body.get("tag") or ""]
    if not (isinstance(args, list) and isinstance(envs, dict) and _are_texts([*texts, *args, *envs, *envs.values()])):
        raise Problem("invalid_argument", "cmd, cwd and tag are texts, args a list and envs a map of them")
    if not cmd:
        raise Problem("invalid_argument", "cmd is needed")
    terminal = size_of(part(body, "pty")) if body.get("pty") is not None else None
    stdin = body.get("stdin") is not False
    return Command(cmd, tuple(args), envs, process.get("cwd") or "", stdin, terminal, body.get("tag") or "")


def part(body: dict[str, Any], name: str) -> dict[str, Any]:
    """A field that is an object, an empty one when left out. Raises Problem."""
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Problem("invalid_argument", f"{name} is not an object")
    return value


def size_of(pty: dict[str, Any]) -> Size:
    """The size in a terminal's description, 80 by 24 when it says none. Raises Problem."""
    size = part(pty, "size")
    cols, rows = size.get("cols") or 80, size.get("rows") or 24
    if not (isinstance(cols, int) and isinstance(rows, int) and 0 < cols < 1 << 16 and 0 < rows < 1 << 16):
        raise Problem("invalid_argument", "a terminal's size is two numbers below 65536")
    return Size(cols, rows)


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)
