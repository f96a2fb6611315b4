"""Asks a model something beside the conversation: one question, one text as the answer."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from chalicelib.engine.job import Job
from chalicelib.engine.reserving import reserved
from chalicelib.engine.speech import Speech
from chalicelib.models.errors import ModelError
from chalicelib.models.request import ModelRequest
from chalicelib.models.runner import ModelStream, StreamEnded, open_stream
from chalicelib.models.usage import Usage

LISTEN_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered, what that took, and which model it was; ``cost`` in US dollars where prices are known."""

    text: str
    usage: Usage
    model: str
    cost: Decimal | None


def ask(
    job: Job, system: str, question: str, *, max_tokens: int, meanwhile: Callable[[], None] = lambda: None
) -> Reply:
    """Ask the model in use. ``meanwhile`` is called while it speaks.

    Raises ModelError, and what ``Job.look`` raises.
    """
    resolved = job.models.resolve(job.using)
    content = [{"type": "text", "text": question}]
    request = ModelRequest(
        model=resolved.model,
        system=system,
        messages=[{"role": "user", "content": content}],
        max_tokens=max_tokens,
    )
    with reserved(job, resolved, request) as paid:
        usage, text = _heard(job, open_stream(resolved.provider, request), meanwhile)
        paid.usage = usage
    return Reply(text, usage, resolved.model, job.models.cost(resolved, usage))


def _heard(job: Job, stream: ModelStream, meanwhile: Callable[[], None]) -> tuple[Usage, str]:
    speech = Speech()
    try:
        while speech.finished is None:
            for chunk in stream.next_batch(LISTEN_SECONDS):
                speech.take(chunk)
            meanwhile()
            job.look()
    except StreamEnded as ended:
        raise ModelError("the answer broke off") from ended
    finally:
        if speech.finished is None:
            stream.cancel()
    return speech.finished.usage, "".join(speech.texts())


def transcript(messages: list[dict[str, object]], most: int) -> str:
    """Messages as plain text, the end of it where it is longer than so many characters."""
    text = "\n\n".join(f"{message['role']}: {_plain(message['content'])}" for message in messages)
    return text[-most:]


def _plain(content: object) -> str:
    blocks = content if isinstance(content, list) else []
    return "\n".join(str(block.get("text") or block.get("content") or block.get("input") or "") for block in blocks)
