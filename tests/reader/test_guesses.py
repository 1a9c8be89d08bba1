"""Guesses discounted: against a reading of masked texts that are put together token by token."""

import pytest
import torch
from readers import MakeReader
from torch import Tensor
from torch.autograd import grad

from anzan.reader.batches import collate_examples, collate_texts
from anzan.reader.configuration import CalculatorReaderConfig
from anzan.reader.features import Example, Features
from anzan.reader.modeling import CalculatorReader

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


def test_guesses_are_discounted_for_calculators_alone() -> None:
    for others in ({"operations": ()}, {"calls": 2, "objective": "unordered-set"}):
        with pytest.raises(ValueError, match=r"^discount_guesses: for readers with one call of a calculator"):
            CalculatorReaderConfig(discount_guesses=True, **others)
