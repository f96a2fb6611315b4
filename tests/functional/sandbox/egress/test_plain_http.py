"""Requests of plain HTTP, message by message."""

import socket
import threading
import time

import pytest

from tests.functional.outbound.web import Seen, answer, fixed, routes, serving
from tests.functional.sandbox.egress.boxes import box, read, request

HERE = {"a_test": "127.0.0.1", "b_test": "127.0.0.1"}


def test_what_the_host_sees() -> None:
    with serving(fixed(answer(b"x"))) as web, box(**HERE) as inside:
        inside.get(
            web.url("/p%20q?a=%2F&b", "A.Test."),
            "Host: b.test",
            "Proxy-Authorization: Basic eDp5",
            "Proxy-Connection: keep-alive",
            "Connection: keep-alive, X-Hop",
            "X-Hop: 1",
            "TE: trailers",
            "Upgrade: h2c",
            "X-End: 2",
        )
    (seen,) = web.requests
    assert seen.target == "/p%20q?a=%2F&b"
    assert seen.headers == {"host": f"a.test:{web.port}", "x-end": "2"}


def test_many_requests_over_one_connection() -> None:
    with serving(routes({"/1": answer(b"one"), "/2": answer(b"two")})) as web, box(**HERE) as inside:
        connection = inside.open()
        for path, host, body in (("/1", "a.test", b"one"), ("/2", "b.test", b"two"), ("/1", "b.test", b"one")):
            connection.sendall(request(web.url(path, host)))
            assert read(connection).body == body
    assert [seen.headers["host"].partition(":")[0] for seen in web.requests] == ["a.test", "b.test", "b.test"]


def test_requests_sent_ahead_are_answered_in_order() -> None:
    with serving(routes({"/1": answer(b"one"), "/2": answer(b"two")})) as web, box(**HERE) as inside:
        connection = inside.open()
        connection.sendall(request(web.url("/1", "a.test")) + request(web.url("/2", "b.test"), "Connection: close"))
        data = b""
        while piece := connection.recv(65536):
            data += piece
    assert data.index(b"one") < data.index(b"two")


def _server(*answers: bytes) -> tuple[socket.socket, list[bytes]]:
    """A host that keeps its connection and gives one answer for each request without a body."""
    listener, seen = socket.create_server(("127.0.0.1", 0)), []

    def run() -> None:
        left = list(answers)
        while left:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(5)
                while left:
                    data = connection.recv(65536)
                    if not data:
                        break
                    seen.append(data)
                    told = left.pop(0)
                    connection.sendall(told)
                    if b"x-hang-up" in told:
                        break

    threading.Thread(target=run, daemon=True).start()
    return listener, seen


def test_a_host_connection_is_used_again_and_replaced_when_it_is_gone() -> None:
    last = answer(b"2", x_hang_up="1")
    listener, seen = _server(answer(b"1"), last, answer(b"3"))
    url = f"http://a.test:{listener.getsockname()[1]}/"
    with listener, box(**HERE) as inside:
        connection = inside.open()
        for body in (b"1", b"2", b"3"):
            connection.sendall(request(url))
            assert read(connection).body == body
        assert inside.names.asked == ["a.test", "a.test"]
    assert len(seen) == 3


def test_chunks_both_ways() -> None:
    listener, seen = _server(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
    )
    with listener, box(**HERE) as inside:
        connection = inside.open()
        head = request(f"http://a.test:{listener.getsockname()[1]}/", "Transfer-Encoding: chunked", method="POST")
        connection.sendall(head + b"4\r\nwxyz\r\n0\r\n\r\n")
        told = read(connection)
    assert (told.body, told.headers["transfer-encoding"]) == (b"abcde", "chunked")
    assert b"transfer-encoding: chunked" in seen[0].lower()


def test_an_answer_until_the_end_of_the_connection() -> None:
    old = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nall of it"
    with serving(fixed(old)) as web, box(**HERE) as inside:
        assert inside.get(web.url(host="a.test")).body == b"all of it"


def test_an_old_client() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    with serving(fixed(chunked)) as web, box(**HERE) as inside:
        connection = inside.open()
        connection.sendall(f"GET {web.url(host='a.test')} HTTP/1.0\r\n\r\n".encode())
        told = read(connection)
    assert (told.body, "transfer-encoding" in told.headers) == (b"abc", False)


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", "200 OK"), ("GET", "304 Not Modified"), ("DELETE", "204 None")]
)
def test_answers_without_a_body(method: str, status: str) -> None:
    length = b"" if status.startswith("204") else b"Content-Length: 7\r\n"
    listener, _ = _server(b"HTTP/1.1 " + status.encode() + b"\r\n" + length + b"\r\n", answer(b"next"))
    url = f"http://a.test:{listener.getsockname()[1]}/"
    with listener, box(**HERE) as inside:
        connection = inside.open()
        connection.sendall(request(url, method=method))
        assert read(connection, method).headers.get("content-length") == (None if "204" in status else "7")
        connection.sendall(request(url))
        assert read(connection).body == b"next"


def test_the_host_decides_whether_to_go_on() -> None:
    def patient(connection: socket.socket, seen: Seen) -> None:
        connection.sendall(answer(seen.body[::-1]))

    with serving(patient) as web, box(**HERE) as inside:
        connection = inside.open()
        connection.sendall(
            request(web.url(host="a.test"), "Content-Length: 3", "Expect: 100-continue", method="PUT") + b"abc"
        )
        assert read(connection).body == b"cba"
    assert web.requests[0].headers["expect"] == "100-continue"


def test_interim_answers_go_through() -> None:
    both = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer(b"x")
    with serving(fixed(both)) as web, box(**HERE) as inside:
        connection = inside.open()
        connection.sendall(request(web.url(host="a.test"), "Connection: close"))
        data = b""
        while piece := connection.recv(65536):
            data += piece
    assert data.startswith(b"HTTP/1.1 103")
    assert b"200 OK" in data


def test_a_large_body_is_carried_while_its_echo_comes_back() -> None:
    size = 3_000_000
    listener = socket.create_server(("127.0.0.1", 0))

    def echo() -> None:
        connection = listener.accept()[0]
        with connection:
            data = b""
            while b"\r\n\r\n" not in data:
                data += connection.recv(65536)
            body = data.partition(b"\r\n\r\n")[2]
            connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode() + body)
            got = len(body)
            while got < size:
                piece = connection.recv(65536)
                got += len(piece)
                connection.sendall(piece)

    threading.Thread(target=echo, daemon=True).start()
    with listener, box(**HERE) as inside:
        connection = inside.open()
        data = bytes(range(250)) * (size // 250)
        url = f"http://a.test:{listener.getsockname()[1]}/"
        threading.Thread(target=connection.sendall, args=(request(url, body=data, method="POST"),), daemon=True).start()
        assert read(connection).body == data


def test_an_early_refusal_of_a_large_body_is_seen() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        connection = listener.accept()[0]
        connection.recv(1000)
        connection.sendall(answer(b"too large", "413 Content Too Large", Connection="close"))
        time.sleep(0.1)
        connection.close()

    threading.Thread(target=refuse, daemon=True).start()
    with listener, box(**HERE) as inside:
        connection = inside.open()
        url = f"http://a.test:{listener.getsockname()[1]}/"
        connection.sendall(request(url, "Content-Length: 50000000", method="POST") + b"x" * 100_000)
        told = read(connection)
    assert (told.status, told.body) == (413, b"too large")


@pytest.mark.parametrize(
    "broken", [b"", b"220 mail.test ESMTP\r\n", b"HTTP/1.1 200\r\nno colon\r\n\r\n", b"HTTP/1.1 2"]
)
def test_a_host_that_gives_no_answer(broken: bytes) -> None:
    with serving(fixed(broken)) as web, box(**HERE) as inside:
        told = inside.get(web.url(host="a.test"))
    assert (told.status, told.body) == (502, b"The host ended the connection without a whole answer.\n")


def test_an_answer_that_breaks_off_is_not_made_whole() -> None:
    with serving(fixed(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")) as web, box(**HERE) as inside:
        connection = inside.open()
        connection.sendall(request(web.url(host="a.test")))
        data = b""
        while piece := connection.recv(65536):
            data += piece
    assert data.endswith(b"\r\n\r\nabc")


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
        b"GET https://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        b"GET ftp://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n",
        b"GET http://a.test/ HTTP/1.1\r\n\r\n",
        b"GET http://a.test/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET http://a.test/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET http://user:pw9x@a.test/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"CONNECT a.test HTTP/1.1\r\nHost: a.test\r\n\r\n",
        b"CONNECT a.test:443/x HTTP/1.1\r\nHost: a.test\r\n\r\n",
        b"CONNECT x@a.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n",
        b"CONNECT a.test:99999 HTTP/1.1\r\nHost: a.test\r\n\r\n",
        b"\x16\x03\x01\x00\x05hello\r\n\r\n",
        b"SSH-2.0-x\r\n\r\n",
    ],
)
def test_what_is_no_proxy_request_gets_400(head: bytes) -> None:
    with box(**HERE) as inside:
        connection = inside.open()
        connection.sendall(head)
        told = read(connection)
        assert told.status == 400
        assert b"pw9x" not in told.raw
        assert inside.egress.decisions.get("allowed") is None


def test_a_request_cannot_be_hidden_in_another() -> None:
    smuggled = b"GET http://b.test/ HTTP/1.1\r\nHost: b.test\r\n\r\n"
    with serving(fixed(answer(b"x"))) as web, box(**HERE) as inside:
        connection = inside.open()
        lines = ("Transfer-Encoding: chunked", f"Content-Length: {len(smuggled)}")
        connection.sendall(request(web.url(host="a.test"), *lines, method="POST") + b"0\r\n\r\n" + smuggled)
        read(connection)
    framing = {name: value for name, value in web.requests[0].headers.items() if name.startswith(("cont", "trans"))}
    assert framing == {"transfer-encoding": "chunked"}
    assert len(web.requests) == 1


def test_too_long_a_head_is_refused() -> None:
    with box(**HERE) as inside:
        connection = inside.open()
        connection.sendall(b"GET http://a.test/ HTTP/1.1\r\nX: " + b"y" * 70_000)
        assert read(connection).status == 431


def test_a_client_that_leaves_ends_the_hosts_connection() -> None:
    left = threading.Event()

    def stream(connection: socket.socket, _: Seen) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        connection.settimeout(5)
        if connection.recv(1) == b"":
            left.set()

    with serving(stream) as web, box(**HERE) as inside:
        connection = inside.open()
        connection.sendall(request(web.url(host="a.test")))
        assert b"HTTP/1.1 200" in connection.recv(65536)
        connection.close()
        assert left.wait(5)


def test_a_web_socket() -> None:
    def chat(connection: socket.socket, seen: Seen) -> None:
        assert seen.headers["upgrade"] == "websocket"
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhi")
        connection.sendall(connection.recv(100)[::-1])

    with serving(chat) as web, box(**HERE) as inside:
        connection = inside.open()
        connection.sendall(request(web.url(host="a.test"), "Connection: Upgrade", "Upgrade: websocket"))
        told = read(connection, "GET")
        assert (told.status, told.headers["upgrade"]) == (101, "websocket")
        connection.sendall(b"\x01\x02\x03")
        got = told.body
        while len(got) < 5:
            got += connection.recv(100)
    assert got == b"hi\x03\x02\x01"
