"""Linear: workspaces, and the few queries an app of ours sends."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.fakes.providers.server import Asked, FakeProviders

BOT = "app-user"


def answer(fake: "FakeProviders", asked: "Asked") -> Any:
    """The answer to a request below ``/linear``."""
    if asked.path == "/linear/oauth/authorize":
        assert asked.query["actor"] == "app"
        account = asked.query.get("account") or fake.account("linear")
        return fake.back(asked.query["redirect_uri"], code=fake.code(account), state=asked.query["state"])
    if asked.path == "/linear/api/oauth/token":
        return _tokens(fake, asked.form)
    if asked.path == "/linear/api/oauth/revoke":
        fake.tokens.pop(asked.form["token"], None)
        return {}
    account = fake.tokens.get(asked.token, "")
    if account not in fake.accounts["linear"]:
        return _refused(401)
    return {"data": _data(fake, asked.body["query"], asked.body["variables"], account)}


def _tokens(fake: "FakeProviders", form: dict[str, str]) -> Any:
    refreshing = form["grant_type"] == "refresh_token"
    known, text = (fake.refreshing, form.get("refresh_token")) if refreshing else (fake.codes, form.get("code"))
    account = known.pop(text or "", "")
    if account not in fake.accounts["linear"] or form["client_secret"] != "linear-client-secret":
        return _refused(400)
    return fake.token(account, refreshable=True)


def _data(fake: "FakeProviders", query: str, given: dict[str, Any], account: str) -> Any:
    if "viewer" in query:
        return {"viewer": {"id": BOT, "name": "App"}, "organization": {"id": account, "name": f"Org {account}"}}
    if "issues(" in query:
        fake.filters.append(given["filter"])
        return {"issues": {"nodes": fake.issues}}
    if query.startswith("query"):
        name = "agentActivity" if "agentActivity" in query else "comment"
        found = any(one.id == given["id"] for one in fake.posts)
        return {name: {"id": given["id"]} if found else None}
    sent = dict(given["input"])
    text = sent.pop("body", None) or sent.pop("content")["body"]
    fake.keep("linear", sent | {"organization": account}, text, sent["id"])
    return {"commentCreate": {"success": True}}


def _refused(status: int) -> Any:
    from tests.fakes.providers.server import Refusal

    raise Refusal(status)
