"""Options, and those without problems."""

import re

import pytest

from anzan.errors import AnzanError
from anzan.tasks.possession import NAMES, OBJECTS, Possession


def test_pools() -> None:
    assert len(NAMES) >= 60 and len(OBJECTS) >= 30
    for pool in NAMES, OBJECTS:
        assert len(set(pool)) == len(pool)
        assert all(word.isascii() and word.isalpha() for word in pool)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"people": 1}, "people: 1; choose 2 to"),
        ({"people": 2, "transfers": 1}, "people: 2; choose 3 to"),
        ({"people": 100}, "people: 100; choose 2 to"),
        ({"digits": 0}, "digits: 0; choose 1 to"),
        ({"digits": 1, "transfers": 1}, "digits: 1; choose 2 to"),
        ({"max_digits": 1, "transfers": 1, "people": 3}, "max_digits: 1; choose 2 to"),
        ({"max_digits": 99}, "max_digits: 99; choose 1 to"),
        ({"digits": 1}, "digits: 1 give fewer distinct numbers"),
        ({"questions": ()}, "questions: "),
        ({"questions": ("min",)}, "questions: "),
        ({"transfers": 3}, "transfers: 3; choose 0, 1 or 2"),
        ({"transfers": -1}, "transfers: -1; choose 0, 1 or 2"),
        ({"people": 3, "transfers": 2}, "people: 3; choose 4 to"),
        ({"gap": 0}, "gap: 0; give a share of what a leading digit spans"),
        ({"gap": 11}, "gap: 11; give a share of what a leading digit spans"),
        ({"gap": 2, "transfers": 1, "bias": {"leading-digits": 0.9}}, "gap: 2; beyond 1 leading digits are free"),
        ({"names": ("Anna", "Anna")}, "names: "),
        ({"objects": ("green apples",)}, "objects: "),
        ({"bias": {"colour": 0.5}}, "bias colour: unknown kind; choose among asked-order"),
        ({"bias": {"name": 1.5}}, "bias name: 1.5; give a probability from 0 to 1"),
        ({"bias": {"name": float("nan")}}, "bias name: nan; give a probability"),
        ({"bias": {"role": 0.5}}, "bias role: needs a transfer sentence"),
        ({"bias": {"leading-digits": 0.5}}, "bias leading-digits: needs a transfer sentence"),
        ({"draw": "fair"}, "draw: 'fair'; choose balanced or free"),
        (
            {"draw": "free", "transfers": 1, "bias": {"role": 0.9}},
            "bias: needs balanced problems; leave it out or choose",
        ),
        ({"draw": "free", "transfers": 1, "gap": 1.0}, "gap: needs balanced problems; leave it out or choose draw=bal"),
        ({"draw": "free", "digits": 1, "people": 9, "transfers": 1}, "digits: 1 give fewer distinct numbers"),
        ({"transfers": 1, "bias": {"role": 1, "leading-digits": 1}}, "bias: role and leading-digits both decide"),
    ],
)
def test_impossible_options(options: dict, message: str) -> None:
    with pytest.raises(AnzanError, match="^" + re.escape(message)) as error:
        Possession(**options)
    assert "\n" not in str(error.value)
