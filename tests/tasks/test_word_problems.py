"""Equations in infix form, against Python's own arithmetic on fractions; GSM8K's and ASDiv's files."""

import json
from collections import Counter
from fractions import Fraction as F
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anzan.arithmetic import format_number
from anzan.tasks import Problem, read_any
from anzan.tasks.asdiv import read_asdiv
from anzan.tasks.fields import DataError
from anzan.tasks.gsm8k import read_gsm8k
from anzan.tasks.word_problems import infix_steps

GSM8K = Path(__file__).parents[2].parent / "shared" / "data" / "gsm8k"
ROW = {"question": "Ann has 3 pens. She buys 4.  How many are there?", "answer": "She has 3+4=<<3+4=7>>7.\n#### 7"}
XML = """<?xml version="1.0" encoding="UTF-8" ?>
<Machine-Reading-Corpus-File><ProblemSet>
<Problem ID="p1" Grade="1"><Body>Ann has two pens, Bo has 3.</Body><Question>How many
 are there? </Question><Solution-Type>Sum</Solution-Type><Answer>1,005 (pens)</Answer>
<Formula>(2+3)*201=1005</Formula></Problem>
<Problem ID="p2" Grade="1"><Body>Ann &amp; Bo.</Body><Question>Who?</Question><Solution-Type>Comparison</Solution-Type>
<Answer>Ann (Smith)</Answer><Formula>LCM[2,3]=6</Formula></Problem>
<Problem ID="p3" Grade="1"><Body>Two.</Body><Question>How many?</Question><Solution-Type>Ratio</Solution-Type>
<Answer>4 (big); 6 (small)</Answer><Formula>2+2=4; 2*3=6</Formula></Problem>
</ProblemSet></Machine-Reading-Corpus-File>
"""


def written(tree: object) -> str:
    """A tree of (operation, left, right) or a number, with all its parentheses."""
    if isinstance(tree, tuple):
        return f"({written(tree[1])}{tree[0]}{written(tree[2])})"
    return str(tree)


trees = st.recursive(
    st.integers(0, 99), lambda children: st.tuples(st.sampled_from("+-*"), children, children), max_leaves=6
)


@given(trees)
def test_steps_are_those_of_the_tree_from_the_inside_out(tree: object) -> None:
    expected: list[tuple[str, tuple[F, F]]] = []

    def value(tree: object) -> F:
        if not isinstance(tree, tuple):
            return F(str(tree))
        operation, pair = tree[0], (value(tree[1]), value(tree[2]))
        expected.append((operation, pair))
        return {"+": F.__add__, "-": F.__sub__, "*": F.__mul__}[operation](*pair)

    total = value(tree)
    assert infix_steps(written(tree)) == (expected, total)


@pytest.mark.parametrize(
    ("expression", "value"),
    [("8-2*3", 2), ("8 - 2 - 3", 3), ("0.1*3", F(3, 10)), (".5/2", F(1, 4)), ("2*-3", -6), ("7", 7)],
)
def test_precedence_decimals_and_signs(expression: str, value: F) -> None:
    solved = infix_steps(expression)
    assert solved is not None and solved[1] == value


@pytest.mark.parametrize(
    "expression", ["", "2**9", "7//2", "x+1", "LCM[2,3]", "1/0", "1e9+1", "2+", "(" * 150, "1" * 300, "1,2", "+2", "ab"]
)
def test_anything_else_is_no_expression(expression: str) -> None:
    assert infix_steps(expression) is None


def test_gsm8k(tmp_path: Path) -> None:
    path = tmp_path / "test.jsonl"
    twice = {"question": "No calculation?", "answer": "50%: <<50*.01*10=5>>5, <<50*.01*10=5>>\n#### -1,200.50"}
    algebra = {"question": "Who? And 2?", "answer": "<<x+1=3>>3\n#### 2"}
    path.write_text("\n".join(map(json.dumps, (ROW, twice, algebra))), encoding="utf-8")
    first, second, third = read_gsm8k(path)
    assert read_any(path) == [first, second, third]
    assert (first.id, first.passage, first.question) == (
        "gsm8k-test-1",
        "Ann has 3 pens. She buys 4.",
        "How many are there?",
    )
    assert (first.answers, first.arguments, first.kind) == ((("7",),), ((3, 4),), "addition")
    assert (second.passage, second.answers) == ("", (("-1200.5",),))
    assert second.arguments == ((50, F("0.01")), (F("0.5"), 10)) and second.kind == "two-step"
    assert (third.arguments, third.kind, third.answers) == (None, None, (("2",),))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"answer": "7"}, "answer: has no line '#### RESULT'"),
        ({"answer": "#### seven pens"}, "answer: 'seven pens' is not a number"),
        ({"question": 7}, "question: found a number"),
    ],
)
def test_faulty_rows_of_gsm8k(tmp_path: Path, change: dict[str, object], fault: str) -> None:
    path = tmp_path / "test.jsonl"
    path.write_text(json.dumps(ROW) + "\n" + json.dumps(ROW | change), encoding="utf-8")
    with pytest.raises(DataError, match=f"line 2, {fault}"):
        read_gsm8k(path)


def test_asdiv(tmp_path: Path) -> None:
    path = tmp_path / "ASDiv.xml"
    path.write_text(XML, encoding="utf-8")
    first, second, third = read_asdiv(path)
    assert read_any(path) == [first, second, third]
    assert (first.id, first.passage, first.question) == ("p1", "Ann has two pens, Bo has 3.", "How many are there?")
    assert (first.answers, first.arguments, first.kind) == ((("1005",),), ((2, 3), (5, 201)), "two-step")
    assert first.meta == {"type": "Sum", "operations": ["+", "*"]}
    assert (second.passage, second.answers, second.arguments, second.kind) == ("Ann & Bo.", (("Ann",),), None, "none")
    assert (third.answers, third.arguments) == ((("4", "6"),), None)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("</ProblemSet>", "", "not XML"),
        ("Machine-Reading-Corpus-File", "Other", "its root is Other"),
        ("<Body>Two.</Body>", "", "problem p3: no Body"),
    ],
)
def test_faulty_files_of_asdiv(tmp_path: Path, old: str, new: str, fault: str) -> None:
    path = tmp_path / "ASDiv.xml"
    path.write_text(XML.replace(old, new), encoding="utf-8")
    with pytest.raises(DataError, match=fault):
        read_asdiv(path)


@pytest.mark.skipif(not GSM8K.is_dir(), reason=f"GSM8K's files are not in {GSM8K}")
@pytest.mark.parametrize(("name", "size", "solved"), [("test.jsonl", 1319, 1285), ("train.jsonl.gz", 7473, 7276)])
def test_gsm8k_itself(name: str, size: int, solved: int) -> None:
    problems = read_any(GSM8K / name)
    assert len(problems) == size and sum(p.arguments is not None for p in problems) == solved
    right = Counter(p.answers == ((results(p)[-1],),) for p in problems if p.arguments)
    assert right[True] > 0.9 * right.total()  # the last step of a solution is nearly always the answer


def results(problem: Problem) -> list[str]:
    compute = {"+": F.__add__, "-": F.__sub__, "*": F.__mul__, "/": F.__truediv__}
    pairs = zip(problem.meta["operations"], problem.arguments or (), strict=True)
    return [format_number(compute[operation](*pair)) for operation, pair in pairs]
