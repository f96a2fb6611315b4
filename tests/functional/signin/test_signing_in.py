"""From the first click to the session cookie: whom the way back is open to, and where it leads."""

import threading
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.core.clock import now_ms
from chalicelib.signin import tickets
from tests.fakes.identity_provider import IdentityProvider, Person
from tests.functional.signin.conftest import ADA, BOB, COOKIE, PATH, Browser, Site


def refused(browser: Browser, path: str, code: str | None = "unknown_state", status: int = 400) -> None:
    """The way back is closed, and no session begins."""
    answer = browser.call("GET", path)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"].get("code") == code
    assert COOKIE not in browser.client.cookies
    assert browser.call("GET", "/v1/me").status_code == 401


def test_a_person_signs_in_and_has_a_tenant_of_their_own(site: Site) -> None:
    browser = site.browser()
    asked = parse_qs(urlsplit(browser.begin()).query)
    assert asked["scope"] == ["openid email profile"]
    assert asked["redirect_uri"] == [f"{site.url}{PATH}/callback"]
    answer = browser.sign_in(ADA)
    assert (answer.status_code, answer.headers["location"]) == (302, f"{site.url}/")
    kept = answer.headers["set-cookie"]
    assert all(flag in kept for flag in ("HttpOnly", "SameSite=Lax", "Path=/"))
    assert "Secure" not in kept
    me = browser.get("/v1/me")
    assert (me["user"]["email"], me["user"]["name"], me["api_key"]) == ("ada@example.com", "Ada", None)
    assert [(one["id"], one["role"]) for one in me["tenants"]] == [(me["tenant"]["id"], "owner")]
    assert browser.get("/v1/me/tenants")["data"] == me["tenants"]
    made = browser.call("POST", "/v1/agents", {"name": "A", "model": "claude-test"})
    assert made.status_code == 201
    assert browser.get(f"/v1/agents/{made.json()['id']}")["name"] == "A"


def test_the_same_person_comes_back_to_the_same_tenant_whatever_their_address(site: Site) -> None:
    first = site.browser(ADA).get("/v1/me")
    again = site.browser(Person("1", "ada.l@example.com", "Ada L.")).get("/v1/me")
    assert again["user"] == {"id": first["user"]["id"], "email": "ada.l@example.com", "name": "Ada L."}
    assert again["tenant"] == first["tenant"]
    other = site.browser(Person("3", "ada@example.com")).get("/v1/me")
    assert other["tenant"]["id"] != first["tenant"]["id"]


def test_two_first_sign_ins_at_once_make_one_tenant(site: Site) -> None:
    browsers = [site.browser() for _ in range(4)]
    ways = [site.idp.decide(browser.begin(), ADA) for browser in browsers]
    ends = zip(browsers, ways, strict=True)
    threads = [threading.Thread(target=browser.call, args=("GET", way)) for browser, way in ends]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({browser.get("/v1/me")["tenant"]["id"] for browser in browsers}) == 1


def test_the_other_paths_lead_the_same_way(site: Site) -> None:
    browser = site.browser()
    way = site.idp.decide(browser.begin("/auth/google/authorize"), ADA)
    assert browser.call("GET", way.replace("/v1/oauth/", "/auth/")).status_code == 302
    assert browser.get("/v1/me")["user"]["email"] == ADA.email


def test_over_tls_the_cookie_is_bound_to_the_host(site: Site) -> None:
    site.services.settings = site.services.settings.__class__(
        **{name: getattr(site.services.settings, name) for name in site.services.settings.__slots__}
        | {"public_url": "https://agents.example.com"}
    )
    answer = site.browser().call("GET", f"{PATH}/authorize")
    kept = answer.headers["set-cookie"]
    assert kept.startswith("__Host-lambent_sign_in=")
    assert "; Secure" in kept
    assert "Domain" not in kept
    asked = parse_qs(urlsplit(answer.headers["location"]).query)
    assert asked["redirect_uri"] == ["https://agents.example.com/v1/oauth/google/callback"]


@pytest.mark.parametrize(
    "query", ["", "?code=x", "?state=x", "?state=&code=", "?code=x&state=unknown", "?error=access_denied&state=unknown"]
)
def test_a_way_back_without_code_or_known_state_is_closed(site: Site, query: str) -> None:
    browser = site.browser()
    browser.begin()
    refused(browser, f"{PATH}/callback{query}")
    assert site.idp.forms == []


def test_a_state_is_for_one_use(site: Site) -> None:
    browser = site.browser()
    way = site.idp.decide(browser.begin(), ADA)
    cookies = dict(browser.client.cookies)
    assert browser.call("GET", way).status_code == 302
    again = site.browser()
    again.client.cookies.update(cookies)
    refused(again, way)
    assert len(site.idp.forms) == 1


def test_a_state_used_at_once_by_many_is_used_by_one(site: Site) -> None:
    browser = site.browser()
    way = site.idp.decide(browser.begin(), ADA)
    statuses: list[int] = []
    cookies = dict(browser.client.cookies)

    def come() -> None:
        statuses.append(
            browser.call("GET", way, headers={"cookie": f"lambent_sign_in={cookies['lambent_sign_in']}"}).status_code
        )

    threads = [threading.Thread(target=come) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [302] + [400] * 5
    assert len(site.idp.forms) == 1


def test_a_state_belongs_to_the_browser_that_set_out(site: Site) -> None:
    attacker, victim = site.browser(), site.browser()
    way = site.idp.decide(attacker.begin(), ADA)
    refused(victim, way)
    victim.begin()
    refused(victim, way)
    assert site.idp.forms == []


def test_a_state_does_not_last(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = site.browser()
    way = site.idp.decide(browser.begin(), ADA)
    now = now_ms()
    monkeypatch.setattr(tickets, "now_ms", lambda: now + tickets.SECONDS * 1000)
    refused(browser, way)


def test_a_cookie_cannot_be_altered(site: Site) -> None:
    browser = site.browser()
    way = site.idp.decide(browser.begin("/v1/oauth/google/authorize?return_to=/a"), ADA)
    genuine = browser.client.cookies["lambent_sign_in"]
    nonce, issued, place = genuine.split(".")
    for forged in (
        f"{nonce}.{int(issued) + 9}.{place}",
        f"{nonce}.{issued}.Ly9ldmls",
        f"{nonce}.{issued}.",
        "x",
        "..",
        "é",
    ):
        answer = site.browser().call("GET", way, headers={"cookie": f"lambent_sign_in={forged}".encode()})
        assert answer.status_code == 400, forged
    assert site.idp.forms == []


def test_a_code_is_taken_once_and_only_if_the_provider_gave_it(site: Site) -> None:
    browser = site.browser()
    way = site.idp.decide(browser.begin(), ADA)
    refused(browser, way.replace("code=", "code=x"), "code_refused")


def test_a_person_who_does_not_agree_stays_outside(site: Site) -> None:
    browser = site.browser()
    state = parse_qs(urlsplit(browser.begin()).query)["state"][0]
    refused(browser, f"{PATH}/callback?error=access_denied&state={state}", "sign_in_refused")
    refused(browser, f"{PATH}/callback?code=x&state={state}")


@pytest.mark.parametrize("instead", [b"", b"[]", b'{"email": "ada@example.com"}', b'{"sub": ""}', b'{"sub": 7}'])
def test_a_provider_that_does_not_tell_who_it_is_lets_nobody_in(site: Site, instead: bytes) -> None:
    browser = site.browser()
    refused(browser, site.idp.decide(browser.begin(), Person("9", "", instead=instead)), None, 502)


def test_a_provider_that_fails_lets_nobody_in(site: Site) -> None:
    site.idp.token_status = 500
    browser = site.browser()
    refused(browser, site.idp.decide(browser.begin(), ADA), None, 502)


@pytest.mark.parametrize(
    ("person", "code"),
    [
        (Person("5", "eve@evil.net"), "email_not_allowed"),
        (Person("5", "eve@example.com.evil.net"), "email_not_allowed"),
        (Person("5", "eve@example.com", verified=False), "email_not_verified"),
        (Person("5", "eve@example.com", verified="false"), "email_not_verified"),
        (
            Person("5", "eve@example.com", verified=None, instead=b'{"sub": "5", "email": "eve@example.com"}'),
            "email_not_verified",
        ),
        (Person("5", "eve@evil.net@example.com"), "email_not_verified"),
        (Person("5", ""), "email_not_verified"),
    ],
)
def test_only_verified_addresses_of_the_operators_choice_come_in(site: Site, person: Person, code: str) -> None:
    browser = site.browser()
    refused(browser, site.idp.decide(browser.begin(), person), code, 403)


def test_where_the_operator_makes_the_tenants_people_need_an_invitation(start: Callable[..., Site]) -> None:
    site = start(LAMBENT_SIGN_IN_MAKES_TENANTS="false")
    browser = site.browser()
    refused(browser, site.idp.decide(browser.begin(), ADA), "no_tenant", 403)
    tenant = site.root.post("/admin/tenants", name="Acme")["id"]
    site.root.post(f"/admin/tenants/{tenant}/members", email="Ada@example.com", role="owner")
    assert site.browser(ADA).get("/v1/me")["tenants"] == [{"id": tenant, "name": "Acme", "role": "owner"}]
    refused_too = site.browser(ADA).call("POST", "/v1/tenants", {"name": "mine"})
    assert (refused_too.status_code, refused_too.json()["error"]["code"]) == (403, "tenants_not_made")
    refused(site.browser(), site.idp.decide(browser.begin(), BOB), status=400)


@pytest.mark.parametrize("place", ["//evil.net", "https://evil.net", "/\\evil.net", "/%09/evil.net%0d", "javascript:x"])
def test_nobody_is_sent_to_another_site(site: Site, place: str) -> None:
    answer = site.browser().call("GET", f"{PATH}/authorize", params={"return_to": place})
    if "%" in place:
        answer = site.browser().call("GET", f"{PATH}/authorize?return_to={place}")
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_people_come_back_to_the_page_they_asked_for(start: Callable[..., Site]) -> None:
    site = start(LAMBENT_CONSOLE_URL="https://console.example.com/app")
    browser = site.browser()
    assert browser.sign_in(ADA).headers["location"] == "https://console.example.com/app"
    way = site.idp.decide(browser.begin(f"{PATH}/authorize?return_to=/sessions%3Fa=b"), ADA)
    assert browser.call("GET", way).headers["location"] == "https://console.example.com/sessions?a=b"


def test_a_planted_session_is_not_taken_over(site: Site) -> None:
    attacker = site.browser(BOB)
    victim = site.browser()
    for planted in (attacker.secret, "a" * 43):
        victim.client.cookies.clear()
        victim.client.cookies.set(COOKIE, planted)
        way = site.idp.decide(victim.begin(), ADA)
        kept = victim.call("GET", way).headers["set-cookie"]
        assert planted not in kept
    assert attacker.call("GET", "/v1/me").status_code == 401


def test_unknown_providers_and_those_not_set_up(start: Callable[..., Site]) -> None:
    site = start(LAMBENT_SIGN_IN_CLIENT_SECRET="")
    browser = site.browser()
    assert browser.call("GET", f"{PATH}/authorize").status_code == 503
    assert browser.call("GET", "/v1/oauth/nobody/authorize").status_code == 404
    assert browser.call("GET", "/auth/nobody/callback?code=a&state=b").status_code == 404
    refused(browser, f"{PATH}/callback?code=a&state=b")
    assert browser.get("/auth-info") == {"methods": ["api_key"], "providers": []}


def test_the_ways_in_are_told(site: Site) -> None:
    told = site.browser().get("/auth-info")
    assert told == {
        "methods": ["api_key", "google"],
        "providers": [{"name": "google", "authorize_url": "/v1/oauth/google/authorize"}],
    }


def test_no_secret_is_stored(site: Site, idp: IdentityProvider) -> None:
    browser = site.browser()
    way = site.idp.decide(browser.begin(), ADA)
    ticket = browser.client.cookies["lambent_sign_in"]
    assert browser.call("GET", way).status_code == 302
    once = {"idempotency-key": "one"}
    token = browser.call("POST", "/v1/me/cli-tokens", {}, headers=once).json()["token"]
    state = parse_qs(urlsplit(way).query)["state"][0]
    verifier = idp.forms[0]["code_verifier"]
    hidden = [browser.secret, ticket, state, verifier, token, idp.client_secret, *idp.codes, *idp.tokens]
    rows = str(site.services._client("dynamodb").scan(TableName=site.services.settings.table)["Items"])
    assert "ada@example.com" in rows
    assert [secret for secret in hidden if secret in rows] == []
