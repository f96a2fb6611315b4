"""Repositories attached to a session, cloned where its agent finds them."""

import shlex
from collections.abc import Iterable

from chalicelib.sandbox.client import GuestClient, GuestProblem
from chalicelib.sandbox.profile import Checkout

_SILENCE_SECONDS = 120.0
_LONGEST_MS = 600_000
_LAST = 400
_KEPT = 4 * _LAST


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
        for happened in client.process(
            "/process.Process/Start",
            {"process": process, "stdin": False},
            silence_s=_SILENCE_SECONDS,
            timeout_ms=_LONGEST_MS,
        ):
            said = (said + happened.said)[-_KEPT:]
            code = code if happened.exit_code is None else happened.exit_code
    except GuestProblem as problem:
        return code, problem.message
    return code, said.decode(errors="replace")
