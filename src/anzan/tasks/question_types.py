"""Types of DROP questions that one call of the calculator can answer.

    comparison   Which group is larger: Jains or Christians?
    difference   How many more yards did Ann run than Bea?
    complement   How many percent are not Christians?

These make up the paper's subset of DROP (Yoshikawa, Heinzerling and Inui, NLP2022). `read_ids` reads its list of ids.
Without it the rules here decide by the wording. They were made with the decompositions of 1,268 development questions
in Break (Wolfson et al., TACL 2020). Against these, precision and recall are 99 and 96 % for comparison, 92 and 95 %
for difference, 98 and 98 % for complement. Some questions that Break treats as counting (`how many years did it last`)
are differences here.
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
            # Spans of time: how many years after, between, passed, did it take.
            rf"{_HOW_MANY}(?: total)? (?:years|months|weeks|days|hours|minutes|decades)\b.*"
            r"\b(?:after|before|between|pass|passed|elapsed|until|till|later|earlier|prior|since|from|separate\w*|apart"
            r"|take|took|span\w*|last|lasted)\b",
        )
    ),
    re.IGNORECASE,
)
# Phrases that only restrict what the question is about: more than 6 %, 5 yards or less.
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
    """The type of a question: `comparison`, `difference`, `complement`, or None for anything else."""
    counts = _COUNTS.match(question) is not None
    if not counts and _OR.search(question) and _COMPARED.search(question):
        return "comparison"
    if _PERCENT.search(question) and _NOT.search(question) and not _NO_COMPLEMENT.search(question):
        return "complement"
    return "difference" if _DIFFERENCE.search(_LIMIT.sub(" ", question)) else None


def select(problems: Iterable[Problem], types: Sequence[str] = (), ids: frozenset[str] | None = None) -> list[Problem]:
    """Select problems by the type of their question.

    The `kind` of a selected problem is its type (`other` for none of the three), so that metrics can be reported per
    type. DROP's own kind moves to `meta["answer"]`.

    Args:
        problems: Problems to select from.
        types: Types to keep. By default all three or, if `ids` are given, all types and `other`.
        ids: If given, only problems with these ids are kept.

    Raises:
        AnzanError: An unknown type.
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
    """Read the ids of the paper's subset (`drop_subset.zip`, `drop_partitions.zip`), or of any text or JSON file.

    DROP's ids are UUIDs, so the text around them does not matter.

    Raises:
        DataError: No such file, a damaged archive, or a file without ids.
    """
    name = os.fspath(path)
    try:
        if zipfile.is_zipfile(name):
            with zipfile.ZipFile(name) as archive:
                texts = [archive.read(member).decode("utf-8", "replace") for member in archive.namelist()]
        else:
            with open(name, encoding="utf-8", errors="replace") as file:
                texts = [file.read()]
    except (OSError, zipfile.BadZipFile, RuntimeError) as error:  # RuntimeError: the archive needs a password
        raise DataError(f"{name}: cannot be read ({error}); check the path or get the file again") from None
    if ids := frozenset(match.lower() for text in texts for match in _UUID.findall(text)):
        return ids
    raise DataError(f"{name}: no question id in it; give DROP's ids, such as 5d3bd2b1-6b4d-4a5a-93a5-6bd9a0f2c9cf")
