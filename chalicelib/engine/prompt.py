"""What a model is asked: the pinned agent's prompt and tools, and the conversation with files filled in."""

import base64
import hashlib
from typing import Any

from chalicelib.core.errors import LambentError
from chalicelib.core.ids import undress
from chalicelib.engine.job import Job
from chalicelib.engine.media import lightened
from chalicelib.events.event import Draft
from chalicelib.memory.prompting import section as memory
from chalicelib.models.errors import ModelError
from chalicelib.models.request import ModelRequest
from chalicelib.skills.prompting import section as skills

MAX_OUTPUT_TOKENS = 8192


def build(job: Job, model: str) -> ModelRequest:
    """The request for the next model call; the same log gives the same request."""
    agent = job.spec.agent
    return ModelRequest(
        model=model,
        system="\n\n".join(text for _, text in _sections(job) if text) or None,
        messages=lightened([_message(job, message) for message in job.conversation.messages]),
        tools=tuple(offer.spec for offer in job.offers),
        max_tokens=MAX_OUTPUT_TOKENS,
        effort=_effort(agent["model"].get("effort")),
        speed=agent["model"].get("speed"),
    )


def _sections(job: Job) -> list[tuple[str, str]]:
    """The parts of the system prompt by name, the agent's own first; empty ones are left out but for that."""
    agent, spec = job.spec.agent, job.spec
    more = [("skills", skills(agent, spec.skills, self_hosted=job.pen.head.self_hosted))]
    more.append(("memory", memory(spec.resources)))
    return [("system", agent.get("system") or ""), *((name, text) for name, text in more if text)]


def _effort(effort: Any) -> str | None:
    return effort.get("type") if isinstance(effort, dict) else effort


def _message(job: Job, message: dict[str, Any]) -> dict[str, Any]:
    content = message["content"]
    if any(_is_file(block) for block in content):
        content = [_filled(job, block) if _is_file(block) else block for block in content]
    return {"role": message["role"], "content": list(content)}


def _is_file(block: dict[str, Any]) -> bool:
    return isinstance(block.get("source"), dict) and block["source"].get("type") == "file"


def _filled(job: Job, block: dict[str, Any]) -> dict[str, Any]:
    file_id = undress("file", str(block["source"]["file_id"])) or ""
    try:
        media_type, data = job.parts.files.read(job.ref.space, file_id)
    except LambentError:
        return {"type": "text", "text": f"[the file {block['source']['file_id']} is no longer available]"}
    if media_type.startswith("text/"):
        source = {"type": "text", "media_type": "text/plain", "data": data.decode(errors="replace")}
    else:
        source = {"type": "base64", "media_type": media_type, "data": base64.b64encode(data).decode()}
    return block | {"source": source}


def run_started(job: Job, run: str, queued_ms: int) -> Draft:
    """What the run works with; checksums instead of texts. ``queued_ms`` is how long it waited to be claimed."""
    agent = job.spec.agent
    parts = _sections(job)
    data = {
        "run_id": run,
        "model": job.model,
        "provider": _provider(job),
        "agent_id": agent.get("id"),
        "agent_version": agent.get("version"),
        "tools": [offer.name for offer in job.offers],
        "skills": [skill["skill_id"] for skill in agent.get("skills") or []],
        "mcp_servers": [server["name"] for server in agent.get("mcp_servers") or []],
        "prompt": [{"section": name, "sha256": hashlib.sha256(text.encode()).hexdigest()} for name, text in parts],
        "timings": {"queued_ms": queued_ms},
    }
    return Draft("run.started", data, run=run)


def _provider(job: Job) -> str | None:
    try:
        return job.models.resolve(job.using).provider_name
    except ModelError:
        return None
