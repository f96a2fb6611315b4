import socket
import threading
import time
from typing import Any

import pytest

from chalicelib.outbound.guard import Outbound
from chalicelib.tools.base import ToolOutput
from chalicelib.tools.output import MAX_CHARS, finished
from chalicelib.tools.web_fetch import WebFetch
from tests.functional.outbound.web import Seen, answer, fixed, routes, serving
from tests.functional.tools.contexts import context, error_of, toolset

LINK = b"<a href='/more?x=1&amp;y=2'>more</a>"
PAGE = b"<!doctype html><title>A &amp; B</title><h1>Hi</h1><p>See " + LINK + b".<script>no()</script>"


def _document(body: bytes, media: str = "text/html", **arguments: Any) -> dict[str, Any]:
    with serving(fixed(answer(body, Content_Type=media))) as web:
        output = WebFetch().run(context(), {"url": web.url("/p"), **arguments})
    assert not output.is_error, output
    (block,) = output.content
    return block


def test_a_page_becomes_one_document_of_plain_text_with_its_title() -> None:
    with serving(fixed(answer(PAGE, Content_Type="text/html; charset=utf-8"))) as web:
        output = WebFetch().run(context(), {"url": web.url("/p")})
    text = f"# Hi\n\nSee more ({web.url('/more?x=1&y=2')})."
    source = {"type": "text", "media_type": "text/plain", "data": text}
    assert output.content == [{"type": "document", "source": source, "title": "A & B"}]
    assert web.requests[0].method == "GET"


@pytest.mark.parametrize(
    ("body", "media", "text"),
    [
        (b'{"a":  [1]}', "application/json", '{"a":  [1]}'),
        (b"<b>as is</b>", "text/plain", "<b>as is</b>"),
        (b"# md", "text/markdown; charset=UTF-8", "# md"),
        (b"<a/>", "application/atom+xml", "<a/>"),
        ("Grüße".encode("iso8859-1"), "text/plain; charset=iso-8859-1", "Grüße"),
        ("“x”".encode("cp1252"), "text/plain", "“x”"),
        ("日本".encode("shift_jis"), 'text/plain; charset="Shift_JIS"', "日本"),
        ("日本".encode("shift_jis").join([b"<meta charset=shift_jis><p>", b""]), "text/html", "日本"),
        ("\ufeffbom".encode("utf-16-le"), "text/plain", "bom"),
        (b"x", "text/plain; charset=punycode", "x"),
        (b"x", "text/plain; charset=no-such", "x"),
        (b"", "text/plain", "(the page has no text)"),
    ],
)
def test_texts_are_given_as_they_are(body: bytes, media: str, text: str) -> None:
    assert _document(body, media)["source"]["data"] == text


@pytest.mark.parametrize(("body", "text"), [(b" <!DOCTYPE html><p>x", "x"), (b"just text", "just text")])
def test_without_a_type_the_body_tells(body: bytes, text: str) -> None:
    with serving(fixed(answer(body))) as web:
        output = WebFetch().run(context(), {"url": web.url()})
    assert output.content[0]["source"]["data"] == text


@pytest.mark.parametrize("media", ["application/pdf", "image/png", "application/octet-stream", "application/zip"])
def test_what_is_not_text_is_said_so(media: str) -> None:
    with serving(fixed(answer(b"%PDF", Content_Type=media))) as web:
        assert f"unsupported_content_type: {media}" in error_of(WebFetch().run(context(), {"url": web.url()}))


def test_the_length_is_bounded_with_a_note() -> None:
    data = _document(b"0123456789" * 100, "text/plain", max_length=25)["source"]["data"]
    assert data == "0123456789012345678901234\n\n[Cut here: 25 of 1000 characters are shown.]"


def test_a_long_page_fits_into_a_result() -> None:
    block = _document(b"x" * 3_000_000, "text/plain", max_length=10**9)
    data = block["source"]["data"]
    assert "of more than 2097152 characters" in data
    assert len(data) <= MAX_CHARS
    assert finished(ToolOutput([block])) == ToolOutput([block])


def test_the_agents_token_bound_applies() -> None:
    with serving(fixed(answer(b"x" * 1000, Content_Type="text/plain"))) as web:
        output = WebFetch().run(context(agent=toolset(max_content_tokens=10)), {"url": web.url()})
    assert "[Cut here: 40 of 1000" in output.content[0]["source"]["data"]


@pytest.mark.parametrize(
    "arguments", [{}, {"url": ""}, {"url": 5}, {"url": None}, {"url": "http://x/", "max_length": "9"}]
)
def test_wrong_arguments_are_an_error_result(arguments: dict[str, Any]) -> None:
    assert "invalid_input" in error_of(WebFetch().run(context(), arguments))


def test_only_urls_of_the_conversation_are_fetched() -> None:
    with serving(fixed(answer(PAGE))) as web:
        seen = {web.url("/a")}
        limited = context(seen_urls=seen.__contains__)
        assert not WebFetch().run(limited, {"url": web.url("/a")}).is_error
        assert "url_not_in_prior_context" in error_of(WebFetch().run(limited, {"url": web.url("/b")}))
    assert len(web.requests) == 1


LIMITED = {"type": "limited", "allowed_hosts": ["docs.test", "*.evil.test"]}


@pytest.mark.parametrize(
    ("config", "networking", "host", "fetched"),
    [
        ({"allowed_domains": ["docs.test"]}, {}, "docs.test", True),
        ({"allowed_domains": ["DOCS.test."]}, {}, "api.docs.test", True),
        ({"allowed_domains": ["docs.test"]}, {}, "evil.test", False),
        ({"allowed_domains": ["ocs.test"]}, {}, "docs.test", False),
        ({"blocked_domains": ["docs.test"]}, {}, "api.docs.test", False),
        ({"blocked_domains": ["docs.test"]}, {}, "evil.test", True),
        ({"blocked_domains": ["evil.test"]}, {}, "EVIL.test.", False),
        ({}, LIMITED, "docs.test", True),
        ({}, LIMITED, "api.docs.test", False),
        ({}, LIMITED, "evil.test", False),
        ({}, {"type": "limited", "allowed_hosts": ["*.docs.test"]}, "api.docs.test", True),
        ({}, {"type": "limited", "allowed_hosts": []}, "docs.test", False),
        ({}, {"type": "unrestricted"}, "docs.test", True),
        ({"allowed_domains": ["evil.test"]}, LIMITED, "docs.test", False),
    ],
)
def test_domains_and_networking_bind(
    config: dict[str, Any], networking: dict[str, Any], host: str, fetched: bool
) -> None:
    rules = context(agent=toolset(**config), environment={"config": {"type": "cloud", "networking": networking}})
    with serving(fixed(answer(PAGE))) as web:
        output = WebFetch().run(rules, {"url": web.url(host=host)})
    assert output.is_error is not fetched
    assert len(web.requests) == fetched
    if not fetched:
        assert "url_not_allowed" in error_of(output)


def test_a_redirect_cannot_leave_the_allowed_domains() -> None:
    with serving(fixed(answer(PAGE))) as evil:
        away = answer(b"", "302 Found", Location=evil.url(host="evil.test"))
        with serving(fixed(away)) as web:
            rules = context(agent=toolset(allowed_domains=["docs.test"]))
            assert "url_not_allowed" in error_of(WebFetch().run(rules, {"url": web.url(host="docs.test")}))
    assert evil.requests == []


def test_inner_addresses_are_not_allowed() -> None:
    with serving(fixed(answer(PAGE))) as web:
        assert "url_not_allowed" in error_of(WebFetch().run(context(outbound=Outbound()), {"url": web.url()}))
    assert web.connections == 0


def test_what_the_server_does_wrong_is_an_error_result() -> None:
    table = {"/gone": answer(b"", "410 Gone"), "/bad": b"nonsense\r\n\r\n"}
    with serving(routes(table)) as web:
        assert "answered 410" in error_of(WebFetch().run(context(), {"url": web.url("/gone")}))
        assert "url_not_accessible" in error_of(WebFetch().run(context(), {"url": web.url("/bad")}))
    assert "url_not_accessible" in error_of(WebFetch().run(context(), {"url": web.url()}))
    assert "url_not_accessible" in error_of(WebFetch().run(context(), {"url": "ftp://docs.test/"}))


def test_a_cancelled_fetch_ends_at_once() -> None:
    def silent(connection: socket.socket, _: Seen) -> None:
        connection.recv(1)

    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()
    began = time.monotonic()
    with serving(silent) as web:
        error_of(WebFetch().run(context(cancelled=stop), {"url": web.url()}))
    assert time.monotonic() - began < 0.6
