import pytest

from chalicelib.outbound.patterns import matches, matches_any

MEANT = [
    ("a.test", "a.test"),
    ("a.test", "A.TEST"),
    ("a.test", " a.test. "),
    ("x.a.test", "*.a.test"),
    ("x.y.z.a.test", "*.a.test"),
    ("x.a.test", "*.A.Test."),
    ("xn--bcher-kva.test", "bücher.test"),
    ("x.xn--bcher-kva.test", "*.BÜCHER.test"),
    ("10.0.0.1", "10.0.0.1"),
    ("2606:4700::1111", "[2606:4700::1111]"),
    ("anything", "*"),
    ("8.8.8.8", "*"),
]
NOT_MEANT = [
    ("a.test", "*.a.test"),
    ("xa.test", "*.a.test"),
    ("xa.test", "a.test"),
    ("x.a.test", "a.test"),
    ("a.test.evil", "a.test"),
    ("a.test.evil", "*.a.test"),
    ("a.test", ""),
    ("a.test", "."),
    ("a.test", "*."),
    ("a.test", "*.."),
    ("a.test", "**"),
    ("a.test", "*.*"),
    ("a.test", "a.*"),
    ("a.test", "*test"),
    (".a.test", "*.a.test"),
    ("10.0.0.1", "*.0.0.1"),
    ("10.0.0.1", "*.1"),
    ("a.test", "a\u0000.test"),
    ("a.test", "\u202ea.test"),
]


@pytest.mark.parametrize(("host", "pattern"), MEANT)
def test_hosts_that_are_meant(host: str, pattern: str) -> None:
    assert matches(host, pattern)
    assert matches_any(host, ["other.test", pattern])


@pytest.mark.parametrize(("host", "pattern"), NOT_MEANT)
def test_hosts_that_are_not_meant(host: str, pattern: str) -> None:
    assert not matches(host, pattern)


def test_no_pattern_means_nothing() -> None:
    assert not matches_any("a.test", [])
