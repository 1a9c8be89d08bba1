"""SVAMP's official files: word problems with an equation (Patel, Bhattamishra and Goyal, NAACL 2021).

`train.csv` (MAWPS and ASDiv-A) and `dev.csv` (SVAMP itself, the test set) have one problem per row. The text has slots
for the numbers: `number0` is the first of `Numbers`. `Equation` is in prefix form and may contain constants:

    Body:  each of number0 shelves holds number1 jars .       Numbers:   12.0 3.0
    Ques:  how many jars are there ?                          Equation:  * number0 number1

The numbers are put back into the text as the calculator prints them: `12.0` as 12. The files contain fractions as
floats (0.16666666666666666). These are printed as 0.1667, and 0.1667 is their value from then on, in the text and in
the gold arguments alike.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from anzan.arithmetic.calculator import format_number
from anzan.errors import AnzanError
from anzan.tasks.fields import MAX_VALUE_DIGITS, DataError, all_good
from anzan.tasks.problem import Problem
from anzan.tasks.word_problems import OPERATIONS, kind_of, split_question

COLUMNS = ("Question", "Numbers", "Equation", "Answer", "Body", "Ques")
"""The required columns; `Type` is kept if present."""

_SLOT = re.compile(r"\bnumber([0-9]{1,3})\b")
_DECIMAL = re.compile(r"-?[0-9]+(?:\.([0-9]+))?")

# A fraction with infinitely many decimals, written as a float, has at least this many; numbers written by people have
# fewer.
_FLOAT_DECIMALS = 12
_LARGEST_DENOMINATOR = 1000


def read_svamp(path: str | os.PathLike[str]) -> list[Problem]:
    """Read the problems of one of SVAMP's CSV files, in order.

    The passage is the body. If body or question is missing, the last sentence of the whole text is the question, and
    the rest is the passage. `arguments` has the steps of the equation in the order of computation, left before right,
    each with its two values: numbers as the text prints them, constants, and exact results of earlier steps. `kind` is
    `addition`, `subtraction`, `multiplication` or `division` for one step, otherwise `two-step`, `multi-step` or
    `none`. Ids are `svamp-STEM-ROW`, from the file's stem and the number of the row, from 1.

    `meta` holds `operations` (one of `+ - * /` per step), `type` (the file's, if any), `mentions` (only if the equation
    is one step between two numbers of the text) and `equation_matches` (only if it is False: with the numbers of the
    text the equation does not give the answer, because of a mistake or because the answer was rounded).

    Raises:
        DataError: Rows that cannot be used, reported once all have been read.
        OSError: The file cannot be opened.
    """
    return [problem for _, problem in all_good(_scan(path), "rows")]


def _scan(path: str | os.PathLike[str]) -> Iterator[tuple[int, Problem | DataError]]:
    """Yield (line number, its problem or what is wrong with it) for each row; raise DataError for a faulty file."""
    name, stem = os.fspath(path), Path(path).stem
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        try:
            missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
            if missing:
                raise DataError(f"{name}, line 1, no column {', '.join(missing)}; use SVAMP's own train.csv or dev.csv")
            for number, row in enumerate(rows, start=1):
                try:
                    yield rows.line_num, _problem(row, f"svamp-{stem}-{number}")
                except _RowError as error:
                    yield rows.line_num, DataError(f"{name}, line {rows.line_num}, {error}")
        except csv.Error as error:
            raise DataError(f"{name}, line {rows.line_num}, CSV: {error}; save it as plain CSV") from None
        except UnicodeDecodeError:
            raise DataError(f"{name}: not UTF-8; save the file as UTF-8") from None


class _RowError(AnzanError):
    """A row that cannot be used: what is wrong, and how to fix it."""


def _problem(row: dict[str, Any], id: str) -> Problem:
    for column in COLUMNS:
        if row[column] is None:
            raise _RowError(f"{column}: missing; the row needs {', '.join(COLUMNS)}")
    numbers = [_number(text, "Numbers") for text in row["Numbers"].split()]
    places: dict[int, dict[str, Any]] = {}
    passage, question = (
        _fill(template, where, numbers, places)
        for where, template in zip(("passage", "question"), _templates(row), strict=True)
    )
    steps, result = _solve(row["Equation"], numbers)
    answer = _print(_number(row["Answer"].strip(), "Answer"))

    meta: dict[str, Any] = {"operations": [step.operation for step in steps]}
    if row.get("Type"):
        meta["type"] = row["Type"]
    if len(steps) == 1:
        mentions = [places.get(operand.number) for operand in steps[0].operands if operand.number is not None]
        if len(mentions) == 2 and None not in mentions:
            meta["mentions"] = mentions
    if _print(result) != answer:
        meta["equation_matches"] = False
    return Problem(
        id=id,
        passage=passage,
        question=question,
        answers=((answer,),),
        arguments=tuple(tuple(operand.value for operand in step.operands) for step in steps) or None,
        kind=kind_of([step.operation for step in steps]),
        meta=meta,
    )


# Numbers and text.


def _number(text: str, column: str) -> Fraction:
    """The value of a decimal, as printed. A fraction cut off as a float is first restored."""
    match = _DECIMAL.fullmatch(text)
    if match is None or len(text) > MAX_VALUE_DIGITS:
        raise _RowError(f"{column}: {text[:40]!r} is not a decimal number; write it like 12 or 0.5")
    value = Fraction(text)
    if len(match[1] or "") >= _FLOAT_DECIMALS:
        fraction = value.limit_denominator(_LARGEST_DENOMINATOR)
        if abs(fraction - value) < Fraction(1, 10**_FLOAT_DECIMALS):
            value = fraction
    return Fraction(_print(value))


def _print(value: Fraction) -> str:
    try:
        return format_number(value)
    except ValueError as error:
        raise _RowError(f"Equation: {error}; shorten or leave out the problem") from None


def _templates(row: dict[str, Any]) -> tuple[str, str]:
    """Passage and question, with slots such as `number0`."""
    body, question = row["Body"].strip(), row["Ques"].strip()
    if body in ("", "Empty") or not question:  # train.csv says `Empty`
        body, question = split_question(row["Question"])
    return body, question


def _fill(template: str, where: str, numbers: Sequence[Fraction], places: dict[int, dict[str, Any]]) -> str:
    """The text with its numbers filled in. Adds the first mention of each number to `places`."""
    text, done = "", 0
    for slot in _SLOT.finditer(template):
        index = int(slot[1])
        if index >= len(numbers):
            raise _RowError(f"Numbers: {len(numbers)} given, but the text has {slot[0]}; list all of them")
        text += template[done : slot.start()]
        start, done = len(text), slot.end()
        text += _print(numbers[index])
        places.setdefault(index, {"where": where, "start": start, "end": len(text)})
    return text + template[done:]


# The equation.


class _Operand(NamedTuple):
    value: Fraction
    number: int | None = None  # index among the numbers of the text; None for constants and results


class _Step(NamedTuple):
    operation: str
    operands: tuple[_Operand, _Operand]


def _solve(equation: str, numbers: Sequence[Fraction]) -> tuple[list[_Step], Fraction]:
    """The steps of an equation in prefix form, and its value."""
    steps: list[_Step] = []
    stack: list[str | _Operand] = []
    for item in _items(equation, numbers):
        stack.append(item)
        while True:
            match stack[-3:]:
                case [str(operation), _Operand() as left, _Operand() as right]:
                    if operation == "/" and not right.value:
                        raise _RowError(f"Equation: {equation!r} divides by zero; correct it or leave the row out")
                    steps.append(_Step(operation, (left, right)))
                    stack[-3:] = [_Operand(OPERATIONS[operation][1](left.value, right.value))]
                case _:
                    break
    match stack:
        case [_Operand() as result]:
            return steps, result.value
        case _:
            raise _RowError(f"Equation: {equation[:40]!r} is not in prefix form; write it like '+ number0 number1'")


def _items(equation: str, numbers: Sequence[Fraction]) -> Iterator[str | _Operand]:
    """The operations and operands of an equation.

    The equations were made from values, so in a text with two equal numbers they name the first one twice:
    `+ number0 number0` for 5 and 5. The second occurrence means the other number.
    """
    tokens = equation.split()
    unnamed = [i for i in range(len(numbers)) if f"number{i}" not in tokens]
    named: set[int] = set()
    for token in tokens:
        slot = _SLOT.fullmatch(token)
        if token in OPERATIONS:
            yield token
        elif slot is None:
            yield _Operand(_number(token, "Equation"))
        else:
            index = int(slot[1])
            if index >= len(numbers):
                raise _RowError(f"Equation: {token}, but {len(numbers)} numbers are given; list all of them")
            twin = next((i for i in unnamed if index in named and numbers[i] == numbers[index]), index)
            if twin != index:
                unnamed.remove(twin)
            named.add(index)
            yield _Operand(numbers[index], twin)
