"""Webhooks, callbacks and set-up pages of each provider."""

from functools import partial
from html import escape
from urllib.parse import parse_qs

from pydantic import ValidationError

from chalicelib.core.ids import undress
from chalicelib.core.schema import Schema
from chalicelib.doors.providers import pages
from chalicelib.http.browser import own_address_of
from chalicelib.http.route import MIB, Answer, Call, Handler, Route
from chalicelib.integrations.drafts import AppCredentials
from chalicelib.integrations.errors import BadSetup, BadSignature
from chalicelib.integrations.provider import PROVIDERS

_MOST = 8 * MIB
_MOST_OF_FORM, _MOST_FIELDS = 256 << 10, 32
_FORM = "application/x-www-form-urlencoded"
_TAGS = ("integrations",)


class CallbackQuery(Schema):
    """What a person brings back; GitHub tells the ``installation_id``."""

    state: str = ""
    code: str = ""
    error: str = ""
    installation_id: str = ""


class SetupQuery(Schema):
    """What a link to a set-up page carries."""

    token: str


class Received(Schema):
    """The message was taken; ``challenge`` is given back to a provider that asks for it."""

    ok: bool | None = None
    challenge: str | None = None


def to_operator(provider: str, call: Call) -> Answer:
    """A message to the operator's app."""
    taken = call.services.integrations.inbound.of_operator
    return Answer(taken(provider, call.path["app_id"], call.headers, call.raw_body))


def to_publication(provider: str, call: Call) -> Answer:
    """A message to the app of a publication."""
    core = undress("pub", call.path["publication_id"])
    if core is None:
        raise BadSignature
    return Answer(call.services.integrations.inbound.of_publication(provider, core, call.headers, call.raw_body))


def callback(provider: str, call: Call) -> Answer:
    """Take a person back who let the app in."""
    query: CallbackQuery = call.query
    call.services.integrations.installs.finish(provider, query.model_dump())
    return pages.page("Connected", f"<p>{PROVIDERS[provider]} is connected. You can close this page.</p>")


def show_form(provider: str, call: Call) -> Answer:
    """The page on which the app of a publication is filled in."""
    query: SetupQuery = call.query
    call.services.integrations.installs.form_of(provider, query.token, use=False)
    return pages.form(provider, query.token)


def take_form(provider: str, call: Call) -> Answer:
    """Keep what was filled in, and show the person where to let the app in."""
    known = call.services.integrations
    fields = _filled_in(call.raw_body)
    token = fields.pop("token", "")
    known.installs.form_of(provider, token, use=False)
    try:
        sent = AppCredentials.model_validate(fields)
    except ValidationError as error:
        raise BadSetup("a field is missing, or cannot be used") from error
    errand = known.installs.form_of(provider, token, use=True)
    filled = known.publications.fill(errand.space, provider, errand.publication, sent)
    url = known.installs.begin_own(errand.space, filled, f"{own_address_of(call)}/{provider}/oauth/callback")
    return pages.page("Nearly done", f'<p><a href="{escape(url)}">Let the app in at {PROVIDERS[provider]}</a></p>')


def _filled_in(raw: bytes) -> dict[str, str]:
    """The first value of each field of a form. Raises BadSetup."""
    try:
        found = parse_qs(raw.decode(errors="replace"), max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise BadSetup(f"the form has more than {_MOST_FIELDS} fields") from error
    return {name: values[0] for name, values in found.items()}


def _hook(path: str, handler: Handler, summary: str) -> Route:
    return Route(
        ("POST",),
        path,
        handler,
        summary,
        scope=None,
        raw=True,
        raw_media=("application/json",),
        body_limit=_MOST,
        answers={200: Received},
        errors=(401, 502),
        tags=_TAGS,
    )


def _hooks(provider: str, title: str) -> tuple[Route, ...]:
    return (
        _hook(
            f"/{provider}/webhook/app/{{app_id}}",
            partial(to_operator, provider),
            f"What {title} tells the operator's app",
        ),
        _hook(
            f"/{provider}/webhook/pub/{{publication_id}}",
            partial(to_publication, provider),
            f"What {title} tells the app of a publication",
        ),
    )


def _pages(provider: str, title: str) -> tuple[Route, ...]:
    return (
        Route(
            ("GET",),
            f"/{provider}/oauth/callback",
            partial(callback, provider),
            f"Come back from {title}",
            scope=None,
            query=CallbackQuery,
            answers={200: "text/html"},
            errors=(400, 404, 409, 502, 503),
            tags=_TAGS,
        ),
        Route(
            ("GET",),
            f"/{provider}/setup",
            partial(show_form, provider),
            f"The set-up page of an app at {title}",
            scope=None,
            query=SetupQuery,
            answers={200: "text/html"},
            errors=(400,),
            tags=_TAGS,
        ),
        Route(
            ("POST",),
            f"/{provider}/setup",
            partial(take_form, provider),
            f"Fill in an app at {title}",
            scope=None,
            raw=True,
            raw_media=(_FORM,),
            body_limit=_MOST_OF_FORM,
            answers={200: "text/html"},
            errors=(400, 404, 409),
            tags=_TAGS,
        ),
    )


ROUTES: tuple[Route, ...] = tuple(
    route for provider, title in PROVIDERS.items() for route in (*_hooks(provider, title), *_pages(provider, title))
)
