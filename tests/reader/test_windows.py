"""Texts beyond the encoder's positions: against every window encoded by itself, and tokens placed one by one."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from readers import MakeReader, never_stopping
from torch import Tensor

from anzan.evaluation import saliency
from anzan.reader.batch import collate_examples, collate_texts
from anzan.reader.labels import make_example
from anzan.reader.network import CalculatorReader
from anzan.reader.reader import Reader
from anzan.reader.windows import Window, encode_in_windows, windows

FILLER = "a b a . " * 150
LONG = f"Anna has 5,903,204 pens. {FILLER}Carl has 12 pens. {FILLER}Zoë has 81 pens."
SHORT = "Anna has 7 pens. Carl has 5 pens."
QUESTION = "Who has more pens: Anna or Carl?"
SYMBOLS = {
    "numbers": "symbols",
    "choice": {"objective": "unordered-set"},
    "supervision": {"argument_loss": "marginal"},
}


def depth(w: Window, token: int, body: int) -> float:
    """How far a token is from the edges of a window, those of the text aside."""
    left = token - w.start if w.start else math.inf
    return min(left, w.end - 1 - token if w.end < body else math.inf)


@given(body=st.integers(1, 400), width=st.integers(1, 80))
def test_every_token_counts_where_it_is_deepest(body: int, width: int) -> None:
    cuts = windows(body, width)
    assert [t for w in cuts for t in range(w.first, w.last)] == list(range(body))
    for w in cuts:
        assert 0 <= w.start <= w.first <= w.last <= w.end <= body and w.end - w.start == min(width, body)
    for a, b in pairwise(cuts):
        assert b.start - a.start <= max(1, width // 2)
    for w in cuts:
        for t in range(w.first, w.last):
            best = max(depth(other, t, body) for other in cuts if other.start <= t < other.end)
            assert depth(w, t, body) >= best - 1  # the middle of an even overlap is as deep in either


def slow(model: CalculatorReader, ids: Sequence[int], types: Sequence[int]) -> Tensor:
    """One sequence, window by window."""
    question, body, back = (list(types).count(kind) for kind in range(3))
    embedded = model.encoder.get_input_embeddings()(torch.tensor([list(ids)]))
    if len(ids) <= 512:
        return model.encode(embedded, torch.ones(1, len(ids)), torch.tensor([list(types)]))[0]
    seen = []
    for w in windows(body, 512 - question - back):
        places = [*range(question), *range(question + w.start, question + w.end), *range(question + body, len(ids))]
        some = torch.tensor([[types[p] for p in places]])
        hidden = model.encode(embedded[:, places], torch.ones(1, len(places)), some)[0]
        seen.append((w, dict(zip(places, hidden, strict=True))))
    rows = []
    for place in range(len(ids)):
        if question <= place < question + body:
            rows += [hidden[place] for w, hidden in seen if w.first <= place - question < w.last]
        else:
            rows.append(torch.stack([hidden[place] for _, hidden in seen]).mean(0))
    return torch.stack(rows)


def test_long_and_short_texts_together(make_reader: MakeReader) -> None:
    model, text_encoder = make_reader()
    texts = [text_encoder.text(p, QUESTION) for p in (LONG, SHORT, FILLER + SHORT)]
    row = text_encoder.row(text_encoder.calculator(7, 5))
    assert row is not None and len(texts[0].ids) > 1200
    texts[2] = text_encoder.extended(texts[2], (0, 1), row)  # results after a long text
    batch = collate_texts(texts, text_encoder)
    embedded = model.encoder.get_input_embeddings()(batch.text.ids)
    for together in (1, 64):
        got = encode_in_windows(model._encode, embedded, batch.text.attention, batch.text.types, 512, together)
        for b, text in enumerate(texts):
            torch.testing.assert_close(got[b, : len(text.ids)], slow(model, text.ids, text.types), atol=1e-4, rtol=1e-4)
            assert not got[b, len(text.ids) :].any()


@pytest.mark.parametrize(
    "settings",
    [{}, {"choice": {"objective": "unordered-set"}}, SYMBOLS],
)
def test_a_long_text_is_asked_and_learnt_from(make_reader: MakeReader, settings: dict[str, Any]) -> None:
    model, text_encoder = make_reader(**settings)
    reader = Reader(never_stopping(model), text_encoder.tokenizer)
    text = text_encoder.text(LONG, QUESTION)
    assert [m.text for m in text.mentions] == ["5,903,204", "12", "81"]
    alone = [reader.ask(p, QUESTION) for p in (LONG, SHORT)]
    assert all(len(a.steps) == 1 for a in alone)
    together = list(reader.ask_many([(LONG, QUESTION), (SHORT, QUESTION)]))
    assert [(a.answer, a.steps) for a in together] == [(a.answer, a.steps) for a in alone]
    answer, tokens = saliency(reader, LONG, QUESTION)
    assert answer == alone[0] and sum(t.norm > 0 for t in tokens) > len(text.ids) // 2

    examples = [make_example(text_encoder, p, QUESTION, [["Carl"]]) for p in (LONG, SHORT)]
    model.train()
    loss = model(collate_examples(examples, text_encoder)).loss
    loss.backward()
    assert loss.isfinite() and all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())
    assert model.scorer.get_parameter("left.weight" if model.symbols else "inner.weight").grad.any()


def test_no_place_for_the_passage() -> None:
    types = torch.tensor([[0] * 8 + [1] * 4])
    with pytest.raises(ValueError, match="question and results are 8 tokens long and this model reads 8 at once"):
        encode_in_windows(lambda e, *_: e, torch.zeros(1, 12, 2), torch.ones(1, 12), types, 8)
