"""GitHub: installations, the people who come back with them, tokens for who can prove to be the app, comments."""

import base64
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.fakes.providers.server import Asked, FakeProviders

_COMMENTS = re.compile(r"/github/api/repos/(.+)/issues/(\d+)/comments")
_TOKENS = re.compile(r"/github/api/app/installations/(\d+)(/access_tokens)?")
_MEMBERSHIP = re.compile(r"/github/api/user/memberships/orgs/acme-(\d+)")
_OF_PEOPLE = ("owner", "reader")


def answer(fake: "FakeProviders", asked: "Asked") -> Any:
    """The answer to a request below ``/github``."""
    if asked.path.endswith("/installations/new"):
        account = asked.query.get("account") or fake.account("github")
        told = {"code": fake.code(account), "state": asked.query["state"], "installation_id": account}
        return fake.back(f"{fake.callback}/github/oauth/callback", **told)
    if asked.path == "/github/login/oauth/access_token":
        if asked.form["client_secret"] != "github-client-secret" or asked.form["code"] not in fake.codes:
            return {"error": "bad_verification_code"}
        return fake.token("user/" + fake.codes.pop(asked.form["code"]))
    if asked.path.startswith("/github/api/user"):
        return _of_person(fake, asked, fake.tokens[asked.token].removeprefix("user/"))
    if found := _TOKENS.fullmatch(asked.path):
        return _installation(fake, asked, found[1])
    if found := _COMMENTS.fullmatch(asked.path):
        return _comments(fake, asked, {"repository": found[1], "number": int(found[2])})
    return _refused(404)


def _of_person(fake: "FakeProviders", asked: "Asked", account: str) -> Any:
    standing = fake.standing.get(account, "admin")
    if asked.path == "/github/api/user/installations":
        kind = "User" if standing in _OF_PEOPLE else "Organization"
        owner = {"id": int(account), "login": f"acme-{account}", "type": kind}
        return {"installations": [{"id": int(account), "account": owner}]}
    if asked.path == "/github/api/user":
        return {"id": int(account) if standing == "owner" else 1, "login": "ada"}
    found = _MEMBERSHIP.fullmatch(asked.path)
    if found is None or found[1] != account or standing in (*_OF_PEOPLE, "outsider"):
        return _refused(404)
    if standing == "unreadable":
        return _refused(403)
    state = "pending" if standing == "invited" else "active"
    return {"state": state, "role": "member" if standing == "member" else "admin"}


def _installation(fake: "FakeProviders", asked: "Asked", account: str) -> Any:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    head, claims, proof = asked.token.split(".")
    key = fake.key.public_key()
    key.verify(_raw(proof), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
    assert json.loads(_raw(claims))["iss"] == "4711"
    if account not in fake.accounts["github"]:
        return _refused(404)
    if asked.method == "DELETE":
        fake.accounts["github"].discard(account)
        return {}
    if asked.method == "GET":
        return {"id": int(account), "suspended_at": "2026-01-01T00:00:00Z" if account in fake.suspended else None}
    return {"token": fake.token(account)["access_token"], "expires_at": "2099-01-01T00:00:00Z"}


def _comments(fake: "FakeProviders", asked: "Asked", place: dict[str, Any]) -> Any:
    account = fake.tokens.get(asked.token)
    if account is None or account.startswith("user/"):
        return _refused(401)
    if asked.method == "GET":
        return [{"body": one.text} for one in fake.posts if one.provider == "github" and one.place == place]
    fake.keep("github", place, asked.body["body"], asked.body["body"].rpartition("reply ")[2].split()[0])
    return {"id": len(fake.posts)}


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _refused(status: int) -> Any:
    from tests.fakes.providers.server import Refusal

    raise Refusal(status)
