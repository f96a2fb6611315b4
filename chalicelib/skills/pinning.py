"""Settles which versions of which skills a session has, once, when it starts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.agents.errors import UnknownSkill
from chalicelib.agents.parts import SkillRef
from chalicelib.skills.model import Skill, SkillVersion
from chalicelib.skills.reading import SkillReader
from chalicelib.storage.keys import Space

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pinned:
    """A session's agent with versions in its references, and what a run has to know of each of these versions.

    ``missing`` are the ids of skills that cannot be found; their references stand as they were.
    """

    agent: Document
    skills: list[Document] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def notices(self) -> list[Document]:
        """What the session's log has to tell of it."""
        told = "the skill {} cannot be found and is left out"
        return [{"source": "skills", "message": told.format(one), "details": {"skill_id": one}} for one in self.missing]


class KnownSkills:
    """Tells which references mean something to a tenant."""

    def __init__(self, skills: SkillReader, space: Space) -> None:
        self._skills = skills
        self._space = space

    def known(self, reference: SkillRef) -> bool:
        """Whether skill and version are there."""
        return self._skills.resolve(self._space, [reference])[0] is not None


def pin(skills: SkillReader, space: Space, agent: Document, *, strict: bool) -> Pinned:
    """Settle the skills of an agent, and of those in its roster. Raises UnknownSkill if ``strict``."""
    roster: dict[str, Document] = agent.get("roster") or {}
    documents = [agent, *roster.values()]
    wanted = [SkillRef.model_validate(one) for document in documents for one in document.get("skills") or []]
    if not wanted:
        return Pinned(agent)
    found = skills.resolve(space, wanted)
    if strict:
        _demand(wanted, found)
    known = {_key(one): made for one, made in zip(wanted, found, strict=True) if made}
    missing = [one.skill_id for one in wanted if _key(one) not in known]
    in_full = {
        _key(one) for document in documents if document.get("origin") == "plain" for one in _references(document)
    }
    pins = _pins(known, in_full)
    settled = _settled(agent, known) | ({"roster": {name: _settled(one, known) for name, one in roster.items()}})
    return Pinned(settled, pins, list(dict.fromkeys(missing)))


def _references(document: Document) -> list[SkillRef]:
    return [SkillRef.model_validate(one) for one in document.get("skills") or []]


def _key(reference: SkillRef) -> tuple[str, str]:
    return reference.skill_id, reference.version


def _demand(wanted: Sequence[SkillRef], found: Sequence[object | None]) -> None:
    for place, (reference, made) in enumerate(zip(wanted, found, strict=True)):
        if made is None:
            field = f"agent.skills.{place}.skill_id"
            told = f"{field}: the skill {reference.skill_id!r} in version {reference.version!r} is not there"
            raise UnknownSkill(told, field=field, code="skill_not_found")


Known = dict[tuple[str, str], tuple[Skill, SkillVersion]]


def _settled(document: Document, known: Known) -> Document:
    return document | {"skills": [_pinned(one, known) for one in _references(document)]}


def _pinned(reference: SkillRef, known: Known) -> Document:
    made = known.get(_key(reference))
    if made is None:
        return reference.model_dump(mode="json")
    return {"type": made[0].source, "skill_id": reference.skill_id, "version": made[1].id}


def _pins(known: Known, in_full: Iterable[tuple[str, str]]) -> list[Document]:
    """One for each version, in the order of the references; folders are apart even where names are not."""
    wanted, pins, folders = set(in_full), dict[str, Document](), set[str]()
    for key, (skill, version) in known.items():
        if version.id not in pins:
            folder = _free(version.name, folders)
            folders.add(folder)
            pins[version.id] = _pin(skill, version, folder)
        if key in wanted:
            pins[version.id] |= {"body": version.body, "body_cut": version.body_cut}
    return list(pins.values())


def _pin(skill: Skill, version: SkillVersion, folder: str) -> Document:
    return {
        "skill": skill.id,
        "id": skill.public_id,
        "version": version.id,
        "name": version.name,
        "folder": folder,
        "description": version.description,
    }


def _free(name: str, taken: set[str]) -> str:
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name}-{number}", number + 1
    return candidate
