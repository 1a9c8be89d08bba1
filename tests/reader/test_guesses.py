"""Guesses discounted or subtracted: against readings of masked texts that are put together token by token."""

import pytest
import torch
from readers import MakeReader
from torch import Tensor
from torch.autograd import grad

from anzan.reader import guesses
from anzan.reader.batch import collate_examples, collate_texts
from anzan.reader.config import CalculatorReaderConfig
from anzan.reader.encode import Example, Features
from anzan.reader.guesses import FLOOR, without_guess
from anzan.reader.network import CalculatorReader
from anzan.reader.reader import Reader

PROBLEMS = [
    ("Anna has 7 pens. Carl has 54 pens. Zoë has 1,120 pens.", "Who has more: Anna or Carl?", "Carl"),
    ("Anna has 7 pens. Carl has 54 pens.", "How many are 50 and 4?", "104"),
    ("Anna has 7 pens. Carl has -54 pens.", "What is the maximum?", "7"),
]


def guess(model: CalculatorReader, features: Features, example: Example, index: int) -> Tensor:
    """The probability of the answer where digits and the result of this candidate are masked."""
    text, row = example.text, example.rows[index]
    assert row is not None
    batch = collate_texts([text], features.pad)
    sources = {"question": text.question, "passage": text.passage}
    for i, token in enumerate(text.tokens):
        if token is not None and sources[token.where][token.start : token.end].isdigit():
            batch["input_ids"][0, i] = features.tokenizer.mask_token_id
    ids = [features.tokenizer.mask_token_id] * (len(row.ids) - 1) + [row.ids[-1]]
    keys = ("input_ids", "attention_mask", "token_type_ids", "span_mask")
    start, end = model.read_rows(torch.tensor([ids]), **{k: batch[k] for k in keys})
    start, end = start[0].softmax(0), end[0].softmax(0)
    base = len(text.ids)
    spans = [*example.text_spans, *((a + base, b + base) for a, b in example.row_spans[index])]
    return torch.stack([start[a] * end[b] for a, b in spans] or [start.new_zeros(())]).sum()


@pytest.mark.parametrize("objective", ["exact-marginal", "straight-through"])
def test_an_example_counts_by_what_its_answer_cannot_be_guessed(make_reader: MakeReader, objective: str) -> None:
    options = {"objective": objective, "argument_loss": "none", "noise_scale": 0.0}
    model, features = make_reader(**options)
    examples = [features.example(p, q, [[a]]) for p, q, a in PROBLEMS]
    model.training = True  # the objective's, not the encoder's dropout
    guesses, losses = [], []  # one example at a time
    for e in examples:
        out = model(**collate_examples([e], features.pad))
        guesses.append(guess(model, features, e, int(out.log_probs.argmax())))
        weight = 2 * (1 - guesses[-1].detach())
        losses.append(weight * out.loss)
    seen = [-p.log() for p in guesses if p > 0]
    readable = [i for i in range(3) if objective == "exact-marginal" or guesses[i] > 0]
    expected = torch.stack([losses[i] for i in readable]).mean() + torch.stack(seen).mean()

    model.config.discount_guesses = True
    loss = model(**collate_examples(examples, features.pad)).loss
    torch.testing.assert_close(loss, expected, atol=1e-4, rtol=1e-4)
    wanted = [model.spans.weight, model.scorers[0].inner.weight]
    for ours, theirs in zip(grad(loss, wanted), grad(expected, wanted), strict=True):
        assert ours.any()
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)
    # Measured without it.
    model.training = False
    plain = [model(**collate_examples(examples, features.pad)).loss.item()]
    model.config.discount_guesses = False
    plain.append(model(**collate_examples(examples, features.pad)).loss.item())
    assert plain[0] == plain[1]


def test_a_guess_is_learnt_beside_the_reading(make_reader: MakeReader) -> None:
    """To be subtracted later: its own loss is added for half of the examples, and none counts for more than another."""
    model, features = make_reader(objective="exact-marginal", argument_loss="none", noise_scale=0.0)
    batch = collate_examples([features.example(p, q, [[a]]) for p, q, a in PROBLEMS], features.pad)
    model.training = True  # the objective's, not the encoder's dropout
    plain = model(**batch)
    best = plain.log_probs.argmax(-1).tolist()
    each = [guess(model, features, features.example(p, q, [[a]]), best[i]) for i, (p, q, a) in enumerate(PROBLEMS)]
    losses = [-p.log() if p else None for p in each]  # None where the answer does not stand in the text or result
    subsets = {
        round(sum(losses[i].item() for i in range(3) if taken >> i & 1 and losses[i] is not None), 3): taken
        for taken in range(8)
    }
    model.config.subtract_guesses = 1.0
    found = []
    for step in range(40):
        out = model(**batch, draws=3 * step + torch.arange(3))
        assert out.parts.keys() - plain.parts.keys() == {"guess"}
        torch.testing.assert_close(out.span_loss, plain.span_loss)
        torch.testing.assert_close(out.loss, plain.loss + out.parts["guess"].mean())
        total = out.parts["guess"].sum.item()
        found.append(next(taken for sum_, taken in subsets.items() if total == pytest.approx(sum_, abs=2e-3)))
    readable = [i for i in range(3) if losses[i] is not None]
    assert all(8 < sum(taken >> i & 1 for taken in found) < 32 for i in readable)
    model.config.subtract_guesses, model.config.discount_guesses = 0.0, True
    whole = model(**batch).parts["guess"]
    assert whole.sum.item() == pytest.approx(sum(losses[i].item() for i in readable), rel=1e-4)


@pytest.mark.parametrize("hide", [False, True])
def test_a_later_reading_is_divided_by_its_guess(
    make_reader: MakeReader, hide: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answers of both readings, written out place by place: p / max(guess, floor) ** 1.5, over its sum."""
    model, features = make_reader(hide_arguments=hide)
    torch.nn.init.normal_(model.spans.weight, std=0.1)
    monkeypatch.setattr(guesses, "FLOOR", 1e-3)  # random weights are not as sure as trained ones
    texts = [(p, q) for p, q, _ in PROBLEMS]
    traces = list(Reader(model, features).trace_many(texts))
    model.config.subtract_guesses = 1.5
    moved = 0
    for text, plain, ours in zip(texts, traces, Reader(model, features).trace_many(texts), strict=True):
        assert (ours.pair, ours.row, ours.seen) == (plain.pair, plain.row, plain.seen) and plain.row is not None
        length = len(plain.text.ids)
        batch = collate_texts([plain.text], features.pad)
        keys = {k: batch[k] for k in ("attention_mask", "token_type_ids", "span_mask")}
        if hide:
            keys["hidden"] = torch.tensor([plain.hidden[:length]])
        seen = torch.tensor([plain.seen])
        masked = seen.clone()
        sources = {"question": text[1], "passage": text[0]}
        for i in range(len(plain.seen) - 1):
            token = plain.text.tokens[i] if i < length else None
            if i >= length or (token and sources[token.where][token.start : token.end].isdigit()):
                masked[0, i] = features.mask
        odds = []
        for ids in (seen, masked):
            start, end = model.read_rows(ids[:, length:], input_ids=ids[:, :length], **keys)
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


@pytest.mark.parametrize("name", ["discount_guesses", "subtract_guesses"])
def test_guesses_are_for_calculators_alone(name: str) -> None:
    for others in ({"operations": ()}, {"calls": 2, "objective": "unordered-set"}):
        with pytest.raises(ValueError, match=rf"^{name}: for readers with one call of a calculator"):
            CalculatorReaderConfig(**{name: True}, **others)


def test_guesses_are_not_taken_away_twice() -> None:
    with pytest.raises(ValueError, match=r"^subtract_guesses: discount_guesses does the same in training"):
        CalculatorReaderConfig(discount_guesses=True, subtract_guesses=1.0)
