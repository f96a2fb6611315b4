"""The few words a person sees, and how errors look: a page in a browser, JSON for everything else."""

from collections.abc import Mapping
from html import escape

from chalicelib.core.errors import LambentError
from chalicelib.core.schema import Schema
from chalicelib.http.route import Answer

HTML = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_PAGE = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
    "<title>{title}</title></head><body><h1>{title}</h1>{body}</body></html>\n"
)
_FIELDS = (
    ("client_id", "Client ID", "text"),
    ("client_secret", "Client secret", "password"),
    ("webhook_secret", "Signing secret of webhooks", "password"),
)
_OF_GITHUB = (("app_id", "App ID", "text"), ("app_slug", "Name of the app in its address", "text"))


class Problem(Schema):
    """What went wrong."""

    type: str
    message: str


class ErrorAnswer(Schema):
    """The body of every error that is not shown to a person."""

    error: Problem
    request_id: str


def page(title: str, body: str, status: int = 200) -> Answer:
    """A page; ``body`` is HTML."""
    return Answer(_PAGE.format(title=escape(title), body=body).encode(), status, HTML)


def render_error(error: LambentError, headers: Mapping[str, str], request_id: str) -> Answer:
    """The answer to a request that failed."""
    if "text/html" in headers.get("accept", ""):
        return page("This did not work", f"<p>{escape(error.message)}</p>", error.status)
    problem = {"type": error.kind, "message": error.message}
    return Answer({"error": problem, "request_id": request_id}, error.status)


def form(provider: str, token: str) -> Answer:
    """The page on which the app of a publication is filled in."""
    rows = [*_FIELDS, *(_OF_GITHUB if provider == "github" else ())]
    inputs = "".join(
        f'<p><label>{label}<br><input name="{name}" type="{kind}" required autocomplete="off"></label></p>'
        for name, label, kind in rows
    )
    if provider == "github":
        inputs += '<p><label>Private key<br><textarea name="private_key" rows="8" required></textarea></label></p>'
    hidden = f'<input type="hidden" name="token" value="{escape(token)}">'
    body = f'<form method="post" action="/{provider}/setup">{hidden}{inputs}<p><button>Go on</button></p></form>'
    return page("Set up an app", body)
