"""process.Process: starting commands, listening to them, talking to them."""

import binascii
import signal
from collections.abc import Callable, Iterator
from typing import Any

from . import users
from .channel import Channel
from .command import command_of, part, size_of
from .process import Process
from .registry import Registry
from .streaming import KEEPALIVE, Clock, Guarded, time_limit
from .wire import Handler, Json, Problem, Reply, Request, Routes, Stream, frames

_SIGNALS = {signal.SIGTERM, signal.SIGKILL}
_registry = Registry()


def _checked(handler: Callable[[Request], Reply]) -> Handler:
    def answer(request: Request) -> Reply:
        users.check(request)
        return handler(request)

    return answer


def _start(request: Request) -> Reply:
    command = command_of(request.json())
    clock = Clock(request, limited=False)
    process, channel = _registry.start(command, time_limit(request))
    return _events(process, channel, clock)


def _connect(request: Request) -> Reply:
    process = _registry.find(part(request.json(), "process"))
    return _events(process, process.listen(), Clock(request, limited=True))


def _events(process: Process, channel: Channel, clock: Clock) -> Stream:
    """What one listener is told of a command, from now to its end; when it leaves, the command goes on."""
    return Stream(Guarded(_told(process.pid, channel, clock), lambda: process.unlisten(channel)))


def _told(pid: int, channel: Channel, clock: Clock) -> Iterator[dict[str, Any] | None]:
    yield {"event": {"start": {"pid": pid}}}
    while True:
        event = channel.take(clock.wait())
        if event is None:
            yield {"event": KEEPALIVE} if clock.silent() else None
            continue
        clock.spoke()
        if "data" not in event:
            yield {"event": {"end": event}}
            return
        yield {"event": event}


def _list(request: Request) -> Reply:
    request.json()
    return Json({"processes": [_shown(process) for process in _registry.running()]})


def _shown(process: Process) -> dict[str, Any]:
    shown = {"pid": process.pid, "config": process.command.config()}
    return {**shown, "tag": process.command.tag} if process.command.tag else shown


def _send_input(request: Request) -> Reply:
    body = request.json()
    _write(_registry.find_running(part(body, "process")), part(body, "input"), request)
    return Json({})


def _write(process: Process, given: dict[str, Any], request: Request) -> None:
    for kind in ("stdin", "pty"):
        if (word := given.get(kind)) is not None:
            process.write(kind, _decoded(word), request.gone)


def _decoded(word: object) -> bytes:
    if not isinstance(word, str):
        raise Problem("invalid_argument", "input is not base64")
    try:
        # Both alphabets, padded or not, are JSON for bytes.
        return binascii.a2b_base64(
            word.replace("-", "+").replace("_", "/").rstrip("=") + "=" * (-len(word.rstrip("=")) % 4)
        )
    except (binascii.Error, ValueError):
        raise Problem("invalid_argument", "input is not base64") from None


def _stream_input(request: Request) -> Reply:
    return Stream(_take_input(request))


def _take_input(request: Request) -> Iterator[dict[str, Any]]:
    process: Process | None = None
    for message in frames(request.body):
        if "start" in message:
            process = _registry.find_running(part(part(message, "start"), "process"))
        elif "data" in message:
            if process is None:
                raise Problem("invalid_argument", "the first message names the process")
            _write(process, part(part(message, "data"), "input"), request)
    yield {}


def _close_stdin(request: Request) -> Reply:
    _registry.find_running(part(request.json(), "process")).close_stdin()
    return Json({})


def _send_signal(request: Request) -> Reply:
    body = request.json()
    number = _signal(body.get("signal"))
    process = _registry.find_running(part(body, "process"))
    if not process.signal(number):
        raise Problem("not_found", f"process with pid {process.pid} has ended")
    return Json({})


def _signal(value: object) -> signal.Signals:
    for known in _SIGNALS:
        if value in (f"SIGNAL_{known.name}", known.value):
            return known
    raise Problem("invalid_argument", "the signal is SIGNAL_SIGTERM or SIGNAL_SIGKILL")


def _update(request: Request) -> Reply:
    body = request.json()
    process = _registry.find_running(part(body, "process"))
    if body.get("pty") is not None:
        process.resize(size_of(part(body, "pty")))
    return Json({})


_PREFIX = "/process.Process/"
ROUTES: Routes = {
    ("POST", f"{_PREFIX}Start"): _checked(_start),
    ("POST", f"{_PREFIX}Connect"): _checked(_connect),
    ("POST", f"{_PREFIX}List"): _checked(_list),
    ("POST", f"{_PREFIX}SendInput"): _checked(_send_input),
    ("POST", f"{_PREFIX}StreamInput"): _checked(_stream_input),
    ("POST", f"{_PREFIX}CloseStdin"): _checked(_close_stdin),
    ("POST", f"{_PREFIX}SendSignal"): _checked(_send_signal),
    ("POST", f"{_PREFIX}Update"): _checked(_update),
}
