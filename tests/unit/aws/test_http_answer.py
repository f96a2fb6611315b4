from __future__ import annotations

import base64
import json

import pytest

from chalicelib.aws.http_answer import PRELUDE_END, buffered, prelude

HEADERS = [
    (b"Content-Type", b"application/json"),
    (b"set-cookie", b"a=1"),
    (b"set-cookie", b"b=2"),
    (b"vary", b"origin"),
    (b"vary", b"accept"),
    (b"content-length", b"2"),
    (b"transfer-encoding", b"chunked"),
]


def test_a_rest_api_reads_repeated_headers() -> None:
    answer = buffered(200, HEADERS, b"{}")
    assert answer == {
        "statusCode": 200,
        "multiValueHeaders": {
            "content-type": ["application/json"],
            "set-cookie": ["a=1", "b=2"],
            "vary": ["origin", "accept"],
        },
        "body": "{}",
        "isBase64Encoded": False,
    }


def test_a_function_url_takes_cookies_apart() -> None:
    answer = buffered(200, HEADERS, b"{}", version="2.0")
    assert answer["cookies"] == ["a=1", "b=2"]
    assert answer["headers"] == {"content-type": "application/json", "vary": "origin, accept"}


@pytest.mark.parametrize(
    ("content_type", "body", "is_base64"),
    [
        ("text/plain; charset=utf-8", "é".encode(), False),
        ("text/event-stream", b"data: 1\n\n", False),
        ("application/json", b"\x1f\x8b\x08\xff", True),
        ("image/png", b"plain", True),
        ("", b"x", True),
        ("image/png", b"", False),
    ],
)
def test_only_readable_text_goes_as_text(content_type: str, body: bytes, is_base64: bool) -> None:
    answer = buffered(200, [(b"content-type", content_type.encode())], body)
    assert answer["isBase64Encoded"] is is_base64
    sent = base64.b64decode(answer["body"]) if is_base64 else answer["body"].encode()
    assert sent == body


def test_head_sends_no_body() -> None:
    answer = buffered(200, HEADERS, b"{}", head=True)
    assert (answer["body"], answer["isBase64Encoded"]) == ("", False)


def test_the_prelude_is_json_and_eight_nuls() -> None:
    head, end, rest = prelude(404, HEADERS).partition(PRELUDE_END)
    assert (end, rest) == (b"\0" * 8, b"")
    assert json.loads(head)["statusCode"] == 404
    assert b"\0" not in head
