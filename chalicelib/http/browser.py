"""What only browsers send and need: cookies, and proof that a page of this server asked."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.requests import Request

from chalicelib.core.errors import Forbidden, NotFound

if TYPE_CHECKING:
    from chalicelib.http.route import Call

SESSION = "lambent_session"
SIGN_IN = "lambent_sign_in"
_SECURE = "__Host-"
_SAFE = ("GET", "HEAD", "OPTIONS")
_MOST_COOKIES = 32_768


class CrossOrigin(Forbidden):
    """A page of another origin, or something that does not tell its origin, used somebody's cookie."""

    def __init__(self) -> None:
        super().__init__("with a session cookie, only pages of this server may change anything", code="cross_origin")


def own_address_of(call: "Call") -> str:
    """Where this server is reached, as far as a call can tell. Raises NotFound."""
    public_url = call.services.settings.public_url
    if call.request is None and not public_url:
        raise NotFound("the request has no address")
    return public_url if call.request is None else own_address(call.request, public_url)


def own_address(request: Request, public_url: str) -> str:
    """The address under which browsers reach this server, without a slash at its end."""
    return public_url or str(request.base_url).rstrip("/")


def is_secure(address: str) -> bool:
    """Whether browsers come over TLS."""
    return address.startswith("https://")


def _full(name: str, *, secure: bool) -> str:
    # No other host, and nobody on the wire, can set a cookie with this prefix.
    return f"{_SECURE}{name}" if secure else name


def cookie(request: Request, name: str, *, secure: bool) -> str | None:
    """The value of one of this server's cookies; None when there is none, or more than one."""
    text = "; ".join(request.headers.getlist("cookie"))
    if len(text) > _MOST_COOKIES:
        return None
    wanted = _full(name, secure=secure)
    pairs = (part.strip().partition("=") for part in text.split(";"))
    values = [value for known, _, value in pairs if known == wanted]
    return values[0] if len(values) == 1 and values[0] else None


def set_cookie(name: str, value: str, seconds: int, *, secure: bool) -> str:
    """The header that sets one of this server's cookies; 0 seconds remove it."""
    flags = "; Secure" if secure else ""
    return f"{_full(name, secure=secure)}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{flags}"


def demand_same_origin(request: Request, address: str) -> None:
    """Raises CrossOrigin unless the browser says that a page of this server asks."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site != "same-origin":
            raise CrossOrigin
        return
    parts = urlsplit(address)
    if request.headers.get("origin", "").lower() != f"{parts.scheme}://{parts.netloc}".lower():
        raise CrossOrigin


def changes_something(method: str, scope: str) -> bool:
    """Whether a request is one that another site must not be able to make a browser send."""
    return method not in _SAFE or scope == "write"
