"""Uploads of files as this door prints them."""

from typing import Any

from chalicelib.core.clock import iso
from chalicelib.core.ids import dress
from chalicelib.doors.managed.render.files import name as file_name
from chalicelib.doors.managed.render.files import scope
from chalicelib.uploads.model import FileUpload


def name(upload_id: str) -> str:
    """An upload's id as printed."""
    return dress("upload", upload_id)


def upload(stored: FileUpload, url: str | None = None) -> dict[str, Any]:
    """What is known of an upload, and how its content is brought if there is a URL for it."""
    belongs = scope(stored.session_id)
    return {
        "id": name(stored.id),
        "type": "file_upload",
        "status": stored.status,
        "filename": stored.filename,
        "mime_type": stored.media_type,
        "media_type": stored.media_type,
        "size_bytes": stored.size,
        "sha256": stored.sha256,
        "scope": belongs,
        "scope_id": belongs and belongs["id"],
        "created_at": iso(stored.created_at),
        "expires_at": iso(stored.expires_at),
        "file_id": file_name(stored.id) if stored.status == "completed" else None,
        "upload": None if url is None else _target(stored, url),
    }


def _target(stored: FileUpload, url: str) -> dict[str, Any]:
    return {"method": "PUT", "url": url, "headers": stored.terms.headers(), "expires_at": iso(stored.url_until)}
