"""The web server in front of the three, and what they share: accounts, codes, tokens, posts."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.fakes.providers import github, linear, slack

Json = dict[str, Any]
SECRETS = {"github": "github-webhook-secret", "slack": "slack-signing-secret", "linear": "linear-webhook-secret"}
APPS = {"github": "4711", "slack": "A0001", "linear": "linear-client"}
SLUG = "lambent-test"


@dataclass(frozen=True)
class Post:
    """Something that was posted."""

    provider: str
    place: Json
    text: str
    id: str


@dataclass(frozen=True)
class Signed:
    """A message as a provider sends it."""

    headers: dict[str, str]
    body: bytes


@dataclass
class Asked:
    """A request as the three see it."""

    method: str
    path: str
    query: dict[str, str]
    form: dict[str, str]
    body: Any
    token: str


class Redirect(Exception):
    """Send the person there."""


class Refusal(Exception):
    """Answer with this status."""


@dataclass
class FakeProviders:
    """Listens on the loopback address."""

    callback: str = ""
    url: str = ""
    accounts: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in SECRETS})
    codes: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    refreshing: dict[str, str] = field(default_factory=dict)
    posts: list[Post] = field(default_factory=list)
    statuses: dict[str, list[int]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    issues: list[Json] = field(default_factory=list)
    filters: list[Json] = field(default_factory=list)
    expires_in: int | None = None
    standing: dict[str, str] = field(default_factory=dict)
    suspended: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._numbers = count(int(time.time()) % 1_000_000 * 1000)
        self._gate = threading.Event()
        self._gate.set()

    def __enter__(self) -> Self:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner._take(self)

            def do_POST(self) -> None:
                owner._take(self)

            def do_DELETE(self) -> None:
                owner._take(self)

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that was killed is part of the tests."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._gate.set()
        self._server.shutdown()
        self._server.server_close()

    @cached_property
    def key(self) -> Any:
        """The private key of the GitHub app."""
        from cryptography.hazmat.primitives.asymmetric import rsa

        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def pem(self) -> str:
        """The same as text."""
        from cryptography.hazmat.primitives import serialization as forms

        raw: bytes = self.key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())
        return raw.decode()

    def env(self, *names: str) -> dict[str, str]:
        """The settings of a server with an app at these providers, at all when none is named."""
        made: dict[str, str] = {}
        for name in names or tuple(SECRETS):
            signing = "SIGNING" if name == "slack" else "WEBHOOK"
            prefix = f"LAMBENT_{name.upper()}"
            made |= {
                f"{prefix}_APP_ID": APPS[name],
                f"{prefix}_CLIENT_ID": f"{name}-client",
                f"{prefix}_CLIENT_SECRET": f"{name}-client-secret",
                f"{prefix}_{signing}_SECRET": SECRETS[name],
                f"{prefix}_URL": f"{self.url}/{name}",
                f"{prefix}_API_URL": f"{self.url}/{name}/api",
            }
            if name == "github":
                made |= {f"{prefix}_APP_SLUG": SLUG, f"{prefix}_PRIVATE_KEY": self.pem.replace("\n", "\\n")}
        return made

    def account(self, provider: str) -> str:
        """A new account that lets the app in."""
        number = str(next(self._numbers))
        self.accounts[provider].add(number)
        return number

    def code(self, account: str) -> str:
        """A code for an account."""
        code = f"code-{next(self._numbers)}"
        self.codes[code] = account
        return code

    def token(self, account: str, *, refreshable: bool = False) -> Json:
        """Fresh tokens for an account."""
        number = next(self._numbers)
        self.tokens[f"secret-access-{number}"] = account
        made: Json = {"access_token": f"secret-access-{number}"}
        if refreshable and self.expires_in is not None:
            self.refreshing[f"secret-refresh-{number}"] = account
            made |= {"refresh_token": f"secret-refresh-{number}", "expires_in": self.expires_in}
        return made

    def back(self, to: str, **told: str) -> Any:
        """Send the person back."""
        raise Redirect(f"{to}?{urlencode(told)}")

    def keep(self, provider: str, place: Json, text: str, own: str) -> None:
        """Take a post, unless the test wants it refused."""
        if coming := self.statuses.get(provider):
            raise Refusal(coming.pop(0))
        self.posts.append(Post(provider, place, text, own))
        self._gate.wait(30)

    def refuse(self, provider: str, *statuses: int) -> None:
        """The next answers to posts."""
        self.statuses[provider] = list(statuses)

    def hold(self) -> None:
        """Keep posts, but do not answer."""
        self._gate.clear()

    def let_go(self) -> None:
        """Answer."""
        self._gate.set()

    def of(self, account_or_text: str) -> list[Post]:
        """Posts whose text, or whose place, tells something."""
        return [one for one in list(self.posts) if account_or_text in one.text or account_or_text in str(one.place)]

    def _take(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        raw = request.rfile.read(int(request.headers.get("content-length") or 0))
        is_form = "form" in request.headers.get("content-type", "")
        asked = Asked(
            request.command,
            parts.path,
            dict(parse_qsl(parts.query)),
            dict(parse_qsl(raw.decode())) if is_form else {},
            json.loads(raw) if raw and not is_form else None,
            request.headers.get("authorization", "").removeprefix("Bearer "),
        )
        self.calls.append(f"{asked.method} {asked.path}")
        status, headers, body = self._answered(asked)
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("content-length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def _answered(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        answers: dict[str, Callable[[FakeProviders, Asked], Any]] = {
            "github": github.answer,
            "slack": slack.answer,
            "linear": linear.answer,
        }
        try:
            found = answers[asked.path.split("/")[1]](self, asked)
        except Redirect as away:
            return 302, {"location": str(away)}, b""
        except Refusal as refusal:
            return int(refusal.args[0]), {}, b"{}"
        return 200, {"content-type": "application/json"}, json.dumps(found).encode()

    def signed(
        self,
        provider: str,
        message: Json,
        *,
        delivery: str = "",
        secret: str | None = None,
        age: int = 0,
        event: str = "",
    ) -> Signed:
        """A message with its signature; ``age`` in seconds."""
        body, key = json.dumps(message).encode(), (SECRETS[provider] if secret is None else secret).encode()
        own = delivery or f"delivery-{next(self._numbers)}"
        json_type = {"content-type": "application/json"}
        if provider == "slack":
            stamp = str(int(time.time()) - age)
            digest = hmac.new(key, f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
            headers = {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={digest}"}
            return Signed(json_type | headers, body)
        digest = hmac.new(key, body, hashlib.sha256).hexdigest()
        if provider == "linear":
            return Signed(json_type | {"linear-signature": digest, "linear-delivery": own}, body)
        kind = {"x-github-event": event or "issue_comment", "x-github-delivery": own}
        return Signed(json_type | kind | {"x-hub-signature-256": f"sha256={digest}"}, body)
