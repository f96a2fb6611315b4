from chalicelib.tools.search.provider import Query, with_sites


def test_few_hosts_are_asked_for_and_many_are_not() -> None:
    many = tuple(f"h{number}.test" for number in range(9))
    assert with_sites(Query("x", allowed_domains=("*.a.test",)), 8) == "x site:a.test"
    assert with_sites(Query("x", allowed_domains=many), 8) == "x"
    assert with_sites(Query("x", blocked_domains=("a.test", "b.test")), 8) == "x -site:a.test -site:b.test"
    assert with_sites(Query("x", blocked_domains=many), 8) == "x"


def test_words_alone_stay_as_they_are() -> None:
    assert with_sites(Query("just words"), 8) == "just words"
