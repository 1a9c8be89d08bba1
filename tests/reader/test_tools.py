"""A call that prints one result: programs of a pair and an operation each, against expressions written out."""

import random
from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations

import pytest
import torch
from readers import MakeReader
from torch.nn import functional as F
from transformers import PreTrainedTokenizerFast

from anzan.arithmetic import Calculator
from anzan.evaluation import audit_reader
from anzan.reader import Reader
from anzan.reader.batch import collate_examples, collate_texts
from anzan.reader.config import CalculatorReaderConfig
from anzan.reader.encode import TextEncoder
from anzan.reader.labels import make_example
from anzan.reader.network import CalculatorReader
from anzan.reader.programs import Calls, pairs
from anzan.reader.scorer import ProgramScorer
from anzan.reader.shortest import Draw, shortest_programs
from anzan.reader.symbols import SymbolIds
from anzan.tasks.problem import Problem

FOUR = ("+", "-", "*", "/")
SIX = ("{} + {}", "{} - {}", "{1} - {0}", "{} * {}", "{} / {}", "{1} / {0}")
"""What each tool makes of two values."""
TEXT = ("Anna has 7 pens. Carl gave 2 to her.", "How many has Anna?")


@pytest.fixture
def encoder(tiny_tokenizer: PreTrainedTokenizerFast) -> TextEncoder:
    return TextEncoder(tiny_tokenizer, Calculator(FOUR), calls=2, symbols=SymbolIds(len(tiny_tokenizer), 1), one=True)


def calls_of(encoder: TextEncoder, calls: int) -> Calls:
    assert encoder.symbols is not None
    return Calls(encoder.tools, calls, encoder.symbols, encoder.lines)


@pytest.fixture
def made(make_reader: MakeReader) -> tuple[CalculatorReader, TextEncoder]:
    return make_reader(
        numbers="symbols",
        operations=[*FOUR],
        calls=2,
        choice={"objective": "exact-marginal"},
        supervision={"argument_loss": "marginal"},
    )


def programs_of(calls: Calls, numbers: list[int]) -> Iterator[list[int]]:
    """All valid programs, as choices."""
    values, there = torch.tensor([numbers]).numpy().astype(object), torch.ones(1, len(numbers), dtype=torch.bool)

    def go_on(program: list[int]) -> Iterator[list[int]]:
        if len(program) == calls.calls:
            yield program
            return
        run = calls.run(values, torch.tensor([[program]], dtype=torch.long).view(1, 1, -1))
        valid = calls.valid(there, ~there, torch.tensor([calls.calls]), run)[0, 0]
        for choice in valid.nonzero()[:, 0].tolist():
            yield from go_on([*program, choice])

    return go_on([])


def expressions(calls: Calls, names: list[str], program: list[int]) -> list[str]:
    """What each call of a program prints, written with the expressions that went in."""
    known, made = [*names], []
    for call, choice in enumerate(program):
        if choice == calls.stop(call, len(names)):
            break
        pair, tool = divmod(choice, len(SIX))
        i, j = pairs(len(known))[pair].tolist()
        made.append("(" + SIX[tool].format(known[i], known[j]) + ")")
        known.append(made[-1])
    return made


def test_a_single_clause_is_what_the_calculator_prints_of_it() -> None:
    calculator = Calculator(FOUR)
    for a, b in ((72, 23), (Fraction(1, 3), -4), (5, 0)):
        lines = [each(a, b).text for each in calculator.single]
        assert " , ".join(line for line in lines if line) == calculator(a, b).text
    assert [each(7, 2).text for each in calculator.single] == [
        "9 = 7 + 2", "5 = 7 - 2", "- 5 = 2 - 7", "14 = 7 * 2", "3.5 = 7 / 2", "0.2857 = 2 / 7",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("numbers", "operations", "tools"),
    [
        ("symbols", ["+", "-"], 1),
        ("symbols", ["-", "years"], 1),
        ("symbols", ["*", "years"], 1),
        ("symbols", ["-", "*"], 3),
        ("symbols", [*FOUR], 6),
        ("symbols", [], 1),
        ("digits", [*FOUR], 1),
    ],
)
def test_when_the_operation_is_an_argument(numbers: str, operations: list[str], tools: int) -> None:
    settings = {
        "numbers": numbers,
        "operations": operations,
        "choice": {"objective": "unordered-set"},
        "supervision": {"argument_loss": "none"},
    }
    config = CalculatorReaderConfig(
        settings=settings, written_ids=dict.fromkeys(map(chr, range(33, 127)), 1) | {"sep": 2}
    )
    assert len(config.tools) == len(config.lines) == tools


@pytest.mark.parametrize(("numbers", "calls"), [(2, 1), (2, 2), (3, 2), (2, 3)])
def test_every_set_of_lines_is_printed_by_one_program(encoder: TextEncoder, numbers: int, calls: int) -> None:
    made = calls_of(encoder, calls)
    names = [*"abcd"[:numbers]]
    ours = [frozenset(expressions(made, names, p)) for p in programs_of(made, [3, 5, 7, 11][:numbers])]

    def any_order(printed: list[str]) -> Iterator[frozenset[str]]:
        yield frozenset(printed)
        if len(printed) < calls:
            for a, b in combinations([*names, *printed], 2):
                for form in SIX:
                    if (line := f"({form.format(a, b)})") not in printed:
                        yield from any_order([*printed, line])

    if calls < 3:  # a sum of two results in both orders is two expressions: one order of calls is left
        assert len(ours) == len({*ours}) and {*ours} == {*any_order([])}
    else:
        assert len(ours) == len({*ours}) and {*ours} < {*any_order([])}


def test_results_are_those_of_the_expressions(encoder: TextEncoder) -> None:
    made, rng = calls_of(encoder, 3), random.Random(0)
    numbers = [6, 4, 9]
    values = torch.tensor([numbers]).numpy().astype(object)
    for program in rng.sample([*programs_of(made, numbers)], 300):
        run = made.run(values, torch.tensor([[program]]))
        written = expressions(made, [f"Fraction({n})" for n in numbers], program)
        assert run.made[0, 0].tolist() == [call < len(written) for call in range(3)]
        for call, expression in enumerate(written):
            try:
                value = eval(expression, {"Fraction": Fraction})
            except ZeroDivisionError:
                continue
            assert run.results[0, 0, call, 0] == value


def test_rows_and_answers_are_those_of_the_text(made: tuple[CalculatorReader, TextEncoder]) -> None:
    """A program's row as tensors is what the encoder prints call by call, and so is what a reader does with it."""
    model, encoder = made
    text, calls, rng = encoder.text(*TEXT), model.calls, random.Random(1)
    assert calls is not None
    batch = collate_texts([text], encoder)
    assert batch.numbers is not None
    symbols = calls.symbols(batch.text.ids.gather(1, batch.numbers.places), 2)
    reader = Reader(model, encoder.tokenizer)
    for program in rng.sample([*programs_of(calls, [7, 2])], 60):
        row = calls.rows(symbols, calls.run(batch.numbers.values, torch.tensor([[program]])))[0]
        after = reader._after(text, program, 2)
        assert row[row >= 0].tolist() == after.ids[len(text.ids) :]
        written = [call.row.printed.text.partition(" = ")[2] for call in after.calls]
        names = [str(m.value) for m in text.mentions]
        first = expressions(calls, names, program)[:1]
        assert written[:1] == [w.strip("()") for w in first]
        for call in after.calls:
            assert calls.lines[encoder.tool_of(call.row.printed)].ids[3] == 0 and len(call.row.fields) == 1


def test_probabilities_are_those_of_the_weights(made: tuple[CalculatorReader, TextEncoder]) -> None:
    model, encoder = made
    model.eval()
    batch = collate_texts([encoder.text(*TEXT)], encoder)
    view, scorer = model.views.choosing(batch.text), model.scorer
    assert isinstance(scorer, ProgramScorer) and batch.numbers is not None and model.calls is not None
    p = model.programs(batch, view)
    assert p.log_prob(p.everything()).logsumexp(1).item() == pytest.approx(0, abs=1e-5)
    hidden = model.encode(model.embed(view), batch.text.attention, batch.text.types)[0]
    a, b = hidden[batch.numbers.places[0]]

    def scores(x: torch.Tensor, y: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        return scorer.outer(F.relu(scorer.left(x) + scorer.right(y) + context))

    def stop(context: torch.Tensor) -> torch.Tensor:
        return scorer.stop(F.relu(scorer.text(hidden[0]) + context))[0]

    none = torch.zeros_like(a)
    for tool in range(6):
        first = F.logsigmoid(-stop(none)) + scores(a, b, none).log_softmax(0)[tool]
        sign = scorer.signs.weight[1 if tool == 2 else 0]  # 2 - 7 is negative
        new = scorer.norm(scorer.results[tool](torch.cat([a, b])) + sign)
        context = scorer.made(new)
        later = scores(a, b, context)[tool + 1 :]  # the same pair with a tool after it in order
        following = torch.cat([later, scores(a, new, context), scores(b, new, context)]).log_softmax(0)
        ours = p.after(torch.tensor([[[tool]]]))[0, 0].exp()
        assert float(p.after(torch.zeros(1, 1, 0, dtype=torch.long))[0, 0, tool]) == pytest.approx(
            float(first), abs=1e-4
        )
        expected = (F.logsigmoid(-stop(context)) + following).exp()
        torch.testing.assert_close(ours[:-1][ours[:-1] > 0], expected[expected > 0], atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_shortest_programs_are_the_right_ones_among_all(encoder: TextEncoder, calls: int) -> None:
    """One expression after another is evaluated for all draws."""
    made, rng, lengths = calls_of(encoder, calls), random.Random(calls), set()
    everything = [p for p in programs_of(made, [3, 5]) if made.stop(calls - 1, 2) != p[-1]]
    for target in rng.sample(everything, min(12, len(everything))):
        draws = [[Fraction(n) for n in rng.sample(range(2, 90), 2)] for _ in range(3)]
        forms = {tuple(p): expressions(made, ["x", "y"], p) for p in programs_of(made, [3, 5])}

        def value(expression: str, numbers: list[Fraction]) -> Fraction | None:
            try:
                return eval(expression, {"x": numbers[0], "y": numbers[1]})
            except ZeroDivisionError:
                return None

        wanted = [value(forms[tuple(target)][-1], d) for d in draws]
        if None in wanted or any(all(w == d[k] for w, d in zip(wanted, draws, strict=True)) for k in (0, 1)):
            continue
        right = []
        for program, printed in forms.items():
            used = "".join(printed[-1:])
            together = all(e in used for e in printed)  # the last call uses all others
            if printed and together and [value(printed[-1], d) for d in draws] == wanted:
                right.append((len(printed), program))
        shortest = min(n for n, _ in right)
        expected = {program[:n] for n, program in right if n == shortest}
        drawn = [Draw(d, {w}) for d, w in zip(draws, wanted, strict=True) if w is not None]
        found = shortest_programs(Calculator(FOUR), drawn, [(0, 1)], calls, one=True)
        ours = set()
        for program in found:
            choices = []
            for call, (i, j, tool) in enumerate(program):
                i, j = sorted(k if k >= 0 else 1 - k for k in (i, j))
                values = 2 + call
                choices.append((i * (2 * values - i - 1) // 2 + j - i - 1) * 6 + tool)
            ours.add(tuple(choices))
        # Two results of a call twice, and the same pair in two calls, are no search of one line after another.
        assert ours <= expected and (shortest > 2 or ours == expected)
        lengths.add(shortest)
    assert calls in lengths


def test_without_operations_there_are_no_programs(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    encoder = TextEncoder(tiny_tokenizer, Calculator(()), calls=3, symbols=SymbolIds(len(tiny_tokenizer), 0))
    assert make_example(encoder, *TEXT, [["9"]]).programs == []


def test_a_reader_of_one_result_learns_answers_and_is_audited(made: tuple[CalculatorReader, TextEncoder]) -> None:
    model, encoder = made
    example = make_example(encoder, *TEXT, [["9"]])
    assert example.programs == [[(0, 1, 0)]]
    model.train().encoder.eval()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(60):
        loss = model(collate_examples([example], encoder)).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    reader = Reader(model, encoder.tokenizer)
    answer = reader.ask(*TEXT)
    assert (answer.answer, answer.source) == ("9", "calculator")
    assert [step.calculation for step in answer.steps] == ["9 = 7 + 2"] and answer.steps[0].operation == "+"
    [text] = reader.call_many([TEXT])
    first = reader.pair_probabilities(text)[0]
    assert sum(first.values()) == pytest.approx(1, abs=1e-4) and first[(0, 1)] > 0.5
    problems = [Problem(str(k), TEXT[0].replace("7", str(k)), TEXT[1], ((str(k + 2),),)) for k in range(3, 9)]
    assert audit_reader(reader, problems).verdict
