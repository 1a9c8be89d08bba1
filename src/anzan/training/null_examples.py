"""The null control of the audit: a reader trained with a calculator that tells nothing.

Every calculation is that of random numbers, of the length of the true ones. What such a reader has learnt, it has not
learnt from its calculator, so an audit must not call the calculator used.

>>> train(config, out, change=null_control)
"""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction

from anzan.reader.encode import TextEncoder
from anzan.reader.labels import Example
from anzan.settings import ConfigError
from anzan.training.data import Examples
from anzan.training.prepare import Prepared


def null_control(run: Prepared) -> Prepared:
    """The run with the calculations of random numbers, in training alone; a change for `anzan.training.train`.

    Raises:
        ConfigError: a model without a calculator, or one of symbols.
    """
    settings = run.config.model
    if settings.numbers == "symbols" or not settings.operations:
        raise ConfigError("null control: for models with a calculator of digits; change model.numbers, operations")
    given = run.examples
    return replace(run, examples=NullExamples(given.problems, given.encoder, given.lengths, given.longest_answer))


class NullExamples(Examples):
    """Examples with other calculations; the same at every draw."""

    def example(self, i: int, people: int | None = None) -> Example:
        return _null(super().example(i, people), self.encoder, random.Random(i))


def _null(example: Example, encoder: TextEncoder, rng: random.Random) -> Example:
    """The example with calculations of random numbers: not even a sign tells anything, and nothing is labelled."""

    def drawn(value: Fraction) -> Fraction:
        size = len(str(abs(int(value))))
        return Fraction(rng.randint(10 ** (size - 1), 10**size - 1))

    mentions = example.text.mentions
    rows = [
        None if row is None else encoder.row(encoder.calculator(*(drawn(mentions[m].value) for m in pair)))
        for row, pair in zip(example.rows, example.text.candidates, strict=True)
    ]
    return replace(example, rows=rows, row_spans=[[] for _ in rows], acceptable=[False] * len(rows))
