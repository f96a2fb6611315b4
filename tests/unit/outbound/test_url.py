import pytest

from chalicelib.outbound import url as urls
from chalicelib.outbound.errors import UrlRefused


@pytest.mark.parametrize(
    ("text", "read", "host", "port"),
    [
        ("http://Example.COM", "http://example.com/", "example.com", 80),
        ("HTTPS://example.com.:443/a?b#c", "https://example.com/a?b", "example.com", 443),
        ("http://example.com:8080?q", "http://example.com:8080/?q", "example.com", 8080),
        ("http://example.com:/", "http://example.com/", "example.com", 80),
        ("http://a_b-c.example/%7Ex/%2F", "http://a_b-c.example/%7Ex/%2F", "a_b-c.example", 80),
        ("http://bücher.example/ü", "http://xn--bcher-kva.example/%C3%BC", "xn--bcher-kva.example", 80),
        ("http://BÜCHER.example/", "http://xn--bcher-kva.example/", "xn--bcher-kva.example", 80),
        ("http://[2606:4700:0::1111]:81/", "http://[2606:4700::1111]:81/", "2606:4700::1111", 81),
        ("http://0x08.8.2056/", "http://8.8.8.8/", "8.8.8.8", 80),
        ("http://[::ffff:8.8.8.8]/", "http://8.8.8.8/", "8.8.8.8", 80),
        ('http://h/<a>"`?x=[1]&y={2}|3', "http://h/%3Ca%3E%22%60?x=[1]&y={2}|3", "h", 80),
        ("http://h/a@b:c", "http://h/a@b:c", "h", 80),
    ],
)
def test_a_url_has_one_reading(text: str, read: str, host: str, port: int) -> None:
    url = urls.parse(text)
    assert (str(url), url.host, url.port) == (read, host, port)
    assert urls.parse(str(url)) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com",
        "//example.com/",
        "http:///x",
        "ftp://h/",
        "http://a@h/",
        "http://h:99999/",
        "http://h:1:2/",
        "http://h/a b",
        "http://h\\x",
        "http://h/\ud800",
        "http://a..b/",
        "http://-a/",
        "http://h/" + "x" * 9000,
    ],
)
def test_what_has_no_safe_reading_is_refused(text: str) -> None:
    with pytest.raises(UrlRefused):
        urls.parse(text)


def test_the_message_does_not_repeat_a_password() -> None:
    with pytest.raises(UrlRefused) as caught:
        urls.parse("https://me:hunter2@example.com/")
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("b", "https://h.example:444/x/b"),
        ("../b", "https://h.example:444/b"),
        ("//other.example/c", "https://other.example/c"),
        ("http://other.example", "http://other.example/"),
        ("?q", "https://h.example:444/x/a?q"),
    ],
)
def test_a_location_is_read_against_the_url_it_came_from(location: str, expected: str) -> None:
    assert str(urls.join(urls.parse("https://h.example:444/x/a"), location)) == expected
