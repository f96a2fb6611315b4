"""The scripted model server keeps its promises: everything else stands on it."""

import json
import urllib.error
import urllib.request

from tests.fakes.model_server import FakeClient, FakeModelProcess

TOOLS = [{"name": "bash", "input_schema": {"type": "object", "required": ["command"], "properties": {"command": {}}}}]


def post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"x-api-key": "k"})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def message(fake, text, **more):
    messages = [{"role": "user", "content": text}]
    return post(f"{fake.url}/v1/messages", {"model": "m", "messages": messages, **more})


def chat(fake, text, **more):
    messages = [{"role": "user", "content": text}]
    return post(f"{fake.openai_url}/chat/completions", {"model": "m", "messages": messages, **more})


def test_whole_answers_on_both_wires(fake):
    status, whole = message(fake, 'think:"hm hm" tokens:3')
    assert status == 200
    assert [block["type"] for block in whole["content"]] == ["thinking", "text"]
    assert whole["usage"]["output_tokens"] == 5
    assert chat(fake, "tokens:3")[1]["choices"][0]["message"]["content"] == "hi word word"


def test_tool_rounds_are_counted(fake):
    call = message(fake, "tools:2", tools=TOOLS)[1]["content"][0]
    assert (call["name"], call["input"]) == ("bash", {"command": "true"})
    turns = [{"role": "user", "content": "tools:2"}]
    for expected in ("tool_use", "end_turn"):
        result = {"type": "tool_result", "tool_use_id": call["id"], "content": "ok"}
        turns += [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
        assert post(f"{fake.url}/v1/messages", {"messages": turns, "tools": TOOLS})[1]["stop_reason"] == expected


def test_without_tools_on_offer_there_is_no_call(fake):
    assert message(fake, "tools:2")[1]["stop_reason"] == "end_turn"


def test_errors_have_each_wires_body(fake):
    assert message(fake, "error:429x1")[1]["error"]["type"] == "rate_limit_error"
    assert message(fake, "error:429x1")[0] == 200
    assert chat(fake, "error:404")[1]["error"]["code"] == "model_not_found"
    assert "k" in message(fake, "error:401 leak")[1]["error"]["message"]


def test_scripted_replies_come_in_order_and_by_match(fake):
    fake.script(
        {"blocks": [{"type": "text", "text": "for B"}], "match": "session B"},
        [{"type": "text", "text": "first"}],
        {"error": {"status": 529, "message": "scripted"}},
    )
    assert message(fake, "session A")[1]["content"][0]["text"] == "first"
    assert message(fake, "session B")[1]["content"][0]["text"] == "for B"
    status, body = message(fake, "session A")
    assert (status, body["error"]) == (529, {"type": "overloaded_error", "message": "scripted"})
    assert message(fake, 'say:"usual"')[1]["content"][0]["text"] == "usual"


def test_records_tell_what_happened_when(fake):
    message(fake, "tokens:2 ttft:20")
    (record,) = fake.requests
    assert (record["path"], record["text"], record["status"]) == ("/v1/messages", "tokens:2 ttft:20", 200)
    assert record["headers"]["x-api-key"] == "k"
    assert record["body"]["model"] == "m"
    assert record["ended"] - record["arrived"] >= 0.02
    assert not record["disconnected"]
    assert fake.requests_of("ttft:20") == [record]


def test_a_gate_for_one_conversation_lets_others_pass(fake):
    fake.hold(match="mine")
    assert message(fake, "another")[0] == 200
    assert fake.held() == 0


def test_a_process_of_its_own_and_a_second_hand_on_it():
    with FakeModelProcess() as fake:
        assert message(fake, "tokens:1")[0] == 200
        assert len(FakeClient(fake.url).requests) == 1


def test_what_it_cannot_do_is_said(fake):
    fake.script({"blocks": [{"type": "text"}]})
    status, body = message(fake, "x")
    assert status == 500
    assert "the fake cannot do this" in body["error"]["message"]
