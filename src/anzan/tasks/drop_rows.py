"""DROP with one question per row: `ucinlp/drop` and `EleutherAI/drop` on the Hugging Face hub, and the flattened file.

    ucinlp/drop      section_id, query_id, passage, question, answers_spans: {"spans": [...], "types": [...]}
    EleutherAI/drop  section_id, query_id, passage, question, answer: {"number": ..., "date": {...}, "spans": [...]},
                     validated_answers: {"number": [...], "date": [{...}, ...], "spans": [[...], ...]}
    flattened        context: "Passage: ...\\nQuestion: ...\\nAnswer:", ref_text: alternatives joined by "|"

`ucinlp/drop` puts the spans of all annotators into one list. A list that repeats itself is read as one answer given
several times. Any other list is read as one answer of several spans or, for numbers and dates, as alternatives. The
flattened file joins several spans into one text. For comparable results use DROP's own JSON or `EleutherAI/drop`, which
keep the answers apart.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from anzan.arithmetic.numbers import parse_number
from anzan.tasks.drop import Answer, list_at, make_problem, needed, object_at, parse_answer, text_at
from anzan.tasks.fields import DataError, FieldError, all_good, describe, fail, scan_lines
from anzan.tasks.problem import Problem

HUB = "hub:"
"""The prefix of a data set on the Hugging Face hub: `hub:EleutherAI/drop:validation`."""

_ANSWERS = {"answers_spans", "validated_answers"}
_CONTEXT = re.compile(r"Passage:(?P<passage>.*)\nQuestion:(?P<question>.*?)(?:\nAnswer:)?\s*", re.DOTALL)


def is_drop_row(record: Any) -> bool:
    """Whether a decoded line has the columns of one of the three layouts above."""
    if not isinstance(record, dict) or "answers" in record:
        return False
    return {"context", "ref_text"} <= record.keys() or not _ANSWERS.isdisjoint(record)


def read_drop_rows(path: str | os.PathLike[str]) -> list[Problem]:
    """Read the problems of a JSONL file of such rows, gzipped or not, in order; see `anzan.tasks.drop.read_drop`.

    The id of a row of the flattened file is its line number, from 1.

    Raises:
        DataError: Lines that cannot be used, reported once all have been read.
        OSError: The file cannot be opened.
    """
    return _answered(scan_lines(path, _problem))


def load_hub(name: str) -> list[Problem]:
    """Load the problems of a data set on the Hugging Face hub: `hub:EleutherAI/drop:train`.

    The default split is `validation`.

    Raises:
        DataError: The package `datasets` is missing, the data set cannot be loaded, or rows cannot be used.
    """
    where, _, split = name.removeprefix(HUB).partition(":")
    try:
        import datasets  # optional, as it depends on pyarrow and pandas
    except ImportError:
        raise DataError(f"{name}: this needs the package datasets; pip install 'anzan[hub]'") from None
    try:
        rows: Iterable[Any] = datasets.load_dataset(where, split=split or "validation")
    except Exception as error:  # of many types: no network, no such name, no such split
        why = " ".join(str(error).split())[:200]
        raise DataError(f"{name}: cannot be loaded ({why}); check the name, the split and the network") from None

    def scan() -> Iterator[tuple[int, Problem | DataError | None]]:
        for number, row in enumerate(rows, start=1):
            try:
                yield number, _problem(row)
            except FieldError as error:
                yield number, DataError(f"{name}, row {number}, {error}")

    return _answered(scan())


def _answered(scanned: Iterable[tuple[int, Problem | DataError | None]]) -> list[Problem]:
    """The problems that have an answer; a problem without an id gets its line number."""
    numbered = ((number, p) for number, p in all_good(scanned) if p is not None)
    return [p if p.id else replace(p, id=str(number)) for number, p in numbered]


def _problem(row: Any) -> Problem | None:
    """A row as a problem, None without an answer."""
    if not isinstance(row, dict):
        fail("line", f"found {describe(row)}, not an object", "write one row per line")
    if "context" in row:
        return _flattened(row)
    id, passage, question = (needed(row, name, "row") for name in ("query_id", "passage", "question"))
    answers = _together(row["answers_spans"]) if "answers_spans" in row else _apart(row)
    return (
        make_problem(id, passage, question, answers, text_at(row.get("section_id"), "section_id")) if answers else None
    )


def _flattened(row: Mapping[str, Any]) -> Problem | None:
    match = _CONTEXT.fullmatch(text_at(row.get("context"), "context"))
    if match is None:
        fail("context", "not of the form 'Passage: ... Question: ... Answer:'", "use the file as it is")
    texts = dict.fromkeys(t.strip() for t in text_at(row.get("ref_text"), "ref_text").split("|") if t.strip())
    kinds = ["span" if parse_number(text) is None else "number" for text in texts]
    passage, question = match["passage"].strip(), match["question"].strip()
    return Problem("", passage, question, tuple((t,) for t in texts), kind=kinds[0]) if texts else None


def _apart(row: Mapping[str, Any]) -> list[Answer]:
    """The answers of `EleutherAI/drop`: one, and columns of validated ones."""
    columns = object_at(row.get("validated_answers"), "validated_answers")
    names = ("number", "date", "spans")
    validated = zip(*(list_at(columns.get(name), f"validated_answers, {name}") for name in names), strict=False)
    given = [object_at(row.get("answer"), "answer"), *(dict(zip(names, each, strict=True)) for each in validated)]
    return [answer for each in given if (answer := parse_answer(each, "answer"))]


def _together(value: Any) -> list[Answer]:
    """The answers of `ucinlp/drop`, whose spans are in one list; the module describes how they are separated."""
    columns = object_at(value, "answers_spans")
    spans = [text_at(span, "answers_spans, spans") for span in list_at(columns.get("spans"), "answers_spans, spans")]
    types = [text_at(kind, "answers_spans, types") for kind in list_at(columns.get("types"), "answers_spans, types")]
    pairs = list(zip(types, spans, strict=False))
    if len(types) != len(spans):
        fail("answers_spans", f"{len(spans)} spans, {len(types)} types", "use the data set as it is")
    once = next((pairs[:n] for n in range(1, len(pairs)) if pairs == pairs[:n] * (len(pairs) // n)), pairs)
    if len(once) > 1 and all(kind == "span" for kind, _ in once):
        return [("spans", tuple(span for _, span in once))]
    return [(kind, (span,)) for kind, span in once if span.strip()]
