"""Where profiles are kept: a row each, one for its external id, and one for its place among the names."""

import hashlib

from chalicelib.core.jsonio import dumps, loads
from chalicelib.storage import writes
from chalicelib.storage.committing import Committing
from chalicelib.storage.keys import Key, Space, list_sk
from chalicelib.storage.listing import Found, Window, read_lists
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write
from chalicelib.userprofiles.model import Profile

_NOUN, _EXTERNAL, _NAMED, _NAMELESS = (
    "user_profile",
    "user_profile_external",
    "user_profile_names",
    "user_profile_nameless",
)
_NAME_BYTES = 800
_ASCII_LOWER = str.maketrans({chr(letter): chr(letter + 32) for letter in range(ord("A"), ord("Z") + 1)})


class ProfileStore(Committing):
    """Rows of profiles; no rule about them is here."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, space: Space, profile_id: str) -> Profile | None:
        """One profile."""
        row = self._table.get(_key(space, profile_id))
        return None if row is None else self.restored(row)

    def restored(self, row: Row) -> Profile:
        """The profile of a row."""
        return Profile.model_validate(loads(row["doc"]))

    def insertion(self, space: Space, profile: Profile) -> list[Write]:
        """The writes that make a profile; the second, if there is one, claims its external id."""
        key = _key(space, profile.id)
        row = {"pk": key.pk, "sk": key.sk, "revision": profile.revision, "doc": dumps(profile)}
        row |= {"list_pk": space.listing(_NOUN), "list_sk": list_sk(profile.created_at, profile.id)}
        claim = self._claim(space, profile)
        return [writes.put(row, writes.ABSENT), *claim, _place_write(space, profile)]

    def replacement(self, space: Space, before: Profile, after: Profile) -> list[Write]:
        """The writes that put a revision in the place of the one before, as ``insertion`` orders them."""
        changes: Row = {"revision": after.revision, "doc": dumps(after)}
        steps = [writes.update(_key(space, after.id), changes, writes.equals("revision", before.revision))]
        if before.external_id != after.external_id:
            steps += [*self._claim(space, after), *self._release(space, before)]
        if _place(space, before) != _place(space, after):
            steps += [writes.delete(_place(space, before)), _place_write(space, after)]
        return steps

    def removal(self, space: Space, profile: Profile) -> list[Write]:
        """The writes that remove a profile as it was seen."""
        gone = writes.delete(_key(space, profile.id), writes.equals("revision", profile.revision))
        return [gone, *self._release(space, profile), writes.delete(_place(space, profile))]

    @staticmethod
    def _claim(space: Space, profile: Profile) -> list[Write]:
        if profile.external_id is None:
            return []
        key = _external(space, profile.external_id)
        free = writes.ABSENT | writes.equals("profile", profile.id)
        return [writes.put({"pk": key.pk, "sk": key.sk, "profile": profile.id}, free)]

    @staticmethod
    def _release(space: Space, profile: Profile) -> list[Write]:
        return [] if profile.external_id is None else [writes.delete(_external(space, profile.external_id))]

    def page(self, space: Space, window: Window) -> Found:
        """Rows of profiles, by creation."""
        return read_lists(self._table, [space.listing(_NOUN)], window)

    def named_page(
        self, space: Space, limit: int, after: str | None, *, ascending: bool
    ) -> tuple[list[Profile], str | None]:
        """Profiles by name, those without one last; and the position to go on after, None at the end."""
        part, _, place = (after or f"{_NAMED} ").partition(" ")
        found: list[Row] = []
        for noun in (_NAMED, _NAMELESS)[(_NAMED, _NAMELESS).index(part) :]:
            if len(found) <= limit:
                start = place if noun == part else ""
                found += self._places(space, noun, start, limit + 1 - len(found), ascending=ascending)
        shown = found[:limit]
        rows = self._table.get_many([_key(space, row["profile"]) for row in shown])
        ordered = [rows[key] for row in shown if (key := _key(space, row["profile"])) in rows]
        last = shown[-1] if len(found) > limit else None
        following = None if last is None else f"{_noun_of(last)} {last['sk']}"
        return [self.restored(row) for row in ordered], following

    def _places(self, space: Space, noun: str, after: str, count: int, *, ascending: bool) -> list[Row]:
        """So many rows of a partition behind one of them."""
        bounds = {} if not after else {"low": after} if ascending else {"high": after}
        found: list[Row] = []
        start = None
        while True:
            page = self._table.query(
                space.partition(noun), **bounds, descending=not ascending, limit=count + 1, start=start
            )
            found += [row for row in page.rows if row["sk"] != after]
            start = page.more
            if start is None or len(found) >= count:
                return found[:count]


def _key(space: Space, profile_id: str) -> Key:
    return space.key(_NOUN, profile_id, sk="HEAD")


def _external(space: Space, external_id: str) -> Key:
    return space.key(_EXTERNAL, hashlib.sha256(external_id.encode()).hexdigest(), sk="TAKEN")


def _place(space: Space, profile: Profile) -> Key:
    if profile.name is None:
        return space.key(_NAMELESS, sk=list_sk(profile.created_at, profile.id))
    sortable = profile.name.translate(_ASCII_LOWER).encode()[:_NAME_BYTES].decode(errors="ignore")
    return space.key(_NAMED, sk=f"{sortable}\x01{profile.id}")


def _place_write(space: Space, profile: Profile) -> Write:
    key = _place(space, profile)
    return writes.put({"pk": key.pk, "sk": key.sk, "profile": profile.id})


def _noun_of(row: Row) -> str:
    return str(row["pk"].rpartition("#")[2])
