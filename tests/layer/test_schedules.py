"""Schedules against hand-written formulas, and modules whose settings they move."""

import math

import pytest
import torch

from anzan.errors import AnzanError
from anzan.layer import (
    ExampleNoise,
    Schedule,
    Scheduled,
    ScheduledFloat,
    Sparsemax,
    StraightThrough,
    set_progress,
    straight_through,
)


@pytest.mark.parametrize(("shape", "middle"), [("linear", 2.5), ("exponential", 2.0), ("cosine", 2.5)])
def test_schedules(shape, middle: float) -> None:
    schedule = Schedule(4.0, 1.0, shape)
    assert [schedule(p) for p in (-1.0, 0.0, 1.0, 2.0)] == pytest.approx([4.0, 4.0, 1.0, 1.0])
    assert schedule(0.5) == pytest.approx(middle)
    values = [schedule(i / 10) for i in range(11)]
    assert values == sorted(values, reverse=True)


def test_cosine_is_slow_at_both_ends() -> None:
    schedule = Schedule(0.0, 1.0, "cosine")
    assert schedule(0.1) == pytest.approx((1 - math.cos(math.pi * 0.1)) / 2) and schedule(0.1) < 0.1


UNTIL = {  # 4 to 1, with q the share of `until` that has passed
    "linear": lambda q: 4 - 3 * q,
    "exponential": lambda q: 4 * (1 / 4) ** q,
    "cosine": lambda q: 4 - 3 * (1 - math.cos(math.pi * q)) / 2,
}


@pytest.mark.parametrize("until", [0.01, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("shape", UNTIL)
def test_a_schedule_reaches_its_end_at_until(shape, until: float) -> None:
    schedule = Schedule(4.0, 1.0, shape, until=until)
    for i in range(11):
        assert schedule(until * i / 10) == pytest.approx(UNTIL[shape](i / 10))
    assert schedule(-1.0) == 4.0
    assert [schedule(p) for p in (until, (1 + until) / 2, 1.0, 2.0)] == pytest.approx([1.0] * 4)


@pytest.mark.parametrize("until", [0.0, -0.5, 1.01, math.nan, math.inf])
def test_until_is_a_share_of_training(until: float) -> None:
    with pytest.raises(AnzanError, match=r"^until: a progress above 0 and up to 1 needed, got "):
        Schedule(1.0, 0.0, until=until)


class Weighted(Scheduled):
    """As a package of the user's own would write it."""

    def __init__(self, weight: ScheduledFloat):
        super().__init__(weight=weight)

    def forward(self, loss: torch.Tensor) -> torch.Tensor:
        return self.now()["weight"] * loss


def test_a_scheduled_module_of_your_own() -> None:
    falling, fixed, own = Weighted(Schedule(0.4, 0.0, until=0.5)), Weighted(0.5), Weighted(lambda p: 1 + p)
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ModuleList([falling, fixed]), own)
    one = torch.ones(())
    for progress, weight in ((0.0, 0.4), (0.125, 0.3), (0.25, 0.2), (0.5, 0.0), (0.9, 0.0)):
        set_progress(network, progress)
        assert falling(one).item() == pytest.approx(weight)
        assert fixed.now() == {"weight": 0.5} and own.now() == {"weight": 1 + progress}
    assert repr(fixed) == "Weighted(weight=0.5)" and not falling.state_dict()


@pytest.mark.parametrize("weight", [-1.0, math.nan, Schedule(1.0, -1.0), Schedule(-1.0, 1.0), lambda p: -p])
def test_a_bad_number_fails_before_training(weight: ScheduledFloat) -> None:
    with pytest.raises(AnzanError, match=r"^weight: a number >= 0 needed"):
        Weighted(weight)


def test_bad_schedules() -> None:
    with pytest.raises(ValueError, match=r"^shape: 'square' is unknown"):
        Schedule(1.0, 2.0, "square")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"^start, end: numbers above 0 needed"):
        Schedule(1.0, 0.0, "exponential")


def test_set_progress_reaches_every_estimator() -> None:
    network = torch.nn.ModuleDict(
        {
            "a": StraightThrough(Schedule(4.0, 1.0), noise_scale=Schedule(2.0, 0.0)),
            "b": torch.nn.Sequential(Sparsemax()),
        }
    )
    hard: StraightThrough = network["a"]  # pyright: ignore[reportAssignmentType]
    assert hard.now() == {"temperature": 4.0, "noise_scale": 2.0}
    set_progress(network, 0.5)
    assert hard.now() == {"temperature": 2.5, "noise_scale": 1.0}
    scores = torch.randn(3, 5)
    keys = torch.arange(3)
    at_half = straight_through(scores, temperature=2.5, noise_scale=1.0, generator=ExampleNoise(keys))
    assert torch.equal(hard(scores, generator=ExampleNoise(keys)).weights, at_half.weights)
