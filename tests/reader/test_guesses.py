"""Guesses: against readings of masked texts that are put together token by token."""

from dataclasses import replace

import pytest
import torch
from readers import MakeReader, examples_of, in_training, unmasked
from torch import Tensor

from anzan.reader import guesses
from anzan.reader.batch import collate_examples, collate_texts
from anzan.reader.encode import TextEncoder
from anzan.reader.guesses import FLOOR, without_guess
from anzan.reader.labels import Example
from anzan.reader.network import CalculatorReader
from anzan.reader.reader import Reader

PROBLEMS = [
    ("Anna has 7 pens. Carl has 54 pens. Zoë has 1,120 pens.", "Who has more: Anna or Carl?", "Carl"),
    ("Anna has 7 pens. Carl has 54 pens.", "How many are 50 and 4?", "104"),
    ("Anna has 7 pens. Carl has -54 pens.", "What is the maximum?", "7"),
]


def guess(model: CalculatorReader, text_encoder: TextEncoder, example: Example, index: int) -> Tensor:
    """The probability of the answer where digits and the result of this candidate are masked."""
    text, row = example.text, example.rows[index]
    assert row is not None
    batch = collate_texts([text], text_encoder.pad)
    sources = {"question": text.question, "passage": text.passage}
    for i, token in enumerate(text.tokens):
        if token is not None and sources[token.where][token.start : token.end].isdigit():
            batch.text.ids[0, i] = text_encoder.tokenizer.mask_token_id
    ids = [text_encoder.tokenizer.mask_token_id] * (len(row.ids) - 1) + [row.ids[-1]]
    start, end = model.read(unmasked(batch, torch.tensor([ids])))
    start, end = start[0].softmax(0), end[0].softmax(0)
    base = len(text.ids)
    spans = [*example.text_spans, *((a + base, b + base) for a, b in example.row_spans[index])]
    return torch.stack([start[a] * end[b] for a, b in spans] or [start.new_zeros(())]).sum()


@pytest.mark.parametrize("objective", ["exact-marginal", "straight-through"])
def test_a_guess_is_learnt_beside_the_reading(make_reader: MakeReader, objective: str) -> None:
    """Its own loss is added for half of the examples, drawn anew; none counts for more than another."""
    options = {"noise_scale": 0.0} if objective == "straight-through" else {}
    settings = {
        "choice": {"objective": objective, "options": options},
        "supervision": {"argument_loss": "none"},
    }
    model, text_encoder = make_reader(**settings)
    examples = examples_of(text_encoder, PROBLEMS)
    batch = collate_examples(examples, text_encoder.pad)
    plain = in_training(model)(batch)
    best = plain.log_probs.argmax(-1).tolist()
    each = [guess(model, text_encoder, e, best[i]) for i, e in enumerate(examples)]
    losses = [-p.log() if p else None for p in each]  # None where the answer is in neither text nor row
    subsets = {
        round(sum(losses[i].item() for i in range(3) if taken >> i & 1 and losses[i] is not None), 3): taken
        for taken in range(8)
    }
    guessing, _ = make_reader(**settings, debias={"guesses": 1.0})  # the same weights
    in_training(guessing)
    found = []
    for step in range(40):
        out = guessing(replace(batch, draws=3 * step + torch.arange(3)))
        assert out.parts.keys() - plain.parts.keys() == {"guess"}
        torch.testing.assert_close(out.parts["span"].mean(), plain.parts["span"].mean())
        torch.testing.assert_close(out.loss, plain.loss + out.parts["guess"].mean())
        total = out.parts["guess"].sum.item()
        found.append(next(taken for sum_, taken in subsets.items() if total == pytest.approx(sum_, abs=2e-3)))
    readable = [i for i in range(3) if losses[i] is not None]
    assert all(8 < sum(taken >> i & 1 for taken in found) < 32 for i in readable)
    assert guessing.eval()(batch).parts.keys() == plain.parts.keys()  # in training alone


@pytest.mark.parametrize("masked", [False, True])
def test_a_later_reading_is_divided_by_its_guess(
    make_reader: MakeReader, masked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answers of both readings, written out place by place: p / max(guess, floor) ** 1.5, over its sum."""
    mask = {"arguments": "random"} if masked else {}
    model, text_encoder = make_reader(mask=mask)
    guessing, _ = make_reader(mask=mask, debias={"guesses": 1.5})
    torch.nn.init.normal_(model.spans.weight, std=0.1)
    guessing.load_state_dict(model.state_dict())
    monkeypatch.setattr(guesses, "FLOOR", 1e-3)  # random weights are not as sure as trained ones
    texts = [(p, q) for p, q, _ in PROBLEMS]
    traces, divided = (list(Reader(m, text_encoder.tokenizer).trace_many(texts)) for m in (model, guessing))
    moved = 0
    for text, plain, ours in zip(texts, traces, divided, strict=True):
        assert (ours.pair, ours.row, ours.seen) == (plain.pair, plain.row, plain.seen) and plain.row is not None
        length = len(plain.text.ids)
        batch = collate_texts([plain.text], text_encoder.pad)
        if masked:
            batch.text.answerable[0, torch.tensor(plain.masked[:length])] = False
        seen = torch.tensor([plain.seen])
        without = seen.clone()
        sources = {"question": text[1], "passage": text[0]}
        for i in range(len(plain.seen) - 1):
            token = plain.text.tokens[i] if i < length else None
            if i >= length or (token and sources[token.where][token.start : token.end].isdigit()):
                without[0, i] = text_encoder.tokenizer.mask_token_id
        odds = []
        for ids in (seen, without):
            start, end = model.read(replace(unmasked(batch, ids[:, length:]), ids=ids[:, :length]))
            odds.append((start[0].softmax(0), end[0].softmax(0)))
        rest = [a / b.clamp_min(1e-3) ** 1.5 for a, b in zip(*odds, strict=True)]
        start, end = (r / r.sum() for r in rest)
        assert ours.span is not None and plain.span is not None
        assert ours.answer.confidence == pytest.approx((start[ours.span[0]] * end[ours.span[1]]).item(), rel=1e-4)
        assert start[ours.span[0]] * end[ours.span[1]] >= start[plain.span[0]] * end[plain.span[1]]
        moved += ours.answer.confidence != pytest.approx(plain.answer.confidence, rel=1e-2)
    assert moved


def test_what_is_as_good_as_its_guess_is_a_fair_coin() -> None:
    """A close comparison after nine in ten in training: the reading says no more than the guess."""
    role = torch.tensor([0.9, 0.1]).log()
    torch.testing.assert_close(without_guess(role, role, 1.0).exp(), torch.tensor([0.5, 0.5]))
    # What the guess rules out is divided by no less than the floor.
    sure = without_guess(torch.tensor([0.98, 0.02]).log(), torch.tensor([1 - 1e-9, 1e-9]).log(), 1.0)
    torch.testing.assert_close(sure.exp(), torch.tensor([0.98, 0.02 / FLOOR]) / (0.98 + 0.02 / FLOOR))
