"""A skill, its versions, their files, and how large they may be."""

import re
from dataclasses import dataclass
from typing import Literal

from chalicelib.core.ids import dress
from chalicelib.files.model import guessed_type

MIB = 1 << 20
MOST_FILES = 500
MOST_FILE_BYTES = 25 * MIB
MOST_BYTES = 100 * MIB
MOST_REQUEST_BYTES = 30 * MIB
MOST_DESCRIPTION, MOST_DISPLAY_NAME, MOST_BODY = 4096, 256, 32_000
GUIDE = "SKILL.md"
LATEST = "latest"
NAME = re.compile(r"[a-z0-9-]{1,64}")

Origin = Literal["custom", "anthropic"]


@dataclass(frozen=True, slots=True)
class SkillFile:
    """A file of a version: ``packed`` bytes from ``offset`` on in its archive are the deflated content."""

    path: str
    size: int
    executable: bool
    offset: int
    packed: int

    @property
    def media_type(self) -> str:
        """What its name suggests."""
        return "text/markdown" if self.path.endswith(".md") else guessed_type(self.path)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a list tells of a version; ``number`` grows from version to version of a skill."""

    id: str
    skill_id: str
    number: int
    name: str
    description: str
    file_count: int
    created_at: int


@dataclass(frozen=True, slots=True)
class SkillVersion(Summary):
    """A version, which never changes. ``body`` is the text of its guide below the front matter, cut when it is long.

    ``folder`` names the place of its archive, whose bytes are ``size`` many with the SHA-256 ``sha256``.
    """

    body: str
    body_cut: bool
    files: tuple[SkillFile, ...]
    folder: str
    size: int
    sha256: str

    @property
    def object_name(self) -> tuple[str, ...]:
        """Where in the bucket the archive lies."""
        return ("skills", self.skill_id, self.folder, f"{self.sha256}.zip")

    def summary(self) -> Summary:
        """What a list tells."""
        return Summary(**{name: getattr(self, name) for name in Summary.__dataclass_fields__})


@dataclass(frozen=True, slots=True)
class Skill:
    """A skill. ``latest`` is the number of its newest version and ``latest_id`` its id: 0 and empty when there is none.

    ``alias`` is the id its maker chose. ``top`` is the highest number it ever gave, ``count`` how many versions it has.
    """

    id: str
    name: str
    display_name: str
    description: str
    created_at: int
    updated_at: int
    source: Origin = "custom"
    alias: str = ""
    latest_id: str = ""
    latest: int = 0
    top: int = 0
    count: int = 0
    revision: int = 0

    @property
    def public_id(self) -> str:
        """The id as clients know it."""
        return self.alias or dress("skill", self.id)
