"""Skills on the wire."""

from typing import Literal

from pydantic import Field

from chalicelib.core.schema import Schema
from chalicelib.doors.managed.schemas.lists import ListQuery, Page
from chalicelib.skills.model import MOST_FILES


class SkillFileInput(Schema):
    """A file in a JSON body; its name may hold folders."""

    filename: str = Field(min_length=1, max_length=2048)
    content: str
    encoding: Literal["utf8", "base64"] | None = None


class SkillFields(Schema):
    """What a client may say of a skill besides its files. ``name`` counts where the guide tells none."""

    id: str | None = None
    name: str | None = None
    display_name: str | None = None
    display_title: str | None = None
    description: str | None = None


class SkillInput(SkillFields):
    """A skill, or a version of one, as JSON: its ``files``, or a ``file_id``, the uploaded file that is sent in their
    place."""

    files: list[SkillFileInput] | None = Field(default=None, min_length=1, max_length=MOST_FILES)
    file_id: str | None = None


class SkillListQuery(ListQuery):
    """Which skills: those that come with the server (``anthropic``), the tenant's own (``custom``), or ``any``."""

    source: str | None = None
    after_id: str | None = None
    before_id: str | None = None


class SkillFileAnswer(Schema):
    """A file of a skill, by its path inside it."""

    filename: str
    size_bytes: int
    media_type: str
    executable: bool


class SkillSourceAnswer(Schema):
    """Where a skill comes from."""

    type: Literal["custom", "anthropic"]


class SkillAnswer(Schema):
    """A skill. The latest version is named by id and by number, empty when there is none. ``source`` is an object for
    SDKs and the bare word for others. ``files`` are those of the latest version; lists leave them out."""

    id: str
    type: Literal["skill"]
    name: str
    display_name: str
    display_title: str
    description: str
    source: SkillSourceAnswer | Literal["custom", "anthropic"]
    latest_version_id: str
    latest_version: str | None
    created_at: str
    updated_at: str
    files: list[SkillFileAnswer] | None = None


class SkillPage(Page[SkillAnswer]):
    """A page of skills."""


class SkillVersionAnswer(Schema):
    """A version of a skill; ``version`` is its number as text. Lists leave ``files`` out."""

    id: str
    type: Literal["skill_version"]
    skill_id: str
    version: str
    name: str
    directory: str
    description: str
    file_count: int
    created_at: str
    files: list[SkillFileAnswer] | None = None


class SkillVersionPage(Page[SkillVersionAnswer]):
    """A page of versions."""


class SkillVersionDeleted(Schema):
    """What was removed."""

    id: str
    type: Literal["skill_version_deleted"]
    version: str
    skill_id: str
