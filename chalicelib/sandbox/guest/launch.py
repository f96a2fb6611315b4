"""Starting a command: its directory, its environment, its pipes or terminal."""

import errno
import os
from typing import TYPE_CHECKING, NamedTuple

from . import children, environment, paths, pty
from .command import Command, Size
from .wire import Problem

if TYPE_CHECKING:
    import subprocess

_NO_ROOM = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)


class Launched(NamedTuple):
    """A running command. ``outputs`` are descriptors to read, by kind; ``input`` is the one to write, None without."""

    child: "subprocess.Popen[bytes]"
    outputs: dict[int, str]
    input: int | None


def launch(command: Command) -> Launched:
    """Start it, leading a session of its own. Raises Problem."""
    folder = _folder(command.cwd)
    try:
        if command.terminal is not None:
            return _in_terminal(command, folder, command.terminal)
        return _with_pipes(command, folder)
    except ValueError:
        raise Problem(
            "invalid_argument", "the command, its arguments or its environment hold what is no text"
        ) from None
    except OSError as error:
        raise _refused(error, command) from error


def _folder(cwd: str) -> str:
    place = paths.resolve(cwd)
    if not os.path.isdir(place.real):
        raise Problem("invalid_argument", f"cwd '{place.shown}' does not exist or is no directory")
    if not os.access(place.real, os.X_OK):
        raise Problem("invalid_argument", f"cwd '{place.shown}' cannot be entered")
    return place.real


def _with_pipes(command: Command, folder: str) -> Launched:
    from subprocess import DEVNULL, PIPE

    child = children.spawn(
        [command.cmd, *command.args],
        stdin=PIPE if command.stdin else DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        bufsize=0,
        cwd=folder,
        env=environment.build(command.envs),
        start_new_session=True,
    )
    outputs = {_detached(child.stdout): "stdout", _detached(child.stderr): "stderr"}
    return Launched(child, outputs, _detached(child.stdin) if child.stdin else None)


def _detached(pipe: object) -> int:
    """A pipe's descriptor as one of its own: whoever closes it need not care for the object."""
    descriptor = os.dup(pipe.fileno())  # type: ignore[attr-defined]
    pipe.close()  # type: ignore[attr-defined]
    return descriptor


def _in_terminal(command: Command, folder: str, size: Size) -> Launched:
    master, slave = pty.open_terminal(size)
    try:
        child = children.spawn(
            [command.cmd, *command.args],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=folder,
            env={"TERM": "xterm-256color", **environment.build(command.envs)},
            start_new_session=True,
            preexec_fn=pty.take_control,
        )
    except BaseException:
        os.close(master)
        raise
    finally:
        os.close(slave)
    return Launched(child, {master: "pty"}, os.dup(master))


def _refused(error: OSError, command: Command) -> Problem:
    if error.errno == errno.E2BIG:
        return Problem("invalid_argument", "the arguments and the environment are too long")
    if error.errno in _NO_ROOM:
        return Problem("resource_exhausted", "the sandbox has no room for another process")
    if error.errno == errno.ENOENT:
        return Problem("invalid_argument", f"program '{command.cmd}' was not found")
    return Problem("invalid_argument", f"program '{command.cmd}' cannot be run ({os.strerror(error.errno or 0)})")
