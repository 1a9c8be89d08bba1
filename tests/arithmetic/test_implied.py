"""Numbers that words imply, against values that an ordinary reader would give."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anzan.arithmetic import find_implied, find_numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("She has twice as many.", {"twice": 2}),
        ("He doubled it, then TRIPLED it.", {"doubled": 2, "TRIPLED": 3}),
        ("Half as many as on Monday", {"Half": 2}),
        ("two dozen eggs", {"dozen": 12}),
        ("3 pairs of socks", {"pairs": 2}),
        ("a couple of days", {"a couple": 2}),
        ("3 weeks is how many days?", {"weeks": 7}),
        ("3 weeks", {}),
        ("60 miles an hour for 30 minutes", {"hour": 60}),
        ("4 feet and 3 inches", {"feet": 12}),
        ("3 dimes", {"dimes": 10}),
        ("half of them and half a mile", {}),  # written: find_numbers reads a half
        ("the second half, a half-hour", {}),
        ("a double-decker, doubleday, the couple", {}),
        ("the Twins won 5 games", {"Twins": 2}),
    ],
)
def test_what_words_imply(text: str, expected: dict[str, int]) -> None:
    assert {n.text: n.value for n in find_implied(text)} == expected


def test_the_word_beside_a_unit_may_be_in_the_question() -> None:
    assert not find_implied("She worked for 2 hours.")
    assert [(n.text, n.value, n.kind) for n in find_implied("She worked for 2 hours.", "How many minutes?")] == [
        ("hours", 60, "unit")
    ]


WORDS = st.sampled_from(
    ["twice", "half", "dozen", "a", "pair", "of", "two", "12", "weeks", "day", "1/2", "as", "many", "-"]
)


@given(st.lists(st.one_of(WORDS, st.text(max_size=4)), max_size=12).map(" ".join))
def test_they_are_in_order_apart_and_where_they_say(text: str) -> None:
    found = find_implied(text)
    places = sorted([(n.start, n.end) for n in (*found, *find_numbers(text))])
    assert all(a[1] <= b[0] for a, b in pairwise(places))
    assert [n.start for n in found] == sorted(n.start for n in found)
    assert all(text[n.start : n.end] == n.text and n.value > 1 for n in found)
