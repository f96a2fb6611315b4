"""Skills as this door prints them."""

from typing import Any

from chalicelib.core.clock import iso
from chalicelib.core.ids import dress
from chalicelib.http.attachments import attachment
from chalicelib.skills.model import Skill, SkillFile, SkillVersion, Summary
from chalicelib.skills.references import VERSION


def version_name(version_id: str) -> str:
    """A version's id as printed."""
    return dress(VERSION, version_id)


def skill(stored: Skill, latest: SkillVersion | None = None, *, bare_source: bool) -> dict[str, Any]:
    """A skill, with the files of its latest version where that is at hand."""
    shown = {
        "id": stored.public_id,
        "type": "skill",
        "name": stored.name,
        "display_name": stored.display_name,
        "display_title": stored.display_name,
        "description": stored.description,
        "source": stored.source if bare_source else {"type": stored.source},
        "latest_version_id": stored.latest_id and version_name(stored.latest_id),
        "latest_version": str(stored.latest) if stored.latest else None,
        "created_at": iso(stored.created_at),
        "updated_at": iso(stored.updated_at),
    }
    return shown | {"files": [_file(one) for one in latest.files]} if latest else shown


def version(of: Skill, stored: Summary) -> dict[str, Any]:
    """A version, with its files where they are at hand."""
    shown = {
        "id": version_name(stored.id),
        "type": "skill_version",
        "skill_id": of.public_id,
        "version": str(stored.number),
        "name": stored.name,
        "directory": stored.name,
        "description": stored.description,
        "file_count": stored.file_count,
        "created_at": iso(stored.created_at),
    }
    return shown | {"files": [_file(one) for one in stored.files]} if isinstance(stored, SkillVersion) else shown


def version_deleted(skill_id: str, gone: SkillVersion, *, legacy: bool) -> dict[str, Any]:
    """The answer to the removal of a version."""
    number = str(gone.number)
    shown_id = number if legacy else version_name(gone.id)
    return {"id": shown_id, "type": "skill_version_deleted", "version": number, "skill_id": skill_id}


def archive_headers(stored: SkillVersion) -> dict[str, str]:
    """How a version travels as an archive."""
    return attachment(f"{stored.name}.zip", stored.size)


def file_headers(stored: SkillFile) -> dict[str, str]:
    """How a file of a version travels."""
    return attachment(stored.path.rsplit("/", 1)[-1], stored.size)


def _file(stored: SkillFile) -> dict[str, Any]:
    return {
        "filename": stored.path,
        "size_bytes": stored.size,
        "media_type": stored.media_type,
        "executable": stored.executable,
    }
