"""Shells by name: commands one after the other, each shell's state kept from one to the next."""

import os
import shlex
import threading
import time
from collections.abc import Generator
from typing import Any, NamedTuple

from . import descendants, paths, uploads
from .capture import Capture
from .failures import told
from .shell import Shell, check_env, unclosed
from .shellcall import Command, End
from .slots import Slot
from .wire import Json, Problem, Reply, Request, Routes, Stream

_MOST_SHELLS = 32
_KEEPALIVE_SECONDS = 10.0
_LONGEST_MS = 3_600_000
_USUAL_MS = 120_000
_MOST_KEPT = 4_000_000
_USUAL_KEPT = 100_000
_SPILL_BYTES = 64 << 20
_NAME_CHARACTERS = 64

Message = dict[str, Any]
Messages = Generator[Message | None, None, None]


class Asked(NamedTuple):
    """What a caller wants run; ``log`` is where a command in the background writes, ``spill`` and it are real paths."""

    text: str
    seconds: float
    keep: int
    spill: paths.Place | None
    spill_limit: int
    log: paths.Place | None
    env: dict[str, str]
    call: str


_slots: dict[str, Slot] = {}
_lock = threading.Lock()


def _slot(request: Request) -> Slot:
    name = request.params["name"]
    if len(name) > _NAME_CHARACTERS:
        raise Problem("invalid_argument", "the shell's name is too long")
    with _lock:
        if name not in _slots and len(_slots) >= _MOST_SHELLS:
            for idle in [one for one, slot in _slots.items() if slot.is_empty]:
                del _slots[idle]
        if name not in _slots and len(_slots) >= _MOST_SHELLS:
            raise Problem("resource_exhausted", f"there are {_MOST_SHELLS} shells already")
        return _slots.setdefault(name, Slot())


def run(request: Request) -> Reply:
    """POST /shells/{name}/run: one command, its output kept up to a size, the rest in a file."""
    slot, asked = _slot(request), _asked(request.json())
    return Stream(_alive(_events(slot, asked)))


def _asked(body: dict[str, Any]) -> Asked:
    text, env = body.get("command"), body.get("env", {})
    if not isinstance(text, str) or "\0" in text:
        raise Problem("invalid_argument", "command has to be a text without zero bytes")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Problem("invalid_argument", "command is not valid Unicode") from None
    if not isinstance(env, dict):
        raise Problem("invalid_argument", "env has to be an object")
    check_env(env)
    return Asked(
        text,
        _number(body, "timeoutMs", _USUAL_MS, _LONGEST_MS) / 1000,
        _number(body, "keepBytes", _USUAL_KEPT, _MOST_KEPT),
        _place(body, "spillPath"),
        _number(body, "spillBytes", _SPILL_BYTES, _SPILL_BYTES),
        _place(body, "logPath"),
        env,
        str(body.get("call") or ""),
    )


def _number(body: dict[str, Any], name: str, usual: int, most: int) -> int:
    value = body.get(name, usual)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise Problem("invalid_argument", f"{name} has to be a whole number from 1 to {most}")
    return value


def _place(body: dict[str, Any], name: str) -> paths.Place | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise Problem("invalid_argument", f"{name} has to be a path")
    return paths.resolve(value)


def _alive(events: Messages) -> Messages:
    """The same, with a sign of life in long silence."""
    due = time.monotonic() + _KEEPALIVE_SECONDS
    try:
        for event in events:
            if event is None and time.monotonic() < due:
                yield None
                continue
            yield event or {"event": {"keepalive": {}}}
            due = time.monotonic() + _KEEPALIVE_SECONDS
    finally:
        events.close()


def _events(slot: Slot, asked: Asked) -> Messages:
    ticket = object()
    try:
        for _ in slot.wait(ticket):
            yield None
        yield from _run(slot, asked)
    finally:
        slot.leave(ticket)


def _run(slot: Slot, asked: Asked) -> Messages:
    shell, fresh, restarted = slot.ready()
    yield {"event": {"start": {"pid": shell.pid, "fresh": fresh}}}
    capture = Capture(asked.keep, asked.spill.real if asked.spill else None, asked.spill_limit)
    if (refusal := unclosed(asked.text)) is not None:
        capture.add(refusal.encode())
        yield _end(asked, capture, End(2, _folder(shell), None), restarted)
        return
    command = Command(shell, capture, asked.seconds, slot.detached)
    slot.begin(command, asked.call)
    try:
        yield from command.run(_script(asked), asked.env)
    finally:
        slot.over()
    end = command.end
    if end is None:
        raise Problem("internal", "the command did not end")
    if end.folder is None:
        slot.drop()
        slot.lost = end.why != "restart"
    elif asked.log is not None and capture.text().strip().isdigit():
        _note_detached(slot, int(capture.text()))
    yield _end(asked, capture, end, restarted)


def _folder(shell: Shell) -> str:
    return os.readlink(f"/proc/{shell.pid}/cwd")


def _script(asked: Asked) -> str:
    if asked.log is None:
        return asked.text
    with told(asked.log.shown):
        uploads.make_folders(os.path.dirname(asked.log.real))
        # Whoever is told of it may look at once, before the job has come to open it.
        os.close(os.open(asked.log.real, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644))
    where = f"</dev/null >{shlex.quote(asked.log.real)} 2>&1"
    return f"( eval {shlex.quote(asked.text)} ) {where} & builtin echo $!"


def _note_detached(slot: Slot, pid: int) -> None:
    process = descendants.living().get(pid)
    if process is not None:
        slot.detached.add(process.mark)


def _end(asked: Asked, capture: Capture, end: End, restarted: bool) -> Message:
    told_end: Message = {
        "exitCode": end.code,
        "timedOut": end.why == "timeout",
        "interrupted": end.why in ("interrupt", "restart"),
        "output": capture.text(),
        "bytes": capture.total,
        "tail": capture.tail(),
        "spilled": asked.spill.shown if asked.spill and capture.spilled else None,
        "dropped": capture.dropped,
        "spillProblem": capture.problem,
        "cwd": paths.shown(end.folder) if end.folder is not None else None,
        "exited": end.folder is None,
        "restarted": restarted,
    }
    return {"event": {"end": told_end}}


def restart(request: Request) -> Reply:
    """POST /shells/{name}/restart: the next command gets a new shell."""
    _slot(request).restart()
    return Json({})


def interrupt(request: Request) -> Reply:
    """POST /shells/{name}/interrupt: stop what runs there; ``call`` names one command, even one still in line."""
    _slot(request).interrupt(str(request.json().get("call") or ""))
    return Json({})


ROUTES: Routes = {
    ("POST", "/shells/{name}/run"): run,
    ("POST", "/shells/{name}/restart"): restart,
    ("POST", "/shells/{name}/interrupt"): interrupt,
}
