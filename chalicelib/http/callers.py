"""Whose a request is by its credential, as far as it was seen before: enough to say whose threads it may take."""

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock

_MOST = 10_000
_SHOWN = ("authorization", "x-api-key", "cookie", "x-active-tenant")


class Callers:
    """Remembers the tenants of the latest credentials, of which no more than a number is kept."""

    def __init__(self) -> None:
        self._tenants: OrderedDict[int, str] = OrderedDict()
        self._lock = Lock()

    def tenant(self, headers: Mapping[str, str]) -> str | None:
        """The tenant that a request with these headers was of the last time; None for one not seen lately."""
        return self._tenants.get(_mark(headers))

    def note(self, headers: Mapping[str, str], tenant: str) -> None:
        """A request with these headers was admitted for a tenant."""
        with self._lock:
            self._tenants[_mark(headers)] = tenant
            if len(self._tenants) > _MOST:
                self._tenants.popitem(last=False)


def _mark(headers: Mapping[str, str]) -> int:
    return hash(tuple(headers.get(name) for name in _SHOWN))
