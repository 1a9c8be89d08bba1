"""The order of examples over a run, and its clock."""

import math
from collections import Counter
from types import SimpleNamespace

import pytest

from anzan.training.clock import Clock
from anzan.training.curriculum import Beginning, Curriculum, Growth

LENGTHS = [5 + (i * 37) % 50 for i in range(40)]
EVEN = [i for i in range(40) if i % 2 == 0]


def drawn(sampler: Curriculum) -> list[int]:
    return [item.example for item in sampler]


def test_the_beginning_is_of_the_chosen_kind_and_the_rest_of_all():
    sampler = Curriculum(LENGTHS, 4, 60, beginnings=[Beginning(0.5, EVEN)])
    seen = drawn(sampler)
    assert len(seen) == len(sampler) == 240
    first, rest = seen[:120], seen[120:]
    assert Counter(first) == dict.fromkeys(EVEN, 6)  # 20 of them, six times over
    assert Counter(rest) == dict.fromkeys(range(40), 3)


def test_a_slow_run_goes_on_to_all_kinds_in_time():
    used = iter([0.0, 0.2, 0.4, 0.6, *[0.9] * 6])
    seen = drawn(Curriculum(LENGTHS, 4, 10, beginnings=[Beginning(0.5, EVEN)], clock=lambda: next(used)))
    assert set(seen[:12]) <= set(EVEN) and not set(seen[12:]) <= set(EVEN)


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


def test_the_seed_decides_the_order():
    runs = [drawn(Curriculum(LENGTHS, 4, 30, seed, [Beginning(0.5, EVEN)])) for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


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


def test_it_tells_when_problems_begin_to_grow() -> None:
    growth = Growth(people=6, until=0.5)
    grows = Curriculum(LENGTHS, 4, 800, growth=growth)
    first = next(i for i, item in enumerate(grows) if item.people != 3)
    assert first // 4 == math.ceil(800 * growth.starts)
    assert Growth(people=3, until=0.5).starts == 0.0


def test_beginnings_follow_one_another() -> None:
    odd = [i for i in range(40) if i % 2]
    seen = drawn(Curriculum(LENGTHS, 4, 40, beginnings=[Beginning(0.25, EVEN), Beginning(0.5, odd)]))
    assert set(seen[:40]) <= set(EVEN) and set(seen[40:80]) <= set(odd) and not set(seen[80:]) <= set(odd)


def test_problems_grow_by_the_square_of_time_and_then_are_whole() -> None:
    seen = list(Curriculum(LENGTHS, 4, 80, growth=Growth(people=6, until=0.5)))
    sizes = [item.people for item in seen]
    # A third of the growth is over after 24 of its 40 steps, two thirds after 33.
    assert sizes == [n for n, steps in ((3, 24), (4, 9), (5, 7)) for _ in range(4 * steps)] + [None] * 160
    assert sorted(item.example for item in seen[:40]) == list(range(40))
    assert [item.draw for item in seen] == list(range(320))
