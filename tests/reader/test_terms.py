"""The terms of the loss: against losses that are worked out one example at a time."""

import math

import pytest
import torch
from readers import MakeReader, examples_of
from slow import slow_scores

from anzan.reader.batch import collate_examples
from anzan.reader.settings import ReaderSettings
from anzan.reader.terms import PARTS, Part, make_terms
from anzan.settings import from_mapping

PROBLEMS = [
    ("Anna has 7 pens. Carl has 5 pens.", "How many do they have?", "12"),
    ("Anna has 5,903,204 pens, Carl 81 and Zoë 12.", "Who has more: Anna or Carl?", "Anna"),
    ("Anna has 30 and gave -4 of 1.5.", "How many more has she?", "28.5"),
    ("Nobody has any.", "Who has 3?", "Nobody"),
    ("Anna has 3 and Carl 9.", "How many?", "99"),  # is nowhere
]


# -- parts ---------------------------------------------------------------------------------------------------------
def test_a_part_is_a_sum_and_a_count() -> None:
    losses = torch.tensor([1.0, 2.0, 4.0])
    every, some = Part.of(losses), Part.of(losses, torch.tensor([True, False, True]))
    assert (every.sum.item(), every.count.item(), every.mean().item()) == (7.0, 3.0, pytest.approx(7 / 3))
    assert (some.sum.item(), some.count.item(), some.mean().item()) == (5.0, 2.0, 2.5)
    assert some.mean(torch.tensor(4.0)).item() == 1.25  # the average of a count over several processes
    tripled = some * 3.0
    assert (tripled.sum.item(), tripled.count.item()) == (15.0, 2.0)


def test_a_part_that_nothing_counts_for_is_0() -> None:
    losses = torch.tensor([1.0, torch.inf], requires_grad=True)
    none = Part.of(losses, torch.tensor([False, False]))
    assert none.mean().item() == 0.0 and Part.of(losses.new_zeros(0)).mean().item() == 0.0
    none.mean().backward()
    assert losses.grad is not None and not losses.grad.any()


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, ["span", "argument"]),
        ({"supervision": {"argument_loss": "none"}}, ["span"]),
        ({"choice": {"call_cost": 0.1}}, ["span", "calls", "argument"]),
    ],
)
def test_terms_are_those_that_the_settings_ask_for(settings: dict, names: list[str]) -> None:
    assert [term.name for term in make_terms(from_mapping(ReaderSettings, settings)).terms] == names


@pytest.mark.parametrize("numbers", ["digits", "symbols"])
def test_every_part_of_a_loss_has_its_name(make_reader: MakeReader, numbers: str) -> None:
    """What is logged is among `PARTS`; the parts add up to the loss."""
    model, text_encoder = make_reader(
        numbers=numbers,
        choice={"objective": "unordered-set", "call_cost": 0.1},
        supervision={"argument_loss": "marginal"},
    )
    torch.manual_seed(0)
    out = model.train()(collate_examples(examples_of(text_encoder, PROBLEMS), text_encoder))
    assert tuple(out.parts) == PARTS == ("span", "calls", "argument")
    torch.testing.assert_close(out.loss, torch.stack([part.mean() for part in out.parts.values()]).sum())


# -- the argument loss ---------------------------------------------------------------------------------------------
def test_the_marginal_argument_loss(make_reader: MakeReader) -> None:
    """-log of the probability of all pairs whose result equals the answer."""
    model, text_encoder = make_reader(supervision={"argument_loss": "marginal"})
    examples = examples_of(text_encoder, PROBLEMS)
    out = model(collate_examples(examples, text_encoder))
    masses = []
    for e in examples:
        if any(e.acceptable):
            p = slow_scores(model, e).softmax(0).tolist()
            masses.append(math.fsum(q for q, good in zip(p, e.acceptable, strict=True) if good))
    mean = out.parts["argument"].mean().item()
    assert out.parts["argument"].count.item() == len(masses)
    assert mean == pytest.approx(-sum(map(math.log, masses)) / len(masses), rel=1e-4)
    assert out.loss.item() == pytest.approx(out.parts["span"].mean().item() + mean, rel=1e-5)
