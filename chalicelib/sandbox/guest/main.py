"""The guest's entry: reads its arguments, listens, answers."""

import os
import signal
import socket
import threading
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

from . import children, control, environment, paths
from .server import Router, Server
from .wire import Routes

_BACKLOG = 512
_UMASK = 0o022


class Arguments(NamedTuple):
    """The command line. Numbers are inherited file descriptors, -1 for none."""

    listen_fd: int = -1
    listen_tcp: str = ""
    control_fd: int = -1
    env_fd: int = -1
    root: str = ""
    egress: bool = False


def parse(words: Sequence[str]) -> Arguments:
    """The command line: ``--name value`` or ``--name=value``. Raises SystemExit."""
    found: dict[str, Any] = {}
    waiting = list(words)
    while waiting:
        name, equals, value = waiting.pop(0).partition("=")
        key = _KEYS.get(name)
        if key is None:
            raise SystemExit(f"unknown argument {name}")
        if key == "egress":
            found[key] = True
            continue
        if not equals:
            if not waiting:
                raise SystemExit(f"{name} needs a value")
            value = waiting.pop(0)
        found[key] = int(value) if key.endswith("fd") else value
    return Arguments(**found)


_KEYS = {
    "--listen-fd": "listen_fd",
    "--listen-tcp": "listen_tcp",
    "--control-fd": "control_fd",
    "--env-fd": "env_fd",
    "--env-json-fd": "env_fd",
    "--root": "root",
    "--egress": "egress",
}


def main(words: Sequence[str]) -> None:
    """Serve until the host lets go or the process is told to end."""
    given = parse(words)
    os.umask(_UMASK)
    _heed_interrupts()
    if given.root:
        paths.configure(given.root)
    listener = _listener(given)
    host = socket.socket(fileno=given.control_fd) if given.control_fd >= 0 else None
    egress = _settle(given, host)
    server = Server(Router(_tables(apart=not given.root)), listener)
    _end_when_told()
    if host is not None:
        control.end_with(host, children.kill_all)
        control.tell_ready(host, egress)
    threading.Thread(target=_finish_start, daemon=True).start()
    server.serve()


def _tables(*, apart: bool) -> list[Routes]:
    """What each part answers. The parts are loaded here: nothing waits for them before the guest listens.

    ``apart`` is whether there is a wall between this machine's network and the sandbox's.
    """
    from . import files, filesystem, metrics, ports, processes, search, shells, text, tree, watch

    parts = (files, filesystem, metrics, processes, search, shells, text, tree, watch)
    return [*(part.ROUTES for part in parts), ports.routes(apart=apart)]


def _listener(given: Arguments) -> socket.socket:
    if given.listen_tcp:
        host, _, port = given.listen_tcp.rpartition(":")
        return socket.create_server((host or "127.0.0.1", int(port)), backlog=_BACKLOG)
    if given.listen_fd < 0:
        raise SystemExit("--listen-fd or --listen-tcp is needed")
    listener = socket.socket(fileno=given.listen_fd)
    listener.set_inheritable(False)
    listener.setblocking(True)
    listener.listen(_BACKLOG)
    return listener


def _settle(given: Arguments, host: socket.socket | None) -> socket.socket | None:
    """Take the settings from wherever they come; the socket for the proxy when there is to be one."""
    if host is not None:
        host.set_inheritable(False)
        settings = control.read_settings(host, egress=given.egress)
    elif given.env_fd >= 0:
        with os.fdopen(given.env_fd, "rb") as file:
            settings = control.Settings(control.settings_of(b'{"env":%b}' % (file.read() or b"{}")).env, "", False, "")
    else:
        return None
    environment.configure(settings.env, settings.user, settings.proxy)
    return control.egress_listener() if settings.egress else None


def _heed_interrupts() -> None:
    """Let commands be interrupted. What is started in the background of a script ignores these signals, and so does all
    that it starts: no shell can take that back."""
    for number in (signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def _end_when_told() -> None:
    """End with everything in it on SIGTERM.

    Whichever thread the signal meets, the main one may sleep on: so a thread of its own waits for the signal's byte.
    """
    told, tell = socket.socketpair()
    tell.setblocking(False)
    signal.set_wakeup_fd(tell.detach(), warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    threading.Thread(target=_end, args=(told,), name="ending", daemon=True).start()


def _end(told: socket.socket) -> None:
    while told.recv(1) != bytes([signal.SIGTERM]):
        continue
    children.kill_all()
    os._exit(0)


def _finish_start() -> None:
    """What may take its time, while requests are answered already."""
    children.adopt()
    # The first command needs it.
    import_module("subprocess")
