"""What a model's tool calls mean: which tool, who runs it, whether somebody must be asked first."""

from dataclasses import dataclass, field
from typing import Any

from chalicelib.engine.job import Job
from chalicelib.engine.speech import Speech
from chalicelib.events import drafts
from chalicelib.events.event import Draft
from chalicelib.models.chunks import invalid_input
from chalicelib.sessions.model import Call
from chalicelib.tools.offer import find


@dataclass(slots=True)
class Asked:
    """One tool call: its place in the answer, its record, the call a client or worker must answer, further records."""

    place: int
    record: Draft
    call: Call | None = None
    notes: list[Draft] = field(default_factory=list)


def asked_for(job: Job, speech: Speech) -> list[Asked]:
    """The tool calls of an answer, judged."""
    places = speech.places()
    return [_judge(job, places[event_id], event_id, block) for event_id, block in speech.calls()]


def _judge(job: Job, place: int, event_id: str, block: dict[str, Any]) -> Asked:
    name, arguments = block["name"], block["input"]
    offer = find(job.offers, name)
    if offer is None:
        return Asked(place, _use(job, event_id, name, arguments, "deny", f"there is no tool named {name!r}"))
    if (raw := invalid_input(block)) is not None:
        problem = f"the arguments are not a JSON object: {raw[:200]}"
        return Asked(place, _use(job, event_id, name, arguments, "allow", problem))
    if offer.runs == "client":
        data = {"name": name, "input": arguments}
        return Asked(place, Draft("agent.custom_tool_use", data, id=event_id, run=job.run_id), Call("custom", name))
    worker = offer.runs == "worker"
    if offer.policy == "always_allow":
        call = Call("worker", name, worker=True) if worker else None
        return Asked(place, _use(job, event_id, name, arguments, "allow"), call)
    record = _use(job, event_id, name, arguments, "ask", policy=offer.policy)
    note = drafts.permission_asked(event_id, name, job.run_id)
    return Asked(place, record, Call("confirmation", name, worker=worker), [note])


def _use(
    job: Job,
    event_id: str,
    name: str,
    arguments: dict[str, Any],
    permission: str,
    problem: str | None = None,
    policy: str = "always_allow",
) -> Draft:
    evaluation: dict[str, Any] | None = None if permission == "deny" else {"type": policy}
    if policy == "auto":
        evaluation = {"type": "auto", "evaluated_permission": {"type": "ask", "reason_code": "no_judgement"}}
    data = {"name": name, "input": arguments, "evaluated_permission": permission, "evaluation": evaluation}
    private = {"problem": problem} if problem else None
    return Draft("agent.tool_use", data, id=event_id, run=job.run_id, private=private)
