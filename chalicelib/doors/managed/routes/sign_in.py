"""People come in with a browser, and leave again. None of it needs a key."""

from starlette.requests import Request

from chalicelib.core.errors import NotFound
from chalicelib.doors.managed.schemas import sign_in as schemas
from chalicelib.http import browser
from chalicelib.http.route import Answer, Call, Route
from chalicelib.signin.errors import UnknownState
from chalicelib.signin.service import Return
from chalicelib.signin.sessions import ABSOLUTE_SECONDS
from chalicelib.signin.tickets import SECONDS

_AWAY = {"cache-control": "no-store", "referrer-policy": "no-referrer"}


def _browser(call: Call) -> tuple[Request, str, bool]:
    """The request, the server's own address and whether that is a secure one."""
    if call.request is None:
        raise NotFound("the request has no address")
    address = browser.own_address(call.request, call.services.settings.public_url)
    return call.request, address, browser.is_secure(address)


def _callback(address: str, provider: str) -> str:
    return f"{address}/v1/oauth/{provider}/callback"


def authorize(call: Call) -> Answer:
    """Send a person to a provider to prove who they are."""
    query: schemas.BeginQuery = call.query
    _, address, secure = _browser(call)
    name = call.path["provider"]
    ticket, location = call.services.sign_in.begin(name, _callback(address, name), query.return_to)
    kept = browser.set_cookie(browser.SIGN_IN, ticket.cookie, SECONDS, secure=secure)
    return Answer(None, 302, _AWAY | {"location": location, "set-cookie": kept})


def callback(call: Call) -> Answer:
    """Take a person back from a provider, and sign them in."""
    query: schemas.ReturnQuery = call.query
    name = call.path["provider"]
    call.services.sign_in.demand(name)
    request, address, secure = _browser(call)
    if query.state is None or (query.code is None and query.error is None):
        raise UnknownState
    came = Return(
        address=address,
        callback=_callback(address, name),
        cookie=browser.cookie(request, browser.SIGN_IN, secure=secure),
        state=query.state.get_secret_value(),
        code="" if query.code is None else query.code.get_secret_value(),
        problem=query.error or "",
        before=browser.cookie(request, browser.SESSION, secure=secure),
    )
    secret, location = call.services.sign_in.finish(name, came)
    kept = browser.set_cookie(browser.SESSION, secret, ABSOLUTE_SECONDS, secure=secure)
    return Answer(None, 302, _AWAY | {"location": location, "set-cookie": kept})


def sign_out(call: Call) -> Answer:
    """End the session of the browser; without one, nothing happens."""
    request, address, secure = _browser(call)
    secret = browser.cookie(request, browser.SESSION, secure=secure)
    if secret is not None:
        browser.demand_same_origin(request, address)
        call.services.sign_in.end(secret)
    gone = browser.set_cookie(browser.SESSION, "", 0, secure=secure)
    return Answer({"type": "signed_out"}, 200, {"cache-control": "no-store", "set-cookie": gone})


def auth_info(call: Call) -> Answer:
    """The ways in."""
    settings = call.services.sign_in.settings
    names = [settings.provider] if settings.configured else []
    providers = [{"name": name, "authorize_url": f"/v1/oauth/{name}/authorize"} for name in names]
    return Answer({"methods": ["api_key", *names], "providers": providers}, 200, {"cache-control": "no-cache"})


_TAGS = ("sign-in",)


def _authorize(path: str) -> Route:
    return Route(
        ("GET",),
        path,
        authorize,
        "Sign in with a provider",
        scope=None,
        query=schemas.BeginQuery,
        answers={302: None},
        errors=(400, 404, 503),
        tags=_TAGS,
    )


def _back(path: str) -> Route:
    return Route(
        ("GET",),
        path,
        callback,
        "Come back from a provider",
        scope=None,
        query=schemas.ReturnQuery,
        answers={302: None},
        errors=(400, 403, 404, 502),
        tags=_TAGS,
    )


ROUTES: tuple[Route, ...] = (
    _authorize("/v1/oauth/{provider}/authorize"),
    _back("/v1/oauth/{provider}/callback"),
    _authorize("/auth/{provider}/authorize"),
    _back("/auth/{provider}/callback"),
    Route(
        ("POST",),
        "/auth/sign-out",
        sign_out,
        "Sign out",
        scope=None,
        body_limit=4096,
        answers={200: schemas.SignedOut},
        errors=(403,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        "/auth-info",
        auth_info,
        "How one may sign in",
        scope=None,
        answers={200: schemas.AuthInfo},
        tags=_TAGS,
    ),
)
