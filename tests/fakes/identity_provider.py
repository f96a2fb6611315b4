"""An OpenID provider on a local port: codes for one use, bound to their client, callback and verifier."""

import base64
import hashlib
import json
import secrets
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

Json = dict[str, Any]


@dataclass
class Person:
    """Somebody the provider knows; ``instead`` is told in place of the usual facts."""

    subject: str
    email: str
    name: str = "Ada"
    verified: Any = True
    instead: bytes | None = None

    def told(self) -> bytes:
        """What the provider tells of them."""
        facts = {"sub": self.subject, "email": self.email, "email_verified": self.verified, "name": self.name}
        return self.instead if self.instead is not None else json.dumps(facts).encode()


@dataclass
class IdentityProvider:
    """Whoever comes is ``person``. ``forms`` are the requests to the token endpoint, ``codes`` and ``tokens`` all that
    were given out; ``token_status`` other than 200 makes the token endpoint fail."""

    client_id: str = "client-of-the-tests"
    client_secret: str = "client-secret-of-the-tests"
    person: Person = field(default_factory=lambda: Person("1", "ada@example.com"))
    grants: dict[str, Json] = field(default_factory=dict)
    tokens: dict[str, Person] = field(default_factory=dict)
    forms: list[Json] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    token_status: int = 200
    url: str = ""

    def __enter__(self) -> Self:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            """Token and userinfo endpoints."""

            def do_POST(self) -> None:
                """Exchange a code."""
                raw = self.rfile.read(int(self.headers["content-length"])).decode()
                self._send(*provider.exchange({name: values[0] for name, values in parse_qs(raw).items()}))

            def do_GET(self) -> None:
                """Tell who a token belongs to."""
                person = provider.tokens.get(self.headers.get("authorization", "").removeprefix("Bearer "))
                self._send(*((401, b"{}") if person is None else (200, person.told())))

            def _send(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                """Keep the test's output clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def env(self, **more: str) -> dict[str, str]:
        """The settings of a server that uses this provider."""
        return {
            "LAMBENT_SIGN_IN_CLIENT_ID": self.client_id,
            "LAMBENT_SIGN_IN_CLIENT_SECRET": self.client_secret,
            "LAMBENT_SIGN_IN_AUTHORIZE_URL": f"{self.url}/authorize",
            "LAMBENT_SIGN_IN_TOKEN_URL": f"{self.url}/token",
            "LAMBENT_SIGN_IN_USERINFO_URL": f"{self.url}/userinfo",
        } | more

    def decide(self, location: str, person: Person | None = None) -> str:
        """What the person's browser does at the authorization page: agree; the address it is sent back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        assert (asked["response_type"], asked["client_id"]) == ("code", self.client_id)
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes.append(code)
        self.grants[code] = asked | {"person": person or self.person}
        return f"{asked['redirect_uri']}?{urlencode({'state': asked['state'], 'code': code})}"

    def exchange(self, form: Json) -> tuple[int, bytes]:
        """A token for a code, once, to the client that may have it."""
        self.forms.append(form)
        if self.token_status != 200:
            return self.token_status, b'{"error": "server_error"}'
        grant = self.grants.pop(form.get("code", ""), None)
        proof = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        good = (
            grant is not None
            and grant["code_challenge"] == base64.urlsafe_b64encode(proof).decode().rstrip("=")
            and grant["redirect_uri"] == form.get("redirect_uri")
            and (form.get("client_id"), form.get("client_secret")) == (self.client_id, self.client_secret)
        )
        if grant is None or not good:
            return 400, b'{"error": "invalid_grant"}'
        token = secrets.token_urlsafe(16)
        self.tokens[token] = grant["person"]
        return 200, json.dumps({"access_token": token, "token_type": "Bearer", "expires_in": 60}).encode()
