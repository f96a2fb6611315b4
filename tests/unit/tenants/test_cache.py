from chalicelib.tenants.cache import Recent


class Ticker:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_value_is_loaded_again_when_its_time_is_over() -> None:
    ticker = Ticker()
    recent: Recent[str] = Recent(3.0, ticker)
    values = iter(["first", "second"])
    assert recent.get("k", lambda: next(values)) == "first"
    ticker.now += 2.9
    assert recent.get("k", lambda: next(values)) == "first"
    ticker.now += 0.2
    assert recent.get("k", lambda: next(values)) == "second"


def test_absence_is_not_kept() -> None:
    recent: Recent[str] = Recent(3.0)
    assert recent.get("k", lambda: None) is None
    assert recent.get("k", lambda: "now there") == "now there"


def test_a_dropped_value_is_loaded_again() -> None:
    recent: Recent[str] = Recent(3.0)
    recent.get("k", lambda: "old")
    recent.drop("k")
    assert recent.get("k", lambda: "new") == "new"
