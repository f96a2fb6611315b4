"""Bodies over the wire: sizes, types, slow clients, uploads, downloads."""

import threading
import time

import pytest

from tests.functional.http.client import Site, read_until

HEAD = "POST /t/echo HTTP/1.1\nhost: x\nx-api-key: key-a\ncontent-type: application/json\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@pytest.mark.parametrize(
    "media", ["application/json", "application/json; charset=utf-8", "text/json", "*/*", "application/merge-patch+json"]
)
def test_json_by_any_of_its_names_is_read(site: Site, media: str) -> None:
    assert site.ask("POST", "/t/echo", b'{"a":1}', content_type=media).json["body"] == {"a": 1}


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", "application/xml"])
def test_another_type_is_415(site: Site, media: str) -> None:
    reply = site.ask("POST", "/t/echo", b'{"a":1}', content_type=media)
    assert reply.status == 415
    assert media in reply.json["error"]["message"]


@pytest.mark.parametrize("headers", [{}, {"content_type": "application/json"}, {"content_type": "text/plain"}])
def test_no_body_is_an_empty_object(site: Site, headers: dict[str, str]) -> None:
    assert site.ask("POST", "/t/echo", **headers).json["body"] == {}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "not valid JSON"),
        (b"[]", "must be a JSON object"),
        (b'"x"', "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b'{"a":NaN}', "not valid JSON"),
        (b'{"a":"\xff"}', "not UTF-8 at byte 6"),
        (b'{"a":"\0"}', "not valid JSON"),
        (b'{"a":["x\\u0000"]}', "NUL"),
        (b'{"a\\u0000":1}', "NUL"),
        (b"[" * 100_000, "not valid JSON"),
    ],
)
def test_what_is_no_json_object_is_400(site: Site, body: bytes, says: str) -> None:
    reply = site.ask("POST", "/t/echo", body, content_type="application/json")
    assert reply.status == 400
    assert says in reply.json["error"]["message"]


def test_a_backslash_before_u0000_is_text(site: Site) -> None:
    assert site.ask("POST", "/t/echo", b'{"a":"\\\\u0000"}').json["body"] == {"a": "\\u0000"}


def test_an_announced_size_over_the_limit_is_refused_unread(site: Site) -> None:
    with site.raw(HEAD + "content-length: 100001\n") as connection:
        assert b" 413 " in read_until(connection, b"limit")


def test_a_chunked_body_is_refused_when_it_passes_the_limit(site: Site) -> None:
    with site.raw(HEAD + "transfer-encoding: chunked\n", chunk(b"x" * 60_000)) as connection:
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(10)
        connection.sendall(chunk(b"x" * 60_000))
        assert b" 413 " in read_until(connection, b"limit")


def test_a_chunked_body_under_the_limit_is_read(site: Site) -> None:
    body = chunk(b'{"a":') + chunk(b"1}") + b"0\r\n\r\n"
    with site.raw(HEAD + "transfer-encoding: chunked\n", body) as connection:
        assert b'{"a":1}' in read_until(connection, b"tenant-a")


def test_a_body_as_large_as_the_limit_is_read(site: Site) -> None:
    body = b'{"a":"' + b"x" * (100_000 - 8) + b'"}'
    assert site.ask("POST", "/t/echo", body).status == 200


def test_a_small_limit_holds_for_every_way_of_sending(site: Site) -> None:
    assert site.ask("POST", "/t/tiny", b'{"a":1}').status == 200
    assert site.ask("POST", "/t/tiny", b'{"a":"xxxx"}').status == 413
    assert site.ask("POST", "/t/tiny", b'{"a":"xxxx"}', key="no").status == 401
    head = HEAD.replace("/t/echo", "/t/tiny") + "transfer-encoding: chunked\n"
    with site.raw(head, chunk(b'{"a":"xxxx"}') + b"0\r\n\r\n") as connection:
        assert b" 413 " in read_until(connection, b"limit")


def test_slow_clients_hold_up_nobody(site: Site) -> None:
    """More unfinished bodies than there are threads, and others are still answered at once."""
    held = [site.raw(HEAD + "content-length: 70000\n", b'{"a"') for _ in range(60)]
    try:
        for one in held:
            one.__enter__()
        started = time.monotonic()
        assert site.ask("GET", "/t/things/x").status == 200
        assert time.monotonic() - started < 1
    finally:
        for one in held:
            one.__exit__(None, None, None)


def test_a_body_in_drops_arrives_whole(site: Site) -> None:
    with site.raw(HEAD + "content-length: 7\n") as connection:
        for letter in b'{"a":1}':
            connection.sendall(bytes([letter]))
            time.sleep(0.01)
        assert b'{"a":1}' in read_until(connection, b"tenant-a")


def test_an_upload_is_read_by_its_handler_and_counted(site: Site) -> None:
    assert site.ask("POST", "/t/upload", b"x" * 500_000).json == {"size": 500_000}
    assert site.ask("POST", "/t/upload", b"x" * (1 << 20) + b"x").status == 413
    head = "POST /t/upload HTTP/1.1\nhost: x\nx-api-key: key-a\ntransfer-encoding: chunked\n"
    with site.raw(head, chunk(b"x" * (1 << 20))) as connection:
        connection.sendall(chunk(b"x"))
        assert b" 413 " in read_until(connection, b"limit")


def test_a_plain_handler_gets_the_bytes_of_a_raw_body(site: Site) -> None:
    assert site.ask("POST", "/t/plain", b"\xff{", content_type="text/plain").json == {"size": 2}
    assert site.ask("POST", "/t/plain", b"x", content_type="image/png").status == 415


def test_a_form_is_read_and_a_broken_one_is_400(site: Site) -> None:
    media = "multipart/form-data; boundary=b"
    part = b'--b\r\ncontent-disposition: form-data; name="one"\r\n\r\nx\r\n--b--\r\n'
    assert site.ask("POST", "/t/form", part, content_type=media).json == {"names": ["one"]}
    assert site.ask("POST", "/t/form", b"nonsense", content_type=media).status == 400


def test_a_download_is_sent_piece_by_piece(site: Site) -> None:
    reply = site.ask("GET", "/t/download/5")
    assert reply.headers["content-type"] == "application/octet-stream"
    assert reply.body == b"".join(b"%06d" % number * 1000 for number in range(5))
    assert site.services.closed.is_set()


def test_a_download_stops_when_the_client_goes(site: Site) -> None:
    with site.opened("/t/download/100000000") as connection:
        read_until(connection, b"000001")
    assert site.services.closed.wait(2)


def test_head_of_a_download_reads_nothing_of_it(site: Site) -> None:
    reply = site.ask("HEAD", "/t/download/5")
    assert (reply.status, reply.body) == (200, b"")


def test_a_download_that_breaks_is_not_taken_for_a_whole_one(site: Site) -> None:
    with site.opened("/t/broken") as connection:
        found = b""
        while piece := connection.recv(65536):
            found += piece
    assert b"a part" in found
    assert not found.endswith(b"0\r\n\r\n")


def test_a_client_that_goes_while_sending_leaves_nothing_behind(site: Site) -> None:
    assert site.ask("GET", "/t/things/x").status == 200
    before = threading.active_count()
    for _ in range(30):
        with site.raw(HEAD + "content-length: 90000\n", b"{"):
            pass
    assert site.ask("GET", "/t/things/x").status == 200
    assert threading.active_count() < before + 20
