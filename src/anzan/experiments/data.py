"""The problems of a run: read or drawn, split, and made ready for training."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from torch.utils.data import Dataset

from anzan.experiments.config import ConfigError, DataConfig, PossessionData
from anzan.experiments.progress import progress_bar
from anzan.reader.features import Example, Features, TextTooLong
from anzan.tasks.formats import read_any
from anzan.tasks.possession import Possession, check_disjoint, generate
from anzan.tasks.problem import Problem


@dataclass(frozen=True)
class Splits:
    """Training, development (for selection) and evaluation problems."""

    train: list[Problem]
    dev: list[Problem]
    eval: list[Problem]


def load_splits(data: DataConfig, seed: int) -> Splits:
    """Read or draw the three splits; a development split is cut from the training file where none is given.

    Raises:
        ConfigError: neither files nor a generator, or two splits share a problem.
        DataError: a file that cannot be read.
    """
    if data.possession is not None:
        p = data.possession
        options = possession_options(p)
        train, dev, test = (
            generate(options, size, p.seed, split)
            for split, size in (("train", p.train_size), ("dev", p.dev_size), ("eval", p.eval_size))
        )
        check_disjoint(train, dev)
        check_disjoint(train, test)
        return Splits(train, dev, test)
    if data.train is None:
        raise ConfigError("data.train is missing: give a file as data.train=PATH, or data.possession settings")
    problems = read_any(data.train)
    dev = read_any(data.dev) if data.dev else []
    if not dev:
        # By passage: questions on one passage must not stand on both sides.
        passages = sorted({p.passage for p in problems})
        random.Random(f"dev-{seed}").shuffle(passages)
        chosen = set(passages[: max(1, round(len(passages) * data.dev_share))])
        dev = [p for p in problems if p.passage in chosen]
        problems = [p for p in problems if p.passage not in chosen]
    return Splits(problems, dev, read_any(data.eval) if data.eval else [])


def possession_options(data: PossessionData) -> Possession:
    """What `data.possession` asks of the generator."""
    return Possession(
        people=data.people,
        digits=data.digits,
        max_digits=data.max_digits,
        transfer=data.transfer,
        questions=tuple(sorted(set(data.questions))),  # in any order, the same problems
        bias=data.bias,
    )


class Examples(Dataset[Example]):
    """Problems as examples, ready made, and the kind of each one."""

    def __init__(self, examples: Sequence[Example], kinds: Sequence[str | None]):
        self.examples, self.kinds = examples, kinds
        self.lengths = [len(e.text.ids) + max((len(r.ids) for r in e.rows if r), default=0) for e in examples]

    @property
    def longest_answer(self) -> int:
        """Words of the longest answer that stands in a text; 0 if none does."""
        spans = ((e.text.tokens[s : t + 1]) for e in self.examples for s, t in e.text_spans)
        return max((sum(token is not None and token.starts_word for token in span) for span in spans), default=0)

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> Example:
        return self.examples[index]


def make_examples(problems: Sequence[Problem], features: Features, log: Console) -> Examples:
    """Examples for training; a text beyond the model's limit is left out, and counted aloud."""
    examples, kinds, left_out = [], [], 0
    with progress_bar(log) as bar:
        for problem in bar.track(problems, description="preparing"):
            try:
                examples.append(features.example(problem.passage, problem.question, problem.answers, _gold(problem)))
                kinds.append(problem.kind)
            except TextTooLong:
                left_out += 1
    if left_out:
        log.print(f"{left_out:,} of {len(problems):,} training texts are longer than the model reads and were left out")
    if not examples:
        raise ConfigError("data.train: no problem is short enough for this encoder")
    return Examples(examples, kinds)


def _gold(problem: Problem) -> Any:
    mentions = problem.meta.get("mentions")
    if mentions:
        return [(m["where"], m["start"], m["end"]) for m in mentions]
    return problem.arguments[0] if problem.arguments and len(problem.arguments) == 1 else None
