"""Linear: an app whose installations are workspaces; it answers in comments and agent sessions."""

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

_SCOPES = "read,write,app:assignable,app:mentionable"
_FRESH_MS = 60_000
_LONGEST = 60_000
_WHO = "query { viewer { id name } organization { id name } }"
_COMMENT = "mutation($input: CommentCreateInput!) { commentCreate(input: $input) { success } }"
_ACTIVITY = "mutation($input: AgentActivityCreateInput!) { agentActivityCreate(input: $input) { success } }"
_FIND_COMMENT = "query($id: String!) { comment(id: $id) { id } }"
_FIND_ACTIVITY = "query($id: String!) { agentActivity(id: $id) { id } }"
_ISSUES = (
    "query($filter: IssueFilter, $first: Int) { issues(filter: $filter, first: $first)"
    " { nodes { id identifier title description url } } }"
)


class Linear:
    """One site of Linear."""

    def __init__(self, site: Site, calls: Calls) -> None:
        self._site = site
        self._calls = calls

    def verify(self, app: App, headers: Mapping[str, str], body: bytes) -> None:
        """Whether Linear signed these very bytes; ``read`` looks at the time among them. Raises BadSignature."""
        signatures.demand(app.signing, body, headers.get("linear-signature", ""))

    def read(self, app: App, headers: Mapping[str, str], message: dict[str, Any]) -> Heard:
        """What a message means. Raises BadSignature for one that is not from now."""
        stamp = message.get("webhookTimestamp")
        if not isinstance(stamp, int):
            raise BadSignature
        signatures.demand_fresh(stamp, _FRESH_MS)
        delivery, where = headers.get("linear-delivery", ""), str(message.get("organizationId") or "")
        if message.get("type") == "OAuthApp" and message.get("action") == "revoked":
            return Heard(delivery, where, over=True)
        return Heard(delivery, where, signal=_signal(message))

    def install_url(self, app: App, callback: str, state: str) -> str:
        """Where a person lets the app in."""
        fields = {"client_id": app.client_id, "redirect_uri": callback, "response_type": "code", "scope": _SCOPES}
        return f"{self._site.url}/oauth/authorize?{urlencode(fields | {'state': state, 'actor': 'app'})}"

    def exchange(self, app: App, code: str, callback: str, told: Mapping[str, str]) -> Installed:
        """The workspace behind a code. Raises InstallRefused besides."""
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": callback}
        try:
            grant = self._tokens(app, fields)
        except (ProviderRefused, TokenRevoked) as error:
            raise InstallRefused("Linear does not accept the code") from error
        return self.owner(grant)

    def owner(self, grant: Grant) -> Installed:
        """The workspace a token is for."""
        found = self._query(grant.access, _WHO, {})
        place, viewer = found["organization"], found["viewer"]
        return Installed(str(place["id"]), str(place["name"]), str(viewer["id"]), grant)

    def renew(self, app: App, installation: Installation, grant: Grant) -> Grant:
        """Fresh tokens, where they end."""
        if not grant.refresh:
            raise TokenRevoked("the token for Linear cannot be renewed")
        try:
            return self._tokens(app, {"grant_type": "refresh_token", "refresh_token": grant.refresh})
        except ProviderRefused as error:
            raise TokenRevoked("Linear does not renew the token") from error

    def _tokens(self, app: App, fields: dict[str, str]) -> Grant:
        own = {"client_id": app.client_id, "client_secret": app.client_secret}
        given = self._calls.form(f"{self._site.api_url}/oauth/token", own | fields)
        if not given.get("access_token"):
            raise ProviderRefused("Linear gave no token")
        seconds = given.get("expires_in")
        until = now_ms() + int(seconds) * 1000 if seconds else None
        return Grant(str(given["access_token"]), str(given.get("refresh_token") or ""), until)

    def post(self, token: str, place: Mapping[str, str], text: str, reply_id: str) -> None:
        """Comment, or answer in an agent session, under an id of our own."""
        if place.get("agent_session"):
            content = {"type": "response", "body": text[:_LONGEST]}
            given: dict[str, Any] = {"agentSessionId": place["agent_session"], "content": content}
            self._query(token, _ACTIVITY, {"input": given | {"id": reply_id}})
            return
        given = {"issueId": place["issue"], "body": text[:_LONGEST], "id": reply_id}
        if place.get("parent"):
            given["parentId"] = place["parent"]
        self._query(token, _COMMENT, {"input": given})

    def posted(self, token: str, place: Mapping[str, str], reply_id: str) -> bool:
        """Whether there is something with the reply's id."""
        query = _FIND_ACTIVITY if place.get("agent_session") else _FIND_COMMENT
        try:
            return any(self._query(token, query, {"id": reply_id}).values())
        except ProviderRefused:
            return False

    def ended(self, app: App, installation: Installation) -> bool:
        """Believed: what is signed tells its time, so it is a new message."""
        return True

    def revoke(self, app: App, installation: Installation, grant: Grant) -> None:
        """Give the token back."""
        self._calls.form(f"{self._site.api_url}/oauth/revoke", {"token": grant.access})

    def issues(self, token: str, filters: Mapping[str, str], most: int) -> list[Signal]:
        """Issues that fit, as if they had been assigned."""
        found = self._query(token, _ISSUES, {"filter": _filter(filters), "first": most})["issues"]["nodes"]
        return [_issue(node, f"rule/{node['id']}", "A dispatch rule") for node in found]

    def _query(self, token: str, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        body = {"query": query, "variables": variables}
        answer = self._calls.json("POST", f"{self._site.api_url}/graphql", body, authorization=f"Bearer {token}")
        if problems := answer.get("errors"):
            kinds = [str((one.get("extensions") or {}).get("type") or "") for one in problems]
            if "authentication error" in (kind.lower() for kind in kinds):
                raise TokenRevoked("Linear does not accept the token")
            raise ProviderRefused("Linear refused the query")
        return dict(answer["data"])


def _filter(filters: Mapping[str, str]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in filters.items():
        same: dict[str, Any] = {"eq": value}
        if name == "label":
            made["labels"] = {"name": same}
        elif name == "state":
            made["state"] = {"name": same}
        elif name == "team":
            made["team"] = {"key": same}
        else:
            made[name.removesuffix("_id")] = {"id": same}
    return made


def _issue(node: Mapping[str, Any], once: str, who: str) -> Signal:
    own = str(node["id"])
    title = f"{node.get('identifier') or ''} {node.get('title') or ''}".strip()
    text = f"{who} on {title} ({node.get('url') or ''}):\n\n{node.get('description') or ''}"
    return Signal("assigned", text, title, _keys(own, own, once), once, {"issue": own})


def _keys(issue: str, thread: str, once: str) -> dict[str, str]:
    return {"per_issue": issue, "per_thread": thread, "per_channel": issue, "per_event": once}


def _signal(message: dict[str, Any]) -> Signal | None:
    kind, action, data = message.get("type"), message.get("action"), message.get("data") or {}
    who = str((message.get("actor") or {}).get("name") or "Somebody")
    if kind == "AgentSessionEvent":
        return _session(message, str(action), who)
    if kind == "Comment" and action == "create" and data.get("issue") and not data.get("botActor"):
        return _comment(data, who)
    return None


def _comment(data: dict[str, Any], who: str) -> Signal:
    issue, parent = data["issue"], str(data.get("parentId") or data["id"])
    title = f"{issue.get('identifier') or ''} {issue.get('title') or ''}".strip()
    own, once = str(issue["id"]), f"comment/{data['id']}"
    text = f"{who} on {title}:\n\n{data.get('body') or ''}"
    keys, place = _keys(own, f"{own}/{parent}", once), {"issue": own, "parent": parent}
    return Signal("comment", text, title, keys, once, place, str(data.get("userId") or ""))


def _session(message: dict[str, Any], action: str, who: str) -> Signal | None:
    """Somebody delegated an issue to the app, mentioned it, or wrote on."""
    session, activity = message.get("agentSession") or {}, message.get("agentActivity") or {}
    if not session.get("id"):
        return None
    issue, said = session.get("issue") or {}, (session.get("comment") or {}).get("body")
    own, issue_id = str(session["id"]), str(issue.get("id") or session["id"])
    once = f"session/{own}"
    words = str(said or issue.get("description") or "")
    if action == "prompted":
        once, words = f"activity/{activity.get('id')}", str((activity.get("content") or {}).get("body") or "")
    title = f"{issue.get('identifier') or ''} {issue.get('title') or ''}".strip()
    text = f"{who} on {title}:\n\n{words}"
    return Signal("direct", text, title, _keys(issue_id, own, once), once, {"agent_session": own})
