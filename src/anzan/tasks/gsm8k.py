"""GSM8K: word problems of several steps (Cobbe et al., 2021, arXiv:2110.14168).

A row has a whole problem as `question` and a worked solution as `answer`, in which calculations are marked and the
result comes last:

    {"question": "Ann has 3 pens. She buys 4. How many are there?", "answer": "3+4=<<3+4=7>>7\\n#### 7"}
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from anzan.arithmetic import format_number
from anzan.arithmetic.numbers import parse_number
from anzan.tasks.fields import all_good, describe, fail, scan_lines, text
from anzan.tasks.problem import Problem
from anzan.tasks.word_problems import infix_steps, solved_fields, split_question

_CALCULATION = re.compile(r"<<([^<>=]*)=[^<>]*>>")
_RESULT = "####"


def is_gsm8k_row(record: Any) -> bool:
    """Whether a decoded line has these columns."""
    if not isinstance(record, dict) or "passage" in record or "question" not in record:
        return False
    return isinstance(record.get("answer"), str) and _RESULT in record["answer"]


def read_gsm8k(path: str | os.PathLike[str]) -> list[Problem]:
    """Read the problems of such a file, gzipped or not, in order.

    The last sentence is the question and the rest the passage. `arguments` has the steps of the worked solution, each
    with its two values, and `meta["operations"]` their operations; both are missing where the solution calculates
    something else. Ids are `gsm8k-STEM-LINE`.

    Raises:
        DataError: Lines that cannot be used, reported once all have been read.
        OSError: The file cannot be opened.
    """
    stem = Path(path).name.partition(".")[0]
    return [replace(p, id=f"gsm8k-{stem}-{number}") for number, p in all_good(scan_lines(path, _problem))]


def _problem(record: Any) -> Problem:
    if not isinstance(record, dict):
        fail("line", f"found {describe(record)}, not an object", "write one row per line")
    passage, question = split_question(text(record, "question"))
    solution = text(record, "answer")
    _, marked, result = solution.rpartition(_RESULT)
    if not marked:
        fail("answer", "has no line '#### RESULT'", "use the file as it is")
    value = parse_number(result.strip())
    if value is None:
        fail("answer", f"{result.strip()[:40]!r} is not a number", "use the file as it is")
    return Problem("", passage, question, ((format_number(value),),), **_worked(solution))


def _worked(solution: str) -> Mapping[str, Any]:
    """The fields of a problem that a worked solution gives."""
    made = [infix_steps(expression) for expression in _CALCULATION.findall(solution)]
    if not made or None in made:
        return {}
    return solved_fields(list(dict.fromkeys(step for each in made if each for step in each[0])))
