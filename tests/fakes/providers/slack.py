"""Slack: workspaces, tokens that may rotate, messages in threads."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.fakes.providers.server import Asked, FakeProviders

BOT = "UBOT"


def answer(fake: "FakeProviders", asked: "Asked") -> Any:
    """The answer to a request below ``/slack``."""
    if asked.path == "/slack/oauth/v2/authorize":
        account = asked.query.get("account") or fake.account("slack")
        return fake.back(asked.query["redirect_uri"], code=fake.code(account), state=asked.query["state"])
    name = asked.path.rpartition("/")[2]
    if name == "oauth.v2.access":
        return _tokens(fake, asked.form)
    account = fake.tokens.get(asked.token, "")
    if account not in fake.accounts["slack"]:
        return {"ok": False, "error": "token_expired"}
    if name == "chat.postMessage":
        place = {"channel": asked.body["channel"], "thread": asked.body["thread_ts"], "team": account}
        fake.keep("slack", place, asked.body["text"], asked.body["metadata"]["event_payload"]["id"])
        return {"ok": True, "ts": "1.0"}
    if name == "conversations.replies":
        thread = [one for one in fake.posts if one.place.get("thread") == asked.query["ts"]]
        return {"ok": True, "messages": [{"metadata": {"event_payload": {"id": one.id}}} for one in thread]}
    if name == "auth.revoke":
        fake.accounts["slack"].discard(account)
        return {"ok": True, "revoked": True}
    return {"ok": False, "error": "unknown_method"}


def _tokens(fake: "FakeProviders", form: dict[str, str]) -> Any:
    if form["client_secret"] != "slack-client-secret":
        return {"ok": False, "error": "bad_client_secret"}
    if form.get("grant_type") == "refresh_token":
        account = fake.refreshing.pop(form["refresh_token"], "")
    else:
        account = fake.codes.pop(form["code"], "")
    if account not in fake.accounts["slack"]:
        return {"ok": False, "error": "invalid_code"}
    team = {"id": account, "name": f"Team {account}"}
    return {"ok": True, "team": team, "bot_user_id": BOT} | fake.token(account, refreshable=True)
