"""Files as clients announce them."""

from typing import Protocol

from chalicelib.core.ids import undress
from chalicelib.files.errors import ScopeNotFound
from chalicelib.files.model import FileDraft


class Said(Protocol):
    """What clients say of a file besides its name and type, however it comes."""

    scope_id: str | None
    downloadable: bool | None
    expires_in_seconds: int | None


def draft_of(filename: str, media_type: str, said: Said) -> FileDraft:
    """What is known of a file before its content is there. Raises ScopeNotFound for what cannot be a session."""
    session_id = None
    if said.scope_id is not None:
        session_id = session_of(said.scope_id)
        if session_id is None:
            raise ScopeNotFound("session_id: no such session", field="session_id")
    return FileDraft(
        filename=filename,
        media_type=media_type,
        downloadable=said.downloadable,
        session_id=session_id,
        lifetime=said.expires_in_seconds,
    )


def session_of(text: str) -> str | None:
    """The session a client names, None for what cannot be one."""
    return undress("sesn", text) or undress("sess", text)
