"""GitHub: an app whose installations are repositories' owners; it answers in comments."""

# ruff: noqa: ARG002 - the interface; not every provider needs all of it

import base64
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from chalicelib.core.clock import now_ms
from chalicelib.core.jsonio import dump_bytes
from chalicelib.integrations.errors import BadSignature, InstallRefused, ProviderRefused, TokenRevoked
from chalicelib.integrations.model import App, Grant, Heard, Installation, Installed, Signal
from chalicelib.integrations.providers import signatures
from chalicelib.integrations.providers.calls import Calls
from chalicelib.integrations.settings import Site

_ACCEPT = "application/vnd.github+json"
_TOKEN_MS = 55 * 60_000
_LONGEST = 60_000
_PAGE = 100
_PREFIX = "sha256="
# Whoever else can write to a public repository must not be able to make the agent work.
_TRUSTED = ("OWNER", "MEMBER", "COLLABORATOR")
_OVER = ("deleted", "suspend")
_FORBIDDEN, _NOT_FOUND = 403, 404


class GitHub:
    """One site, GitHub's own or a company's."""

    def __init__(self, site: Site, calls: Calls) -> None:
        self._site = site
        self._calls = calls

    def verify(self, app: App, headers: Mapping[str, str], body: bytes) -> None:
        """Whether GitHub signed these very bytes. Raises BadSignature."""
        given = headers.get("x-hub-signature-256", "")
        if not given.startswith(_PREFIX):
            raise BadSignature
        signatures.demand(app.signing, body, given.removeprefix(_PREFIX))

    def read(self, app: App, headers: Mapping[str, str], message: dict[str, Any]) -> Heard:
        """What a message means."""
        event, action = headers.get("x-github-event", ""), message.get("action", "")
        if event == "ping":
            return Heard(answer={"ok": True})
        where = str((message.get("installation") or {}).get("id") or "")
        heard = Heard(headers.get("x-github-delivery", ""), where)
        if event == "installation":
            return Heard(heard.delivery, where, over=action in _OVER)
        return Heard(heard.delivery, where, signal=_signal(app, event, action, message))

    def install_url(self, app: App, callback: str, state: str) -> str:
        """Where a person lets the app in; where GitHub sends them next is set at the app."""
        return f"{self._site.url}/apps/{quote(app.slug)}/installations/new?{urlencode({'state': state})}"

    def exchange(self, app: App, code: str, callback: str, told: Mapping[str, str]) -> Installed:
        """The installation that came with a code. Raises InstallRefused besides.

        Anybody can put a number into the query, and whoever reads one repository sees the installation: only who owns
        the account may give it to a tenant.
        """
        number = told.get("installation_id", "")
        if not number.isdigit():
            raise InstallRefused("installation_id: GitHub did not tell which installation it is")
        fields = {"client_id": app.client_id, "client_secret": app.client_secret, "code": code}
        given = self._calls.form(f"{self._site.url}/login/oauth/access_token", fields | {"redirect_uri": callback})
        token = given.get("access_token")
        if not token:
            raise InstallRefused("GitHub does not accept the code")
        account = self._seen_by(str(token), number).get("account") or {}
        self._demand_owner(str(token), account)
        return Installed(number, str(account.get("login") or number), f"{app.slug}[bot]", self._minted(app, number))

    def _seen_by(self, token: str, number: str) -> dict[str, Any]:
        for page in range(1, 11):
            query = urlencode({"per_page": _PAGE, "page": page})
            url = f"{self._site.api_url}/user/installations?{query}"
            rows = self._calls.json("GET", url, authorization=f"Bearer {token}", accept=_ACCEPT)["installations"]
            for row in rows:
                if str(row["id"]) == number:
                    return dict(row)
            if len(rows) < _PAGE:
                break
        raise InstallRefused("installation_id: the person who came back has no such installation")

    def _demand_owner(self, token: str, account: Mapping[str, Any]) -> None:
        if not (self._owns(token, account) if account.get("type") == "Organization" else self._is(token, account)):
            raise InstallRefused("installation_id: only an owner of the account or organization may connect it")

    def _is(self, token: str, account: Mapping[str, Any]) -> bool:
        person = self._calls.json("GET", f"{self._site.api_url}/user", authorization=f"Bearer {token}", accept=_ACCEPT)
        return account.get("id") is not None and person["id"] == account["id"]

    def _owns(self, token: str, organization: Mapping[str, Any]) -> bool:
        url = f"{self._site.api_url}/user/memberships/orgs/{quote(str(organization['login']), safe='')}"
        try:
            found = self._calls.json("GET", url, authorization=f"Bearer {token}", accept=_ACCEPT)
        except ProviderRefused as refused:
            if _status(refused) == _FORBIDDEN:
                raise InstallRefused("the app at GitHub may not read the organization's members") from refused
            return False
        return (found.get("state"), found.get("role")) == ("active", "admin")

    def renew(self, app: App, installation: Installation, grant: Grant) -> Grant:
        """Another token of the installation."""
        try:
            return self._minted(app, installation.external_id)
        except ProviderRefused as error:
            raise TokenRevoked("GitHub gives no token for the installation any more") from error

    def _minted(self, app: App, number: str) -> Grant:
        url = f"{self._site.api_url}/app/installations/{number}/access_tokens"
        made = self._calls.json("POST", url, {}, authorization=f"Bearer {_proof(app)}", accept=_ACCEPT)
        return Grant(str(made["token"]), "", now_ms() + _TOKEN_MS)

    def post(self, token: str, place: Mapping[str, str], text: str, reply_id: str) -> None:
        """Comment on an issue or pull request."""
        body = {"body": f"{text[:_LONGEST]}\n\n{_mark(reply_id)}"}
        self._calls.json("POST", self._comments(place), body, authorization=f"Bearer {token}", accept=_ACCEPT)

    def posted(self, token: str, place: Mapping[str, str], reply_id: str) -> bool:
        """Whether a comment that came after what it answers has the reply's mark."""
        for page in range(1, 11):
            query = urlencode({"since": place["since"], "per_page": _PAGE, "page": page})
            url = f"{self._comments(place)}?{query}"
            rows = self._calls.json("GET", url, authorization=f"Bearer {token}", accept=_ACCEPT)
            if any(_mark(reply_id) in (row.get("body") or "") for row in rows):
                return True
            if len(rows) < _PAGE:
                return False
        return False

    def _comments(self, place: Mapping[str, str]) -> str:
        return f"{self._site.api_url}/repos/{quote(place['repository'])}/issues/{place['number']}/comments"

    def ended(self, app: App, installation: Installation) -> bool:
        """Whether the app is uninstalled or suspended: a message that says so may be an old one, sent again."""
        url = f"{self._site.api_url}/app/installations/{installation.external_id}"
        try:
            found = self._calls.json("GET", url, authorization=f"Bearer {_proof(app)}", accept=_ACCEPT)
        except ProviderRefused as refused:
            if _status(refused) != _NOT_FOUND:
                raise
            return True
        return found.get("suspended_at") is not None

    def revoke(self, app: App, installation: Installation, grant: Grant) -> None:
        """Uninstall the app."""
        url = f"{self._site.api_url}/app/installations/{installation.external_id}"
        self._calls.json("DELETE", url, authorization=f"Bearer {_proof(app)}", accept=_ACCEPT)


def _status(refused: ProviderRefused) -> Any:
    return (refused.details or {}).get("status")


def _mark(reply_id: str) -> str:
    return f"<!-- reply {reply_id} -->"


def _proof(app: App) -> str:
    """A token by which the app shows that it has its private key."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    try:
        key = serialization.load_pem_private_key(app.key.encode(), None)
    except (ValueError, TypeError) as error:
        raise ProviderRefused("the private key of the GitHub app cannot be read") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ProviderRefused("the private key of the GitHub app is not an RSA key")
    now = int(time.time())
    parts = ({"alg": "RS256", "typ": "JWT"}, {"iat": now - 60, "exp": now + 540, "iss": app.id})
    signed = ".".join(_base64(dump_bytes(part)) for part in parts)
    return f"{signed}.{_base64(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _signal(app: App, event: str, action: str, message: dict[str, Any]) -> Signal | None:
    issue = message.get("issue") or message.get("pull_request")
    sender = message.get("sender") or {}
    if not issue or sender.get("type") == "Bot":
        return None
    said = _said(app, event, action, message, issue)
    if said is None:
        return None
    kind, thing, once = said
    if kind == "comment" and thing.get("author_association") not in _TRUSTED:
        return None
    repository, number = str(message["repository"]["full_name"]), str(issue["number"])
    own = f"{repository}#{number}"
    title = f"{own} {issue.get('title') or ''}".strip()
    text = f"{sender.get('login', 'somebody')} on {title} ({issue.get('html_url', '')}):\n\n{thing.get('body') or ''}"
    place = {"repository": repository, "number": number, "since": str(thing.get("created_at") or "")}
    keys = {"per_issue": own, "per_thread": own, "per_channel": repository, "per_event": once}
    return Signal("assigned" if kind == "assigned" else "comment", text, title, keys, once, place)


def _said(
    app: App, event: str, action: str, message: dict[str, Any], issue: dict[str, Any]
) -> tuple[str, dict[str, Any], str] | None:
    """(kind, what holds the words, what tells it from everything else)."""
    if event in ("issue_comment", "pull_request_review_comment") and action == "created":
        comment = message["comment"]
        return "comment", comment, f"{event}/{comment['id']}"
    if event in ("issues", "pull_request") and action == "opened":
        return "comment", issue, f"{event}/{issue['id']}"
    if event == "issues" and action == "assigned":
        login = (message.get("assignee") or {}).get("login")
        return ("assigned", issue, f"assigned/{issue['id']}") if login == f"{app.slug}[bot]" else None
    return None
