"""What may be done with skills."""

import time
from dataclasses import replace

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import derive_id, new_id
from chalicelib.skills import builtins, references
from chalicelib.skills.errors import (
    BuiltInSkill,
    LastVersion,
    SkillDiffers,
    SkillHasVersions,
    SkillIdTaken,
    SkillNotFound,
    invalid,
)
from chalicelib.skills.litter import Litter
from chalicelib.skills.model import MOST_DISPLAY_NAME, Skill, SkillVersion
from chalicelib.skills.packing import Pack, packed, version_of
from chalicelib.skills.policy import Policy
from chalicelib.skills.reading import Made, SkillReader
from chalicelib.skills.sources import SkillDraft
from chalicelib.skills.store import SkillStore
from chalicelib.storage.errors import StorageBusy, TransactionRefused
from chalicelib.storage.keys import Space
from chalicelib.storage.objects import Objects

_TRIES = 10


class SkillService(SkillReader):
    """Creates and removes skills and versions."""

    def __init__(self, store: SkillStore, objects: Objects) -> None:
        super().__init__(store, objects)
        self._litter = Litter(store, objects)

    def create(self, space: Space, sent: SkillDraft, policy: Policy, seed: str | None = None) -> Made:
        """A new skill with its first version; what the same ``seed`` made before.

        Raises InvalidSkill, SkillIdTaken, SkillDiffers.
        """
        skill_id = self._new_id(space, sent.id, seed)
        display_name = _display_name(sent.display_name)
        with packed(sent, policy) as pack:
            first = self._version(pack, skill_id, seed, number=_number(0))
            if met := self._met(space, first, seed):
                return met
            self._store_archive(space, first, pack)
            now = now_ms()
            skill = Skill(
                id=skill_id,
                name=pack.name,
                display_name=display_name or pack.name,
                description=pack.description,
                created_at=now,
                updated_at=now,
                alias=sent.id if references.is_chosen(sent.id) else "",
            )
            return self._insert(space, _with(skill, first, now), first, seed)

    def _new_id(self, space: Space, chosen: str, seed: str | None) -> str:
        if not chosen:
            return new_id() if seed is None else derive_id("skill", space.tenant, seed)
        if builtins.is_reserved(chosen):
            raise SkillIdTaken
        skill_id = references.skill_id(space.tenant, chosen)
        if skill_id is None:
            raise invalid("id", "1 to 128 letters, digits, dots, hyphens and underscores")
        if seed is None and self._store.find(space, [skill_id]):
            raise SkillIdTaken
        return skill_id

    @staticmethod
    def _version(pack: Pack, skill_id: str, seed: str | None, number: int = 0) -> SkillVersion:
        version_id = new_id() if seed is None else derive_id(skill_id, "version" if number == 0 else "first", seed)
        return version_of(pack, skill_id, version_id, number=number, created_at=now_ms(), folder=new_id())

    def _met(self, space: Space, version: SkillVersion, seed: str | None) -> Made | None:
        """What an earlier request under the same key made. Raises SkillDiffers, SkillIdTaken."""
        if seed is None:
            return None
        skill = self._store.find(space, [version.skill_id]).get(version.skill_id)
        found = self._store.find_versions(space, [(version.skill_id, version.id)]).get(version.id)
        if skill is None or found is None:
            return None
        if found.sha256 != version.sha256:
            raise SkillDiffers
        return skill, found

    def _store_archive(self, space: Space, version: SkillVersion, pack: Pack) -> None:
        """The bytes first: no version is ever seen without them."""
        self._litter.expect(space, version.skill_id, version.folder)
        writer = self._objects.writer(space.object_key(*version.object_name), "application/zip")
        try:
            for piece in pack.pieces():
                writer.write(piece)
            writer.close()
        except BaseException:
            writer.abort()
            raise

    def _insert(self, space: Space, skill: Skill, first: SkillVersion, seed: str | None) -> Made:
        for _ in range(_TRIES):
            try:
                self._store.commit([*self._store.insert(space, skill), *self._store.insert_version(space, first)])
            except TransactionRefused as refusal:
                if refusal.failed == (1,):
                    # One that had this id was removed, and not all of it is gone yet.
                    self._litter.clear(space, skill.id, None)
                    continue
                self._litter.clear(space, skill.id, first.folder)
                if met := self._met(space, first, seed):
                    return met
                raise SkillIdTaken from refusal
            return skill, first
        raise StorageBusy("the skill is changed by too many at once")

    def demand_own(self, space: Space, skill: str) -> None:
        """Whether a skill takes versions. Raises SkillNotFound, BuiltInSkill."""
        self._own(space, skill)

    def _own(self, space: Space, skill: str) -> Skill:
        """One of the tenant's own. Raises SkillNotFound, BuiltInSkill."""
        found = self.get(space, skill)
        if found.source != "custom":
            raise BuiltInSkill
        return found

    def delete(self, space: Space, skill: str, policy: Policy) -> Skill:
        """Remove a skill, and as far as the policy lets it the versions; what it was.

        Raises SkillNotFound, BuiltInSkill, SkillHasVersions.
        """
        for _ in range(_TRIES):
            found = self._own(space, skill)
            if policy.versions_first and found.count:
                raise SkillHasVersions
            try:
                self._store.commit(self._store.delete(space, found, self._litter.due_ms()))
            except TransactionRefused:
                continue
            self._litter.clear(space, found.id, None)
            return found
        raise StorageBusy("the skill is changed by too many at once")

    def add(self, space: Space, skill: str, sent: SkillDraft, policy: Policy, seed: str | None = None) -> Made:
        """Another version, the latest from now on; what the same ``seed`` made before.

        Raises SkillNotFound, BuiltInSkill, InvalidSkill, SkillDiffers.
        """
        found = self._own(space, skill)
        with packed(sent, policy, found.name) as pack:
            version = self._version(pack, found.id, seed)
            if met := self._met(space, version, seed):
                return met
            self._store_archive(space, version, pack)
            return self._append(space, skill, version, seed)

    def _append(self, space: Space, skill: str, version: SkillVersion, seed: str | None) -> Made:
        for _ in range(_TRIES):
            try:
                found, now = self._own(space, skill), now_ms()
            except SkillNotFound:
                self._litter.clear(space, version.skill_id, version.folder)
                raise
            numbered = replace(version, number=_number(found.top))
            after = _with(replace(found, revision=found.revision + 1), numbered, now)
            try:
                self._store.commit([self._store.change(space, after), *self._store.insert_version(space, numbered)])
            except TransactionRefused:
                if met := self._met(space, version, seed):
                    self._litter.clear(space, version.skill_id, version.folder)
                    return met
                continue
            return after, numbered
        raise StorageBusy("the skill is changed by too many at once")

    def delete_version(self, space: Space, skill: str, version: str, policy: Policy) -> Made:
        """Remove a version; what skill and version were.

        Raises SkillNotFound, BuiltInSkill, SkillVersionNotFound, LastVersion.
        """
        for _ in range(_TRIES):
            self._own(space, skill)
            found, gone = self.version(space, skill, version)
            if found.count <= 1 and not policy.versions_first:
                raise LastVersion
            steps = self._store.delete_version(space, gone, self._litter.due_ms())
            try:
                self._store.commit([self._store.change(space, self._without(space, found, gone)), *steps])
            except TransactionRefused:
                continue
            self._litter.clear(space, found.id, gone.folder)
            return found, gone
        raise StorageBusy("the skill is changed by too many at once")

    def _without(self, space: Space, skill: Skill, gone: SkillVersion) -> Skill:
        after = replace(skill, count=skill.count - 1, revision=skill.revision + 1, updated_at=now_ms())
        if gone.id != skill.latest_id:
            return after
        older, _ = self._store.versions(space, skill.id, below=gone.number, limit=1)
        if not older:
            return replace(after, latest=0, latest_id="")
        return replace(after, latest=older[0].number, latest_id=older[0].id, description=older[0].description)

    def sweep(self) -> int:
        """Clear away what uploads and deletions left that were broken off; how much there was."""
        return self._litter.sweep()


def _number(top: int) -> int:
    """The number of the next version: the time in microseconds, and more than any before."""
    return max(time.time_ns() // 1000, top + 1)


def _with(skill: Skill, version: SkillVersion, now: int) -> Skill:
    """The skill with one version more, its latest."""
    return replace(
        skill,
        latest=version.number,
        latest_id=version.id,
        top=version.number,
        count=skill.count + 1,
        description=version.description,
        updated_at=now,
    )


def _display_name(given: str) -> str:
    shown = given.strip()
    if len(shown) > MOST_DISPLAY_NAME or any(ord(letter) < 32 for letter in shown):
        raise invalid("display_name", f"one line of at most {MOST_DISPLAY_NAME} characters")
    return shown
