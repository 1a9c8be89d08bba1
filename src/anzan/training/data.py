"""The problems of a run: read or drawn, split, and prepared for training."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from rich.console import Console
from torch.utils.data import Dataset

from anzan.progress import progress_bar
from anzan.reader.encode import TextEncoder, TextTooLong
from anzan.reader.labels import Example, find_answers, make_example
from anzan.settings import ConfigError
from anzan.tasks.distraction import Distractions
from anzan.tasks.formats import read_any
from anzan.tasks.possession import Possession, check_disjoint, generate, shorten
from anzan.tasks.problem import Problem
from anzan.tasks.question_types import read_ids, select
from anzan.training.curriculum import Item
from anzan.training.settings import DataSettings, PossessionSettings

DEV_SHARE = 0.1
"""Of the training passages, where no development file is given."""
SEED = 0
"""Of the possession problems that are drawn for training and its evaluation."""
MOST_FREE = 1_000
"""Free problems that a run is measured on, beside its evaluation split."""


@dataclass(frozen=True)
class Splits:
    """Training, development (for selection) and evaluation problems."""

    train: list[Problem]
    dev: list[Problem]
    eval: list[Problem]


def load_splits(data: DataSettings, seed: int) -> Splits:
    """Read or draw the three splits; a development split is cut from the training file where none is given.

    Raises:
        ConfigError: neither files nor a generator, two splits share a problem, nothing selected.
        DataError: a file that cannot be read.
    """
    if data.possession is not None:
        train, dev, test = (draw(data.possession, split) for split in ("train", "dev", "eval"))
        check_disjoint(train, dev)
        check_disjoint(train, test)
        check_disjoint(train, draw_free(data.possession))
        return Splits(train, dev, test)
    if data.train is None:
        raise ConfigError("data.train is missing: give a file as data.train=PATH, or data.possession settings")
    selected = _Selection(data.questions)
    problems = selected.read(data.train)
    test = selected.read(data.eval) if data.eval else []
    if not data.eval and data.eval_share:
        problems, test = _apart(problems, data.eval_share, f"eval-{seed}")
    dev = selected.read(data.dev) if data.dev else []
    if not dev:
        problems, dev = _apart(problems, DEV_SHARE, f"dev-{seed}")
    return Splits([*problems, *_distracted(problems, data.distracted, seed)], dev, test)


def _distracted(problems: Sequence[Problem], times: int, seed: int) -> list[Problem]:
    """Each problem so many times with something added that nobody asks for, where that fits in."""
    distractions, rng = Distractions(problems if times else ()), random.Random(f"distracted-{seed}")
    return [changed for _ in range(times) for p in problems if (changed := distractions.add(p, rng))]


class _Selection:
    """The problems of files that `data.questions` selects: by type of question, or by files of ids."""

    def __init__(self, questions: Sequence[str]):
        self.types = [name for name in questions if not Path(name).is_file()]
        files = [name for name in questions if Path(name).is_file()]
        try:
            self.ids = frozenset().union(*map(read_ids, files)) if files else None
        except ValueError as error:
            raise ConfigError(f"data.questions: {error}") from None

    def read(self, path: str) -> list[Problem]:
        problems = read_any(path)
        if not self.types and self.ids is None:
            return problems
        try:
            chosen = select(problems, self.types, self.ids)
        except ValueError as error:
            raise ConfigError(f"data.questions: {error}") from None
        if not chosen:
            raise ConfigError(f"{path}: none of {len(problems):,} problems is selected; change data.questions")
        return chosen


def _apart(problems: Sequence[Problem], share: float, seed: str) -> tuple[list[Problem], list[Problem]]:
    """Problems split by passage: those about a random share of the passages come second."""
    passages = sorted({p.passage for p in problems})
    random.Random(seed).shuffle(passages)
    chosen = set(passages[: max(1, round(len(passages) * share))])
    return [p for p in problems if p.passage not in chosen], [p for p in problems if p.passage in chosen]


def draw(data: PossessionSettings, split: str) -> list[Problem]:
    """The problems of one split, `train`, `dev` or `eval`.

    Raises:
        AnzanError: options without problems, see `Possession`.
    """
    size = {"train": data.train_size, "dev": data.dev_size, "eval": data.eval_size}[split]
    if data.draw == "both" and split == "train":
        free = size // 2
        return _in_turn([_drawn(data, "balanced", split, size - free), _drawn(data, "free", split, free)])
    return _drawn(data, "free" if data.draw == "free" else "balanced", split, size)


def draw_free(data: PossessionSettings) -> list[Problem]:
    """Free problems beside those of the evaluation split: the same kinds, as many, but at most `MOST_FREE`.

    Raises:
        AnzanError: options without problems, see `Possession`.
    """
    return _drawn(data, "free", "eval", min(data.eval_size, MOST_FREE))


def _drawn(data: PossessionSettings, kind: str, split: str, size: int) -> list[Problem]:
    """Problems of one draw, `balanced` or `free`; bias and gap belong to balanced ones."""
    streams = []
    for i, transfers in enumerate(data.transfers):
        options = Possession(
            people=data.people,
            digits=data.most_digits if len(data.digits) == 1 else 7,  # unused then, but part of the stream's identity
            max_digits=None if len(data.digits) == 1 else data.most_digits,
            transfers=transfers,
            questions=tuple(sorted(set(data.questions))),  # in any order, the same problems
            draw=kind,
        )
        n = len(range(i, size, len(data.transfers)))
        if kind == "balanced":
            options = replace(options, bias=data.bias, gap=data.gap)
        streams.append(generate(options, n, SEED, split))
    return _in_turn(streams)


def _in_turn(streams: Sequence[Sequence[Problem]]) -> list[Problem]:
    """One problem of each stream in turn; a stream that has ended is passed over."""
    return [problem for together in zip_longest(*streams) for problem in together if problem is not None]


class Examples(Dataset[tuple[Example, int]]):
    """Problems as examples, made when they are asked for: all rows of all problems would take gigabytes.

    Attributes:
        lengths: tokens of each text.
        longest_answer: words of the longest answer that is in a text; 0 if none is.
    """

    def __init__(self, problems: Sequence[Problem], encoder: TextEncoder, lengths: Sequence[int], longest_answer: int):
        self.problems, self.encoder = problems, encoder
        self.lengths, self.longest_answer = lengths, longest_answer

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
        others = [(o.passage, o.question, o.answers) for o in p.others]
        return make_example(self.encoder, p.passage, p.question, p.answers, _gold(p), others)


def make_examples(problems: Sequence[Problem], encoder: TextEncoder, log: Console) -> Examples:
    """Examples for training; texts beyond the model's limit are left out, and reported.

    Raises:
        ConfigError: no text is short enough.
    """
    kept, lengths, longest = [], [], 0
    with progress_bar(log) as bar:
        for problem in bar.track(problems, description="preparing"):
            try:
                text = encoder.text(problem.passage, problem.question)
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
    return Examples(kept, encoder, lengths, longest)


def _gold(problem: Problem) -> Any:
    mentions = problem.meta.get("mentions")
    if mentions:
        return [(m["where"], m["start"], m["end"]) for m in mentions]
    return problem.arguments[0] if problem.arguments and len(problem.arguments) == 1 else None
