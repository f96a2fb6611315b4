"""Wake-ups inside one process."""

from chalicelib.events.hub import Hub


def test_only_the_listeners_of_a_partition_are_woken() -> None:
    hub, woken = Hub(), list[str]()
    with hub.listening("a", lambda: woken.append("a")), hub.listening("b", lambda: woken.append("b")):
        hub.notify("a")
        hub.notify("nobody")
    assert woken == ["a"]


def test_whoever_leaves_is_not_woken_any_more() -> None:
    hub, woken = Hub(), list[int]()
    with hub.listening("a", lambda: woken.append(1)):
        with hub.listening("a", lambda: woken.append(2)):
            hub.notify("a")
        hub.notify("a")
    hub.notify("a")
    assert woken == [1, 2, 1]
