"""How many things a tenant has, counted along the lists of its nouns and never further than a page of each."""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.storage.keys import Space
from chalicelib.storage.table import Table

MOST = 5_000
"""No list is counted further; what has more shows this number."""
_LISTED = {
    "agents": "agent",
    "sessions": "session",
    "environments": "environment",
    "vaults": "vault",
    "skills": "skill",
}
Counter = Callable[[Space], int]


@dataclass(frozen=True, slots=True)
class Count:
    """The numbers by noun, and the nouns of which there are more than is counted."""

    counts: dict[str, int]
    capped: list[str]


class Census:
    """Counts what lists show: archived agents, environments, vaults and skills are not among it."""

    def __init__(self, table: Table, others: dict[str, Counter]) -> None:
        """``others`` count nouns that keep their number themselves."""
        self._table = table
        self._others = others

    def take(self, space: Space) -> Count:
        """One read a noun."""
        counts, capped = {}, []
        for noun, listing in _LISTED.items():
            counts[noun], more = self._table.count_list(space.listing(listing), MOST)
            if more:
                capped.append(noun)
        return Count(counts | {noun: count(space) for noun, count in self._others.items()}, capped)
