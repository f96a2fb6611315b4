"""``bash``: a command in the session's shell."""

import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from chalicelib.tools import arguments as given
from chalicelib.tools.base import ToolContext, ToolOutput, failure, text_output
from chalicelib.tools.output import EMPTY, MAX_CHARS, preview
from chalicelib.tools.sandboxed import EVERYTHING, in_sandbox, result_path

if TYPE_CHECKING:
    from chalicelib.sandbox.client import GuestClient

_SHELL = "/shells/main"
_USUAL_MS = 120_000
_MOST_MS = 600_000
_SILENCE_SECONDS = 45.0
_LOOK_SECONDS = 0.05
_BYTES_PER_CHARACTER = 4
_RESTARTED = "The shell was restarted."


class Bash:
    """Runs a command in the one shell of the session, which keeps its folder, variables and jobs between calls."""

    name = "bash"
    description = (
        "Runs a command in a bash shell. The shell lives on between calls: its folder, variables, functions and "
        "background jobs stay. It begins in /workspace; files for the user belong in /mnt/session/outputs. "
        "Standard output and errors are returned together, with exit=N when the command fails."
    )
    input_schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "command": {"type": "string", "description": "The command. Needed unless the shell is restarted."},
            "restart": {"type": "boolean", "description": "Begin with a new shell; what the old one runs is ended."},
            "timeout_ms": {
                "type": "integer",
                "minimum": 1,
                "description": f"Stop the command after so many milliseconds; {_USUAL_MS} if left out, "
                f"{_MOST_MS} at most. `timeout` means the same.",
            },
            "timeout": {"type": "integer", "minimum": 1, "description": "As `timeout_ms`."},
            "run_in_background": {
                "type": "boolean",
                "description": "Start the command and return at once; its output goes to a file.",
            },
        },
    }
    safe_to_repeat = False

    def longest_s(self, arguments: dict[str, Any]) -> float:
        """The time limit of the call; no time at all for one that is refused."""
        try:
            return _limit_ms(arguments) / 1000
        except given.Unusable:
            return 0.0

    def run(self, context: ToolContext, arguments: dict[str, Any]) -> ToolOutput:
        """The command's output. A time-out is an error result, an exit code other than 0 is not."""
        try:
            command, restart = given.optional_text(arguments, "command"), given.flag(arguments, "restart")
            background = given.flag(arguments, "run_in_background")
            milliseconds = _limit_ms(arguments)
        except given.Unusable as error:
            return failure(str(error))
        if command is None and not restart:
            return failure("`command` has to be a text.")
        if command is not None and "\0" in command:
            return failure("`command` holds a zero byte, which no command can.")

        def work(client: "GuestClient") -> ToolOutput:
            if restart:
                client.call(f"{_SHELL}/restart", {})
            if command is None:
                return text_output(_RESTARTED)
            if background:
                return _started(context, client, command)
            return _told(_ran(context, client, command, milliseconds), milliseconds)

        return in_sandbox(context, work, changes=EVERYTHING)


def _limit_ms(arguments: dict[str, Any]) -> int:
    """How long a command may take. Raises Unusable."""
    wanted = given.number(arguments, "timeout_ms", least=1) or given.number(arguments, "timeout", least=1)
    return min(wanted or _USUAL_MS, _MOST_MS)


def _ran(context: ToolContext, client: "GuestClient", command: str, milliseconds: int) -> dict[str, Any]:
    """How the command ended."""
    body = {
        "command": command,
        "timeoutMs": milliseconds,
        "keepBytes": MAX_CHARS * _BYTES_PER_CHARACTER,
        "spillPath": result_path(context, "txt"),
    }
    return _end(context, client, body)


def _end(context: ToolContext, client: "GuestClient", body: dict[str, Any]) -> dict[str, Any]:
    end: dict[str, Any] = {}
    with _interruptible(context, client):
        call = {**body, "call": context.tool_use_id}
        for happened in client.process(f"{_SHELL}/run", call, silence_s=_SILENCE_SECONDS):
            end = happened.end or end
    return end


@contextlib.contextmanager
def _interruptible(context: ToolContext, client: "GuestClient") -> Iterator[None]:
    """Have the command stopped as soon as nobody wants its result any more."""
    over = threading.Event()

    def watch() -> None:
        from chalicelib.sandbox.hosts.base import SandboxError

        while not over.wait(_LOOK_SECONDS):
            if context.cancelled.is_set():
                # A sandbox that cannot be reached breaks the call itself off, too.
                with contextlib.suppress(SandboxError):
                    client.call(f"{_SHELL}/interrupt", {"call": context.tool_use_id}, timeout_s=5)
                return

    watcher = threading.Thread(target=watch, name="interrupt", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()


def _started(context: ToolContext, client: "GuestClient", command: str) -> ToolOutput:
    path = result_path(context, "log")
    end = _end(context, client, {"command": command, "logPath": path, "timeoutMs": _USUAL_MS})
    pid = str(end.get("output") or "").strip()
    if not pid.isdigit():
        return failure(f"the command could not be started. {pid}")
    return text_output(f"Process {pid} runs in the background. Its output goes to {path}.")


def _told(end: dict[str, Any], milliseconds: int) -> ToolOutput:
    lines = [_output(end).rstrip("\n")]
    if end.get("exitCode"):
        lines.append(f"exit={end['exitCode']}")
    lines += _notes(end)
    text = "\n".join(line for line in lines if line)
    if end.get("timedOut"):
        return failure(f"the command was stopped after {milliseconds / 1000:g} s. Until then it said:\n{text or EMPTY}")
    if end.get("interrupted"):
        return failure(f"the command was interrupted. Until then it said:\n{text or EMPTY}")
    return text_output(text or EMPTY)


def _output(end: dict[str, Any]) -> str:
    text = str(end.get("output") or "")
    size = f"{end.get('bytes')} bytes"
    if path := end.get("spilled"):
        dropped = f", of which the last {end['dropped']} are lost" if end.get("dropped") else ""
        return preview(text, str(end.get("tail") or ""), size + dropped, path)
    if end.get("dropped"):
        return f"{text}\n\n[Cut here: the output has {size}, and the rest could not be kept.]\n\n{end.get('tail')}"
    return text


def _notes(end: dict[str, Any]) -> list[str]:
    notes: list[str] = []
    if end.get("restarted"):
        notes.append("[The shell had ended. This ran in a new one, without the variables and the folder of before.]")
    if end.get("exited"):
        notes.append("[The shell ended with this command. The next one runs in a new shell.]")
    return notes
