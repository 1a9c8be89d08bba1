"""Masked arguments: against texts and calculations that are rewritten as strings and read anew."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from readers import MakeReader, examples_of, in_training, unmasked
from torch import Tensor
from torch.autograd import grad

from anzan.reader import views
from anzan.reader.batch import collate_examples, collate_texts
from anzan.reader.encode import TextEncoder
from anzan.reader.labels import Example
from anzan.reader.network import CalculatorReader
from anzan.reader.reader import Reader
from anzan.reader.sequence import Mention
from anzan.reader.views import draw_digits

PROBLEMS = [
    ("Anna has 7 pens. Carl has 54 pens. Zoë has 1,120 pens.", "Who has more: Anna or Carl?", "Carl"),
    ("Anna has 7 pens. Carl has 5.4 pens. Anna gave 3 pens to Zoë.", "How many are 50 and 4?", "54"),
    ("Anna has 7 pens. Carl has -54 pens.", "What is the maximum?", "7"),
]
STALE = [{"7", "54", "1,120"}, {"7", "3"}, {"7", "-54"}]
EXACT = {"choice": {"objective": "exact-marginal"}, "supervision": {"argument_loss": "none"}}


def disguise(text: str, decoy: Sequence[int]) -> str:
    """The text with its digits replaced, one after the other."""
    digits = iter(decoy)
    return "".join(str(next(digits)) if c.isdigit() else c for c in text)


def slow_candidate(
    model: CalculatorReader, features: TextEncoder, example: Example, index: int, blind: set[str], decoys: Tensor
) -> Tensor:
    """The span loss behind one candidate, what the reader sees written as strings."""
    text, pair = example.text, example.text.candidates[index]
    hidden = {k for k, m in enumerate(text.mentions) if m.where == "passage" and m.text in blind} | set(pair)
    written = {"passage": text.passage, "question": text.question}
    for k in hidden:
        m: Mention = text.mentions[k]
        old = written[m.where]
        written[m.where] = old[: m.start] + disguise(old[m.start : m.end], decoys[k].tolist()) + old[m.end :]
    seen = features.text(written["passage"], written["question"])
    assert len(seen.ids) == len(text.ids)

    printed = features.calculator(*(text.mentions[k].value for k in pair))
    line = printed.text
    for field in printed.fields:
        if field.argument is not None:
            operand = disguise(line[field.start : field.end], decoys[pair[field.argument]].tolist())
            line = line[: field.start] + operand + line[field.end :]
    row = features.row(replace(printed, text=line))
    assert row is not None

    batch = collate_texts([seen], 0)
    gone = {t for k in hidden for t in range(text.mentions[k].span[0], text.mentions[k].span[1] + 1)}
    gone = {t for t in gone if (token := text.tokens[t]) and written[token.where][token.start : token.end].isdigit()}
    for t in gone:
        batch.text.answerable[0, t] = False
    start, end = model.read(unmasked(batch, torch.tensor([row.ids])))
    start, end = start[0].log_softmax(0), end[0].log_softmax(0)
    base = len(text.ids)
    spans = [s for s in example.text_spans if s[0] not in gone]
    spans += [(a + base, b + base) for a, b in example.row_spans[index]]
    return -torch.logsumexp(torch.stack([start[a] + end[b] for a, b in spans]), 0) if spans else torch.tensor(20.0)


@pytest.fixture
def decoys(monkeypatch: pytest.MonkeyPatch) -> Tensor:
    """The digits that mask up to five numbers of three examples, which the model then draws."""
    known = draw_digits(3, 5, torch.device("cpu"))
    monkeypatch.setattr(views, "draw_digits", lambda batch, numbers, *_, **__: known[:batch, :numbers])
    return known


@pytest.mark.parametrize("stale", [0.0, 1.0])
def test_every_candidate_is_read_with_its_own_arguments_masked(
    make_reader: MakeReader, stale: float, decoys: Tensor
) -> None:
    model, text_encoder = make_reader(mask={"arguments": "random", "stale": stale}, **EXACT)
    examples = examples_of(text_encoder, PROBLEMS)
    batch = collate_examples(examples, 0)
    scores = model.score(batch, unmasked(batch))  # the first pass sees the numbers as they are
    totals = []
    for b, (e, blind) in enumerate(zip(examples, STALE, strict=True)):
        p = scores[b, : len(e.rows)].softmax(0)
        hidden = blind if stale else set()
        losses = [slow_candidate(model, text_encoder, e, i, hidden, decoys[b]) for i in range(len(e.rows))]
        totals.append(-torch.log((p * (-torch.stack(losses)).exp()).sum()))
    expected = torch.stack(totals).mean()
    loss = in_training(model)(batch).loss
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)
    wanted = [model.spans.weight, model.scorers[0].inner.weight]
    for ours, theirs in zip(grad(loss, wanted), grad(expected, wanted), strict=True):
        assert ours.any()
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)


def test_the_mask_of_the_straight_through_pass_is_that_of_the_choice(make_reader: MakeReader, decoys: Tensor) -> None:
    model, text_encoder = make_reader(mask={"arguments": "random"}, supervision={"argument_loss": "none"})
    examples = examples_of(text_encoder, PROBLEMS)
    out = model(collate_examples(examples, 0))
    pairs = enumerate(examples)
    expected = [slow_candidate(model, text_encoder, e, int(out.index[b]), set(), decoys[b]) for b, e in pairs]
    seen = torch.stack([x for x in expected if x.item() != 20.0])
    torch.testing.assert_close(out.loss, seen.mean(), atol=1e-4, rtol=1e-4)


def test_fixed_masks_are_in_training_what_they_are_in_answering(make_reader: MakeReader) -> None:
    found = {}
    for kind in ("random", "fixed"):
        model, text_encoder = make_reader(mask={"arguments": kind}, **EXACT)
        [example] = examples_of(text_encoder, PROBLEMS[:1])
        batch = collate_examples([example], 0)
        in_training(model)
        found[kind] = {model(batch).loss.item() for _ in range(3)}
    assert len(found["random"]) == 3 and len(found["fixed"]) == 1
    later = draw_digits(1, 5, torch.device("cpu"), random=False)[0]
    p = model.score(batch, unmasked(batch))[0].softmax(0)
    losses = [slow_candidate(model, text_encoder, example, i, set(), later) for i in range(len(example.rows))]
    assert found["fixed"].pop() == pytest.approx(-torch.log((p * (-torch.stack(losses)).exp()).sum()).item(), rel=1e-4)


def test_digits_that_were_calculated_with_are_seen_in_the_results_alone(make_reader: MakeReader) -> None:
    """The same results, whatever is in the text: the same answer, at the same place."""
    model, text_encoder = make_reader(mask={"arguments": "random"})
    reader = Reader(model, text_encoder.tokenizer)
    shown = text_encoder.row(text_encoder.calculator(Fraction(12), Fraction(34)))
    traces = [
        next(
            reader.trace_many([(f"Anna has {a} pens. Carl has {b} pens.", "Who has more?")], override=lambda *_: shown)
        )
        for a, b in ((12, 34), (56, 78), (99, 10))
    ]
    assert len({tuple(t.seen) for t in traces}) == 1 and len({(t.span, t.answer.confidence) for t in traces}) == 1
    for t in traces:
        used = [m.text for m in t.answer.steps[0].arguments]
        assert t.answer.source == "calculator" or not any(n in t.answer.answer for n in used)


def test_a_masked_choice_in_training_is_that_of_a_text_with_other_digits(
    make_reader: MakeReader, decoys: Tensor
) -> None:
    model, text_encoder = make_reader(mask={"arguments": "random", "choosing": True})
    examples = examples_of(text_encoder, PROBLEMS)
    log_probs = in_training(model)(collate_examples(examples, 0)).log_probs
    for b, (passage, question, _) in enumerate(PROBLEMS):
        numbers = [(m.where, m.start, m.end, decoys[b, i].tolist()) for i, m in enumerate(examples[b].text.mentions)]
        for where, start, end, decoy in numbers:
            source = passage if where == "passage" else question
            source = source[:start] + disguise(source[start:end], decoy) + source[end:]
            passage, question = (source, question) if where == "passage" else (passage, source)
        batch = collate_texts([text_encoder.text(passage, question)], 0)
        scores = model.score(batch, unmasked(batch))[0]
        torch.testing.assert_close(log_probs[b, : len(scores)], scores.log_softmax(0), atol=1e-4, rtol=1e-4)


def test_a_masked_choice_in_answering_does_not_depend_on_digits(make_reader: MakeReader) -> None:
    model, text_encoder = make_reader(mask={"arguments": "random", "choosing": True})
    reader = Reader(model, text_encoder.tokenizer)
    texts = [(f"Anna has {a} pens. Carl has {b} pens. Zoë has {c}.", "Who?") for a, b, c in ((12, 34, 5), (98, 10, 7))]
    assert len({t.pair for t in reader.trace_many(texts)}) == 1
