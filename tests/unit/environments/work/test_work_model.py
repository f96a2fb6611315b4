"""Places in the queue, and pauses before an item that was given up is offered again."""

from chalicelib.environments.work.model import Place, pause_ms


def test_a_place_is_read_as_it_was_written() -> None:
    for place in (Place(5, "q", 3), Place(1_790_000_000_000, "s", 1_780_000_000_000)):
        assert Place.read(place.text()) == place


def test_places_sort_by_their_moment_before_anything_else() -> None:
    places = [Place(1000, "o", 0), Place(100, "q", 0), Place(100, "l", 1), Place(99, "s", 1)]
    assert sorted(places, key=Place.text) == places[::-1]


def test_the_pause_grows_with_every_item_given_up_in_a_row_up_to_a_minute() -> None:
    assert [pause_ms(tries) for tries in (0, 1, 2, 3, 4, 7, 50)] == [0, 1000, 2000, 4000, 8000, 60_000, 60_000]
