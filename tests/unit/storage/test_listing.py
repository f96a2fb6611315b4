from chalicelib.storage.keys import list_sk
from chalicelib.storage.listing import Window

IDS = ("00000000-0000-4000-8000-000000000000", "89abcdef-0000-4000-8000-00000000000f")


def inside(window: Window, position: str) -> bool:
    bounds = window.bounds()
    return bounds is not None and bounds[0] <= position <= bounds[1]


def test_a_position_is_left_out_and_its_neighbours_are_not() -> None:
    for end in IDS:
        at = list_sk(1000, end)
        down, up = Window(10, at), Window(10, at, ascending=True)
        assert (inside(down, at), inside(up, at)) == (False, False)
        assert inside(down, list_sk(999, IDS[1]))
        assert inside(up, list_sk(1001, IDS[0]))
    assert inside(Window(10, list_sk(1000, IDS[1])), list_sk(1000, IDS[0]))
    assert inside(Window(10, list_sk(1000, IDS[0]), ascending=True), list_sk(1000, IDS[1]))


def test_bounds_of_creation_are_inclusive() -> None:
    window = Window(10, created_from=1000, created_to=2000)
    assert [inside(window, list_sk(ms, IDS[1])) for ms in (999, 1000, 2000, 2001)] == [False, True, True, False]


def test_what_cannot_hold_anything_has_no_bounds() -> None:
    assert Window(10, created_from=2000, created_to=1000).bounds() is None
    assert Window(10, created_to=-1).bounds() is None
    assert Window(10, list_sk(1000, IDS[0]), created_from=5000).bounds() is None


def test_dates_beyond_the_calendar_are_taken_as_its_ends() -> None:
    assert inside(Window(10, created_from=-5, created_to=10**20), list_sk(1000, IDS[0]))
