"""Which sandboxes a list shows."""

from collections.abc import Callable
from urllib.parse import unquote, unquote_plus

from chalicelib.core.clock import parse_iso
from chalicelib.core.errors import InvalidRequest
from chalicelib.doors.e2b.schemas import ListQuery
from chalicelib.sandbox.model import Sandbox

Keep = Callable[[Sandbox], bool]


def metadata_pairs(text: str | None) -> dict[str, str]:
    """Pairs in the form of a query whose names and values are percent-encoded twice. Raises InvalidRequest."""
    pairs: dict[str, str] = {}
    for part in (text or "").split("&"):
        if not part:
            continue
        name, found, value = part.partition("=")
        if not found:
            raise InvalidRequest("metadata: must be pairs of the form name=value", field="metadata")
        pairs[_twice_decoded(name)] = _twice_decoded(value)
    return pairs


def _twice_decoded(text: str) -> str:
    return unquote(unquote_plus(text))


def keep_for(query: ListQuery) -> Keep:
    """Whether a sandbox is one that was asked for. Raises InvalidRequest."""
    pairs, states, since = metadata_pairs(query.metadata), query.state, _moment(query.started_after)

    def keep(sandbox: Sandbox) -> bool:
        return (
            (not states or sandbox.state in states)
            and (query.template is None or sandbox.template == query.template)
            and (since is None or sandbox.started_at >= since)
            and pairs.items() <= sandbox.metadata.items()
        )

    return keep


def _moment(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_iso(text)
    except ValueError as error:
        raise InvalidRequest("startedAfter: must be an RFC 3339 date-time", field="startedAfter") from error
