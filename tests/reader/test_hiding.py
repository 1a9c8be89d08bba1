"""Arguments hidden from the reader: against texts and calculations that are rewritten as strings and read anew."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import torch
from readers import MakeReader
from torch import Tensor
from torch.autograd import grad

from anzan.reader import network as modeling
from anzan.reader.batch import collate_examples, collate_texts
from anzan.reader.config import CalculatorReaderConfig
from anzan.reader.decoys import WIDTH, draw_decoys
from anzan.reader.encode import Example, Features
from anzan.reader.network import CalculatorReader
from anzan.reader.reader import Reader
from anzan.reader.sequence import Mention

PROBLEMS = [
    ("Anna has 7 pens. Carl has 54 pens. Zoë has 1,120 pens.", "Who has more: Anna or Carl?", "Carl"),
    ("Anna has 7 pens. Carl has 5.4 pens. Anna gave 3 pens to Zoë.", "How many are 50 and 4?", "54"),
    ("Anna has 7 pens. Carl has -54 pens.", "What is the maximum?", "7"),
]
SCORED = ("input_ids", "attention_mask", "token_type_ids", "number_tokens", "candidates")
BLIND = [{"7", "54", "1,120"}, {"7", "3"}, {"7", "-54"}]


def disguise(text: str, decoy: Sequence[int]) -> str:
    """The text with its digits replaced, one after the other."""
    digits = iter(decoy)
    return "".join(str(next(digits)) if c.isdigit() else c for c in text)


def slow_candidate(
    model: CalculatorReader, features: Features, example: Example, index: int, blind: set[str], decoys: Tensor
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
        batch["span_mask"][0, t] = False
    keys = ("input_ids", "attention_mask", "token_type_ids", "span_mask")
    start, end = model.read_rows(torch.tensor([row.ids]), **{k: batch[k] for k in keys})
    start, end = start[0].log_softmax(0), end[0].log_softmax(0)
    base = len(text.ids)
    spans = [s for s in example.text_spans if s[0] not in gone]
    spans += [(a + base, b + base) for a, b in example.row_spans[index]]
    return -torch.logsumexp(torch.stack([start[a] + end[b] for a, b in spans]), 0) if spans else torch.tensor(20.0)


@pytest.fixture
def decoys(monkeypatch: pytest.MonkeyPatch) -> Tensor:
    """Decoys for three examples of up to five numbers, which the model then draws."""
    known = draw_decoys(3, 5, torch.device("cpu"))
    monkeypatch.setattr(modeling, "draw_decoys", lambda batch, numbers, *_, **__: known[:batch, :numbers])
    return known


@pytest.mark.parametrize("blindfold", [0.0, 1.0])
def test_every_candidate_is_read_with_its_own_arguments_hidden(
    make_reader: MakeReader, blindfold: float, decoys: Tensor
) -> None:
    model, features = make_reader(
        hide_arguments=True, blindfold=blindfold, objective="exact-marginal", argument_loss="none"
    )
    examples = [features.example(p, q, [[a]]) for p, q, a in PROBLEMS]
    batch = collate_examples(examples, 0)
    scores = model.score(**{k: batch[k] for k in SCORED})  # the first pass sees the numbers as they are
    totals = []
    for b, (e, blind) in enumerate(zip(examples, BLIND, strict=True)):
        p = scores[b, : len(e.rows)].softmax(0)
        hidden = blind if blindfold else set()
        losses = [slow_candidate(model, features, e, i, hidden, decoys[b]) for i in range(len(e.rows))]
        totals.append(-torch.log((p * (-torch.stack(losses)).exp()).sum()))
    expected = torch.stack(totals).mean()
    model.training = True  # the objective's, not the encoder's dropout
    loss = model(**batch).loss
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)
    wanted = [model.spans.weight, model.scorers[0].inner.weight]
    for ours, theirs in zip(grad(loss, wanted), grad(expected, wanted), strict=True):
        assert ours.any()
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)


def test_hiding_in_the_straight_through_pass_is_that_of_the_choice(make_reader: MakeReader, decoys: Tensor) -> None:
    model, features = make_reader(hide_arguments=True, argument_loss="none")
    examples = [features.example(p, q, [[a]]) for p, q, a in PROBLEMS]
    out = model(**collate_examples(examples, 0))
    pairs = enumerate(examples)
    expected = [slow_candidate(model, features, e, int(out.index[b]), set(), decoys[b]) for b, e in pairs]
    seen = torch.stack([x for x in expected if x.item() != 20.0])
    torch.testing.assert_close(out.loss, seen.mean(), atol=1e-4, rtol=1e-4)


def test_fixed_decoys_are_in_training_what_they_are_later(make_reader: MakeReader) -> None:
    model, features = make_reader(hide_arguments=True, objective="exact-marginal", argument_loss="none")
    example = features.example(*PROBLEMS[0][:2], [[PROBLEMS[0][2]]])
    batch = collate_examples([example], 0)
    model.training = True  # the objective's, not the encoder's dropout
    drawn = {model(**batch).loss.item() for _ in range(3)}
    model.config.fixed_decoys = True
    fixed = {model(**batch).loss.item() for _ in range(3)}
    assert len(drawn) == 3 and len(fixed) == 1
    later = draw_decoys(1, 5, torch.device("cpu"), random=False)[0]
    p = model.score(**{k: batch[k] for k in SCORED})[0].softmax(0)
    losses = [slow_candidate(model, features, example, i, set(), later) for i in range(len(example.rows))]
    assert fixed.pop() == pytest.approx(-torch.log((p * (-torch.stack(losses)).exp()).sum()).item(), rel=1e-4)


def test_digits_that_were_calculated_with_are_seen_in_the_results_alone(make_reader: MakeReader) -> None:
    """The same results, whatever stands in the text: the same answer, at the same place."""
    model, features = make_reader(hide_arguments=True)
    reader = Reader(model, features)
    shown = features.row(features.calculator(Fraction(12), Fraction(34)))
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


def test_a_blind_choice_does_not_depend_on_digits(make_reader: MakeReader, decoys: Tensor) -> None:
    """Scores are those of a text that is written with decoys, in training; in inference digits change nothing."""
    model, features = make_reader(hide_arguments=True, blind_choice=True)
    model.training = True  # the layer's, not the encoder's dropout
    examples = [features.example(p, q, [[a]]) for p, q, a in PROBLEMS]
    log_probs = model(**collate_examples(examples, 0)).log_probs
    keys = ("input_ids", "attention_mask", "token_type_ids", "number_tokens", "candidates")
    for b, (passage, question, _) in enumerate(PROBLEMS):
        numbers = [(m.where, m.start, m.end, decoys[b, i].tolist()) for i, m in enumerate(examples[b].text.mentions)]
        for where, start, end, decoy in numbers:
            source = passage if where == "passage" else question
            source = source[:start] + disguise(source[start:end], decoy) + source[end:]
            passage, question = (source, question) if where == "passage" else (passage, source)
        batch = collate_texts([features.text(passage, question)], 0)
        scores = model.score(**{k: batch[k] for k in keys})[0]
        torch.testing.assert_close(log_probs[b, : len(scores)], scores.log_softmax(0), atol=1e-4, rtol=1e-4)
    reader = Reader(model.eval(), features)
    texts = [(f"Anna has {a} pens. Carl has {b} pens. Zoë has {c}.", "Who?") for a, b, c in ((12, 34, 5), (98, 10, 7))]
    assert len({t.pair for t in reader.trace_many(texts)}) == 1


def test_decoys_are_numbers_and_the_same_ones_in_inference() -> None:
    drawn = draw_decoys(200, 3, torch.device("cpu"))
    assert drawn.shape == (200, 3, WIDTH) and drawn[..., 0].min() == 1 and drawn.unique().tolist() == list(range(10))
    fixed = draw_decoys(2, 3, torch.device("cpu"), random=False)
    assert (fixed == draw_decoys(5, 3, torch.device("cpu"), random=False)[:2]).all()
    # Whatever else stands in the batch.
    assert (fixed == draw_decoys(2, 9, torch.device("cpu"), random=False)[:, :3]).all()
    assert len({tuple(n.tolist()) for n in fixed[0]}) == 3


@pytest.mark.parametrize("options", [{"blindfold": 0.5}, {"blindfold": 1.5, "hide_arguments": True}, {"blindfold": -1}])
def test_a_blindfold_needs_hiding(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^blindfold: a share from 0 to 1 that needs hide_arguments"):
        CalculatorReaderConfig(**options)


@pytest.mark.parametrize("name", ["blind_choice", "fixed_decoys"])
def test_what_is_said_of_decoys_needs_hiding(name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: needs hide_arguments"):
        CalculatorReaderConfig(**{name: True})


def test_a_model_without_a_tokenizer_s_digits_cannot_hide(make_reader: MakeReader) -> None:
    model, features = make_reader(hide_arguments=True)
    model.features = None
    with pytest.raises(ValueError, match=r"^model\.features: not set"):
        model(**collate_examples([features.example(*PROBLEMS[0][:2], [["Carl"]])], 0))
