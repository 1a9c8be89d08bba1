"""Asking: the contract of an answer, any text, batches, overrides, model folders."""

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from readers import MakeReader, blank, never_stopping
from safetensors.torch import load_file, save_file
from torch import Tensor

from anzan.arithmetic import Calculator, Printed
from anzan.errors import AnzanError
from anzan.reader.answer import Answer
from anzan.reader.batch import Batch
from anzan.reader.encode import TextTooLong
from anzan.reader.network import SpanLogits
from anzan.reader.reader import Reader
from anzan.reader.sequence import Text
from anzan.reader.views import View

PASSAGE = "Anna has 5,903,204 pens. Carl has 12 pens and Zoë has -3.5."
QUESTION = "Who has more pens: Anna or Carl?"
SYMBOLS = {
    "numbers": "symbols",
    "choice": {"objective": "unordered-set"},
    "supervision": {"argument_loss": "marginal"},
}


@pytest.fixture
def reader(make_reader: MakeReader) -> Reader:
    model, text_encoder = make_reader()
    return Reader(model, text_encoder.tokenizer)


def steer(
    reader: Reader,
    monkeypatch: pytest.MonkeyPatch,
    pair: tuple[int, int] | None = None,
    span: tuple[int, int] | None = None,
) -> None:
    """Make the model sure of a pair of numbers, of an answer span (tokens of text and results), or of both."""
    model = reader.model
    if pair is not None:

        def score(batch: Batch, *_: object) -> Tensor:
            assert batch.candidates is not None
            return (batch.candidates.pairs == torch.tensor(pair)).all(-1).float() * 50

        monkeypatch.setattr(model, "score", score)
    if span is not None:
        read = model.read

        def sure(view: View) -> SpanLogits:
            logits = read(view)
            logits.start[:, span[0]] += 1000
            logits.end[:, span[1]] += 1000
            return logits

        monkeypatch.setattr(model, "read", sure)


def check_contract(answer: Answer, passage: str, question: str) -> dict:
    """The contract of `ask --json`, as JSON has it."""
    got = json.loads(json.dumps(answer.to_json(), allow_nan=False))
    assert list(got) == ["answer", "value", "source", "confidence", "steps"]
    assert isinstance(got["answer"], str) and isinstance(got["value"], int | float | None)
    assert got["source"] in ("question", "passage", "calculator", None) and 0 <= got["confidence"] <= 1
    source = {"question": question, "passage": passage}
    if got["source"] in source:
        assert source[got["source"]][answer.start : answer.end] == answer.answer == got["answer"] != ""
    else:
        assert answer.start is answer.end is None
    for step in got["steps"]:
        assert list(step) == ["operation", "arguments", "calculation"]
        assert step["operation"] in ("+", "-", "*", "/", None) and step["calculation"]
        assert len(step["arguments"]) == 2
        for argument in step["arguments"]:
            assert list(argument) == ["text", "value", "start", "end", "where"]
            assert argument["text"] == source[argument["where"]][argument["start"] : argument["end"]]
            assert isinstance(argument["value"], int | float)
    return got


def test_an_answer_in_the_text(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    text = reader.text_encoder.text(PASSAGE, QUESTION)
    for where, words, value in (
        ("passage", "5,903,204 pens", None),
        ("passage", "5,903,204", 5903204),
        ("passage", "-3.5", -3.5),
        ("question", "Anna or Carl", None),
        ("passage", "Zoë", None),
    ):
        source = PASSAGE if where == "passage" else QUESTION
        start = source.index(words)
        first = next(i for i, t in enumerate(text.tokens) if t and (t.where, t.start) == (where, start))
        last = next(i for i, t in enumerate(text.tokens) if t and (t.where, t.end) == (where, start + len(words)))
        with monkeypatch.context() as patch:
            steer(reader, patch, pair=(0, 1), span=(first, last))
            answer = reader.ask(PASSAGE, QUESTION)
        got = check_contract(answer, PASSAGE, QUESTION)
        assert (answer.answer, answer.start, answer.end) == (words, start, start + len(words))
        assert (got["answer"], got["value"], got["source"], got["confidence"]) == (words, value, where, 1.0)
        (step,) = got["steps"]
        assert step["operation"] is None
        assert step["calculation"] == "5903216 = 5903204 + 12 , 5903192 = 5903204 - 12 , - 5903192 = 12 - 5903204"


def test_an_answer_of_the_calculator(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every number of the printed line can be the answer; only a result names its operation."""
    text = reader.text_encoder.text(PASSAGE, QUESTION)
    line = "8.5 = 12 + - 3.5 , 15.5 = 12 - - 3.5 , - 15.5 = - 3.5 - 12"
    expected = [
        ("8.5", "+"), ("12", None), ("-3.5", None), ("15.5", "-"), ("12", None), ("-3.5", None),
        ("-15.5", "-"), ("-3.5", None), ("12", None),
    ]  # fmt: skip
    row = reader.text_encoder.result(text, (1, 2))
    assert row is not None
    for (number, operation), (_, (first, last), _) in zip(expected, row.fields, strict=True):
        with monkeypatch.context() as patch:
            steer(reader, patch, pair=(1, 2), span=(first + len(text.ids), last + len(text.ids)))
            answer = reader.ask(PASSAGE, QUESTION)
        got = check_contract(answer, PASSAGE, QUESTION)
        assert (got["answer"], got["value"], got["source"]) == (number, float(number), "calculator")
        assert got["steps"] == [
            {
                "operation": operation,
                "arguments": [
                    {"text": "12", "value": 12, "start": 34, "end": 36, "where": "passage"},
                    {"text": "-3.5", "value": -3.5, "start": 54, "end": 58, "where": "passage"},
                ],
                "calculation": line,
            }
        ]


def test_the_best_pair_for_which_f_is_defined(make_reader: MakeReader, monkeypatch: pytest.MonkeyPatch) -> None:
    model, text_encoder = make_reader(operations=("/",))
    reader = Reader(model, text_encoder.tokenizer)
    steer(reader, monkeypatch, pair=(0, 1))
    (step,) = reader.ask("Anna has 0, Carl 0 and Zoë 5.", "Who?").steps
    assert [m.text for m in step.arguments] == ["0", "5"] and step.calculation == "0 = 0 / 5"
    assert reader.ask("Anna has 0, Carl 0.", "Who?").steps == ()


LONG = "7" * 60


@pytest.mark.parametrize(
    ("passage", "question", "calls"),
    [
        ("Nobody has any.", "Who has none?", 0),
        ("Anna has 5.", "Who has any?", 0),
        ("Anna has 5.", "Who has 5?", 1),
        ("", "Who?", 0),
        ("\U0001f600 has 3 \U0001f34e, \U0001f468\u200d\U0001f469\u200d\U0001f467 has 4.", "Who \U0001f914?", 1),
        (f"Anna has {LONG}, Carl 5.", "Who?", 1),
        ("Anna has 1,234,567 and 1,2,3 pens.", "Who?", 1),
        ("Anna has \ud800 3 and \udc00 4.", "\ud83d Who?", 1),
        ("\x00\ufffd", "\u200b?", 0),
        ("Łukasz ma 3 ołówki, Øystein 4.", "Hvem?", 1),
        ("[SEP] 3 [CLS] 4 [PAD] [MASK]", "[SEP]?", 1),
        ("３ and ٣ and ½", "²?", 0),
    ],
)
def test_any_text(reader: Reader, passage: str, question: str, calls: int) -> None:
    answer = reader.ask(passage, question)
    check_contract(answer, passage, question)
    assert len(answer.steps) == calls
    assert answer.answer or answer.source is None


def test_a_question_with_no_token(reader: Reader) -> None:
    answer = reader.ask("", "\x01")
    expected = {"answer": "", "value": None, "source": None, "confidence": 0.0, "steps": []}
    assert check_contract(answer, "", "\x01") == expected


@pytest.mark.parametrize("question", ["", "  \n\t"])
def test_an_empty_question(reader: Reader, question: str) -> None:
    with pytest.raises(ValueError, match=r"^the question is empty: type one$"):
        reader.ask(PASSAGE, question)


def test_ten_thousand_words(reader: Reader) -> None:
    message = r"^the text is 10,0[0-9]+ tokens long and this model reads at most 4,096: "
    with pytest.raises(TextTooLong, match=message) as error:
        reader.ask("a " * 10_000, "Who?")
    assert "\n" not in str(error.value)
    with pytest.raises(TextTooLong, match=r"^the question is 3[0-9]+ tokens long and this model reads 512 at once: "):
        reader.ask("a " * 400, "Who " * 350)


def test_many_answers_come_in_the_order_of_the_questions(reader: Reader) -> None:
    pairs = [
        (PASSAGE, QUESTION),
        ("Anna 1", "Who?"),
        ("x " * 60 + "3 4", "How many more has Carl?"),
        ("", "Who?"),
        ("Anna has 7 and Carl 9.", "Who has more?"),
        ("Anna has 7, 8, 9 and 10.", "Who has 3 more?"),
        (PASSAGE, "How many?"),
    ]
    alone = [reader.ask(*pair) for pair in pairs]
    for batch_size in (1, 3, 64):
        together = list(reader.ask_many(iter(pairs), batch_size=batch_size))
        for a, b in zip(together, alone, strict=True):
            assert a.confidence == pytest.approx(b.confidence, rel=1e-3, abs=1e-6)
            assert a == replace(b, confidence=a.confidence)
    assert list(reader.ask_many([])) == []


def test_saving_and_loading(reader: Reader, tmp_path: Path) -> None:
    reader.save(tmp_path)
    files = {p.name for p in tmp_path.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= files
    assert all(f.endswith((".json", ".safetensors", ".txt")) for f in files)
    loaded = Reader.load(tmp_path)
    assert not loaded.model.training
    assert loaded.text_encoder.calculator == reader.text_encoder.calculator
    assert loaded.text_encoder.max_length == reader.text_encoder.max_length
    assert loaded.ask(PASSAGE, QUESTION) == reader.ask(PASSAGE, QUESTION)
    assert Reader.load(str(tmp_path)).ask(PASSAGE, QUESTION) == reader.ask(PASSAGE, QUESTION)


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(FileNotFoundError, match=r"^no model at .*: give the folder that") as error:
            Reader.load(folder)
        assert "\n" not in str(error.value)


def test_a_folder_with_another_model(bert: Path) -> None:
    with pytest.raises(ValueError, match=r"^no anzan model at .*, but one of type 'bert': give the folder") as error:
        Reader.load(bert)
    assert "\n" not in str(error.value)


# -- overrides ---------------------------------------------------------------------------------------------------
def test_blank_hides_the_result(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    steer(reader, monkeypatch, pair=(1, 2))
    seen: list[View] = []
    read = reader.model.read
    monkeypatch.setattr(reader.model, "read", lambda view: seen.append(view) or read(view))
    answer = reader.ask(PASSAGE, QUESTION, override=blank)
    assert [view.row is not None and view.row.shape for view in seen] == [(1, 0)]
    assert answer.source in ("question", "passage")
    (step,) = answer.steps  # what the calculator printed, though the reader did not see it
    assert step.operation is None and step.calculation.startswith("8.5 = 12 + - 3.5")
    without = Reader(reader.model, reader.text_encoder.tokenizer)
    text = reader.text_encoder.text(PASSAGE, QUESTION)
    monkeypatch.setattr(without.text_encoder, "calculator", Calculator(()))
    assert without.ask(PASSAGE, QUESTION).answer == answer.answer and without.ask(PASSAGE, QUESTION).steps == ()
    assert len(text.mentions) == 3


def test_an_override_is_what_the_reader_sees(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    text = reader.text_encoder.text(PASSAGE, QUESTION)
    other, printed = Calculator()(Fraction(100), Fraction(1)), Calculator()(Fraction(12), Fraction(-7, 2))
    assert other.text.startswith("101 = ")
    given = []

    def swap(text: Text, own: Printed) -> Printed:
        given.append((text, own))
        return other

    steer(reader, monkeypatch, pair=(1, 2), span=(len(text.ids), len(text.ids) + 2))
    answer = reader.ask(PASSAGE, QUESTION, override=swap)
    assert given == [(text, printed)]
    assert (answer.answer, answer.value, answer.source) == ("101", Fraction(101), "calculator")
    (step,) = answer.steps
    assert step.operation == "+" and step.calculation.startswith("8.5 = 12 + - 3.5")


def test_the_same_calls_are_read_under_several_overrides(reader: Reader) -> None:
    pairs = [(PASSAGE, QUESTION), ("Anna has 7 pens.", "How many?"), ("Carl has 5 pens and 19 kites.", "How many?")]
    called = reader.call_many(pairs)
    assert [len(text.calls) for text in called] == [1, 0, 1]
    assert [text.uncalled for text in called] == [reader.text_encoder.text(*pair) for pair in pairs]
    other = str.maketrans("0123456789", "9012345678")

    def wrong(_: Text, printed: Printed) -> Printed:
        return reader.text_encoder.rewrite(printed, lambda digits: digits.translate(other))

    for override in (None, blank, wrong):
        one_by_one = list(reader.ask_many(pairs, override=override))
        assert [trace.answer for trace in reader.read_many(called, override=override)] == one_by_one


@pytest.mark.parametrize("settings", [{}, SYMBOLS])
def test_the_view_is_what_a_trace_shows(make_reader: MakeReader, settings: dict[str, Any]) -> None:
    """Text and row, followed by nothing: one example of several, each as long as it is."""
    model, text_encoder = make_reader(**settings)
    reader = Reader(never_stopping(model), text_encoder.tokenizer)
    pairs = [(PASSAGE, QUESTION), ("Anna has 7 pens.", "How many?"), ("Carl has 5 pens and 19 kites.", "How many?")]
    traces = list(reader.trace_many(pairs))
    view = reader.view([trace.shown for trace in traces])
    assert view.row is not None
    for b, trace in enumerate(traces):
        text, row = len(trace.text.ids), [] if trace.row is None else trace.row.ids
        assert trace.shown.ids == [*view.text.ids[b, :text].tolist(), *view.row[b, : len(row)].tolist()]
        assert view.text.attention[b].sum() == text and (view.row[b, len(row) :] == -1).all()
        assert trace.shown.ids == [*trace.text.ids, *row] and bool(row) == (len(trace.text.mentions) > 1)


# -- model folders -------------------------------------------------------------------------------------------------
TWO_CALLS = SYMBOLS | {"calls": 2}


def edit(path: Path, *gone: str, **changed: Any) -> None:
    """Change what a JSON file has, or leave some of it out."""
    given = json.loads(path.read_text(encoding="utf-8")) | changed
    path.write_text(json.dumps({k: v for k, v in given.items() if k not in gone}), encoding="utf-8")


def resave(path: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    weights = load_file(path)
    change(weights)
    save_file(weights, path, metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda f: (f / "model.safetensors").write_bytes(b""), "damaged, .*header"),
        (lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:999]), "damaged"),
        (lambda f: (f / "model.safetensors").write_bytes(b"\x80\x04pickle"), "damaged"),
        (lambda f: (f / "config.json").write_text("{"), "config.json: damaged, no JSON object"),
        (lambda f: (f / "config.json").write_text("[]"), "config.json: damaged, no JSON object"),
        (lambda f: (f / "tokenizer.json").write_text("{}"), "damaged"),
        (lambda f: edit(f / "config.json", format=5), r"a model of a newer anzan \(format 5, not 4\); upgrade anzan"),
        (lambda f: edit(f / "config.json", format="3"), r"a model of a newer anzan \(format 3, not 4\); upgrade anzan"),
        (lambda f: edit(f / "config.json", format=3), r"a model of an older anzan \(format 3, not 4\); train it again"),
        (lambda f: edit(f / "config.json", "format"), r"a model of an older anzan \(format 1, not 4\); train it again"),
        (lambda f: edit(f / "config.json", settings=TWO_CALLS), r"do not fit \(scorer\."),
        (lambda f: edit(f / "config.json", settings={"choice": {"objectiv": 1}}), r"did you mean choice\.objective\?"),
        (lambda f: resave(f / "model.safetensors", lambda w: w.pop("spans.bias")), r"do not fit \(spans.bias\)"),
        (
            lambda f: resave(f / "model.safetensors", lambda w: w.update({"spans.bias": torch.zeros(3)})),
            r"do not fit \(spans.bias\)",
        ),
    ],
)
def test_a_damaged_model_is_refused_in_one_line(
    reader: Reader, tmp_path: Path, spoil: Callable[[Path], object], told: str
) -> None:
    reader.save(tmp_path)
    spoil(tmp_path)
    with pytest.raises(AnzanError, match=told) as error:
        Reader.load(tmp_path)
    assert "\n" not in str(error.value) and str(tmp_path) in str(error.value)
