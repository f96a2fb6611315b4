"""What a trial is worth: found by a script, a comparison, an endpoint or a model."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from chalicelib.core import jsonio
from chalicelib.engine.asking import LISTEN_SECONDS
from chalicelib.engine.judges import INSTRUCTION, read
from chalicelib.engine.speech import Speech
from chalicelib.engine.verifiers import SCORERS, score_of
from chalicelib.evals.errors import TrialFailed
from chalicelib.evals.preparing import SHOWN_CHARS, USUAL_MS, Preparer
from chalicelib.events.log import SessionLog, SessionRef
from chalicelib.modelcards.serving import Serving
from chalicelib.models.errors import ModelError
from chalicelib.models.request import ModelRequest
from chalicelib.models.runner import ModelStream, StreamEnded, open_stream
from chalicelib.models.usage import Usage
from chalicelib.outbound.errors import OutboundError
from chalicelib.outbound.guard import Outbound
from chalicelib.sessions.model import Spec
from chalicelib.sessions.transcript import last_words, lines
from chalicelib.spending.errors import SpenderBlocked
from chalicelib.spending.limits import Spender
from chalicelib.spending.purse import Purse
from chalicelib.spending.tab import Tab

_ENDPOINT_SECONDS = 30.0
_MOST_BYTES = 256 * 1024
_OK, _REFUSED = 200, 300
_PASSING = 0.5
_MOST_CHARACTERS = 120_000
_REPLY_TOKENS = 2048
_TRIES = 2
_JUDGE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Grade:
    """A score and why."""

    score: float
    passed: bool
    explanation: str


class Grader:
    """Grades the work of a session that rests."""

    def __init__(self, preparer: Preparer, log: SessionLog, outbound: Outbound, serving: Serving, purse: Purse) -> None:
        self._preparer = preparer
        self._log = log
        self._outbound = outbound
        self._serving = serving
        self._purse = purse

    def grade(
        self, ref: SessionRef, spec: Spec, reward: dict[str, Any], remaining_ms: Callable[[], int]
    ) -> dict[str, Any]:
        """The reward as a trial shows it. Raises TrialFailed when it cannot be told, and SandboxError."""
        parts = reward["verifiers"] if reward["type"] == "composite" else [reward]
        grades = [self._graded(ref, spec, part, remaining_ms) for part in parts]
        whole = grades[0] if reward["type"] != "composite" else _composed(grades, reward.get("mode") or "all")
        return {
            "type": reward["type"],
            "final_reward": whole.score,
            "raw_rewards": {f"{place}:{part['type']}": grades[place].score for place, part in enumerate(parts)},
            "passed": whole.passed,
            "explanation": whole.explanation,
        }

    def _graded(self, ref: SessionRef, spec: Spec, part: dict[str, Any], remaining_ms: Callable[[], int]) -> Grade:
        if part["type"] == "script":
            return self._by_script(ref, spec, part, remaining_ms)
        if part["type"] == "verifiable":
            return compared(last_words(self._log.walk(ref)), part["scorer"], part["opts"])
        if part["type"] == "reward_model":
            return self._by_endpoint(ref, part)
        return self._by_model(ref, spec, part)

    def _by_script(self, ref: SessionRef, spec: Spec, part: dict[str, Any], remaining_ms: Callable[[], int]) -> Grade:
        limit = part.get("timeout_ms") or USUAL_MS
        done = self._preparer.run(ref, spec, part["verify_script"], limit, remaining_ms)
        told = done.output[-SHOWN_CHARS:]
        good = done.exit_code == 0
        return Grade(float(good), good, told or f"The script ended with {done.exit_code}.")

    def _by_endpoint(self, ref: SessionRef, part: dict[str, Any]) -> Grade:
        asked = {"session_id": ref.id, "answer": last_words(self._log.walk(ref))}
        try:
            answer = self._outbound.request(
                "POST",
                part["endpoint"],
                headers={"content-type": "application/json", "accept": "application/json"},
                body=jsonio.dump_bytes(asked),
                timeout_s=_ENDPOINT_SECONDS,
                max_bytes=_MOST_BYTES,
                cancelled=threading.Event(),
            )
            said = jsonio.loads(answer.body) if _OK <= answer.status < _REFUSED else {}
        except (OutboundError, ValueError) as error:
            raise TrialFailed(f"the endpoint could not be asked: {error}") from error
        score = score_of(said)
        if score is None:
            raise TrialFailed(f"the endpoint gave no score (HTTP status {answer.status})")
        threshold = part.get("threshold")
        passed = score >= (_PASSING if threshold is None else threshold)
        return Grade(score, passed, str(said.get("explanation") or f"The score is {score:g}.")[:SHOWN_CHARS])

    def _by_model(self, ref: SessionRef, spec: Spec, part: dict[str, Any]) -> Grade:
        record = "\n\n".join(lines(self._log.walk(ref)))[-_MOST_CHARACTERS:]
        asked = f"<criteria>\n{part['rubric']}\n</criteria>\n<record>\n{record}\n</record>"
        model = part.get("model") or spec.agent["model"]["id"]
        try:
            for _ in range(_TRIES):
                decided = read(self._answer(ref, spec, model, asked))
                if decided is not None:
                    good = decided[0] == "satisfied"
                    return Grade(float(good), good, decided[1][:SHOWN_CHARS])
        except (ModelError, SpenderBlocked) as error:
            raise TrialFailed(f"the grader could not be asked: {error.message}") from error
        raise TrialFailed("the grader gave no verdict")

    def _answer(self, ref: SessionRef, spec: Spec, model: str, question: str) -> str:
        """What the model says to a question; its cost is reported, and counts against the trial's agent's limits."""
        models = self._serving.open(ref.space)
        resolved = models.resolve(model)
        content = [{"type": "text", "text": question}]
        request = ModelRequest(
            resolved.model, INSTRUCTION, [{"role": "user", "content": content}], max_tokens=_REPLY_TOKENS
        )
        agents = tuple(filter(None, (spec.agent.get("id"),)))
        tab = Tab(self._purse, ref.space, models, model, Spender(agents), "grader")
        tab.open(resolved, request)
        speech, usage = Speech(), None
        try:
            usage = _heard(open_stream(resolved.provider, request), speech)
        except _TooLong:
            usage = tab.broken_off(sum(map(len, speech.texts())))
            raise
        finally:
            tab.settle(usage)
        return "".join(speech.texts())


class _TooLong(ModelError):
    """The answer did not come to its end in time."""


def _heard(stream: ModelStream, speech: Speech) -> Usage:
    until = time.monotonic() + _JUDGE_SECONDS
    try:
        while speech.finished is None:
            if time.monotonic() > until:
                raise _TooLong(f"it took too long (more than {_JUDGE_SECONDS:g} seconds)")
            for chunk in stream.next_batch(LISTEN_SECONDS):
                speech.take(chunk)
    except StreamEnded as ended:
        raise ModelError("the answer broke off") from ended
    finally:
        if speech.finished is None:
            stream.cancel()
    return speech.finished.usage


def compared(answer: str, scorer: str, opts: dict[str, Any]) -> Grade:
    """What a scorer says of an answer. Raises TrialFailed for one that cannot be used."""
    try:
        good = SCORERS[scorer](answer, opts)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise TrialFailed(f"the scorer {scorer!r} cannot be used: {error}") from error
    wanted = jsonio.dumps(opts)
    told = f"The answer {'meets' if good else 'does not meet'} {scorer} {wanted}."
    return Grade(float(good), good, told[:SHOWN_CHARS])


def _composed(grades: Iterable[Grade], mode: str) -> Grade:
    found = list(grades)
    scores, passed = [one.score for one in found], [one.passed for one in found]
    told = "\n".join(one.explanation for one in found)
    if mode == "any":
        return Grade(max(scores), any(passed), told)
    return Grade(min(scores), all(passed), told)
