"""Aggregation: percent, argument accuracy by mention and by value, kinds and sources."""

from fractions import Fraction
from typing import Any

import pytest

from anzan.evaluation.scores import Argument, Prediction, argument_accuracy, evaluate_predictions
from anzan.tasks.problem import Problem

PASSAGE = "Anna has 5 pens. Carl has 5 pens. Anna gave 2 pens to Carl."
FIVE_OF_ANNA = Argument(Fraction(5), "passage", 9, 10)
FIVE_OF_CARL = Argument(Fraction(5), "passage", 26, 27)
TWO = Argument(Fraction(2), "passage", 44, 45)


def problem(**changes: Any) -> Problem:
    mentions = [{"where": each.where, "start": each.start, "end": each.end} for each in (FIVE_OF_ANNA, TWO)]
    values: dict[str, Any] = {
        "id": "1",
        "passage": PASSAGE,
        "question": "How many pens has Anna?",
        "answers": (("3",),),
        "arguments": ((Fraction(5), Fraction(2)),),
        "kind": "max",
        "meta": {"mentions": mentions},
    }
    return Problem(**(values | changes))


def made(*steps: tuple) -> Prediction:
    return Prediction("3", "calculator", steps)


def test_mentions_decide_where_they_are_known() -> None:
    for arguments in (FIVE_OF_ANNA, TWO), (TWO, FIVE_OF_ANNA):
        assert argument_accuracy(problem(), made(arguments)) is True
        assert argument_accuracy(problem(), made(arguments, (FIVE_OF_CARL, TWO))) is True  # a program may go on
    for wrong in [(FIVE_OF_CARL, TWO)], [(FIVE_OF_ANNA,)], [(FIVE_OF_ANNA, TWO, TWO)], []:
        assert argument_accuracy(problem(), made(*wrong)) is False
    assert argument_accuracy(problem(), made((FIVE_OF_CARL, TWO), (FIVE_OF_ANNA, TWO))) is False


def test_the_same_offsets_of_another_text_are_wrong() -> None:
    assert argument_accuracy(problem(), made((FIVE_OF_ANNA._replace(where="question"), TWO))) is False


def test_values_decide_elsewhere() -> None:
    values = problem(meta={})
    assert argument_accuracy(values, made((FIVE_OF_CARL, TWO))) is True
    assert argument_accuracy(values, made((TWO, (Fraction(5), "constant", None, None)))) is True
    assert argument_accuracy(values, made((TWO, TWO))) is False


def test_a_multiset_counts_repetitions() -> None:
    twice = problem(meta={}, arguments=((Fraction(5), Fraction(5)),))
    assert argument_accuracy(twice, made((FIVE_OF_ANNA, FIVE_OF_CARL))) is True
    assert argument_accuracy(twice, made((FIVE_OF_ANNA, TWO))) is False


def test_all_steps_of_a_chain_in_their_order() -> None:
    chain = problem(meta={}, arguments=((Fraction(5), Fraction(2)), (Fraction(3), Fraction(5))))
    first, second = (TWO, FIVE_OF_ANNA), (FIVE_OF_CARL, Argument(Fraction(3), "step"))
    assert argument_accuracy(chain, made(first, second)) is True
    assert argument_accuracy(chain, made(first, second, second)) is True
    for wrong in [first], [second, first], [first, first], [first, first, second]:
        assert argument_accuracy(chain, made(*wrong)) is False


def test_no_gold_arguments_no_accuracy() -> None:
    assert argument_accuracy(problem(arguments=None, meta={}), made((TWO, TWO))) is None


def test_evaluate() -> None:
    problems = [
        problem(),
        problem(answers=(("-3",),)),
        problem(kind="argmax", arguments=None, meta={}, answers=(("Anna Smith",),)),
        problem(kind=None, arguments=None, meta={}),
    ]
    predictions = [
        made((FIVE_OF_ANNA, TWO)),
        made((FIVE_OF_CARL, TWO)),
        Prediction("Anna", "question"),
        Prediction("", "none"),
    ]
    assert evaluate_predictions(problems, predictions) == {
        "f1": 66.75,
        "em": 50.0,
        "signed_em": 25.0,
        "argument_accuracy": 50.0,
        "spurious": 50.0,
        "n": 4,
        "by_kind": {
            "argmax": {"f1": 67.0, "em": 0.0, "signed_em": 0.0, "n": 1},
            "max": {
                "f1": 100.0, "em": 100.0, "signed_em": 50.0, "argument_accuracy": 50.0, "spurious": 50.0, "n": 2,
            },
        },
        "by_source": {
            "calculator": {"f1": 100.0, "em": 100.0, "n": 2, "share": 50.0},
            "none": {"f1": 0.0, "em": 0.0, "n": 1, "share": 25.0},
            "question": {"f1": 67.0, "em": 0.0, "n": 1, "share": 25.0},
        },
    }  # fmt: skip


def test_spurious_counts_right_answers_alone() -> None:
    problems = [problem() for _ in range(4)]
    right, wrong = (FIVE_OF_ANNA, TWO), (FIVE_OF_CARL, TWO)
    predictions = [made(right), made(wrong), made(right), Prediction("4", "calculator", (wrong,))]
    assert evaluate_predictions(problems, predictions)["spurious"] == 33.33
    assert "spurious" not in evaluate_predictions(problems[3:], predictions[3:])


def test_by_the_number_of_calls_that_are_needed() -> None:
    chain = problem(meta={}, arguments=((Fraction(5), Fraction(2)), (Fraction(3), Fraction(5))))
    predictions = [made((FIVE_OF_ANNA, TWO)), Prediction("7", "calculator"), made((TWO, TWO))]
    scores = evaluate_predictions([problem(), chain, problem(arguments=None, meta={})], predictions)
    assert {calls: (s["em"], s["n"]) for calls, s in scores["by_calls"].items()} == {"1": (100.0, 1), "2": (0.0, 1)}


def test_nothing_to_evaluate() -> None:
    assert evaluate_predictions([], []) == {"n": 0, "by_kind": {}, "by_source": {}}


def test_a_prediction_for_each_problem() -> None:
    with pytest.raises(ValueError, match="0 predictions for 1 problems"):
        evaluate_predictions([problem()], [])


def test_a_bundle_is_consistent_where_all_of_it_is_right() -> None:
    variants = [
        problem(id="a"), problem(id="a_1", meta={"bundle": "a"}), problem(id="a_2", meta={"bundle": "a"}),
        problem(id="b"), problem(id="b_1", meta={"bundle": "b"}),
        problem(id="c_1", meta={"bundle": "c"}),  # its original is not here
        problem(id="d"), problem(id="d"),  # no variants, whatever their ids
    ]  # fmt: skip
    right = [Prediction("3", "calculator")] * len(variants)
    scores = evaluate_predictions(variants, right)
    assert (scores["consistency"], scores["bundles"]) == (100, 2)
    one_wrong = [*right[:2], Prediction("4", "calculator"), *right[3:]]
    assert evaluate_predictions(variants, one_wrong)["consistency"] == 50
    assert "consistency" not in evaluate_predictions(variants[5:], right[5:])
