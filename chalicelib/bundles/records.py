"""Records as a bundle holds them, turned into events: none that the engine would not have written."""

from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from chalicelib.bundles.blocks import Data, EventId, Exact, Seq
from chalicelib.bundles.errors import unfit
from chalicelib.bundles.forms import DATA
from chalicelib.bundles.model import CoreId, Moment
from chalicelib.bundles.private_forms import NEEDED, PRIVATE, Nothing
from chalicelib.events import catalogue
from chalicelib.events.event import Event

M = TypeVar("M", bound=BaseModel)
KNOWN = (catalogue.PUBLIC_TYPES | catalogue.INTERNAL_TYPES | {"files.changed"}) - {"session.deleted"}
"""What a log may hold; that of a session that is gone is not exported."""


class _Record(Exact):
    seq: Seq
    at: Moment
    type: str = Field(max_length=64)
    data: dict[str, Any]
    id: EventId
    run: CoreId | None = None
    private: dict[str, Any] | None = None
    thread: CoreId | None = None


class BadRecord(ValueError):
    """A record is not one that the engine writes."""


def restored(document: Any) -> Event:
    """The record behind its form in a bundle. Raises BadRecord."""
    record = _read(_Record, document, "")
    if record.type not in KNOWN:
        raise BadRecord(f"there is no type {record.type!a}")
    _read(DATA.get(record.type, Data), record.data, "data")
    if record.private is not None:
        _read(PRIVATE.get(record.type, Nothing), record.private, "private")
    elif record.type in NEEDED:
        raise BadRecord("private: field required")
    return Event(**{name: getattr(record, name) for name in _Record.model_fields})


def _read(form: type[M], given: Any, place: str) -> M:
    try:
        return form.model_validate(given)
    except ValidationError as error:
        raise BadRecord(unfit(error, place)) from None
