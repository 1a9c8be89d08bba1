"""ASDiv: word problems of primary school in many wordings (Miao, Liang and Su, ACL 2020), from its XML.

<Problem ID="nluds-0001" Grade="1" Source="...">
    <Body>Seven red apples and two green apples are in the basket.</Body>
    <Question>How many apples are in the basket?</Question>
    <Solution-Type>Addition</Solution-Type>
    <Answer>9 (apples)</Answer>
    <Formula>7+2=9</Formula>
</Problem>
"""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

from anzan.arithmetic import format_number
from anzan.arithmetic.numbers import parse_number
from anzan.tasks.fields import DataError
from anzan.tasks.problem import Problem
from anzan.tasks.word_problems import infix_steps, solved_fields

ROOT = "Machine-Reading-Corpus-File"
"""The name of the outermost element."""
_UNIT = re.compile(r"\s*\([^()]*\)\s*$")


def read_asdiv(path: str | os.PathLike[str]) -> list[Problem]:
    """Read the problems of ASDiv's XML, in order.

    Units after an answer are left out; an answer of several parts, `4; 6`, has several spans. `arguments` has the steps
    of the formula, each with its two values, and `meta["operations"]` their operations, where the formula is one
    expression with the answer as its value; `meta["type"]` is the file's solution type.

    Raises:
        DataError: Not such a file, or problems without body, question or answer.
        OSError: The file cannot be opened.
    """
    name = os.fspath(path)
    try:
        root = ET.parse(name).getroot()
    except ET.ParseError as error:
        raise DataError(f"{name}: not XML ({error}); use ASDiv.xml as it is") from None
    if root.tag != ROOT:
        raise DataError(f"{name}: its root is {root.tag}, not {ROOT}; use ASDiv.xml as it is")
    return list(_problems(name, root))


def _problems(name: str, root: ET.Element) -> Iterator[Problem]:
    for number, record in enumerate(root.iter("Problem"), start=1):
        where = f"{name}, problem {record.get('ID') or number}"

        def text(tag: str, record: ET.Element = record, where: str = where) -> str:
            found = " ".join((record.findtext(tag) or "").split())
            if not found:
                raise DataError(f"{where}: no {tag}; use ASDiv.xml as it is")
            return found

        parts = tuple(_answer(part) for part in text("Answer").split(";"))
        yield Problem(
            record.get("ID") or str(number),
            text("Body"),
            text("Question"),
            (parts,),
            **_solved(text("Formula"), parts, text("Solution-Type")),
        )


def _answer(text: str) -> str:
    """Without its unit, and numbers as the calculator prints them."""
    bare = _UNIT.sub("", text.strip())
    value = parse_number(bare)
    return bare if value is None else format_number(value)


def _solved(formula: str, answer: tuple[str, ...], solution: str) -> dict[str, Any]:
    """The fields of a problem that a formula gives."""
    solved = infix_steps(formula.partition("=")[0])
    if solved is None or answer != (format_number(solved[1]),):
        return {"kind": "none", "meta": {"type": solution}}
    return solved_fields(solved[0], type=solution)
