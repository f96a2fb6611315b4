import pytest

from chalicelib.observability.redaction import is_secret_name, scrub_text


@pytest.mark.parametrize(
    "name", ["x-api-key", "API_KEY", "apiKey", "Authorization", "set-cookie", "client_secret", "access_token", "passwd"]
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["input_tokens", "max_tokens", "key_id", "author", "path", "idempotency"])
def test_names_of_other_things(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("authorization: Bearer abc.def", "authorization: [redacted]"),
        ('{"api_key": "abc", "n": 1}', '{"api_key": "[redacted]", "n": 1}'),
        (r'"{\"secret\":\"abc\"}"', r'"{\"secret\":\"[redacted]\"}"'),
        ("GET /x?token=abc&limit=3", "GET /x?token=[redacted]&limit=3"),
        ("sent Basic dXNlcjpwYXNz to it", "sent Basic [redacted] to it"),
        ("[(b'x-api-key', b'abc'), (b'n', b'1')]", "[(b'x-api-key', b'[redacted]'), (b'n', b'1')]"),
        ("input_tokens=12 output_tokens: 3", "input_tokens=12 output_tokens: 3"),
        ("the bearer of news", "the bearer of news"),
    ],
)
def test_texts(text: str, scrubbed: str) -> None:
    assert scrub_text(text) == scrubbed
