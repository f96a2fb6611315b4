"""Skills as they are read: the tenant's own, and those that come with the server."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from chalicelib.core.paging import Page
from chalicelib.skills import builtins, references
from chalicelib.skills.errors import SkillFileNotFound, SkillNotFound, SkillVersionNotFound
from chalicelib.skills.model import LATEST, Origin, Skill, SkillFile, SkillVersion, Summary
from chalicelib.skills.sources import PIECE
from chalicelib.skills.store import SkillStore, position_of, skill_of
from chalicelib.storage.errors import ObjectMissing
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.storage.objects import Objects

_NEWEST = 10**17
_RAW_DEFLATE = -zlib.MAX_WBITS
Made = tuple[Skill, SkillVersion]


class Reference(Protocol):
    """How an agent names a skill."""

    @property
    def skill_id(self) -> str:
        """Its id, as a client wrote it."""
        ...

    @property
    def version(self) -> str:
        """A version's id or number, or ``latest``."""
        ...


class SkillReader:
    """Finds skills, versions and files. A skill is named by the id a client wrote."""

    def __init__(self, store: SkillStore, objects: Objects) -> None:
        self._store = store
        self._objects = objects

    def get(self, space: Space, skill: str) -> Skill:
        """One skill. Raises SkillNotFound."""
        if name := builtins.name_of(skill):
            return builtins.get(name).skill
        skill_id = references.skill_id(space.tenant, skill)
        found = self._store.find(space, [skill_id]).get(skill_id) if skill_id else None
        if found is None:
            raise SkillNotFound
        return found

    def page(self, space: Space, window: Window, source: Origin | None) -> Page[Skill]:
        """Skills by creation, the server's own as the oldest; ``next`` is the position to go on after."""
        rows = self._store.page(space, window) if source != "anthropic" else None
        found = [skill_of(row) for row in rows.rows] if rows else []
        bounds = window.bounds()
        if source != "custom" and bounds is not None:
            come_along = [one.skill for one in builtins.everyone()]
            found += [skill for skill in come_along if bounds[0] <= _position(skill) <= bounds[1]]
        found.sort(key=_position, reverse=not window.ascending)
        more = len(found) > window.limit or bool(rows and rows.more)
        shown = found[: window.limit]
        return Page(shown, _position(shown[-1]) if more and shown else None)

    def position(self, space: Space, skill: str) -> str | None:
        """Where a skill stands in lists; None when there is no such."""
        try:
            return _position(self.get(space, skill))
        except SkillNotFound:
            return None

    def version(self, space: Space, skill: str, version: str) -> Made:
        """A skill and one of its versions, by id, number or ``latest``. Raises SkillNotFound, SkillVersionNotFound."""
        if name := builtins.name_of(skill):
            met = _built_in(name, version)
            if met is None:
                raise SkillVersionNotFound
            return met
        found = self.get(space, skill)
        version_id = self._version_id(space, found, version)
        one = self._store.find_versions(space, [(found.id, version_id)]).get(version_id) if version_id else None
        if one is None:
            raise SkillVersionNotFound
        return found, one

    def with_latest(self, space: Space, skill: str) -> tuple[Skill, SkillVersion | None]:
        """A skill and its latest version, None when it has none any more. Raises SkillNotFound."""
        try:
            return self.version(space, skill, LATEST)
        except SkillVersionNotFound:
            return self.get(space, skill), None

    def _version_id(self, space: Space, skill: Skill, text: str) -> str | None:
        wanted = references.version_of(text)
        if wanted == LATEST:
            return skill.latest_id or None
        if isinstance(wanted, int):
            numbered = self._store.numbered(space, skill.id, wanted)
            return None if numbered is None else numbered.id
        return wanted

    def versions(self, space: Space, skill: str, *, below: int | None, limit: int) -> tuple[Skill, list[Summary], bool]:
        """Versions of a skill with numbers below one, newest first, and whether more follow. Raises SkillNotFound."""
        found = self.get(space, skill)
        under = _NEWEST if below is None else below
        if found.source != "custom":
            one = builtins.get(found.name).version.summary()
            return found, [one] if one.number < under else [], False
        return found, *self._store.versions(space, found.id, below=under, limit=limit)

    def archive(self, space: Space, version: SkillVersion) -> Iterator[bytes]:
        """A version as one zip file, in pieces. Raises SkillVersionNotFound when it was removed meanwhile."""
        if not version.folder:
            return iter((builtins.get(version.name).archive,))
        try:
            return self._objects.stream(space.object_key(*version.object_name))
        except ObjectMissing as missing:
            raise SkillVersionNotFound from missing

    def file(self, space: Space, skill: str, path: str) -> tuple[SkillFile, Iterator[bytes]]:
        """A file of the latest version. Raises SkillNotFound, SkillVersionNotFound, SkillFileNotFound."""
        _, version = self.version(space, skill, LATEST)
        names = (path, path.removeprefix(f"{version.name}/"))
        found = next((one for name in names for one in version.files if one.path == name), None)
        if found is None:
            raise SkillFileNotFound
        return found, _inflated(self._part(space, version, found))

    def _part(self, space: Space, version: SkillVersion, file: SkillFile) -> Iterator[bytes]:
        if not version.folder:
            whole = builtins.get(version.name).archive
            return iter((whole[file.offset : file.offset + file.packed],))
        try:
            return self._objects.stream(space.object_key(*version.object_name), file.offset, file.packed)
        except ObjectMissing as missing:
            raise SkillVersionNotFound from missing

    def find_version(self, space: Space, skill_id: str, version_id: str) -> SkillVersion:
        """A version by core ids; of what comes with the server, the one there is now. Raises SkillVersionNotFound."""
        for one in builtins.everyone():
            if one.skill.id == skill_id:
                return one.version
        found = self._store.find_versions(space, [(skill_id, version_id)]).get(version_id)
        if found is None:
            raise SkillVersionNotFound
        return found

    def resolve(self, space: Space, wanted: Sequence[Reference]) -> list[Made | None]:
        """What each reference means now, in two reads for all of them; None where it means nothing."""
        names = [builtins.name_of(one.skill_id) for one in wanted]
        ids = [references.skill_id(space.tenant, one.skill_id) or "" for one in wanted]
        own = [skill_id for skill_id, name in zip(ids, names, strict=True) if skill_id and not name]
        skills = self._store.find(space, own)
        places = [self._place(space, skills.get(one), reference) for one, reference in zip(ids, wanted, strict=True)]
        versions = self._store.find_versions(space, [place for place in places if place])
        found = [(skills[place[0]], versions[place[1]]) if place and place[1] in versions else None for place in places]
        return [
            _built_in(name, reference.version) if name else made
            for name, reference, made in zip(names, wanted, found, strict=True)
        ]

    def _place(self, space: Space, skill: Skill | None, reference: Reference) -> tuple[str, str] | None:
        version_id = self._version_id(space, skill, reference.version) if skill else None
        return (skill.id, version_id) if skill and version_id else None


def _built_in(name: str, text: str) -> Made | None:
    found, wanted = builtins.get(name), references.version_of(text)
    known = wanted in (LATEST, found.version.id, found.version.number)
    return (found.skill, found.version) if known else None


def _position(skill: Skill) -> str:
    """What comes along with the server stands behind everything else."""
    return position_of(skill if skill.source == "custom" else replace(skill, created_at=0))


def _inflated(pieces: Iterator[bytes]) -> Iterator[bytes]:
    reader = zlib.decompressobj(_RAW_DEFLATE)
    for piece in pieces:
        held = piece
        while held:
            yield reader.decompress(held, PIECE)
            held = reader.unconsumed_tail
    yield reader.flush()
