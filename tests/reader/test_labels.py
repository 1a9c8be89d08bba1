"""Where answers are: spans found by hand, results by arithmetic."""

from fractions import Fraction

import pytest
from readers import said, wording
from transformers import PreTrainedTokenizerFast

from anzan.arithmetic.calculator import Calculator
from anzan.reader.encode import TextEncoder
from anzan.reader.labels import make_example

PASSAGE = "Anna has 5,903,204 pens. Carl gave 12 pens to Zoë and has 123 more; 12.5% of -7 are red."
QUESTION = "Who has more than 12 pens: Anna or Carl?"


# -- answers in text and results ---------------------------------------------------------------------------------
def places(text_encoder: TextEncoder, passage: str, question: str, *answers: str) -> list[tuple[str, int, int]]:
    example = make_example(text_encoder, passage, question, [[a] for a in answers])
    return sorted(wording(example.text, s) for s in example.text_spans)


def find(source: str, where: str, *wanted: tuple[str, int]) -> list[tuple[str, int, int]]:
    """(text, how many occurrences to skip) -> offsets."""
    found = []
    for text, skip in wanted:
        start = -1
        for _ in range(skip + 1):
            start = source.index(text, start + 1)
        found.append((where, start, start + len(text)))
    return sorted(found)


@pytest.mark.parametrize(
    ("passage", "answer", "expected"),
    [
        # Numbers by value
        ("It is 5,903,204.", "5903204", [("5,903,204", 0)]),
        ("It is 5903204.", "5,903,204", [("5903204", 0)]),
        ("It is 5.0 or five or 5.", "5", [("5.0", 0), ("five", 0), ("5", 1)]),
        ("It is $12 or 12%.", "12", [("12", 0), ("12", 1)]),
        ("He is 3rd of 33.", "3", [("3", 0)]),
        ("In the 1990s.", "1990", [("1990", 0)]),
        ("It is -7 here.", "-7", [("-7", 0)]),
        # Word boundaries
        ("It is 123 or 312.", "12", []),
        ("Ann met Anna and Ann-Marie.", "Ann", [("Ann", 0), ("Ann", 2)]),
        # Part of a number is another number
        ("It is 12.5 or 1.12.", "12", []),
        ("It is 1,234.", "234", []),
        ("It is 1,234.", "1", []),
        ("It was twenty-five or two hundred.", "five", []),
        ("It was twenty-five or two hundred.", "two", []),
        ("It is -7 here.", "7", []),
        # Names whatever their case, every occurrence
        ("ANNA saw anna, and Anna's pen.", "Anna", [("ANNA", 0), ("anna", 0), ("Anna", 0)]),
        ("Zoë met Carl Smith.", "carl smith", [("Carl Smith", 0)]),
        ("Zoë met Carl Smith.", "ZOË", [("Zoë", 0)]),
        ("Zoë met Carl Smith.", " Carl ", [("Carl", 0)]),
        # Text with a number in it
        ("A run of 12 pens, and 12 more.", "12 pens", [("12 pens", 0)]),
        ("It is 12% and 12.5%.", "12%", [("12", 0), ("12%", 0)]),
        ("a (b) c", "(b)", [("(b)", 0)]),
        # Nothing to find
        ("a b c", "", []),
        ("a b c", "  ", []),
        ("a b c", "d", []),
    ],
)
def test_answers_in_the_passage(
    text_encoder: TextEncoder, passage: str, answer: str, expected: list[tuple[str, int]]
) -> None:
    assert places(text_encoder, passage, "?", answer) == find(passage, "passage", *expected)


def test_answers_in_both_texts_and_of_all_alternatives(text_encoder: TextEncoder) -> None:
    expected = find(PASSAGE, "passage", ("Anna", 0), ("12", 0)) + find(QUESTION, "question", ("Anna", 0), ("12", 0))
    assert places(text_encoder, PASSAGE, QUESTION, "Anna", "12") == expected
    example = make_example(text_encoder, PASSAGE, QUESTION, [["Anna", "12"]])
    assert sorted(wording(example.text, s) for s in example.text_spans) == expected


def test_results_by_arithmetic(text_encoder: TextEncoder) -> None:
    """Acceptable: a result equals the answer. Row spans: operands as well."""
    example = make_example(text_encoder, "Anna has 7, Carl 5, Zoë 12.", "How many?", [["12"]])
    assert example.text.candidates == [(0, 1), (0, 2), (1, 2)]  # 7 and 5, 7 and 12, 5 and 12
    assert example.acceptable == [True, False, False]
    shown = []
    for row, spans in zip(example.rows, example.row_spans, strict=True):
        assert row is not None
        pieces = text_encoder.tokenizer.convert_ids_to_tokens(row.ids)
        for first, last in spans:
            assert "".join(p.removeprefix("##") for p in pieces[first : last + 1]) == "12"
        shown.append([first for first, _ in spans])
    # 12 = 7 + 5 ... | 1 9 = 7 + 1 2 , - 5 = 7 - 1 2 , 5 = 1 2 - 7 | 1 7 = 5 + 1 2 , - 7 = 5 - 1 2 , 7 = 1 2 - 5
    assert shown == [[0], [5, 13, 18], [5, 13, 18]]


def test_signs_tell_results_apart(text_encoder: TextEncoder) -> None:
    example = make_example(text_encoder, "7 and 5", "?", [["-2"]])
    (row,), (spans,) = example.rows, example.row_spans
    assert row is not None and example.acceptable == [True]
    assert [text_encoder.tokenizer.convert_ids_to_tokens(row.ids[i : j + 1]) for i, j in spans] == [["-", "2"]]


@pytest.mark.parametrize("passage", ["no number", "one", "5"])
def test_fewer_than_two_numbers(text_encoder: TextEncoder, passage: str) -> None:
    example = make_example(text_encoder, passage, "?", [["5"]])
    assert (example.rows, example.row_spans, example.acceptable, example.gold) == ([], [], [], [])


def test_without_operations_there_are_no_candidates(tokenizer: PreTrainedTokenizerFast) -> None:
    example = make_example(TextEncoder(tokenizer, Calculator(())), "7 and 5", "?", [["5"]])
    assert example.rows == [] and [said(example.text, s) for s in example.text_spans] == ["5"]


def test_undefined_results(tokenizer: PreTrainedTokenizerFast) -> None:
    example = make_example(TextEncoder(tokenizer, Calculator(("/",))), "0 and 0 and 4", "?", [["0"]])
    assert [row is None for row in example.rows] == [True, False, False]
    assert example.acceptable == [False, True, True] and example.row_spans[0] == []


def test_gold_marks_pairs(text_encoder: TextEncoder) -> None:
    passage = "Anna 7, Carl 5, Zoë 7."
    text = text_encoder.text(passage, "?")
    places = [(m.where, m.start, m.end) for m in text.mentions]
    assert make_example(text_encoder, passage, "?", [["12"]]).gold == [False, False, False]
    assert make_example(text_encoder, passage, "?", [["12"]], [places[1], places[0]]).gold == [True, False, False]
    assert make_example(text_encoder, passage, "?", [["12"]], [Fraction(5), Fraction(7)]).gold == [True, False, True]
    assert make_example(text_encoder, passage, "?", [["12"]], [Fraction(5), Fraction(8)]).gold == [False, False, False]


def test_a_rounded_result_is_found_as_it_is_printed(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    text_encoder = TextEncoder(tiny_tokenizer, Calculator(("/",)))
    example = make_example(text_encoder, "10 cakes for 3 people", "how many each?", [("3.3333",)])
    assert example.acceptable == [True] and len(example.row_spans[0]) == 1
