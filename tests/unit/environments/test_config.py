import pytest

from chalicelib.environments.config import checked_dockerfile, checked_host


@pytest.mark.parametrize("host", ["example.com", "*.example.com", "a", "10.0.0.1", "xn--bcher-kva.example", "A-b.C"])
def test_hosts(host: str) -> None:
    assert checked_host(host) == host.lower()


@pytest.mark.parametrize(
    "host",
    [
        "",
        "https://a.b",
        "a.b:80",
        "a.b/x",
        "*",
        "*.*.b",
        "a.*.b",
        "-a.b",
        "a-.b",
        "a..b",
        ".a",
        "a.",
        "a b",
        "é.b",
        "a" * 254,
    ],
)
def test_what_is_no_host(host: str) -> None:
    with pytest.raises(ValueError):
        checked_host(host)


def test_lines_that_add_to_an_image() -> None:
    text = "# comment\nRUN apt-get update && \\\n    FROM-like continuation\n\nenv A=1\nCOPY a /b\n"
    assert checked_dockerfile(text) == text
    assert checked_dockerfile("") == ""


@pytest.mark.parametrize(
    "line", ["FROM x", "WORKDIR /", "USER root", "ENTRYPOINT x", "CMD x", "ADD a b", "RUN", "RUNX a"]
)
def test_lines_that_do_more_are_refused(line: str) -> None:
    with pytest.raises(ValueError, match="line 2"):
        checked_dockerfile(f"RUN true\n{line}\n")
