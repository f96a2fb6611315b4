"""The streaming runtime, run as Lambda runs it, against the Runtime API."""

from __future__ import annotations

import base64
import json
from typing import Any

JSON_ERROR = "lambda-runtime-function-error-body"


def test_every_chunk_arrives_before_the_next_is_written(lambda_stream: Any, url_event: Any, gate: Any) -> None:
    call = lambda_stream.invoke(url_event("/gated", query=f"gate={gate.path}"))
    assert call.prelude()["statusCode"] == 200
    for word in ("one", "two", "three"):
        gate.let(word)
        assert call.chunk() == f"data: {word}\n\n".encode()
    gate.let("END")
    assert call.body() == (b"", {})


def test_the_answer_speaks_lambdas_streaming_protocol(lambda_stream: Any, url_event: Any) -> None:
    call = lambda_stream.invoke(url_event("/echo/x"))
    head = call.prelude()
    call.body()
    assert call.headers["lambda-runtime-function-response-mode"] == "streaming"
    assert call.headers["content-type"] == "application/vnd.awslambda.http-integration-response"
    assert call.headers["transfer-encoding"] == "chunked"
    assert head["headers"] == {"content-type": "application/json"}


def test_an_error_in_mid_stream_becomes_trailers(lambda_stream: Any, url_event: Any, gate: Any) -> None:
    call = lambda_stream.invoke(url_event("/gated", query=f"gate={gate.path}"))
    call.prelude()
    gate.let("one")
    call.chunk()
    gate.let("BOOM")
    rest, trailers = call.body()
    assert rest == b""
    assert trailers["lambda-runtime-function-error-type"] == "Runtime.RuntimeError"
    detail = base64.b64decode(trailers[JSON_ERROR])
    assert json.loads(detail)["errorType"] == "Runtime.RuntimeError"
    assert b"secret" not in detail


def test_an_error_before_the_answer_is_the_apps_500(lambda_stream: Any, url_event: Any) -> None:
    call = lambda_stream.invoke(url_event("/broken"))
    assert call.prelude()["statusCode"] == 500
    assert call.body() == (b"Internal Server Error", {})


def test_a_big_body_comes_whole(lambda_stream: Any, url_event: Any) -> None:
    call = lambda_stream.invoke(url_event("/big", query="blocks=320"))
    call.prelude()
    body, trailers = call.body()
    assert body == b"".join(bytes([n % 256]) * 65536 for n in range(320))
    assert trailers == {}


def test_head_and_204_have_no_body(lambda_stream: Any, url_event: Any) -> None:
    head = lambda_stream.invoke(url_event("/big", method="HEAD", query="blocks=2"))
    assert head.prelude()["statusCode"] == 200
    assert head.body() == (b"", {})
    empty = lambda_stream.invoke(url_event("/empty"))
    assert empty.prelude()["statusCode"] == 204
    assert empty.body() == (b"", {})


def test_cookies_go_where_each_front_reads_them(lambda_stream: Any, url_event: Any) -> None:
    by_url = lambda_stream.invoke(url_event("/cookies"))
    head = by_url.prelude()
    assert [cookie.split(";")[0] for cookie in head["cookies"]] == ["a=1", "b=2"]
    assert "set-cookie" not in head["headers"]
    by_url.body()
    gateway = {"httpMethod": "GET", "path": "/cookies", "requestContext": {"stage": "live"}}
    by_gateway = lambda_stream.invoke(gateway)
    values = by_gateway.prelude()["multiValueHeaders"]["set-cookie"]
    assert [cookie.split(";")[0] for cookie in values] == ["a=1", "b=2"]
    by_gateway.body()


def test_a_request_arrives_as_it_was_sent(lambda_stream: Any, url_event: Any) -> None:
    body = bytes(range(256))
    event = url_event("/echo/a%2Fb%20c", method="POST", query="x=1&x=2&y=%20", body=body, cookies=["k=v", "l=w"])
    call = lambda_stream.invoke(event)
    call.prelude()
    got = json.loads(call.body()[0])
    assert got == {
        "path": "/echo/a/b c",
        "raw_path": "/echo/a%2Fb%20c",
        "query": [["x", "1"], ["x", "2"], ["y", " "]],
        "cookies": {"k": "v", "l": "w"},
        "body": body.hex(),
        "client": "203.0.113.9",
    }


def test_near_the_deadline_an_event_stream_ends_well(lambda_stream: Any, url_event: Any, seen: Any) -> None:
    call = lambda_stream.invoke(url_event("/endless", query=f"seen={seen.path}"), seconds=5.2)
    call.prelude()
    assert call.chunk() == b"data: first\n\n"
    assert seen.read() == "stopped"
    assert call.body() == (b"", {})


def test_near_the_deadline_any_other_body_ends_as_broken(lambda_stream: Any, url_event: Any, seen: Any) -> None:
    query = f"seen={seen.path}&type=application/octet-stream"
    call = lambda_stream.invoke(url_event("/endless", query=query), seconds=5.2)
    call.prelude()
    call.chunk()
    _, trailers = call.body()
    assert trailers["lambda-runtime-function-error-type"] == "Runtime.DeadlineReachedError"


def test_an_app_that_ignores_the_deadline_is_stopped(lambda_stream: Any, url_event: Any) -> None:
    call = lambda_stream.invoke(url_event("/stubborn"), seconds=1.6)
    assert call.failure()["errorType"] == "Runtime.DeadlineReachedError"


def test_when_lambda_hangs_up_the_app_is_told(lambda_stream: Any, url_event: Any, seen: Any) -> None:
    call = lambda_stream.invoke(url_event("/endless", query=f"seen={seen.path}"))
    call.prelude()
    call.chunk()
    call.hang_up()
    assert seen.read() == "stopped"
    after = lambda_stream.invoke(url_event("/empty"))
    assert after.prelude()["statusCode"] == 204


def test_an_event_that_is_no_request_is_reported(lambda_stream: Any, url_event: Any) -> None:
    call = lambda_stream.invoke({"Records": []})
    assert call.failure()["errorType"] == "Runtime.EventError"


def test_an_app_without_a_word_is_reported(api: Any, launch: Any, url_event: Any) -> None:
    process = launch(api, "stream_app:create_mute")
    try:
        failure = api.invoke(url_event("/")).failure()
    finally:
        process.terminate()
        process.communicate(timeout=20)
    assert failure["errorType"] == "Runtime.AppMisbehavedError"


def test_an_app_that_cannot_be_made_is_an_init_error(api: Any, launch: Any) -> None:
    process = launch(api, "stream_app:create_nothing")
    output, _ = process.communicate(timeout=20)
    report = api.init_errors.get(timeout=20)
    assert process.returncode == 1
    assert report["errorType"] == "Runtime.LookupError"
    assert "secret" not in json.dumps(report)
    assert "secret detail" in output
