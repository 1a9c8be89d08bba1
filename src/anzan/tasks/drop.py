"""DROP's official JSON: questions over paragraphs whose answers are numbers, dates or spans (Dua et al., NAACL 2019).

    {passage id: {"passage": ..., "qa_pairs": [{"query_id": ..., "question": ...,
        "answer": {"number": "3", "date": {"day": "", "month": "", "year": ""}, "spans": []},
        "validated_answers": [...]}, ...]}, ...}

An answer fills one of its three fields and leaves the others empty. A contrast set (Gardner et al., Findings of EMNLP
2020) has the same format. Its ids are those of the original questions followed by `_1`, `_2`, ...
"""

from __future__ import annotations

import gzip
import json
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from anzan.tasks.fields import GZIP_MAGIC, DataError, FieldError, all_good, fail, string
from anzan.tasks.problem import Problem

_VARIANT = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})_[0-9]+", re.IGNORECASE)

Answer = tuple[str, tuple[str, ...]]
"""The kind of an answer (`number`, `date`, `span` or `spans`) and its spans."""


def read_drop(path: str | os.PathLike[str]) -> list[Problem]:
    """Read the problems of a DROP file, gzipped or not, in order.

    The alternatives are the answer and the validated ones, without duplicates: a number as written, all spans, or a
    date as day, month and year joined by spaces. Empty answers are dropped, and so are questions without any other, as
    they cannot be answered correctly. `kind` is that of the first alternative: `number`, `date`, `span` or `spans`.
    `meta` holds the `passage_id` and, in a contrast set, the `bundle`. Passages and questions keep their white space.

    Raises:
        DataError: Questions that cannot be used, reported once all have been read.
        OSError: The file cannot be opened.
    """
    name = os.fspath(path)
    try:
        passages = object_at(_load(path), "file")
    except FieldError as error:
        raise DataError(f"{name}, {error}") from None
    scanned = (problem for id, entry in passages.items() for problem in _scan(name, id, entry))
    return [problem for _, problem in all_good(scanned, "questions") if problem is not None]


def _load(path: str | os.PathLike[str]) -> Any:
    with open(path, "rb") as file:
        data = file.read()
    try:
        if data.startswith(GZIP_MAGIC):
            data = gzip.decompress(data)
        # Numbers stay as written: 0.10 is "0.10", and 1e999999999 is never computed.
        return json.loads(data.decode("utf-8-sig"), parse_int=str, parse_float=str)
    except (OSError, EOFError, zlib.error):
        fail("gzip", "damaged or cut off", "get the file again")
    except UnicodeDecodeError as error:
        fail("text", f"byte {error.start + 1} is not UTF-8", "save the file as UTF-8")
    except json.JSONDecodeError as error:
        fail("JSON", f"{error.msg} at line {error.lineno}, character {error.colno}", "get the file again")
    except RecursionError:
        fail("JSON", "nested too deeply", "use DROP's own file")


def _scan(name: str, passage_id: str, entry: Any) -> Iterator[tuple[int, Problem | DataError | None]]:
    """Yield (number, problem or what is wrong with it) for each question of a passage; None without an answer."""
    place = f"passage {passage_id!r}"
    try:
        entry = object_at(entry, place)
        passage = needed(entry, "passage", place)
        pairs = list_at(entry.get("qa_pairs"), f"{place}, qa_pairs")
    except FieldError as error:
        yield 0, DataError(f"{name}, {error}")
        return
    for number, pair in enumerate(pairs, start=1):
        try:
            yield number, _problem(pair, passage_id, passage, f"{place}, question {number}")
        except FieldError as error:
            yield number, DataError(f"{name}, {error}")


def _problem(pair: Any, passage_id: str, passage: str, place: str) -> Problem | None:
    pair = object_at(pair, place)
    id, question = (needed(pair, name, place) for name in ("query_id", "question"))
    given = [pair.get("answer"), *list_at(pair.get("validated_answers"), f"{place}, validated_answers")]
    answers = [answer for each in given if (answer := parse_answer(object_at(each, f"{place}, answer"), place))]
    return make_problem(id, passage, question, answers, passage_id) if answers else None


def make_problem(id: str, passage: str, question: str, answers: Sequence[Answer], passage_id: str) -> Problem:
    """A question of DROP with at least one answer."""
    alternatives = tuple(dict.fromkeys(spans for _, spans in answers))
    meta = {"passage_id": passage_id}
    if variant := _VARIANT.fullmatch(id):
        meta["bundle"] = variant[1]
    return Problem(id, passage, question, alternatives, kind=answers[0][0], meta=meta)


def parse_answer(answer: dict[str, Any], place: str) -> Answer | None:
    """Kind and spans of an answer; None for an empty one. Fields take precedence as in the official evaluator."""
    if number := text_at(answer.get("number"), f"{place}, number").strip():
        return "number", (number,)
    spans = [text_at(span, f"{place}, spans") for span in list_at(answer.get("spans"), f"{place}, spans")]
    if spans := tuple(span for span in spans if span.strip()):
        return "span" if len(spans) == 1 else "spans", spans
    date = object_at(answer.get("date"), f"{place}, date")
    parts = [text_at(date.get(part), f"{place}, {part}").strip() for part in ("day", "month", "year")]
    return ("date", (" ".join(filter(None, parts)),)) if any(parts) else None


# Checked fields of decoded JSON, also used by `anzan.tasks.drop_rows`. Missing and null fields are empty, except for
# the texts that every question needs.


def object_at(value: Any, place: str) -> dict[str, Any]:
    """A JSON object, empty for null; FieldError for anything else."""
    if not isinstance(value, dict | None):
        fail(place, "not an object", "use DROP's own file")
    return value or {}


def list_at(value: Any, place: str) -> list[Any]:
    """A JSON list, empty for null; FieldError for anything else."""
    if not isinstance(value, list | None):
        fail(place, "not a list", "use DROP's own file")
    return value or []


def text_at(value: Any, place: str) -> str:
    """A string, empty for null; FieldError for anything else."""
    return "" if value is None else string(value, place)


def needed(record: dict[str, Any], name: str, place: str) -> str:
    """A string field; FieldError if it is missing or empty."""
    return text_at(record.get(name), f"{place}, {name}") or fail(place, f"no {name}", "use DROP's own file")
