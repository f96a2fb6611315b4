"""What a session cookie opens, for whom, from where and for how long."""

import httpx2
import pytest

from chalicelib.core.clock import now_ms
from chalicelib.signin import sessions
from chalicelib.storage.keys import Key
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table
from chalicelib.tenants.model import digest_of
from tests.functional.signin.conftest import ADA, BOB, COOKIE, Site

ORIGINS = [
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"},
    {"sec-fetch-site": "Same-Origin"},
    {"origin": "https://evil.net"},
    {"origin": "null"},
    {"origin": ""},
    {},
]


@pytest.mark.parametrize("told", ORIGINS, ids=str)
def test_pages_of_other_sites_change_nothing(site: Site, told: dict[str, str]) -> None:
    secret = site.browser(ADA).secret
    headers = {"cookie": f"{COOKIE}={secret}"} | told
    with httpx2.Client(base_url=site.url, headers=headers, verify=False) as page:
        for method, path in (
            ("POST", "/v1/agents"),
            ("POST", "/v1/api_keys"),
            ("POST", "/v1/me/cli-tokens"),
            ("POST", "/v1/tenants"),
            ("DELETE", "/v1/agents/x"),
            ("PATCH", "/v1/agents/x"),
            ("POST", "/auth/sign-out"),
            ("GET", "/v1/oauth/authorize?mcp_server_url=https://mcp.example.com&vault_id=x"),
        ):
            answer = page.request(method, path, json=None if method == "GET" else {"name": "x", "model": "m"})
            assert (answer.status_code, answer.json()["error"].get("code")) == (403, "cross_origin"), path
        assert page.get("/v1/agents").json()["data"] == []
        assert page.get("/v1/me").status_code == 200


def test_a_page_of_this_server_may_change_things(site: Site) -> None:
    secret = site.browser(ADA).secret
    for told in ({"origin": site.url}, {"sec-fetch-site": "same-origin"}):
        headers = {"cookie": f"{COOKIE}={secret}"} | told
        answer = httpx2.post(f"{site.url}/v1/agents", headers=headers, json={"name": "x", "model": "m"})
        assert answer.status_code == 201


def test_other_sites_may_not_read_with_a_cookie(site: Site) -> None:
    answer = site.browser(ADA).call("GET", "/v1/me", headers={"origin": "https://evil.net"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


def test_a_key_that_is_shown_decides_alone(site: Site) -> None:
    browser = site.browser(ADA)
    key = site.root.post("/admin/tenants", name="Acme")["api_key"]["key"]
    for headers in ({"x-api-key": key}, {"authorization": f"Bearer {key}"}):
        me = browser.get("/v1/me", **headers)
        assert (me["user"], me["tenant"]["name"]) == (None, "Acme")
    for headers in (
        {"x-api-key": "wrong"},
        {"x-api-key": ""},
        {"authorization": "Bearer wrong"},
        {"authorization": "Bearer"},
    ):
        assert browser.call("GET", "/v1/me", headers=headers).status_code == 401, headers
    assert browser.call("POST", "/v1/tenants", {"name": "x"}, headers={"x-api-key": key}).status_code == 403
    assert browser.call("POST", "/v1/me/cli-tokens", headers={"x-api-key": key}).status_code == 403
    api = site.api(key)
    assert (
        api.call(
            "POST", "/v1/agents", {"name": "x", "model": "m"}, headers={"sec-fetch-site": "cross-site"}
        ).status_code
        == 201
    )


def test_unknown_cookies_are_refused_like_no_credential_at_all(site: Site) -> None:
    bare = httpx2.get(f"{site.url}/v1/me")
    for value in ("a" * 43, "a" * 44, "", "x", "a" * 42 + "%", "é", "a" * 40_000):
        answer = httpx2.get(f"{site.url}/v1/me", headers=[(b"cookie", f"{COOKIE}={value}".encode())])
        if answer.status_code == 400:  # longer than any server reads
            continue
        assert answer.status_code == 401, value
        assert answer.json()["error"] == bare.json()["error"]


def test_an_unknown_cookie_costs_one_read_and_a_malformed_one_none(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[Key] = []
    get = Table.get

    def counted(table: Table, key: Key) -> Row | None:
        reads.append(key)
        return get(table, key)

    monkeypatch.setattr(Table, "get", counted)
    for value, cost in (("a" * 43, 1), ("a" * 43, 1), ("b" * 43, 1), ("short", 0)):
        reads.clear()
        assert httpx2.get(f"{site.url}/v1/me", headers={"cookie": f"{COOKIE}={value}"}).status_code == 401
        assert len(reads) == cost


def test_two_cookies_of_one_name_count_as_none(site: Site) -> None:
    secret = site.browser(ADA).secret
    twice = {"cookie": f"{COOKIE}={secret}; {COOKIE}=other"}
    assert httpx2.get(f"{site.url}/v1/me", headers=twice).status_code == 401


def test_signing_out_ends_the_session_at_once(site: Site) -> None:
    browser, other = site.browser(ADA), site.browser(ADA)
    secret = browser.secret
    answer = browser.call("POST", "/auth/sign-out")
    assert (answer.status_code, answer.json()) == (200, {"type": "signed_out"})
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert httpx2.get(f"{site.url}/v1/me", headers={"cookie": f"{COOKIE}={secret}"}).status_code == 401
    assert other.get("/v1/me")["user"]["email"] == ADA.email
    assert browser.call("POST", "/auth/sign-out").status_code == 200


def test_a_session_slides_and_still_ends(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = site.browser(ADA)
    began, day = now_ms(), 86_400_000
    clock = [began]
    monkeypatch.setattr(sessions, "now_ms", lambda: clock[0])

    def status_on(days: float) -> int:
        clock[0] = began + int(days * day)
        return browser.call("GET", "/v1/me").status_code

    assert [status_on(days) for days in (6.9, 13.7, 20.5, 27.3, 29.9)] == [200] * 5
    assert status_on(30) == 401
    idle = site.browser(ADA)
    clock[0] += 7 * day
    assert idle.call("GET", "/v1/me").status_code == 401


def test_the_table_knows_only_a_hash(site: Site) -> None:
    secret = site.browser(ADA).secret
    rows = str(site.services._client("dynamodb").scan(TableName=site.services.settings.table)["Items"])
    assert secret not in rows
    assert digest_of(secret) in rows


def test_people_choose_among_their_tenants(site: Site) -> None:
    browser = site.browser(ADA)
    first = browser.get("/v1/me")["tenant"]["id"]
    made = browser.call("POST", "/v1/tenants", {"name": "  " + "n" * 100})
    assert made.status_code == 201
    second = made.json()
    assert (second["name"], second["role"], set(second)) == ("n" * 80, "owner", {"id", "name", "role", "created_at"})
    assert browser.get("/v1/me")["tenant"]["id"] == first
    chosen = {"x-active-tenant": second["id"]}
    assert browser.get("/v1/me", **chosen)["tenant"]["id"] == second["id"]
    agent = browser.call("POST", "/v1/agents", {"name": "x", "model": "m"}, headers=chosen).json()["id"]
    assert browser.call("GET", f"/v1/agents/{agent}").status_code == 404
    assert browser.call("GET", f"/v1/agents/{agent}", headers=chosen).status_code == 200
    assert [one["id"] for one in browser.get("/v1/me/tenants")["data"]] == [first, second["id"]]


def test_a_tenant_one_does_not_belong_to_is_like_one_that_is_not_there(site: Site) -> None:
    browser = site.browser(ADA)
    foreign = site.browser(BOB).get("/v1/me")["tenant"]["id"]
    for wanted in (foreign, "tn_" + "0" * 32, "nonsense", "", "none", "#"):
        answer = browser.call("GET", "/v1/me", headers={"x-active-tenant": wanted})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_a_member"), wanted


def test_a_repeated_tenant_is_made_once_and_an_unnamed_one_not_at_all(site: Site) -> None:
    browser = site.browser(ADA)
    once = {"idempotency-key": "one"}
    made = [browser.call("POST", "/v1/tenants", {"name": "x"}, headers=once).json()["id"] for _ in range(2)]
    assert made[0] == made[1]
    assert len(browser.get("/v1/me/tenants")["data"]) == 2
    for body in ({}, {"name": ""}, {"name": "  "}, {"name": 7}):
        assert browser.call("POST", "/v1/tenants", body).status_code == 400


def test_members_read_and_write_and_manage_no_keys(site: Site) -> None:
    root, tenant = site.root, site.browser(ADA).get("/v1/me")["tenant"]["id"]
    root.post(f"/admin/tenants/{tenant}/members", email=BOB.email)
    owner, member = site.browser(ADA), site.browser(BOB)
    chosen = {"x-active-tenant": tenant}
    assert member.get("/v1/me", **chosen)["tenants"][0]["role"] == "member"
    assert member.call("POST", "/v1/agents", {"name": "x", "model": "m"}, headers=chosen).status_code == 201
    key = owner.call("POST", "/v1/api_keys", {"name": "ours"}).json()
    token = owner.call("POST", "/v1/me/cli-tokens").json()
    for method, path in (
        ("GET", "/v1/api_keys"),
        ("POST", "/v1/api_keys"),
        ("DELETE", f"/v1/api_keys/{key['id']}"),
        ("DELETE", f"/v1/api_keys/{token['key_id']}"),
    ):
        assert member.call(method, path, headers=chosen).status_code == 403, path
    assert site.api(key["key"]).call("GET", "/v1/agents").status_code == 200
    own = member.call("POST", "/v1/me/cli-tokens", {"tenant_id": tenant}).json()
    assert site.api(own["token"]).get("/v1/me")["api_key"]["scopes"] == ["read", "write"]
    assert site.api(own["token"]).call("GET", "/v1/api_keys").status_code == 403
    assert site.api(token["token"]).call("GET", "/v1/api_keys").status_code == 200


def test_a_cli_token_is_a_key_for_a_tenant_of_ones_own(site: Site) -> None:
    browser = site.browser(ADA)
    me = browser.get("/v1/me")
    answer = browser.call("POST", "/v1/me/cli-tokens", {"name": "Laptop"})
    assert answer.status_code == 201
    made = answer.json()
    assert set(made) == {"key_id", "token", "tenant_id", "user_id", "created_at"}
    assert (made["tenant_id"], made["user_id"]) == (me["tenant"]["id"], me["user"]["id"])
    api = site.api(made["token"])
    assert api.get("/v1/me")["tenant"]["id"] == made["tenant_id"]
    assert api.call("POST", "/v1/me/cli-tokens").status_code == 403
    assert api.call("POST", "/v1/tenants", {"name": "x"}).status_code == 403
    assert [one["name"] for one in browser.get("/v1/api_keys")["data"]] == ["Laptop"]
    foreign = site.browser(BOB).get("/v1/me")["tenant"]["id"]
    for tenant in (foreign, "tn_" + "0" * 32, "x", ""):
        refusal = browser.call("POST", "/v1/me/cli-tokens", {"tenant_id": tenant})
        assert (refusal.status_code, refusal.json()["error"]["code"]) == (403, "not_a_member")


def test_repeats_are_not_shared_among_people(site: Site) -> None:
    tenant = site.browser(ADA).get("/v1/me")["tenant"]["id"]
    site.root.post(f"/admin/tenants/{tenant}/members", email=BOB.email)
    headers = {"x-active-tenant": tenant, "idempotency-key": "one"}
    people = site.browser(ADA), site.browser(BOB)
    tokens = [one.call("POST", "/v1/me/cli-tokens", {}, headers=headers).json() for one in people]
    assert tokens[0]["token"] != tokens[1]["token"]
    assert people[0].call("POST", "/v1/me/cli-tokens", {}, headers=headers).json() == tokens[0]


def test_who_leaves_a_tenant_loses_it_and_the_keys_they_made(site: Site) -> None:
    root, tenant = site.root, site.browser(ADA).get("/v1/me")["tenant"]["id"]
    place = f"/admin/tenants/{tenant}/members"
    root.post(place, email=BOB.email, role="member")
    bob = site.browser(BOB)
    token = bob.call("POST", "/v1/me/cli-tokens", {"tenant_id": tenant}).json()["token"]
    members = {one["email"]: one for one in root.get(place)["data"]}
    assert {email: one["role"] for email, one in members.items()} == {ADA.email: "owner", BOB.email: "member"}
    left = members[BOB.email]["id"]
    assert root.ok("DELETE", f"{place}/{left}") == {"id": left, "type": "tenant_member_deleted"}
    assert root.call("DELETE", f"{place}/{left}").status_code == 404
    assert root.call("DELETE", f"{place}/nonsense").status_code == 404
    assert site.api(token).call("GET", "/v1/me").status_code == 401
    assert bob.call("GET", "/v1/agents", headers={"x-active-tenant": tenant}).status_code == 403
    # Whoever had an invitation used it up: signing in again does not bring them back.
    assert tenant not in [one["id"] for one in site.browser(BOB).get("/v1/me/tenants")["data"]]


def test_a_suspended_tenant_is_closed_to_its_people(site: Site) -> None:
    browser = site.browser(ADA)
    tenant = browser.get("/v1/me")["tenant"]["id"]
    site.root.ok("PATCH", f"/admin/tenants/{tenant}", {"status": "suspended"})
    assert browser.call("GET", "/v1/agents").status_code == 403
    site.root.ok("PATCH", f"/admin/tenants/{tenant}", {"status": "active"})
    assert browser.call("GET", "/v1/agents").status_code == 200


def test_people_reach_nothing_of_the_operators(site: Site) -> None:
    browser = site.browser(ADA)
    tenant = browser.get("/v1/me")["tenant"]["id"]
    assert browser.call("GET", "/admin/tenants").status_code == 403
    assert browser.call("POST", f"/admin/tenants/{tenant}/members", {"email": BOB.email}).status_code == 403
    assert httpx2.get(f"{site.url}/admin/tenants").status_code == 401


def test_nobody_is_invited_without_an_address_or_into_nothing(site: Site) -> None:
    tenant = site.browser(ADA).get("/v1/me")["tenant"]["id"]
    for body in ({"email": "bob"}, {"email": ""}, {}, {"email": BOB.email, "role": "king"}):
        assert site.root.call("POST", f"/admin/tenants/{tenant}/members", body).status_code == 400
    nowhere = f"/admin/tenants/tn_{'0' * 32}/members"
    assert site.root.call("POST", nowhere, {"email": BOB.email}).status_code == 404


def test_what_people_write_into_memory_bears_their_name(site: Site) -> None:
    browser = site.browser(ADA)
    store = browser.call("POST", "/v1/memory_stores", {"name": "Notes"}).json()["id"]
    answer = browser.call("POST", f"/v1/memory_stores/{store}/memories", {"path": "/a", "content": "x"})
    assert answer.status_code == 201
    versions = browser.get(f"/v1/memory_stores/{store}/memory_versions")["data"]
    assert versions[0]["created_by"] == {"type": "user_actor", "user_id": browser.get("/v1/me")["user"]["id"]}


def test_who_is_no_longer_let_in_has_no_session_any_more(site: Site) -> None:
    browser = site.browser(ADA)
    site.services.sign_in._allow = type(site.services.sign_in._allow)(["other.example"])
    assert browser.call("GET", "/v1/me").status_code == 401
