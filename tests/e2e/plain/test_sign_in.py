"""People sign in with a browser: on a server that is not set up for it, and on one whose whole log is read."""

from urllib.parse import parse_qs, urlsplit

import httpx2

from tests.fakes.identity_provider import IdentityProvider
from tests.support.api import SDK_HEADERS, Api
from tests.support.server import Server


def test_a_callback_with_an_unknown_state_is_refused(server: Server) -> None:
    for headers in ({}, SDK_HEADERS):
        answer = httpx2.get(f"{server.url}/v1/oauth/google/callback?code=x&state=unknown", headers=headers)
        assert answer.status_code == 400
        assert "set-cookie" not in answer.headers
        assert answer.json()["error"]["code"] == "unknown_state"


def test_sign_in_routes_need_no_key_and_unknown_paths_are_not_found(server: Server) -> None:
    answers = {
        path: httpx2.get(server.url + path).status_code
        for path in (
            "/auth-info",
            "/v1/oauth/google/authorize",
            "/auth/google/authorize",
            "/v1/oauth/other/authorize",
            "/v1/oauth/google/callback",
            "/auth/nothing",
            "/v1/me",
            "/v1/me/tenants",
        )
    }
    assert list(answers.values()) == [200, 503, 503, 404, 400, 404, 401, 401]
    assert httpx2.get(f"{server.url}/auth/nothing").json()["error"]["type"] == "not_found"


def test_keys_make_neither_tenants_nor_keys_of_users(api: Api) -> None:
    for path in ("/v1/tenants", "/v1/me/cli-tokens"):
        answer = api.call("POST", path, {"name": "x"})
        assert (answer.status_code, answer.json()["error"]["type"]) == (403, "forbidden")


def test_a_whole_sign_in_leaves_no_secret_in_the_log() -> None:
    with IdentityProvider() as idp:
        env = idp.env(LAMBENT_SIGN_IN_ALLOW="example.com", LOG_LEVEL="DEBUG")
        with Server(env) as server, httpx2.Client(base_url=server.url, verify=False) as browser:
            way = idp.decide(browser.get("/v1/oauth/google/authorize").headers["location"])
            assert browser.get(way).status_code == 302
            assert browser.get(way).status_code == 400
            made = browser.post("/v1/me/cli-tokens", headers={"origin": server.url})
            assert made.status_code == 201
            assert browser.post("/auth/sign-out", headers={"sec-fetch-site": "same-origin"}).status_code == 200
            hidden = [*browser.cookies.values(), *idp.codes, *idp.tokens, idp.client_secret, made.json()["token"]]
            hidden += [idp.forms[0]["code_verifier"], parse_qs(urlsplit(way).query)["state"][0]]
            log = server.log()
            assert "signed in" in log
            assert len(hidden) >= 6
            assert [secret for secret in hidden if secret in log] == []
