"""Arguments hidden from the reader: against a reference that builds each candidate's text by hand."""

from typing import Any

import pytest
import torch
from readers import MakeReader
from torch import Tensor
from torch.autograd import grad

from anzan.reader.answers import Reader
from anzan.reader.features import Example, collate_examples
from anzan.reader.modeling import CalculatorReader, CalculatorReaderConfig

PROBLEMS = [
    ("Anna has 7 pens. Carl has 54 pens. Zoë has 120 pens.", "Who has more: Anna or Carl?", "Carl"),
    ("Anna has 7 pens. Carl has 54 pens. Anna gave 3 pens to Zoë.", "How many are 50 and 4?", "54"),
    ("Anna has 7 pens. Carl has 54 pens.", "What is the maximum?", "54"),
]
BLIND = [{"7", "54", "120"}, {"7", "3"}, {"7", "54"}]


def slow_candidate(model: CalculatorReader, example: Example, index: int, blind: set[str]) -> Tensor:
    """The span loss behind one candidate, its text embedded token by token."""
    row, pair, mentions = example.rows[index], example.text.candidates[index], example.text.mentions
    assert row is not None and model.marks is not None
    embedding: Any = model.encoder.get_input_embeddings().weight
    embedded = [embedding[i] for i in example.text.ids]
    hidden = set()
    marks = {k: 2 for k, m in enumerate(mentions) if m.text in blind and m.where == "passage"} | {
        pair[0]: 0,
        pair[1]: 1,
    }
    for k, mark in marks.items():
        for place in range(mentions[k].span[0], mentions[k].span[1] + 1):
            embedded[place] = model.marks.weight[mark]
            hidden.add(place)
    embedded += [embedding[i] for i in row.ids]
    types = {"bert": 1, "nomic_bert": 2}.get(model.encoder.config.model_type)
    extra = {} if types is None else {"token_type_ids": torch.tensor([example.text.types + [types] * len(row.ids)])}
    out = model.encoder(inputs_embeds=torch.stack(embedded)[None], attention_mask=torch.ones(1, len(embedded)), **extra)
    logits = model.spans(out.last_hidden_state[0])
    base = len(example.text.ids)
    allowed = [t is not None and i not in hidden for i, t in enumerate(example.text.tokens)]
    allowed += [True] * (len(row.ids) - 1) + [False]
    start, end = logits.masked_fill(~torch.tensor(allowed)[:, None], -torch.inf).log_softmax(0).T
    spans = [s for s in example.text_spans if s[0] not in hidden]
    spans += [(a + base, b + base) for a, b in example.row_spans[index]]
    return -torch.logsumexp(torch.stack([start[a] + end[b] for a, b in spans]), 0) if spans else torch.tensor(20.0)


@pytest.mark.parametrize("blindfold", [0.0, 1.0])
def test_every_candidate_is_read_with_its_own_arguments_hidden(make_reader: MakeReader, blindfold: float) -> None:
    model, features = make_reader(
        hide_arguments=True, blindfold=blindfold, objective="exact-marginal", argument_loss="none"
    )
    examples = [features.example(p, q, [[a]]) for p, q, a in PROBLEMS]
    batch = collate_examples(examples, 0)
    totals = []
    for b, (example, blind) in enumerate(zip(examples, BLIND, strict=True)):
        keys = ("input_ids", "attention_mask", "token_type_ids", "number_tokens", "candidates")
        p = model.score(**{k: batch[k] for k in keys})[b, : len(example.rows)].softmax(0)
        losses = [slow_candidate(model, example, i, blind if blindfold else set()) for i in range(len(example.rows))]
        totals.append(-torch.log((p * (-torch.stack(losses)).exp()).sum()))
    expected = torch.stack(totals).mean()
    model.training = True  # the objective's, not the encoder's dropout
    loss = model(**batch).loss
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)
    assert model.marks is not None
    wanted = [model.marks.weight, model.scorer.inner.weight]
    for ours, theirs in zip(grad(loss, wanted), grad(expected, wanted), strict=True):
        assert ours.any()
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-3)


def test_digits_that_were_calculated_with_are_seen_in_the_calculation_alone(make_reader: MakeReader) -> None:
    model, features = make_reader(hide_arguments=True)
    reader = Reader(model, features)
    shown = features.result(features.text("1 2", "?"), (0, 1))
    answers = [
        reader.ask(f"Anna has {a} pens. Carl has {b} pens.", "Who has more?", override=lambda *_: shown)
        for a, b in ((12, 34), (56, 78), (99, 10))
    ]
    assert len({round(a.confidence, 5) for a in answers}) == 1 and len({a.answer for a in answers}) == 1
    for answer in answers:
        assert not any(m.text in answer.answer for m in answer.steps[0].arguments) or answer.source == "calculator"


def test_hiding_in_the_straight_through_pass_is_that_of_the_choice(make_reader: MakeReader) -> None:
    model, features = make_reader(hide_arguments=True, argument_loss="none")
    examples = [features.example(p, q, [[a]]) for p, q, a in PROBLEMS]
    out = model(**collate_examples(examples, 0))
    expected = [slow_candidate(model, e, int(out.index[b]), set()) for b, e in enumerate(examples)]
    seen = torch.stack([x for x in expected if x.item() != 20.0])
    torch.testing.assert_close(out.loss, seen.mean(), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("options", [{"blindfold": 0.5}, {"blindfold": 1.5, "hide_arguments": True}, {"blindfold": -1}])
def test_a_blindfold_needs_hiding(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^blindfold: a share from 0 to 1 that needs hide_arguments"):
        CalculatorReaderConfig(**options)
