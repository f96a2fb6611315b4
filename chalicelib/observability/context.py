"""The ids of the work in hand, carried by context variables so that threads and tasks each see their own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

_NOTHING: Mapping[str, str] = MappingProxyType({})
_ids: ContextVar[Mapping[str, str]] = ContextVar("lambent_log_ids", default=_NOTHING)


def bound() -> Mapping[str, str]:
    """The ids every log line written here and now carries."""
    return _ids.get()


@contextmanager
def bind(**ids: str) -> Iterator[None]:
    """Add ids (``request_id``, ``tenant``, ``session``, ``run`` …) to each log line of the block, but no empty ones."""
    token = _ids.set({**_ids.get(), **{name: value for name, value in ids.items() if value}})
    try:
        yield
    finally:
        _ids.reset(token)
