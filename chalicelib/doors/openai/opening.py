"""New sessions as clients of this family ask for them."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from chalicelib.agents import policy
from chalicelib.agents.model import AgentVersion
from chalicelib.core.errors import InvalidRequest, NotFound
from chalicelib.core.ids import derive_id, dress
from chalicelib.doors.openai import definitions, inputs, tools
from chalicelib.doors.openai.common import DOOR, core_of, demanded, space_of
from chalicelib.doors.openai.errors import Unsupported
from chalicelib.doors.openai.places import place_for
from chalicelib.doors.openai.schemas import sessions as schemas
from chalicelib.doors.openai.schemas.agents import AgentChange
from chalicelib.files.model import FileDraft
from chalicelib.http.route import Call
from chalicelib.sessions.draft import AgentChoice
from chalicelib.sessions.inputs import Manner
from chalicelib.sessions.model import Session
from chalicelib.sessions.opening import Opening, end_user_of
from chalicelib.sessions.resource_drafts import FileResource

_REFUSED = ("capability_directories", "plugins", "skills", "setup_commands", "environment_id")


def opened(call: Call, body: schemas.NewSession, seed: str) -> Session:
    """The session; with input it is at work at once. Raises what the opener raises, Unsupported, InvalidRequest."""
    _check(body)
    agent = _agent(call, body, seed)
    wanted = Opening(
        agent=_choice(agent, body, sandbox=body.environment.type != "none"),
        environment_id=_place(call, body.environment),
        metadata=body.metadata or {},
        resources=_files(call, body.environment, seed),
        vault_ids=[core_of("vault", one) or one for one in body.vault_ids or ()],
        initial=inputs.messages(body.input, "input") if body.input else (),
        manner=Manner(policy="steer", door=DOOR),
        policy=policy.SDK,
        budget=budget_of(body.spend_control),
        seed=seed,
        trial=agent.trial,
    )
    return call.services.opener.open(space_of(call), wanted)


def _check(body: schemas.NewSession) -> None:
    refuse_controls(body)
    needs = body.environment.type == "none" or (body.stream and body.environment.type != "self_hosted")
    if needs and not body.input:
        raise InvalidRequest("input: field required", field="input")
    if body.agent is None and body.agent_id is None:
        raise InvalidRequest("agent: field required, or agent_id", field="agent")


def refuse_controls(body: schemas.NewSession | schemas.SessionChange) -> None:
    """Refuse what sessions here are not controlled by. Raises Unsupported."""
    if body.review == "auto_review":
        raise Unsupported("review", "a person decides about what an agent asks")


def budget_of(wanted: schemas.SpendControl | None) -> str | None:
    """The most a session may cost, as the core keeps it: whole cents as text."""
    return None if wanted is None or wanted.limit is None else str(wanted.limit)


def _agent(call: Call, body: schemas.NewSession, seed: str) -> AgentVersion:
    """The saved agent, of a canary the version that is due, or the one described inline."""
    agents, space = call.services.agents, space_of(call)
    if body.agent_id is not None:
        saved = agents.get(space, demanded("agent", body.agent_id, "agent", "agent_id"))
        return agents.shared(space, saved, end_user_of(None, body.metadata or {}) or seed)
    assert body.agent is not None
    draft, core = definitions.inline_agent(body.agent, call.principal.tenant)
    # Whoever changes the agent afterwards does not change what the same description means.
    return agents.get(space, agents.create(space, draft, policy.SDK, core).id, 1)


def _choice(agent: AgentVersion, body: schemas.NewSession, *, sandbox: bool) -> AgentChoice:
    """The agent with what differs in this session."""
    changes = {} if body.agent is None or body.agent_id is None else _changes(body.agent, agent)
    if sandbox:
        own = changes.get("tools", agent.tools)
        with_tools = tools.with_sandbox(own)
        if with_tools != list(own):
            changes["tools"] = with_tools
    kind = "agent_with_overrides" if changes else "agent"
    return AgentChoice(type=kind, id=agent.id, version=agent.version, **changes)


def _changes(sent: Any, agent: AgentVersion) -> dict[str, Any]:
    update = definitions.changed_agent(
        AgentChange.model_validate(sent.model_dump(exclude_unset=True, by_alias=True)),
        agent.model,
        {},
    )
    names = ("model", "system", "tools", "mcp_servers")
    found = {name: getattr(update, name) for name in names if update.sent(name)}
    return found if found.get("model") != agent.model else {k: v for k, v in found.items() if k != "model"}


def _place(call: Call, wanted: Any) -> str:
    """The environment: a template, or what was described."""
    if isinstance(wanted, schemas.NoEnvironment):
        return place_for(call, {"type": "none"}).id
    if wanted.capability_directories:
        raise Unsupported("environment.capability_directories", "cannot be set here")
    if isinstance(wanted, schemas.SelfHostedEnvironment):
        return place_for(call, {"type": "self_hosted"}, {"config": {"type": "self_hosted"}}).id
    return _hosted(call, wanted)


def _hosted(call: Call, wanted: schemas.HostedEnvironment) -> str:
    for name in _REFUSED:
        if getattr(wanted, name):
            raise Unsupported(f"environment.{name}", "cannot be set here")
    if wanted.desktop is not None and wanted.desktop.enabled:
        raise Unsupported("environment.desktop", "is not offered here")
    config = _config(wanted)
    if wanted.environment_template_id is None:
        described = {"type": "openai_hosted"} | ({"config": config} if config else {})
        return place_for(call, described, config).id
    if config:
        raise Unsupported("environment.environment_template_id", "cannot be combined with network, packages or env")
    core = core_of("tmpl", wanted.environment_template_id)
    if core is None:
        field = "environment.environment_template_id"
        raise NotFound(f"{field}: there is no template {wanted.environment_template_id}", field=field)
    return core


def _config(wanted: schemas.HostedEnvironment) -> dict[str, Any]:
    """What the core makes an environment of; empty when nothing is said."""
    config: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    if wanted.network is not None and wanted.network.blocked_domains:
        fields["network"] = {"denylist": _blocked(wanted.network)}
    elif wanted.network is not None and wanted.network.access != "enabled":
        hosts = wanted.network.allowed_domains or []
        config["networking"] = {"type": "limited", "allowed_hosts": hosts, "allow_mcp_servers": True}
    if wanted.packages is not None:
        given = wanted.packages
        found = {"npm": given.npm, "pip": given.python, "apt": given.system}
        config["packages"] = {name: listed for name, listed in found.items() if listed}
        if config["packages"] and "networking" in config:
            config["networking"]["allow_package_managers"] = True
    if config:
        fields["config"] = {"type": "cloud", **config}
    return fields | ({"env": wanted.env} if wanted.env else {})


def _blocked(wanted: schemas.Network) -> list[str]:
    if wanted.access != "restricted" or wanted.allowed_domains:
        field = "environment.network.blocked_domains"
        raise InvalidRequest(f"{field}: needs restricted access without allowed_domains", field=field)
    return wanted.blocked_domains or []


def _files(call: Call, wanted: Any, seed: str) -> Sequence[FileResource]:
    given = wanted.files if isinstance(wanted, schemas.HostedEnvironment) else None
    return [_file(call, one, place, seed) for place, one in enumerate(given or ())]


def _file(call: Call, wanted: Any, place: int, seed: str) -> FileResource:
    if isinstance(wanted, schemas.FileById):
        return FileResource(type="file", file_id=wanted.file_id, mount_path=wanted.path)
    data = decoded(wanted.data, f"environment.files.{place}.data")
    core = derive_id("file", call.principal.tenant, seed, str(place))
    draft = FileDraft(wanted.path.rsplit("/", 1)[-1], "")
    stored = call.services.files.create_from_bytes(space_of(call), draft, data, core)
    return FileResource(type="file", file_id=dress("file", stored.id), mount_path=wanted.path)


def decoded(data: str, field: str) -> bytes:
    """The bytes of a base64 text. Raises InvalidRequest."""
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise InvalidRequest(f"{field}: is not base64", field=field) from error
