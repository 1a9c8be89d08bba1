"""The calculator: exact arithmetic on two numbers, printed as a line of text.

For 72 and 23 it prints `95 = 72 + 23 , 49 = 72 - 23 , - 49 = 23 - 72`, as in the paper. The line is canonical:

- clauses are joined by ` , ` and stand in fixed places: each operation in the order it was given, and for `-` and `/`
  both directions, also where they agree (`0 = 7 - 7 , 0 = 7 - 7`);
- a minus sign is apart from its number, for operands too: `2 = 5 + - 3`, `8 = 3 - - 5`. Where a number is expected `-`
  is its sign, elsewhere it is the operation, so the line can be read in one way only;
- numbers are printed by `format_number`: no exponent, no thousands separators, no trailing zeros, no `+`, no `-0`.

A function of your own, `math:gcd`, stands between its operands under its name, in both directions: `5 = 10 gcd 15`.

A result is undefined where it divides by zero, where a function has none, or where it is too long to print. Its clause
is left out.
"""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

from anzan.arithmetic.functions import imported
from anzan.errors import AnzanError

MAX_DIGITS = 1000
"""The longest number that is printed, in digits before and after the point together."""

_TOO_LONG = 10**MAX_DIGITS

DECIMALS = 4
"""How many decimals are kept of a number whose decimals never end."""

Number = Fraction | int
"""Whole numbers are ints while they are computed with and printed: fractions are slow, and there are many results."""


def _divide(a: Any, b: Any) -> Number:
    return Fraction(a) / b


# Operation -> how to compute it, and whether the order of its operands matters.
_OPERATIONS: dict[str, tuple[Callable[[Any, Any], Number], bool]] = {
    "+": (operator.add, False),
    "-": (operator.sub, True),
    "*": (operator.mul, False),
    "/": (_divide, True),
}

_FUNCTION = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*", re.ASCII)

# Operation -> the numbers x that make the wanted number w out of the known one k, in either order.
_SOLUTIONS: dict[str, Callable[[Fraction, Number], tuple[Fraction, ...]]] = {
    "+": lambda k, w: (w - k,),
    "-": lambda k, w: (k - w, w + k),
    "*": lambda k, w: (w / k,) if k else (),
    "/": lambda k, w: (w * k, k / w) if k and w else (w * k,) if k else (),
}


class Field(NamedTuple):  # quicker to make than a dataclass, and there are many
    """One number in a printed calculation, at characters `start` to `end` of the line, its sign included.

    `operation` is "+", "-", "*", "/" or a function's name where the field is a result (left of `=`), and None where it
    is an operand. `value` is exact, also where the printed number is rounded, and an int where it is whole. `argument`
    is 0 or 1, the argument that an operand is, and None for a result.
    """

    value: Number
    start: int
    end: int
    operation: str | None
    argument: int | None = None


@dataclass(frozen=True, slots=True)
class Printed:
    """A printed calculation, and its numbers in the order in which they stand: result, left, right, result, ..."""

    text: str
    fields: tuple[Field, ...]


def _decimals(denominator: int) -> int | None:
    """How many decimals a fraction in lowest terms has, or None if they never end (or are far too many)."""
    if denominator.bit_length() > 4 * MAX_DIGITS:  # more than 10**MAX_DIGITS
        return None
    counts = []
    for prime in (2, 5):
        count = 0
        while denominator % prime == 0:
            denominator //= prime
            count += 1
        counts.append(count)
    return max(counts) if denominator == 1 else None


def _digits(value: Number, places: int) -> str | None:
    """`value` rounded to `places` decimals, half to even, or None if that is longer than MAX_DIGITS."""
    if places >= MAX_DIGITS:
        return None
    # In whole numbers: a product of fractions takes five times as long.
    scaled, rest = divmod(abs(value.numerator) * 10**places, value.denominator)
    scaled += 2 * rest + (scaled & 1) > value.denominator
    if scaled >= _TOO_LONG:
        return None
    digits = str(scaled).zfill(places + 1)
    if places:
        digits = f"{digits[:-places]}.{digits[-places:]}".rstrip("0").rstrip(".")
    return f"-{digits}" if value < 0 and scaled else digits


def _whole(value: Number) -> Number:
    return value.numerator if value.denominator == 1 else value


def _format(value: Number, decimals: int) -> str | None:
    """What `format_number` returns, or None where it raises for the length."""
    if value.denominator == 1 and abs(value.numerator) < _TOO_LONG:  # nearly all of them, and there are many
        return str(value.numerator)
    exact = _decimals(value.denominator)
    digits = None if exact is None else _digits(value, exact)
    return _digits(value, decimals) if digits is None else digits


def _written(value: Number) -> str | None:
    """As it stands in the line, its sign apart; None where it is too long."""
    number = _format(value, DECIMALS)
    return None if number is None else number.replace("-", "- ")


def format_number(value: Number, decimals: int = DECIMALS) -> str:
    """`value` in its canonical form: `5`, `-0.25`, `3.3333`.

    A number whose decimals end is printed exactly, whatever `decimals` says. One whose decimals never end, or make it
    longer than `MAX_DIGITS` digits, is rounded to `decimals` decimals, a tie to the even one.

    Raises ValueError if `decimals` is negative, or if the number is longer than `MAX_DIGITS` digits even when rounded.
    """
    if decimals < 0:
        raise AnzanError(f"decimals must not be negative, got {decimals}")
    digits = _format(value, decimals)
    if digits is None:
        raise AnzanError(f"the number has more than {MAX_DIGITS} digits")
    return digits


@dataclass(frozen=True)
class Calculator:
    """Prints what the `operations` make of two numbers; see the module for how.

    Raises ValueError if an operation is not one of `+ - * /` or a function as `module:function`, which is imported if
    `anzan.arithmetic.functions.allow_imports` has been called, or if one is given twice.
    """

    operations: tuple[str, ...] = ("+", "-")

    def __post_init__(self) -> None:
        for operation in self.operations:
            if operation not in _OPERATIONS and not _FUNCTION.fullmatch(operation):
                raise AnzanError(
                    f"unknown operation {operation!r}, the allowed ones are {' '.join(_OPERATIONS)}, and functions as "
                    "module:function"
                )
        if len({_symbol(operation) for operation in self.operations}) < len(self.operations):
            raise AnzanError(f"an operation is given twice: {' '.join(self.operations)}")
        object.__setattr__(self, "operations", tuple(self.operations))  # a list from a configuration will do
        _ = self._clauses  # a function that cannot be imported is told now

    def __call__(self, a: Number, b: Number) -> Printed:
        """The printed calculation for `a` and `b`. Its text is "" if nothing is defined."""
        text = ""
        fields: list[Field] = []
        values = _whole(a), _whole(b)
        written = _written(values[0]), _written(values[1])
        for operation, compute, i, j in self._clauses:
            if operation == "/" and not values[j]:
                continue
            result = compute(values[i], values[j])
            if result is None:
                continue
            result = _whole(result)
            number, left, right = _written(result), written[i], written[j]
            if number is None or left is None or right is None:  # too long
                continue
            if text:
                text += " , "
            start = len(text)
            equals = start + len(number)
            middle = equals + 3 + len(left)
            text = f"{text}{number} = {left} {operation} {right}"
            fields += (
                Field(result, start, equals, operation),
                Field(values[i], equals + 3, middle, None, i),
                Field(values[j], middle + 2 + len(operation), len(text), None, j),
            )
        return Printed(text, tuple(fields))

    @property
    def invertible(self) -> bool:
        """Whether `partners` can be told: of a function only its results are known."""
        return all(operation in _SOLUTIONS for operation in self.operations)

    def partners(self, known: Fraction, wanted: Number) -> set[Fraction]:
        """The numbers that make `wanted`, exactly, together with `known`; where every number does (0 x = 0), none.

        Only for an `invertible` calculator.
        """
        return {x for operation in self.operations for x in _SOLUTIONS[operation](known, wanted)}

    @cached_property
    def _clauses(self) -> list[tuple[str, Callable[[Any, Any], Number | None], int, int]]:
        """What stands between the operands, how to compute it, and which of the values is left and which right."""
        both = ((0, 1), (1, 0))
        made = []
        for operation in self.operations:
            compute, ordered = _OPERATIONS.get(operation) or (imported(operation), True)
            made += [(_symbol(operation), compute, *sides) for sides in both[: 1 + ordered]]
        return made


def _symbol(operation: str) -> str:
    """What stands between the operands: the operation itself, or the name of a function."""
    return operation.rpartition(":")[2]
