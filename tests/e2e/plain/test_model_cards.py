"""Model cards: made, tried, changed, listed and removed; which models agents may name; who serves a session."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, text_of, wait_for
from tests.support.trap import Trap

KEY = "sk-kanarienvogel-0123456789"


def card(api: Api, base_url: str, **fields: Any) -> Json:
    """A new card."""
    usual = {"model_id": "mine", "provider": "ant-compatible", "api_key": KEY, "base_url": base_url}
    return api.post("/v1/model_cards", **(usual | fields))


def spans(log: list[Json]) -> list[str]:
    """The models that were asked, in order."""
    return [event["model"] for event in log if event["type"] == "span.model_request_start"]


@pytest.mark.parametrize(
    ("kind", "path", "header", "value"),
    [
        ("ant", "/v1/messages", "x-api-key", KEY),
        ("ant-compatible", "/v1/messages", "x-api-key", KEY),
        ("oai", "/v1/chat/completions", "authorization", f"Bearer {KEY}"),
        ("oai-compatible", "/v1/chat/completions", "authorization", f"Bearer {KEY}"),
    ],
)
@pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/"])
def test_a_new_card_is_tried_with_one_token(
    api: Api, provider: FakeModel, kind: str, path: str, header: str, value: str, end: str
) -> None:
    made = card(api, provider.url + end, provider=kind, model="real", custom_headers={"X-Team": "blue"})
    assert made["probe"] == {"ok": True, "message": None, "reason": None} or made["probe"] == {"ok": True}
    (seen,) = provider.requests
    assert (seen["path"], seen["body"]["model"], seen["body"]["max_tokens"]) == (path, "real", 1)
    assert (seen["headers"][header], seen["headers"]["x-team"]) == (value, "blue")


def test_a_card_shows_everything_but_its_secrets(api: Api, provider: FakeModel) -> None:
    headers = {"X-Team": "kanarienvogel-2", "OpenAI-Organization": "org-1"}
    made = card(api, provider.url, custom_headers=headers, fallbacks=["other"], prices={"input": "1.50", "output": "2"})
    assert made["id"].startswith("mdl_")
    assert (made["type"], made["model_id"], made["model"]) == ("model_card", "mine", "mine")
    assert (made["provider"], made["base_url"], made["is_default"]) == ("ant-compatible", provider.url, False)
    assert made["custom_headers"] == {"x-team": "[hidden]", "openai-organization": "org-1"}
    assert (made["api_key_preview"], made["archived_at"], made["fallbacks"]) == ("6789", None, ["other"])
    assert made["prices"] == {"input": "1.50", "output": "2", "cache_read": None, "cache_write": None}
    shown = [api.call("GET", path).text for path in (f"/v1/model_cards/{made['id']}", "/v1/model_cards")]
    assert all("kanarienvogel" not in text and '"6789"' in text for text in shown)


def test_a_refused_key_is_told_and_the_card_is_kept(api: Api) -> None:
    with Trap("no such key: {received}") as trap:
        made = card(api, trap.url, custom_headers={"x-other": "kanarienvogel-3"})
    assert made["probe"]["ok"] is False
    assert made["probe"]["message"].startswith("Provider returned HTTP 401: no such key")
    assert "kanarienvogel" not in str(made)
    assert api.get(f"/v1/model_cards/{made['id']}")["model_id"] == "mine"


def test_an_address_that_hangs_or_drips_is_left_soon(api: Api) -> None:
    with Trap() as silent, Trap("x" * 500, drip=0.05) as slow, ThreadPoolExecutor(2) as pool:
        before = time.monotonic()
        urls = {"silent": silent.url, "slow": slow.url}
        made = list(pool.map(lambda name: card(api, urls[name], model_id=name), urls))
        assert time.monotonic() - before < 6.5
    assert [one["probe"]["ok"] for one in made] == [False, False]
    assert all(one["probe"]["message"].startswith("Probe failed: ") for one in made)


def test_a_redirect_is_not_followed(api: Api, provider: FakeModel) -> None:
    with Trap("", f"307 Temporary Redirect\r\nlocation: {provider.url}/v1/messages") as trap:
        made = card(api, trap.url)
        assert made["probe"]["message"].startswith("Provider returned HTTP 307")
        log = api.turn(api.session(api.agent(model="mine")), "hello")
    assert provider.requests == []
    assert [event["error"]["type"] for event in log if event["type"] == "session.error"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model_id", None),
        ("model_id", ""),
        ("model_id", "default"),
        ("provider", None),
        ("provider", "moon"),
        ("api_key", None),
        ("api_key", ""),
        ("api_key", "two\nlines"),
        ("base_url", "ftp://provider.example"),
        ("base_url", "https://user:kanarienvogel@provider.example"),
        ("base_url", "https://provider.example/?key=kanarienvogel"),
        ("custom_headers", ["x"]),
        ("custom_headers", {"Host": "inner"}),
        ("custom_headers", {"x y": "z"}),
        ("custom_headers", {"x": "kanarienvogel\r\ny: z"}),
        ("custom_headers", {"x": "[hidden]"}),
        ("fallbacks", ["mine"]),
        ("fallbacks", ["a", "a"]),
        ("prices", {"input": "1"}),
        ("prices", {"input": "-1", "output": "1"}),
        ("prices", {"input": "1e3", "output": "1"}),
    ],
)
def test_a_field_that_cannot_be_is_refused_by_name(api: Api, field: str, value: Any) -> None:
    body = {"model_id": "mine", "provider": "oai", "api_key": KEY, field: value}
    answer = api.call("POST", "/v1/model_cards", body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith(field)
    assert "kanarienvogel" not in answer.text


def test_a_missing_field_is_refused_by_name(api: Api) -> None:
    whole = {"model_id": "mine", "provider": "oai", "api_key": KEY}
    for field in whole:
        answer = api.call("POST", "/v1/model_cards", {name: text for name, text in whole.items() if name != field})
        assert (answer.status_code, answer.json()["error"]["message"]) == (400, f"{field}: field required")


def test_a_name_is_taken_until_its_card_goes(api: Api, provider: FakeModel) -> None:
    first = card(api, provider.url)
    again = {"model_id": "mine", "provider": "oai", "api_key": KEY, "base_url": provider.url}
    answer = api.call("POST", "/v1/model_cards", again)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "model_id_taken")
    second = card(api, provider.url, model_id="other")
    assert api.call("PATCH", f"/v1/model_cards/{second['id']}", {"model_id": "mine"}).status_code == 409
    archived = api.post(f"/v1/model_cards/{first['id']}/archive")
    assert api.post(f"/v1/model_cards/{first['id']}/archive") == archived
    assert api.call("PATCH", f"/v1/model_cards/{first['id']}", {"model": "x"}).status_code == 400
    assert api.ok("PATCH", f"/v1/model_cards/{second['id']}", {"model_id": "mine"})["model"] == "mine"
    assert api.ok("DELETE", f"/v1/model_cards/{second['id']}") == {"id": second["id"], "type": "model_card_deleted"}
    assert api.call("DELETE", f"/v1/model_cards/{second['id']}").status_code == 404
    assert api.call("POST", "/v1/model_cards", again).status_code == 201
    shown = {how: _ids(api, **query) for how, query in _FILTERS.items()}
    assert shown["active"] == shown["usual"]
    assert shown["archived"] == [first["id"]]
    assert set(shown["any"]) == {*shown["active"], first["id"]}


_FILTERS: dict[str, Json] = {
    "usual": {},
    "active": {"archived": "false"},
    "archived": {"archived": "true"},
    "any": {"status": "any"},
}


def _ids(api: Api, **query: Any) -> list[str]:
    return [one["id"] for one in api.get("/v1/model_cards", **query)["data"]]


def test_lists_are_filtered_and_paged(api: Api, provider: FakeModel) -> None:
    made = [card(api, provider.url, model_id=f"Model-{n}", provider=("oai", "ant")[n % 2])["id"] for n in range(5)]
    assert _ids(api) == made[::-1]
    assert _ids(api, provider="oai") == [made[4], made[2], made[0]]
    assert _ids(api, q="mODEL-3") == [made[3]]
    first = api.get("/v1/model_cards", limit=3)
    assert _ids(api, limit=3, page=first["next_page"]) == made[1::-1]
    answer = api.call("GET", "/v1/model_cards?provider=foo")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_provider")
    assert api.call("GET", "/v1/model_cards?status=bogus").json()["error"]["code"] == "invalid_status"


@pytest.mark.parametrize("verb", ["POST", "PATCH", "PUT"])
def test_an_update_is_partial_and_tries_nothing(api: Api, provider: FakeModel, verb: str) -> None:
    made = card(api, provider.url, model="real", custom_headers={"x-a": "1", "x-b": "2"}, fallbacks=["f"])
    provider.reset()
    path = f"/v1/model_cards/{made['id']}"
    after = api.ok(verb, path, {"api_key": "sk-another-key-9999"})
    unlike = {name for name in after if after[name] != made[name]}
    assert unlike == {"api_key_preview", "updated_at"}
    assert after["api_key_preview"] == "9999"
    assert "probe" not in after
    after = api.ok(verb, path, {"custom_headers": {"x-a": "[hidden]", "x-c": "3"}})
    assert after["custom_headers"] == {"x-a": "[hidden]", "x-c": "[hidden]"}
    cleared: Json = {"base_url": None, "custom_headers": "", "fallbacks": None, "prices": None}
    after = api.ok(verb, path, cleared)
    assert (after["base_url"], after["custom_headers"], after["fallbacks"]) == (None, None, [])
    assert api.call(verb, path, {"api_key": None}).status_code == 400
    assert provider.requests == []


def test_a_kept_header_is_sent_as_it_was(api: Api, provider: FakeModel) -> None:
    made = card(api, provider.url, custom_headers={"x-a": "first"})
    api.ok("PATCH", f"/v1/model_cards/{made['id']}", {"custom_headers": {"x-a": "[hidden]", "x-b": "second"}})
    api.turn(api.session(api.agent(model="mine")), "tokens:2 kept")
    (seen,) = provider.requests_of("kept")
    assert (seen["headers"]["x-a"], seen["headers"]["x-b"]) == ("first", "second")


def test_only_the_later_default_is_the_default(api: Api, provider: FakeModel) -> None:
    first = card(api, provider.url, model_id="a", is_default=True)
    second = card(api, provider.url, model_id="b", is_default=True)

    def defaults() -> list[str]:
        return [one["id"] for one in api.get("/v1/model_cards")["data"] if one["is_default"]]

    assert first["is_default"]
    assert defaults() == [second["id"]]
    assert api.ok("PATCH", f"/v1/model_cards/{first['id']}", {"is_default": True})["is_default"]
    assert defaults() == [first["id"]]
    api.ok("PATCH", f"/v1/model_cards/{first['id']}", {"is_default": False})
    assert defaults() == []


def test_many_who_set_the_default_at_once_leave_one(api: Api, provider: FakeModel) -> None:
    made = [card(api, provider.url, model_id=f"m{number}")["id"] for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda one: api.call("PATCH", f"/v1/model_cards/{one}", {"is_default": True}), made)
        assert {answer.status_code for answer in answers} == {200}
    assert len([one for one in api.get("/v1/model_cards")["data"] if one["is_default"]]) == 1


def test_of_many_who_want_a_name_one_gets_it(api: Api, provider: FakeModel) -> None:
    body = {"model_id": "mine", "provider": "oai", "api_key": KEY, "base_url": provider.url}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: api.call("POST", "/v1/model_cards", body), "abcd"))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


def test_a_repeated_request_makes_one_card(api: Api, provider: FakeModel) -> None:
    body = {"model_id": "mine", "provider": "oai", "api_key": KEY, "base_url": provider.url}
    answers = [api.call("POST", "/v1/model_cards", body, headers={"Idempotency-Key": "k"}) for _ in "ab"]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert len(_ids(api)) == 1


def test_nobody_is_given_a_key(api: Api, sdk_api: Api, provider: FakeModel) -> None:
    made = card(api, provider.url)
    for client in (api, sdk_api):
        answer = client.call("GET", f"/v1/model_cards/{made['id']}/key")
        assert answer.status_code == 404
        assert KEY not in answer.text


def test_with_a_card_agents_name_models_of_cards_alone(api: Api, sdk_api: Api, provider: FakeModel) -> None:
    old = api.agent(model="anything")
    made = card(api, provider.url)
    for client in (api, sdk_api):
        answer = client.call("POST", "/v1/agents", {"name": "x", "model": "anything"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "model_not_served")
        body = {"name": "x", "model": "mine", "_oma": {"aux_model": "anything"}}
        answer = client.call("POST", "/v1/agents", body)
        assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (400, "_oma.aux_model")
        body["_oma"] = {"aux_model": {"id": "mine"}}
        assert client.call("POST", "/v1/agents", body).status_code == 201
    path = f"/v1/agents/{old['id']}"
    assert api.call("PATCH", path, {"model": "other"}).status_code == 400
    assert api.call("POST", "/v1/agents", {"name": "x", "model": "default"}).status_code == 400
    assert api.ok("PATCH", path, {"system": "x"})["model"]["id"] == "anything"
    override = {"type": "agent_with_overrides", "id": old["id"], "model": "other"}
    body = {"agent": override, "environment_id": api.environment()["id"]}
    assert api.call("POST", "/v1/sessions", body).json()["error"]["code"] == "model_not_served"
    api.ok("DELETE", f"/v1/model_cards/{made['id']}")
    assert api.call("PATCH", path, {"model": "other"}).status_code == 200
    assert api.call("POST", "/v1/agents", {"name": "x", "model": "anything"}).status_code == 201


def test_cards_bind_their_own_tenant_alone(api: Api, stranger: Api, provider: FakeModel) -> None:
    card(api, provider.url)
    assert stranger.get("/v1/model_cards")["data"] == []
    log = stranger.turn(stranger.session(stranger.agent(model="mine")), "tokens:2")
    assert text_of(log) == ["hi word"]
    assert [seen for seen in provider.requests if seen["stream"]] == []


@pytest.mark.parametrize("kind", ["ant-compatible", "oai-compatible", "ant", "oai"])
def test_a_session_is_served_by_the_card_its_agent_names(
    api: Api, model: FakeModel, provider: FakeModel, kind: str
) -> None:
    card(api, provider.url, provider=kind, model="real", custom_headers={"x-team": "blue"})
    session = api.session(api.agent(model="mine"))
    log = api.turn(session, "tokens:3 served")
    assert text_of(log) == ["hi word word"]
    assert spans(log) == ["mine"]
    (seen,) = provider.requests_of("served")
    header, value = ("x-api-key", KEY) if kind.startswith("ant") else ("authorization", f"Bearer {KEY}")
    assert (seen["headers"][header], seen["headers"]["x-team"], seen["body"]["model"]) == (value, "blue", "real")
    assert "provider-key" not in str(seen["headers"])
    assert not [name for name in seen["headers"] if name.startswith("x-stainless")]
    assert model.requests == []


def test_the_first_card_of_a_tenant_counts_from_the_next_run(api: Api, model: FakeModel, provider: FakeModel) -> None:
    session = api.session(api.agent(model="mine"))
    api.turn(session, "tokens:2 before")
    card(api, provider.url)
    api.turn(session, "tokens:2 after")
    assert len(model.requests_of("before")) == 1
    assert [seen["path"] for seen in provider.requests_of("after")] == ["/v1/messages"]


def test_the_default_card_stands_for_the_default_model(api: Api, model: FakeModel, provider: FakeModel) -> None:
    card(api, provider.url, is_default=True)
    log = api.turn(api.session(api.agent(model="default")), "tokens:2 default")
    assert spans(log) == ["mine"]
    assert len(provider.requests_of("default")) == 1
    assert model.requests == []


def test_a_running_turn_keeps_its_key_and_the_next_has_the_new_one(api: Api, provider: FakeModel) -> None:
    made = card(api, provider.url)
    tool = {"type": "custom", "name": "t", "description": "d", "input_schema": {"type": "object"}}
    tool["execution"] = {"type": "http", "endpoint": f"{provider.url}/count_tokens"}
    session = api.session(api.agent(model="mine", tools=[tool]))
    provider.hold(match="rotation")
    api.say(session, "tools:1 tokens:2 rotation")
    provider.wait_held()
    after = api.ok("PATCH", f"/v1/model_cards/{made['id']}", {"api_key": "sk-second-key-4321"})
    assert after["api_key_preview"] == "4321"
    provider.release()
    api.wait_idle(session)
    assert [seen["headers"]["x-api-key"] for seen in provider.requests_of("rotation")] == [KEY, KEY]
    assert text_of(api.log(session)) == ["hi word"]
    api.turn(session, "tokens:2 later")
    api.turn(api.session(api.agent(model="mine")), "tokens:2 later")
    assert {seen["headers"]["x-api-key"] for seen in provider.requests_of("later")} == {"sk-second-key-4321"}


def test_a_deleted_card_ends_no_running_turn(api: Api, model: FakeModel, provider: FakeModel) -> None:
    made = card(api, provider.url)
    session = api.session(api.agent(model="mine"))
    provider.hold(after_tokens=1, match="gone")
    api.say(session, "tokens:3 gone")
    provider.wait_held()
    api.ok("DELETE", f"/v1/model_cards/{made['id']}")
    provider.release()
    api.wait_idle(session)
    assert text_of(api.log(session)) == ["hi word word"]
    api.turn(session, "tokens:2 afterwards")
    assert len(model.requests_of("afterwards")) == 1


def test_the_list_of_models_holds_those_of_cards(api: Api, sdk_api: Api, provider: FakeModel) -> None:
    usual = {one["id"] for one in api.get("/v1/models")["data"]}
    card(api, provider.url, model_id="team/mine", provider="oai", fallbacks=["x"])
    plain = api.get("/v1/models")["data"]
    assert {one["id"] for one in plain} == usual | {"team/mine"}
    assert plain[0]["owned_by"] == "openai"
    assert time.time() - plain[0]["created"] < 60
    shown = sdk_api.get("/v1/models/team%2Fmine")
    assert (shown["type"], shown["display_name"], shown["allowed_fallback_models"]) == ("model", "team/mine", ["x"])
    assert {"id": "team/mine", "name": "team/mine"} in api.get("/v1/models/list")["data"]


def test_a_provider_is_asked_for_its_models(api: Api, provider: FakeModel) -> None:
    body = {"provider": "oai", "api_key": KEY, "base_url": provider.url}
    shown = api.post("/v1/models/list", **body)["data"]
    assert shown == [{"id": name, "name": name} for name in ("fake", "claude-fake", "gpt-fake")]
    with Trap("bad key {received}") as trap:
        answer = api.call("POST", "/v1/models/list", body | {"base_url": trap.url})
    assert (answer.status_code, answer.json()["error"]["type"]) == (502, "internal_error")
    assert "HTTP 401" in answer.text
    assert KEY not in answer.text
    assert api.call("POST", "/v1/models/list", {"provider": "oai"}).status_code == 400


def test_a_turn_goes_on_with_the_next_model_while_the_first_cannot_be_had(
    api: Api, model: FakeModel, provider: FakeModel
) -> None:
    card(api, provider.url, fallbacks=["embedded/none", "second", "claude-server"])
    with FakeModel() as other:
        card(api, other.url, model_id="second", prices={"input": "1", "output": "2"})
        provider.script(*[{"error": {"status": 529, "message": "busy"}, "match": "chain"}] * 4)
        session = api.session(api.agent(model="mine"))
        log = api.turn(session, "tokens:3 chain")
        assert text_of(log) == ["hi word word"]
        assert spans(log) == ["mine"] * 4 + ["second"]
        ends = [event["model"] for event in log if event["type"] == "span.model_request_end"]
        assert ends == spans(log)
        (warning,) = [event for event in log if event["type"] == "session.warning"]
        assert warning["source"] == "model_fallback"
        assert (warning["details"]["from"], warning["details"]["to"]) == ("mine", "second")
        assert not [event for event in log if event["type"] == "session.error"]
        assert api.get(f"/v1/sessions/{session}")["usage"]["cost_usd"] == "0.000016"
        other.script(*[{"error": {"status": 500}, "match": "deeper"}] * 4)
        provider.script(*[{"error": {"status": 429}, "match": "deeper"}] * 4)
        log = api.turn(session, "tokens:2 deeper")
    assert spans(log)[5:] == ["mine"] * 4 + ["second"] * 4 + ["claude-server"]
    assert len(model.requests_of("deeper")) == 1


def test_a_refused_connection_falls_back_and_a_refused_key_does_not(
    api: Api, model: FakeModel, provider: FakeModel
) -> None:
    with Trap() as gone:
        address = gone.url
    made = card(api, address, fallbacks=["claude-server"])
    session = api.session(api.agent(model="mine"))
    assert spans(api.turn(session, "tokens:2"))[-1] == "claude-server"
    api.ok("PATCH", f"/v1/model_cards/{made['id']}", {"base_url": provider.url})
    log = api.turn(session, "error:401 leak")
    assert spans(log)[5:] == ["mine"]
    (error,) = [event for event in log if event["type"] == "session.error"]
    assert KEY not in str(error)


def test_an_answer_that_had_begun_is_not_left_to_another_model(api: Api, provider: FakeModel) -> None:
    card(api, provider.url, fallbacks=["claude-server"])
    log = api.turn(api.session(api.agent(model="mine")), "tokens:9 fail:3")
    assert set(spans(log)) == {"mine"}
    assert [event["type"] for event in log].count("session.error") == 1


def test_a_turn_without_a_chain_ends_as_ever(api: Api, provider: FakeModel) -> None:
    card(api, provider.url)
    log = api.turn(api.session(api.agent(model="mine")), "error:529")
    assert spans(log) == ["mine"] * 4
    assert [event["type"] for event in log].count("session.error") == 1


def test_prices_of_a_card_decide_what_its_calls_cost(api: Api, provider: FakeModel) -> None:
    prices = {"input": "0.25", "output": "1.5", "cache_read": "0.01"}
    card(api, provider.url, prices=prices)
    session = api.session(api.agent(model="mine"))
    api.turn(session, "tokens:4 cached:100")
    assert api.get(f"/v1/sessions/{session}")["usage"]["cost_usd"] == "0.0000095"


def test_a_hundred_cards_are_enough(api: Api) -> None:
    with Trap("no") as trap:
        body = {"provider": "oai", "api_key": KEY, "base_url": trap.url}
        with ThreadPoolExecutor(4) as pool:
            made = pool.map(lambda n: api.call("POST", "/v1/model_cards", body | {"model_id": f"m{n}"}), range(100))
            assert {answer.status_code for answer in made} == {201}
        answer = api.call("POST", "/v1/model_cards", body | {"model_id": "one more"})
    assert answer.status_code == 400
    assert wait_for(lambda: api.get("/v1/stats")["model_cards"] == 100, "the count")
