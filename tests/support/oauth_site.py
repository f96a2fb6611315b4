"""An OAuth authorization server: metadata, registration, codes bound to a verifier, refresh tokens taken once each."""

import base64
import hashlib
import threading
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

Json = dict[str, Any]


@dataclass
class OAuthSite:
    """Its access tokens are ``access-N``, its refresh tokens ``refresh-N``; a refresh token used twice is refused.

    ``requests`` are the forms sent to the token endpoint. ``registers``, ``metadata``: what it offers and tells.
    ``worthless`` access tokens open nothing; the token endpoint waits for the ``gate``.
    """

    url: str = ""
    clients: dict[str, Json] = field(default_factory=dict)
    codes: dict[str, Json] = field(default_factory=dict)
    refreshing: dict[str, str] = field(default_factory=dict)
    access: set[str] = field(default_factory=set)
    requests: list[Json] = field(default_factory=list)
    registers: bool = True
    metadata: Json = field(default_factory=dict)
    refuses: int = 0
    expires_in: int = 3600
    issued: int = 0
    gate: threading.Event = field(default_factory=threading.Event)
    worthless: bool = False
    rotates: bool = True
    instead: bytes | None = None

    def __post_init__(self) -> None:
        self.gate.set()

    def client(self, client_id: str = "client-1", secret: str | None = None, auth: str = "none") -> str:
        """Register by hand; its id."""
        self.clients[client_id] = {"secret": secret, "auth": auth}
        return client_id

    def grant(self, client_id: str = "client-1") -> tuple[str, str]:
        """An access token and a refresh token."""
        self.issued += 1
        access, refresh = f"access-token-{self.issued}", f"refresh-token-{self.issued}"
        if not self.worthless:
            self.access.add(access)
        self.refreshing[refresh] = client_id
        return access, refresh

    def routes(self) -> list[Route]:
        """For an application to serve."""
        return [
            Route("/.well-known/oauth-authorization-server", self._metadata),
            Route("/register", self._register, methods=["POST"]),
            Route("/authorize", self._authorize),
            Route("/token", self._token, methods=["POST"]),
        ]

    async def _metadata(self, _request: Request) -> Response:
        told: Json = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none", "client_secret_post", "client_secret_basic"],
            "scopes_supported": ["tools"],
        }
        if self.registers:
            told["registration_endpoint"] = f"{self.url}/register"
        return JSONResponse({name: value for name, value in (told | self.metadata).items() if value is not None})

    async def _register(self, request: Request) -> Response:
        asked = await request.json()
        client_id = f"registered-{len(self.clients) + 1}"
        self.clients[client_id] = {"secret": None, "auth": "none", "redirect_uris": asked["redirect_uris"]}
        return JSONResponse(asked | {"client_id": client_id}, 201)

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        allowed = self.clients[asked["client_id"]].get("redirect_uris")
        if allowed is not None and asked["redirect_uri"] not in allowed:
            return JSONResponse({"error": "invalid_redirect_uri"}, 400)
        code = f"code-{len(self.codes) + 1}"
        self.codes[code] = asked
        told = {"code": code, "state": asked["state"], "iss": self.url}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(told)}")

    async def _token(self, request: Request) -> Response:
        from anyio.to_thread import run_sync

        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        self.requests.append(form | {"authorization": request.headers.get("authorization", "")})
        await run_sync(self.gate.wait, 20)
        if self.instead is not None:
            return Response(self.instead, media_type="application/json")
        if self.refuses:
            return JSONResponse({"error": "temporarily_unavailable", "echo": form}, self.refuses)
        if not self._known(request, form):
            return JSONResponse({"error": "invalid_client"}, 401)
        return self._given(form)

    def _known(self, request: Request, form: Json) -> bool:
        scheme, _, pair = request.headers.get("authorization", "").partition(" ")
        if scheme == "Basic":
            name, _, secret = base64.b64decode(pair).decode().partition(":")
            form["client_id"] = unquote(name)
            way = "client_secret_basic"
            given: str | None = unquote(secret)
        else:
            given = form.get("client_secret")
            way = "client_secret_post" if given else "none"
        client = self.clients.get(form.get("client_id", ""))
        return client is not None and client["auth"] == way and client["secret"] == given

    def _given(self, form: Json) -> Response:
        if form["grant_type"] == "authorization_code":
            code = self.codes.pop(form.get("code", ""), None)
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            proof = base64.urlsafe_b64encode(digest).decode().rstrip("=")
            good = code is not None and code["code_challenge"] == proof and code["code_challenge_method"] == "S256"
            good = good and code is not None and code["redirect_uri"] == form.get("redirect_uri")
        else:
            good = self.refreshing.pop(form.get("refresh_token", ""), None) == form["client_id"]
        if not good:
            return JSONResponse({"error": "invalid_grant"}, 400)
        access, refresh = self.grant(form["client_id"])
        told: Json = {"access_token": access, "token_type": "Bearer", "expires_in": self.expires_in}
        return JSONResponse(told | ({"refresh_token": refresh} if self.rotates else {}))
