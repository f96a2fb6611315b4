"""Integrations: providers, installations and publications."""

from typing import TYPE_CHECKING

from chalicelib.core.ids import derive_id, named_id, undress
from chalicelib.doors.managed import lists
from chalicelib.doors.managed.refs import path_id
from chalicelib.doors.managed.render import integrations as render
from chalicelib.doors.managed.render import tenants
from chalicelib.doors.managed.schemas import integrations as schemas
from chalicelib.http.browser import own_address_of
from chalicelib.http.route import Answer, Call, Route
from chalicelib.integrations.drafts import PublicationCreate, PublicationUpdate
from chalicelib.integrations.errors import InstallationNotFound, PublicationNotFound
from chalicelib.integrations.model import PENDING, Publication
from chalicelib.integrations.provider import PROVIDERS
from chalicelib.storage.keys import Space

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.integrations.wiring import Integrations

ALL = "/v1/integrations"
ONE = f"{ALL}/{{provider}}"
TAGS = ("integrations",)


def parts(call: Call) -> "tuple[Integrations, Space, str]":
    """What answers, for which tenant and provider. Raises ProviderUnknown."""
    known, provider = call.services.integrations, call.path["provider"]
    known.apps.provider(provider)
    return known, Space(call.principal.tenant), provider


def callback_of(call: Call, provider: str) -> str:
    """Where a person comes back to."""
    return f"{own_address_of(call)}/{provider}/oauth/callback"


def named_publication(call: Call, provider: str) -> Publication:
    """The publication of the path. Raises PublicationNotFound."""
    return publication_of(call, provider, call.path["publication_id"])


def publication_of(call: Call, provider: str, text: str) -> Publication:
    """A publication by its printed id. Raises PublicationNotFound."""
    core = undress("pub", text)
    if core is None:
        raise PublicationNotFound
    return call.services.integrations.publications.get(Space(call.principal.tenant), provider, core)


def all_(call: Call) -> Answer:
    """All providers there are."""
    known, space = call.services.integrations, Space(call.principal.tenant)
    data = [
        render.integration(name, configured=known.apps.configured(name), installations=known.installs.all(space, name))
        for name in PROVIDERS
    ]
    return Answer(lists.page(data, None))


def install(call: Call) -> Answer:
    """Begin to let the operator's app in."""
    known, space, provider = parts(call)
    url = known.installs.begin(space, provider, callback_of(call, provider))
    return Answer({"redirect_url": url, "url": url}, headers={"cache-control": "no-store"})


def uninstall(call: Call) -> Answer:
    """Forget all installations at a provider."""
    known, space, provider = parts(call)
    known.installs.uninstall(space, provider)
    return Answer({"type": "integration_uninstalled", "id": provider})


def list_publications(call: Call) -> Answer:
    """Publications, newest first."""
    known, space, provider = parts(call)
    query: schemas.PublicationQuery = call.query
    found = known.publications.all(space, provider)
    return _page([one for one in found if query.status is None or one.status in PENDING])


def _page(found: "Sequence[Publication]") -> Answer:
    return Answer(lists.page([render.publication(one) for one in reversed(found)], None))


def publish(call: Call) -> Answer:
    """Publish an agent."""
    return Answer(render.publication(made(call, own_app=False)), 201)


def made(call: Call, *, own_app: bool) -> Publication:
    """The publication a request makes."""
    known, space, provider = parts(call)
    sent: PublicationCreate = call.body
    wanted = sent.installation_id
    named = (
        named_id("agent", sent.agent_id, "agent_id", "agent"),
        named_id("env", sent.environment_id, "environment_id", "environment"),
        None if wanted is None else named_id("inst", wanted, "installation_id", "installation"),
    )
    own_id = None if call.seed is None else derive_id("publication", space.tenant, call.seed)
    who = call.principal
    by = tenants.user_name(who.user) if who.user else tenants.key_name(who.key_id)
    return known.publications.create(space, provider, sent, named, created_by=by, own_app=own_app, own_id=own_id)


def retrieve(call: Call) -> Answer:
    """One publication."""
    _, _, provider = parts(call)
    return Answer(render.publication(named_publication(call, provider)))


def update(call: Call) -> Answer:
    """Change persona and capabilities."""
    known, space, provider = parts(call)
    found = named_publication(call, provider)
    return Answer(render.publication(known.publications.update(space, provider, found.id, call.body)))


def unpublish(call: Call) -> Answer:
    """End a publication."""
    known, space, provider = parts(call)
    over = known.publications.end(space, provider, named_publication(call, provider).id)
    return Answer({"id": render.publication_name(over.id), "status": over.status})


def list_installations(call: Call) -> Answer:
    """Installations, newest first."""
    known, space, provider = parts(call)
    known.apps.of_operator(provider)
    found = [render.installation(one) for one in known.installs.all(space, provider)]
    return Answer(lists.page(found[::-1], None))


def of_installation(call: Call) -> Answer:
    """The publications that speak through an installation."""
    known, space, provider = parts(call)
    found = known.installs.get(space, provider, path_id(call, "inst", "installation_id", InstallationNotFound))
    known.apps.of_operator(provider)
    return _page([one for one in known.publications.all(space, provider) if one.installation_id == found.id])


def of_agent(call: Call) -> Answer:
    """The publications of an agent."""
    known, space, provider = parts(call)
    text = call.path["agent_id"]
    agent = call.services.agents.get(space, named_id("agent", text, "agent_id", "agent"))
    known.apps.of_operator(provider)
    return _page([one for one in known.publications.all(space, provider) if one.agent_id == agent.id])


_PUBLICATION = f"{ONE}/publications/{{publication_id}}"
ROUTES: tuple[Route, ...] = (
    Route(("GET",), ALL, all_, "List integrations", answers={200: schemas.IntegrationPage}, tags=TAGS),
    Route(
        ("GET",),
        f"{ONE}/install",
        install,
        "Begin to install an integration",
        scope="write",
        answers={200: schemas.InstallAnswer},
        errors=(404, 503),
        limit="write",
        tags=TAGS,
    ),
    Route(
        ("POST",),
        f"{ONE}/uninstall",
        uninstall,
        "Uninstall an integration",
        scope="write",
        answers={200: schemas.Uninstalled},
        errors=(404,),
        tags=TAGS,
    ),
    Route(
        ("GET",),
        f"{ONE}/publications",
        list_publications,
        "List publications",
        query=schemas.PublicationQuery,
        answers={200: schemas.PublicationPage},
        errors=(400, 404),
        tags=TAGS,
    ),
    Route(
        ("POST",),
        f"{ONE}/publications",
        publish,
        "Publish an agent",
        scope="write",
        body=PublicationCreate,
        answers={201: schemas.PublicationAnswer},
        errors=(404, 409),
        tags=TAGS,
    ),
    Route(
        ("GET",),
        _PUBLICATION,
        retrieve,
        "Retrieve a publication",
        answers={200: schemas.PublicationAnswer},
        errors=(404,),
        tags=TAGS,
    ),
    Route(
        ("PATCH", "POST", "PUT"),
        _PUBLICATION,
        update,
        "Update a publication",
        scope="write",
        body=PublicationUpdate,
        answers={200: schemas.PublicationAnswer},
        errors=(404,),
        tags=TAGS,
    ),
    Route(
        ("DELETE",),
        _PUBLICATION,
        unpublish,
        "Unpublish an agent",
        scope="write",
        answers={200: schemas.Unpublished},
        errors=(404,),
        tags=TAGS,
    ),
    Route(
        ("GET",),
        f"{ONE}/installations",
        list_installations,
        "List installations",
        answers={200: schemas.InstallationPage},
        errors=(404, 503),
        tags=TAGS,
    ),
    Route(
        ("GET",),
        f"{ONE}/installations/{{installation_id}}/publications",
        of_installation,
        "List the publications of an installation",
        answers={200: schemas.PublicationPage},
        errors=(404, 503),
        tags=TAGS,
    ),
    Route(
        ("GET",),
        f"{ONE}/agents/{{agent_id}}/publications",
        of_agent,
        "List the publications of an agent",
        answers={200: schemas.PublicationPage},
        errors=(404, 503),
        tags=TAGS,
    ),
)
