"""Keys and their shares against counting every number."""

import pytest

from anzan.tasks.possession.keys import open_keys, truncate, win_shares


@pytest.mark.parametrize(
    ("number", "digits", "cut"),
    [(8417312, 1, 8000000), (8417312, 2, 8400000), (7, 1, 7), (7, 2, 7), (10, 1, 10), (99, 2, 99)],
)
def test_truncated_numbers_keep_their_first_digits(number: int, digits: int, cut: int) -> None:
    assert truncate(number, digits) == cut


def test_the_table_of_keys_is_what_counting_gives() -> None:
    for sign in 1, -1:
        keys = open_keys(sign, 1, 99)
        assert keys
        for key in keys[:: max(1, len(keys) // 40)]:
            results = [(a + sign * t, c) for a in key.before for t in key.amount for c in key.other]
            wins = sum(result > c for result, c in results) / len(results)
            losses = sum(0 < result < c for result, c in results) / len(results)
            assert win_shares(sign, key) == (pytest.approx(wins), pytest.approx(losses))
            assert min(wins, losses) >= 0.05
