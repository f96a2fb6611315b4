"""Routes, methods, credentials, limits and headers, over the wire."""

import http.client
import json
import re
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.http.workers import THREADS
from tests.functional.http.client import Reply, Site


def assert_error(reply: Reply, status: int, kind: str, *, says: str = "") -> None:
    """Every error has its status, its envelope, and one request id in three places."""
    assert reply.status == status, reply.body
    body = reply.json
    assert body["error"]["type"] == kind
    assert says in body["error"]["message"]
    assert re.fullmatch(r"req_[0-9a-f]{32}", body["request_id"])
    assert reply.headers["request-id"] == reply.headers["x-request-id"] == body["request_id"]
    assert reply.headers["access-control-allow-origin"] == "*"


def test_an_unknown_route_is_404_even_without_a_key(site: Site) -> None:
    assert_error(site.ask("GET", "/t/nope", key=None), 404, "not_found", says="GET /t/nope")


def test_an_unknown_path_is_answered_by_the_door_of_its_prefix(site: Site) -> None:
    assert "field" in site.ask("GET", "/t/nope").json["error"]
    assert "field" not in site.ask("GET", "/tea").json["error"]


@pytest.mark.parametrize("path", ["/t/things/", "/t//things", "/t/things/a/", "//"])
def test_a_slash_too_many_is_unknown(site: Site, path: str) -> None:
    assert site.ask("GET", path).status == 404


def test_a_wrong_method_is_405_and_tells_the_right_ones(site: Site) -> None:
    reply = site.ask("PATCH", "/t/things", key=None)
    assert_error(reply, 405, "method_not_allowed", says="/t/things")
    assert reply.headers["allow"] == "GET, HEAD, OPTIONS, POST"


def test_a_literal_path_beats_a_parameter_and_leaves_it_other_methods(site: Site) -> None:
    assert site.ask("GET", "/t/things/newest").status == 202
    assert site.ask("DELETE", "/t/things/newest").json["id"] == "newest"


@pytest.mark.parametrize(
    ("sent", "meant"), [("a%2Fb", "a/b"), ("a%20b", "a b"), ("%C3%BC", "ü"), ("a%2525", "a%25"), ("a+b", "a+b")]
)
def test_path_parameters_are_decoded_once(site: Site, sent: str, meant: str) -> None:
    assert site.ask("GET", f"/t/things/{sent}").json["id"] == meant


def test_a_last_parameter_may_take_the_rest_of_the_path(site: Site) -> None:
    assert site.ask("GET", "/t/files/7/src/a%20b.py").json == {"id": "7", "path": "src/a b.py"}


def test_head_is_get_without_its_body(site: Site) -> None:
    full, head = site.ask("GET", "/t/things/x"), site.ask("HEAD", "/t/things/x")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == full.headers["content-length"]
    assert site.ask("HEAD", "/t/accepted").status == 405


def test_head_of_a_stream_sends_its_headers_and_ends(site: Site) -> None:
    reply = site.ask("HEAD", "/t/silent")
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["content-type"].startswith("text/event-stream")


def test_options_answers_a_preflight_without_a_key(site: Site) -> None:
    reply = site.ask("OPTIONS", "/t/things", key=None, Access_Control_Request_Headers="x-api-key, content-type")
    assert (reply.status, reply.body) == (204, b"")
    assert reply.headers["allow"] == reply.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS, POST"
    assert reply.headers["access-control-allow-headers"] == "x-api-key, content-type"
    assert site.ask("OPTIONS", "/t/nope", key=None).status == 404


def test_browsers_may_read_the_headers_that_matter(site: Site) -> None:
    exposed = site.ask("GET", "/t/things").headers["access-control-expose-headers"]
    assert {"request-id", "retry-after", "x-ratelimit-remaining"} <= set(exposed.split(", "))


def test_missing_and_wrong_keys_are_told_apart_by_nobody(site: Site) -> None:
    missing, wrong = site.ask("GET", "/t/things", key=None), site.ask("GET", "/t/things", key="no")
    for reply in (missing, wrong):
        assert_error(reply, 401, "unauthenticated")
        assert reply.headers["www-authenticate"] == "Bearer"
        assert "x-ratelimit-limit" not in reply.headers
    assert missing.json["error"] == wrong.json["error"]


def test_a_bearer_token_is_as_good_as_a_key(site: Site) -> None:
    assert site.ask("GET", "/t/things", key=None, Authorization="bearer key-a").status == 200
    assert site.ask("GET", "/t/things", key=None, Authorization="Basic key-a").status == 401


@pytest.mark.parametrize("key", ["wrong", ""])
def test_the_key_header_decides_alone_when_it_is_there(site: Site, key: str) -> None:
    assert site.ask("GET", "/t/things", key=key, Authorization="Bearer key-a").status == 401


def test_a_key_without_the_scope_is_403(site: Site) -> None:
    assert_error(site.ask("POST", "/t/things", {"name": "x"}, key="key-r"), 403, "forbidden", says="write")


def test_root_routes_admit_only_the_operator(site: Site) -> None:
    assert site.ask("GET", "/t/root", key="root-key").status == 202
    assert site.ask("GET", "/t/root", key="key-a").status == 403
    assert site.ask("GET", "/t/root", key="no").status == 401


def test_authenticated_answers_show_the_quota(site: Site) -> None:
    for reply in (site.ask("GET", "/t/things/x"), site.ask("POST", "/t/things", {})):
        assert reply.headers["x-ratelimit-limit"] == "1000"
        assert int(reply.headers["x-ratelimit-remaining"]) < 1000
        assert reply.headers["x-ratelimit-reset"] == "1900000000"


def test_a_used_up_quota_is_429_and_tells_when_to_come_back(site: Site) -> None:
    assert [site.ask("GET", "/t/few").status for _ in range(2)] == [202, 202]
    reply = site.ask("GET", "/t/few")
    assert_error(reply, 429, "rate_limited")
    assert (reply.headers["retry-after"], reply.headers["retry-after-ms"]) == ("2", "1500")


def test_the_checks_come_in_their_order(site: Site) -> None:
    assert site.ask("POST", "/t/things", b"{", key=None).status == 401
    assert site.ask("POST", "/t/things", b"{", key="key-r").status == 403
    assert site.ask("POST", "/t/echo", b"x" * 200_000, key="no").status == 401


def test_nothing_is_nothing(site: Site) -> None:
    reply = site.ask("POST", "/t/accepted")
    assert (reply.status, reply.body) == (202, b"")
    assert "content-type" not in reply.headers


@pytest.mark.parametrize(
    ("how", "status", "kind", "headers"),
    [
        ("missing", 404, "not_found", {}),
        ("conflict", 409, "conflict", {"x-should-retry": "false"}),
        ("soon", 409, "conflict", {"retry-after": "1", "retry-after-ms": "250"}),
        ("never", 501, "not_available", {"x-should-retry": "false"}),
        ("busy", 503, "overloaded", {"retry-after": "1"}),
        ("bug", 500, "internal", {}),
    ],
)
def test_errors_bring_their_headers(site: Site, how: str, status: int, kind: str, headers: dict[str, str]) -> None:
    reply = site.ask("POST", f"/t/fail/{how}")
    assert_error(reply, status, kind)
    assert headers.items() <= reply.headers.items()
    assert ("x-should-retry" in reply.headers) == ("x-should-retry" in headers)
    assert b"secret detail" not in reply.body


def test_requests_at_once_keep_their_ids_apart(site: Site) -> None:
    with ThreadPoolExecutor(24) as pool:
        keys = ["key-a", "key-b"] * 12
        replies = list(pool.map(lambda key: (key, site.ask("GET", "/t/who", key=key)), keys))
    for key, reply in replies:
        told = reply.json
        tenant = {"key-a": "tenant-a", "key-b": "tenant-b"}[key]
        assert told["before"] == told["after"] == {"request_id": told["request_id"], "tenant": tenant}
        assert told["request_id"] == reply.headers["request-id"]


def test_a_hundred_requests_at_once_are_all_answered_by_a_bounded_number_of_threads(site: Site) -> None:
    # Whose the requests are is found out by the first one.
    site.ask("GET", "/t/who")
    with ThreadPoolExecutor(100) as pool:
        asked = [pool.submit(site.ask, "GET", "/t/slow") for _ in range(100)]
        site.services.go_on.wait(0.3)
        busy = [thread for thread in threading.enumerate() if thread.name.startswith("lambent-worker")]
        site.services.go_on.set()
        assert {reply.result().status for reply in asked} == {200}
    assert 1 <= len(busy) <= THREADS


def test_a_kept_connection_answers_without_waiting_for_acknowledgements(site: Site) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=5)
    spent = []
    for _ in range(11):
        started = time.perf_counter()
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        spent.append(time.perf_counter() - started)
    connection.close()
    assert statistics.median(spent) < 0.03


def test_one_connection_serves_many_requests(site: Site) -> None:
    head = "GET /t/things/x HTTP/1.1\nhost: x\nx-api-key: key-a\n"
    with site.raw(head) as connection:
        answers = connection.makefile("rb")
        for _ in range(3):
            assert answers.readline() == b"HTTP/1.1 200 OK\r\n"
            headers = dict(line.rstrip().split(b": ", 1) for line in iter(answers.readline, b"\r\n"))
            assert json.loads(answers.read(int(headers[b"content-length"])))["id"] == "x"
            connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n")
