"""DROP as rows: three layouts, from files and through the library of data sets, and the real flattened file."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from anzan.tasks.drop_rows import load_hub
from anzan.tasks.fields import DataError
from anzan.tasks.formats import read_any
from anzan.tasks.problem import Problem

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "drop" / "drop_v0_dev.jsonl.gz"

HEAD = {"section_id": "nfl_1", "query_id": "q-1", "passage": "Ann ran 3 yards in 1945.", "question": "How far?"}
DATE = {"day": "", "month": "", "year": ""}


def apart(answer: dict[str, Any], *validated: dict[str, Any]) -> dict[str, Any]:
    """A row of EleutherAI/drop."""
    given = [{"number": "", "date": DATE, "spans": []} | each for each in (answer, *validated)]
    columns = {name: [each[name] for each in given[1:]] for name in ("number", "date", "spans")}
    return HEAD | {"answer": given[0], "validated_answers": columns}


def together(*spans: tuple[str, str]) -> dict[str, Any]:
    """A row of ucinlp/drop."""
    return HEAD | {"answers_spans": {"spans": [s for s, _ in spans], "types": [t for _, t in spans]}}


def flat(text: str) -> dict[str, Any]:
    return {
        "context": "Passage: Ann ran 3 yards in 1945.\nQuestion: How far?\nAnswer:",
        "completion": f" {text.split('|')[0]}",
        "ref_text": text,
    }


def problem(kind: str, *answers: tuple[str, ...], flattened: bool = False) -> Problem:
    id, meta = ("1", {}) if flattened else ("q-1", {"passage_id": "nfl_1"})
    return Problem(id, HEAD["passage"], HEAD["question"], answers, kind=kind, meta=meta)


CASES = [
    (apart({"number": "3"}), problem("number", ("3",))),
    (
        apart({"number": "3"}, {"number": "3"}, {"spans": ["3 yards"]}),
        problem("number", ("3",), ("3 yards",)),
    ),
    (apart({"spans": ["Ann", "Bea"]}), problem("spans", ("Ann", "Bea"))),
    (apart({"date": DATE | {"year": "1945"}}), problem("date", ("1945",))),
    (together(("3", "number")), problem("number", ("3",))),
    (together(("3", "number"), ("3", "number")), problem("number", ("3",))),
    (together(("3", "number"), ("4", "number")), problem("number", ("3",), ("4",))),
    (together(("Ann", "span"), ("Bea", "span")), problem("spans", ("Ann", "Bea"))),
    (together(*[("Ann", "span"), ("Bea", "span")] * 3), problem("spans", ("Ann", "Bea"))),
    (together(("8 May 1945", "date")), problem("date", ("8 May 1945",))),
    (flat("3"), problem("number", ("3",), flattened=True)),
    (flat("Ann|Bea|Ann"), problem("span", ("Ann",), ("Bea",), flattened=True)),
]


@pytest.mark.parametrize(("row", "expected"), CASES)
@pytest.mark.parametrize("zipped", [False, True])
def test_a_row_of_a_file(tmp_path: Path, row: dict[str, Any], expected: Problem, zipped: bool) -> None:
    content = (json.dumps(row) + "\n").encode()
    (tmp_path / "rows").write_bytes(gzip.compress(content) if zipped else content)
    assert read_any(tmp_path / "rows") == [expected]


@pytest.mark.parametrize("layout", [apart, together, flat])
def test_through_the_library(tmp_path: Path, layout: Any) -> None:
    """A local folder in place of the hub: the columns travel through Arrow, with their nested types."""
    import datasets

    rows, expected = zip(*[c for c in CASES if (layout is flat) == ("context" in c[0])
                           and (layout is together) == ("answers_spans" in c[0])], strict=True)  # fmt: skip
    datasets.Dataset.from_list(list(rows)).to_parquet(tmp_path / "train-0.parquet")
    read = load_hub(f"hub:{tmp_path}:train")
    assert [(p.kind, p.answers) for p in read] == [(p.kind, p.answers) for p in expected]
    assert read == read_any(f"hub:{tmp_path}:train")


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (HEAD | {"answers_spans": {"spans": ["3"], "types": []}}, "answers_spans: 1 spans, 0 types; "),
        (HEAD | {"answers_spans": 3}, "answers_spans: not an object; "),
        (HEAD | {"validated_answers": {}, "answer": {"number": 3}}, "answer, number: found a number, not a string; "),
        ({"passage": "", "validated_answers": {}}, "row: no query_id; "),
        ({"context": "Ann ran.", "ref_text": "3"}, "context: not of the form "),
    ],
)
def test_a_bad_row_is_one_line_with_its_number(tmp_path: Path, row: dict[str, Any], fault: str) -> None:
    (tmp_path / "rows").write_text(json.dumps(apart({"number": "3"})) + "\n" + json.dumps(row))
    with pytest.raises(DataError) as error:
        read_any(tmp_path / "rows")
    assert str(error.value).startswith(f"{tmp_path}/rows, line 2, {fault}")
    assert "\n" not in str(error.value)


def test_a_question_without_an_answer_is_left_out(tmp_path: Path) -> None:
    rows = [apart({}), together(), flat(" "), apart({"number": "3"})]
    (tmp_path / "rows").write_text("\n".join(map(json.dumps, rows)))
    assert [p.id for p in read_any(tmp_path / "rows")] == ["q-1"]


def test_what_the_hub_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^hub:.*/none: cannot be loaded \(.*\); check the name") as error:
        load_hub(f"hub:{tmp_path}/none")
    assert "\n" not in str(error.value)


@pytest.mark.skipif(not REAL.exists(), reason="needs ../shared/data, which only its makers have")
def test_the_flattened_file() -> None:
    problems = read_any(REAL)
    assert len(problems) == 9536 and len({p.passage for p in problems}) == 579  # its README's figures
    assert Counter(len(p.answers) > 1 for p in problems)[True] > 500
    assert all(p.question and not p.passage.startswith("Passage") for p in problems)
