"""Setting publications up with apps of their own, step by step, and dispatch rules."""

from typing import Any

from chalicelib.core.clock import iso, now_ms
from chalicelib.core.ids import derive_id
from chalicelib.doors.managed import lists
from chalicelib.doors.managed.refs import path_id
from chalicelib.doors.managed.render import integrations as render
from chalicelib.doors.managed.routes.integrations import (
    ALL,
    ONE,
    TAGS,
    callback_of,
    made,
    named_publication,
    parts,
    publication_of,
)
from chalicelib.doors.managed.schemas import integrations as schemas
from chalicelib.doors.managed.schemas.lists import Deleted
from chalicelib.http.browser import own_address_of
from chalicelib.http.route import Answer, Call, Route
from chalicelib.integrations.drafts import (
    AppCredentials,
    PersonalToken,
    PublicationCreate,
    PublicationCredentials,
    PublicationNamed,
    RuleCreate,
    RuleUpdate,
)
from chalicelib.integrations.errors import RuleNotFound
from chalicelib.integrations.states import SECONDS
from chalicelib.storage.keys import Space

_LINEAR = "linear"
_NO_STORE = {"cache-control": "no-store"}


def start(call: Call) -> Answer:
    """Begin a publication with an app of its own."""
    known, _, provider = parts(call)
    known.apps.of_operator(provider)
    return Answer(render.set_up(made(call, own_app=True), own_address_of(call)), 201)


def fill(call: Call) -> Answer:
    """Give a publication its app."""
    known, space, provider = parts(call)
    body: PublicationCredentials = call.body
    found = publication_of(call, provider, body.publication_id)
    known.apps.of_operator(provider)
    return Answer(render.publication(known.publications.fill(space, provider, found.id, body)))


def fill_named(call: Call) -> Answer:
    """Give the publication of the path its app."""
    known, space = call.services.integrations, Space(call.principal.tenant)
    found = named_publication(call, _LINEAR)
    known.apps.of_operator(_LINEAR)
    return Answer(render.publication(known.publications.fill(space, _LINEAR, found.id, call.body)))


def hand_off(call: Call) -> Answer:
    """A link with which somebody lets the app of a publication in."""
    known, space, provider = parts(call)
    body: PublicationNamed = call.body
    found = publication_of(call, provider, body.publication_id)
    known.apps.of_operator(provider)
    url = known.installs.begin_own(space, found, callback_of(call, provider))
    return Answer({"redirect_url": url, "url": url}, headers=_NO_STORE)


def form_token(call: Call) -> Answer:
    """A page on which somebody without a key fills in the app."""
    known, space, provider = parts(call)
    found = named_publication(call, provider)
    known.apps.of_operator(provider)
    token = known.installs.form(space, found)
    url, until = f"{own_address_of(call)}/{provider}/setup?token={token}", iso(now_ms() + SECONDS * 1000)
    return Answer({"token": token, "url": url, "expires_at": until}, headers=_NO_STORE)


def personal_token(call: Call) -> Answer:
    """Let a publication speak with a person's token."""
    known, space = call.services.integrations, Space(call.principal.tenant)
    body: PersonalToken = call.body
    found = publication_of(call, _LINEAR, body.publication_id)
    known.apps.of_operator(_LINEAR)
    known.installs.personal(space, found, body.token.get_secret_value())
    return Answer(render.publication(known.publications.get(space, _LINEAR, found.id)))


def list_rules(call: Call) -> Answer:
    """The dispatch rules of a publication."""
    found = named_publication(call, _LINEAR)
    rules = call.services.integrations.rules.all(Space(call.principal.tenant), found.id)
    return Answer(lists.page([render.rule(one) for one in rules], None))


def add_rule(call: Call) -> Answer:
    """Add a dispatch rule."""
    space, found = Space(call.principal.tenant), named_publication(call, _LINEAR)
    own_id = None if call.seed is None else derive_id("dispatch-rule", found.id, call.seed)
    return Answer(render.rule(call.services.integrations.rules.add(space, found.id, call.body, own_id)), 201)


def _rule(call: Call) -> tuple[Space, str, str]:
    found = named_publication(call, _LINEAR)
    return Space(call.principal.tenant), found.id, path_id(call, "rule", "rule_id", RuleNotFound)


def update_rule(call: Call) -> Answer:
    """Change a dispatch rule."""
    return Answer(render.rule(call.services.integrations.rules.update(*_rule(call), call.body)))


def delete_rule(call: Call) -> Answer:
    """Remove a dispatch rule."""
    space, publication, own_id = _rule(call)
    call.services.integrations.rules.delete(space, publication, own_id)
    return Answer({"id": f"rule_{own_id.replace('-', '')}", "type": "integration_dispatch_rule_deleted"})


def _write(methods: tuple[str, ...], path: str, handler: Any, summary: str, **more: Any) -> Route:
    return Route(methods, path, handler, summary, scope="write", tags=TAGS, **more)


_PUBLICATION = f"{ALL}/linear/publications/{{publication_id}}"
_RULES = f"{_PUBLICATION}/dispatch-rules"
_RULE = f"{_RULES}/{{rule_id}}"
_FOUND = {200: schemas.PublicationAnswer}
_ERRORS = (404, 409, 503)
ROUTES: tuple[Route, ...] = (
    _write(
        ("POST",),
        f"{ONE}/start-a1",
        start,
        "Begin a publication with an app of its own",
        body=PublicationCreate,
        answers={201: schemas.SetUpAnswer},
        errors=_ERRORS,
    ),
    _write(
        ("POST",),
        f"{ONE}/credentials",
        fill,
        "Give a publication its app",
        body=PublicationCredentials,
        answers=_FOUND,
        errors=_ERRORS,
    ),
    _write(
        ("POST",),
        f"{ONE}/handoff-link",
        hand_off,
        "Make a link to install the app of a publication",
        body=PublicationNamed,
        answers={200: schemas.InstallAnswer},
        errors=_ERRORS,
        keyless=True,
    ),
    _write(
        ("POST",),
        f"{ONE}/publications/{{publication_id}}/form-token",
        form_token,
        "Make a link to the set-up page of a publication",
        answers={200: schemas.FormToken},
        errors=_ERRORS,
        keyless=True,
    ),
    _write(
        ("PATCH",),
        f"{_PUBLICATION}/credentials",
        fill_named,
        "Give a Linear publication its app",
        body=AppCredentials,
        answers=_FOUND,
        errors=_ERRORS,
    ),
    _write(
        ("POST",),
        f"{ALL}/linear/personal-token",
        personal_token,
        "Let a Linear publication speak with a person's token",
        body=PersonalToken,
        answers=_FOUND,
        errors=(404, 409, 502, 503),
    ),
    Route(
        ("GET",),
        _RULES,
        list_rules,
        "List dispatch rules",
        answers={200: schemas.RulePage},
        errors=(404,),
        tags=TAGS,
    ),
    _write(
        ("POST",),
        _RULES,
        add_rule,
        "Add a dispatch rule",
        body=RuleCreate,
        answers={201: schemas.RuleAnswer},
        errors=(404, 409),
    ),
    _write(
        ("PATCH", "POST", "PUT"),
        _RULE,
        update_rule,
        "Update a dispatch rule",
        body=RuleUpdate,
        answers={200: schemas.RuleAnswer},
        errors=(404,),
    ),
    _write(
        ("DELETE",),
        _RULE,
        delete_rule,
        "Delete a dispatch rule",
        answers={200: Deleted},
        errors=(404,),
    ),
)
