"""The commands as a user meets them: what they write, what they print where, and one line for every error."""

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from anzan import __main__
from anzan.cli import app
from anzan.tasks.possession import Possession, generate
from anzan.tasks.problem import read_problems, write_problems

PASSAGE = "Anna has 5,903,204 grapes. Carl has 8,417,312 grapes. Anna gave 1,224,450 grapes to Grace 😀."
QUESTION = "Who has more grapes: Anna or Carl?"


@pytest.fixture(autouse=True)
def no_debugging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANZAN_DEBUG", raising=False)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, small_run: list[str]) -> Path:
    """A reader after two steps of training."""
    out = tmp_path_factory.mktemp("runs") / "new" / "model"
    ledger = out.parent / "results"
    result = run("train", "demo", *small_run, "--out", out, "--results", ledger)
    assert result.exit_code == 0, result.stderr
    assert (
        ledger / "demo/transfer/max-argmax" / f"demo-{small_run[0].rpartition('/')[2]}-laptop-easy-0.json"
    ).is_file()
    return out


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "problems.jsonl"
    write_problems(generate(Possession(people=4, transfer=True), 10, 0, "eval"), path)
    return path


def run(*args: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in args], prog_name="anzan")


def output_of(*args: object) -> str:
    result = run(*args)
    assert result.exit_code == 0, result.output
    return result.stdout


def failure_of(*args: object) -> str:
    """The one line that a command dies with."""
    result = run(*args)
    assert result.exit_code not in (0, None)
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("anzan: ")
    return lines[0]


# -- starting ----------------------------------------------------------------------------------------------------
def test_help_is_fast_and_loads_no_torch() -> None:
    script = (
        "import sys; from anzan.__main__ import main; sys.argv = ['anzan', '--help']\n"
        "try: main()\n"
        "finally: print('heavy:', *{'torch', 'transformers', 'numpy', 'matplotlib'} & {*sys.modules})"
    )

    def seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.stdout.splitlines()[-1] == "heavy:"
        for command in ("demo", "generate", "pretrain", "train", "evaluate", "ask"):
            assert f"  {command} " in done.stdout
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    # Of the processor, not of the clock: tests may run on a busy machine.
    assert min(seconds() for _ in range(3)) < 0.5


def test_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "anzan", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == "anzan 0.1.0\n"


@pytest.mark.parametrize("missing", ["typer", "transformers"])
def test_without_the_reader_extra(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    find_spec = __main__.find_spec
    monkeypatch.setattr(__main__, "find_spec", lambda name: None if name == missing else find_spec(name))
    with pytest.raises(SystemExit) as exit:
        __main__.main()
    # Python prints a text on standard error and exits with 1.
    assert exit.value.code == "anzan's commands need the reader extra: pip install 'anzan[reader]'"


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["aks"], "Did you mean 'ask'? (see anzan --help)"),
        (["train"], "PRESET_OR_YAML"),
        (["train", "demo"], "--out"),
        (["ask", "model", "--pasage", "x"], "--passage"),
        (["generate", "possession", "--people", "four", "-o", "x"], "integer"),
    ],
)
def test_misspelt_commands_get_a_hint(args: list[str], hint: str) -> None:
    assert hint in failure_of(*args)


def test_without_a_command_it_shows_help() -> None:
    for args in ([], ["generate"]):
        result = run(*args)
        assert result.exit_code != 0
        assert "Usage: anzan" in result.stderr


def test_surprises_are_one_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def surprise(*args: Any) -> None:
        raise RuntimeError("first line\nsecond line " + "and more " * 100)

    monkeypatch.setattr("anzan.cli.load_config", surprise)
    line = failure_of("train", "demo", "--out", "x")
    assert "unexpected RuntimeError: first line second line" in line
    assert "ANZAN_DEBUG=1" in line
    assert len(line) < 400
    monkeypatch.setenv("ANZAN_DEBUG", "1")
    assert isinstance(run("train", "demo", "--out", "x").exception, RuntimeError)


def test_a_closed_pipe_is_no_surprise() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-m", "anzan", "--help"], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


# -- generate ----------------------------------------------------------------------------------------------------
def generated(folder: Path, *args: object) -> tuple[list[Any], str]:
    path = folder / "new" / "problems.jsonl"
    result = run("generate", "possession", *args, "-o", path)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    return read_problems(path), result.stderr


def test_generate(tmp_path: Path) -> None:
    problems, said = generated(tmp_path, "--people", 4, "--digits", 5, "--transfer", "--size", 20, "--seed", 3)
    assert problems == generate(Possession(people=4, digits=5, transfer=True), 20, 3)
    assert {p.kind for p in problems} == {"max", "argmax"}
    assert "20 problems" in said
    assert re.search(r"^  role +\d+\.\d$", said, re.MULTILINE)
    assert re.search(r"^  leading digits +\d+\.\d$", said, re.MULTILINE)


def test_generate_by_seed_and_split(tmp_path: Path) -> None:
    first, _ = generated(tmp_path, "--size", 3, "--seed", 1)
    assert generated(tmp_path, "--size", 3, "--seed", 1)[0] == first
    assert generated(tmp_path, "--size", 3, "--seed", 2)[0] != first
    assert generated(tmp_path, "--size", 3, "--seed", 1, "--split", "dev")[0] != first


@pytest.mark.parametrize(
    ("questions", "kinds"),
    [("argmax", {"argmax"}), ("max", {"max"}), ("max, argmax", {"max", "argmax"}), ("both", {"max", "argmax"})],
)
def test_generate_questions(tmp_path: Path, questions: str, kinds: set[str]) -> None:
    assert {p.kind for p in generated(tmp_path, "--questions", questions, "--size", 20)[0]} == kinds


def test_generate_fewer_digits(tmp_path: Path) -> None:
    problems, _ = generated(tmp_path, "--max-digits", 3, "--no-transfer", "--people", 4, "--size", 20)
    assert {len(str(v)) for p in problems for v in p.arguments[0]} == {1, 2, 3}


def test_generate_wider_gaps(tmp_path: Path) -> None:
    problems, _ = generated(tmp_path, "--transfer", "--people", 4, "--gap", 1, "--size", 20)
    assert problems == generate(Possession(people=4, transfer=True, gap=1.0), 20, 0)


def test_generate_with_bias(tmp_path: Path) -> None:
    _, said = generated(tmp_path, "--transfer", "--size", 30, "--bias", "role=1", "--bias", "asked-order=0")
    assert re.search(r"role +100\.0$", said, re.MULTILINE)
    assert re.search(r"asked order +0\.0$", said, re.MULTILINE)


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["--bias", "role"], "write KIND=p"),
        (["--bias", "role=much"], "write KIND=p"),
        (["--bias", "rolle=0.5"], "rolle"),
        (["--bias", "name=2"], "from 0 to 1"),
        (["--bias", "role=0.9"], "transfer"),
        (["--people", "1"], "people"),
        (["--digits", "0"], "digits"),
        (["--questions", "min"], "argmax and max"),
        (["--size", "-1"], "size"),
        (["--transfer", "--gap", "0"], "gap"),
    ],
)
def test_generate_refuses(tmp_path: Path, args: list[str], hint: str) -> None:
    assert hint in failure_of("generate", "possession", *args, "-o", tmp_path / "x.jsonl")
    assert not (tmp_path / "x.jsonl").exists()


# -- train -------------------------------------------------------------------------------------------------------
def test_train_leaves_a_model_a_picture_and_a_result(model: Path) -> None:
    assert {"model.safetensors", "config.json", "README.md", "curves.png", "result.json"} <= {
        p.name for p in model.iterdir()
    }
    result = json.loads((model / "result.json").read_text(encoding="utf-8"))
    assert result["eval_size"] == 10
    assert {"f1", "em", "signed_em", "argument_accuracy"} <= set(result["metrics"])


def test_train_stops_and_goes_on(tmp_path: Path, small_run: list[str]) -> None:
    settings = [*small_run, "train.schedule=constant", "train.evaluations=4"]
    first = run("train", "demo", *settings, "--out", tmp_path / "run")
    assert first.exit_code == 0, first.stderr
    assert "f1" in first.stdout.lower()
    line = failure_of("train", "demo", *settings, "--out", tmp_path / "run")
    assert "not empty" in line and "--resume" in line

    resumed = run("train", "demo", *settings, "train.max_steps=4", "--out", tmp_path / "run", "--resume")
    assert resumed.exit_code == 0, resumed.stderr
    assert "step 1/4" not in resumed.stderr
    assert "step 4/4" in resumed.stderr
    state = json.loads((tmp_path / "run/checkpoint-4/trainer_state.json").read_text(encoding="utf-8"))
    assert {h["step"] for h in state["log_history"]} == {1, 2, 3, 4}


@pytest.mark.slow
def test_ctrl_c_leaves_a_run_that_goes_on(tmp_path: Path, small_run: list[str]) -> None:
    command = ["train", "demo", "--out", str(tmp_path / "new"), *small_run]
    command += ["train.max_steps=300", "train.minutes=null", "train.begin_with=[]", "train.begin_share=0"]
    running = subprocess.Popen([sys.executable, "-m", "anzan", *command], stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    begun: list[str] = []
    for line in running.stderr:  # it trains, and says how long it will
        begun.append(line)
        if "left" in line:
            break
    assert "left" in begun[-1], begun
    running.send_signal(signal.SIGINT)
    said = running.stderr.read().splitlines()
    assert any("Ctrl-C again stops at once" in line for line in said)
    assert running.wait() == 130 and re.search(r"^stopped and saved: .*new: \d+ of 300 steps; .*--resume", said[-1])
    done = run(*command, "--resume")
    assert done.exit_code == 0, done.stderr
    result = json.loads((tmp_path / "new" / "result.json").read_text())
    assert result["train_steps"] == 300 and "step 300/300" in done.stderr and "step 15/300" not in done.stderr


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["dmeo"], "demo"),
        (["demo", "train.sed=1"], "did you mean train.seed?"),
        (["demo", "train.seed=one"], "a whole number needed"),
        (["demo", "train.seed"], "key=value"),
        (["svamp"], "data.train is missing"),
        (["svamp", "data.train=no-such-file.csv"], "no-such-file.csv"),
        (["demo", "data.possession.people=1"], "people"),
        (["demo", "train.select_by=bleu"], "f1, em"),
        (["span", "train.select_by=argument_accuracy", "data.possession.train_size=4"], "needs a calculator"),
        (["demo", "train.schedule=steep"], "linear"),
        (["demo", "train.batch_size=0"], "above 0"),
        (["demo", "train.layer_decay=0"], "train.layer_decay: give a share above 0 and up to 1"),
        (["demo", "train.entropy_share=0"], "train.entropy_share: give a share above 0 and up to 1"),
        (["demo", "train.head_learning_rate=0"], "train.head_learning_rate: give a number above 0"),
        (["demo", "train.begin_with=[]"], "train.begin_share"),
        (["demo", "train.begin_share=2"], "train.begin_share"),
        (["demo", "train.begin_with=[sum]", "data.possession.train_size=4"], "choose among argmax, max"),
        (["demo", "model.argument_loss=bcee", "data.possession.train_size=4"], "bce, marginal, none"),
        (["demo", "model.encoder=./no-such-encoder", "data.possession.train_size=4"], "model.encoder"),
    ],
)
def test_train_refuses(tmp_path: Path, args: list[str], hint: str) -> None:
    assert hint in failure_of("train", *args, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


# -- reproduce ---------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("no_report")
def test_reproduce_goes_on_where_it_stopped(tmp_path: Path, small_run: list[str]) -> None:
    places = [x for name in ("runs", "results") for x in (f"--{name}", tmp_path / name)]
    command = ["reproduce", "table3", small_run[0], "--scale", "smoke", "--cell", "plain/max", *places]
    command += ["--page", tmp_path / "page.md"]
    stopped = output_of(*command, "--minutes", "0.00001")
    assert "to go on, give the same command again" in stopped and "1 of 3 steps" in stopped
    assert "| plain/max |" not in (tmp_path / "page.md").read_text(encoding="utf-8")
    done = output_of(*command)
    assert "to go on" not in done and "| plain/max | paper | 1 |" in (tmp_path / "page.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_ctrl_c_stops_runs_side_by_side_and_begins_no_other(tmp_path: Path, small_run: list[str]) -> None:
    folders = ["--runs", tmp_path / "runs", "--results", tmp_path / "results", "--page", tmp_path / "page.md"]
    command = [sys.executable, "-m", "anzan", "reproduce", "table3", "--scale", "smoke", "--jobs", 2, *folders]
    command += [s for s in small_run if not s.startswith("train.")]
    command += ["train.max_steps=2000", "train.batch_size=8"]
    running = subprocess.Popen(
        [str(part) for part in command], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def begun() -> list[Path]:
        return [log for log in (tmp_path / "runs").rglob("*.log") if "step" in log.read_text()]

    while len(begun()) < 2:
        assert running.poll() is None
        time.sleep(0.5)
    running.send_signal(signal.SIGINT)  # to the first process alone
    out, err = running.communicate(timeout=100)
    assert running.returncode == 130 and "Traceback" not in err and "to go on, give the same command again" in out
    assert len(begun()) == 2 and len(list((tmp_path / "runs").rglob("checkpoint-*"))) == 2
    assert not list((tmp_path / "results").rglob("*.json"))


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["table9"], "table9: unknown; choose among table1"),
        (["table3", "--scale", "tiny"], "--scale tiny: unknown; choose among smoke, laptop, paper"),
        (["table3", "--recipe", "honest"], "--recipe honest: unknown"),
        (["table3", "--cell", "max"], "--cell max: unknown"),
        (["table3", "train.sed=1"], "did you mean train.seed?"),
    ],
)
def test_reproduce_refuses(tmp_path: Path, args: list[str], hint: str) -> None:
    assert hint in failure_of("reproduce", *args, "--runs", tmp_path, "--results", tmp_path, "--page", tmp_path / "p")
    assert not list(tmp_path.iterdir())


# -- pretrain ----------------------------------------------------------------------------------------------------
def test_pretrain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = []

    def quick(recipe: Any, out: Path) -> dict[str, float]:
        print("progress")
        made.append((recipe.seed, recipe.steps, out))
        return {"digits": 97.5}

    monkeypatch.setattr("anzan.pretraining.pretrain.pretrain", quick)
    result = run("pretrain", "--seed", 5, "--steps", 1, "--out", tmp_path / "new")
    assert result.exit_code == 0, result.stderr
    assert made == [(5, 1, tmp_path / "new")]
    assert "progress" in result.stderr and "progress" not in result.stdout
    assert "97.5 %" in result.stdout
    (tmp_path / "file").touch()
    assert "not empty" in failure_of("pretrain", "--out", tmp_path)


# -- evaluate ----------------------------------------------------------------------------------------------------
def test_evaluate_prints_json(model: Path, data: Path) -> None:
    found = json.loads(output_of("evaluate", model, data, "--json"))
    assert set(found) == {"model", "data", "metrics"}
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
        "blanked", "random arguments", "another example's result", "wrong result",
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


def test_explain_writes_a_page_and_a_picture(model: Path, tmp_path: Path) -> None:
    asked = ("--passage", "Anna has 5 pens. Carl has 9.", "--question", "Who has more: Anna or Carl?")
    page, picture = tmp_path / "why.html", tmp_path / "why.png"
    shown = output_of("explain", model, *asked, "-o", page, "-o", picture)
    assert "14 = 5 + 9" in shown and str(page) in shown and str(picture) in shown
    assert "14 = 5 + 9" in page.read_text(encoding="utf-8") and picture.read_bytes().startswith(b"\x89PNG")
    assert "name it .html or .png" in failure_of("explain", model, *asked, "-o", tmp_path / "why.gif")
    assert "no such folder" in failure_of("explain", model, *asked, "-o", tmp_path / "no" / "why.png")
    assert "--question is empty" in failure_of("explain", model, *asked[:3], " ", "-o", page)


# -- ask ---------------------------------------------------------------------------------------------------------
def test_serve_refuses(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert failure_of("serve", model, "--port", port).endswith("Address already in use; choose another")
    assert "nowhere.invalid" in failure_of("serve", model, "--host", "nowhere.invalid", "--port", 0)
    assert "no model at" in failure_of("serve", model / "not")
    for name in ("anzan.web.server", "anzan.web.app", "uvicorn"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert failure_of("serve", model) == "anzan: serve needs uvicorn: pip install 'anzan[web]'"


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


def check_one_json_object(out: str, err: str) -> None:
    assert err == "" and out.isascii()
    answer = json.loads(out)
    check_contract(answer, PASSAGE, QUESTION)
    assert len(answer["steps"]) == 1


def test_ask_prints_one_json_object_and_nothing_else(model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    # What the process writes, not what Python's standard output gets.
    with pytest.raises(SystemExit) as exit:
        app(["ask", str(model), "--passage", PASSAGE, "--question", QUESTION, "--json"], prog_name="anzan")
    assert not exit.value.code
    check_one_json_object(*capfd.readouterr())


@pytest.mark.slow  # imports torch and transformers anew
def test_ask_prints_nothing_else_as_it_starts(model: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "anzan", "ask", str(model), "--passage", PASSAGE, "--question", QUESTION, "--json"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    check_one_json_object(done.stdout, done.stderr)


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
