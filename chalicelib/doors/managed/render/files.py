"""Files as this door prints them."""

from typing import Any

from chalicelib.core.clock import iso, optional_iso
from chalicelib.core.ids import dress
from chalicelib.files.model import File
from chalicelib.http.attachments import attachment


def name(file_id: str) -> str:
    """A file's id as printed."""
    return dress("file", file_id)


def scope(session_id: str | None) -> dict[str, str] | None:
    """What something belongs to."""
    return None if session_id is None else {"type": "session", "id": dress("sesn", session_id)}


def file(stored: File) -> dict[str, Any]:
    """What is known of a file."""
    belongs = scope(stored.session_id)
    return {
        "id": name(stored.id),
        "type": "file",
        "filename": stored.filename,
        "mime_type": stored.media_type,
        "media_type": stored.media_type,
        "size_bytes": stored.size,
        "downloadable": stored.shown_downloadable(),
        "scope": belongs,
        "scope_id": belongs and belongs["id"],
        "created_at": iso(stored.created_at),
        "expires_at": optional_iso(stored.expires_at),
    }


def download_headers(stored: File) -> dict[str, str]:
    """How content travels: to be saved under the file's name, never shown as a page of this server."""
    return attachment(stored.filename, stored.size)
