"""Who is calling."""

from dataclasses import dataclass

SCOPES = ("read", "write", "keys", "internal")
"""What a key may do: read objects, change them, manage keys, reach internal routes."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller: the tenant every access is bound to, the key used and what it permits."""

    tenant: str
    key_id: str
    scopes: frozenset[str]
    tenant_name: str = ""

    def may(self, scope: str) -> bool:
        """Whether the key carries the scope."""
        return scope in self.scopes
