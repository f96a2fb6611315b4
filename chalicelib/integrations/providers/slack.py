"""Slack: an app whose installations are workspaces; it answers in threads."""

# ruff: noqa: ARG002 - the interface; not every provider needs all of it

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from chalicelib.core.clock import now_ms
from chalicelib.integrations.errors import BadSignature, InstallRefused, ProviderRefused, TokenRevoked
from chalicelib.integrations.model import App, Grant, Heard, Installation, Installed, Signal
from chalicelib.integrations.providers import signatures
from chalicelib.integrations.providers.calls import Calls
from chalicelib.integrations.settings import Site

_SCOPES = "app_mentions:read,channels:history,chat:write,groups:history,im:history,metadata.message:read"
_FRESH_MS = 5 * 60_000
_LONGEST = 39_000
_OVER = ("app_uninstalled", "tokens_revoked")
_NO_TOKEN = ("invalid_auth", "token_revoked", "token_expired", "account_inactive", "not_authed")
_EVENT = "lambent_reply"


class Slack:
    """One site of Slack."""

    def __init__(self, site: Site, calls: Calls) -> None:
        self._site = site
        self._calls = calls

    def verify(self, app: App, headers: Mapping[str, str], body: bytes) -> None:
        """Whether Slack signed these very bytes, just now. Raises BadSignature."""
        stamp = headers.get("x-slack-request-timestamp", "")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 12):
            raise BadSignature
        given = headers.get("x-slack-signature", "")
        if not given.startswith("v0="):
            raise BadSignature
        signatures.demand(app.signing, b"v0:" + stamp.encode() + b":" + body, given.removeprefix("v0="))
        signatures.demand_fresh(int(stamp) * 1000, _FRESH_MS)

    def read(self, app: App, headers: Mapping[str, str], message: dict[str, Any]) -> Heard:
        """What a message means."""
        if message.get("type") == "url_verification":
            return Heard(answer={"challenge": message.get("challenge", "")})
        delivery, team = str(message.get("event_id") or ""), str(message.get("team_id") or "")
        event = message.get("event") or {}
        if message.get("type") != "event_callback":
            return Heard(delivery, team)
        if event.get("type") in _OVER:
            return Heard(delivery, team, over=True)
        return Heard(delivery, team, signal=_signal(event))

    def install_url(self, app: App, callback: str, state: str) -> str:
        """Where a person lets the app in."""
        fields = {"client_id": app.client_id, "scope": _SCOPES, "redirect_uri": callback, "state": state}
        return f"{self._site.url}/oauth/v2/authorize?{urlencode(fields)}"

    def exchange(self, app: App, code: str, callback: str, told: Mapping[str, str]) -> Installed:
        """The workspace behind a code. Raises InstallRefused besides."""
        given = self._tokens(app, {"code": code, "redirect_uri": callback})
        team = given.get("team") or {}
        if not given.get("ok") or not given.get("access_token") or not team.get("id"):
            raise InstallRefused("Slack does not accept the code")
        bot = str(given.get("bot_user_id") or "")
        return Installed(str(team["id"]), str(team.get("name") or team["id"]), bot, _grant(given))

    def renew(self, app: App, installation: Installation, grant: Grant) -> Grant:
        """Fresh tokens, where they end."""
        if not grant.refresh:
            raise TokenRevoked("the token for Slack cannot be renewed")
        given = self._tokens(app, {"grant_type": "refresh_token", "refresh_token": grant.refresh})
        if not given.get("ok") or not given.get("access_token"):
            raise TokenRevoked("Slack does not renew the token")
        return _grant(given)

    def _tokens(self, app: App, fields: dict[str, str]) -> dict[str, Any]:
        own = {"client_id": app.client_id, "client_secret": app.client_secret}
        return dict(self._calls.form(f"{self._site.api_url}/oauth.v2.access", own | fields))

    def post(self, token: str, place: Mapping[str, str], text: str, reply_id: str) -> None:
        """Say something in a thread."""
        mark = {"event_type": _EVENT, "event_payload": {"id": reply_id}}
        body = {"channel": place["channel"], "thread_ts": place["thread"], "text": text[:_LONGEST], "metadata": mark}
        self._api(token, "POST", "chat.postMessage", body)

    def posted(self, token: str, place: Mapping[str, str], reply_id: str) -> bool:
        """Whether a message of the thread has the reply's mark."""
        asked = {"channel": place["channel"], "ts": place["thread"], "limit": "200", "include_all_metadata": "true"}
        for _ in range(10):
            page = self._api(token, "GET", f"conversations.replies?{urlencode(asked)}")
            marks = [(row.get("metadata") or {}).get("event_payload") or {} for row in page.get("messages", ())]
            if any(mark.get("id") == reply_id for mark in marks):
                return True
            asked["cursor"] = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not asked["cursor"]:
                break
        return False

    def ended(self, app: App, installation: Installation) -> bool:
        """Believed: what is signed tells its time, so it is a new message."""
        return True

    def revoke(self, app: App, installation: Installation, grant: Grant) -> None:
        """Give the token back."""
        self._api(grant.access, "POST", "auth.revoke", {})

    def _api(self, token: str, method: str, name: str, body: Any = None) -> dict[str, Any]:
        answer = self._calls.json(method, f"{self._site.api_url}/{name}", body, authorization=f"Bearer {token}")
        if answer.get("ok"):
            return dict(answer)
        problem = str(answer.get("error") or "")[:60]
        if problem in _NO_TOKEN:
            raise TokenRevoked("Slack does not accept the token")
        raise ProviderRefused(f"Slack refused: {problem}")


def _grant(given: Mapping[str, Any]) -> Grant:
    seconds = given.get("expires_in")
    until = now_ms() + int(seconds) * 1000 if seconds else None
    return Grant(str(given["access_token"]), str(given.get("refresh_token") or ""), until)


def _signal(event: dict[str, Any]) -> Signal | None:
    kind, channel, stamp = event.get("type"), str(event.get("channel") or ""), str(event.get("ts") or "")
    if kind not in ("app_mention", "message") or event.get("bot_id") or event.get("subtype") or not channel:
        return None
    direct = kind == "app_mention" or event.get("channel_type") == "im"
    thread = str(event.get("thread_ts") or stamp)
    text = f"<@{event.get('user', '')}> in Slack:\n\n{event.get('text') or ''}"
    own = f"{channel}/{thread}"
    once = f"{channel}/{stamp}"
    keys = {"per_issue": own, "per_thread": own, "per_channel": channel, "per_event": once}
    place = {"channel": channel, "thread": thread}
    return Signal(
        "direct" if direct else "comment", text, f"Slack {own}", keys, once, place, str(event.get("user") or "")
    )
