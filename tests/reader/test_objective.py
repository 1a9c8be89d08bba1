"""How the choice is trained: one result against the layer, several against every candidate read one at a time."""

from functools import partial
from inspect import isfunction, signature
from typing import Any

import pytest
import torch
from readers import MakeReader, examples_of, in_training
from slow import slow_scores
from torch import Tensor
from torch.autograd import grad

from anzan import layer
from anzan.errors import AnzanError
from anzan.reader import objective as objectives
from anzan.reader import settings
from anzan.reader.batch import collate_examples
from anzan.reader.encode import TextEncoder
from anzan.reader.labels import Example
from anzan.reader.network import CalculatorReader, SpanLogits
from anzan.reader.objective import OneResult, SeveralResults, make_objective
from anzan.reader.settings import ChoiceSettings
from anzan.reader.views import View

PROBLEMS = [
    ("Anna has 7 pens. Carl has 5 pens.", "How many do they have?", "12"),
    ("Anna has 5,903,204 pens, Carl 81 and Zoë 12.", "Who has more: Anna or Carl?", "Anna"),
    ("Anna has 30 and gave -4 of 1.5.", "How many more has she?", "28.5"),
    ("Nobody has any.", "Who has 3?", "Nobody"),
    ("Anna has 3 and Carl 9.", "How many?", "99"),  # is nowhere
]
UNSUPERVISED = {"argument_loss": "none"}


def losses_of_candidates(
    model: CalculatorReader, text_encoder: TextEncoder, example: Example
) -> tuple[Tensor, Tensor] | None:
    """p(z) and the span loss after each defined candidate, one at a time; None where there is no candidate."""
    defined = [(a, row) for a, row in enumerate(example.rows) if row]
    if not defined:
        return None
    batch = collate_examples([example], text_encoder)
    losses = []
    for index, row in defined:
        start, end = (x[0].log_softmax(-1) for x in model.read(View(batch.text, torch.tensor([row.ids]))))
        behind = len(example.text.ids)
        spans = [*example.text_spans, *((a + behind, b + behind) for a, b in example.row_spans[index])]
        likelihood = sum((start[a] + end[b]).exp() for a, b in spans)
        losses.append(-torch.log(torch.as_tensor(likelihood)) if spans else torch.tensor(20.0))
    p = slow_scores(model, example)[torch.tensor([a for a, _ in defined])].softmax(0)
    return p, torch.stack(losses)


@pytest.mark.parametrize(
    ("objective", "options"),
    [
        ("exact-marginal", {}),
        ("top-k-marginal", {"k": 6}),
        ("unordered-set", {"samples": 6}),
        pytest.param("leave-one-out", {"samples": 6}, marks=pytest.mark.slow),
    ],
)
def test_objectives_read_every_candidate(objective: str, options: dict[str, float], make_reader: MakeReader) -> None:
    """With a sample for each candidate: the marginal of equation 4, or the expected loss, enumerated."""
    model, text_encoder = make_reader(choice={"objective": objective, "options": options}, supervision=UNSUPERVISED)
    examples = examples_of(text_encoder, PROBLEMS)
    totals, best = [], []
    for example in examples:
        found = losses_of_candidates(model, text_encoder, example)
        if found is None:
            continue  # without candidates the batch still holds it: below
        p, losses = found
        if losses.min().item() < 20:
            best.append(losses[p.argmax()])
            marginal = -torch.log((p * (-losses).exp()).sum())
            totals.append((p * losses).sum() if objective in ("unordered-set", "leave-one-out") else marginal)
    alone = collate_examples([e for e in examples if any(e.rows)], text_encoder)
    torch.manual_seed(0)
    in_training(model)
    runs = [model(alone).loss for _ in range(200 if objective == "leave-one-out" else 1)]
    expected = torch.stack(totals).mean()
    if objective == "leave-one-out":
        seen = torch.stack(runs).detach()
        assert abs(seen.mean() - expected.item()) < 5 * seen.std() / len(seen) ** 0.5
    else:
        assert runs[0].item() == pytest.approx(expected.item(), rel=1e-4)
        inner = model.scorer.inner.weight
        torch.testing.assert_close(grad(runs[0], inner)[0], grad(expected, inner)[0], atol=1e-5, rtol=1e-3)
    quiet = model.eval()(alone).loss  # no sampling in evaluation: the most probable candidate
    torch.testing.assert_close(quiet, torch.stack(best).mean(), atol=1e-4, rtol=1e-4)
    batch = collate_examples(examples, text_encoder)
    assert model(batch).loss.isfinite() and model.train()(batch).loss.isfinite()


def test_the_sampled_marginal_of_many_draws_is_near_the_marginal(make_reader: MakeReader) -> None:
    losses = {}
    for objective, options in (("exact-marginal", {}), ("sampled-marginal", {"samples": 300})):
        model, text_encoder = make_reader(choice={"objective": objective, "options": options}, supervision=UNSUPERVISED)
        torch.manual_seed(0)
        batch = collate_examples(examples_of(text_encoder, PROBLEMS[:1]), text_encoder)
        losses[objective] = in_training(model)(batch).loss.item()
    assert losses["sampled-marginal"] == pytest.approx(losses["exact-marginal"], abs=0.1)


@pytest.mark.parametrize("missed", [False, True])
def test_an_example_that_is_sure_and_right_is_read_once(
    make_reader: MakeReader, monkeypatch: pytest.MonkeyPatch, missed: bool
) -> None:
    """One example is sure of its pair and is read with that alone unless it misses its answer; the others as ever.

    What does not contain the answer is not read.
    """
    monkeypatch.setattr("anzan.reader.objective.MISSED", 0.0 if missed else 20.0)
    choice = {"objective": "unordered-set", "options": {"samples": 6, "sure": 0.9}}
    model, text_encoder = make_reader(choice=choice, supervision=UNSUPERVISED)
    examples = [e for e in examples_of(text_encoder, PROBLEMS) if any(e.rows)]
    several = [e for e in examples if len(e.rows) > 1]
    with torch.no_grad():
        while max(slow_scores(model, e).softmax(0).max().item() for e in several) < 0.9:
            model.scorer.outer.weight *= 1.1
    totals, rows, everything = [], 0, 0
    for example in examples:
        found = losses_of_candidates(model, text_encoder, example)
        assert found is not None
        p, losses = found
        sure = p.max().item() >= 0.9 and not missed
        everything += int((losses < 20).sum())
        rows += int((losses[p.argmax()] if sure else losses).lt(20).sum())
        if losses.min().item() < 20:
            totals.append(losses[p.argmax()] if sure else (p * losses).sum())
    assert rows == everything if missed else len(totals) <= rows < everything
    read, seen = model.read, []

    def count(view: View) -> SpanLogits:
        seen.append(len(view.text.ids))
        return read(view)

    monkeypatch.setattr(model, "read", count)
    in_training(model)
    loss, expected = model(collate_examples(examples, text_encoder)).loss, torch.stack(totals).mean()
    assert sum(seen) == rows
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)
    for weight in (model.scorer.inner.weight, model.spans.weight):
        torch.testing.assert_close(
            grad(loss, weight, retain_graph=True)[0], grad(expected, weight, retain_graph=True)[0]
        )


# -- names and options -------------------------------------------------------------------------------------------
def test_names_are_those_of_the_registries() -> None:
    assert set(settings.ESTIMATORS) == objectives.ESTIMATORS.keys()
    assert set(settings.OBJECTIVES) == objectives.OBJECTIVES.keys()


def test_the_registries_have_all_of_the_layer() -> None:
    """Every estimator, and every objective that takes plain scores (`one_argument_out` needs `Factorised` ones)."""
    public = {name: getattr(layer, name) for name in layer.__all__}
    estimators = {e for e in public.values() if isinstance(e, type) and issubclass(e, layer.Estimator)}
    assert set(objectives.ESTIMATORS.values()) == estimators - {layer.Estimator}
    functions = {f for f in public.values() if isfunction(f)}
    over_several = {f for f in functions if signature(f).return_annotation in ("Estimate", layer.Estimate)}
    ours = dict(objectives.OBJECTIVES)
    distinct = ours.pop("set-marginal")
    assert isinstance(distinct, partial) and distinct.func is layer.sampled_marginal
    assert distinct.keywords == {"objective": layer.unordered_set}
    assert set(ours.values()) == over_several - {layer.one_argument_out}


@pytest.mark.parametrize("objective", [*settings.ESTIMATORS, *settings.OBJECTIVES])
def test_all_of_them_can_be_named_and_trained(make_reader: MakeReader, objective: str) -> None:
    model, text_encoder = make_reader(
        choice={"objective": objective, "call_cost": 0.1},
        supervision={"argument_loss": "marginal"},
    )
    assert isinstance(model.objective, SeveralResults if objective in settings.OBJECTIVES else OneResult)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    torch.manual_seed(0)
    out = model.train()(collate_examples(examples_of(text_encoder, PROBLEMS), text_encoder))
    assert out.loss.isfinite()
    out.loss.backward()
    for name, p in model.named_parameters():
        assert p.grad is None or p.grad.isfinite().all(), name
    assert model.scorer.inner.weight.grad.any() and model.spans.weight.grad.any()
    optimizer.step()
    assert all(p.isfinite().all() for p in model.parameters())
    for name in ("scorer.inner.weight", "spans.weight"):
        assert not torch.equal(model.get_parameter(name), before[name])
    assert model.eval()(collate_examples(examples_of(text_encoder, PROBLEMS), text_encoder)).loss.isfinite()


@pytest.mark.parametrize("objective", settings.ESTIMATORS)
def test_one_result_is_that_of_the_estimator(make_reader: MakeReader, objective: str) -> None:
    """In evaluation mode: the rows that the layer mixes or chooses, read after each text, and their span loss."""
    model, text_encoder = make_reader(choice={"objective": objective}, supervision=UNSUPERVISED)
    example = examples_of(text_encoder, PROBLEMS[:1])[0]
    other = examples_of(text_encoder, [("Anna has 30 and gave 4 of 1.5.", "How many?", "34")])[0]
    estimator = objectives.ESTIMATORS[objective]().eval()
    embedding: Any = model.encoder.get_input_embeddings().weight
    expected = []
    for e in (example, other):
        scores = slow_scores(model, e)
        choice = estimator(scores[None])
        weights = choice.weights[0]
        if choice.index is not None:  # one result, whatever gradient goes to the others
            weights = torch.eye(len(weights))[int(choice.index)]
        longest = max(len(r.ids) for r in e.rows if r)
        table = torch.zeros(len(e.rows), longest, len(embedding))
        for a, row in enumerate(e.rows):
            assert row is not None
            table[a, range(len(row.ids)), row.ids] = 1.0
        chosen = int(weights.argmax())
        length = int((weights @ table.sum(-1)).gt(0).sum())
        mixed = torch.einsum("a,alv,vh->lh", weights, table, embedding)[:length]
        inputs = torch.cat([embedding[torch.tensor(e.text.ids)], mixed])[None]
        types = torch.tensor([[*e.text.types, *([2] * length)]])
        logits = model.spans(model.encode(inputs, torch.ones(1, inputs.shape[1]), types))[0]
        open_ = [t is not None for t in e.text.tokens] + [True] * (length - 1) + [False]
        start, end = logits.masked_fill(~torch.tensor(open_)[:, None], -torch.inf).softmax(0).unbind(1)
        base = len(e.text.ids)
        spans = [*e.text_spans, *((a + base, b + base) for a, b in e.row_spans[chosen])]
        expected.append(-torch.stack([start[a] * end[b] for a, b in spans]).sum().log() if spans else None)
    out = model(collate_examples([example, other], text_encoder))
    there = [x for x in expected if x is not None]
    torch.testing.assert_close(out.loss, torch.stack(there).mean(), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("objective", "option", "known"),
    [
        ("straight-through", "samples", "noise_scale, temperature"),
        ("straight-through", "sure", "noise_scale, temperature"),
        ("gumbel-rao", "k", "noise_scale, samples, temperature"),
        ("top-k-softmax", "mask", "k, temperature"),
        ("exact-marginal", "samples", "sure, thin"),
        ("unordered-set", "k", "samples, sure, thin"),
        ("leave-one-out", "generator", "samples, sure, thin"),
        ("sampled-marginal", "objective", "samples, sure, thin"),
    ],
)
def test_options_that_an_objective_does_not_have(objective: str, option: str, known: str) -> None:
    with pytest.raises(AnzanError) as error:
        make_objective(ChoiceSettings(objective, {option: 1.0}))
    assert str(error.value) == f"choice.options: {objective} has {known}, got {option}"


def test_counts_are_whole_numbers() -> None:
    kept = make_objective(ChoiceSettings("leave-one-out", {"samples": 3.0, "sure": 0.75}))
    assert isinstance(kept, SeveralResults) and (kept.options, kept.sure) == ({"samples": 3}, 0.75)
    with pytest.raises(AnzanError, match=r"^choice\.options\.samples: a whole number needed, got 2\.5$"):
        make_objective(ChoiceSettings("leave-one-out", {"samples": 2.5}))


def test_a_number_that_an_estimator_cannot_use_is_refused_at_once() -> None:
    with pytest.raises(AnzanError, match=r"^temperature: .*got -1"):
        make_objective(ChoiceSettings("straight-through", {"temperature": -1.0}))
