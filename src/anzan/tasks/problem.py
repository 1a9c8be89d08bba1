"""Problems and their JSONL files.

A file has one JSON object per line:

    {"id": "1", "passage": "Anna has 5 pens.", "question": "How many pens are there?", "answers": ["5"]}

The keys `arguments`, `kind` and `meta` are optional, and other keys are ignored. Values are exact (`Fraction`): 0.1 in
a file is one tenth.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from anzan.files import whole_file
from anzan.tasks.fields import (
    MAX_VALUE_DIGITS,
    DataError,
    all_good,
    describe,
    fail,
    plain,
    scan_lines,
    string,
    text,
)

Values = tuple[Fraction, ...]


@dataclass(frozen=True)
class Problem:
    """A question about a passage, with its answers.

    Attributes:
        id: Unique within a file.
        passage: The text to read.
        question: The question about it.
        answers: The alternatives, any of which is right. Each is a tuple of spans, nearly always one.
        arguments: The gold arguments of the calculator, if known: a tuple of steps (one per call, more than one only in
            chains), each a tuple of values in any order.
        kind: The kind of question, if known, such as `argmax` or `subtraction`.
        meta: Anything else, as JSON values. Three keys have a meaning. `mentions` gives the character offsets of the
            numbers that are arguments, each as `{"where": "passage" or "question", "start": int, "end": int}`; in a
            chain, each step after the first has one mention less, as it takes an earlier result. `bundle` is the id of
            the problem of which this one is a variant, as in a contrast set. `others` is the problem with other
            numbers, several times, each as `{"passage": str, "question": str, "answers": [...]}`.
    """

    id: str
    passage: str
    question: str
    answers: tuple[tuple[str, ...], ...]
    arguments: tuple[Values, ...] | None = None
    kind: str | None = None
    meta: dict[str, Any] = field(default_factory=dict, hash=False)

    @property
    def others(self) -> list[Problem]:
        """The problem with other numbers, which training compares with this one; see `meta`."""
        return [
            Problem(self.id, other["passage"], other["question"], _answers(other["answers"]))
            for other in self.meta.get("others", ())
        ]


def read_problems(path: str | os.PathLike[str]) -> list[Problem]:
    """Read the problems of a JSONL file, in order. Blank lines are skipped, and the file may be gzipped.

    Raises:
        DataError: Lines that cannot be used, reported once all have been read.
        OSError: The file cannot be opened.
    """
    return [problem for _, problem in all_good(scan_problems(path))]


def scan_problems(path: str | os.PathLike[str]) -> Iterator[tuple[int, Problem | DataError]]:
    """Yield (line number from 1, its problem or what is wrong with it) for each line that is not blank."""
    return scan_lines(path, _problem)


def write_problems(problems: Iterable[Problem], path: str | os.PathLike[str]) -> None:
    """Write problems as JSONL, atomically."""
    with whole_file(path) as file:
        for problem in problems:
            file.write(json.dumps(_record(problem), ensure_ascii=False, allow_nan=False) + "\n")


# Reading: each function turns a decoded JSON value into a field, or raises FieldError.


def _problem(record: Any) -> Problem:
    if not isinstance(record, dict):
        fail("line", f"found {describe(record)}, not an object", 'write {"id": ..., "passage": ..., ...}')
    passage, question = text(record, "passage"), text(record, "question")
    arguments = _arguments(record.get("arguments"))
    meta = plain(record.get("meta"))
    if meta is None:
        meta = {}
    if not isinstance(meta, dict):
        fail("meta", f"found {describe(meta)}, not an object", "write an object or leave it out")
    if "bundle" in meta and not isinstance(meta["bundle"], str):
        fail("meta.bundle", f"found {describe(meta['bundle'])}, not a string", "write an id or leave it out")
    if meta.get("others") is not None:
        _check_others(meta["others"])
    if meta.get("mentions") is not None:
        _check_mentions(meta["mentions"], {"passage": passage, "question": question}, arguments)
    return Problem(
        id=text(record, "id"),
        passage=passage,
        question=question,
        answers=_answers(record.get("answers")),
        arguments=arguments,
        kind=None if record.get("kind") is None else text(record, "kind"),
        meta=meta,
    )


def _answers(value: Any) -> tuple[tuple[str, ...], ...]:
    fix = 'write a list of alternatives, each a string or a list of strings, for example ["12"]'
    if value is None:
        fail("answers", "missing", fix)
    if not isinstance(value, list) or not value:
        fail("answers", f"found {describe(value)}", fix)
    alternatives = []
    for alternative in value:
        spans = alternative if isinstance(alternative, list) else [alternative]
        if not spans:
            fail("answers", "an alternative without spans", fix)
        alternatives.append(tuple(string(span, "answers") for span in spans))
    return tuple(alternatives)


def _arguments(value: Any) -> tuple[Values, ...] | None:
    if value is None:
        return None
    fix = "write a list of values, or for a chain a list of such lists, or leave it out"
    if not isinstance(value, list) or not value:
        fail("arguments", f"found {describe(value)}", fix)
    nested = [isinstance(item, list) for item in value]
    if any(nested) and not all(nested):
        fail("arguments", "values and lists are mixed", fix)
    steps = value if nested[0] else [value]
    if not all(steps):
        fail("arguments", "a step without values", fix)
    return tuple(tuple(_value(item) for item in step) for step in steps)


def _value(value: Any) -> Fraction:
    fix = 'write a number such as 12, "0.1" or "1/3"'
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        fail("arguments", f"found {describe(value)}, not a value", fix)
    if isinstance(value, str):
        try:
            value = Fraction(value) if "/" in value and len(value) <= MAX_VALUE_DIGITS else Decimal(value)
        except (ValueError, ArithmeticError):  # decimal.InvalidOperation is an ArithmeticError
            fail("arguments", f"{value[:40]!r} is not a value", fix)
    if isinstance(value, Decimal):
        if not value.is_finite():
            fail("arguments", f"{value} is not a finite value", fix)
        _, digits, exponent = value.as_tuple()
        size = max(len(digits), abs(exponent) if isinstance(exponent, int) else 0)
    else:
        # An int from JSON is within Python's own limit of 4,300 digits.
        size = len(str(value.numerator))
    if size > MAX_VALUE_DIGITS:
        fail("arguments", "a value has too many digits", f"use at most {MAX_VALUE_DIGITS}")
    return Fraction(value)


def _check_others(value: Any) -> None:
    fix = 'write a list of {"passage": ..., "question": ..., "answers": [...]}'
    if not isinstance(value, list):
        fail("meta.others", f"found {describe(value)}, not a list", fix)
    for other in value:
        if not isinstance(other, dict):
            fail("meta.others", f"contains {describe(other)}, not an object", fix)
        text(other, "passage")
        text(other, "question")
        _answers(other.get("answers"))


def _check_mentions(value: Any, texts: dict[str, str], arguments: tuple[Values, ...] | None) -> None:
    name, fix = "meta.mentions", 'write one {"where": "passage", "start": 0, "end": 1} per argument'
    if not isinstance(value, list):
        fail(name, f"found {describe(value)}, not a list", fix)
    if arguments is None or len(value) != sum(map(len, arguments)) - len(arguments) + 1:
        fail(name, f"{len(value)} mentions do not match the arguments", fix)
    for mention in value:
        if not isinstance(mention, dict) or mention.get("where") not in texts:
            fail(name, "a mention without a known 'where'", fix)
        start, end = mention.get("start"), mention.get("end")
        if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(texts[mention["where"]]):
            fail(name, f"no text from {start} to {end} in the {mention['where']}", "use character offsets within it")


# Writing.


def _record(problem: Problem) -> dict[str, Any]:
    record: dict[str, Any] = {
        "id": problem.id,
        "passage": problem.passage,
        "question": problem.question,
        "answers": [spans[0] if len(spans) == 1 else list(spans) for spans in problem.answers],
    }
    if problem.arguments is not None:
        steps = [[_json_value(value) for value in step] for step in problem.arguments]
        record["arguments"] = steps[0] if len(steps) == 1 else steps
    if problem.kind is not None:
        record["kind"] = problem.kind
    if problem.meta:
        record["meta"] = problem.meta
    return record


def _json_value(value: Fraction) -> int | str:
    """A JSON number if every JSON parser reads it exactly (an integer below 2**53), otherwise a string."""
    if value.denominator == 1:
        return int(value) if abs(value) < 2**53 else str(value)
    # A decimal if it terminates (0.1), otherwise a fraction (1/3).
    rest, twos, fives = value.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return str(value)
    places = max(twos, fives)
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"
