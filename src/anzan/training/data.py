"""The problems of a run: read or drawn, split, and made ready for training."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import zip_longest
from typing import Any

from rich.console import Console
from torch.utils.data import Dataset

from anzan.progress import progress_bar
from anzan.reader.encode import Example, Features, TextTooLong, find_answers
from anzan.tasks.distraction import Distractions
from anzan.tasks.formats import read_any
from anzan.tasks.possession import WIDEST, Possession, check_disjoint, generate, shorten
from anzan.tasks.problem import Problem
from anzan.tasks.question_types import read_ids, select
from anzan.training.curriculum import Item
from anzan.training.settings import ConfigError, DataConfig, PossessionData

CLOSE = 0.05
"""The gap of close problems, see `anzan.tasks.possession.Possession`."""


@dataclass(frozen=True)
class Splits:
    """Training, development (for selection) and evaluation problems."""

    train: list[Problem]
    dev: list[Problem]
    eval: list[Problem]


def load_splits(data: DataConfig, seed: int) -> Splits:
    """Read or draw the three splits; a development split is cut from the training file where none is given.

    Raises:
        ConfigError: neither files nor a generator, two splits share a problem, a share out of range, nothing selected.
        DataError: a file that cannot be read.
    """
    if data.distracted < 0 or (data.distracted and data.possession is not None):
        raise ConfigError(f"data.distracted: 0 or more, and for problems from a file alone, got {data.distracted}")
    if data.possession is not None:
        for name in ("train", "dev", "eval", "ids", "questions"):
            if getattr(data, name):
                raise ConfigError(f"data.{name} and data.possession: give one; data.possession=null reads the files")
        train, dev, test = (draw(data.possession, split) for split in ("train", "dev", "eval"))
        check_disjoint(train, dev)
        check_disjoint(train, test)
        return Splits(train, dev, test)
    if data.train is None:
        raise ConfigError("data.train is missing: give a file as data.train=PATH, or data.possession settings")
    for name in ("dev_share", "eval_share"):
        if not 0 <= getattr(data, name) < 1:
            raise ConfigError(f"data.{name}: give a share from 0 to below 1, got {getattr(data, name)}")
    ids = None if data.ids is None else _ids(data.ids)
    problems = _read(data.train, data, ids)
    test = _read(data.eval, data, ids) if data.eval else []
    if not data.eval and data.eval_share:
        problems, test = _apart(problems, data.eval_share, f"eval-{seed}")
    dev = _read(data.dev, data, ids) if data.dev else []
    if not dev:
        problems, dev = _apart(problems, data.dev_share, f"dev-{seed}")
    return Splits([*problems, *_distracted(problems, data.distracted, seed)], dev, test)


def _distracted(problems: Sequence[Problem], times: int, seed: int) -> list[Problem]:
    """Each problem so many times with something in it that nobody asks for, where that has a place."""
    distractions, rng = Distractions(problems if times else ()), random.Random(f"distracted-{seed}")
    return [changed for _ in range(times) for p in problems if (changed := distractions.add(p, rng))]


def _ids(path: str) -> frozenset[str]:
    try:
        return read_ids(path)
    except ValueError as error:
        raise ConfigError(f"data.questions, data.ids: {error}") from None


def _read(path: str, data: DataConfig, ids: frozenset[str] | None) -> list[Problem]:
    """The problems of a file that `data` selects."""
    problems = read_any(path)
    if not data.questions and ids is None:
        return problems
    try:
        chosen = select(problems, data.questions, ids)
    except ValueError as error:
        raise ConfigError(f"data.questions, data.ids: {error}") from None
    if not chosen:
        raise ConfigError(f"{path}: none of {len(problems):,} problems is selected; change data.questions or data.ids")
    return chosen


def _apart(problems: Sequence[Problem], share: float, seed: str) -> tuple[list[Problem], list[Problem]]:
    """The problems without a share of the passages, and those about these: no passage stands on both sides."""
    passages = sorted({p.passage for p in problems})
    random.Random(seed).shuffle(passages)
    chosen = set(passages[: max(1, round(len(passages) * share))])
    return [p for p in problems if p.passage not in chosen], [p for p in problems if p.passage in chosen]


def draw(data: PossessionData, split: str) -> list[Problem]:
    """The problems of one split, `train`, `dev` or `eval`.

    Raises:
        ConfigError: `transfer` holds nothing, or one value twice; `wide_share` and `close_share` are no shares.
        ValueError: options without problems, see `Possession`.
    """
    if not data.transfer or len(set(data.transfer)) < len(data.transfer):
        raise ConfigError("data.possession.transfer: give true, false, or [false, true] for both alike")
    if any(data.transfer) and data.transfers < 1:
        raise ConfigError(f"data.possession.transfers: {data.transfers}; choose 1 or 2")
    shares = {"wide_share": data.wide_share, "close_share": data.close_share}
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise ConfigError(f"data.possession.{name}: give a share from 0 to 1, got {share}")
    if sum(shares.values()) > 1:
        raise ConfigError("data.possession.wide_share, close_share: give shares that make 1 at most together")
    size = {"train": data.train_size, "dev": data.dev_size, "eval": data.eval_size}[split]
    streams = []
    for i, transfer in enumerate(data.transfer):
        options = Possession(
            people=data.people,
            digits=data.digits,
            max_digits=data.max_digits,
            transfers=data.transfers if transfer else 0,
            questions=tuple(sorted(set(data.questions))),  # in any order, the same problems
            bias=data.bias,
            gap=data.gap,
        )
        n = len(range(i, size, len(data.transfer)))
        wide, close = (round(n * share) if transfer and split == "train" else 0 for share in shares.values())
        streams.append(generate(options, n - wide - close, data.seed, split))
        streams.append(generate(replace(options, gap=WIDEST), wide, data.seed, f"{split}-wide"))
        streams.append(generate(replace(options, gap=CLOSE), close, data.seed, f"{split}-close"))
    return [problem for together in zip_longest(*streams) for problem in together if problem is not None]


class Examples(Dataset[tuple[Example, int]]):
    """Problems as examples, made when they are asked for: all results of all problems would take gigabytes.

    `lengths` are the tokens of the texts, `kinds` what `train.begin_with` may name, `longest_answer` the words of the
    longest answer that stands in a text; 0 if none does. With `wrong` every calculation is that of random numbers.
    """

    def __init__(
        self,
        problems: Sequence[Problem],
        features: Features,
        lengths: Sequence[int],
        longest_answer: int,
        wrong: bool = False,
    ):
        self.problems, self.features, self.wrong = problems, features, wrong
        self.lengths, self.longest_answer = lengths, longest_answer
        self.kinds = [_kinds(p) for p in problems]

    def __len__(self) -> int:
        return len(self.problems)

    def __getitem__(self, item: Item) -> tuple[Example, int]:
        """An example, and which draw of the run it is."""
        return self.example(item.example, item.people), item.draw

    def example(self, i: int, people: int | None = None) -> Example:
        """A problem by its number, and how many people to leave in it."""
        p = self.problems[i]
        if people is not None:
            p = shorten(p, people, random.Random(f"shorten-{i}-{people}"))
        example = self.features.example(p.passage, p.question, p.answers, _gold(p))
        return _with_other_calculations(example, self.features, random.Random(i)) if self.wrong else example


def _with_other_calculations(example: Example, features: Features, rng: random.Random) -> Example:
    """The example with calculations of random numbers, as long as its own: nothing is to be had from them, not even a
    sign, and nothing is labelled.
    """

    def drawn(value: Fraction) -> Fraction:
        size = len(str(abs(int(value))))
        return Fraction(rng.randint(10 ** (size - 1), 10**size - 1))

    mentions = example.text.mentions
    rows = [
        None if row is None else features.row(features.calculator(*(drawn(mentions[m].value) for m in pair)))
        for row, pair in zip(example.rows, example.text.candidates, strict=True)
    ]
    return replace(example, rows=rows, row_spans=[[] for _ in rows], acceptable=[False] * len(rows))


def make_examples(problems: Sequence[Problem], features: Features, log: Console, wrong: bool = False) -> Examples:
    """Examples for training; a text beyond the model's limit is left out, and counted aloud."""
    kept, lengths, longest = [], [], 0
    with progress_bar(log) as bar:
        for problem in bar.track(problems, description="preparing"):
            try:
                text = features.text(problem.passage, problem.question)
            except TextTooLong:
                continue
            kept.append(problem)
            lengths.append(len(text.ids))
            places = find_answers(text, problem.answers)
            words = (
                sum(token is not None and token.starts_word for token in text.tokens[s : t + 1]) for s, t in places
            )
            longest = max(longest, *words, 0)
    if left_out := len(problems) - len(kept):
        log.print(f"{left_out:,} of {len(problems):,} training texts are longer than the model reads and were left out")
    if not kept:
        raise ConfigError("data.train: no problem is short enough for this encoder")
    return Examples(kept, features, lengths, longest, wrong)


def _kinds(problem: Problem) -> set[str]:
    """The kind of its question and, of a possession problem whose numbers may lie far apart, `wide`."""
    kinds = set() if problem.kind is None else {problem.kind}
    return kinds | {"wide"} if problem.meta.get("wide") else kinds


def _gold(problem: Problem) -> Any:
    mentions = problem.meta.get("mentions")
    if mentions:
        return [(m["where"], m["start"], m["end"]) for m in mentions]
    return problem.arguments[0] if problem.arguments and len(problem.arguments) == 1 else None
