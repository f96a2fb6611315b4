"""User profiles as this door prints them, and the page on which a user enrols."""

from html import escape
from typing import Any

from chalicelib.core.clock import iso, optional_iso
from chalicelib.core.ids import dress
from chalicelib.userprofiles.model import Profile


def name(profile_id: str) -> str:
    """A profile's id as printed."""
    return dress("uprof", profile_id)


def profile(stored: Profile) -> dict[str, Any]:
    """A profile."""
    onboarded = optional_iso(stored.onboarded_at)
    details = stored.details.model_dump() | {"onboarded_at": onboarded, "reference_id": stored.external_id}
    return {
        "id": name(stored.id),
        "type": "user_profile",
        "name": stored.name,
        "access_type": stored.access_type,
        "external_id": stored.external_id,
        "external_user_onboarded_at": onboarded,
        "external_user_details": details,
        "trust_grants": {} if stored.enrolled_at is None else {"enrollment": {"status": "active"}},
        "enforcement_actions": [],
        "enforcement_status": "unrestricted",
        "programs": {"cyber": None, "efs": None},
        "metadata": stored.metadata,
        "created_at": iso(stored.created_at),
        "updated_at": iso(stored.updated_at),
    }


def enrolment_page(stored: Profile) -> str:
    """Asks the user to confirm, or tells that they have."""
    who = f" as <strong>{escape(stored.name)}</strong>" if stored.name else ""
    if stored.enrolled_at is not None:
        return page("Enrolled", f"<p>You are enrolled{who}. You can close this page.</p>")
    button = '<form method="post"><button type="submit">Enrol</button></form>'
    return page("Enrol", f"<p>Confirm that you want to enrol{who}.</p>{button}")


def page(title: str, body: str) -> str:
    """A page for a person; the body is HTML."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta name="color-scheme" content="light dark"><title>{escape(title)}</title>'
        f"<h1>{escape(title)}</h1>{body}</html>"
    )
