"""The kinds of quantities in worlds: how they are drawn, and how they are written."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from anzan.arithmetic import format_number

SIZES = ((2, 12), (10, 99), (100, 999), (1_000, 30_000))
"""How large the counts of one problem are, from `SHARES` of the problems."""
SHARES = (0.3, 0.45, 0.18, 0.07)
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_RANGE = re.compile(r"(\d+)\.\.(\d+)", re.ASCII)


@dataclass(frozen=True)
class Style:
    """How the numbers of one problem are written.

    Attributes:
        size: the least and the greatest count.
        words: the share of numbers up to twelve that are written as words.
        commas: whether thousands are grouped.
        cents: whether prices have cents.
        sign: whether money and percentages are written with a sign (`$5`, `5%`), not with a word.
        decimals: whether lengths, weights and times have a decimal.
    """

    size: tuple[int, int]
    words: float
    commas: bool
    cents: bool
    sign: bool
    decimals: bool


def draw_style(rng: random.Random) -> Style:
    """How one problem writes its numbers."""
    return Style(
        size=rng.choices(SIZES, SHARES)[0],
        words=rng.choice((0.0, 0.0, 0.2, 0.6)),
        commas=rng.random() < 0.5,
        cents=rng.random() < 0.4,
        sign=rng.random() < 0.7,
        decimals=rng.random() < 0.25,
    )


def _between(low: int, high: int) -> Callable[[random.Random, Style], Fraction]:
    return lambda rng, style: Fraction(rng.randint(low, high))


def _money(rng: random.Random, style: Style) -> Fraction:
    low, high = style.size if style.size[1] <= 999 else (10, 99)
    whole = rng.randint(low, high)
    return Fraction(100 * whole + 5 * rng.randrange(20), 100) if style.cents else Fraction(whole)


def _price(rng: random.Random, style: Style) -> Fraction:
    return Fraction(5 * rng.randint(5, 400), 100) if style.cents else Fraction(rng.randint(2, 40))


def _measure(rng: random.Random, style: Style) -> Fraction:
    low, high = style.size if style.size[1] <= 999 else (10, 99)
    return Fraction(rng.randint(10 * low, 10 * high), 10) if style.decimals else Fraction(rng.randint(low, high))


PARTS = {
    Fraction(1, 2): ("half", "one half", "1/2"),
    Fraction(1, 3): ("one third", "1/3"),
    Fraction(1, 4): ("one quarter", "1/4"),
    Fraction(3, 4): ("three quarters", "3/4"),
    Fraction(2, 3): ("two thirds", "2/3"),
    Fraction(1, 5): ("one fifth", "1/5"),
    Fraction(2, 5): ("two fifths", "2/5"),
}
"""Parts of something, and how they are written before `of`."""

DRAWS: dict[str, Callable[[random.Random, Style], Fraction]] = {
    "count": lambda rng, style: Fraction(rng.randint(*style.size)),
    "few": _between(2, 12),
    "some": _between(2, 60),
    "many": _between(100, 5_000),
    "crowd": _between(1_000, 900_000),
    "age": _between(3, 80),
    "yards": _between(2, 60),
    "points": _between(3, 60),
    "percent": _between(2, 97),
    "year": _between(1205, 2024),
    "money": _money,
    "price": _price,
    "measure": _measure,
    "part": lambda rng, style: rng.choice(tuple(PARTS)),
}
"""Kinds of quantities. `2..9` draws from that range."""


def draw_quantity(rng: random.Random, kind: str, style: Style) -> Fraction:
    """A quantity of this kind."""
    limits = _RANGE.fullmatch(kind)
    return Fraction(rng.randint(int(limits[1]), int(limits[2]))) if limits else DRAWS[kind](rng, style)


def is_kind(kind: str) -> bool:
    """Whether quantities of this kind can be drawn."""
    return kind in DRAWS or bool(_RANGE.fullmatch(kind))


def is_whole(kind: str) -> bool:
    """Whether quantities of this kind are always whole numbers."""
    return kind not in ("money", "price", "measure", "part")


def write_quantity(rng: random.Random, value: Fraction, kind: str, style: Style) -> str:
    """A quantity as text, with its unit if that is money or percent."""
    if kind in ("money", "price"):
        amount = format_number(value) if value.denominator == 1 else f"{float(value):,.2f}"
        return f"${amount}" if style.sign else f"{amount} dollars"
    if kind == "percent":
        return f"{value}%" if style.sign else f"{value} percent"
    if kind == "part":
        return rng.choice(PARTS[value])
    if kind == "year":
        return str(value)
    if value.denominator == 1 and value < len(_WORDS) and rng.random() < style.words:
        return _WORDS[int(value)]
    return f"{int(value):,}" if style.commas and value.denominator == 1 else format_number(value)
