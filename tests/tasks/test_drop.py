"""DROP's JSON: all kinds of answers, validated ones, errors, and the real file."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from anzan.tasks.drop import read_drop
from anzan.tasks.fields import DataError
from anzan.tasks.problem import Problem, read_problems, write_problems

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "drop" / "drop_comparison_official_format.json.gz"


def answer(number: str = "", spans: list[str] | None = None, **date: str) -> dict[str, Any]:
    return {"number": number, "date": {"day": "", "month": "", "year": ""} | date, "spans": spans or []}


def question(id: str, first: Any, *validated: Any) -> dict[str, Any]:
    return {"query_id": id, "question": f"Question {id}?", "answer": first, "validated_answers": list(validated)}


def document(*pairs: Any) -> dict[str, Any]:
    return {"p_1": {"passage": " Anna ran 3 yards in 1945.", "qa_pairs": list(pairs), "wiki_url": "..."}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "drop.json"


def read(file: Path, content: Any) -> list[Problem]:
    file.write_text(json.dumps(content), encoding="utf-8")
    return read_drop(file)


def test_a_question(file: Path) -> None:
    assert read(file, document(question("q", answer("3"), answer("three")))) == [
        Problem(
            id="q",
            passage=" Anna ran 3 yards in 1945.",
            question="Question q?",
            answers=(("3",), ("three",)),
            kind="number",
            meta={"passage_id": "p_1"},
        )
    ]


def test_a_contrast_set_names_its_originals(file: Path) -> None:
    original = "3d8155d6-a740-47c6-8835-7c89c708fdb4"
    pairs = [question(id, answer("3")) for id in (original, f"{original}_1", f"{original}_12", "q_1")]
    assert [p.meta.get("bundle") for p in read(file, document(*pairs))] == [None, original, original, None]


@pytest.mark.parametrize(
    ("given", "kind", "spans"),
    [
        (answer("3"), "number", ("3",)),
        (answer(spans=["Anna"]), "span", ("Anna",)),
        (answer(spans=["Anna", "", "Carl"]), "spans", ("Anna", "Carl")),
        (answer(year="1945"), "date", ("1945",)),
        (answer(day="8", month="May", year="1945"), "date", ("8 May 1945",)),
        (answer(month="May", year="1945"), "date", ("May 1945",)),
        (answer("3", spans=["Anna"], year="1945"), "number", ("3",)),
        (answer(spans=["Anna"], year="1945"), "span", ("Anna",)),
        ({"number": 3}, "number", ("3",)),
        ({"number": None, "date": None, "spans": ["Anna"]}, "span", ("Anna",)),
        ({"date": {"year": 1945}}, "date", ("1945",)),
    ],
)
def test_kinds(file: Path, given: dict[str, Any], kind: str, spans: tuple[str, ...]) -> None:
    (problem,) = read(file, document(question("q", given)))
    assert (problem.kind, problem.answers) == (kind, (spans,))


def test_numbers_stay_as_they_are_written(file: Path) -> None:
    content = json.dumps(document(question("q", {"number": 0}, {"number": 1}))).replace('"number": 0', '"number": 0.10')
    file.write_text(content.replace('"number": 1', '"number": 1' + "0" * 5000))
    (problem,) = read_drop(file)
    assert problem.answers == (("0.10",), ("1" + "0" * 5000,))


def test_alternatives_come_once_and_never_empty(file: Path) -> None:
    alternatives = [answer(spans=["Anna"]), answer(spans=[" "]), answer("3"), answer(spans=["Anna"]), answer("3")]
    (problem,) = read(file, document(question("q", answer(), *alternatives)))
    assert problem.answers == (("Anna",), ("3",))
    assert problem.kind == "span"


def test_a_question_without_an_answer_is_left_out(file: Path) -> None:
    pairs = question("a", answer()), question("b", answer("3")), {"query_id": "c", "question": "How?"}
    assert [problem.id for problem in read(file, document(*pairs))] == ["b"]


def test_nothing_in_it_and_nothing_wrong_with_it(file: Path) -> None:
    assert read(file, {}) == []


def test_gzip_and_byte_order_mark(file: Path) -> None:
    content = b"\xef\xbb\xbf" + json.dumps(document(question("q", answer("3")))).encode()
    file.write_bytes(content)
    problems = read_drop(file)
    file.write_bytes(gzip.compress(content))
    assert read_drop(file) == problems != []


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ([1], "file: not an object; "),
        ({"p_1": 1}, "passage 'p_1': not an object; "),
        ({"p_1": {"qa_pairs": []}}, "passage 'p_1': no passage; "),
        ({"p_1": {"passage": ["x"]}}, "passage 'p_1', passage: found a list, not a string; "),
        ({"p_1": {"passage": "x", "qa_pairs": "y"}}, "passage 'p_1', qa_pairs: not a list; "),
        (document(7), "passage 'p_1', question 1: not an object; "),
        (document(question("", answer("3"))), "passage 'p_1', question 1: no query_id; "),
        (document(question("q", "3")), "passage 'p_1', question 1, answer: not an object; "),
        (document(question("q", {"number": True})), "question 1, number: found true or false, not a string; "),
        (document(question("q", {"spans": "Anna"})), "passage 'p_1', question 1, spans: not a list; "),
        (document(question("q", {"spans": [["Anna"]]})), "question 1, spans: found a list, not a string; "),
        (document(question("q", {"date": "1945"})), "passage 'p_1', question 1, date: not an object; "),
        (document(question("\ud800", answer("3"))), "question 1, query_id: lone surrogate at character 1; "),
    ],
)
def test_errors_name_file_place_and_fix(file: Path, content: Any, fault: str) -> None:
    with pytest.raises(DataError) as error:
        read(file, content)
    assert str(error.value).startswith(f"{file}, ") and fault in str(error.value) and "\n" not in str(error.value)


def test_all_bad_questions_are_told_and_the_good_ones_counted(file: Path) -> None:
    content = document(question("q", answer("3")), question("", answer("3")), question("r", "3"))
    with pytest.raises(
        DataError, match=r"question 2: no query_id; .* \(1 more cannot be used; good questions: 1\)$"
    ) as error:
        read(file, content)
    assert len(error.value.faults) == 2 and "question 3, answer: not an object; " in error.value.faults[1]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b'{"p_1": {\n"passage": "x', "JSON: Unterminated string starting at at line 2, character 12; "),
        (b'{"p_1": "\xff"}', "text: byte 10 is not UTF-8; "),
        (b"[" * 100_000, "JSON: nested too deeply; "),
        (gzip.compress(b"{}" * 1000, mtime=0)[:-10], "gzip: damaged or cut off; "),
        (b"\x1f\x8bxx", "gzip: damaged or cut off; "),
    ],
)
def test_files_that_cannot_be_used(file: Path, content: bytes, fault: str) -> None:
    file.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_drop(file)
    assert str(error.value).startswith(f"{file}, {fault}") and "\n" not in str(error.value)


def test_a_missing_file(file: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_drop(file)


@pytest.mark.skipif(not REAL.is_file(), reason=f"DROP's comparison questions are not at {REAL}")
def test_the_real_file(tmp_path: Path) -> None:
    problems = read_drop(REAL)
    assert len(problems) == len({problem.id for problem in problems}) == 3006
    assert len({problem.meta["passage_id"] for problem in problems}) == 349
    assert Counter(problem.kind for problem in problems) == {"span": 2808, "date": 100, "spans": 98}
    assert all(span.strip() for problem in problems for spans in problem.answers for span in spans)
    write_problems(problems, tmp_path / "copy.jsonl")
    assert read_problems(tmp_path / "copy.jsonl") == problems
