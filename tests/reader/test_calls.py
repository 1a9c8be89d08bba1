"""Two calls of the calculator, the second on a result of the first: against both enumerated, and against strings."""

from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch
from readers import MakeReader, blank, examples_of, in_training, unmasked, with_chain
from torch import Tensor
from torch.autograd import grad

from anzan.arithmetic.calculator import Calculator
from anzan.errors import AnzanError
from anzan.layer import argument_loss
from anzan.reader.batch import Batch, collate_examples, collate_texts
from anzan.reader.encode import TextEncoder
from anzan.reader.labels import Example, make_example, next_example
from anzan.reader.network import CalculatorReader, SpanLogits
from anzan.reader.reader import Reader
from anzan.reader.sequence import Row, Text
from anzan.reader.views import View

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
EXACT = {"calls": 2, "choice": {"objective": "exact-marginal"}}
TWO = {"calls": 2, "choice": {"objective": "unordered-set"}}


def batch_of(text_encoder: TextEncoder, examples: list[Example]) -> Batch:
    return with_chain(collate_examples(examples, text_encoder), text_encoder, examples)


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
    _, text_encoder = make_reader(**EXACT)
    text = text_encoder.text("Anna has 7 pens. Carl has 1,025.", "Who has 3?")
    row = text_encoder.result(text, (0, 1))
    assert row is not None
    longer = text_encoder.extended(text, (0, 1), row)
    assert longer.ids == text.ids + row.ids
    new = [(m.value, m.text, m.where) for m in longer.mentions[3:]]
    assert new == [(Fraction(v), t, "step") for v, t in ((1032, "1032"), (-1018, "- 1018"), (1018, "1018"))]
    printed = text_encoder.calculator(Fraction(7), Fraction(1025)).text
    assert [printed[m.start : m.end] for m in longer.mentions[3:]] == [t for _, t, _ in new]
    words = text_encoder.tokenizer.convert_ids_to_tokens
    spelled = ["".join(words(longer.ids[m.span[0] : m.span[1] + 1])).replace("##", "") for m in longer.mentions[3:]]  # pyright: ignore
    assert spelled == ["1032", "-1018", "1018"]
    assert longer.candidates == [(i, r) for i in range(3) for r in (3, 4, 5)]


@pytest.mark.parametrize("operations", ["+-", "+-*/"])
def test_acceptable_pairs_are_those_of_an_exhaustive_search(make_reader: MakeReader, operations: str) -> None:
    _, text_encoder = make_reader(**EXACT, operations=list(operations))
    for passage, question, answer in PROBLEMS:
        example = make_example(text_encoder, passage, question, [[answer]])
        numbers = [m.value for m in example.text.mentions]
        wanted = {Fraction(answer)} if answer.isdigit() else set()
        pairs = list(combinations(range(len(numbers)), 2))
        own = [results(operations, numbers[i], numbers[j]) for i, j in pairs]
        at_once = [bool(wanted & set(made)) for made in own]
        later = [bool(wanted & {v for x in numbers for r in made for v in results(operations, x, r)}) for made in own]
        assert example.acceptable == (at_once if any(at_once) else later)  # the shortest calculation
        for k, made in enumerate(own):
            after = next_example(text_encoder, example, k)
            second = [(x, r) for x in numbers for r in made]
            right = [bool(wanted & set(results(operations, x, r))) for x, r in second]
            assert after.acceptable == [ok and not at_once[k] for ok in right]
            assert after.values == wanted


def slow_read(model: CalculatorReader, text: Text, row: Row, spans: list[tuple[int, int]]) -> Tensor:
    """-log of the probability of all spans, with no padding and no batch."""
    batch = collate_texts([text], 0)
    start, end = model.read(unmasked(batch, torch.tensor([row.ids])))
    start, end = start[0].log_softmax(0), end[0].log_softmax(0)
    return -torch.logsumexp(torch.stack([start[a] + end[b] for a, b in spans]), 0) if spans else torch.tensor(20.0)


def slow_scores(model: CalculatorReader, text: Text, call: int) -> Tensor:
    batch = collate_texts([text], 0)
    return model.score(batch, unmasked(batch), call)[0]


def test_the_loss_is_that_of_both_calls_enumerated(make_reader: MakeReader) -> None:
    """-log of the sum over all pairs and all second pairs of p(first) p(second | first) p(answer | both)."""
    model, text_encoder = make_reader(**EXACT, supervision={"argument_loss": "none"})
    examples = examples_of(text_encoder, PROBLEMS)
    totals = []
    for e, (_, _, answer) in zip(examples, PROBLEMS, strict=True):
        first, terms = slow_scores(model, e.text, 0).log_softmax(0), []
        for a, pair in enumerate(e.text.candidates):
            row = e.rows[a]
            assert row is not None
            longer = text_encoder.extended(e.text, pair, row)
            second = slow_scores(model, longer, 1).log_softmax(0)
            for b, again in enumerate(longer.candidates):
                last = text_encoder.result(longer, again)
                assert last is not None
                spans = list(e.text_spans)
                for each, base in ((row, len(e.text.ids)), (last, len(longer.ids))):
                    spans += [(s + base, t + base) for v, (s, t), _ in each.fields if str(v) == answer]
                terms.append(first[a] + second[b] - slow_read(model, longer, last, spans))
        totals.append(-torch.logsumexp(torch.stack(terms), 0))
    del totals[2]  # it has no answer anywhere
    expected = torch.stack(totals).mean()
    out = in_training(model)(batch_of(text_encoder, examples))
    assert out.loss.item() == pytest.approx(expected.item(), rel=1e-4)
    heads: Any = [model.spans, model.scorer]
    wanted = [head.weight if head is model.spans else head.inner.weight for head in heads]
    for ours, theirs in zip(grad(out.loss, wanted), grad(expected, wanted), strict=True):
        assert ours.any()
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("kind", ["bce", "marginal"])
def test_both_calls_have_their_argument_loss(make_reader: MakeReader, kind: Any) -> None:
    """That of the second is over the pairs that the first one's samples lead to; all of them are read here."""
    model, text_encoder = make_reader(**EXACT, supervision={"argument_loss": kind})
    examples = examples_of(text_encoder, PROBLEMS)
    out = in_training(model)(batch_of(text_encoder, examples))
    first = [slow_scores(model, e.text, 0) for e in examples]
    later = [
        (slow_scores(model, after.text, 1), after.acceptable)
        for e in examples
        for after in (next_example(text_encoder, e, a) for a in range(len(e.rows)))
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
    torch.testing.assert_close(out.loss, out.parts["span"].mean() + sum(losses), atol=1e-4, rtol=1e-4)
    for call, loss in enumerate(losses):
        torch.testing.assert_close(out.parts[f"argument_{call}"].mean(), loss, atol=1e-4, rtol=1e-4)


def mark(model: CalculatorReader, first: int, last: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the model mark these tokens for the answer."""

    def read(view: View) -> SpanLogits:
        assert view.row is not None
        logits = torch.full((2, len(view.ids), view.ids.shape[1] + view.row.shape[1]), -9.0)
        logits[0, :, first] = logits[1, :, last] = 9
        return SpanLogits(logits[0], logits[1])

    monkeypatch.setattr(model, "read", read)


def test_answers_have_both_steps(make_reader: MakeReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, text_encoder = make_reader(**TWO)
    reader = Reader(model, text_encoder.tokenizer)
    mark(model, 1, 1, monkeypatch)  # a word of the question: it may depend on all that was printed
    for passage, question, _ in PROBLEMS:
        text = text_encoder.text(passage, question)
        best = text.candidates[int(slow_scores(model, text, 0).argmax())]
        row = text_encoder.result(text, best)
        assert row is not None
        longer = text_encoder.extended(text, best, row)
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
    assert [t.seen for t in reader.trace_many(texts, override=blank)] == [text_encoder.text(*t).ids for t in texts]


def test_the_probabilities_of_pairs_at_either_call(make_reader: MakeReader) -> None:
    model, text_encoder = make_reader(**TWO, operations=["/"])
    reader = Reader(model, text_encoder.tokenizer)
    [called] = reader.call_many([("Anna has 7 pens. Carl gave 0 to Anna. Zoë has 3.", "How many has Anna?")])
    text = called.uncalled
    first, second = reader.pair_probabilities(called)
    for found, call, seen in (
        (first, 0, text),
        (second, 1, text_encoder.extended(text, called.calls[0].pair, called.calls[0].row)),
    ):
        scores = slow_scores(model, seen, call)
        defined = torch.tensor([text_encoder.result(seen, pair) is not None for pair in seen.candidates])
        torch.testing.assert_close(torch.tensor(found), scores.masked_fill(~defined, -torch.inf).softmax(0))
        assert seen.candidates[found.index(max(found))] == called.calls[call].pair


def test_an_answer_that_the_first_call_printed_needs_no_second(
    make_reader: MakeReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, text_encoder = make_reader(**TWO)
    reader = Reader(model, text_encoder.tokenizer)
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
    model, text_encoder = make_reader(**TWO)
    texts = [("Anna has 7 pens.", "Who has any?"), (PROBLEMS[0][0], PROBLEMS[0][1])]
    traces = Reader(model, text_encoder.tokenizer).trace_many(texts)
    assert [(len(t.text.calls), t.pair is None) for t in traces] == [(0, True), (1, False)]


def test_digits_that_went_into_either_call_are_seen_in_the_last_results_alone(make_reader: MakeReader) -> None:
    """Other numbers that are chosen alike and give the same last row: the reader sees the same."""
    model, text_encoder = make_reader(**TWO, mask={"arguments": "random", "choosing": True})
    reader = Reader(model, text_encoder.tokenizer)
    shown = text_encoder.row(text_encoder.calculator(Fraction(12), Fraction(34)))
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
    assert not any(t.masked[i] for t in traces for i in left)


def test_a_text_without_a_pair_beside_one_with_many(make_reader: MakeReader) -> None:
    model, text_encoder = make_reader(**TWO)
    without = make_example(text_encoder, "Anna is here.", "Who is here: Anna or Carl?", [["Anna"]])
    passage, question, answer = PROBLEMS[0]
    many = make_example(text_encoder, passage, question, [[answer]])
    assert without.rows == [] and next_example(text_encoder, without, 2).rows == []
    assert next_example(text_encoder, many, len(many.rows)).rows == [None] * len(many.rows)
    out = model.train()(batch_of(text_encoder, [without, many]))  # a candidate of the other's is all there is to choose
    assert out.loss is not None and torch.isfinite(out.loss)


def test_a_batch_without_its_chain_is_refused(make_reader: MakeReader) -> None:
    model, text_encoder = make_reader(**TWO)
    batch = collate_examples(examples_of(text_encoder, PROBLEMS), text_encoder)
    with pytest.raises(AnzanError, match=r"^batch\.chain: needed for a reader with several calls"):
        model(batch)
