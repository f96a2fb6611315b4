"""The threads in a bundle: those that its log tells of, at rest, each of somebody whom the agent may call."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from chalicelib.agents.team import definition
from chalicelib.bundles.checking import all_parsed
from chalicelib.bundles.errors import bad
from chalicelib.bundles.logs import LogFacts
from chalicelib.bundles.model import THREADS
from chalicelib.core.ids import is_core_id
from chalicelib.forks.heads import thread_of
from chalicelib.sessions.model import Thread

_FORM = TypeAdapter(Thread)
_LONGEST_NAME = 256
_WHO = {"agent": ("id", "version"), "self": (), "general": (), "inline": ("name", "system"), "advisor": ("model",)}


def read(documents: Sequence[Any], facts: LogFacts) -> list[Thread]:
    """The threads, at rest. Raises BadBundle."""
    found = [_fitting(thread, facts) for thread in all_parsed(_FORM, documents, THREADS)]
    if len({thread.id for thread in found}) != len(found):
        raise bad(THREADS, "holds a thread twice")
    return found


def _fitting(thread: Thread, facts: LogFacts) -> Thread:
    known = facts.threads.get(thread.id)
    if known is None or not is_core_id(thread.id) or not known.began:
        raise bad(THREADS, f"the log knows nothing of the thread {ascii(thread.id[:80])[1:-1]}")
    ordered = thread.turns == sorted(set(thread.turns)) and bool(thread.turns)
    inside = 0 < thread.first <= known.began[0] and len(thread.turns) <= len(known.began)
    if not ordered or not inside or not thread.first <= thread.turns[0] <= thread.turns[-1] <= facts.copied.seq:
        raise bad(THREADS, f"the turns of the thread {thread.id} are not those of the log")
    if len(thread.name) > _LONGEST_NAME or not 0 <= thread.created_at <= facts.copied.at:
        raise bad(THREADS, f"the thread {thread.id} was made by nobody")
    rested = thread_of(thread, facts.copied)
    if rested is None:
        raise bad(THREADS, f"the thread {thread.id} began after the end of the log")
    return rested


def demand_callable(threads: Sequence[Thread], agent: Mapping[str, Any]) -> None:
    """Whether the agent may call whoever the threads are of. Raises BadBundle."""
    for thread in threads:
        kind = thread.agent.get("type")
        if not isinstance(kind, str) or kind not in _WHO or set(thread.agent) != {"type", *_WHO[kind]}:
            raise bad(THREADS, f"the thread {thread.id} is of nobody who could be called")
        try:
            definition(dict(agent), thread.agent)
        except (LookupError, TypeError) as error:
            raise bad(THREADS, f"the thread {thread.id} is of somebody whom the agent does not know") from error
