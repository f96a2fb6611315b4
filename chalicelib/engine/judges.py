"""Who decides whether an outcome is achieved: a model by a rubric, or what the client named instead."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from chalicelib.engine import retrying, verifiers
from chalicelib.engine.asking import ask, transcript
from chalicelib.engine.job import Job
from chalicelib.engine.reserving import SpendingRefused
from chalicelib.models.errors import ModelError
from chalicelib.models.usage import Usage

_MOST_CHARACTERS = 120_000
_REPLY_TOKENS = 2048
_TRIES = 2
INSTRUCTION = (
    "You judge whether an agent has achieved an outcome. You see what was asked for, the criteria and the record of "
    "the agent's work. Trust what the record shows, not what the agent claims. Answer with one JSON object and "
    'nothing else: {"result": "satisfied" | "needs_revision" | "failed", "explanation": "…"}. '
    '"needs_revision" means that the agent can still achieve it: say what is missing. '
    '"failed" means that it cannot be achieved.'
)
_RESULTS = ("satisfied", "needs_revision", "failed")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judge's decision, why, and what it took."""

    result: Literal["satisfied", "needs_revision", "failed"]
    explanation: str
    usage: Usage = field(default_factory=Usage)
    cost: Decimal | None = None


def judge(job: Job, criteria: dict[str, Any], meanwhile: Callable[[], None]) -> Verdict:
    """The verdict on the work so far; a verifier goes before a rubric. A judge that cannot judge makes it ``failed``.

    Raises SpendingRefused, and what ``Job.look`` raises.
    """
    if criteria.get("verifier"):
        found = verifiers.verify(job, criteria["verifier"], meanwhile)
        return Verdict(found.result, found.explanation)
    job.tries = 0
    while True:
        try:
            return _graded(job, criteria, meanwhile)
        except SpendingRefused:
            raise
        except ModelError as error:
            job.tries += 1
            if not error.retryable or job.tries >= job.parts.settings.model_tries:
                job.tries = 0
                return Verdict("failed", f"The grader could not be asked: {error.message}")
            retrying.wait_for_next_try(job, error)


def _graded(job: Job, criteria: dict[str, Any], meanwhile: Callable[[], None]) -> Verdict:
    usage, cost = Usage(), Decimal(0)
    for _ in range(_TRIES):
        reply = ask(job, INSTRUCTION, _question(job, criteria), max_tokens=_REPLY_TOKENS, meanwhile=meanwhile)
        usage, cost = usage + reply.usage, cost + (reply.cost or 0)
        decided = read(reply.text)
        if decided is not None:
            job.tries = 0
            return Verdict(decided[0], decided[1], usage, cost)
    return Verdict("failed", "The grader gave no verdict.", usage, cost)


def _question(job: Job, criteria: dict[str, Any]) -> str:
    rubric = (criteria.get("rubric") or {}).get("content") or criteria["description"]
    record = transcript(job.conversation.messages, _MOST_CHARACTERS)
    return (
        f"<asked>\n{criteria['description']}\n</asked>\n<criteria>\n{rubric}\n</criteria>\n"
        f"<record>\n{record}\n</record>"
    )


def read(text: str) -> tuple[Literal["satisfied", "needs_revision", "failed"], str] | None:
    """The decision in a grader's answer; None when there is none."""
    for start in (match.start() for match in re.finditer(r"\{", text)):
        try:
            found, _ = json.JSONDecoder().raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        result = found.get("result")
        if result in _RESULTS:
            return result, str(found.get("explanation") or "")
    return None
