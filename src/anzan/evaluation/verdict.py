"""Is the tool used? A verdict from a network's answers when its tool's output is changed.

A score cannot tell: Yoshikawa, Heinzerling and Inui (NLP2022) saw 98 F1 from a model that gave its calculator the right
arguments 0.6 % of the time. But the tool's output is a variable that can be set: blanked, or replaced by another one.
Where an exact program knows the answer to that other output, the network's answer can be compared with it (interchange
interventions, Geiger et al., NeurIPS 2021).

`audit` needs nothing of the network but its answers. `audit_reader` collects those of a reader, `observe_layer` those
of any network with a `SymbolicLayer` in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from scipy.stats import bootstrap

from anzan.errors import AnzanError
from anzan.evaluation.interventions import AS_PRINTED, BLANKED, LABELS, OTHER_RESULTS, WRONG_RESULTS

IGNORED, BYPASSED, USED, UNDECIDED = "ignored", "bypassed", "used", "undecided"
CHANGED_BELOW, FOLLOWS_FROM, DROPS_FROM = 5.0, 90.0, 10.0
"""Thresholds of the verdict: share of answers that change, share that follow (percent), drop when blanked (points)."""

GRADIENT_ON_CALCULATOR = "gradient_on_calculator"
SWAP_CONSISTENCY = "swap_consistency"
SCORE_TIMES_TEN = "score_times_ten"
FOLLOWS_CALL = "follows_call_{}"
"""Of a later call of a program, counted from 2."""

_LABELS = {
    **LABELS,
    GRADIENT_ON_CALCULATOR: "gradient that falls on the calculator's line",
    SWAP_CONSISTENCY: "right both before and after a number swap",
    SCORE_TIMES_TEN: "score with all numbers ten times as large",
}


@dataclass(frozen=True)
class Observed:
    """Answers of a network to n examples under one intervention.

    Attributes:
        answers: compared with `==`.
        scores: from 0 to 1.
        follows: whether the answer is what an exact program makes of the output that the network was shown. None where
            that is unknown, or where it equals the original answer.
        shown: whether the example was shown an output other than its own; the others are left out. By default all were.
    """

    answers: Sequence[Any]
    scores: Sequence[float]
    follows: Sequence[bool | None] = ()
    shown: Sequence[bool] = ()

    def of(self, examples: Sequence[int]) -> Observed:
        """Those of some examples."""
        return Observed(*([values[i] for i in examples] if values else values for values in vars(self).values()))


@dataclass(frozen=True)
class Interval:
    """A mean over `n` examples, in percent (or points), with its 95 % bootstrap interval.

    Where all values are equal a bootstrap has no width. The bounds are then those of Clopper and Pearson (1934) for a
    share of 0 or 100 %: how many other values the sample may have missed.
    """

    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Audit:
    """The result of `audit`, which describes each field. Figures are in percent."""

    verdict: str
    evidence: str
    score: Interval
    arguments: Interval | None
    ceiling: Interval | None
    drops: dict[str, Interval]
    changed: dict[str, Interval]
    follow_rate: Interval | None
    interchange: Interval | None
    more: dict[str, Interval] = field(default_factory=dict)
    by_kind: dict[str, str] = field(default_factory=dict)

    def figures(self) -> list[list[tuple[str, Interval]]]:
        """All known figures with their labels, in groups for display."""
        groups = [
            [
                ("score", self.score),
                ("right arguments", self.arguments),
                ("score with the right arguments given", self.ceiling),
            ],
            [(f"score falls: {_label(name)}", drop) for name, drop in self.drops.items()],
            [(f"answers change: {_label(name)}", share) for name, share in self.changed.items()],
            [
                ("answers follow a wrong result", self.follow_rate),
                ("answers follow another example's result", self.interchange),
                *((_label(name), share) for name, share in self.more.items()),
            ],
        ]
        return [[(label, interval) for label, interval in group if interval is not None] for group in groups]

    def to_json(self) -> dict[str, Any]:
        """Plain data. Keys are identifiers, such as the names of the interventions."""
        return asdict(self)


def audit(
    observed: Mapping[str, Observed],
    arguments: Sequence[bool | None] = (),
    ceiling: Sequence[float | None] = (),
    more: Mapping[str, Sequence[float]] | None = None,
    seed: int = 0,
    kinds: Sequence[str | None] = (),
) -> Audit:
    """Judge whether a network uses its tool.

        audit({"as_printed": Observed(answers, scores), "blanked": Observed(other_answers, other_scores)}).verdict

    All questions count, so give those that need the tool.

    Args:
        observed: what was observed, by the name of the intervention (`anzan.evaluation.interventions`). `as_printed`
            and `blanked` are required. Other names than those of that module are allowed; their drop and change are
            reported and count for the verdict `ignored`.
        arguments: whether the tool was given the right arguments, where known.
        ceiling: scores with the right arguments given, where known. What they lack is lost in reading.
        more: other shares from 0 to 1 to report, by name, of any number of examples.
        seed: of the bootstrap.
        kinds: of the examples, where they have one.

    Returns:
        An `Audit`, whose fields are
        - `score`, `arguments`, `ceiling`, `more`: the means of the above.
        - `drops`: by how many points the score falls under each intervention. `changed`: how many answers change.
        - `follow_rate`: how many answers follow under `wrong_results`; `interchange`: under `other_results`.
        - `verdict`, from the bounds of the intervals: `ignored` if every intervention changes less than 5 % of the
          answers; `used` if at least 90 % of the answers follow and the score falls by at least 10 points when the
          output is blanked; `bypassed` if one of these two is ruled out; otherwise `undecided`, for lack of examples.
          The answers that follow are those of the follow rate or the interchange, whichever has more examples.
        - `evidence`: the figures behind the verdict, in words.
        - `by_kind`: the verdict on the examples of each kind.

    Raises:
        ValueError: no examples, a missing intervention, or interventions with different numbers of examples.
    """
    missing = [name for name in (AS_PRINTED, BLANKED) if name not in observed]
    sizes = {
        len(x) for o in observed.values() for x in (o.answers, o.scores, o.follows or o.scores, o.shown or o.scores)
    }
    if missing or len(sizes) != 1 or not max(sizes):
        fault = f"{' and '.join(missing)} missing" if missing else f"answers to {sorted(sizes)} examples"
        raise AnzanError(f"observed: {fault}; give one for each example, and at least one, under every intervention")
    plain = observed[AS_PRINTED]
    drops, changed = dict[str, Interval](), dict[str, Interval]()
    for name, o in observed.items():
        there = [i for i in range(len(plain.answers)) if not o.shown or o.shown[i]]
        if name == AS_PRINTED or not there:
            continue
        drops[name] = _interval([plain.scores[i] - o.scores[i] for i in there], seed, least=-1)
        changed[name] = _interval([plain.answers[i] != o.answers[i] for i in there], seed)
    follow_rate, interchange = (
        _known(observed[name].follows, seed) if name in observed else None for name in (WRONG_RESULTS, OTHER_RESULTS)
    )
    rates = [rate for rate in (follow_rate, interchange) if rate is not None]
    verdict, evidence = _verdict(drops.get(BLANKED), changed, max(rates, key=lambda rate: rate.n, default=None))
    return Audit(
        verdict,
        evidence,
        _interval(plain.scores, seed),
        _known(arguments, seed),
        _known(ceiling, seed),
        drops,
        changed,
        follow_rate,
        interchange,
        {name: _interval(values, seed) for name, values in (more or {}).items() if values},
        {kind: audit(each, seed=seed).verdict for kind, each in _by_kind(observed, kinds).items()},
    )


def _by_kind(observed: Mapping[str, Observed], kinds: Sequence[str | None]) -> dict[str, dict[str, Observed]]:
    groups = {}
    for kind in sorted({k for k in kinds if k is not None}):
        own = [i for i, k in enumerate(kinds) if k == kind]
        groups[kind] = {name: o.of(own) for name, o in observed.items()}
    return groups


def _verdict(drop: Interval | None, changed: Mapping[str, Interval], follows: Interval | None) -> tuple[str, str]:
    if drop is None:
        return UNDECIDED, "no example shows what becomes of it when its output is blanked"
    most = max(changed, key=lambda name: changed[name].high)
    if changed[most].high < CHANGED_BELOW:
        share = f"{_label(most)}: {changed[most].mean:.1f} %, n = {changed[most].n:,}"
        return IGNORED, f"no override changes {CHANGED_BELOW:.0f} % of the answers ({share})"
    blanked = f"the score falls by {drop.mean:.1f} points ({drop.low:.1f} to {drop.high:.1f}) when it is blanked"
    followed = (
        "no example tells what it should follow"
        if follows is None
        else f"answers follow another output in {follows.mean:.1f} % ({follows.low:.1f} to {follows.high:.1f}, "
        f"n = {follows.n:,})"
    )
    if drop.high < DROPS_FROM or (follows is not None and follows.high < FOLLOWS_FROM):
        verdict = BYPASSED
    else:
        shown = follows is not None and follows.low >= FOLLOWS_FROM and drop.low >= DROPS_FROM
        verdict = USED if shown else UNDECIDED
    return verdict, f"{followed}, and {blanked}"


def _label(name: str) -> str:
    call = name.removeprefix(FOLLOWS_CALL.format(""))
    return f"answers follow another example's result of call {call}" if call.isdigit() else _LABELS.get(name, name)


def _known(values: Sequence[float | None], seed: int) -> Interval | None:
    known = [v for v in values if v is not None]
    return _interval(known, seed) if known else None


def _interval(values: Sequence[float], seed: int, least: float = 0) -> Interval:
    """The interval of values from `least` to 1."""
    x = 100 * np.asarray(values, dtype=float)
    mean = float(x.mean())
    if np.ptp(x) == 0:  # every resample is the same
        unseen = 1 - 0.025 ** (1 / len(x))
        low, high = mean - unseen * (mean - 100 * least), mean + unseen * (100 - mean)
    else:
        rng = np.random.default_rng(seed)
        found = bootstrap((x,), np.mean, n_resamples=2000, batch=100, method="percentile", rng=rng)
        low, high = found.confidence_interval
    return Interval(round(mean, 2), round(float(low), 2), round(float(high), 2), len(x))
