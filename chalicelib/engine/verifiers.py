"""Checks of an outcome that need no model: a script, a comparison with the last answer, an endpoint."""

import json
import math
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from chalicelib.core import jsonio
from chalicelib.engine.job import Job
from chalicelib.outbound.errors import OutboundError
from chalicelib.runs.errors import RunError

if TYPE_CHECKING:
    from chalicelib.sandbox.client import GuestClient

_SHELL = "/shells/verifier"
_SILENCE_SECONDS = 45.0
_USUAL_MS = 120_000
_MOST_MS = 600_000
_MOST_BYTES = 256 * 1024
_MOST_CHARACTERS = 4000
_ENDPOINT_SECONDS = 30.0
_OK, _REFUSED = 200, 300
_PASSING = 0.5


@dataclass(frozen=True, slots=True)
class Finding:
    """What a verifier found."""

    result: Literal["satisfied", "needs_revision", "failed"]
    explanation: str


def verify(job: Job, verifier: dict[str, Any], meanwhile: Callable[[], None]) -> Finding:
    """Carry out one verifier. What it cannot carry out is ``failed``. Raises what ``Job.look`` raises."""
    meanwhile()
    job.look()
    kind = verifier["type"]
    if kind == "script":
        return _script(job, verifier)
    if kind == "verifiable":
        return compared(_last_words(job), verifier["scorer"], verifier.get("opts") or {})
    if kind == "reward_model":
        return _rewarded(job, verifier)
    return _composed([verify(job, part, meanwhile) for part in verifier["verifiers"]], verifier.get("mode") or "all")


def _script(job: Job, verifier: dict[str, Any]) -> Finding:
    from chalicelib.sandbox.hosts.base import SandboxError

    sandbox = job.sandbox
    if sandbox is None:
        return Finding("failed", "The session has no sandbox in which the script could run.")
    limit = min(verifier.get("timeout_ms") or _USUAL_MS, _MOST_MS)
    body = {"command": verifier["verify_script"], "timeoutMs": limit, "keepBytes": _MOST_CHARACTERS * 4}
    try:
        end = _run(job, sandbox.client(), body)
        sandbox.persist()
    except SandboxError as error:
        return Finding("failed", f"The script could not be run: {error.message}")
    told = str(end.get("output") or "")[-_MOST_CHARACTERS:]
    if end.get("timedOut"):
        return Finding("failed", f"The script did not end within {limit} ms. It said:\n{told}")
    if end.get("exitCode"):
        return Finding("needs_revision", f"The script ended with {end['exitCode']}. It said:\n{told}")
    return Finding("satisfied", told or "The script ended well.")


def _run(job: Job, client: "GuestClient", body: dict[str, Any]) -> dict[str, Any]:
    """How the script ended, in a shell of its own. One that nobody waits for any more is stopped."""
    end: dict[str, Any] = {}
    client.call(f"{_SHELL}/restart", {})
    try:
        for happened in client.process(f"{_SHELL}/run", body, silence_s=_SILENCE_SECONDS):
            end = happened.end or end
            job.look()
    except RunError:
        client.call(f"{_SHELL}/interrupt", {}, timeout_s=5)
        raise
    return end


def _last_words(job: Job) -> str:
    for message in reversed(job.conversation.messages):
        texts = [block["text"] for block in message["content"] if block["type"] == "text"]
        if message["role"] == "assistant" and texts:
            return "\n".join(texts)
    return ""


def compared(answer: str, scorer: str, opts: dict[str, Any]) -> Finding:
    """What a scorer says of an answer; one that cannot be used is ``failed``."""
    try:
        good = SCORERS[scorer](answer, opts)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        return Finding("failed", f"The scorer {scorer!r} cannot be used: {error}")
    wanted = json.dumps(opts, ensure_ascii=False)
    if good:
        return Finding("satisfied", f"The answer meets {scorer} {wanted}.")
    return Finding("needs_revision", f"The answer does not meet {scorer} {wanted}.")


def _number(answer: str, opts: dict[str, Any]) -> bool:
    expected, tolerance = float(opts["expected"]), float(opts.get("tolerance") or 0)
    found = re.findall(r"-?\d+(?:\.\d+)?", answer)
    return bool(found) and abs(float(found[-1]) - expected) <= tolerance


SCORERS: dict[str, Callable[[str, dict[str, Any]], bool]] = {
    "exact_match": lambda answer, opts: answer.strip() == str(opts["expected"]).strip(),
    "contains": lambda answer, opts: str(opts["expected"]).lower() in answer.lower(),
    "number": _number,
}
"""How the last answer may be compared, by name."""


def _rewarded(job: Job, verifier: dict[str, Any]) -> Finding:
    body = jsonio.dump_bytes({"session_id": job.ref.id, "answer": _last_words(job)})
    try:
        answer = job.parts.outbound.request(
            "POST",
            verifier["endpoint"],
            headers={"content-type": "application/json", "accept": "application/json"},
            body=body,
            timeout_s=_ENDPOINT_SECONDS,
            max_bytes=_MOST_BYTES,
            cancelled=threading.Event(),
        )
        said = jsonio.loads(answer.body.decode()) if _OK <= answer.status < _REFUSED else {}
    except (OutboundError, ValueError) as error:
        return Finding("failed", f"The endpoint could not be asked: {error}")
    score = score_of(said)
    if score is None:
        return Finding("failed", f"The endpoint gave no score (HTTP status {answer.status}).")
    threshold = verifier.get("threshold")
    passes = score >= (_PASSING if threshold is None else float(threshold))
    told = str(said.get("explanation") or f"The score is {score:g}.")[:_MOST_CHARACTERS]
    return Finding("satisfied" if passes else "needs_revision", told)


def score_of(said: Any) -> float | None:
    """The score in an endpoint's answer; None where there is none, or none that is a finite number."""
    score = said.get("score", said.get("reward")) if isinstance(said, dict) else None
    if isinstance(score, bool) or not isinstance(score, (int, float)):
        return None
    try:
        return float(score) if math.isfinite(score) else None
    except OverflowError:
        return None


def _composed(found: list[Finding], mode: str) -> Finding:
    told = "\n".join(one.explanation for one in found)
    good = [one.result == "satisfied" for one in found]
    if any(good) if mode == "any" else all(good):
        return Finding("satisfied", told)
    broken = any(one.result == "failed" for one in found) and mode != "any"
    return Finding("failed" if broken else "needs_revision", told)
