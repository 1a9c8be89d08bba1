"""The text encoder against the tokenizer itself and the printed lines."""

import re
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from readers import said, wording
from transformers import PreTrainedTokenizerFast

from anzan.arithmetic.calculator import Calculator, Printed, format_number
from anzan.reader.config import CalculatorReaderConfig
from anzan.reader.encode import TextEncoder, TextTooLong
from anzan.reader.labels import make_example
from anzan.reader.tokenizer import model_ids

PASSAGE = "Anna has 5,903,204 pens. Carl gave 12 pens to Zoë and has 123 more; 12.5% of -7 are red."
QUESTION = "Who has more than 12 pens: Anna or Carl?"


# -- texts -------------------------------------------------------------------------------------------------------
def test_layout(text_encoder: TextEncoder) -> None:
    t = text_encoder.tokenizer
    text = text_encoder.text(PASSAGE, QUESTION)
    expected = [t.cls_token_id]
    for part in (QUESTION, PASSAGE.replace("5,903,204", "5903204")):
        expected += [*t(part, add_special_tokens=False)["input_ids"], t.sep_token_id]
    middle = expected.index(t.sep_token_id) + 1
    assert text.ids == expected and text.types == [0] * middle + [1] * (len(expected) - middle)
    assert [i for i, token in enumerate(text.tokens) if token is None] == [0, middle - 1, len(expected) - 1]
    assert {token.where for token in text.tokens[:middle] if token} == {"question"}


def test_tokens_are_where_they_say(text_encoder: TextEncoder) -> None:
    text = text_encoder.text(PASSAGE, QUESTION)
    for i, token in zip(text.ids, text.tokens, strict=True):
        if token is None:
            continue
        (piece,) = text_encoder.tokenizer.convert_ids_to_tokens([i])
        source = text.question if token.where == "question" else text.passage
        shown = source[token.start : token.end].lower().replace("ë", "e")
        assert piece.removeprefix("##") == shown
        assert token.starts_word == (not piece.startswith("##"))
        # A word ends where a blank, a sign or the text's end follows; a thousands comma ends none.
        assert token.ends_word == (re.match(r"\w(\w|,\d)", source[token.end - 1 :]) is None)


def test_mentions_by_hand(text_encoder: TextEncoder) -> None:
    """Passage first, then question; offsets into the user's own string."""
    text = text_encoder.text(PASSAGE, QUESTION)
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
        pieces = text_encoder.tokenizer.convert_ids_to_tokens(text.ids[m.span[0] : m.span[1] + 1])
        assert "".join(p.removeprefix("##") for p in pieces) == m.text.replace(",", "")
    assert text.candidates == [(i, j) for i in range(6) for j in range(6) if i < j]


def test_numbers_inside_words_and_in_words(text_encoder: TextEncoder) -> None:
    text = text_encoder.text("In the 1990s twenty-five men won $1,200 each (3rd: two hundred).", "?")
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
def test_odd_texts(text_encoder: TextEncoder, passage: str) -> None:
    text = text_encoder.text(passage, "who?")
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
    text = TextEncoder(bert_tokenizer, Calculator(), 512).text(passage, passage)
    for m in text.mentions:
        assert passage[m.start : m.end] == m.text and wording(text, m.span) == (m.where, m.start, m.end)
    for token in text.tokens:
        assert token is None or 0 <= token.start < token.end <= len(passage)


def test_too_long(tokenizer: PreTrainedTokenizerFast) -> None:
    text_encoder = TextEncoder(tokenizer, Calculator(), 20)
    assert len(text_encoder.text("a " * 16, "b").ids) == 20
    with pytest.raises(TextTooLong, match=r"^the text is 21 tokens long and this model reads at most 20: ") as error:
        text_encoder.text("a " * 17, "b")
    assert isinstance(error.value, ValueError) and "\n" not in str(error.value)
    # A result that does not fit after the text is undefined: `8=3+5,-2=3-5,2=5-3` and its [SEP] are 20 tokens.
    fits = TextEncoder(tokenizer, Calculator(), 6 + 19)
    text = fits.text("3 5", "b")
    row = fits.result(text, (0, 1))
    assert row is not None and len(text.ids) == 6 and len(row.ids) == 19
    fits.max_length -= 1
    assert fits.result(text, (0, 1)) is None
    example = make_example(fits, "3 5", "b", [["8"]])
    assert example.rows == [None] and example.acceptable == [False]


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
    row = TextEncoder(bert_tokenizer, calculator).row(printed)
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
def test_rows_of_both_tokenizers(text_encoder: TextEncoder, line: str) -> None:
    row = text_encoder.row(Printed(line, ()))
    assert row is not None
    assert row.ids == [
        *text_encoder.tokenizer(line, add_special_tokens=False)["input_ids"],
        text_encoder.tokenizer.sep_token_id,
    ]


@pytest.mark.parametrize("pair", [("72", "23"), ("0.1", "2"), ("-3", "12"), ("5000", "5000"), ("1" + "0" * 30, "7")])
def test_rewritten_results(text_encoder: TextEncoder, pair: tuple[str, str]) -> None:
    """As if the line had been printed with other results; operands and signs stay."""
    printed = Calculator()(Fraction(pair[0]), Fraction(pair[1]))
    row = text_encoder.row(printed)
    assert row is not None
    turned = str.maketrans("0123456789", "1234567890")
    asked: list[str] = []
    changed = text_encoder.row(
        text_encoder.rewrite(printed, lambda digits: asked.append(digits) or digits.translate(turned))
    )
    assert len(asked) == len(set(asked))
    clauses = [clause.split(" = ") for clause in printed.text.split(" , ")]
    line = " , ".join(f"{result.translate(turned)} = {rest}" for result, rest in clauses)
    assert changed is not None and changed.ids == row_of(text_encoder, line)
    for (value, span, operation), (old, place, same) in zip(changed.fields, row.fields, strict=True):
        assert (span, operation) == (place, same)
        if operation is None:
            assert value == old
    results = [value for value, _, operation in changed.fields if operation]
    assert results == [Fraction(result.translate(turned).replace(" ", "")) for result, _ in clauses]


def row_of(text_encoder: TextEncoder, line: str) -> list[int]:
    """What the tokenizer makes of a line, its closing [SEP] included."""
    tokenizer: Any = text_encoder.tokenizer
    return [*tokenizer(line, add_special_tokens=False)["input_ids"], tokenizer.sep_token_id]


def test_nothing_printed_is_no_row(tokenizer: PreTrainedTokenizerFast) -> None:
    text_encoder = TextEncoder(tokenizer, Calculator(("/",)))
    assert text_encoder.row(text_encoder.calculator(Fraction(0), Fraction(0))) is None
    assert text_encoder.result(text_encoder.text("0 0", "?"), (0, 1)) is None


def test_special_tokens_that_a_user_types_are_text(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    text_encoder = TextEncoder(tiny_tokenizer, Calculator())
    tokenizer: Any = text_encoder.tokenizer
    ids = text_encoder.text("a [SEP] b [MASK] c", "q?").ids
    assert ids.count(tokenizer.sep_token_id) == 2 and tokenizer.mask_token_id not in ids


def test_the_text_encoder_of_a_reader(tokenizer: PreTrainedTokenizerFast) -> None:
    config = CalculatorReaderConfig(
        encoder={"model_type": "bert", "max_position_embeddings": 384},
        settings={
            "operations": ["*", "/"],
            "numbers": "symbols",
            "calls": 2,
            "constants": ["100", "1/2"],
            "choice": {"objective": "unordered-set"},
            "supervision": {"argument_loss": "marginal"},
        },
        max_tokens=1000,
        **model_ids(tokenizer),
    )
    made = TextEncoder.for_config(config, tokenizer)
    assert made.calculator == Calculator(("*", "/")) and made.tokenizer is tokenizer
    assert (made.max_length, made.positions, made.calls) == (1000, 384, 2)
    assert made.constants == (Fraction(100), Fraction(1, 2)) and made.symbols == config.symbol_ids is not None
    plain = TextEncoder.for_config(CalculatorReaderConfig(encoder={"model_type": "bert"}), tokenizer)
    assert plain.calculator == Calculator(("+", "-")) and (plain.max_length, plain.positions) == (4096, 512)
