"""The skills that come with the server, for every tenant alike."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from chalicelib.core.clock import parse_iso
from chalicelib.core.ids import derive_id
from chalicelib.skills.model import Skill, SkillVersion
from chalicelib.skills.packing import packed, version_of
from chalicelib.skills.policy import SDK
from chalicelib.skills.references import BUILT_IN
from chalicelib.skills.sources import SkillDraft, Source, of_bytes

NAMES = ("docx", "pdf", "pptx", "xlsx")
_PUBLISHED = parse_iso("2026-11-01T00:00:00Z")
_NUMBER = 20261101
_COMPILED = "__pycache__"


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A skill that comes with the server, with its one version and the bytes of that."""

    skill: Skill
    version: SkillVersion
    archive: bytes


def name_of(text: str) -> str | None:
    """The built-in skill a client means: by its id, or by its bare name."""
    name = text.removeprefix(BUILT_IN)
    return name if name in NAMES else None


def is_reserved(text: str) -> bool:
    """Whether an id can belong to no tenant."""
    return text.startswith(BUILT_IN) or text in NAMES


def everyone() -> list[BuiltIn]:
    """All of them."""
    return [get(name) for name in NAMES]


@cache
def get(name: str) -> BuiltIn:
    """One of ``NAMES``."""
    skill_id = derive_id("skill", "builtin", name)
    files = list(_files(resources.files("chalicelib.skills") / "builtin" / name, name))
    with packed(SkillDraft(files), SDK) as pack:
        version_id = derive_id(skill_id, pack.sha256)
        version = version_of(pack, skill_id, version_id, number=_NUMBER, created_at=_PUBLISHED, folder="")
        archive = b"".join(pack.pieces())
    skill = Skill(
        id=skill_id,
        name=name,
        display_name=name,
        description=version.description,
        created_at=_PUBLISHED,
        updated_at=_PUBLISHED,
        source="anthropic",
        alias=BUILT_IN + name,
        latest_id=version_id,
        latest=_NUMBER,
        top=_NUMBER,
        count=1,
    )
    return BuiltIn(skill, version, archive)


def _files(folder: Traversable, path: str) -> Iterator[Source]:
    for entry in folder.iterdir():
        below = f"{path}/{entry.name}"
        if not entry.is_dir():
            yield of_bytes(below, entry.read_bytes())
        elif entry.name != _COMPILED:
            yield from _files(entry, below)
