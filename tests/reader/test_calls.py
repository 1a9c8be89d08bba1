"""Two calls of the calculator, the second on a result of the first: against both enumerated, and against strings."""

from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch
from readers import MakeReader
from torch import Tensor
from torch.autograd import grad

from anzan.arithmetic.calculator import Calculator
from anzan.evaluation.interventions import blanked
from anzan.layer import argument_loss
from anzan.reader.batch import collate_examples, collate_texts
from anzan.reader.config import CalculatorReaderConfig
from anzan.reader.encode import Example, Features
from anzan.reader.network import CalculatorReader
from anzan.reader.reader import Reader
from anzan.reader.sequence import Row, Text

PROBLEMS = [
    ("Anna has 7 pens. Carl gave 5 to Anna. Anna gave 2 to Zoë.", "How many has Anna?", "10"),
    ("Anna has 9 pens. Carl gave 4 to Anna.", "Who has more than 2?", "Anna"),
    ("Anna has 3 and Carl 9.", "How many?", "999"),  # nothing gives that
    (
        "Anna has 3, Carl 9 and Zoë 6.",
        "How many do Carl and Zoë have?",
        "15",
    ),  # 9 + 6, and then 3 + 6 + 6 does not count
]
TEXT = ("input_ids", "attention_mask", "token_type_ids")


def examples_of(features: Features) -> list[Example]:
    return [features.example(passage, question, [[answer]]) for passage, question, answer in PROBLEMS]


def results(operations: str, a: Fraction, b: Fraction) -> list[Fraction]:
    """What the calculator makes of two numbers, in plain arithmetic."""
    made = {"+": [a + b], "-": [a - b, b - a], "*": [a * b], "/": [x / y for x, y in ((a, b), (b, a)) if y]}
    return [value for operation in operations for value in made[operation]]


@pytest.mark.parametrize("operations", ["+-", "+-*/", "/"])
def test_partners_are_all_numbers_that_make_the_wanted_one(operations: str) -> None:
    calculator = Calculator(tuple(operations))
    small = [Fraction(n, d) for n in range(-6, 7) for d in (1, 2, 3)]
    for known in small:
        for wanted in small:
            found = calculator.partners(known, wanted)
            assert all(wanted in results(operations, known, x) for x in found)
            makers = {x for x in small if wanted in results(operations, known, x)}
            assert makers <= found or (wanted == 0 and set(operations) & set("*/"))  # 0 x = 0, 0 / x = 0


def test_the_second_call_sees_the_first_one_s_results_as_numbers(make_reader: MakeReader) -> None:
    _, features = make_reader(calls=2, objective="exact-marginal")
    text = features.text("Anna has 7 pens. Carl has 1,025.", "Who has 3?")
    row = features.result(text, (0, 1))
    assert row is not None
    longer = features.extended(text, (0, 1), row)
    assert longer.ids == text.ids + row.ids
    new = [(m.value, m.text, m.where) for m in longer.mentions[3:]]
    assert new == [(Fraction(v), t, "step") for v, t in ((1032, "1032"), (-1018, "- 1018"), (1018, "1018"))]
    printed = features.calculator(Fraction(7), Fraction(1025)).text
    assert [printed[m.start : m.end] for m in longer.mentions[3:]] == [t for _, t, _ in new]
    words = features.tokenizer.convert_ids_to_tokens
    spelled = ["".join(words(longer.ids[m.span[0] : m.span[1] + 1])).replace("##", "") for m in longer.mentions[3:]]  # pyright: ignore
    assert spelled == ["1032", "-1018", "1018"]
    assert longer.candidates == [(i, r) for i in range(3) for r in (3, 4, 5)]


@pytest.mark.parametrize("operations", ["+-", "+-*/"])
def test_acceptable_pairs_are_those_of_an_exhaustive_search(make_reader: MakeReader, operations: str) -> None:
    _, features = make_reader(calls=2, objective="exact-marginal", operations=list(operations))
    for passage, question, answer in PROBLEMS:
        example = features.example(passage, question, [[answer]])
        numbers = [m.value for m in example.text.mentions]
        wanted = {Fraction(answer)} if answer.isdigit() else set()
        pairs = list(combinations(range(len(numbers)), 2))
        own = [results(operations, numbers[i], numbers[j]) for i, j in pairs]
        at_once = [bool(wanted & set(made)) for made in own]
        later = [bool(wanted & {v for x in numbers for r in made for v in results(operations, x, r)}) for made in own]
        assert example.acceptable == (at_once if any(at_once) else later)  # the shortest calculation
        for k, made in enumerate(own):
            after = features.next_example(example, k)
            second = [(x, r) for x in numbers for r in made]
            right = [bool(wanted & set(results(operations, x, r))) for x, r in second]
            assert after.acceptable == [ok and not at_once[k] for ok in right]
            assert after.values == wanted


def slow_read(model: CalculatorReader, text: Text, row: Row, spans: list[tuple[int, int]]) -> Tensor:
    """-log of the probability of all spans, with no padding and no batch."""
    batch = collate_texts([text], 0)
    start, end = model.read_rows(torch.tensor([row.ids]), **{k: batch[k] for k in (*TEXT, "span_mask")})
    start, end = start[0].log_softmax(0), end[0].log_softmax(0)
    return -torch.logsumexp(torch.stack([start[a] + end[b] for a, b in spans]), 0) if spans else torch.tensor(20.0)


def slow_scores(model: CalculatorReader, text: Text, call: int) -> Tensor:
    batch = collate_texts([text], 0)
    return model.score(**{k: batch[k] for k in (*TEXT, "number_tokens", "candidates")}, call=call)[0]


def test_the_loss_is_that_of_both_calls_enumerated(make_reader: MakeReader) -> None:
    """-log of the sum over all pairs and all second pairs of p(first) p(second | first) p(answer | both)."""
    model, features = make_reader(calls=2, objective="exact-marginal", argument_loss="none")
    examples = examples_of(features)
    totals = []
    for e, (_, _, answer) in zip(examples, PROBLEMS, strict=True):
        first, terms = slow_scores(model, e.text, 0).log_softmax(0), []
        for a, pair in enumerate(e.text.candidates):
            row = e.rows[a]
            assert row is not None
            longer = features.extended(e.text, pair, row)
            second = slow_scores(model, longer, 1).log_softmax(0)
            for b, again in enumerate(longer.candidates):
                last = features.result(longer, again)
                assert last is not None
                spans = list(e.text_spans)
                for each, base in ((row, len(e.text.ids)), (last, len(longer.ids))):
                    spans += [(s + base, t + base) for v, (s, t), _ in each.fields if str(v) == answer]
                terms.append(first[a] + second[b] - slow_read(model, longer, last, spans))
        totals.append(-torch.logsumexp(torch.stack(terms), 0))
    del totals[2]  # it has no answer anywhere
    expected = torch.stack(totals).mean()
    model.training = True  # the objective's, not the encoder's dropout
    out = model(**collate_examples(examples, 0), examples=examples)
    assert out.loss.item() == pytest.approx(expected.item(), rel=1e-4)
    heads: Any = [model.spans, *model.scorers]
    wanted = [head.weight if head is model.spans else head.inner.weight for head in heads]
    for ours, theirs in zip(grad(out.loss, wanted), grad(expected, wanted), strict=True):
        assert ours.any()
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("kind", ["bce", "marginal"])
def test_both_calls_have_their_argument_loss(make_reader: MakeReader, kind: Any) -> None:
    """That of the second is over the pairs that the first one's samples lead to; all of them are read here."""
    model, features = make_reader(calls=2, objective="exact-marginal", argument_loss=kind, argument_weight=0.7)
    examples = examples_of(features)
    model.training = True
    batch = collate_examples(examples, 0)
    out = model(**batch, examples=examples)
    first = [slow_scores(model, e.text, 0) for e in examples]
    later = [
        (slow_scores(model, after.text, 1), after.acceptable)
        for e in examples
        for after in (features.next_example(e, a) for a in range(len(e.rows)))
    ]
    losses = []
    for scored in ([(s, e.acceptable) for s, e in zip(first, examples, strict=True)], later):
        one_by_one = [
            argument_loss(
                s.log_softmax(0)[None], torch.tensor([good]), torch.ones(1, len(good), dtype=torch.bool), kind
            )
            for s, good in scored
            if any(good)
        ]
        losses.append(torch.stack(one_by_one).mean())
    torch.testing.assert_close(out.loss, out.span_loss + 0.7 * sum(losses), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(out.argument_loss, losses[0].detach(), atol=1e-4, rtol=1e-4)


def mark(model: CalculatorReader, first: int, last: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the model mark these tokens for the answer."""

    def read_rows(result_ids: Tensor, input_ids: Tensor, **_: Any) -> tuple[Tensor, Tensor]:
        logits = torch.full((2, len(input_ids), input_ids.shape[1] + result_ids.shape[1]), -9.0)
        logits[0, :, first] = logits[1, :, last] = 9
        return logits[0], logits[1]

    monkeypatch.setattr(model, "read_rows", read_rows)


def test_answers_tell_both_steps(make_reader: MakeReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, features = make_reader(calls=2, objective="unordered-set")
    reader = Reader(model, features)
    mark(model, 1, 1, monkeypatch)  # a word of the question: it may hang on all that was printed
    for passage, question, _ in PROBLEMS:
        text = features.text(passage, question)
        best = text.candidates[int(slow_scores(model, text, 0).argmax())]
        row = features.result(text, best)
        assert row is not None
        longer = features.extended(text, best, row)
        again = longer.candidates[int(slow_scores(model, longer, 1).argmax())]
        answer = reader.ask(passage, question)
        first, second = answer.steps
        assert [m.value for m in first.arguments] == [text.mentions[i].value for i in best]
        assert [m.value for m in second.arguments] == [longer.mentions[i].value for i in again]
        assert second.arguments[1].where == "step" and second.arguments[1].text in first.calculation
        made = {"+": 0, "-": (1, 2)}[first.operation or ""]
        place = [m.value for m in longer.mentions[len(text.mentions) :]].index(second.arguments[1].value)
        assert place == made or place in made  # pyright: ignore[reportOperatorIssue]
        taken = answer.to_json()["steps"][1]["arguments"][1]
        assert (taken["where"], taken["start"], taken["end"]) == ("step", None, None)
    monkeypatch.undo()
    reader.save(tmp_path / "model")
    texts = [(p, q) for p, q, _ in PROBLEMS]
    assert list(Reader.load(tmp_path / "model").ask_many(texts)) == list(reader.ask_many(texts))
    assert [t.seen for t in reader.trace_many(texts, override=blanked().override)] == [
        features.text(*t).ids for t in texts
    ]


def test_the_probabilities_of_pairs_at_either_call(make_reader: MakeReader) -> None:
    model, features = make_reader(calls=2, objective="unordered-set", operations=["/"])
    reader = Reader(model, features)
    [called] = reader.call_many([("Anna has 7 pens. Carl gave 0 to Anna. Zoë has 3.", "How many has Anna?")])
    text = called.uncalled
    first, second = reader.pair_probabilities(called)
    for found, call, seen in (
        (first, 0, text),
        (second, 1, features.extended(text, called.calls[0].pair, called.calls[0].row)),
    ):
        scores = slow_scores(model, seen, call)
        defined = torch.tensor([features.result(seen, pair) is not None for pair in seen.candidates])
        torch.testing.assert_close(torch.tensor(found), scores.masked_fill(~defined, -torch.inf).softmax(0))
        assert seen.candidates[found.index(max(found))] == called.calls[call].pair


def test_an_answer_that_the_first_call_printed_needs_no_second(
    make_reader: MakeReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, features = make_reader(calls=2, objective="unordered-set")
    reader = Reader(model, features)
    passage, question, _ = PROBLEMS[0]
    [trace] = reader.trace_many([(passage, question)])
    [call] = trace.text.calls
    (value, (first, last), operation), *_ = call.row.fields
    mark(model, call.start + first, call.start + last, monkeypatch)
    answer = reader.ask(passage, question)
    [step] = answer.steps
    assert (answer.value, answer.source) == (value, "calculator")
    assert (step.calculation, step.operation) == (call.row.printed.text, operation)


def test_a_text_with_one_number_is_read_without_a_call(make_reader: MakeReader) -> None:
    model, features = make_reader(calls=2, objective="unordered-set")
    texts = [("Anna has 7 pens.", "Who has any?"), (PROBLEMS[0][0], PROBLEMS[0][1])]
    traces = Reader(model, features).trace_many(texts)
    assert [(len(t.text.calls), t.pair is None) for t in traces] == [(0, True), (1, False)]


def test_digits_that_went_into_either_call_are_seen_in_the_last_results_alone(make_reader: MakeReader) -> None:
    """Other numbers that are chosen alike and give the same last row: the reader sees the same."""
    model, features = make_reader(calls=2, objective="unordered-set", hide_arguments=True, blind_choice=True)
    reader = Reader(model, features)
    shown = features.row(features.calculator(Fraction(12), Fraction(34)))
    traces = list(
        reader.trace_many(
            [(f"Anna has {a} pens. Carl gave {b} to Anna.", "How many?") for a, b in ((52, 34), (61, 27), (75, 14))],
            override=lambda text, row: shown if text.calls else row,
        )
    )
    assert all(len(t.text.calls) == 1 and len(t.answer.steps) == 2 for t in traces)
    assert len({t.pair for t in traces}) == 1 and len({t.text.calls[0].pair for t in traces}) == 1
    [pair] = {t.pair for t in traces}
    assert pair is not None
    # What the second call did not take of the first one's results stays to be read.
    call, left = traces[0].text.calls[0], set[int]()
    for k, digits in enumerate(call.row.results, call.first):
        if k != pair[1]:
            left |= {call.start + i for i in digits}
    seen = [[token for i, token in enumerate(t.seen) if i not in left] for t in traces]
    assert seen[0] == seen[1] == seen[2]
    assert not any(t.hidden[i] for t in traces for i in left)


def test_a_chain_needs_an_objective_over_several_candidates() -> None:
    for options in ({"calls": 2}, {"calls": 0}):
        with pytest.raises(ValueError, match=r"^calls: 1, or more with an objective such as unordered-set, got \d"):
            CalculatorReaderConfig(**options)


def test_a_text_without_a_pair_beside_one_with_many(make_reader: MakeReader) -> None:
    model, features = make_reader(calls=2, objective="unordered-set")
    without = features.example("Anna is here.", "Who is here: Anna or Carl?", [["Anna"]])
    passage, question, answer = PROBLEMS[0]
    many = features.example(passage, question, [[answer]])
    assert without.rows == [] and features.next_example(without, 2).rows == []
    assert features.next_example(many, len(many.rows)).rows == [None] * len(many.rows)
    batch = collate_examples([without, many], features.pad)
    out = model.train()(**batch, examples=[without, many])  # a candidate of the other's is all there is to choose
    assert out.loss is not None and torch.isfinite(out.loss)
