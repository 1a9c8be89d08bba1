"""From span probabilities to answers: against all spans enumerated."""

from dataclasses import replace

import pytest
import torch
from readers import said, wording
from transformers import PreTrainedTokenizerFast

from anzan.arithmetic.calculator import Calculator, format_number
from anzan.arithmetic.numbers import parse_number
from anzan.reader.answer import NO_ANSWER
from anzan.reader.decode import Shown, Trace, decode, word_spans
from anzan.reader.encode import TextEncoder
from anzan.reader.sequence import Text

PASSAGE = "Anna has 5,903,204 pens. Carl has 12 pens and Zoë has -3.5."
QUESTION = "Who has more pens: Anna or Carl?"


@pytest.fixture(scope="module", params=["bert_tokenizer", "tiny_tokenizer"])
def text_encoder(request: pytest.FixtureRequest) -> TextEncoder:
    return TextEncoder(request.getfixturevalue(request.param), Calculator(), 256)


def enumerated(text: Text, most: int) -> set[tuple[int, int]]:
    """Every run of up to so many words of one text, and every number, though it be part of a word."""
    expected = {m.span for m in text.mentions}
    for i, first in enumerate(text.tokens):
        for j in range(i, len(text.tokens)):
            last = text.tokens[j]
            if first is None or last is None or first.where != last.where or not (first.starts_word and last.ends_word):
                continue
            if sum(t is not None and t.starts_word for t in text.tokens[i : j + 1]) <= most:
                expected.add((i, j))
    return expected


def shown_of(text_encoder: TextEncoder, pair: tuple[int, int] | None) -> Shown:
    text = text_encoder.text(PASSAGE, QUESTION)
    if pair is None:
        return Shown(text, text, None, None)
    row = text_encoder.result(text, pair)
    assert row is not None
    return Shown(text_encoder.extended(text, pair, row), text, pair, row)


def random_log_probs(shown: Shown, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    start, end = torch.randn(2, len(shown.ids), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (3 * start).log_softmax(0), (3 * end).log_softmax(0)


def test_word_spans_by_enumeration(text_encoder: TextEncoder) -> None:
    text = text_encoder.text("In the 1990s, 5kg cost $3.50: " + "a " * 15, QUESTION)
    assert set(word_spans(text, 2)) == enumerated(text, 2)
    assert {"1990", "5", "3.50"} <= {m.text for m in text.mentions}


@pytest.mark.parametrize("pair", [None, (1, 2)])
@pytest.mark.parametrize("seed", range(5))
def test_answers_are_ranked_by_p_of_start_and_end(
    text_encoder: TextEncoder, pair: tuple[int, int] | None, seed: int
) -> None:
    shown = shown_of(text_encoder, pair)
    text, base = shown.text, len(shown.text.ids)
    fields = {} if shown.row is None else {(a + base, b + base): (v, op) for v, (a, b), op in shown.row.fields}
    start, end = random_log_probs(shown, seed)
    p = {(i, j): (start[i] + end[j]).exp().item() for i, j in (*enumerated(text, 3), *fields)}
    expected = sorted(p, key=lambda span: p[span], reverse=True)
    found = decode(shown, (start, end), max_words=3, most=12)
    assert len(found) == 12 and [span for _, span in found] == expected[:12]
    for answer, span in found:
        assert span is not None and answer.confidence == pytest.approx(p[span])
        if span in fields:
            value, operation = fields[span]
            assert (answer.answer, answer.value, answer.source) == (format_number(value), value, "calculator")
            assert answer.start is answer.end is None and answer.steps[0].operation == operation
        else:
            assert answer.answer == said(text, span) and answer.value == parse_number(answer.answer)
            assert (answer.source, answer.start, answer.end) == wording(text, span)
            assert [step.operation for step in answer.steps] == [None] * len(shown.called.calls)
        assert [m.text for step in answer.steps for m in step.arguments] == (["12", "-3.5"] if pair else [])
    assert decode(shown, (start, end), max_words=3, most=1) == found[:1]
    every = decode(shown, (start, end), max_words=3, most=10_000)
    assert len(every) == len(p)


def test_nothing_to_mark_is_no_answer(bert_tokenizer: PreTrainedTokenizerFast) -> None:
    text_encoder = TextEncoder(bert_tokenizer, Calculator())
    text = text_encoder.text("", "\x01")
    shown = Shown(text, text, None, None)
    [(answer, span)] = decode(shown, random_log_probs(shown), max_words=12, most=3)
    assert answer == NO_ANSWER and span is None
    # The calls are there all the same.
    called = shown_of(text_encoder, (0, 1))
    silent = replace(called, text=text, row=None)
    [(answer, span)] = decode(silent, random_log_probs(silent), max_words=12, most=1)
    assert span is None and [m.text for m in answer.steps[0].arguments] == ["5,903,204", "12"]


def test_a_trace_shows_what_was_read(text_encoder: TextEncoder) -> None:
    shown = shown_of(text_encoder, (0, 1))
    assert shown.row is not None and shown.ids == shown.called.ids == [*shown.text.ids, *shown.row.ids]
    trace = Trace(shown, None, NO_ANSWER)
    assert (trace.text, trace.pair, trace.row) == (shown.text, (0, 1), shown.row)
    nothing = shown_of(text_encoder, None)
    assert nothing.ids == nothing.text.ids
