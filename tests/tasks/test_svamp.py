"""SVAMP's CSV: numbers put back in their places, gold arguments from the equation, and the real files."""

import csv
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

from anzan.arithmetic.calculator import format_number
from anzan.arithmetic.numbers import find_numbers
from anzan.tasks.fields import DataError
from anzan.tasks.problem import Problem, read_problems, write_problems
from anzan.tasks.svamp import COLUMNS, read_svamp

SVAMP = Path(__file__).parents[2].parent / "shared" / "data" / "svamp"

ROW = {
    "Body": "each of number0 shelves holds number1 jars .",
    "Ques": "how many jars are there ?",
    "Numbers": "12.0 3.0",
    "Equation": "* number0 number1",
    "Answer": "36.0",
}


def write(path: Path, *rows: dict[str, str]) -> Path:
    rows = tuple({"Question": f"{row['Body']} {row['Ques']}", "group_nums": "[]"} | row for row in rows)
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mine.csv"


def read_one(file: Path, **changes: str) -> Problem:
    (problem,) = read_svamp(write(file, ROW | changes))
    return problem


def mentioned(problem: Problem) -> list[str]:
    texts = {"passage": problem.passage, "question": problem.question}
    return [texts[m["where"]][m["start"] : m["end"]] for m in problem.meta["mentions"]]


def test_a_row(file: Path) -> None:
    assert read_one(file, Type="Multiplication") == Problem(
        id="svamp-mine-1",
        passage="each of 12 shelves holds 3 jars .",
        question="how many jars are there ?",
        answers=(("36",),),
        arguments=((Fraction(12), Fraction(3)),),
        kind="multiplication",
        meta={
            "operations": ["*"],
            "type": "Multiplication",
            "mentions": [
                {"where": "passage", "start": 8, "end": 10},
                {"where": "passage", "start": 25, "end": 26},
            ],
        },
    )


def test_ids_count_rows_and_not_lines(file: Path) -> None:
    problems = read_svamp(write(file, ROW | {"Body": "a shelf\nwith number0 and number1 jars ."}, ROW))
    assert [problem.id for problem in problems] == ["svamp-mine-1", "svamp-mine-2"]


@pytest.mark.parametrize(
    ("equation", "numbers", "answer", "kind", "steps"),
    [
        ("- number1 number0", "2 5", "3", "subtraction", [[5, 2]]),
        ("/ number0 4.0", "2 5", "0.5", "division", [[2, 4]]),
        ("+ * number0 number1 number2", "2 5 1", "11", "two-step", [[2, 5], [10, 1]]),
        ("* number2 / number0 number1", "1 3 6", "2", "two-step", [[1, 3], [6, Fraction(1, 3)]]),
        ("- + number0 0.1 * number1 number2", "2 5 1", "-2.9", "multi-step", [[2, Fraction("0.1")], [5, 1], [2.1, 5]]),
        ("number1", "2 5", "5", "none", None),
    ],
)
def test_steps(
    file: Path, equation: str, numbers: str, answer: str, kind: str, steps: list[list[Fraction | float]] | None
) -> None:
    problem = read_one(file, Equation=equation, Numbers=numbers, Answer=answer)
    expected = steps and tuple(tuple(Fraction(str(value)) for value in step) for step in steps)
    assert (problem.kind, problem.arguments) == (kind, expected)
    assert len(problem.meta["operations"]) == len(steps or [])
    assert problem.answers == ((answer,),)
    assert "equation_matches" not in problem.meta


def test_operations_are_in_the_order_of_the_steps(file: Path) -> None:
    problem = read_one(file, Equation="/ + number0 number1 - number0 number1")
    assert problem.meta["operations"] == ["+", "-", "/"]


def test_mentions_need_two_numbers_of_the_text(file: Path) -> None:
    assert "mentions" not in read_one(file, Equation="+ number0 3.0").meta
    assert "mentions" not in read_one(file, Equation="+ number0 number2", Numbers="1 2 3").meta
    problem = read_one(file, Body="there are number0 jars .", Ques="how many if number1 more come ?")
    assert [mention["where"] for mention in problem.meta["mentions"]] == ["passage", "question"]
    assert mentioned(problem) == ["12", "3"]


def test_of_two_equal_numbers_the_second_is_meant_the_second_time(file: Path) -> None:
    problem = read_one(file, Equation="+ number0 number0", Numbers="12.0 12.0", Answer="24.0")
    assert [mention["start"] for mention in problem.meta["mentions"]] == [8, 25]
    problem = read_one(file, Equation="* number0 number0", Answer="144")  # a square: nothing else can be meant
    assert [mention["start"] for mention in problem.meta["mentions"]] == [8, 8]


def test_numbers_are_canonical(file: Path) -> None:
    body, numbers = "a number0 b number1 c number2 d number3 .", "56.0 0.50 -2.0 1234567.25"
    problem = read_one(file, Body=body, Numbers=numbers, Equation="number0", Answer="56.0")
    assert problem.passage == "a 56 b 0.5 c -2 d 1234567.25 ."


def test_fractions_cut_off_by_a_float(file: Path) -> None:
    numbers = {"Numbers": "0.16666666666666666 9.166666666666666", "Equation": "+ number0 number1"}
    problem = read_one(file, **numbers, Answer="9.333333333333334")
    assert problem.passage == "each of 0.1667 shelves holds 9.1667 jars ."
    assert problem.answers == (("9.3333",),)
    # What counts is what a reader sees: 0.1667 + 9.1667 is 9.3334.
    assert problem.arguments == ((Fraction("0.1667"), Fraction("9.1667")),)
    assert problem.meta["equation_matches"] is False


def test_long_decimals_that_are_no_fraction_stay(file: Path) -> None:
    assert "0.1234567890123456 " in read_one(file, Numbers="0.1234567890123456 1").passage


def test_an_equation_that_does_not_give_the_answer(file: Path) -> None:
    problem = read_one(file, Answer="37.0")
    assert problem.answers == (("37",),)
    assert problem.meta["equation_matches"] is False


@pytest.mark.parametrize(
    ("whole", "body", "question", "passage", "asked"),
    [
        ("how much is number0 and number1 ?", "Empty", "ignored", "", "how much is 12 and 3 ?"),
        ("add number0 to number1 .", "add number0 to number1 .", "", "", "add 12 to 3 ."),
        ("a is number0 . b is number1 . how much is a ?", "", "", "a is 12 . b is 3 .", "how much is a ?"),
    ],
)
def test_where_body_or_question_is_missing(
    file: Path, whole: str, body: str, question: str, passage: str, asked: str
) -> None:
    problem = read_one(file, Question=whole, Body=body, Ques=question)
    assert (problem.passage, problem.question) == (passage, asked)
    assert mentioned(problem) == ["12", "3"]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"Numbers": "12.0 three"}, "Numbers: 'three' is not a decimal number; "),
        ({"Numbers": "12.0 1e9"}, "Numbers: '1e9' is not a decimal number; "),
        ({"Numbers": "12.0 " + "9" * 5000}, "Numbers: '9999"),
        ({"Numbers": "12.0"}, "Numbers: 1 given, but the text has number1; "),
        ({"Answer": ""}, "Answer: '' is not a decimal number; "),
        ({"Equation": ""}, "Equation: '' is not in prefix form; "),
        ({"Equation": "number0 * number1"}, "Equation: 'number0 * number1' is not in prefix form; "),
        ({"Equation": "* number0"}, "Equation: '* number0' is not in prefix form; "),
        ({"Equation": "* number0 number1 number1"}, "Equation: '* number0 number1 number1' is not in prefix form; "),
        ({"Equation": "* number0 number9"}, "Equation: number9, but 2 numbers are given; "),
        ({"Equation": "^ number0 number1"}, "Equation: '^' is not a decimal number; "),
        ({"Equation": "/ number0 - number1 3.0"}, "Equation: '/ number0 - number1 3.0' divides by zero; "),
        ({"Numbers": f"{'9' * 900} {'9' * 900}"}, "Equation: the number has more than 1000 digits; "),
    ],
)
def test_errors_name_file_line_column_and_fix(file: Path, changes: dict[str, str], fault: str) -> None:
    write(file, ROW, ROW | changes)
    with pytest.raises(DataError) as error:
        read_svamp(file)
    message = str(error.value)
    assert message.startswith(f"{file}, line 3, {fault}")
    assert "; " in message and "\n" not in message


def test_all_bad_rows_are_told_and_the_good_ones_counted(file: Path) -> None:
    write(file, ROW, ROW | {"Answer": "?"}, ROW, ROW | {"Numbers": "12.0"})
    with pytest.raises(DataError, match=r"line 3, Answer: .* \(1 more cannot be used; good rows: 2\)$") as error:
        read_svamp(file)
    assert [fault.split(":")[0] for fault in error.value.faults] == [
        f"{file}, line 3, Answer",
        f"{file}, line 5, Numbers",
    ]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "line 1, no column Question, Numbers, "),
        (b"Question,Numbers,Answer\n", "line 1, no column Equation, Body, Ques; "),
        (",".join(COLUMNS).encode() + b"\nhow many ?,1 2\n", "line 2, Equation: missing; "),
        (b"\xff\xfe", ": not UTF-8; "),
        (",".join(COLUMNS).encode() + b"\n" + b"x" * 200_000, "CSV: field larger than field limit"),
    ],
)
def test_files_that_cannot_be_used(file: Path, content: bytes, fault: str) -> None:
    file.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_svamp(file)
    assert str(error.value).startswith(str(file)) and fault in str(error.value) and "\n" not in str(error.value)


def test_a_missing_file(file: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_svamp(file)


def test_problems_survive_as_jsonl(file: Path) -> None:
    problems = read_svamp(write(file, ROW, ROW | {"Equation": "/ * 0.1 number0 number1", "Answer": "0.4"}))
    write_problems(problems, file.with_suffix(".jsonl"))
    assert read_problems(file.with_suffix(".jsonl")) == problems


@pytest.mark.skipif(not SVAMP.is_dir(), reason=f"SVAMP's files are not in {SVAMP}")
@pytest.mark.parametrize(
    ("name", "size", "located", "mismatches", "kinds"),
    [
        ("train", 3138, 2040, 33, {"two-step": 1011, "multi-step": 54}),
        ("dev", 1000, 762, 0, {"two-step": 237, "none": 1}),
    ],
)
def test_the_real_files(
    tmp_path: Path, name: str, size: int, located: int, mismatches: int, kinds: dict[str, int]
) -> None:
    problems = read_svamp(SVAMP / f"{name}.csv")
    assert len(problems) == len({problem.id for problem in problems}) == size
    assert kinds.items() <= Counter(problem.kind for problem in problems).items()
    assert not any("number0" in problem.passage + problem.question for problem in problems)

    compute = {"+": Fraction.__add__, "-": Fraction.__sub__, "*": Fraction.__mul__, "/": Fraction.__truediv__}
    for problem in problems:
        if problem.arguments is not None and len(problem.arguments) == 1:
            value = compute[problem.meta["operations"][0]](*problem.arguments[0])
            matches = problem.answers == ((format_number(value),),)
            assert matches == problem.meta.get("equation_matches", True), problem
    assert sum("equation_matches" in problem.meta for problem in problems) == mismatches

    # Every gold operand is one of the numbers that the reader finds, with that value, and no number is meant twice.
    with_mentions = [problem for problem in problems if "mentions" in problem.meta]
    assert len(with_mentions) == located
    for problem in with_mentions:
        assert problem.arguments is not None
        texts = {"passage": problem.passage, "question": problem.question}
        found = {(where, n.start, n.end): n.value for where, text in texts.items() for n in find_numbers(text)}
        places = [(mention["where"], mention["start"], mention["end"]) for mention in problem.meta["mentions"]]
        assert tuple(found.get(place) for place in places) == problem.arguments[0], problem
        assert len(set(places)) == 2, problem

    write_problems(problems, tmp_path / "copy.jsonl")
    assert read_problems(tmp_path / "copy.jsonl") == problems
