"""Chats with bare models: another model of the chain answers while the first cannot be had, and what they cost is told.

The rules of a chain are those of agents' turns. What a chat cost stands in the cost report under the model that
answered, marked as a bare model's, and for the end user it was asked for.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.e2e.openai_sdk.helpers import joined, reasons, user
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, wait_for

PRICES = {"input": "1000", "output": "1000"}
"""USD per million tokens, so a token costs a tenth of a cent."""
CLAUDE: Json = {"model": "claude-test", **PRICES}


def card(api: Api, base_url: str, **fields: Any) -> Json:
    """A new card, which falls back to a model of the server."""
    usual = {"model_id": "mine", "provider": "ant-compatible", "api_key": "k" * 20, "base_url": base_url}
    return api.post("/v1/model_cards", **(usual | {"fallbacks": ["claude-test"], "prices": PRICES} | fields))


def chat(client: OpenAI, text: str, *, stream: bool, **more: Any) -> tuple[str, set[str]]:
    """What was answered, and who answered."""
    asked: dict[str, Any] = {"model": "mine", "messages": [user(text)], **more}
    if stream:
        chunks = list(client.chat.completions.create(**asked, stream=True))
        assert reasons(chunks) == ["stop"]
        return joined(chunks), {chunk.model for chunk in chunks}
    done = client.chat.completions.create(**asked)
    return done.choices[0].message.content or "", {done.model}


def limit(api: Api, cents: int, **more: Any) -> Json:
    """A new limit of the tenant."""
    return api.post("/v1/spending_limits", **({"scope": "tenant", "max_list_cost": {"amount": str(cents)}} | more))


def counted(api: Api, made: Json) -> tuple[str, str]:
    """What a limit shows as spent and as reserved."""
    shown = api.get(f"/v1/spending_limits/{made['id']}")
    return shown["spent_usd"], shown["reserved_usd"]


def report(api: Api, calls: int, **query: Any) -> Json:
    """The cost report, once so many calls are in it."""
    found: list[Json] = []

    def complete() -> bool:
        found[:] = [api.get("/v1/cost_report", **query)]
        return bool(found[0]["total"]["model_calls"] >= calls)

    wait_for(complete, "the calls to be counted")
    return found[0]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_the_next_model_answers_while_the_first_cannot_be_had(
    api: Api, client: OpenAI, model: FakeModel, provider: FakeModel, stream: bool
) -> None:
    card(api, provider.url, fallbacks=["embedded/none", "second", "claude-test"])
    card(api, provider.url, model_id="second", model="own", provider="oai-compatible", fallbacks=[])
    provider.script(*[{"error": {"status": status}, "match": "chained"} for status in (529, 500)])
    assert chat(client, "tokens:3 chained", stream=stream) == ("hi word word", {"claude-test"})
    assert [one["body"]["model"] for one in provider.requests_of("chained")] == ["mine", "own"]
    assert len(model.requests_of("chained")) == 1
    provider.script({"error": {"status": 429}, "match": "once more"})
    assert chat(client, "tokens:2 once more", stream=stream) == ("hi word", {"second"})
    assert chat(client, "tokens:1 alone", stream=stream) == ("hi", {"mine"})
    total = report(api, 3)
    assert {one["model"]: one["model_calls"] for one in total["models"]} == {"claude-test": 1, "second": 1, "mine": 1}


def test_the_default_card_is_named_by_its_own_id(api: Api, client: OpenAI, provider: FakeModel) -> None:
    card(api, provider.url, is_default=True)
    assert chat(client, "tokens:1", stream=False, model="default") == ("hi", {"mine"})


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("text", "raised"),
    [
        ("error:400", openai.BadRequestError),
        ("error:401", openai.BadRequestError),
        ("tokens:9 fail:3", openai.APIError),
        ("tokens:9 drop:3", openai.APIError),
    ],
)
def test_a_refusal_and_an_answer_that_had_begun_are_not_left_to_another_model(
    api: Api,
    client: OpenAI,
    model: FakeModel,
    provider: FakeModel,
    text: str,
    raised: type[openai.APIError],
    stream: bool,
) -> None:
    card(api, provider.url)
    with pytest.raises(raised):
        chat(client, f"{text} kept", stream=stream)
    assert len(provider.requests_of("kept")) == 1
    assert model.requests_of("kept") == []


def test_what_only_the_first_model_can_do_is_not_refused_for_the_others_sake(
    api: Api, client: OpenAI, provider: FakeModel
) -> None:
    card(api, provider.url, provider="oai-compatible")
    assert chat(client, "tokens:1 seeded", stream=False, seed=7)[1] == {"mine"}
    with pytest.raises(openai.RateLimitError):
        chat(client, "error:429 seeded", stream=False, seed=7)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_each_attempt_reserves_at_its_own_price_and_only_the_answer_costs(
    api: Api, client: OpenAI, model: FakeModel, provider: FakeModel, stream: bool
) -> None:
    card(api, provider.url)
    api.ok("PUT", "/v1/cost_report/pricing", CLAUDE | {"output": "2000"})
    made = limit(api, 1000)
    provider.hold(at="arrival", match="held")
    provider.script({"error": {"status": 529}, "match": "held"})
    model.hold(at="arrival", match="held")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(chat, client, "tokens:5 held", stream=stream, max_tokens=1000)
        provider.wait_held(1)
        first = float(counted(api, made)[1])
        provider.release()
        model.wait_held(1)
        second = float(counted(api, made)[1])
        model.release()
        assert asked.result(20)[1] == {"claude-test"}
    assert (1 < first < 1.1, 2 < second < 2.1) == (True, True)
    wait_for(lambda: counted(api, made) == ("0.02", "0"), "the call to be settled")
    assert report(api, 1)["total"]["cost_usd"] == "0.02"


def test_a_limit_without_room_for_the_next_model_refuses(
    api: Api, client: OpenAI, model: FakeModel, provider: FakeModel
) -> None:
    card(api, provider.url)
    api.ok("PUT", "/v1/cost_report/pricing", CLAUDE | {"output": "2000"})
    made = limit(api, 150)
    with pytest.raises(openai.RateLimitError) as refused:
        chat(client, "error:529 tight", stream=False, max_tokens=1000)
    assert refused.value.code == "insufficient_quota"
    assert model.requests_of("tight") == []
    assert counted(api, made) == ("0", "0")
    assert api.get("/v1/cost_report")["data"] == []


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("limited", [False, True], ids=["free", "limited"])
def test_what_a_chat_cost_is_told_by_model_day_and_end_user(
    api: Api, client: OpenAI, stranger: Api, stream: bool, limited: bool
) -> None:
    api.ok("PUT", "/v1/cost_report/pricing", CLAUDE)
    if limited:
        limit(api, 10_000)
    for name, tokens in (("ann", 4), ("bob", 6), ("ann", 5)):
        chat(client, f"tokens:{tokens} cached:2", stream=stream, model="claude-test", user=name)
    chat(client, "tokens:1", stream=stream, model="claude-test", safety_identifier="eve")
    found = report(api, 4)
    (row,) = found["data"]
    assert (row["source"], row["model"], row["date"]) == ("bare_model", "claude-test", str(datetime.now(UTC).date()))
    assert (row["model_calls"], row["input_tokens"], row["cache_read_input_tokens"]) == (4, 40, 6)
    assert (row["output_tokens"], row["unpriced_calls"], row["cost_usd"]) == (16, 0, "0.062")
    assert found["total"] == {name: row[name] for name in found["total"]}
    ann = api.get("/v1/cost_report", end_user="ann")
    assert (ann["total"]["model_calls"], ann["total"]["output_tokens"], ann["total"]["cost_usd"]) == (2, 9, "0.033")
    assert [one["source"] for one in ann["data"]] == ["bare_model"]
    assert api.get("/v1/cost_report", end_user="eve")["total"]["model_calls"] == 1
    assert api.get("/v1/cost_report", end_user="an")["data"] == []
    assert stranger.get("/v1/cost_report")["data"] == []
    assert stranger.get("/v1/cost_report", end_user="ann")["data"] == []


def test_agents_and_bare_models_are_told_apart_and_added_up(api: Api, client: OpenAI) -> None:
    api.ok("PUT", "/v1/cost_report/pricing", CLAUDE)
    agent = api.agent()
    client.chat.completions.create(model=agent["id"], messages=[user("tokens:5")], user="ann")
    chat(client, "tokens:2", stream=False, model="claude-test", user="ann")
    chat(client, "tokens:3", stream=False, model="gpt-of-no-price", user="ann")
    found = report(api, 3)
    assert [(one["model"], one["source"], one["output_tokens"]) for one in found["data"]] == [
        ("claude-test", "bare_model", 2),
        ("claude-test", "session", 5),
        ("gpt-of-no-price", "bare_model", 3),
    ]
    assert [(one["model"], one["model_calls"], one["unpriced_calls"]) for one in found["models"]] == [
        ("claude-test", 2, 0),
        ("gpt-of-no-price", 1, 1),
    ]
    assert api.get("/v1/cost_report", end_user="ann")["data"] == found["data"]
    assert [one["output_tokens"] for one in api.get("/v1/cost_report", source="session")["data"]] == [5]
    assert api.get("/v1/cost_report", source="bare_model")["total"]["model_calls"] == 2
    assert api.get("/v1/cost_report", end_user="ann", model="gpt-of-no-price")["total"]["model_calls"] == 1
    assert api.call("GET", "/v1/cost_report?source=other").status_code == 400


@pytest.mark.parametrize("limited", [False, True], ids=["free", "limited"])
def test_a_chat_that_its_client_breaks_off_is_counted_as_estimated(api: Api, key: str, limited: bool) -> None:
    api.ok("PUT", "/v1/cost_report/pricing", CLAUDE)
    made = limit(api, 10_000) if limited else None
    body = {"model": "claude-test", "messages": [user("tokens:200 gap:5 hang:100")], "stream": True}
    with api.client.stream("POST", "/v1/chat/completions", json=body) as answer:
        heard = 0
        for line in answer.iter_lines():
            heard += "word" in line
            if heard == 50:
                break
    (row,) = report(api, 1)["data"]
    assert (row["model_calls"], row["unpriced_calls"]) == (1, 0)
    assert 5 <= row["input_tokens"] <= 20
    assert 50 <= row["output_tokens"] <= 200
    assert float(row["cost_usd"]) == pytest.approx((row["input_tokens"] + row["output_tokens"]) / 1000)
    if made is not None:
        assert counted(api, made) == (row["cost_usd"], "0")


def test_what_failed_costs_nothing(api: Api, client: OpenAI) -> None:
    api.ok("PUT", "/v1/cost_report/pricing", CLAUDE)
    for text in ("error:500", "tokens:9 fail:3"):
        with pytest.raises(openai.InternalServerError):
            chat(client, text, stream=False, model="claude-test")
    assert api.get("/v1/cost_report")["data"] == []
