"""Chats with bare models through the official client: whole and streamed, with tools, controls and failures.

A bare model's answer is one stateless call of the provider, on whichever wire serves the model; what a wire cannot
carry is refused by name, and a client that leaves ends the call.
"""

import json
import time
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel

from tests.e2e.openai_sdk.helpers import WEATHER, calls_of, joined, official, reasons, user
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, wait_for
from tests.support.server import Server

MODELS = ["claude-test", "gpt-test"]


@pytest.mark.parametrize("model_id", MODELS)
@pytest.mark.parametrize("base", ["client", "plain_base"])
def test_an_answer_comes_whole_with_its_counts(request: pytest.FixtureRequest, model_id: str, base: str) -> None:
    client: OpenAI = request.getfixturevalue(base)
    done = client.chat.completions.create(model=model_id, messages=[user('say:"Hello there" cached:4')])
    assert done.choices[0].message.content == "Hello there"
    assert done.choices[0].finish_reason == "stop"
    assert done.model == model_id
    assert done.usage is not None
    assert (done.usage.prompt_tokens, done.usage.completion_tokens, done.usage.total_tokens) == (14, 2, 16)
    assert done.usage.prompt_tokens_details is not None
    assert done.usage.prompt_tokens_details.cached_tokens == 4
    assert done._request_id


@pytest.mark.parametrize("model_id", MODELS)
def test_a_stream_carries_the_role_the_text_the_reason_and_on_demand_the_counts(client: OpenAI, model_id: str) -> None:
    chunks = list(
        client.chat.completions.create(
            model=model_id,
            messages=[user("tokens:5")],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    assert joined(chunks) == "hi word word word word"
    assert reasons(chunks) == ["stop"]
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 15
    bare = list(client.chat.completions.create(model=model_id, messages=[user("tokens:5")], stream=True))
    assert all(chunk.choices and chunk.usage is None for chunk in bare)


def test_frames_have_no_name_and_end_with_the_word_done(api: Api) -> None:
    body = {"model": "claude-test", "messages": [user("tokens:2")], "stream": True}
    with api.client.stream("POST", "/v1/chat/completions", json=body) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line]
    assert all(line.startswith("data: ") for line in lines)
    assert lines[-1] == "data: [DONE]"


@pytest.mark.parametrize("model_id", MODELS)
def test_calls_of_tools_go_to_the_client_and_their_results_come_back(client: OpenAI, model_id: str) -> None:
    messages: list[Any] = [user('tool:get_weather input:{"city": "Bonn"} parallel:2')]
    done = client.chat.completions.create(model=model_id, messages=messages, tools=[WEATHER])
    said = done.choices[0]
    assert (said.finish_reason, said.message.content) == ("tool_calls", None)
    calls = said.message.tool_calls
    assert calls is not None
    assert [json.loads(call.function.arguments) for call in calls if call.type == "function"] == [{"city": "Bonn"}] * 2
    messages.append(said.message.to_dict())
    messages += [{"role": "tool", "tool_call_id": call.id, "content": "sunny"} for call in calls]
    after = client.chat.completions.create(model=model_id, messages=messages, tools=[WEATHER])
    assert after.choices[0].finish_reason == "stop"
    assert (after.choices[0].message.content or "").startswith("hi")


@pytest.mark.parametrize("model_id", MODELS)
def test_calls_of_tools_are_streamed_in_pieces(client: OpenAI, model_id: str) -> None:
    chunks = list(
        client.chat.completions.create(
            model=model_id,
            messages=[user('tool:get_weather input:{"city": "Bonn"} parallel:2')],
            tools=[WEATHER],
            stream=True,
        )
    )
    calls = calls_of(chunks)
    assert sorted(calls) == [0, 1]
    assert calls[0][0] != calls[1][0]
    assert [(name, json.loads(text)) for _, name, text in calls.values()] == [("get_weather", {"city": "Bonn"})] * 2
    assert reasons(chunks) == ["tool_calls"]


def test_a_call_without_arguments_is_an_empty_object(client: OpenAI, model: FakeModel) -> None:
    block = {"type": "tool_use", "name": "now", "input": {}, "raw_input": ""}
    for _ in range(2):
        model.script({"blocks": [block], "stop_reason": "tool_use", "match": "what time"})
    tool: Any = {"type": "function", "function": {"name": "now"}}
    asked: dict[str, Any] = {"model": "claude-test", "messages": [user("what time")], "tools": [tool]}
    calls = client.chat.completions.create(**asked).choices[0].message.tool_calls
    assert [call.function.arguments for call in calls or [] if call.type == "function"] == ["{}"]
    streamed = calls_of(list(client.chat.completions.create(**asked, stream=True)))
    assert streamed[0][2] == "{}"


def test_the_provider_gets_what_was_asked_for(client: OpenAI, model: FakeModel) -> None:
    schema: dict[str, object] = {"type": "object", "properties": {"a": {"type": "string"}}}
    client.chat.completions.create(
        model="gpt-test",
        messages=[{"role": "developer", "content": "Be brief."}, user("carry this")],
        temperature=1.5,
        top_p=0.5,
        stop=["END", "FIN"],
        seed=7,
        max_completion_tokens=99,
        tools=[WEATHER],
        tool_choice="required",
        parallel_tool_calls=False,
        response_format={"type": "json_schema", "json_schema": {"name": "reply", "schema": schema, "strict": True}},
    )
    sent = model.requests_of("carry this")[0]["body"]
    assert (sent["temperature"], sent["top_p"], sent["stop"], sent["seed"]) == (1.5, 0.5, ["END", "FIN"], 7)
    assert sent["max_tokens"] == 99
    assert (sent["tool_choice"], sent["parallel_tool_calls"]) == ("required", False)
    assert sent["response_format"]["json_schema"] == {"name": "reply", "schema": schema, "strict": True}
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}


def test_the_other_wire_gets_it_in_its_own_words(client: OpenAI, model: FakeModel) -> None:
    client.chat.completions.create(
        model="claude-test",
        messages=[{"role": "system", "content": "Be brief."}, user("carry that")],
        temperature=0.3,
        stop="END",
        max_tokens=99,
        tools=[WEATHER],
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
        parallel_tool_calls=False,
        response_format={"type": "json_schema", "json_schema": {"name": "reply", "schema": {"type": "object"}}},
    )
    sent = model.requests_of("carry that")[0]["body"]
    assert (sent["temperature"], sent["stop_sequences"], sent["max_tokens"]) == (0.3, ["END"], 99)
    assert sent["tool_choice"] == {"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True}
    assert sent["output_config"]["format"] == {"type": "json_schema", "schema": {"type": "object"}}
    assert sent["system"][0]["text"] == "Be brief."


@pytest.mark.parametrize(
    ("model_id", "mode", "said"),
    [
        ("gpt-test", "auto", "auto"),
        ("gpt-test", "required", "required"),
        ("claude-test", "auto", {"type": "auto"}),
        ("claude-test", "required", {"type": "any"}),
    ],
)
def test_a_choice_among_some_of_the_tools_leaves_out_the_others(
    client: OpenAI, model: FakeModel, model_id: str, mode: Any, said: Any
) -> None:
    other: Any = {"type": "function", "function": {"name": "other"}}
    allowed: Any = [{"type": "function", "function": {"name": "get_weather"}}]
    choice: Any = {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": allowed}}
    client.chat.completions.create(
        model=model_id, messages=[user("some of them")], tools=[other, WEATHER], tool_choice=choice
    )
    sent = model.requests_of("some of them")[0]["body"]
    assert [tool.get("name") or tool["function"]["name"] for tool in sent["tools"]] == ["get_weather"]
    assert sent["tool_choice"] == said


@pytest.mark.parametrize(
    ("choice", "param"),
    [
        ("required", "tool_choice"),
        ({"type": "function", "function": {"name": "absent"}}, "tool_choice.function.name"),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "absent"}}]},
            },
            "tool_choice.allowed_tools.tools.0.function.name",
        ),
    ],
)
def test_a_choice_of_a_tool_that_is_not_there_is_refused(client: OpenAI, choice: Any, param: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="claude-test", messages=[user("hi")], tool_choice=choice)
    assert refused.value.param == param


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model_id", MODELS)
def test_a_model_that_its_provider_does_not_know_is_not_found(client: OpenAI, model_id: str, stream: bool) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model=model_id, messages=[user("error:404")], stream=stream)
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")


class Weather(BaseModel):
    """What a model fills in."""

    city: str
    degrees: int


@pytest.mark.parametrize("model_id", MODELS)
def test_the_clients_helpers_parse_answers_and_calls(client: OpenAI, model_id: str) -> None:
    asked = user('say:"{\\"city\\": \\"Bonn\\", \\"degrees\\": 3}"')
    done = client.chat.completions.parse(model=model_id, messages=[asked], response_format=Weather)
    assert done.choices[0].message.parsed == Weather(city="Bonn", degrees=3)
    with client.chat.completions.stream(model=model_id, messages=[asked], response_format=Weather) as stream:
        assert {event.type for event in stream} == {"chunk", "content.delta", "content.done"}
        assert stream.get_final_completion().choices[0].message.parsed == Weather(city="Bonn", degrees=3)
    asked = user('tool:Weather input:{"city": "Bonn", "degrees": 3} parallel:2')
    tool = openai.pydantic_function_tool(Weather)
    with client.chat.completions.stream(model=model_id, messages=[asked], tools=[tool]) as calling:
        last = calling.until_done().get_final_completion().choices[0]
    calls = [call.function.parsed_arguments for call in last.message.tool_calls or []]
    assert (last.finish_reason, calls) == ("tool_calls", [Weather(city="Bonn", degrees=3)] * 2)


def test_pictures_and_documents_are_handed_on(client: OpenAI, model: FakeModel) -> None:
    content: list[Any] = [
        {"type": "text", "text": "look here"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}},
    ]
    client.chat.completions.create(model="claude-test", messages=[{"role": "user", "content": content}])
    blocks = model.requests_of("look here")[0]["body"]["messages"][0]["content"]
    assert [block["type"] for block in blocks] == ["text", "image", "image", "document"]
    assert blocks[1]["source"] == {"type": "base64", "media_type": "image/png", "data": "aGk="}


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"n": 2}, "n"),
        ({"n": 0}, "n"),
        ({"seed": 1}, "seed"),
        ({"temperature": 1.5}, "temperature"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"logprobs": True}, "logprobs"),
        ({"frequency_penalty": 0.5}, "frequency_penalty"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"web_search_options": {}}, "web_search_options"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_given_is_refused_by_name(
    client: OpenAI, asked: dict[str, Any], param: str, stream: bool
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="claude-test", messages=[user("hi")], stream=stream, extra_body=asked)
    assert refused.value.param == param
    assert refused.value.code == "unsupported"
    assert refused.value.type == "invalid_request_error"


@pytest.mark.parametrize("model_id", MODELS)
@pytest.mark.parametrize("rest", [[], [user("")], [user(" \n")]], ids=["nothing", "empty", "blank"])
def test_instructions_alone_are_answered(client: OpenAI, model: FakeModel, model_id: str, rest: list[Any]) -> None:
    system: Any = {"role": "system", "content": 'say:"Good day"'}
    client.chat.completions.create(model=model_id, messages=[system, *rest])
    (asked,) = model.requests
    assert asked["body"]["messages"], "no provider takes a request without messages"
    assert 'say:\\"Good day\\"' in json.dumps(asked["body"])


def test_unknown_fields_are_ignored(client: OpenAI) -> None:
    done = client.chat.completions.create(
        model="claude-test", messages=[user("tokens:1")], n=1, user="me", extra_body={"a_new_thing": 1}
    )
    assert done.choices[0].message.content == "hi"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": "claude-test"}, "messages"),
        ({"messages": [user("x")]}, "model"),
        ({"model": "claude-test", "messages": []}, "messages"),
        ({"model": "claude-test", "messages": [user("")]}, "messages"),
        ({"model": "gpt-test", "messages": [user(" ")]}, "messages"),
        ({"model": "claude-test", "messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
        ({"model": "claude-test", "messages": [user("x")], "top_p": 3}, "top_p"),
    ],
)
def test_a_malformed_request_names_the_field(client: OpenAI, body: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.post("/chat/completions", body=body, cast_to=object)
    assert refused.value.param == param
    assert refused.value.message


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "raised"),
    [
        (400, openai.BadRequestError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (529, openai.InternalServerError),
    ],
)
def test_a_failure_before_the_first_word_is_the_clients_exception(
    client: OpenAI, status: int, raised: type[openai.APIStatusError], stream: bool
) -> None:
    with pytest.raises(raised) as failed:
        client.chat.completions.create(model="claude-test", messages=[user(f"error:{status}")], stream=stream)
    assert isinstance(failed.value.body, dict)
    assert set(failed.value.body) >= {"message", "type", "param", "code"}
    assert failed.value.request_id


def test_a_failure_within_a_stream_is_raised_by_the_client(client: OpenAI) -> None:
    stream = client.chat.completions.create(model="claude-test", messages=[user("tokens:9 fail:3")], stream=True)
    seen: list[Any] = []
    with pytest.raises(openai.APIError) as failed:
        seen.extend(stream)
    assert joined(seen).startswith("hi")
    assert failed.value.code == "server_overloaded"


def test_a_passing_failure_is_repeated_by_the_client(server: Server, key: str) -> None:
    with official(f"{server.url}/openai/v1", key, max_retries=2) as client:
        done = client.chat.completions.create(
            model="claude-test", messages=[user(f"error:500x1 tokens:1 {time.monotonic_ns()}")]
        )
    assert done.choices[0].message.content == "hi"


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_ends_the_call(server: Server, key: str, model: FakeModel, stream: bool) -> None:
    mark = f"leaving {stream}"
    body = {"model": "claude-test", "messages": [user(f"tokens:50 hang:2 {mark}")], "stream": stream}
    headers = {"authorization": f"Bearer {key}"}
    patience = httpx2.Timeout(20, read=0.5)
    with httpx2.Client(timeout=patience, verify=False) as impatient, pytest.raises(httpx2.ReadTimeout):
        impatient.post(f"{server.url}/v1/chat/completions", json=body, headers=headers)
    wait_for(lambda: model.requests_of(mark)[0]["disconnected"], "the provider to see the client go")


def test_a_wrong_key_and_an_unknown_path_are_errors_of_this_family(server: Server, client: OpenAI) -> None:
    with official(f"{server.url}/openai/v1", "wrong") as stranger, pytest.raises(openai.AuthenticationError) as refused:
        stranger.chat.completions.create(model="claude-test", messages=[user("hi")])
    assert refused.value.code == "invalid_api_key"
    with pytest.raises(openai.NotFoundError) as missing:
        client.get("/no/such/thing", cast_to=object)
    assert isinstance(missing.value.body, dict)
    assert missing.value.body["type"] == "invalid_request_error"


def test_a_key_that_may_only_read_cannot_ask(api: Api, server: Server) -> None:
    reader = api.post("/v1/api_keys", name="reader", scopes=["read"])["key"]
    with official(f"{server.url}/openai/v1", reader) as client:
        assert client.models.list().data
        with pytest.raises(openai.PermissionDeniedError):
            client.chat.completions.create(model="claude-test", messages=[user("hi")])


def test_models_are_listed_and_found(client: OpenAI, plain_base: OpenAI) -> None:
    listed = client.models.list().data
    assert [one.id for one in listed] == [one.id for one in plain_base.models.list().data]
    assert client.models.retrieve(listed[0].id) == listed[0]
    with pytest.raises(openai.NotFoundError) as missing:
        client.models.retrieve("nobody/made-this")
    assert missing.value.code == "model_not_found"


def test_a_repeat_under_one_key_is_answered_without_asking_again(client: OpenAI, model: FakeModel) -> None:
    def ask() -> Any:
        return client.chat.completions.create(
            model="claude-test",
            messages=[user("tokens:2 asked once")],
            extra_headers={"Idempotency-Key": "the-same"},
        )

    assert ask().id == ask().id
    assert len(model.requests_of("asked once")) == 1
