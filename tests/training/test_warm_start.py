"""The scorer's warm start: its programs against a search that tries each choice, its loss against sums in float64."""

import math
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
import torch
from rich.console import Console

from anzan.layer import Autoregressive
from anzan.presets import load_config
from anzan.reader.batch import Batch, collate_examples
from anzan.reader.network import CalculatorReader
from anzan.reader.scored import ScoredPrograms
from anzan.settings import ConfigError
from anzan.training.pause import Control
from anzan.training.prepare import Prepared, prepare
from anzan.training.warm_start import DEALS, SURE, Enumerated, enumerate_programs, marginal_losses, warm_start


@pytest.fixture
def run(random_encoder: Path, tmp_path: Path) -> Prepared:
    size = {"train_size": 16, "eval_size": 4, "people": 3}
    settings = [*(f"data.possession.{k}={v}" for k, v in size.items()), f"model.encoder={random_encoder}"]
    config = load_config("demo", [*settings, "model.calls=3", "model.choice.call_cost=0.3", "train.warm_start=0"])
    return prepare(config, tmp_path / "run", Control(), Console(file=StringIO()))


def batch_of(run: Prepared, people: int | None) -> Batch:
    return collate_examples([run.examples.example(i, people) for i in range(3)], run.encoder)


def test_the_loss_is_that_of_all_programs_read_one_at_a_time(run: Prepared) -> None:
    model, batch = run.model.eval(), batch_of(run, 3)
    read = enumerate_programs(model, batch)
    for b in range(len(batch)):
        alone = batch.select(torch.tensor([b]))
        scored, joint = model.scored(alone), dict[tuple[int, ...], float]()
        p = scored.distribution
        assert isinstance(p, Autoregressive) and model.calls is not None and alone.numbers is not None
        for program, loss in zip(read.programs[b], read.losses[b].tolist(), strict=True):
            log_p = p.first(2).log_prob(program[None, None]).item()
            if log_p == -math.inf:
                continue
            view, spans = scored.reading(model.views, torch.tensor([0]), program[None])
            start, end = (logits[0].detach().double().log_softmax(-1) for logits in model.read(view))
            answer = sum(math.exp(start[s] + end[e]) for s, e in spans[0].tolist() if s >= 0)
            made = int(model.calls.run(alone.numbers.values, program[None, None]).made.sum())
            assert loss == pytest.approx(0.3 * made - math.log(answer), abs=1e-4)
            joint[tuple(program.tolist())] = answer * math.exp(log_p - 0.3 * made)
        assert set(joint) == set(everything(model, alone))
        assert max(joint.values()) < SURE * sum(joint.values())  # so nothing is taught about what comes after it
        assert dealt(model, read, b) == pytest.approx(-math.log(sum(joint.values())), rel=0.05)


@pytest.mark.parametrize("prior", [0.5, 0.95])
def test_an_exponent_of_the_prior_has_the_gradient_of_the_posterior_that_it_gives(
    run: Prepared, monkeypatch: pytest.MonkeyPatch, prior: float
) -> None:
    model, batch = run.model.eval(), batch_of(run, 3)
    monkeypatch.setattr(type(model.views), "draw", lambda views, given, *_, **__: given)
    read = enumerate_programs(model, batch)
    marginal_losses(model, read, 0, prior).sum().backward()
    weight = model.scorer.get_parameter("outer.weight")
    assert weight.grad is not None
    found, weight.grad = weight.grad, None
    p = model.scored(batch).distribution
    assert isinstance(p, Autoregressive)
    log_p = p.first(2).log_prob(read.programs)
    with torch.no_grad():
        likelihood = (-read.losses).exp().double()
        posterior = log_p.exp().double() ** prior * likelihood
        posterior /= posterior.sum(1, keepdim=True)
        assert posterior.max() < SURE  # so nothing is taught about what comes after it
    (-(posterior * torch.where(posterior > 0, log_p, 0.0)).sum()).backward()
    torch.testing.assert_close(found, weight.grad, rtol=1e-3, atol=1e-6)


def test_to_stop_after_a_program_that_is_right_for_sure_is_taught(
    run: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, batch = run.model.eval(), batch_of(run, 3)
    monkeypatch.setattr(type(model.views), "draw", lambda views, given, *_, **__: given)
    read = enumerate_programs(model, batch)
    scored = model.scored(batch)
    p = scored.distribution
    assert isinstance(p, Autoregressive) and isinstance(scored, ScoredPrograms)
    two_calls = (scored.lengths(read.programs) == 2) & read.losses.isfinite()
    losses, expected = torch.full_like(read.losses, torch.inf), []
    for b, n in enumerate(int(own.nonzero()[0]) for own in two_calls):
        losses[b, n] = 0.5
        stop = p.after(read.programs[:, n : n + 1])[b, 0, -1]
        assert stop < math.log(SURE)
        expected.append(0.5 - p.first(2).log_prob(read.programs)[b, n] - stop)
    torch.testing.assert_close(marginal_losses(model, replace(read, losses=losses), 0), torch.stack(expected))


def dealt(model: CalculatorReader, read: Enumerated, example: int) -> float:
    """The mean loss of an example; the deal changes the scores a little."""
    return sum(marginal_losses(model, read, deal)[example].item() for deal in range(DEALS)) / DEALS


def everything(model: CalculatorReader, alone: Batch) -> list[tuple[int, ...]]:
    """The first two choices of all programs, found by trying each."""
    p, found = model.scored(alone).distribution, []
    assert isinstance(p, Autoregressive)
    nothing = torch.zeros(1, 1, 0, dtype=torch.long)
    for a in range(p.after(nothing).shape[2]):
        if p.after(nothing)[0, 0, a] > -math.inf:
            after = p.after(torch.tensor([[[a]]]))[0, 0]
            found += [(a, b) for b in range(len(after)) if after[b] > -math.inf]
    return found


def likelihood(model: CalculatorReader, run: Prepared) -> float:
    with torch.no_grad():
        batch = batch_of(run, None)
        return -marginal_losses(model, enumerate_programs(model, batch), 0).mean().item()


def test_only_the_scorer_learns_and_answers_become_more_probable(run: Prepared) -> None:
    model = run.model.eval()
    before, weights = likelihood(model, run), {k: v.clone() for k, v in model.state_dict().items()}
    model.train()
    learns = {name for name, p in model.named_parameters() if p.requires_grad}
    log = StringIO()
    warm_start(model, run.examples, 12, None, Console(file=log, width=200))
    assert "programs of 12 problems are read" in log.getvalue()
    assert model.training and learns == {name for name, p in model.named_parameters() if p.requires_grad}
    changed = {k for k, v in model.state_dict().items() if not torch.equal(v, weights[k])}
    assert changed and all(name.startswith("scorer.") for name in changed)
    assert likelihood(model.eval(), run) > before + 0.1


def test_each_step_in_bfloat16_sees_the_weights_of_the_one_before(
    run: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.Tensor] = []

    def recorded(model: CalculatorReader, read: Enumerated, deal: int, prior: float) -> torch.Tensor:
        weight = model.scorer.get_parameter("text.weight")
        seen.append(torch.nn.functional.linear(torch.eye(weight.shape[1]), weight).detach().clone())
        return marginal_losses(model, read, deal, prior)

    monkeypatch.setattr("anzan.training.warm_start.marginal_losses", recorded)
    warm_start(run.model, run.examples, 4, None, Console(file=StringIO()), bf16=True)
    assert seen[0].dtype == torch.bfloat16 and not torch.equal(seen[0], seen[-1])


def test_it_needs_a_reader_to_begin_with(random_encoder: Path, tmp_path: Path) -> None:
    config = load_config("demo", [f"model.encoder={random_encoder}", "train.warm_start=8"])
    with pytest.raises(ConfigError, match=r"train.warm_start: .* cannot read a program's results; choose a reader"):
        prepare(config, tmp_path / "run", Control(), Console(file=StringIO()))
