"""How far the credentials of workers reach: what lies outside is answered as if it did not exist."""

from chalicelib.core.errors import Forbidden, Unauthenticated
from chalicelib.core.ids import undress
from chalicelib.core.principal import Bound
from chalicelib.environments.errors import EnvironmentNotFound
from chalicelib.environments.work.errors import WorkNotFound
from chalicelib.events.log import SessionRef
from chalicelib.files.errors import FileNotFound
from chalicelib.http.auth import REFUSED
from chalicelib.http.route import Call
from chalicelib.memory.attaching import of
from chalicelib.memory.errors import MemoryStoreNotFound
from chalicelib.sessions.errors import SessionNotFound
from chalicelib.skills.errors import SkillNotFound
from chalicelib.storage.keys import Space

_RESULTS = frozenset({"user.tool_result", "user.custom_tool_result"})


def own_session(call: Call, bound: Bound) -> None:
    """The session of a token, or any of a key's environment. Raises SessionNotFound, Unauthenticated."""
    wanted = undress("sesn", call.path["session_id"])
    _demand_open(bound)
    if wanted is None or not _has_session(call, bound, wanted):
        raise SessionNotFound("session not found")


def _demand_open(bound: Bound) -> None:
    """A token whose item is stopped opens nothing any more. Raises Unauthenticated."""
    if bound.work and not bound.session:
        raise Unauthenticated(REFUSED)


def _has_session(call: Call, bound: Bound, session_id: str) -> bool:
    if bound.work:
        return session_id == bound.session
    ref = SessionRef(Space(call.principal.tenant), session_id)
    return call.services.sessions.get(ref).head.environment_id == bound.environment


def own_session_results(call: Call, bound: Bound) -> None:
    """As ``own_session``; of all events a worker sends results of tools alone. Raises Forbidden."""
    own_session(call, bound)
    if other := next((event.type for event in call.body.events if event.type not in _RESULTS), None):
        raise Forbidden(f"a worker's credential cannot send a {other}")


def own_environment(call: Call, bound: Bound) -> None:
    """The environment of a key. Raises EnvironmentNotFound, Forbidden."""
    if undress("env", call.path["environment_id"]) != bound.environment:
        raise EnvironmentNotFound
    if bound.work and "work_id" not in call.path:
        raise Forbidden("a session token opens no more of an environment than its own work item")


def own_work(call: Call, bound: Bound) -> None:
    """Any item of a key's environment, or the one of a token. Raises EnvironmentNotFound, WorkNotFound."""
    own_environment(call, bound)
    if bound.work and undress("work", call.path["work_id"]) != bound.work:
        raise WorkNotFound


def own_file(call: Call, bound: Bound) -> None:
    """A file of a token's session. Raises FileNotFound, Forbidden, Unauthenticated."""
    _demand_token(bound)
    file_id = undress("file", call.path["file_id"])
    if file_id is None or call.services.files.get(Space(call.principal.tenant), file_id).session_id != bound.session:
        raise FileNotFound


def own_files(call: Call, bound: Bound) -> None:
    """The list of a token's session. Raises Forbidden, Unauthenticated."""
    _demand_token(bound)
    if call.query.ids or undress("sesn", call.query.scope_id or "") != bound.session:
        raise Forbidden("a session token lists only the files of its session: set scope_id")


def own_store(call: Call, bound: Bound) -> None:
    """A memory store of a token's session. Raises MemoryStoreNotFound, Forbidden, Unauthenticated."""
    _access_to_store(call, bound)


def own_writable_store(call: Call, bound: Bound) -> None:
    """As ``own_store``, attached for writing. Raises Forbidden for one that is for reading only."""
    if _access_to_store(call, bound) != "read_write":
        raise Forbidden("the memory store is attached to this session for reading only")


def _access_to_store(call: Call, bound: Bound) -> str:
    _demand_token(bound)
    wanted = undress("memstore", call.path["memory_store_id"])
    spec = call.services.session_store.spec(SessionRef(Space(call.principal.tenant), bound.session))
    for store in of(spec.resources):
        if store["memory_store_id"] == wanted:
            return str(store["access"])
    raise MemoryStoreNotFound


def own_skill(call: Call, bound: Bound) -> None:
    """A skill of the agents of a token's session. Raises SkillNotFound, Forbidden, Unauthenticated."""
    _demand_token(bound)
    space = Space(call.principal.tenant)
    skill = call.services.skills.get(space, call.path["skill_id"])
    pinned = call.services.session_store.spec(SessionRef(space, bound.session)).skills
    if skill.id not in {pin["skill"] for pin in pinned}:
        raise SkillNotFound


def _demand_token(bound: Bound) -> None:
    if not bound.work:
        raise Forbidden("an environment key opens no files, no skills and no memory")
    _demand_open(bound)
