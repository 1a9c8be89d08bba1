"""Features against the tokenizer itself, the printed lines, and spans found by hand."""

import re
from fractions import Fraction
from itertools import combinations
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from anzan.arithmetic.calculator import Calculator, format_number
from anzan.reader.batch import collate_examples, collate_rows, collate_texts
from anzan.reader.encode import Example, Features, TextTooLong
from anzan.reader.encoders import locate_encoder
from anzan.reader.sequence import Row, Text
from anzan.reader.tokenizer import load_tokenizer

PASSAGE = "Anna has 5,903,204 pens. Carl gave 12 pens to Zoë and has 123 more; 12.5% of -7 are red."
QUESTION = "Who has more than 12 pens: Anna or Carl?"


@pytest.fixture(scope="module", params=["bert_tokenizer", "tiny_tokenizer"])
def tokenizer(request: pytest.FixtureRequest) -> PreTrainedTokenizerFast:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def features(tokenizer: PreTrainedTokenizerFast) -> Features:
    return Features(tokenizer, Calculator(), 256)


def wording(text: Text, span: tuple[int, int]) -> tuple[str, int, int]:
    """Where a token span stands in the user's own string."""
    first, last = text.tokens[span[0]], text.tokens[span[1]]
    assert first is not None and last is not None and first.where == last.where
    return first.where, first.start, last.end


def said(text: Text, span: tuple[int, int]) -> str:
    where, start, end = wording(text, span)
    return (text.question if where == "question" else text.passage)[start:end]


# -- texts -------------------------------------------------------------------------------------------------------
def test_layout(features: Features) -> None:
    t = features.tokenizer
    text = features.text(PASSAGE, QUESTION)
    expected = [t.cls_token_id]
    for part in (QUESTION, PASSAGE.replace("5,903,204", "5903204")):
        expected += [*t(part, add_special_tokens=False)["input_ids"], t.sep_token_id]
    middle = expected.index(t.sep_token_id) + 1
    assert text.ids == expected and text.types == [0] * middle + [1] * (len(expected) - middle)
    assert [i for i, token in enumerate(text.tokens) if token is None] == [0, middle - 1, len(expected) - 1]
    assert {token.where for token in text.tokens[:middle] if token} == {"question"}


def test_tokens_stand_where_they_say(features: Features) -> None:
    text = features.text(PASSAGE, QUESTION)
    for i, token in zip(text.ids, text.tokens, strict=True):
        if token is None:
            continue
        (piece,) = features.tokenizer.convert_ids_to_tokens([i])
        source = text.question if token.where == "question" else text.passage
        shown = source[token.start : token.end].lower().replace("ë", "e")
        assert piece.removeprefix("##") == shown
        assert token.starts_word == (not piece.startswith("##"))
        # A word ends where a blank, a sign or the text's end follows; a thousands comma ends none.
        assert token.ends_word == (re.match(r"\w(\w|,\d)", source[token.end - 1 :]) is None)


def test_mentions_by_hand(features: Features) -> None:
    """Passage first, then question; offsets into the user's own string."""
    text = features.text(PASSAGE, QUESTION)
    assert [(str(m.value), m.text, m.where) for m in text.mentions] == [
        ("5903204", "5,903,204", "passage"),
        ("12", "12", "passage"),
        ("123", "123", "passage"),
        ("25/2", "12.5", "passage"),
        ("-7", "-7", "passage"),
        ("12", "12", "question"),
    ]
    for m in text.mentions:
        source = PASSAGE if m.where == "passage" else QUESTION
        assert source[m.start : m.end] == m.text
        assert wording(text, m.span) == (m.where, m.start, m.end)
        pieces = features.tokenizer.convert_ids_to_tokens(text.ids[m.span[0] : m.span[1] + 1])
        assert "".join(p.removeprefix("##") for p in pieces) == m.text.replace(",", "")
    assert text.candidates == [(i, j) for i in range(6) for j in range(6) if i < j]


def test_numbers_inside_words_and_in_words(features: Features) -> None:
    text = features.text("In the 1990s twenty-five men won $1,200 each (3rd: two hundred).", "?")
    assert [(m.text, int(m.value), said(text, m.span)) for m in text.mentions] == [
        ("1990", 1990, "1990"),
        ("twenty-five", 25, "twenty-five"),
        ("1,200", 1200, "1,200"),
        ("3", 3, "3"),
        ("two hundred", 200, "two hundred"),
    ]


@pytest.mark.parametrize(
    "passage", ["", "   ", "no number", "\U0001f600 \ud83d \udc00 x", "\x00\x01", "[SEP] [MASK] [CLS] 5"]
)
def test_odd_texts(features: Features, passage: str) -> None:
    text = features.text(passage, "who?")
    assert len(text.ids) == len(text.types) == len(text.tokens)
    for i, token in enumerate(text.tokens):
        if token is not None:
            said(text, (i, i))
            assert 0 <= token.start < token.end <= len(passage if token.where == "passage" else "who?")
    assert text.candidates == []


@settings(deadline=None, max_examples=60)
@given(
    passage=st.text(st.characters(codec=None), max_size=40)
    | st.text(st.sampled_from("0123456789,.-$% ab\ud800é½"), max_size=30)
)
def test_any_text(bert_tokenizer: PreTrainedTokenizerFast, passage: str) -> None:
    text = Features(bert_tokenizer, Calculator(), 512).text(passage, passage)
    for m in text.mentions:
        assert passage[m.start : m.end] == m.text and wording(text, m.span) == (m.where, m.start, m.end)
    for token in text.tokens:
        assert token is None or 0 <= token.start < token.end <= len(passage)


def test_too_long(tokenizer: PreTrainedTokenizerFast) -> None:
    features = Features(tokenizer, Calculator(), 20)
    assert len(features.text("a " * 16, "b").ids) == 20
    with pytest.raises(TextTooLong, match=r"^the text is 21 tokens long and this model reads at most 20: ") as error:
        features.text("a " * 17, "b")
    assert isinstance(error.value, ValueError) and "\n" not in str(error.value)
    # A result that does not fit behind the text is undefined: `8=3+5,-2=3-5,2=5-3` and its [SEP] are 20 tokens.
    fits = Features(tokenizer, Calculator(), 6 + 19)
    text = fits.text("3 5", "b")
    row = fits.result(text, (0, 1))
    assert row is not None and len(text.ids) == 6 and len(row.ids) == 19
    fits.max_length -= 1
    assert fits.result(text, (0, 1)) is None
    assert fits.example("3 5", "b", [["8"]]).rows == [None] and fits.example("3 5", "b", [["8"]]).acceptable == [False]


# -- results -----------------------------------------------------------------------------------------------------
NUMBERS = st.one_of(
    st.integers(-(10**12), 10**12).map(Fraction),
    st.integers(-200, 200).map(Fraction),
    st.tuples(st.integers(-(10**6), 10**6), st.sampled_from([2, 4, 5, 8, 10, 100, 3, 7])).map(lambda t: Fraction(*t)),
)


@settings(deadline=None, max_examples=60)
@given(a=NUMBERS, b=NUMBERS, operations=st.permutations("+-*/").map(tuple))
def test_a_row_is_what_the_tokenizer_makes_of_the_line(
    bert_tokenizer: PreTrainedTokenizerFast, a: Fraction, b: Fraction, operations: tuple[str, ...]
) -> None:
    calculator = Calculator(operations)
    printed = calculator(a, b)
    row = Features(bert_tokenizer, calculator).row(printed)
    assert row is not None
    encoding = bert_tokenizer.backend_tokenizer.encode(printed.text, add_special_tokens=False)
    assert row.ids == [*encoding.ids, bert_tokenizer.sep_token_id]
    assert bert_tokenizer.unk_token_id not in row.ids
    for field, (value, (first, last), operation) in zip(printed.fields, row.fields, strict=True):
        assert (value, operation) == (field.value, field.operation)
        assert (encoding.offsets[first][0], encoding.offsets[last][1]) == (field.start, field.end)
        pieces = bert_tokenizer.convert_ids_to_tokens(row.ids[first : last + 1])
        assert "".join(p.removeprefix("##") for p in pieces) == format_number(value)


@pytest.mark.parametrize("line", ["3.5", "0.05 = 1 / 20", "- 49 = 23 - 72", "8 = 3 - - 5", "1000 = 500 * 2"])
def test_rows_of_both_tokenizers(features: Features, line: str) -> None:
    from anzan.arithmetic.calculator import Printed

    row = features.row(Printed(line, ()))
    assert row is not None
    assert row.ids == [
        *features.tokenizer(line, add_special_tokens=False)["input_ids"],
        features.tokenizer.sep_token_id,
    ]


@pytest.mark.parametrize("pair", [("72", "23"), ("0.1", "2"), ("-3", "12"), ("5000", "5000"), ("1" + "0" * 30, "7")])
def test_rewritten_results(features: Features, pair: tuple[str, str]) -> None:
    """As if the line had been printed with other results; operands and signs stay."""
    printed = Calculator()(Fraction(pair[0]), Fraction(pair[1]))
    row = features.row(printed)
    assert row is not None
    turned = str.maketrans("0123456789", "1234567890")
    asked: list[str] = []
    changed = features.rewrite(row, lambda digits: asked.append(digits) or digits.translate(turned))
    assert len(asked) == len(set(asked))
    clauses = [clause.split(" = ") for clause in printed.text.split(" , ")]
    line = " , ".join(f"{result.translate(turned)} = {rest}" for result, rest in clauses)
    assert changed.ids == row_of(features, line)
    for (value, span, operation), (old, place, same) in zip(changed.fields, row.fields, strict=True):
        assert (span, operation) == (place, same)
        if operation is None:
            assert value == old
    results = [value for value, _, operation in changed.fields if operation]
    assert results == [Fraction(result.translate(turned).replace(" ", "")) for result, _ in clauses]


def row_of(features: Features, line: str) -> list[int]:
    """What the tokenizer makes of a line, its closing [SEP] included."""
    tokenizer: Any = features.tokenizer
    return [*tokenizer(line, add_special_tokens=False)["input_ids"], tokenizer.sep_token_id]


def test_nothing_printed_is_no_row(tokenizer: PreTrainedTokenizerFast) -> None:
    features = Features(tokenizer, Calculator(("/",)))
    assert features.row(features.calculator(Fraction(0), Fraction(0))) is None
    assert features.result(features.text("0 0", "?"), (0, 1)) is None


# -- answers in text and results ---------------------------------------------------------------------------------
def places(features: Features, passage: str, question: str, *answers: str) -> list[tuple[str, int, int]]:
    example = features.example(passage, question, [[a] for a in answers])
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
def test_answers_in_the_passage(features: Features, passage: str, answer: str, expected: list[tuple[str, int]]) -> None:
    assert places(features, passage, "?", answer) == find(passage, "passage", *expected)


def test_answers_in_both_texts_and_of_all_alternatives(features: Features) -> None:
    expected = find(PASSAGE, "passage", ("Anna", 0), ("12", 0)) + find(QUESTION, "question", ("Anna", 0), ("12", 0))
    assert places(features, PASSAGE, QUESTION, "Anna", "12") == expected
    example = features.example(PASSAGE, QUESTION, [["Anna", "12"]])
    assert sorted(wording(example.text, s) for s in example.text_spans) == expected


def test_results_by_arithmetic(features: Features) -> None:
    """Acceptable: a result equals the answer. Row spans: operands as well."""
    example = features.example("Anna has 7, Carl 5, Zoë 12.", "How many?", [["12"]])
    assert example.text.candidates == [(0, 1), (0, 2), (1, 2)]  # 7 and 5, 7 and 12, 5 and 12
    assert example.acceptable == [True, False, False]
    shown = []
    for row, spans in zip(example.rows, example.row_spans, strict=True):
        assert row is not None
        pieces = features.tokenizer.convert_ids_to_tokens(row.ids)
        for first, last in spans:
            assert "".join(p.removeprefix("##") for p in pieces[first : last + 1]) == "12"
        shown.append([first for first, _ in spans])
    # 12 = 7 + 5 ... | 1 9 = 7 + 1 2 , - 5 = 7 - 1 2 , 5 = 1 2 - 7 | 1 7 = 5 + 1 2 , - 7 = 5 - 1 2 , 7 = 1 2 - 5
    assert shown == [[0], [5, 13, 18], [5, 13, 18]]


def test_signs_tell_results_apart(features: Features) -> None:
    example = features.example("7 and 5", "?", [["-2"]])
    (row,), (spans,) = example.rows, example.row_spans
    assert row is not None and example.acceptable == [True]
    assert [features.tokenizer.convert_ids_to_tokens(row.ids[i : j + 1]) for i, j in spans] == [["-", "2"]]


@pytest.mark.parametrize("passage", ["no number", "one", "5"])
def test_fewer_than_two_numbers(features: Features, passage: str) -> None:
    example = features.example(passage, "?", [["5"]])
    assert (example.rows, example.row_spans, example.acceptable, example.gold) == ([], [], [], [])


def test_without_operations_there_are_no_candidates(tokenizer: PreTrainedTokenizerFast) -> None:
    example = Features(tokenizer, Calculator(())).example("7 and 5", "?", [["5"]])
    assert example.rows == [] and [said(example.text, s) for s in example.text_spans] == ["5"]


def test_undefined_results(tokenizer: PreTrainedTokenizerFast) -> None:
    example = Features(tokenizer, Calculator(("/",))).example("0 and 0 and 4", "?", [["0"]])
    assert [row is None for row in example.rows] == [True, False, False]
    assert example.acceptable == [False, True, True] and example.row_spans[0] == []


def test_gold_marks_pairs(features: Features) -> None:
    passage = "Anna 7, Carl 5, Zoë 7."
    text = features.text(passage, "?")
    places = [(m.where, m.start, m.end) for m in text.mentions]
    assert features.example(passage, "?", [["12"]]).gold == [False, False, False]
    assert features.example(passage, "?", [["12"]], [places[1], places[0]]).gold == [True, False, False]
    assert features.example(passage, "?", [["12"]], [Fraction(5), Fraction(7)]).gold == [True, False, True]
    assert features.example(passage, "?", [["12"]], [Fraction(5), Fraction(8)]).gold == [False, False, False]


# -- batches -----------------------------------------------------------------------------------------------------
def batch_of(features: Features) -> list[Example]:
    return [
        features.example("Anna 7, Carl 5, Zoë 12.", "How many?", [["12"]], [Fraction(7), Fraction(5)]),
        features.example("Anna has 1,000 pens and Carl has 20.", "Who has more?", [["Anna"]]),
        features.example("Nobody has any.", "Who?", [["Nobody"]]),
        features.example("x", "y", [["z"]]),
    ]


def test_collated_texts(features: Features) -> None:
    texts = [e.text for e in batch_of(features)]
    pad = 3
    batch = collate_texts(texts, pad)
    longest, numbers = max(len(t.ids) for t in texts), max(len(t.mentions) for t in texts)
    assert batch["input_ids"].shape == (4, longest) and batch["number_tokens"].shape == (4, numbers)
    assert batch["candidates"].shape == (4, 3, 2) and batch["candidate_mask"].shape == (4, 3)
    for b, t in enumerate(texts):
        n, rest = len(t.ids), longest - len(t.ids)
        assert batch["input_ids"][b].tolist() == t.ids + [pad] * rest
        assert batch["attention_mask"][b].tolist() == [1] * n + [0] * rest
        assert batch["token_type_ids"][b].tolist() == t.types + [0] * rest
        assert batch["span_mask"][b].tolist() == [k is not None for k in t.tokens] + [False] * rest
        assert batch["number_tokens"][b].tolist()[: len(t.mentions)] == [m.span[0] for m in t.mentions]
        pairs = list(combinations(range(len(t.mentions)), 2))
        assert batch["candidate_mask"][b].tolist() == [a < len(pairs) for a in range(3)]
        assert [tuple(p) for p in batch["candidates"][b].tolist()] == pairs + [(0, 0)] * (3 - len(pairs))


def test_collated_examples(features: Features) -> None:
    examples = batch_of(features)
    batch = collate_examples(examples, 0)
    length = max(len(r.ids) for e in examples for r in e.rows if r)
    assert batch["result_ids"].shape == (4, 3, length) and batch["result_ids"].dtype == torch.long
    for b, e in enumerate(examples):
        for a in range(3):
            row: Row | None = e.rows[a] if a < len(e.rows) else None
            ids = row.ids if row else []
            assert batch["result_ids"][b, a].tolist() == ids + [-1] * (length - len(ids))
            assert bool(batch["candidate_mask"][b, a]) == (row is not None)
            spans = [tuple(s) for s in batch["row_spans"][b, a].tolist() if s[0] >= 0]
            assert spans == (e.row_spans[a] if row else [])
            assert bool(batch["acceptable"][b, a]) == (a < len(e.acceptable) and e.acceptable[a])
            assert bool(batch["gold"][b, a]) == (a < len(e.gold) and e.gold[a])
        assert [tuple(s) for s in batch["text_spans"][b].tolist() if s[0] >= 0] == e.text_spans


def test_collated_examples_without_candidates(features: Features) -> None:
    batch = collate_examples(batch_of(features)[2:], 0)
    assert not {"candidates", "result_ids", "number_tokens", "row_spans"} & batch.keys()
    assert batch["text_spans"].shape == (2, 1, 2)
    assert collate_examples(batch_of(features)[3:], 0)["text_spans"].shape == (1, 0, 2)


def test_collated_examples_whose_results_are_all_undefined(tokenizer: PreTrainedTokenizerFast) -> None:
    features = Features(tokenizer, Calculator(("/",)))
    batch = collate_examples([features.example("0 and 0", "?", [["0"]])], 0)
    assert batch["result_ids"].shape == (1, 1, 0) and not batch["candidate_mask"].any()


def test_collated_rows() -> None:
    assert collate_rows([Row([4, 5], []), None, Row([6], [])]).tolist() == [[4, 5], [-1, -1], [6, -1]]
    assert collate_rows([None, None]).shape == (2, 0)


def test_a_rounded_result_is_found_as_it_is_printed():
    features = Features(load_tokenizer(locate_encoder("anzan-tiny")), Calculator(("/",)))
    example = features.example("10 cakes for 3 people", "how many each?", [("3.3333",)])
    assert example.acceptable == [True] and len(example.row_spans[0]) == 1


def test_special_tokens_that_a_user_types_are_text():
    features = Features(load_tokenizer(locate_encoder("anzan-tiny")), Calculator())
    tokenizer: Any = features.tokenizer
    ids = features.text("a [SEP] b [MASK] c", "q?").ids
    assert ids.count(tokenizer.sep_token_id) == 2 and tokenizer.mask_token_id not in ids
