"""`anzan evaluate` and `anzan audit`: figures as JSON and as a table."""

import json
from pathlib import Path

from commands import failure_of, output_of, run


def test_evaluate_prints_json(model: Path, data: Path) -> None:
    found = json.loads(output_of("evaluate", model, data, "--json"))
    assert set(found) == {"model", "data", "metrics", "commit", "device", "seconds"}
    assert (found["model"], found["data"]) == (str(model), str(data))
    assert found["metrics"]["n"] == 10
    assert set(found["metrics"]["by_kind"]) <= {"max", "argmax"}
    assert sum(s["n"] for s in found["metrics"]["by_source"].values()) == 10


def test_evaluate_prints_a_table(model: Path, data: Path) -> None:
    table = output_of("evaluate", model, data)
    for word in ("F1", "EM", "signed EM", "arguments", "argmax", "from:"):
        assert word in table
    assert max(map(len, table.splitlines())) <= 80


def test_audit_as_json_and_as_a_table(model: Path, data: Path) -> None:
    found = json.loads(output_of("audit", model, data, "--json"))
    assert set(found) == {"model", "data", "audit"}
    audit = found["audit"]
    assert audit["verdict"] in ("used", "bypassed", "ignored") and audit["evidence"]
    assert set(audit["drops"]) == set(audit["changed"]) == {
        "blanked", "random_arguments", "other_results", "wrong_results",
    }  # fmt: skip
    assert audit["score"]["n"] == 10 and audit["score"]["low"] <= audit["score"]["mean"] <= audit["score"]["high"]
    assert json.loads(output_of("audit", model, data, "--json")) == found
    table = output_of("audit", model, data)
    assert f"the tool is {audit['verdict'].upper()}" in table and max(map(len, table.splitlines())) <= 80
    assert "nothing.jsonl" in failure_of("audit", model, data.parent / "nothing.jsonl")


def test_evaluate_refuses(model: Path, data: Path, tmp_path: Path) -> None:
    assert "no model at" in failure_of("evaluate", tmp_path / "nothing", data)
    assert "nothing.jsonl" in failure_of("evaluate", model, tmp_path / "nothing.jsonl")
    bad = tmp_path / "bad.jsonl"
    bad.write_text(data.read_text(encoding="utf-8") + '{"id": "x"}\n', encoding="utf-8")
    assert f"{bad}, line 11, passage: missing" in failure_of("evaluate", model, bad)
    bad.write_text(bad.read_text(encoding="utf-8") + "{\n", encoding="utf-8")
    both = run("evaluate", model, bad)
    assert both.exit_code == 1 and both.stdout == ""
    first, second = both.stderr.splitlines()
    assert f"{bad}, line 11, passage: missing" in first and "1 more cannot be used; good lines: 10" in first
    assert second.startswith(f"anzan: {bad}, line 12, JSON: ")
