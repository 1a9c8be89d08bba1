"""Questions without answers: the input lines of `anzan ask --input`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from anzan.tasks.fields import DataError, describe, fail, plain, scan_lines, text


@dataclass(frozen=True)
class Question:
    """A question about a passage. `id` is any JSON value, or None if the line had none."""

    passage: str
    question: str
    id: Any = None


def scan_questions(path: str | os.PathLike[str]) -> Iterator[tuple[int, Question | DataError]]:
    """Yield (line number from 1, its question or what is wrong with it) for each line that is not blank."""
    return scan_lines(path, _question)


def _question(record: Any) -> Question:
    if not isinstance(record, dict):
        fail("line", f"found {describe(record)}, not an object", 'write {"passage": ..., "question": ...}')
    passage, question = text(record, "passage"), text(record, "question")
    for name, given in (("passage", passage), ("question", question)):
        if not given.strip():
            fail(name, "empty", "write one")
    return Question(passage, question, plain(record.get("id")))
