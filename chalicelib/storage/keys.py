"""Keys of the one table. Every key of a tenant's data begins with the tenant; a Space is the only way to make one."""

from dataclasses import dataclass

SEPARATOR = "#"
BY_LIST = "by_list"
BY_DUE = "by_due"


@dataclass(frozen=True, slots=True)
class Key:
    """Where a row stands."""

    pk: str
    sk: str


def _join(*parts: str) -> str:
    for part in parts:
        if SEPARATOR in part or not part:
            raise ValueError(f"a key part may not be empty or hold {SEPARATOR!r}: {part!r}")
    return SEPARATOR.join(parts)


@dataclass(frozen=True, slots=True)
class Space:
    """One tenant's part of the table, the index and the bucket."""

    tenant: str

    def partition(self, noun: str, *ids: str) -> str:
        """The partition of one thing, or of a collection when no id is given."""
        return _join("t", self.tenant, noun, *ids)

    def key(self, noun: str, *ids: str, sk: str) -> Key:
        """A row in a thing's partition."""
        return Key(self.partition(noun, *ids), sk)

    def listing(self, noun: str, *ids: str) -> str:
        """The hash of the ``by_list`` index under which the tenant's things of a noun stand."""
        return self.partition(noun, *ids)

    def object_key(self, *parts: str) -> str:
        """The name of an object in the bucket."""
        return "/".join(("tenants", self.tenant, *parts))


def system_partition(noun: str, *parts: str) -> str:
    """A partition that belongs to no tenant: key hashes, the tenant register, the clock's schedule."""
    return _join("s", noun, *parts)


def list_sk(created_ms: int, thing_id: str) -> str:
    """The range of the ``by_list`` index: by creation, ties by id."""
    return f"{created_ms:013d}{SEPARATOR}{thing_id}"
