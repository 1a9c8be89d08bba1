"""Answers as JSON."""

import json
from fractions import Fraction

from anzan.reader.answer import NO_ANSWER, Answer, Step
from anzan.reader.sequence import Mention


def test_numbers_beyond_floats_are_json() -> None:
    big = Fraction("1" * 400) + Fraction(1, 2)
    mention = Mention(big, "x", 0, 1, "passage", (0, 0))
    answer = Answer("x", big, "passage", 1.0, 0, 1, (Step((mention,), "c"),))
    got = json.loads(json.dumps(answer.to_json(), allow_nan=False))
    for value in (got["value"], got["steps"][0]["arguments"][0]["value"]):
        assert abs(Fraction(value) - big) <= 1
    whole = Answer("x", Fraction("1" * 400), "passage", 1.0).to_json()
    assert whole["value"] == int("1" * 400)


def test_only_numbers_of_the_user_s_text_have_a_place_there() -> None:
    """The contract of `ask --json`: null for constants and earlier results."""
    places = [("question", 4, 5), ("passage", 0, 1), ("constant", 0, 0), ("step", 7, 8)]
    mentions = tuple(Mention(Fraction(3), "3", start, end, where, (0, 0)) for where, start, end in places)
    step = Step(mentions, "6 = 3 + 3", "+")
    assert Answer("6", Fraction(6), "calculator", 0.123456, steps=(step,)).to_json() == {
        "answer": "6",
        "value": 6,
        "source": "calculator",
        "confidence": 0.1235,
        "steps": [
            {
                "operation": "+",
                "arguments": [
                    {"text": "3", "value": 3, "start": 4, "end": 5, "where": "question"},
                    {"text": "3", "value": 3, "start": 0, "end": 1, "where": "passage"},
                    {"text": "3", "value": 3, "start": None, "end": None, "where": "constant"},
                    {"text": "3", "value": 3, "start": None, "end": None, "where": "step"},
                ],
                "calculation": "6 = 3 + 3",
            }
        ],
    }


def test_no_answer() -> None:
    assert NO_ANSWER.to_json() == {"answer": "", "value": None, "source": None, "confidence": 0.0, "steps": []}
