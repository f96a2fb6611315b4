"""Comparisons with the last answer: they come to a finding whatever is compared."""

from typing import Any

import pytest

from chalicelib.engine.verifiers import compared
from chalicelib.evals import grading
from chalicelib.evals.errors import TrialFailed


@pytest.mark.parametrize(
    ("answer", "scorer", "opts", "result"),
    [
        ("It is 12.5.", "number", {"expected": 12}, "needs_revision"),
        ("It is 12.5.", "number", {"expected": 12, "tolerance": 0.5}, "satisfied"),
        ("none", "number", {"expected": 12}, "needs_revision"),
        (" Yes\n", "exact_match", {"expected": "Yes"}, "satisfied"),
        ("YES, of course", "contains", {"expected": "yes"}, "satisfied"),
        ("1", "number", {"expected": 10**400}, "failed"),
        ("1", "number", {"expected": 1, "tolerance": 10**400}, "failed"),
        ("1", "number", {"expected": "one"}, "failed"),
        ("1", "number", {}, "failed"),
        ("9" * 5000, "number", {"expected": 1}, "needs_revision"),
    ],
)
def test_an_answer_is_compared(answer: str, scorer: str, opts: dict[str, Any], result: str) -> None:
    assert compared(answer, scorer, opts).result == result
    if result == "failed":
        with pytest.raises(TrialFailed):
            grading.compared(answer, scorer, opts)
    else:
        assert grading.compared(answer, scorer, opts).passed == (result == "satisfied")
