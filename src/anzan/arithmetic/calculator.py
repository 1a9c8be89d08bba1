"""The calculator: exact arithmetic on two numbers, printed as a line of text.

For 72 and 23 it prints `95 = 72 + 23 , 49 = 72 - 23 , - 49 = 23 - 72`, as in the paper (Yoshikawa, Heinzerling and
Inui, NLP2022). The line is canonical:

- Clauses are joined by ` , ` in a fixed order: the operations in the order given, and for `-` and `/` both directions,
  even if they are equal (`0 = 7 - 7 , 0 = 7 - 7`).
- A minus sign is separated from its number, in operands too: `2 = 5 + - 3`, `8 = 3 - - 5`. Where a number is expected
  `-` is its sign, elsewhere it is the operation, so the line is unambiguous.
- Numbers are printed by `format_number`: no exponent, no thousands separators, no trailing zeros, no `+`, no `-0`.

`days` and `years` are what lies between two dates (`anzan.arithmetic.dates`). They, and a function of your own, such as
`math:gcd`, are printed between their operands by name, in both directions: `5 = 10 gcd 15`.

A result is undefined if it divides by zero, if its function has none, or if it is too long to print. Its clause is left
out.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

from anzan.arithmetic.dates import days_between, years_between
from anzan.arithmetic.functions import import_function
from anzan.arithmetic.scanner import MAX_DIGITS
from anzan.errors import AnzanError

DECIMALS = 4
"""The number of decimals printed if they never end."""

Value = Fraction | int
"""An exact number. Whole numbers are ints while they are computed and printed: fractions are slow."""

_TOO_LONG = 10**MAX_DIGITS


def _divide(a: Any, b: Any) -> Value:
    return Fraction(a) / b


# Operation -> how to compute it, and whether the order of its operands matters.
_OPERATIONS: dict[str, tuple[Callable[[Any, Any], Value | None], bool]] = {
    "+": (operator.add, False),
    "-": (operator.sub, True),
    "*": (operator.mul, False),
    "/": (_divide, True),
    "days": (days_between, True),
    "years": (years_between, True),
}

_FUNCTION = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*", re.ASCII)


class Field(NamedTuple):  # many are made, and a dataclass takes longer
    """One number in a printed calculation, at characters `start` to `end` of the line, including its sign.

    Attributes:
        value: exact even if the printed number is rounded, and an int if it is whole.
        start, end: characters of the line.
        operation: of a result (left of `=`) "+", "-", "*", "/" or a function's name; None for an operand.
        argument: of an operand, which argument it is, 0 or 1; None for a result.
    """

    value: Value
    start: int
    end: int
    operation: str | None
    argument: int | None = None


@dataclass(frozen=True, slots=True)
class Printed:
    """A printed calculation and its numbers in the order of the line: result, left, right, result, ..."""

    text: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Calculator:
    """Prints the results of `operations` on two numbers; the module describes the line.

    >>> Calculator(("+", "-"))(72, 23).text
    '95 = 72 + 23 , 49 = 72 - 23 , - 49 = 23 - 72'

    Args:
        operations: `+`, `-`, `*`, `/`, `days`, `years`, or a function of your own as `module:function`, which is
            imported if `allow_imports` has been called.
        clause: prints this one of the clauses alone.

    Raises:
        AnzanError: an unknown operation, one that is given twice, or a function that cannot be imported.
    """

    operations: tuple[str, ...] = ("+", "-")
    clause: int | None = None

    def __post_init__(self) -> None:
        for operation in self.operations:
            if operation not in _OPERATIONS and not _FUNCTION.fullmatch(operation):
                raise AnzanError(
                    f"operations: {operation!r} is unknown; choose among {' '.join(_OPERATIONS)}, and functions as "
                    "module:function"
                )
        if len({_symbol(operation) for operation in self.operations}) < len(self.operations):
            raise AnzanError(f"operations: one is given twice: {' '.join(self.operations)}")
        object.__setattr__(self, "operations", tuple(self.operations))  # a list from a configuration is fine
        _ = self.clauses  # a function that cannot be imported is reported now

    def __call__(self, a: Value, b: Value) -> Printed:
        """The printed calculation for `a` and `b`. Its text is "" if every result is undefined."""
        text = ""
        fields: list[Field] = []
        values = _whole(a), _whole(b)
        written = _written(values[0]), _written(values[1])
        for operation, compute, i, j in self.clauses:
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
    def whole(self) -> bool:
        """Whether whole numbers only ever give their sums and differences."""
        return set(self.operations) <= {"+", "-"}

    @cached_property
    def clauses(self) -> list[tuple[str, Callable[[Any, Any], Value | None], int, int]]:
        """For each clause: what is printed between the operands, how to compute it, and the left and right operand."""
        both = ((0, 1), (1, 0))
        made = []
        for operation in self.operations:
            compute, ordered = _OPERATIONS.get(operation) or (import_function(operation), True)
            made += [(_symbol(operation), compute, *sides) for sides in both[: 1 + ordered]]
        return made if self.clause is None else [made[self.clause]]

    @property
    def single(self) -> tuple[Calculator, ...]:
        """The calculators that print one of its clauses each.

        >>> [c(72, 23).text for c in Calculator(("+", "-")).single]
        ['95 = 72 + 23', '49 = 72 - 23', '- 49 = 23 - 72']
        """
        return tuple(Calculator(self.operations, clause) for clause in range(len(self.clauses)))


def format_number(value: Value, decimals: int = DECIMALS) -> str:
    """`value` in its canonical form: `5`, `-0.25`, `3.3333`.

    A number whose decimals end is printed exactly, whatever `decimals` is. If its decimals never end, or make it longer
    than `MAX_DIGITS` digits, it is rounded to `decimals` decimals, half to even.

    Raises:
        AnzanError: `decimals` is negative, or the rounded number is longer than `MAX_DIGITS` digits.
    """
    if decimals < 0:
        raise AnzanError(f"decimals: 0 or more needed, got {decimals}")
    digits = _format(value, decimals)
    if digits is None:
        raise AnzanError(f"the number has more than {MAX_DIGITS} digits")
    return digits


def _format(value: Value, decimals: int) -> str | None:
    """What `format_number` returns, or None if the number is too long."""
    if value.denominator == 1 and abs(value.numerator) < _TOO_LONG:  # the common case, worth a shortcut
        return str(value.numerator)
    exact = _decimals(value.denominator)
    digits = None if exact is None else _digits(value, exact)
    return _digits(value, decimals) if digits is None else digits


def _decimals(denominator: int) -> int | None:
    """How many decimals a fraction in lowest terms has; None if they never end (or are far too many)."""
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


def _digits(value: Value, places: int) -> str | None:
    """`value` rounded to `places` decimals, half to even; None if that is longer than MAX_DIGITS."""
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


def _whole(value: Value) -> Value:
    return value.numerator if value.denominator == 1 else value


def _written(value: Value) -> str | None:
    """The number as printed in a line, its sign separated; None if it is too long."""
    number = _format(value, DECIMALS)
    return None if number is None else number.replace("-", "- ")


def _symbol(operation: str) -> str:
    """What is printed between the operands: the operation itself, or the name of a function."""
    return operation.rpartition(":")[2]
