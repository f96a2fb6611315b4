"""What a model's tool calls mean: which tool, who runs it, whether somebody must be asked first."""

from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.engine.job import Job
from chalicelib.engine.speech import Speech
from chalicelib.engine.threads import calling
from chalicelib.events import drafts, thread_drafts
from chalicelib.events.event import Draft
from chalicelib.events.thread_drafts import ASKS
from chalicelib.mcp.naming import split
from chalicelib.models.chunks import invalid_input
from chalicelib.sessions.model import Call, Thread
from chalicelib.tools.delegation import callee
from chalicelib.tools.offer import find


@dataclass(slots=True)
class Asked:
    """One tool call: its place in the answer, its record, the call a client or worker must answer, further records.

    ``called`` is the thread of another agent that is to work for it, and the message to it, which stands before it.
    """

    place: int
    record: Draft
    call: Call | None = None
    notes: list[Draft] = field(default_factory=list)
    called: tuple[Thread, Draft] | None = None

    def written(self, thread: str | None) -> list[Draft]:
        """The records that stand in the answer; what a ``thread`` asks of the client is shown beside the session's."""
        record = self.record
        if thread is not None and self.call is not None:
            record = replace(record, private=(record.private or {}) | ASKS)
        return [record] if self.called is None else [self.called[1], record]


def asked_for(job: Job, speech: Speech) -> list[Asked]:
    """The tool calls of an answer, judged."""
    places = speech.places()
    found: list[Asked] = []
    for event_id, block in speech.calls():
        opened = sum(one.called is not None and one.called[0].counted for one in found)
        found.append(_judge(job, places[event_id], event_id, block, opened))
    return found


def _judge(job: Job, place: int, event_id: str, block: dict[str, Any], opened: int) -> Asked:
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
    if offer.runs == "agent":
        return _call_agent(job, place, event_id, block, opened)
    worker = offer.runs == "worker"
    if offer.policy == "always_allow":
        call = Call("worker", name, worker=True) if worker else None
        return Asked(place, _use(job, event_id, name, arguments, "allow"), call)
    record = _use(job, event_id, name, arguments, "ask", policy=offer.policy)
    shown = record.data["name"]
    note = drafts.permission_asked(event_id, shown, job.run_id)
    return Asked(place, record, Call("confirmation", shown, worker=worker, mcp=offer.server is not None), [note])


def _call_agent(job: Job, place: int, event_id: str, block: dict[str, Any], opened: int) -> Asked:
    name, arguments = block["name"], block["input"]
    one = callee(job.spec.agent, name)
    message = arguments.get(one.argument)
    if (problem := calling.problem(job, one, message, opened)) is not None:
        return Asked(place, _use(job, event_id, name, arguments, "allow", problem))
    thread = calling.new_thread(one, arguments, event_id)
    sent = thread_drafts.sent(thread.id, thread.name, drafts.text_blocks(message), job.run_id)
    record = _use(job, event_id, name, arguments, "allow", thread=thread.id)
    return Asked(place, record, called=(thread, sent))


def _use(
    job: Job,
    event_id: str,
    name: str,
    arguments: dict[str, Any],
    permission: str,
    problem: str | None = None,
    policy: str = "always_allow",
    thread: str | None = None,
) -> Draft:
    evaluation: dict[str, Any] | None = None if permission == "deny" else {"type": policy}
    if policy == "auto":
        evaluation = {"type": "auto", "evaluated_permission": {"type": "ask", "reason_code": "no_judgement"}}
    data = {"name": name, "input": arguments, "evaluated_permission": permission, "evaluation": evaluation}
    if thread is not None:
        return Draft("agent.tool_use", data, id=event_id, run=job.run_id, private={"thread": thread})
    private = {"problem": problem} if problem else {}
    if (foreign := _foreign(job, name)) is None:
        return Draft("agent.tool_use", data, id=event_id, run=job.run_id, private=private or None)
    server, bare = foreign
    data = {"mcp_server_name": server} | data | {"name": bare}
    return Draft(drafts.MCP_USE, data, id=event_id, run=job.run_id, private=private | {"offered": name})


def _foreign(job: Job, name: str) -> tuple[str, str] | None:
    """The MCP server and its name for the tool; also for one that is not offered just now."""
    offer = find(job.offers, name)
    if offer is None:
        return split(name, [server["name"] for server in job.spec.agent.get("mcp_servers") or []])
    return (offer.server, offer.tool.name) if offer.server is not None and offer.tool is not None else None
