"""Repositories attached to a session, cloned where its agent finds them, or not there at all."""

import re
import shlex
from collections.abc import Iterable
from typing import NamedTuple

from chalicelib.sandbox.client import GuestClient, GuestProblem
from chalicelib.sandbox.profile import Checkout

_SILENCE_SECONDS = 120.0
_LONGEST_MS = 600_000
_LAST = 400
_KEPT = 4 * _LAST
_TOLD = re.compile(r"The repository (\S+) could not be cloned to .+?: (.*)", re.DOTALL)
_KINDS = (
    ("repository_checkout_error", re.compile(r"pathspec|not a tree|unable to read tree")),
    ("repository_authentication_error", re.compile(r"Authentication failed|could not read (Username|Password)|: 401")),
    ("repository_forbidden_error", re.compile(r": 403")),
    ("repository_not_found_error", re.compile(r"not found|: 404")),
)
"""By what git says, the most telling first."""


class Trouble(NamedTuple):
    """A repository that could not be had, and the kind of error that it is to clients."""

    kind: str
    url: str


def trouble_in(problem: str) -> Trouble | None:
    """What a problem of a computer says of a repository; None when it is about something else."""
    told = _TOLD.match(problem)
    if told is None:
        return None
    kind = next((kind for kind, words in _KINDS if words.search(told[2])), "repository_clone_error")
    return Trouble(kind, told[1])


def put(client: GuestClient, checkouts: Iterable[Checkout]) -> list[str]:
    """Clone what is not there yet; tells what could not be cloned."""
    return [problem for checkout in checkouts if (problem := _clone(client, checkout))]


def _clone(client: GuestClient, checkout: Checkout) -> str | None:
    path, url = shlex.quote(checkout.path), shlex.quote(checkout.url)
    steps = f"git clone --quiet -- {url} {path}"
    if checkout.revision:
        # Another revision than the one that was asked for would be taken for it.
        steps += f" && {{ git -C {path} checkout --quiet {shlex.quote(checkout.revision)} || {{ {_undo(path)}; }}; }}"
    code, said = _run(client, f"[ -e {path}/.git ] || {{ {steps}; }}")
    if code == 0:
        return None
    return f"The repository {checkout.url} could not be cloned to {checkout.path}: {said[-_LAST:].strip() or code}"


def _undo(path: str) -> str:
    """Clones go into what is missing or empty, so that all there is came with them."""
    return f"find {path} -mindepth 1 -delete; rmdir {path} 2>&-; false"


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
