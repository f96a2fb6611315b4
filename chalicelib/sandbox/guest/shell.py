"""One bash that lives from command to command."""

import fcntl
import os
import re
import shlex
import signal
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import children
from .wire import Problem

if TYPE_CHECKING:
    import subprocess

_ABOVE = 230
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_OPENED = re.compile(r"[$<>]\(")
_CHECK_SECONDS = 10
_PLACES = ("/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash")
# Interactive, because only then an interrupt ends the command that runs and not the shell with its variables.
_ARGUMENTS = ("--noprofile", "--norc", "--noediting", "-i")
STOP = signal.SIGRTMIN + 6
"""Ends what the shell does between two commands, even when the first of them ended as if nothing had happened: an
interrupt alone is forgotten when a program takes it for a reason to end in good order."""
_BEGIN = (
    "set +o history +H +m; PS1= PS2=; unset HISTFILE MAILCHECK PROMPT_COMMAND TMOUT\n"
    f"trap 'builtin kill -INT $$' {STOP}\n"
)


class Shell:
    """A bash process that is told what to run through a pipe and tells through another how it ended.

    The command itself never has these pipes: neither its text nor its output can be taken for them. Raises Problem
    when there is no bash.
    """

    def __init__(self, env: Mapping[str, str], folder: str) -> None:
        self.calls = 0
        self._told = b""
        script, self.script = os.pipe()
        reports, report = os.pipe()
        self.reports = reports
        # Numbers that no script is likely to use for files of its own.
        self._report = fcntl.fcntl(report, fcntl.F_DUPFD_CLOEXEC, _ABOVE)
        self._text = _high(os.memfd_create("command"))
        os.close(report)
        os.set_blocking(self.script, False)
        os.set_blocking(self.reports, False)
        try:
            self.process = self._start(env, folder, script)
            self.ended = os.pidfd_open(self.pid)
            """Becomes readable when the process ends."""
        except OSError as error:
            self.close()
            raise Problem("unavailable", f"no shell could be started: {error.strerror}") from error
        finally:
            os.close(script)
            os.close(self._report)
        self.waiting = _BEGIN.encode()

    def _start(self, env: Mapping[str, str], folder: str, script: int) -> "subprocess.Popen[bytes]":
        import subprocess

        return children.spawn(
            ["bash", *_ARGUMENTS],
            executable=_bash(),
            stdin=script,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=dict(env),
            pass_fds=(self._report, self._text),
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The process's number."""
        return self.process.pid

    @property
    def lives(self) -> bool:
        """Whether it can still run something."""
        return self.process.poll() is None

    @property
    def status(self) -> int:
        """How it ended, as a shell would tell; 128 and the signal's number when one killed it."""
        code = self.process.wait()
        return code if code >= 0 else 128 - code

    def begin(self, text: str, output: str, env: Mapping[str, str]) -> int:
        """Have it run the text with its output going to the pipe at the path ``output``; the number of the call.

        The variables of ``env`` hold for this call alone. What is not yet on its way stands in ``waiting``.
        """
        self.calls += 1
        os.ftruncate(self._text, 0)
        # Read as a file, so that the shell does not chat as it would with a person; closed before the text runs.
        _write_all(self._text, f"eval {shlex.quote(text)} {self._text}<&-".encode())
        extra = "".join(f"{name}={shlex.quote(value)} " for name, value in env.items())
        where = f"</dev/null >{shlex.quote(output)} 2>&1 {self._report}>&-"
        self.waiting += f"{extra}\\builtin . /dev/fd/{self._text} {where}\n".encode()
        self.ask()
        return self.calls

    def ask(self) -> None:
        """Have it tell that the call in hand is over."""
        self.waiting += f'\\builtin printf \'%s\\0\' {self.calls} "$?" "$PWD" >&{self._report}\n'.encode()

    def push(self) -> None:
        """Send what waits, as far as it goes."""
        try:
            self.waiting = self.waiting[os.write(self.script, self.waiting) :]
        except (BlockingIOError, BrokenPipeError):
            # Full, or it ended, which shows by itself.
            return

    def told(self) -> tuple[int, str] | None:
        """Exit status and folder of the call in hand, once it is over."""
        try:
            self._told += os.read(self.reports, 1 << 16)
        except BlockingIOError:
            return None
        *parts, self._told = self._told.split(b"\0")
        whole = len(parts) // 3 * 3
        self._told = b"\0".join([*parts[whole:], self._told])
        for number, status, folder in zip(*(iter(parts[:whole]),) * 3, strict=True):
            if int(number) == self.calls:
                return int(status), os.fsdecode(folder)
        return None

    def close(self) -> None:
        """Let go of everything but its jobs."""
        if hasattr(self, "process"):
            if self.lives:
                self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            children.forget(self.pid)
            if hasattr(self, "ended"):
                os.close(self.ended)
        for descriptor in (self.script, self.reports, self._text):
            os.close(descriptor)


def check_env(env: Mapping[str, Any]) -> None:
    """Raises Problem for names or values that no variable can have."""
    for name, value in env.items():
        if not _NAME.match(name) or not isinstance(value, str) or "\0" in value:
            raise Problem("invalid_argument", f"{name!r} cannot be set as a variable")


def unclosed(text: str) -> str | None:
    """What bash says of a text in which a substitution is opened and never closed; None when all is well.

    Such a text damages the memory of the bash that runs it, so it is found out by another.
    """
    if not _OPENED.search(text):
        return None
    said = _checked(text)
    return said if "unexpected EOF while looking for matching `)'" in said else None


def _checked(text: str) -> str:
    """What bash says of a text that it only reads."""
    import subprocess

    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    words = ["bash", "-O", "extglob", "-n"]
    try:
        child = children.spawn(words, executable=_bash(), stdin=pipe, stdout=nothing, stderr=pipe)
    except OSError:
        return ""
    try:
        return child.communicate(text.encode(), timeout=_CHECK_SECONDS)[1].decode(errors="replace")
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        return ""
    finally:
        children.forget(child.pid)


def _bash() -> str:
    return next((path for path in _PLACES if os.access(path, os.X_OK)), "bash")


def _high(descriptor: int) -> int:
    high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _ABOVE)
    os.close(descriptor)
    return high


def _write_all(descriptor: int, data: bytes) -> None:
    at = 0
    while at < len(data):
        at += os.pwrite(descriptor, data[at:], at)
