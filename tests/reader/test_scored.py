"""Programs in training: the loss of a reader against all its programs, enumerated, run, printed and read one by one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import pytest
import torch
from readers import MakeReader, examples_of, in_training
from slow_programs import STOP, Step, everything, run_slowly
from torch import Tensor
from torch.autograd import grad
from torch.nn import functional as F

from anzan.layer import ExampleNoise
from anzan.reader.batch import Batch, collate_examples, collate_texts
from anzan.reader.encode import TextEncoder
from anzan.reader.labels import Example, make_example
from anzan.reader.network import CalculatorReader
from anzan.reader.objective import NO_ANSWER
from anzan.reader.scorer import ProgramScorer
from anzan.reader.sequence import Text
from anzan.reader.views import View

PROBLEMS = [
    ("Anna has 7 pens. Carl gave 5 to Anna.", "How many has Anna?", "12"),
    ("Anna has 9 pens. Carl gave 4 to her, Zoë 2.", "How many?", "15"),
    ("Anna has 9 pens. Carl has 9.", "Who has more than Anna?", "Carl"),
    ("Anna has 3 pens and Carl 9.", "How many?", "999"),  # nothing gives that
    ("Nobody has any.", "Who has 3?", "Nobody"),
]
UNSUPERVISED = {"argument_loss": "none"}


def make(
    make_reader: MakeReader,
    objective: str,
    calls: int = 2,
    options: Mapping[str, float] | None = None,
    supervision: Mapping[str, str] | None = None,
) -> tuple[CalculatorReader, TextEncoder]:
    return make_reader(
        numbers="symbols",
        calls=calls,
        choice={"objective": objective, "options": dict(options or {})},
        supervision=dict(supervision or UNSUPERVISED),
    )


def drawn(batch: Batch) -> Batch:
    """The batch with keys for what is random."""
    return replace(batch, draws=torch.arange(len(batch)) + 11)


def as_dealt(model: CalculatorReader, batch: Batch, b: int, text: Text) -> Text:
    """The text with the symbols that training deals to it."""
    assert batch.draws is not None
    dealt = model.views.draw(batch, True, ExampleNoise(batch.draws)).text.ids[b]
    return replace(text, ids=dealt[: len(text.ids)].tolist())


# -- a slow reference ----------------------------------------------------------------------------------------------
def slow_scores(
    model: CalculatorReader, encoder: TextEncoder, text: Text, program: Sequence[Step]
) -> dict[Step, Tensor]:
    """The score of each pair after a program, valid or not, and the log odds of stopping."""
    scorer = model.scorer
    assert isinstance(scorer, ProgramScorer) and model.calls is not None
    batch = collate_texts([replace(text)], encoder)
    batch = replace(batch, text=replace(batch.text, ids=torch.tensor([text.ids])))
    hidden = model.encode(model.embed(View(batch.text)), batch.text.attention, batch.text.types)[0]
    known = [hidden[m.span[0]] for m in text.mentions]
    context = torch.zeros(len(hidden[0]))
    made = run_slowly(model.calls.tools[0].operations, [m.value for m in text.mentions], [*program])
    means = []
    for (i, j), values in zip(program, made, strict=True):
        both = torch.cat([known[int(i)], known[int(j)]])
        assert values is not None
        signs = [3 if v is None else 0 if v > 0 else 1 if v < 0 else 2 for v in values]
        new = [
            scorer.norm(layer(both) + scorer.signs.weight[s]) for layer, s in zip(scorer.results, signs, strict=True)
        ]
        known += new
        means.append(torch.stack(new).mean(0))
    if means:
        context = scorer.made(torch.stack(means).mean(0))
    scores: dict[Step, Tensor] = {
        (i, j): scorer.outer(F.relu(scorer.left(known[i]) + scorer.right(known[j]) + context))[0]
        for i, j in combinations(range(len(known)), 2)
    }
    return scores | {STOP: scorer.stop(F.relu(scorer.text(hidden[0]) + context))[0]}


def slow_programs(
    model: CalculatorReader, encoder: TextEncoder, text: Text
) -> tuple[list[tuple[Step, ...]], list[Tensor]]:
    """All valid programs and their log-probabilities."""
    assert model.calls is not None
    programs = [tuple(p) for p in everything(model.calls, [m.value for m in text.mentions])]
    found, seen = [], dict[tuple[Step, ...], dict[Step, Tensor]]()
    for program in programs:
        total = torch.zeros(())
        for t, step in enumerate(program):
            if STOP in program[:t]:
                break
            prefix = program[:t]
            if prefix not in seen:
                following = {p[t] for p in programs if p[:t] == prefix}
                scores = {s: v for s, v in slow_scores(model, encoder, text, prefix).items() if s in following}
                stop = scores.pop(STOP)  # first whether to stop, then which pair
                pairs = torch.stack([*scores.values()]).log_softmax(0) + F.logsigmoid(-stop) if scores else []
                seen[prefix] = dict(zip(scores, pairs, strict=True)) | {
                    STOP: F.logsigmoid(stop) if scores else 0 * stop
                }
            total = total + seen[prefix][step]
        found.append(total)
    return programs, found


def slow_loss(
    model: CalculatorReader, encoder: TextEncoder, example: Example, text: Text, program: Sequence[Step]
) -> Tensor:
    """The span loss after a program, which is printed call by call as a reader prints it."""
    base, row, spans = len(text.ids), [], [*example.text_spans]
    numbers, clauses = len(text.mentions), len(encoder.calculator.clauses)
    places = {i: i for i in range(numbers)}
    for call, step in enumerate(program):
        if step == STOP:
            break
        pair = places[int(step[0])], places[int(step[1])]
        printed = encoder.result(text, pair)
        assert printed is not None
        for c in range(clauses):
            places[numbers + call * clauses + c] = len(text.mentions) + c
        spans += [(base + len(row) + s, base + len(row) + e) for v, (s, e), _ in printed.fields if v in example.values]
        row += printed.ids
        text = encoder.extended(text, pair, printed)
    if not spans:
        return torch.tensor(NO_ANSWER)
    batch = collate_texts([example.text], encoder)
    view = View(
        replace(batch.text, ids=torch.tensor([text.ids[:base]])), torch.tensor([row], dtype=torch.long).view(1, -1)
    )
    start, end = (logits[0].log_softmax(0) for logits in model.read(view))
    return -torch.logsumexp(torch.stack([start[a] + end[b] for a, b in spans]), 0)


def enumerated(
    model: CalculatorReader, encoder: TextEncoder, examples: list[Example], batch: Batch
) -> list[tuple[Tensor, Tensor]]:
    """Of each example: the log-probabilities and losses of all its programs."""
    out = []
    for b, e in enumerate(examples):
        text = as_dealt(model, batch, b, e.text)
        programs, log_p = slow_programs(model, encoder, text)
        out.append((torch.stack(log_p), torch.stack([slow_loss(model, encoder, e, text, p) for p in programs])))
    return out


def readable(example: Example) -> bool:
    return bool(example.text_spans or example.programs)


def close(ours: Tensor, theirs: Tensor, model: CalculatorReader) -> None:
    """Equal, and so are their gradients."""
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    assert isinstance(model.scorer, ProgramScorer) and model.symbols is not None
    weights = [model.spans.weight, model.scorer.left.weight, model.scorer.stop.weight, model.symbols.numbers]
    for a, b in zip(grad(ours, weights, retain_graph=True), grad(theirs, weights, retain_graph=True), strict=True):
        assert a.any()
        torch.testing.assert_close(a, b, atol=2e-4 * max(1.0, float(b.abs().max())), rtol=1e-3)


# -- objectives ----------------------------------------------------------------------------------------------------
def test_the_marginal_is_that_of_all_programs_enumerated(make_reader: MakeReader) -> None:
    model, encoder = make(make_reader, "exact-marginal")
    examples = examples_of(encoder, PROBLEMS)
    batch = drawn(collate_examples(examples, encoder))
    out = in_training(model)(batch)
    found = [pair for pair, e in zip(enumerated(model, encoder, examples, batch), examples, strict=True) if readable(e)]
    assert len(found) == 4 and {len(p) for p, _ in found} == {1, 8, 34}
    for log_p, _ in found:
        assert log_p.logsumexp(0).item() == pytest.approx(0, abs=1e-5)
    close(out.loss, torch.stack([-(log_p - losses).logsumexp(0) for log_p, losses in found]).mean(), model)


def test_the_expected_loss_is_that_of_all_programs_enumerated(make_reader: MakeReader) -> None:
    model, encoder = make(make_reader, "unordered-set", options={"samples": 8})
    examples = [e for k, e in enumerate(examples_of(encoder, PROBLEMS)) if k != 1]  # 8 programs at most
    batch = drawn(collate_examples(examples, encoder))
    out = in_training(model)(batch)
    found = [pair for pair, e in zip(enumerated(model, encoder, examples, batch), examples, strict=True) if readable(e)]
    close(out.loss, torch.stack([(log_p.exp() * losses).sum() for log_p, losses in found]).mean(), model)


def test_the_best_choice_at_each_call_is_read_in_evaluation(make_reader: MakeReader) -> None:
    model, encoder = make(make_reader, "unordered-set")
    totals = []
    examples = examples_of(encoder, PROBLEMS)
    for e in examples:
        programs, log_p = slow_programs(model, encoder, e.text)
        best: tuple[Step, ...] = ()
        for t in range(2):
            masses = dict[Step, float]()
            for program, p in zip(programs, log_p, strict=True):
                if program[:t] == best:
                    masses[program[t]] = masses.get(program[t], 0.0) + float(p.exp())
            best = (*best, max(masses, key=lambda step: masses[step]))
        if readable(e):
            totals.append(slow_loss(model, encoder, e, e.text, best))
    loss = model.eval()(collate_examples(examples, encoder)).loss
    torch.testing.assert_close(loss, torch.stack(totals).mean(), atol=1e-4, rtol=1e-4)


def test_distinct_draws_of_all_programs_are_the_exact_marginal(make_reader: MakeReader) -> None:
    losses, gradients = [], []
    for objective, options in (("exact-marginal", {}), ("set-marginal", {"samples": 8})):
        model, encoder = make(make_reader, objective, options=options)
        examples = [e for k, e in enumerate(examples_of(encoder, PROBLEMS)) if k != 1]
        loss = in_training(model)(drawn(collate_examples(examples, encoder))).loss
        assert isinstance(model.scorer, ProgramScorer)
        losses.append(loss)
        gradients.append(grad(loss, [model.spans.weight, model.scorer.left.weight, model.scorer.signs.weight]))
    torch.testing.assert_close(losses[0], losses[1], atol=1e-5, rtol=1e-5)
    for a, b in zip(*gradients, strict=True):
        assert a.any()
        torch.testing.assert_close(a, b, atol=1e-4 * max(1.0, float(a.abs().max())), rtol=1e-3)


def test_one_gradient_of_several_readings_has_no_bias(make_reader: MakeReader) -> None:
    """`thin`: the same loss and the same gradient of the scores; that of the reading is right on average."""
    runs = {}
    for thin, draws in ((0, 1), (1, 60)):
        model, encoder = make(make_reader, "set-marginal", options={"samples": 8, "thin": thin})
        examples = examples_of(encoder, PROBLEMS[:1])
        batch = collate_examples(examples, encoder)
        in_training(model)
        assert isinstance(model.scorer, ProgramScorer)
        model.views.symbols = None  # the same symbols in every draw
        with torch.no_grad():
            model.spans.weight *= 0.2  # so that no program outweighs the others
            model.scorer.stop.weight *= 0.2
        found = []
        for k in range(draws):
            loss = model(replace(batch, draws=torch.tensor([k]))).loss
            found.append((loss.detach(), *grad(loss, [model.spans.weight, model.scorer.stop.weight])))
        runs[thin] = [torch.stack(each) for each in zip(*found, strict=True)]
    (loss, spans, stop), (losses, noisy, stops) = runs[0], runs[1]
    torch.testing.assert_close(losses, loss.expand_as(losses), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(stops, stop.expand_as(stops), atol=1e-4, rtol=1e-3)
    assert noisy.std(0).max() > 1e-3
    error = (noisy.mean(0) - spans[0]).abs()
    assert (error < 5 * noisy.std(0) / len(noisy) ** 0.5 + 1e-4).all()


# -- terms ---------------------------------------------------------------------------------------------------------
def test_the_argument_loss_is_the_mass_of_all_programs_that_begin_right(make_reader: MakeReader) -> None:
    model, encoder = make(make_reader, "exact-marginal", supervision={"argument_loss": "marginal"})
    examples = examples_of(encoder, PROBLEMS)
    assert [len(e.programs[0]) if e.programs else 0 for e in examples] == [1, 2, 0, 0, 0]
    masses = []
    for e in examples:
        programs, log_p = slow_programs(model, encoder, e.text)
        n = len(e.text.mentions)
        prefixes = [
            tuple(tuple(sorted(k if k >= 0 else n - 1 - k for k in pair)) for *pair, _ in program)
            for program in e.programs
        ]
        begin = [k for k, program in enumerate(programs) if any(program[: len(x)] == x for x in prefixes)]
        if begin:
            masses.append(-torch.logsumexp(torch.stack([log_p[k] for k in begin]), 0))
    out = model.eval()(collate_examples(examples, encoder))
    assert int(out.parts["argument"].count) == len(masses) == 2
    torch.testing.assert_close(out.parts["argument"].mean(), torch.stack(masses).mean(), atol=1e-4, rtol=1e-4)


# -- other numbers -------------------------------------------------------------------------------------------------
def told_twice(encoder: TextEncoder) -> list[Example]:
    """Problems, as (passage, answer) with each draw: right is one call, two, or none; the last has no other numbers."""
    question = "How many?"
    draws = [
        [("Anna has 2 pens. Carl has 2.", "4"), ("Anna has 3 pens. Carl has 5.", "8")],
        [("Anna has 9 pens. Carl gave 4 to her, Zoë 2.", "15"), ("Anna has 7 pens. Carl gave 1 to her, Zoë 5.", "13")],
        [("Anna has 9 pens. Carl has 4.", "5"), ("Anna has 3 pens. Carl has 4.", "7")],
        [("Anna has 9 pens. Carl has 4.", "5")],
    ]
    return [
        make_example(encoder, passage, question, [[answer]], others=[(p, question, [[a]]) for p, a in others])
        for (passage, answer), *others in draws
    ]


def right_for_all(model: CalculatorReader, example: Example, program: Sequence[Step]) -> bool:
    """Whether the same result of a call is the answer with all numbers of an example."""
    assert model.calls is not None
    draws = [([m.value for m in example.text.mentions], example.values)]
    draws += [([*d.numbers], d.wanted) for d in example.others]
    right = []
    for numbers, wanted in draws:
        made = run_slowly(model.calls.tools[0].operations, numbers, [*program])
        right.append({(t, c) for t, each in enumerate(made) for c, v in enumerate(each or []) if v in wanted})
    return bool(set.intersection(*right))


def test_with_other_numbers_the_loss_is_that_of_the_right_programs_alone(make_reader: MakeReader) -> None:
    """-log of the sum of p(program) p(answer | program) over the shortest programs that are right for all numbers."""
    model, encoder = make(make_reader, "exact-marginal", supervision={"argument_loss": "marginal"})
    examples = told_twice(encoder)
    assert [len(e.others) for e in examples] == [1, 1, 1, 0] and not examples[2].programs
    batch = drawn(collate_examples(examples[:2], encoder))
    parts = in_training(model)(batch).parts
    losses = []
    for b, (e, calls) in enumerate(zip(examples, (1, 2), strict=False)):
        text = as_dealt(model, batch, b, e.text)
        programs, log_p = slow_programs(model, encoder, text)
        right = [
            k
            for k, p in enumerate(programs)
            if len([x for x in p if x != STOP]) == calls and right_for_all(model, e, p)
        ]
        assert len(right) == (1, 3)[b]
        read = []
        for k in right:
            read.append(log_p[k] - slow_loss(model, encoder, e, text, programs[k]))
        losses.append(-torch.stack(read).logsumexp(0))
    close(parts["span"].mean() + parts["argument"].mean(), torch.stack(losses).mean(), model)


def test_a_result_that_is_right_by_chance_is_no_answer(make_reader: MakeReader) -> None:
    """2 - 2 in both directions: the other numbers tell which one is meant, in what is printed and in the text."""
    model, encoder = make(make_reader, "unordered-set")
    texts = [("Anna has 2 pens. Carl has 2. It is 0.", "0"), ("Anna has 5 pens. Carl has 3. It is 9.", "2")]
    made = [(p, "How many?", [[a]]) for p, a in texts]
    alone, both = make_example(encoder, *made[0]), make_example(encoder, *made[0], others=made[1:])
    assert [len(e.text_spans) for e in (alone, both)] == [1, 0]
    numbers = len(alone.text.mentions)
    program = torch.tensor([[0, len(list(combinations(range(numbers + 3), 2)))]])
    found = []
    for e in (alone, both):
        scored = model.scored(collate_examples([e], encoder))
        _, spans = scored.reading(model.views, torch.tensor([0]), program)
        found.append({int(s) - len(e.text.ids) for s, _ in spans[0].tolist() if s >= len(e.text.ids)})
    results = encoder.lines[0].results
    assert found == [{results[1], results[2]}, {results[1]}]


def test_another_text_is_no_other_numbers(make_reader: MakeReader) -> None:
    _, encoder = make(make_reader, "exact-marginal")
    question = "How many?"
    for other in ("Anna has 3 pens and Carl 5.", "Anna has 3 pens. Carl has $5.", "Anna has 3 pens. Carl has 5. 6"):
        example = make_example(
            encoder, "Anna has 2 pens. Carl has 2.", question, [["4"]], others=[(other, question, [["8"]])]
        )
        assert not example.others


def test_the_number_of_calls_is_its_mean_over_programs(make_reader: MakeReader) -> None:
    model, encoder = make(make_reader, "exact-marginal")
    examples = examples_of(encoder, PROBLEMS)
    scored = model.scored(collate_examples(examples, encoder))
    made = scored.calls_made(scored.distribution.everything())
    for e, mean in zip(examples, made, strict=True):
        programs, log_p = slow_programs(model, encoder, e.text)
        expected = sum(len([x for x in p if x != STOP]) * float(q.exp()) for p, q in zip(programs, log_p, strict=True))
        assert float(mean) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_a_batch_in_which_no_program_gives_an_answer(make_reader: MakeReader, calls: int) -> None:
    """Such as questions for names alone: there is no argument loss, and all else is as it was."""
    parts = {}
    for kind in ("marginal", "none"):
        model, encoder = make(
            make_reader, "unordered-set", calls, supervision={"argument_loss": kind}, options={"samples": 2}
        )
        batch = drawn(collate_examples(examples_of(encoder, PROBLEMS[2:3]), encoder))
        parts[kind] = in_training(model)(batch).parts
        assert parts[kind].keys() == {"span"}
    torch.testing.assert_close(parts["marginal"]["span"].mean(), parts["none"]["span"].mean())
