"""What the tools that work in the session's sandbox have in common."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.tools.base import SandboxAccess, ToolContext, ToolOutput, failure
from chalicelib.tools.output import MAX_CHARS, as_blocks, preview, text_in, text_length, without_text

if TYPE_CHECKING:
    from chalicelib.sandbox.client import GuestClient

RESULTS = "/mnt/session/results"
MISSING = "there is no sandbox for this session, so this tool cannot be used."
STOPPED = (
    "the sandbox stopped while this ran, and what it did may be lost, in whole or in part. "
    "The next call gets a new sandbox with the files as they were stored last."
)
NOTHING: Sequence[str] = ()
EVERYTHING: Sequence[str] | None = None

Work = Callable[["GuestClient"], ToolOutput]


def in_sandbox(
    context: ToolContext, work: Work, *, changes: Sequence[str] | None = NOTHING, repeat: bool = False
) -> ToolOutput:
    """What ``work`` gives with the sandbox's guest, or an error result in plain words.

    What it may have changed (``changes``: paths, or EVERYTHING) is durable before the result is given. Where the
    sandbox is found dead the work is done in a new one; with ``repeat`` also where it dies in the course of it. Of what
    ``work`` asks of the guest only the last may be harmful when it is asked twice.
    """
    access = context.sandbox
    if access is None:
        return failure(MISSING)
    output = _tried(context, access, work, changes, repeat=repeat, again=True)
    notice = access.notice()
    return replace(output, content=[_note(notice), *as_blocks(output.content)]) if notice else output


def _note(text: str) -> dict[str, str]:
    return {"type": "text", "text": f"[{text}]"}


def _tried(
    context: ToolContext, access: SandboxAccess, work: Work, changes: Sequence[str] | None, *, repeat: bool, again: bool
) -> ToolOutput:
    from chalicelib.sandbox.client import GuestGone, GuestNotReached, GuestProblem
    from chalicelib.sandbox.hosts.base import SandboxError, SandboxRefused

    client = done = None
    try:
        client = access.client()
        done = work(client)
        output, kept = _shelved(context, client, done)
    except GuestGone as gone:
        access.lost()
        not_begun = client is None or (done is None and isinstance(gone, GuestNotReached))
        if again and (repeat or not_begun) and not context.cancelled.is_set():
            return _tried(context, access, work, changes, repeat=repeat, again=False)
        return failure(STOPPED)
    except GuestProblem as problem:
        return failure(f"{problem.message.rstrip('.')}.")
    except SandboxRefused as error:
        return failure(f"there is no sandbox to use: {error.message}")
    except SandboxError as error:
        return failure(f"the sandbox cannot be used now: {error.message}")
    return _durable(access, output, changes if changes is None else [*changes, *kept])


def _durable(access: SandboxAccess, output: ToolOutput, changes: Sequence[str] | None) -> ToolOutput:
    from chalicelib.sandbox.client import GuestGone
    from chalicelib.sandbox.hosts.base import SandboxError

    if changes is not None and not changes:
        return output
    try:
        access.persist(changes)
    except GuestGone:
        access.lost()
        return failure(STOPPED)
    except SandboxError as error:
        reason = f"the call was carried out, but what it changed could not be stored: {error.message}"
        return replace(output, content=[*failure(reason).content, *as_blocks(output.content)], is_error=True)
    return output


def _shelved(context: ToolContext, client: "GuestClient", output: ToolOutput) -> tuple[ToolOutput, list[str]]:
    """The output, its text put into a file when it is too long for a model to read; and the paths written."""
    if text_length(as_blocks(output.content)) <= MAX_CHARS:
        return output, []
    text, path = text_in(output.content), result_path(context, "txt")
    put_file(client, path, text.encode("utf-8", "replace"))
    shown = {"type": "text", "text": preview(text, text, f"{len(text)} characters", path)}
    return replace(output, content=[shown, *without_text(output.content)]), [path]


def result_path(context: ToolContext, suffix: str) -> str:
    """Where in the sandbox the long output of this call goes."""
    return f"{RESULTS}/{re.sub(r'[^A-Za-z0-9_.-]', '_', context.tool_use_id)}.{suffix}"


def put_file(client: "GuestClient", path: str, content: bytes) -> str:
    """Write a file in the sandbox; its absolute path there. Raises SandboxError."""
    headers = {"content-type": "application/octet-stream"}
    answer = client.fetch("POST", "/files", params={"path": path}, content=content, headers=headers)
    return str(json.loads(answer)[0]["path"])


def numbered(text: str, first: int) -> list[str]:
    """The lines of a text with their numbers, counted from ``first``."""
    lines = text.removesuffix("\n").split("\n")
    return [f"{number:6}\t{line}" for number, line in enumerate(lines, first)]
