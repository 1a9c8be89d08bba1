"""The demo, run small: what it writes and prints, and that it deletes nothing but an earlier demo."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from anzan.demo import TYPED, run_demo
from anzan.pretraining.documents import THINGS
from anzan.tasks.possession import NAMES, OBJECTS


def test_demo(tmp_path: Path, small_run: list[str]) -> None:
    out, shown = tmp_path / "runs" / "demo", io.StringIO()
    log, show = Console(file=io.StringIO()), Console(file=shown, width=80)
    result = run_demo(out, log, show, small_run)
    assert result == json.loads((out / "result.json").read_text(encoding="utf-8"))
    assert {"f1", "f1_blanked", "f1_wrong_results", "role_guessing", "leading_digit_guessing"} <= set(result["metrics"])
    text = shown.getvalue()
    assert {"f1_free", "em_free", "argument_accuracy_free"} <= set(result["metrics"])
    assert f"Free problems, worded as in the paper and not balanced: F1 {result['metrics']['f1_free']:.1f}, EM" in text
    rows = ("calculator blanked", "wrong results", "guess by role", "leading digits")
    for expected in (*rows, "argmax", "report.html", "anzan ask"):
        assert expected in text
    for passage, *_ in TYPED:
        assert passage.split()[0] in text
    assert [p.name for p in out.parent.iterdir()] == ["demo"]

    (out / "of the earlier run").touch()
    run_demo(out, log, show, [*small_run, "train.seed=1"])
    assert not (out / "of the earlier run").exists()
    assert json.loads((out / "result.json").read_text(encoding="utf-8"))["seed"] == 1


@pytest.mark.parametrize("content", [None, "{}", "[]", "not JSON", '{"experiment": "svamp"}'])
def test_demo_replaces_nothing_else(tmp_path: Path, content: str | None, small_run: list[str]) -> None:
    (tmp_path / "mine.txt").touch()
    if content is not None:
        (tmp_path / "result.json").write_text(content, encoding="utf-8")
    with pytest.raises(FileExistsError, match="choose another --out"):
        run_demo(tmp_path, Console(file=io.StringIO()), overrides=small_run)
    assert (tmp_path / "mine.txt").exists()


def test_typed_questions_are_new_and_true() -> None:
    for passage, question, answer in TYPED:
        words = {w.strip(".,:?") for w in f"{passage} {question}".split()}
        assert not words & {*NAMES, *OBJECTS, *THINGS}
        has: dict[str, int] = {}
        for sentence in passage.rstrip(".").split(". "):
            who, verb, number, *rest = sentence.split()
            n = int(number.replace(",", ""))
            has[who] = has.get(who, 0) + (n if verb == "has" else -n)
            if verb == "gave":
                has[rest[-1]] += n
        asked = sorted((w for w in has if w in question), key=lambda name: has[name])
        assert answer == (asked[-1] if question.startswith("Who") else str(has[asked[-1]]))
