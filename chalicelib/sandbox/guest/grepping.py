"""Searching texts for a pattern, in a process of its own: some patterns never come to an end."""

import json
import os
import stat
import sys
from typing import Any

from . import children, paths
from .failures import told
from .grepchild import HEAD_BYTES
from .wire import Json, Problem, Reply, Request

_SECONDS = 20.0
_USUAL_LIMIT = 1000
_MOST_LIMIT = 100_000
_MOST_CONTEXT = 1000
_MOST_ANSWER = 4 << 20
_LONGEST_PATTERN = 16_384
_START = "import sys,importlib;sys.path.append(sys.argv[1]);importlib.import_module(sys.argv[2]).main()"


def grep(request: Request) -> Reply:
    """POST /search/grep: where the regular expression ``pattern`` occurs in the file ``path`` or the files below it.

    ``glob`` restricts the files, ``ignoreCase`` the pattern; ``before`` and ``after`` (or ``context`` for both) are
    lines to show around; at most ``limit`` matching lines, or with ``filesOnly`` files. Answers ``matches``, how many
    files were ``searched``, and ``lines`` of ``[path, number, text, whether it matches]`` or ``files`` of
    ``[path, matching lines]``; ``whole`` is false when something was left out, and ``why`` says what.
    """
    body = request.json()
    place = paths.resolve(str(body.get("path") or ""))
    _demand_searchable(place)
    both = _number(body, "context", 0, 0, _MOST_CONTEXT)
    asked = {
        "pattern": _text(body, "pattern", None),
        "glob": _text(body, "glob", ""),
        "ignoreCase": body.get("ignoreCase") is True,
        "filesOnly": body.get("filesOnly") is True,
        "before": _number(body, "before", both, 0, _MOST_CONTEXT),
        "after": _number(body, "after", both, 0, _MOST_CONTEXT),
        "limit": _number(body, "limit", _USUAL_LIMIT, 1, _MOST_LIMIT),
        "seconds": _number(body, "timeoutMs", int(_SECONDS * 1000), 1, int(_SECONDS * 3000)) / 1000,
        "bytes": _MOST_ANSWER,
        "real": place.real,
        "shown": place.shown,
    }
    return Json(_answer(asked))


def _demand_searchable(place: paths.Place) -> None:
    """What is named must be a folder or a text that can be read; below a folder everything else is passed over."""
    with told(place.shown):
        if os.path.isdir(place.real):
            os.scandir(place.real).close()
            return
        # Without the second flag opening a pipe waits for its other end.
        descriptor = os.open(place.real, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Problem("invalid_argument", f"path '{place.shown}' is not a file")
            if b"\0" in file.read(HEAD_BYTES):
                raise Problem("failed_precondition", f"path '{place.shown}' is not a text")


def _text(body: dict[str, Any], name: str, usual: str | None) -> str:
    value = body.get(name, usual)
    if not isinstance(value, str) or len(value) > _LONGEST_PATTERN:
        raise Problem("invalid_argument", f"{name} has to be a text of at most {_LONGEST_PATTERN} characters")
    return value


def _number(body: dict[str, Any], name: str, usual: int, least: int, most: int) -> int:
    value = body.get(name, usual)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Problem("invalid_argument", f"{name} has to be a whole number from {least} to {most}")
    return value


def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    """What the process finds until it is done or its time is over."""
    lines = _run(asked)
    found: list[list[Any]] = []
    end: dict[str, Any] = {"matches": 0, "searched": 0, "whole": False, "why": "it took too long"}
    for line in lines:
        # The last one may be cut off where the process was.
        if line.endswith(b"\n"):
            said = json.loads(line)
            if isinstance(said, dict):
                end = said
            else:
                found.append(said)
    if problem := end.get("problem"):
        raise Problem("invalid_argument", problem)
    if not end["whole"] and not end["matches"]:
        end["matches"] = sum(1 for one in found if one[-1])
    return {"files" if asked["filesOnly"] else "lines": found, **end}


def _run(asked: dict[str, Any]) -> list[bytes]:
    import subprocess

    top = os.path.dirname(os.path.abspath(__file__))
    package = __name__.rpartition(".")[0]
    for _ in package.split("."):
        top = os.path.dirname(top)
    words = [sys.executable, "-I", "-S", "-B", "-c", _START, top, f"{package}.grepchild"]
    pipe = subprocess.PIPE
    try:
        child = children.spawn(words, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        raise Problem("unavailable", f"the search could not be started: {error.strerror}") from error
    try:
        said = child.communicate(json.dumps(asked).encode(), timeout=asked["seconds"])[0]
    except subprocess.TimeoutExpired:
        child.kill()
        said = child.communicate()[0]
    finally:
        children.forget(child.pid)
    return said.splitlines(keepends=True)
