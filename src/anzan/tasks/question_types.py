"""Which questions of DROP compare two things, ask for a difference, or for what is left of a hundred percent.

These are questions that one call of the calculator can answer, and the paper's subset of DROP (Yoshikawa, Heinzerling
and Inui, NLP2022): comparison, difference, complement. Its list of ids is read by `read_ids`; without it the wording
decides, by the rules here. Against the decompositions of 1,268 development questions in Break (Wolfson et al., TACL
2020), with which they were made, precision and recall are 99 and 96 % for comparison, 92 and 95 for difference, 98 and
98 for complement; what Break counts (`how many years did it last`) is a difference here.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import replace

from anzan.errors import AnzanError
from anzan.tasks.fields import DataError
from anzan.tasks.problem import Problem

TYPES = ("comparison", "difference", "complement")

_MORE = (
    "more|fewer|less|larger|smaller|bigger|higher|lower|longer|shorter|greater|older|younger|closer|further|farther|taller"
    "|warmer|colder"
)
_HOW_MANY = r"\bhow (?:many|much)\b"
_WIN = r"\b(?:beat|w[io]n|lead|led|lose|lost|defeat|defeated|outscored?|trail|trailed|ahead|down|up)\b"
_DIFFERENCE = re.compile(
    "|".join(
        (
            rf"{_HOW_MANY}(?:\s+\S+){{0,8}}?\s+(?:{_MORE})\b",  # how many more, how many yards longer
            rf"\bhow (?:{_MORE})\b",
            r"\b(?:difference|differential|compared to)\b",
            rf"{_HOW_MANY}.*\b(?:increase|decrease|drop|fall|fell|rise|rose|grow|grew|change)\w*\b.*\b(?:from|between|by)\b",
            r"\bby how (?:many|much)\b",
            rf"{_HOW_MANY} points\b.*(?:{_WIN}.*\bby\b|\bby\b.*{_WIN}|\bmargin\b)",
            # A span of time: how many years after, between, passed, did it take.
            rf"{_HOW_MANY}(?: total)? (?:years|months|weeks|days|hours|minutes|decades)\b.*"
            r"\b(?:after|before|between|pass|passed|elapsed|until|till|later|earlier|prior|since|from|separate\w*|apart"
            r"|take|took|span\w*|last|lasted)\b",
        )
    ),
    re.IGNORECASE,
)
# What only says of which things the question is: more than 6 %, 5 yards or less, under 30.
_LIMIT = re.compile(
    rf"\b(?:{_MORE})(?: in length)? than (?:a |an |about )?(?:[\d.,]|one\b|two\b|three\b|ten\b)|\bor (?:{_MORE})\b",
    re.IGNORECASE,
)
_PERCENT = re.compile(r"\bpercent|%", re.IGNORECASE)
_NOT = re.compile(r"\bnot\b|n't\b", re.IGNORECASE)
_COUNTS = re.compile(r"\s*how (?:many|much) (?!from)", re.IGNORECASE)
_NO_COMPLEMENT = re.compile(r"\b(?:more|difference)\b", re.IGNORECASE)
_UUID = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE)
_OR = re.compile(r"\bor\b", re.IGNORECASE)
_COMPARED = re.compile(
    rf"\b(?:{_MORE}|most|least|fewest|largest|smallest|biggest|highest|lowest|longest|shortest|greatest|oldest|youngest"
    r"|first|second|last|later|latest|earlier|earliest|before|after|sooner|better|faster|majority|farthest|furthest)\b",
    re.IGNORECASE,
)


def question_type(question: str) -> str | None:
    """`comparison`, `difference`, `complement`, or None for anything else."""
    counts = _COUNTS.match(question) is not None
    if not counts and _OR.search(question) and _COMPARED.search(question):
        return "comparison"
    if _PERCENT.search(question) and _NOT.search(question) and not _NO_COMPLEMENT.search(question):
        return "complement"
    return "difference" if _DIFFERENCE.search(_LIMIT.sub(" ", question)) else None


def select(problems: Iterable[Problem], types: Sequence[str] = (), ids: frozenset[str] | None = None) -> list[Problem]:
    """The problems of these types by the wording of their question, of those that are listed where `ids` are given.

    Without types, all three are taken, or whatever is listed. `kind` of what is selected is its type (`other` for none
    of the three), so that figures come apart by it; DROP's own kind goes to `meta["answer"]`.

    Raises:
        ValueError: a type that does not exist.
    """
    if unknown := [t for t in types if t not in TYPES]:
        raise AnzanError(f"unknown type of question {unknown[0]!r}; choose among {', '.join(TYPES)}")
    wanted = types or (TYPES if ids is None else (*TYPES, "other"))
    selected = []
    for problem in problems:
        kind = question_type(problem.question) or "other"
        if kind in wanted and (ids is None or problem.id in ids):
            selected.append(replace(problem, kind=kind, meta=problem.meta | {"answer": problem.kind}))
    return selected


def read_ids(path: str | os.PathLike[str]) -> frozenset[str]:
    """The ids in a list of the paper's subset (`drop_subset.zip`, `drop_partitions.zip`), or in any text or JSON file.

    DROP's ids are UUIDs, so whatever stands around them does not matter.

    Raises:
        DataError: no such file, a damaged archive, or no id in it.
    """
    name = os.fspath(path)
    try:
        if zipfile.is_zipfile(name):
            with zipfile.ZipFile(name) as archive:
                texts = [archive.read(member).decode("utf-8", "replace") for member in archive.namelist()]
        else:
            with open(name, encoding="utf-8", errors="replace") as file:
                texts = [file.read()]
    except (OSError, zipfile.BadZipFile, RuntimeError) as error:  # RuntimeError: it wants a password
        raise DataError(f"{name}: cannot be read ({error}); check the path or get the file again") from None
    if ids := frozenset(match.lower() for text in texts for match in _UUID.findall(text)):
        return ids
    raise DataError(f"{name}: no question id in it; give DROP's ids, such as 5d3bd2b1-6b4d-4a5a-93a5-6bd9a0f2c9cf")
