"""Who is calling."""

from dataclasses import dataclass

SCOPES = ("read", "write", "keys", "internal")
"""What a key may do: read objects, change them, manage keys, reach internal routes."""


@dataclass(frozen=True, slots=True)
class Bound:
    """How far a worker's credential reaches: one environment, or of it one piece of work and that one's session.

    An empty ``session`` beside ``work``: the work is over. ``claim`` is the number of the offer it came with.
    """

    environment: str
    work: str = ""
    session: str = ""
    claim: int = 0


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller: the tenant every access is bound to, the key used and what it permits.

    ``bound`` is None for API keys; the credential of a worker opens only routes that know how far it reaches.
    ``user`` is the person behind a session cookie, empty for keys; such a caller has the user's id for a key's.
    """

    tenant: str
    key_id: str
    scopes: frozenset[str]
    tenant_name: str = ""
    bound: Bound | None = None
    user: str = ""

    def may(self, scope: str) -> bool:
        """Whether the key carries the scope."""
        return scope in self.scopes
