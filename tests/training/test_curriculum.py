"""The order of examples over a run, and its clock."""

from collections import Counter
from itertools import islice, pairwise
from types import SimpleNamespace

import pytest

from anzan.training.clock import Clock
from anzan.training.curriculum import Curriculum, Growth

LENGTHS = [5 + (i * 37) % 50 for i in range(40)]


def drawn(sampler: Curriculum) -> list[int]:
    return [item.example for item in sampler]


def test_every_pass_holds_every_example_once_in_an_order_of_its_own():
    seen = drawn(Curriculum(LENGTHS, 4, 20))
    assert sorted(seen[:40]) == sorted(seen[40:]) == list(range(40)) and seen[:40] != seen[40:]


@pytest.mark.parametrize(("by_length", "least", "most"), [(True, 0, 100), (False, 700, 850)])
def test_batches_hold_examples_of_like_length_or_any(by_length: bool, least: int, most: int):
    lengths = [(i * 7919) % 1000 for i in range(4000)]
    seen = drawn(Curriculum(lengths, 8, 500, by_length=by_length))
    assert sorted(seen) == list(range(4000))
    spread = [max(b) - min(b) for i in range(0, 4000, 8) for b in [[lengths[k] for k in seen[i : i + 8]]]]
    assert least < sum(spread) / len(spread) < most  # 8 at random are 7/9 of 1000 apart


def test_progress_is_of_steps_or_of_time_whichever_is_more(monkeypatch: pytest.MonkeyPatch):
    clock = 1000.0
    monkeypatch.setattr("anzan.training.clock.time.monotonic", lambda: clock)
    control = SimpleNamespace(should_training_stop=False, should_evaluate=False, should_save=False)

    def after(clock_: Clock, step: int) -> float:
        clock_.on_step_end(None, SimpleNamespace(global_step=step), control)
        return clock_.progress

    free, bound = Clock(100), Clock(100, minutes=2)
    for clock_ in (free, bound):
        clock_.on_train_begin(None, SimpleNamespace(global_step=0), control)
    clock += 30
    assert after(free, 10) == 0.1
    assert after(bound, 10) == 0.25
    assert after(bound, 70) == 0.7
    assert not control.should_training_stop
    clock += 90
    assert after(free, 20) == 0.2 and not control.should_training_stop
    assert after(bound, 80) == 1.0
    assert control.should_training_stop and control.should_evaluate and control.should_save


def test_the_most_people_of_a_problem_grow_linearly_from_five_to_all() -> None:
    def most(people: int, until: float, steps: int) -> list[int | None]:
        return [Growth(people, until).most((step + 0.5) / steps) for step in range(steps)]

    assert most(10, 0.5, 60) == [n for n in (5, 6, 7, 8, 9, 10) for _ in range(5)] + [None] * 30
    assert most(7, 1.0, 9) == [5, 5, 5, 6, 6, 6, 7, 7, 7]
    for few in (2, 3, 4, 5):
        assert most(few, 0.5, 60) == [few] * 30 + [None] * 30


def test_problems_are_of_all_sizes_up_to_the_most_and_then_whole() -> None:
    batch_size, steps = 200, 62
    seen = list(Curriculum(LENGTHS, batch_size, steps, growth=Growth(people=10, until=0.5)))
    sizes = [Counter(item.people for item in seen[i : i + batch_size]) for i in range(0, len(seen), batch_size)]
    # The first 31 steps are six spells of 31 / 6 steps, one for each most.
    for most, spell in zip(range(5, 11), (sizes[i:j] for i, j in pairwise((0, 6, 11, 16, 21, 26, 31))), strict=True):
        for step in spell:
            assert set(step) == set(range(3, most + 1))
        for n in sum(spell, Counter()).values():
            assert n == pytest.approx(len(spell) * batch_size / (most - 2), rel=0.3)
    assert sizes[31:] == [{None: batch_size}] * 31
    assert [item.draw for item in seen] == list(range(steps * batch_size))
    assert sorted(item.example for item in seen) == sorted(list(range(40)) * (steps * batch_size // 40))


def test_a_slow_run_comes_to_whole_problems_in_time() -> None:
    used = iter([0.0, 0.2, 0.4, 0.6, *[0.9] * 6])
    seen = [item.people for item in Curriculum(LENGTHS, 4, 10, growth=Growth(10, 0.5), clock=lambda: next(used))]
    assert None not in seen[:12] and set(seen[12:]) == {None}


@pytest.mark.parametrize(("people", "sizes"), [(4, {3, 4}), (3, {3}), (2, {3})])
def test_problems_of_few_people_are_never_shortened_below_three(people: int, sizes: set[int]) -> None:
    """A problem that has fewer people than an item says stays whole."""
    seen = [item.people for item in Curriculum(LENGTHS, 4, 40, growth=Growth(people, 0.5))]
    assert set(seen[:80]) == sizes and set(seen[80:]) == {None}


def test_the_seed_decides_order_and_sizes_and_a_resumed_run_gets_the_rest() -> None:
    sampler, same, other = (Curriculum(LENGTHS, 4, 80, seed, Growth(10, 0.5)) for seed in (1, 1, 2))
    first = list(sampler)
    assert first == list(same) == list(sampler)
    assert list(islice(sampler, 100, None)) == first[100:]
    for field in ("example", "people"):
        assert [getattr(item, field) for item in first] != [getattr(item, field) for item in other]
