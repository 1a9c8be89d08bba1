"""Programs of two calls in answering: what is asked, shown and said, against texts that are extended by hand."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch
from readers import MakeReader, blank, never_stopping
from slow_programs import STOP, everything

from anzan.arithmetic import Calculator, Printed
from anzan.reader.encode import TextEncoder
from anzan.reader.network import CalculatorReader, SpanLogits
from anzan.reader.programs import choice_of
from anzan.reader.reader import Reader
from anzan.reader.sequence import Text
from anzan.reader.settings import ReaderSettings
from anzan.reader.tokenizer import load_tokenizer
from anzan.reader.views import View

PROBLEMS = [
    ("Anna has 7 pens. Carl gave 5 to Anna. Anna gave 2 to Zoë.", "How many has Anna?"),
    ("Anna has 9 pens. Carl gave 4 to Anna.", "Who has more than 2?"),
    ("Anna has 3 and Carl 9.", "How many?"),
]
TWO: dict[str, Any] = {
    "numbers": "symbols",
    "calls": 2,
    "choice": {"objective": "unordered-set"},
    "supervision": {"argument_loss": "marginal"},
}


@pytest.fixture
def reader(make_reader: MakeReader) -> Reader:
    """It makes both calls."""
    model, encoder = make_reader(**TWO)
    return Reader(never_stopping(model), encoder.tokenizer)


def steer(reader: Reader, program: Sequence[tuple[int, int]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the reader choose these calls, in mentions, for a text of `numbers` numbers; then to stop."""

    class Chosen:
        def __init__(self, numbers: int, batch: int):
            choices = []
            for call in range(reader.text_encoder.calls):
                values = numbers + 3 * call
                stop = values * (values - 1) // 2
                choices.append(choice_of(program[call], values) if call < len(program) else stop)
            self.index = torch.tensor([[choices]] * batch)

        def best(self, beam: int) -> torch.Tensor:
            return self.index

    def programs(batch: Any, view: View) -> Chosen:
        return Chosen(batch.numbers.there.shape[1], len(batch))

    monkeypatch.setattr(reader.model, "programs", programs)


def mark(model: CalculatorReader, first: int, last: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the model mark these tokens for the answer."""

    def read(view: View) -> SpanLogits:
        length = view.text.ids.shape[1] + (0 if view.row is None else view.row.shape[1])
        logits = torch.full((2, len(view.text.ids), length), -9.0)
        logits[0, :, first] = logits[1, :, last] = 9
        return SpanLogits(logits[0], logits[1])

    monkeypatch.setattr(model, "read", read)


def extended(encoder: TextEncoder, text: Text, pair: tuple[int, int]) -> Text:
    row = encoder.result(text, pair)
    assert row is not None
    return encoder.extended(text, pair, row)


# -- what is asked -------------------------------------------------------------------------------------------------
def test_the_second_call_sees_the_first_one_s_results_as_numbers(make_reader: MakeReader) -> None:
    _, encoder = make_reader(**TWO)
    text = encoder.text("Anna has 7 pens. Carl has 1,025.", "Who has 3?")
    longer = extended(encoder, text, (0, 1))
    new = [(m.value, m.text, m.where) for m in longer.mentions[3:]]
    assert new == [(Fraction(v), t, "step") for v, t in ((1032, "1032"), (-1018, "- 1018"), (1018, "1018"))]
    printed = encoder.calculator(Fraction(7), Fraction(1025)).text
    assert [printed[m.start : m.end] for m in longer.mentions[3:]] == [t for _, t, _ in new]
    row = encoder.words(longer.ids[len(text.ids) :])
    assert " ".join(row[:-1]) == "+ R0 = N0 + N1 , - R1 = N0 - N1 , + R2 = N1 - N0"
    assert encoder.words([longer.ids[m.span[0]] for m in longer.mentions]) == ["N0", "N1", "N2", "R0", "R1", "R2"]
    again = extended(encoder, longer, (2, 4))
    again_row = " ".join(encoder.words(again.ids[len(longer.ids) : -1]))
    assert again_row == "- R3 = N2 + R1 , + R4 = N2 - R1 , - R5 = R1 - N2"


def test_each_call_is_the_most_probable_one_after_those_before(reader: Reader) -> None:
    passage, question = PROBLEMS[2]
    encoder, model = reader.text_encoder, reader.model
    text = encoder.text(passage, question)
    assert model.calls is not None
    programs = [p for p in everything(model.calls, [m.value for m in text.mentions]) if STOP not in p]
    assert len(programs) == 6
    probabilities = {}
    for program in programs:
        longer = extended(encoder, extended(encoder, text, program[0]), program[1])  # pyright: ignore[reportArgumentType]
        first, second = reader.pair_probabilities(longer)
        probabilities[tuple(program)] = first[program[0]], second[program[1]]  # pyright: ignore[reportArgumentType]
    assert sum(p * q for p, q in probabilities.values()) == pytest.approx(1, abs=1e-4)
    [called] = reader.call_many([(passage, question)])
    # Tuples are compared by their first parts, then by their second ones.
    assert tuple(call.pair for call in called.calls) == max(probabilities, key=lambda p: probabilities[p])


def test_texts_are_called_as_if_alone(reader: Reader) -> None:
    """Whatever numbers the other texts of the batch have."""
    texts = [*PROBLEMS, ("Anna has 7 pens.", "Who has any?"), ("Nobody.", "Who?")]
    alone = [text for pair in texts for text in reader.call_many([pair])]
    assert reader.call_many(texts) == alone
    assert [len(text.calls) for text in alone] == [2, 2, 2, 0, 0]


# -- what is said --------------------------------------------------------------------------------------------------
def test_answers_have_both_steps(reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = reader.text_encoder
    with monkeypatch.context() as patch:
        mark(reader.model, 1, 1, patch)  # a word of the question: it may depend on all that was printed
        steer(reader, [(0, 1), (2, 4)], patch)
        answer = reader.ask(*PROBLEMS[0])
    first, second = answer.steps
    assert [m.value for m in first.arguments] == [7, 5] and [m.value for m in second.arguments] == [2, 2]
    assert (first.operation, second.operation) == ("-", None)  # 7 - 5 went on, and a word is the answer
    assert first.calculation == "12 = 7 + 5 , 2 = 7 - 5 , - 2 = 5 - 7"
    assert second.calculation == encoder.calculator(Fraction(2), Fraction(2)).text
    taken = answer.to_json()["steps"][1]["arguments"][1]
    assert (taken["where"], taken["start"], taken["end"], taken["text"]) == ("step", None, None, "2")
    reader.save(tmp_path / "model")
    loaded = Reader.load(tmp_path / "model")
    assert list(loaded.ask_many(PROBLEMS)) == list(reader.ask_many(PROBLEMS))
    traces = reader.trace_many(PROBLEMS, override=blank)
    assert [t.shown.ids for t in traces] == [encoder.text(*t).ids for t in PROBLEMS]


@pytest.mark.parametrize("stops", [False, True])
def test_the_last_result_is_said_with_its_true_number(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, stops: bool
) -> None:
    """What is marked is a symbol; what is said is its value, exactly, however long."""
    passage = f"Anna has {'7' * 40} pens. Carl gave {'5' * 40} to Anna."
    program = [(0, 1)] if stops else [(0, 1), (1, 2)]
    steer(reader, program, monkeypatch)
    [called] = reader.call_many([(passage, "How many?")])
    call = called.calls[-1]
    place, operation = call.start + reader.text_encoder.lines[0].results[0], "+"
    mark(reader.model, place, place, monkeypatch)
    answer = reader.ask(passage, "How many?")
    total = int("7" * 40) + int("5" * 40)
    assert answer.value == (total if stops else total + int("5" * 40)) and answer.source == "calculator"
    assert answer.answer == str(answer.value) and len(answer.steps) == len(program)
    assert [step.operation for step in answer.steps] == ["+"] * len(program) and operation == "+"


def test_an_answer_that_the_first_call_printed_needs_no_second(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    [trace] = reader.trace_many([PROBLEMS[0]])
    [call] = trace.text.calls
    (value, (first, last), operation), *_ = call.row.fields
    mark(reader.model, call.start + first, call.start + last, monkeypatch)
    answer = reader.ask(*PROBLEMS[0])
    [step] = answer.steps
    assert (answer.value, answer.source) == (value, "calculator")
    assert (step.calculation, step.operation) == (call.row.printed.text, operation)


# -- overrides -----------------------------------------------------------------------------------------------------
def test_each_call_gets_what_the_calls_before_it_are_made_to_print(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pairs stay; a result that goes into a later call is the replaced one."""
    steer(reader, [(0, 1), (2, 4)], monkeypatch)
    other, asked = Calculator()(Fraction(1), Fraction(100)), []

    def override(text: Text, printed: Printed) -> Printed:
        asked.append(printed.text)
        return printed if text.calls else other

    [trace] = reader.trace_many([PROBLEMS[0]], override=override)
    assert asked == [Calculator()(7, 5).text, Calculator()(2, -99).text]
    assert trace.row is not None and trace.row.printed.text == Calculator()(2, -99).text
    encoder = reader.text_encoder
    words = encoder.words(trace.shown.ids[len(trace.text.uncalled.ids) :])
    # The operands are the symbols that went in, with the signs of what is printed for them instead.
    assert " ".join(w for w in words if w != words[-1]) == (
        "+ R0 = N0 + N1 , - R1 = N0 - N1 , + R2 = N1 - N0 - R3 = N2 + R1 , + R4 = N2 - R1 , - R5 = R1 - N2"
    )
    assert [step.calculation for step in trace.answer.steps] == [Calculator()(7, 5).text, Calculator()(2, 2).text]


def test_what_an_override_takes_away_is_not_gone_on_with(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    steer(reader, [(0, 1), (2, 4)], monkeypatch)
    whole = Calculator()(7, 5)
    half = Printed(whole.text.partition(" , ")[0], whole.fields[:3])
    [trace] = reader.trace_many([PROBLEMS[0]], override=lambda text, printed: half)
    assert trace.row is not None and trace.row.printed == half and not trace.text.calls  # R1 is not there
    words = reader.text_encoder.words(trace.row.ids[:-1])
    assert " ".join(words) == "+ R0 = N0 + N1 , ? R1 = N0 - N1 , ? R2 = N1 - N0"


def test_a_result_stays_that_of_its_operation(make_reader: MakeReader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Although the results before it are undefined where numbers are others."""
    monkeypatch.setattr(ReaderSettings, "prints_one", False)  # what may be undefined, beside what is defined
    model, encoder = make_reader(**TWO, operations=["/", "+"])
    reader = Reader(model, encoder.tokenizer)
    steer(reader, [(0, 1), (2, 5)], monkeypatch)  # the sum, the last of three results
    other = encoder.calculator(Fraction(0), Fraction(4))  # 4 / 0 is undefined
    [trace] = reader.trace_many([PROBLEMS[0]], override=lambda text, printed: printed if text.calls else other)
    assert trace.row is not None and trace.row.printed.text == encoder.calculator(Fraction(2), Fraction(4)).text


# -- probabilities -------------------------------------------------------------------------------------------------
def test_the_probabilities_of_pairs_are_those_of_the_distribution(
    make_reader: MakeReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By pair of mentions, with None to stop; a value that is not defined has no mention and no pair."""
    monkeypatch.setattr(ReaderSettings, "prints_one", False)
    model, encoder = make_reader(**TWO, operations=["/"])
    reader = Reader(never_stopping(model), encoder.tokenizer)
    passage, question = "Anna has 7 pens. Carl gave 0 to Anna. Zoë has 3.", "How many has Anna?"
    text = encoder.text(passage, question)
    longer = extended(encoder, text, (0, 1))  # 0 / 7, and 7 / 0 is undefined
    assert len(longer.mentions) == 4
    first, second = reader.pair_probabilities(extended(encoder, longer, (2, 3)))
    assert first.keys() == {(0, 1), (0, 2), (1, 2), None}
    assert second.keys() == {*combinations(range(4), 2), None}
    assert sum(first.values()) == pytest.approx(1) and sum(second.values()) == pytest.approx(1)
    assert second[0, 1] == 0  # no pair comes up twice
    assert min(second[k, 3] for k in range(3)) > 0
    assert reader.pair_probabilities(text) == []


# -- folders -------------------------------------------------------------------------------------------------------
def test_a_new_reader_begins_with_the_weights_of_another(reader: Reader, tmp_path: Path) -> None:
    """Of one with other settings too, as far as they fit."""
    reader.save(tmp_path)
    tokenizer = load_tokenizer(str(tmp_path))
    # Each of the six operations is a tool of its own.
    later_clauses = {f"scorer.results.{k}.{name}" for k in (3, 4, 5) for name in ("weight", "bias")}
    later_clauses |= {"scorer.outer.weight", "scorer.outer.bias"}
    for settings, new in (
        (TWO, set()),
        (TWO | {"calls": 3}, set()),
        (TWO | {"operations": ["+", "-", "*", "/"]}, later_clauses),
    ):
        torch.manual_seed(1)
        made = CalculatorReader.from_encoder(str(tmp_path), tokenizer, settings=settings)
        old = reader.model.state_dict()
        same = {name for name, p in made.state_dict().items() if name in old and torch.equal(old[name], p)}
        assert made.state_dict().keys() - same == new, settings
        for name in ("digit_ids", "mask_id", "written_ids", "vocabulary", "encoder"):
            assert getattr(made.config, name) == getattr(reader.model.config, name), name
    again = Reader(CalculatorReader.from_encoder(str(tmp_path), tokenizer, settings=TWO), tokenizer)
    assert list(again.ask_many(PROBLEMS)) == list(reader.ask_many(PROBLEMS))
