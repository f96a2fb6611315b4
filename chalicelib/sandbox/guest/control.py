"""The socket between the guest and the host that started it: settings in, readiness out, and its end is ours."""

import array
import json
import os
import socket
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

EGRESS_PORT = 3128
_LOCAL = "127.0.0.1"
_LONGEST = 4 << 20
_PIECE = 1 << 20
_BACKLOG = 256


class Settings(NamedTuple):
    """What the host says at the start. ``proxy`` is empty when commands have none."""

    env: dict[str, str]
    user: str
    egress: bool
    proxy: str


class SettingsInvalid(ValueError):
    """The host did not say what it must."""


def read_settings(control: socket.socket, *, egress: bool) -> Settings:
    """The first line; ``egress`` when the command line asks for it already. Raises SettingsInvalid, OSError."""
    held = b""
    while b"\n" not in held:
        piece = control.recv(_PIECE)
        if not piece or len(held) > _LONGEST:
            raise SettingsInvalid("the settings are not one line")
        held += piece
    return settings_of(held.partition(b"\n")[0], egress=egress)


def settings_of(raw: bytes, *, egress: bool = False) -> Settings:
    """Settings from their JSON. Raises SettingsInvalid."""
    try:
        told: Any = json.loads(raw)
    except ValueError:
        raise SettingsInvalid("the settings are not JSON") from None
    env = told.get("env", {}) if isinstance(told, dict) else None
    if not isinstance(env, dict) or not all(isinstance(value, str) for value in env.values()):
        raise SettingsInvalid("the environment is not a map of texts")
    egress = egress or bool(told.get("egress"))
    proxy = str(told.get("proxyUrl") or (f"http://{_LOCAL}:{EGRESS_PORT}" if egress else ""))
    return Settings(env, str(told.get("user") or ""), egress, proxy)


def egress_listener() -> socket.socket:
    """Where commands find their proxy; the host accepts on it. Raises OSError."""
    return socket.create_server((_LOCAL, EGRESS_PORT), backlog=_BACKLOG)


def tell_ready(control: socket.socket, egress: socket.socket | None) -> None:
    """Tell the host that requests are answered, and hand it the socket its proxy accepts on. Raises OSError."""
    message = b'{"ready":true}\n'
    if egress is None:
        control.sendall(message)
        return
    handed = array.array("i", [egress.fileno()])
    control.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, handed)])


def end_with(control: socket.socket, last: Callable[[], None]) -> None:
    """When the host's end closes, do the last thing and end this process."""

    def watch() -> None:
        try:
            while control.recv(_PIECE):
                continue
        except OSError:
            # As good as closed.
            control.close()
        try:
            last()
        finally:
            os._exit(0)

    threading.Thread(target=watch, name="control", daemon=True).start()
