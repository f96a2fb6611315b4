"""Repositories attached to a session, cloned where its agent finds them."""

import base64
import shlex
from collections.abc import Iterable

from chalicelib.sandbox.client import GuestClient, GuestProblem
from chalicelib.sandbox.profile import Checkout

_SECONDS = 600.0
_LAST = 400


def put(client: GuestClient, checkouts: Iterable[Checkout]) -> list[str]:
    """Clone what is not there yet; tells what could not be cloned."""
    return [problem for checkout in checkouts if (problem := _clone(client, checkout))]


def _clone(client: GuestClient, checkout: Checkout) -> str | None:
    path, url = shlex.quote(checkout.path), shlex.quote(checkout.url)
    steps = f"git clone --quiet -- {url} {path}"
    if checkout.revision:
        steps += f" && git -C {path} checkout --quiet {shlex.quote(checkout.revision)}"
    code, said = _run(client, f"[ -e {path}/.git ] || {{ {steps}; }}")
    if code == 0:
        return None
    return f"The repository {checkout.url} could not be cloned to {checkout.path}: {said[-_LAST:].strip() or code}"


def _run(client: GuestClient, script: str) -> tuple[int, str]:
    process = {"cmd": "/bin/bash", "args": ["-c", script], "envs": {"GIT_TERMINAL_PROMPT": "0"}}
    said, code = b"", -1
    try:
        for message in client.events(
            "/process.Process/Start", {"process": process, "stdin": False}, silence_s=_SECONDS
        ):
            event = message.get("event", {})
            if "data" in event:
                said += base64.b64decode(next(iter(event["data"].values())))
            if "end" in event:
                code = int(event["end"].get("exitCode", 0))
    except GuestProblem as problem:
        return code, problem.message
    return code, said.decode(errors="replace")
