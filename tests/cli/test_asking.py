"""`anzan ask` and `anzan explain`: one answer, many answers, and the page that explains one."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import PASSAGE, QUESTION, failure_of, output_of, run


def check_contract(answer: dict[str, Any], passage: str, question: str) -> None:
    assert set(answer) == {"answer", "value", "source", "confidence", "steps"}
    assert isinstance(answer["answer"], str)
    assert answer["source"] in ("question", "passage", "calculator")
    assert 0 <= answer["confidence"] <= 1
    for step in answer["steps"]:
        assert set(step) == {"operation", "arguments", "calculation"}
        assert " = " in step["calculation"]
        for argument in step["arguments"]:
            assert set(argument) == {"text", "value", "start", "end", "where"}
            text = {"passage": passage, "question": question}[argument["where"]]
            assert text[argument["start"] : argument["end"]] == argument["text"]
            assert argument["value"] == int(argument["text"].replace(",", ""))


def test_ask_prints_one_json_object_and_nothing_else(model: Path) -> None:
    # A process of its own, so that nothing can hide behind Python's standard output.
    done = subprocess.run(
        [sys.executable, "-m", "anzan", "ask", str(model), "--passage", PASSAGE, "--question", QUESTION, "--json"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert done.stderr == ""
    answer = json.loads(done.stdout)
    check_contract(answer, PASSAGE, QUESTION)
    assert len(answer["steps"]) == 1


def test_ask_shows_the_arguments_in_their_place(model: Path) -> None:
    shown = output_of("ask", model, "--passage", PASSAGE, "--question", QUESTION)
    answer = json.loads(output_of("ask", model, "--passage", PASSAGE, "--question", QUESTION, "--json"))
    for argument in answer["steps"][0]["arguments"]:
        assert f"[{argument['text']}]" in shown
    assert answer["answer"] in shown
    assert "confidence" in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize(
    "passage",
    [
        "No number here, \x1b[31m😀.\r\nNot one.",
        "Just 1.",
        f"{'7' * 60} pens and {'8' * 60} caps.",
        f"{'9' * 180}.5 pens, 3 caps.",
        "日本 has 3 and 5.",
    ],
)
def test_ask_about_odd_passages(model: Path, passage: str) -> None:
    question = "How many pens?"
    answer = json.loads(output_of("ask", model, "--passage", passage, "--question", question, "--json"))
    if "." not in "".join(a["text"] for s in answer["steps"] for a in s["arguments"]):
        check_contract(answer, passage, question)
    assert "\x1b" not in output_of("ask", model, "--passage", passage, "--question", question)


def test_ask_refuses(model: Path, tmp_path: Path, random_encoder: Path) -> None:
    assert "--question is empty" in failure_of("ask", model, "--passage", PASSAGE, "--question", " ")
    assert "--passage is empty" in failure_of("ask", model, "--passage", "", "--question", QUESTION)
    assert "--question is missing" in failure_of("ask", model, "--passage", PASSAGE)
    assert "no model at" in failure_of("ask", tmp_path, "--passage", PASSAGE, "--question", QUESTION)
    assert "anzan" in failure_of("ask", random_encoder, "--passage", PASSAGE, "--question", QUESTION)
    long = failure_of("ask", model, "--passage", "word " * 3000, "--question", QUESTION)
    assert "tokens long" in long and "shorten" in long


def test_ask_many(model: Path, tmp_path: Path) -> None:
    questions, answers = tmp_path / "questions.jsonl", tmp_path / "new" / "answers.jsonl"
    lines = [{"id": 7, "passage": PASSAGE, "question": QUESTION}, {"passage": "3 é and 5.", "question": "Which?"}]
    questions.write_text("\n\n".join(map(json.dumps, lines)), encoding="utf-8")
    result = run("ask", model, "--input", questions, "--output", answers)
    assert (result.exit_code, result.stdout) == (0, "")
    first, second = map(json.loads, answers.read_text(encoding="utf-8").splitlines())
    assert (first.pop("line"), first.pop("id"), second.pop("line")) == (1, 7, 3)
    check_contract(first, PASSAGE, QUESTION)
    check_contract(second, "3 é and 5.", "Which?")
    summary = json.loads(output_of("ask", model, "--input", questions, "--output", answers, "--json"))
    assert summary == {"output": str(answers), "answered": 2, "failed": 0}


def test_ask_many_loses_no_good_line_to_a_bad_one(model: Path, tmp_path: Path) -> None:
    questions, answers = tmp_path / "questions.jsonl", tmp_path / "answers.jsonl"
    good = {"passage": PASSAGE, "question": QUESTION}
    lines = [
        json.dumps({"id": "a", **good}),
        '{"passage": "3 pens"',
        json.dumps({"passage": PASSAGE}),
        json.dumps({**good, "question": 5}),
        json.dumps({**good, "passage": " "}),
        json.dumps({**good, "passage": "word " * 3000}),
        json.dumps({"id": "b", **good}),
    ]
    questions.write_text("\n".join(lines), encoding="utf-8")
    result = run("ask", model, "--input", questions, "--output", answers)
    assert result.exit_code == 1
    assert result.stdout == ""
    said = result.stderr.splitlines()
    assert len(said) == 6
    for line, (number, name) in zip(
        said, ((2, "JSON"), (3, "question"), (4, "question"), (5, "passage"), (6, "passage")), strict=False
    ):
        assert line.startswith(f"{questions}, line {number}, {name}: ")
    assert said[-1] == f"anzan: 2 answered in {answers}, 5 of 7 lines could not be used"
    answered = [json.loads(line) for line in answers.read_text(encoding="utf-8").splitlines()]
    assert [(each["line"], each["id"]) for each in answered] == [(1, "a"), (7, "b")]


def test_ask_many_refuses(model: Path, tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    questions.write_text(json.dumps({"passage": PASSAGE, "question": QUESTION}), encoding="utf-8")
    before = questions.read_bytes()
    assert "give both" in failure_of("ask", model, "--input", questions)
    assert "one question" in failure_of(
        "ask", model, "--input", questions, "--output", tmp_path / "x", "--question", "?"
    )
    assert "nothing.jsonl" in failure_of(
        "ask", model, "--input", tmp_path / "nothing.jsonl", "--output", tmp_path / "x"
    )
    assert "the input" in failure_of("ask", model, "--input", questions, "--output", questions)
    assert "regular file" in failure_of("ask", model, "--input", tmp_path, "--output", tmp_path / "x")
    assert f"{tmp_path}: a folder" in failure_of("ask", model, "--input", questions, "--output", tmp_path)
    assert questions.read_bytes() == before
    assert not (tmp_path / "x").exists()


def test_explain_writes_a_page_and_a_picture(model: Path, tmp_path: Path) -> None:
    asked = ("--passage", "Anna has 5 pens. Carl has 9.", "--question", "Who has more: Anna or Carl?")
    page, picture = tmp_path / "why.html", tmp_path / "why.png"
    shown = output_of("explain", model, *asked, "-o", page, "-o", picture)
    assert "14 = 5 + 9" in shown and str(page) in shown and str(picture) in shown
    assert "14 = 5 + 9" in page.read_text(encoding="utf-8") and picture.read_bytes().startswith(b"\x89PNG")
    assert "name it .html or .png" in failure_of("explain", model, *asked, "-o", tmp_path / "why.gif")
    assert "no such folder" in failure_of("explain", model, *asked, "-o", tmp_path / "no" / "why.png")
    assert "--question is empty" in failure_of("explain", model, *asked[:3], " ", "-o", page)
