"""Words of texts as they are compared, and the order they give."""

from chalicelib.memory import terms
from chalicelib.memory.facets import Facets
from chalicelib.memory.ranking import ranked


def facets(name: str, text: str) -> Facets:
    """What is known of a memory that has no vectors."""
    return Facets(name, "v", terms.packed(terms.words(text)))


def test_words_are_folded_and_parts_of_names_count_too() -> None:
    assert terms.words("Stra\u00dfe \uff21\uff22\uff23 snake_case 4711!") == {
        "strasse",
        "abc",
        "snake_case",
        "snake",
        "case",
        "4711",
    }


def test_writing_without_spaces_counts_by_pairs() -> None:
    assert {"東京", "京都"} <= terms.words("東京都")


def test_kept_words_are_found_and_no_others() -> None:
    kept = terms.packed({f"word{number}" for number in range(500)})
    asked = [terms.code(f"word{number}") for number in range(500)]
    assert terms.among(kept, asked) == asked
    assert terms.among(kept, [terms.code(f"other{number}") for number in range(500)]) == []
    assert terms.among(b"", asked) == []


def test_rare_words_weigh_more_than_common_ones() -> None:
    known = [facets(f"m{number}", "the common text") for number in range(5)] + [facets("rare", "unusual")]
    found = ranked(known, "the unusual", None, "")
    assert found[0].memory_id == "rare"
    assert len(found) == 6
    assert 0 < found[-1].score < found[0].score <= 1


def test_what_shares_no_word_is_not_found_by_words() -> None:
    assert ranked([facets("a", "one")], "two", None, "") == []


def test_of_a_query_without_end_only_the_beginning_is_looked_for() -> None:
    words = [f"word{number}" for number in range(4000)]
    known = [facets("early", words[0]), facets("late", words[-1])]
    assert [one.memory_id for one in ranked(known, " ".join(words), None, "")] == ["early"]
    assert terms.first_words("b a b c a", 2) == ["b", "a"]
