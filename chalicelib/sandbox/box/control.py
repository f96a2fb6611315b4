"""The words between a server and a guest before the first request: settings in, readiness out."""

import contextlib
import json
import os
import socket
import stat
from collections.abc import Mapping

from chalicelib.sandbox.box.errors import StartFailed

_LONGEST = 4096


def tell(control: socket.socket, env: Mapping[str, str]) -> None:
    """Hand over the environment of commands. It never stands on a command line, where others could read it."""
    try:
        control.sendall(json.dumps({"env": dict(env)}).encode() + b"\n")
    except OSError as error:
        raise StartFailed("the guest did not take its settings") from error


def await_ready(control: socket.socket) -> socket.socket | None:
    """Wait for the guest as long as the socket's time-out allows; the socket its egress arrives on, if it sent one.

    Raises StartFailed.
    """
    try:
        said, fds, _, _ = socket.recv_fds(control, _LONGEST, 1, socket.MSG_CMSG_CLOEXEC)
    except OSError as error:
        raise StartFailed("the guest did not get ready in time") from error
    with contextlib.ExitStack() as unused:
        for fd in fds:
            unused.callback(os.close, fd)
        _check(said)
        if not fds:
            return None
        listener = _listener(fds[0])
        unused.pop_all()
        return listener


def _check(said: bytes) -> None:
    try:
        ready = json.loads(said or b"{}").get("ready")
    except (ValueError, AttributeError):
        ready = None
    if ready is not True:
        raise StartFailed("the guest ended before it was ready" if not said else "the guest said something unknown")


def _listener(fd: int) -> socket.socket:
    """What arrives is from the inside and is used by the outside, so it has to be what it should be."""
    if not stat.S_ISSOCK(os.fstat(fd).st_mode):
        raise StartFailed("the guest sent something that is no socket")
    found = socket.socket(fileno=os.dup(fd))
    listens = found.type == socket.SOCK_STREAM and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if found.family not in (socket.AF_INET, socket.AF_INET6) or not listens:
        found.close()
        raise StartFailed("the guest sent a socket that does not listen")
    os.close(fd)
    return found
