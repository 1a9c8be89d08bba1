"""Is the tool used? What a network answers with its tool's output tampered with, and what that amounts to.

A score cannot tell: Yoshikawa, Heinzerling and Inui (NLP2022) saw 98 F1 from a model that gave its calculator the right
arguments 0.6 % of the time. The tool's output is a variable of its own, so it can be set: blanked, or replaced by
another one. Where an exact program knows what that other one amounts to, the answer can be held against it (interchange
interventions, Geiger et al., NeurIPS 2021).

`audit` needs to know nothing of the network but its answers; `anzan.evaluation.reader_audit` observes a reader,
`observe_layer` any network with a `SymbolicLayer` in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch
from scipy.stats import bootstrap
from torch import Tensor

from anzan.errors import AnzanError
from anzan.layer import SymbolicLayer, intervene

AS_IS = "as it is"
BLANKED = "blanked"
RANDOM = "random arguments"
ANOTHER = "another example's result"
WRONG = "wrong result"

IGNORED, BYPASSED, USED, UNDECIDED = "ignored", "bypassed", "used", "undecided"
CHANGED_BELOW, FOLLOWS_FROM, DROPS_FROM = 5.0, 90.0, 10.0
"""Of answers that change, of answers that follow (percent), and of the drop when blanked (points); see `audit`."""


@dataclass(frozen=True)
class Observed:
    """What a network answers to n examples under one intervention.

    `scores` are from 0 to 1. `follows`: is the answer what an exact program makes of the output that the network was
    shown? None where nobody can tell, or where it is the answer as it was. `shown`: did the example see another output
    than its own at all? By default all did; others are left out. Equal answers must be equal (`==`).
    """

    answers: Sequence[Any]
    scores: Sequence[float]
    follows: Sequence[bool | None] = ()
    shown: Sequence[bool] = ()


@dataclass(frozen=True)
class Interval:
    """A mean over `n` examples, in percent (or points), with its 95 % bootstrap interval.

    Where all are equal, and a bootstrap has no width, the bounds say how many others may have gone unseen: those of
    Clopper and Pearson (1934) for a share of 0 or 100 %.
    """

    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Audit:
    """What `audit` found, in percent; see there."""

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

    def figures(self) -> list[list[tuple[str, Interval]]]:
        """All figures with what they are called, in groups that belong together; none that is not known."""
        groups = [
            [
                ("score", self.score),
                ("right arguments", self.arguments),
                ("score with the right arguments given", self.ceiling),
            ],
            [(f"score falls: {name}", drop) for name, drop in self.drops.items()],
            [(f"answers change: {name}", share) for name, share in self.changed.items()],
            [
                ("answers follow a wrong result", self.follow_rate),
                ("answers follow another example's result", self.interchange),
                *self.more.items(),
            ],
        ]
        return [[(name, interval) for name, interval in group if interval is not None] for group in groups]

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def audit(
    observed: Mapping[str, Observed],
    arguments: Sequence[bool | None] = (),
    ceiling: Sequence[float | None] = (),
    more: Mapping[str, Sequence[float]] | None = None,
    seed: int = 0,
) -> Audit:
    """Judge by what was observed under `AS_IS`, which must be there with `BLANKED`, and under other interventions.

    - `score`, and `ceiling`: the score where the right arguments are given; what that lacks is lost in reading.
    - `drops`: by how many points the score falls under each override. `changed`: how many answers change.
    - `follow_rate`: how many answers follow a `WRONG` result, and `interchange` `ANOTHER` example's.
    - `arguments`: how often the tool was given the right ones, where that is known.
    - `more`: shares from 0 to 1 that somebody else has measured, by name, of any number of examples.
    - `verdict`, by the bounds of the intervals: `ignored` if every override changes less than 5 % of the answers;
      `used` if answers follow in 90 % and the score falls by 10 points when the output is blanked; `bypassed` if one
      of these two is out of reach; else `undecided`, with too few examples to tell. What follows is the follow rate or
      the interchange, whichever more examples tell of. `evidence` says by what.

    Interventions under other names than those of this module have their drop and change reported, and may change as
    many answers as they like for a verdict of `ignored` to fall. All questions count: give those that need the tool.

    Raises:
        ValueError: no examples, an intervention that is missing, or one of another length.
    """
    missing = [name for name in (AS_IS, BLANKED) if name not in observed]
    sizes = {
        len(x) for o in observed.values() for x in (o.answers, o.scores, o.follows or o.scores, o.shown or o.scores)
    }
    if missing or len(sizes) != 1 or not max(sizes):
        fault = f"{' and '.join(missing)} missing" if missing else f"answers to {sorted(sizes)} examples"
        raise AnzanError(f"observed: {fault}; give one for each example, of one at least, under every intervention")
    plain = observed[AS_IS]
    drops, changed = dict[str, Interval](), dict[str, Interval]()
    for name, o in observed.items():
        there = [i for i in range(len(plain.answers)) if not o.shown or o.shown[i]]
        if name == AS_IS or not there:
            continue
        drops[name] = _interval([plain.scores[i] - o.scores[i] for i in there], seed, least=-1)
        changed[name] = _interval([plain.answers[i] != o.answers[i] for i in there], seed)
    follow_rate, interchange = (_known(observed[n].follows, seed) if n in observed else None for n in (WRONG, ANOTHER))
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
    )


def observe_layer(
    layer: SymbolicLayer,
    answer: Callable[[], Tensor],
    labels: Tensor,
    program: Callable[[Tensor], Tensor] | None = None,
    seed: int = 0,
) -> dict[str, Observed]:
    """Observations of any network with a `SymbolicLayer` in it, for `audit`.

    Args:
        layer: the layer, called once by each `answer()`.
        answer: runs the network, in evaluation mode, on n examples: its answers (n,).
        labels: the right answers (n,). Candidates are those of `answer()`'s own batch: the table is shared, or each
            example has as many.
        program: what an exact program answers if the layer returns these candidates' results, (n,) to (n,); without
            it there is no follow rate and no interchange.
        seed: of the candidates that are drawn.

    Raises:
        ValueError: the layer was not called, or more than once.
    """
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad(), intervene(layer, lambda _: None) as own:
        plain = answer()
    if len(own) != 1:
        raise AnzanError(f"answer: it calls the layer {len(own)} times; once is needed")
    valid = own[0].log_probs.isfinite()
    chosen = own[0].log_probs.argmax(-1) if own[0].index is None else own[0].index
    others = valid.float().scatter(1, chosen[:, None], 0.0).cpu()
    others.scatter_add_(1, chosen[:, None].cpu(), 1e-9 * torch.ones(len(chosen), 1))  # where there is no other
    elsewhere = chosen[torch.randperm(len(chosen), generator=draw).to(chosen.device)]
    ways = {
        WRONG: others.multinomial(1, generator=draw)[:, 0].to(chosen.device),
        ANOTHER: torch.where(valid.gather(1, elsewhere[:, None])[:, 0], elsewhere, chosen),
    }
    observed = {AS_IS: _scored(plain, labels)}
    with torch.no_grad(), intervene(layer, None):
        observed[BLANKED] = _scored(answer(), labels)
    for name, index in ways.items():
        with torch.no_grad(), intervene(layer, lambda _, index=index: index):
            answers = answer()
        follows: list[bool | None] = []
        if program is not None:
            due = program(index)
            telling = (due != program(chosen)).tolist()
            follows = [right if told else None for right, told in zip((answers == due).tolist(), telling, strict=True)]
        observed[name] = replace(_scored(answers, labels), follows=follows, shown=(index != chosen).tolist())
    return observed


def _scored(answers: Tensor, labels: Tensor) -> Observed:
    return Observed(answers.tolist(), (answers == labels).float().tolist())


def _verdict(drop: Interval | None, changed: Mapping[str, Interval], follows: Interval | None) -> tuple[str, str]:
    if drop is None:
        return UNDECIDED, "no example shows what becomes of it when its output is blanked"
    most = max(changed, key=lambda name: changed[name].high)
    if changed[most].high < CHANGED_BELOW:
        share = f"{most}: {changed[most].mean:.1f} %, n = {changed[most].n:,}"
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


def _known(values: Sequence[float | None], seed: int) -> Interval | None:
    known = [v for v in values if v is not None]
    return _interval(known, seed) if known else None


def _interval(values: Sequence[float], seed: int, least: float = 0) -> Interval:
    """Of values from `least` to 1."""
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
