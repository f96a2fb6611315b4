"""Where skills are kept. One partition holds the skill (HEAD), its versions by id (V#) and by number (N#), and what has
to be cleared away should nobody finish what was begun (X#)."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from chalicelib.skills.model import Skill, SkillFile, SkillVersion, Summary
from chalicelib.storage import writes
from chalicelib.storage.committing import Committing
from chalicelib.storage.documents import Documents
from chalicelib.storage.errors import ConditionFailed
from chalicelib.storage.keys import BY_DUE, Key, Space, list_sk, system_partition
from chalicelib.storage.listing import Found, Window, read_lists
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write

_NOUN = "skill"
_HEAD, _VERSION, _NUMBER, _LITTER = "HEAD", "V#", "N#", "X#"
_WHOLE = f"{_LITTER}whole"
_DUE = system_partition("skills", "litter")
_DIGITS = 18
_IN_DOCUMENT = ("description", "body", "files")
_NOT_TAKEN = writes.PRESENT & writes.missing("taken")
_FACTS = tuple(name for name in SkillVersion.__dataclass_fields__ if name not in _IN_DOCUMENT)


class SkillStore(Committing):
    """Rows of skills and versions; no rule about them is here."""

    def __init__(self, table: Table, documents: Documents) -> None:
        self._table = table
        self._documents = documents

    def find(self, space: Space, skill_ids: Sequence[str]) -> dict[str, Skill]:
        """Those of the skills that exist, by id."""
        rows = self._table.get_many([_key(space, skill_id, _HEAD) for skill_id in skill_ids])
        return {row["id"]: skill_of(row) for row in rows.values()}

    def find_versions(self, space: Space, wanted: Sequence[tuple[str, str]]) -> dict[str, SkillVersion]:
        """Those of the versions, given by skill and id, that exist; by their ids."""
        rows = self._table.get_many([_key(space, skill_id, _VERSION + version_id) for skill_id, version_id in wanted])
        return {row["id"]: self._version(row) for row in rows.values()}

    def numbered(self, space: Space, skill_id: str, number: int) -> Summary | None:
        """The version of a number."""
        row = self._table.get(_key(space, skill_id, _number(number)))
        return None if row is None else _summary(row)

    def versions(self, space: Space, skill_id: str, *, below: int, limit: int) -> tuple[list[Summary], bool]:
        """Versions with numbers below one, newest first, and whether more follow."""
        partition = space.partition(_NOUN, skill_id)
        found: list[Row] = []
        start: dict[str, Any] | None = None
        low, high = _NUMBER, _number(max(below - 1, 0))
        while len(found) <= limit:
            page = self._table.query(
                partition, low=low, high=high, descending=True, limit=limit + 1 - len(found), start=start
            )
            found += page.rows
            start = page.more
            if start is None:
                break
        return [_summary(row) for row in found[:limit]], len(found) > limit

    def page(self, space: Space, window: Window) -> Found:
        """Rows of skills, by creation."""
        return read_lists(self._table, [space.listing(_NOUN)], window)

    def insert(self, space: Space, skill: Skill) -> list[Write]:
        """The writes that make a skill: nothing of one that had its id may be left."""
        key, listed = _key(space, skill.id, _HEAD), {"list_pk": space.listing(_NOUN), "list_sk": position_of(skill)}
        row = {"pk": key.pk, "sk": key.sk, **asdict(skill), **listed}
        return [writes.put(row, writes.ABSENT), writes.check(_key(space, skill.id, _WHOLE), writes.ABSENT)]

    def change(self, space: Space, skill: Skill) -> Write:
        """The write that replaces the revision before."""
        changes = {name: value for name, value in asdict(skill).items() if name != "id"}
        return writes.update(_key(space, skill.id, _HEAD), changes, writes.equals("revision", skill.revision - 1))

    def delete(self, space: Space, skill: Skill, due_ms: int) -> list[Write]:
        """The writes that remove a skill as it was seen, and leave a note of what is left of it."""
        gone = writes.delete(_key(space, skill.id, _HEAD), writes.equals("revision", skill.revision))
        return [gone, self.note(space, skill.id, None, due_ms)]

    def insert_version(self, space: Space, version: SkillVersion) -> list[Write]:
        """The writes that make a version, and take away the note of its archive."""
        key = _key(space, version.skill_id, _VERSION + version.id)
        document = {"description": version.description, "body": version.body, "files": _packed(version.files)}
        packed = self._documents.pack(space, document, "skills", version.skill_id, version.folder)
        facts = {name: getattr(version, name) for name in _FACTS}
        number = _key(space, version.skill_id, _number(version.number))
        return [
            writes.put({"pk": key.pk, "sk": key.sk, **facts, **packed}, writes.ABSENT),
            writes.put({"pk": number.pk, "sk": number.sk, **asdict(version.summary())}, writes.ABSENT),
            writes.delete(_key(space, version.skill_id, _LITTER + version.folder), _NOT_TAKEN),
        ]

    def delete_version(self, space: Space, version: SkillVersion, due_ms: int) -> list[Write]:
        """The writes that remove a version, and leave a note of its archive."""
        return [
            writes.delete(_key(space, version.skill_id, _VERSION + version.id), writes.PRESENT),
            writes.delete(_key(space, version.skill_id, _number(version.number))),
            self.note(space, version.skill_id, version.folder, due_ms),
        ]

    def note(self, space: Space, skill_id: str, folder: str | None, due_ms: int) -> Write:
        """The write that has a folder, or all that is left of a skill, cleared away after a moment (milliseconds)."""
        key = _key(space, skill_id, _WHOLE if folder is None else _LITTER + folder)
        row: Row = {"pk": key.pk, "sk": key.sk, "tenant": space.tenant, "skill": skill_id, "folder": folder}
        return writes.put(row | {"due_pk": _DUE, "due_sk": list_sk(due_ms, folder or skill_id)})

    def write(self, step: Write) -> None:
        """One write. Raises ConditionFailed."""
        self._table.write(step)

    def take(self, space: Space, skill_id: str, folder: str | None) -> bool:
        """Let no version come of a noted folder any more; False when one did, or the note is gone."""
        key = _key(space, skill_id, _WHOLE if folder is None else _LITTER + folder)
        try:
            self._table.write(writes.update(key, {"taken": 1}, writes.PRESENT))
        except ConditionFailed:
            return False
        return True

    def forget(self, space: Space, skill_id: str, folder: str | None) -> None:
        """Take away a note: it is done."""
        self._table.delete_many([_key(space, skill_id, _WHOLE if folder is None else _LITTER + folder)])

    def folders(self, space: Space, skill_id: str) -> Iterable[str]:
        """The folders of a skill's versions."""
        low, high = _VERSION, _VERSION + "~"
        for row in self._table.walk(space.partition(_NOUN, skill_id), low=low, high=high):
            yield row["folder"]

    def purge(self, space: Space, skill_id: str) -> None:
        """Remove the rows of a skill's versions."""
        partition = space.partition(_NOUN, skill_id)
        for mark in (_VERSION, _NUMBER):
            rows = self._table.walk(partition, low=mark, high=mark + "~")
            self._table.delete_many([Key(row["pk"], row["sk"]) for row in rows])

    def due(self, now_ms: int, most: int) -> list[tuple[Space, str, str | None]]:
        """(tenant, skill, folder or None for all of it) of notes whose moment has come, of all tenants."""
        page = self._table.query_list(_DUE, high=f"{now_ms:013d}~", descending=False, limit=most, index=BY_DUE)
        rows = self._table.get_many([Key(row["pk"], row["sk"]) for row in page.rows])
        return [(Space(row["tenant"]), row["skill"], row.get("folder")) for row in rows.values()]

    def _version(self, row: Row) -> SkillVersion:
        said = self._documents.unpack(row)
        files = tuple(SkillFile(*fields) for fields in said.pop("files"))
        return SkillVersion(**{name: row[name] for name in _FACTS}, **said, files=files)


def skill_of(row: Row) -> Skill:
    """The skill of a row."""
    return Skill(**{name: row[name] for name in Skill.__dataclass_fields__})


def position_of(skill: Skill) -> str:
    """Where a skill stands in lists."""
    return list_sk(skill.created_at, skill.id)


def _key(space: Space, skill_id: str, sk: str) -> Key:
    return space.key(_NOUN, skill_id, sk=sk)


def _number(number: int) -> str:
    return f"{_NUMBER}{number:0{_DIGITS}d}"


def _summary(row: Row) -> Summary:
    return Summary(**{name: row[name] for name in Summary.__dataclass_fields__})


def _packed(files: Iterable[SkillFile]) -> list[list[Any]]:
    return [[one.path, one.size, one.executable, one.offset, one.packed] for one in files]
