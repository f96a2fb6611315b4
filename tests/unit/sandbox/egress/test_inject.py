import base64

import pytest

from chalicelib.sandbox.box.egress.inject import Injector
from chalicelib.sandbox.hosts.base import Injection


def test_names_that_begin_alike_and_values_that_look_like_names() -> None:
    rewriter = Injector(
        (
            Injection(("a.test",), "one-NAME_10", "NAME_1"),
            Injection(("a.test",), "ten", "NAME_10"),
            Injection(("b.test",), "elsewhere", "NAME_2"),
        )
    ).rewriter("a.test")
    assert rewriter is not None
    target, headers = rewriter.head(b"/NAME_1?NAME_1=NAME_10", [(b"x", b"NAME_10 NAME_1 NAME_2")])
    assert target == b"/NAME_1?one-NAME_10=ten"
    assert headers == [(b"x", b"ten one-NAME_10 NAME_2"), (b"accept-encoding", b"identity")]


@pytest.mark.parametrize("name", [b"host", b"content-length", b"transfer-encoding", b"connection", b"expect"])
def test_headers_that_steer_the_message_are_left_alone(name: bytes) -> None:
    rewriter = Injector((Injection(("*",), "value", "NAME"),)).rewriter("a.test")
    assert rewriter is not None
    assert rewriter.head(b"/", [(name, b"NAME")])[1][0] == (name, b"NAME")


@pytest.mark.parametrize("value", [b"Basic NAME", b"Basic !!", b"Basic", b"basic  "])
def test_what_is_no_base64_is_read_as_it_is(value: bytes) -> None:
    rewriter = Injector((Injection(("*",), "value", "NAME"),)).rewriter("a.test")
    assert rewriter is not None
    assert rewriter.head(b"/", [(b"authorization", value)])[1][0][1] == value.replace(b"NAME", b"value")


def test_basic_without_the_name_is_not_touched() -> None:
    given = b"Basic " + base64.b64encode(b"user:word")
    rewriter = Injector((Injection(("*",), "value", "NAME"),)).rewriter("a.test")
    assert rewriter is not None
    assert rewriter.head(b"/", [(b"authorization", given)])[1][0][1] == given


def test_a_quoted_name_in_a_query() -> None:
    rewriter = Injector((Injection(("*",), "va/lue", "{NAME}"),)).rewriter("a.test")
    assert rewriter is not None
    assert rewriter.head(b"/?a=%7BNAME%7D&b={NAME}", [])[0] == b"/?a=va%2Flue&b=va%2Flue"


@pytest.mark.parametrize(
    "given",
    [Injection(("a.test",), "", "NAME"), Injection(("a.test",), " \n", "NAME"), Injection(("a.test",), "value")],
)
def test_what_injects_nothing(given: Injection) -> None:
    injector = Injector((given,))
    assert not injector.any
    assert injector.rewriter("a.test") is None


def test_white_space_around_a_value_is_no_part_of_it() -> None:
    rewriter = Injector((Injection(("a.test",), " value\n", "NAME"),)).rewriter("a.test")
    assert rewriter is not None
    assert rewriter.head(b"/", [(b"x", b"NAME.")])[1][0] == (b"x", b"value.")
