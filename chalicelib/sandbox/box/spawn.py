"""One run of bwrap, up to the point where the guest is on its way."""

import contextlib
import io
import json
import os
import select
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.sandbox.box import filesystem, groups, rlimits, seccomp
from chalicelib.sandbox.box.errors import StartFailed
from chalicelib.sandbox.box.isolation import Descriptors, Isolation, User
from chalicelib.sandbox.box.launcher import Launcher
from chalicelib.sandbox.hosts.base import Limits

_INFO_SECONDS = 5.0
_LAST_WORDS_SECONDS = 0.2
_FIRST_TO_DIE = 500
_COMPLAINT = 4096
_READ = 1 << 16


@dataclass(frozen=True, slots=True)
class Spawn:
    """What one run needs to know. ``uid`` is None when the server has no power to choose a user."""

    program: list[str]
    isolation: Isolation
    limits: Limits
    uid: int | None
    made: groups.Groups = ()
    ca_bundle: bytes | None = None

    def run(self, launcher: Launcher, inherited: Sequence[socket.socket]) -> tuple[subprocess.Popen[bytes], int]:
        """The process and the id of the box's first one, let in through the gate. Raises StartFailed and OSError.

        What is inherited is closed here, whatever happens.
        """
        with contextlib.ExitStack() as passed:
            for one in inherited:
                passed.enter_context(one)
            info, info_in = _pipe(passed)
            gate_out, gate = _pipe(passed)
            given = self._descriptors(info_in.fileno(), gate_out.fileno(), passed)
            options = _sealed(self.isolation.options(self.limits, given), passed)
            words = self.isolation.command(self.program, options, self._user())
            process = launcher.start(words, [*(one.fileno() for one in inherited), options, *given.all()])
            info_in.close()
            try:
                pid = _first_pid(info, process)
                self._confine(pid)
                gate.write(b"\n")
            except BaseException:
                reap(process)
                raise
        return process, pid

    def _bounds(self) -> dict[str, int]:
        return rlimits.of(self.limits, memory=not groups.bounds_memory(self.made))

    def _user(self) -> User | None:
        return None if self.uid is None else User(self.uid, self._bounds())

    def _descriptors(self, info: int, gate: int, passed: contextlib.ExitStack) -> Descriptors:
        contents = {path: text.encode() for path, text in filesystem.ETC_FILES.items()}
        if self.ca_bundle is not None:
            contents[filesystem.CA_BUNDLE] = self.ca_bundle
        files = {path: _sealed(content, passed) for path, content in contents.items()}
        program = seccomp.program()
        return Descriptors(info, gate, files, None if program is None else _sealed(program, passed))

    def _confine(self, pid: int) -> None:
        """Limits come on while the box waits at the gate, so nothing in it was ever without them."""
        groups.join(self.made, pid)
        if self.uid is None:
            rlimits.put_on(pid, self._bounds())
        with contextlib.suppress(OSError), open(f"/proc/{pid}/oom_score_adj", "w") as file:
            file.write(str(_FIRST_TO_DIE))


def complaints(process: subprocess.Popen[bytes]) -> bytes:
    """What a process said on its standard error since the last time, at most some; never waits."""
    if process.stderr is None or process.stderr.closed:
        return b""
    return process.stderr.read(_READ) or b""


def last_words(process: subprocess.Popen[bytes]) -> str:
    """What a process that did not come up said, and how it ended."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_LAST_WORDS_SECONDS)
    end = "it still runs" if process.returncode is None else f"it ended with {process.returncode}"
    said = complaints(process).decode(errors="replace").strip()
    return f"{said[-_COMPLAINT:]} ({end})" if said else f"it said nothing ({end})"


def reap(process: subprocess.Popen[bytes]) -> None:
    """End a process and forget it; doing so twice is no error."""
    process.kill()
    process.wait()
    if process.stderr:
        process.stderr.close()


def _first_pid(info: io.FileIO, process: subprocess.Popen[bytes]) -> int:
    """Raises StartFailed when bwrap ends or says nothing."""
    said = b""
    deadline = time.monotonic() + _INFO_SECONDS
    while not said.rstrip().endswith(b"}"):
        ready, _, _ = select.select([info], [], [], max(0.0, deadline - time.monotonic()))
        if not ready or not (piece := info.read(_READ)):
            raise StartFailed(f"the isolation did not come up: {last_words(process)}")
        said += piece
    return int(json.loads(said)["child-pid"])


def _pipe(passed: contextlib.ExitStack) -> tuple[io.FileIO, io.FileIO]:
    """Both ends as objects: closing one a second time must not hit a descriptor that is somebody else's by then."""
    out, into = os.pipe()
    return passed.enter_context(io.FileIO(out, "r")), passed.enter_context(io.FileIO(into, "w"))


def _sealed(data: bytes, passed: contextlib.ExitStack) -> int:
    fd = filesystem.sealed(data)
    passed.callback(os.close, fd)
    return fd
