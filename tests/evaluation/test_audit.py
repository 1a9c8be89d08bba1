"""The audit against networks whose use of their tool is known, and its figures against counting by hand."""

import math
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from scipy.stats import binomtest
from torch import Tensor, nn

from anzan.evaluation import NothingToAudit, Observed, audit, audit_reader, observe_layer
from anzan.evaluation.interventions import AS_PRINTED, BLANKED, OTHER_RESULTS, WRONG_RESULTS
from anzan.evaluation.verdict import SCORE_TIMES_TEN
from anzan.layer import ResultTable, SymbolicLayer, TopKSoftmax
from anzan.reader import Override, Reader, Trace
from anzan.reader.network import SpanLogits
from anzan.reader.programs import choice_of
from anzan.reader.sequence import Text
from anzan.reader.settings import ChoiceSettings, SupervisionSettings
from anzan.reader.views import View
from anzan.tasks.possession import Possession, generate
from anzan.tasks.problem import Problem
from anzan.training import ModelSettings, new_model


def seen(right: str, follows: str = "") -> Observed:
    """Answers spelt as right (r) or wrong (w) ones, and what follows as y, n or - (nobody can tell)."""
    return Observed(
        list(right), [float(c == "r") for c in right], [{"y": True, "n": False, "-": None}[c] for c in follows]
    )


def test_figures_are_those_of_counting() -> None:
    found = audit(
        {AS_PRINTED: seen("rrrrw"), BLANKED: seen("rwwww"), WRONG_RESULTS: seen("wrrww", "yn-yy")},
        arguments=[True, None, True, False, None],
        ceiling=[1, None, 0.5, None, None],
        more={"share": [1, 0, 0, 0], "nothing": []},
    )
    assert (found.score.mean, found.score.n) == (80, 5)
    assert (found.drops[BLANKED].mean, found.drops[WRONG_RESULTS].mean) == (60, 40)
    assert (found.changed[BLANKED].mean, found.changed[WRONG_RESULTS].mean) == (60, 40)
    assert found.follow_rate is not None and (found.follow_rate.mean, found.follow_rate.n) == (75, 4)
    assert found.arguments is not None and (found.arguments.mean, found.arguments.n) == (66.67, 3)
    assert found.ceiling is not None and (found.ceiling.mean, found.ceiling.n) == (75, 2)
    assert found.interchange is None and set(found.more) == {"share"}
    assert found.to_json()["score"]["mean"] == 80


def test_intervals_are_those_of_a_proportion() -> None:
    """For many answers the percentile bootstrap agrees with the normal approximation."""
    rng = random.Random(0)
    right = "".join(rng.choices("rw", (0.7, 0.3), k=2000))
    score = audit({AS_PRINTED: seen(right), BLANKED: seen(right)}).score
    share = right.count("r") / len(right)
    half = 196 * math.sqrt(share * (1 - share) / len(right))
    assert score.low == pytest.approx(100 * share - half, abs=0.3)
    assert score.high == pytest.approx(100 * share + half, abs=0.3)


@pytest.mark.parametrize(
    ("blanked", "wrong", "verdict"),
    [
        (seen("r" * 100 + "w" * 100), seen("w" * 200, "y" * 200), "used"),
        (seen("r" * 100 + "w" * 100), seen("w" * 200, "y" * 160 + "n" * 40), "bypassed"),  # one in five does not follow
        (seen("r" * 194 + "w" * 6), seen("w" * 200, "y" * 200), "bypassed"),  # answers do well without it
        (seen("r" * 198 + "w" * 2), seen("r" * 200, "n" * 200), "ignored"),
        (seen("r" * 188 + "w" * 12), seen("r" * 200, "n" * 200), "bypassed"),  # 6 % change
        (seen("r" * 100 + "w" * 100), seen("w" * 200, "y" * 184 + "n" * 16), "undecided"),  # 92 %, which may be 88
        (seen("r" * 100 + "w" * 100), seen("w" * 200, "-" * 200), "undecided"),  # nothing tells what should follow
        (seen("r" * 100 + "w" * 100), seen("w" * 200, "y" + "-" * 199), "undecided"),  # one example tells
        (seen("r" * 100 + "w" * 100), seen("w" * 200, "y" * 40 + "-" * 160), "used"),  # 40 of 40: 91 % at least
        (seen("r" * 100 + "w" * 100), seen("w" * 200, "y" * 30 + "-" * 170), "undecided"),  # 30 of 30: 88 %
    ],
)
def test_verdicts(blanked: Observed, wrong: Observed, verdict: str) -> None:
    found = audit({AS_PRINTED: seen("r" * 200), BLANKED: blanked, WRONG_RESULTS: wrong})
    assert found.verdict == verdict and (verdict == "ignored" or found.follow_rate is None or "n = " in found.evidence)


def test_one_example_decides_nothing() -> None:
    assert audit({AS_PRINTED: seen("r"), BLANKED: seen("w"), WRONG_RESULTS: seen("w", "y")}).verdict == "undecided"
    assert audit({AS_PRINTED: seen("r"), BLANKED: seen("r"), WRONG_RESULTS: seen("r", "n")}).verdict == "undecided"


@pytest.mark.parametrize("n", [1, 10, 300])
def test_bounds_of_equal_answers_are_those_of_clopper_and_pearson(n: int) -> None:
    for answers, k in (("r" * n, n), ("w" * n, 0)):
        exact = binomtest(k, n).proportion_ci(0.95, "exact")
        score = audit({AS_PRINTED: seen(answers), BLANKED: seen(answers)}).score
        assert (score.low, score.high) == pytest.approx((100 * exact.low, 100 * exact.high), abs=0.01)


def test_what_more_examples_tell_of_decides() -> None:
    """The interchange of two hundred, not the follow rate of one."""
    follows = {WRONG_RESULTS: seen("w" * 200, "y" + "-" * 199), OTHER_RESULTS: seen("w" * 200, "n" * 200)}
    assert audit({AS_PRINTED: seen("r" * 200), BLANKED: seen("w" * 200), **follows}).verdict == "bypassed"


def test_an_intervention_of_one_s_own_counts() -> None:
    found = audit({AS_PRINTED: seen("r" * 200), BLANKED: seen("r" * 200), "zeroed": seen("w" * 200)})
    assert found.verdict != "ignored" and found.drops["zeroed"].mean == found.changed["zeroed"].mean == 100


def test_examples_that_saw_their_own_output_are_left_out() -> None:
    another = replace(seen("wwrr"), shown=[True, True, False, False])
    found = audit({AS_PRINTED: seen("rrrr"), BLANKED: seen("wwww"), OTHER_RESULTS: another})
    assert (found.drops[OTHER_RESULTS].mean, found.changed[OTHER_RESULTS].n) == (100, 2)


def test_where_no_wrong_result_can_be_followed_the_interchange_counts() -> None:
    blanked, wrong = seen("r" * 50 + "w" * 50), seen("r" * 100, "-" * 100)
    for follows, verdict in (("y" * 100, "used"), ("n" * 100, "bypassed")):
        another = seen("w" * 100, follows)  # a hundred of a hundred: 96 % at least
        assert (
            audit({AS_PRINTED: seen("r" * 100), BLANKED: blanked, WRONG_RESULTS: wrong, OTHER_RESULTS: another}).verdict
            == verdict
        )


@pytest.mark.parametrize(
    ("observed", "fault"),
    [
        ({AS_PRINTED: seen("r")}, "blanked missing"),
        ({AS_PRINTED: seen("rr"), BLANKED: seen("r")}, r"answers to \[1, 2\] examples"),
        ({AS_PRINTED: seen(""), BLANKED: seen("")}, r"answers to \[0\] examples"),
        (
            {AS_PRINTED: seen("rr"), BLANKED: seen("rr"), WRONG_RESULTS: seen("rr", "y")},
            r"answers to \[1, 2\] examples",
        ),
    ],
)
def test_what_cannot_be_judged(observed: dict[str, Observed], fault: str) -> None:
    with pytest.raises(ValueError, match=f"observed: {fault}; give one"):
        audit(observed)


# -- any network with a symbolic layer -------------------------------------------------------------------------------
class Adder(nn.Module):
    """Adds two digits; by its tool, or (a share of `alone`) by itself."""

    def __init__(self, alone: Tensor):
        super().__init__()
        self.layer, self.alone = SymbolicLayer(), alone
        self.table = ResultTable(torch.tensor([[[a + b] for a in range(10) for b in range(10)]]))

    def forward(self, digits: Tensor) -> Tensor:
        scores = 100 * nn.functional.one_hot(digits[:, 0] * 10 + digits[:, 1], 100).float()
        read = self.layer(scores, self.table, torch.eye(19)).embedded[:, 0].argmax(-1)
        return torch.where(self.alone, digits.sum(1), read)


@pytest.mark.parametrize(("share", "verdict"), [(0.0, "used"), (0.5, "bypassed"), (1.0, "ignored")])
def test_a_network_of_somebody_else(share: float, verdict: str) -> None:
    torch.manual_seed(0)
    digits = torch.randint(10, (400, 2))
    network = Adder(torch.rand(400) < share)
    results = network.table.ids[0, :, 0]
    found = audit(observe_layer(network.layer, lambda: network(digits), digits.sum(1), lambda index: results[index]))
    assert found.verdict == verdict and found.score.mean == 100
    assert found.follow_rate is not None and found.interchange is not None
    own = 100 * (1 - network.alone.float().mean().item())
    assert found.follow_rate.mean == pytest.approx(own, abs=6)
    assert found.interchange.mean == pytest.approx(own, abs=6)
    assert found.drops[BLANKED].mean == pytest.approx(own * 0.99, abs=6)  # 0 is the sum of 0 and 0


def test_what_a_network_answers_as_it_is() -> None:
    """Its own mixture of results, not that of the most likely candidate; and a single candidate has no other."""
    layer, table = (
        SymbolicLayer(TopKSoftmax(2)),
        ResultTable(torch.tensor([[[0], [1], [2]]]), torch.tensor([[False, True, True]])),
    )
    scores = torch.tensor([[0.0, 1.0, 0.9]] * 50)

    def answer() -> Tensor:
        mixed = layer(scores, table, 100 * torch.eye(3)).embedded[:, 0]
        return (mixed[:, 1] > 99).long()

    assert observe_layer(layer, answer, torch.zeros(50))[AS_PRINTED].scores == [1] * 50
    lonely = ResultTable(table.ids, torch.tensor([[False, False, True]]))
    one = SymbolicLayer()
    observed = observe_layer(
        one, lambda: one(scores, lonely, torch.eye(3)).embedded[:, 0].argmax(-1), torch.full((50,), 2)
    )
    assert observed[WRONG_RESULTS].scores == [1] * 50 and not any(observed[WRONG_RESULTS].shown)


def test_a_layer_that_is_not_called_once() -> None:
    layer = SymbolicLayer()
    with pytest.raises(ValueError, match="calls the layer 0 times; call it once"):
        observe_layer(layer, lambda: torch.zeros(3), torch.zeros(3))


# -- readers ---------------------------------------------------------------------------------------------------------
class Exact(Reader):
    """A reader that gives its calculator the right pair, and works answers out: by its result or, some, without."""

    def __init__(self, reader: Reader, obeys: float):
        super().__init__(reader.model, reader.text_encoder.tokenizer)
        self.obeys = obeys

    def call_many(self, pairs: Iterable[tuple[str, str]], batch_size: int = 64) -> list[Text]:
        called = []
        for passage, question in pairs:
            text = self.text_encoder.text(passage, question)
            owner, _, gift = _transfer(passage, question)
            owned = next(m.start(2) for m in OWNS.finditer(passage) if m[1] == owner)
            pair = tuple(i for i, m in enumerate(text.mentions) if m.start in (owned, gift.start(2)))
            row = self.text_encoder.result(text, (pair[0], pair[1]))
            assert row is not None
            called.append(self.text_encoder.extended(text, (pair[0], pair[1]), row))
        return called

    def read_many(
        self, called: Sequence[Text], batch_size: int = 64, override: Override | None = None
    ) -> Iterator[Trace]:
        for i, trace in enumerate(super().read_many(called, batch_size, override)):
            answer = _work_out(trace, random.Random(i).random() < self.obeys)
            yield replace(trace, span=None, answer=replace(trace.answer, answer=answer, source="passage"))


OWNS = re.compile(r"(\w+) has ([\d,]+)")


def _transfer(passage: str, question: str) -> tuple[str, int, re.Match[str]]:
    """Who of the two asked gives (-1) or gets (1), and the sentence that says so."""
    gift = re.search(r"(\w+) gave ([\d,]+) \w+ to (\w+)", passage)
    assert gift is not None
    owner = next(name for name in (gift[1], gift[3]) if re.search(rf"\b{name}\b", question))
    return owner, 1 if owner == gift[3] else -1, gift


def _work_out(trace: Trace, obeys: bool) -> str:
    passage, question = trace.text.passage, trace.text.question
    owns = {name: int(v.replace(",", "")) for name, v in OWNS.findall(passage)}
    asked = [name for name in owns if re.search(rf"\b{name}\b", question)]
    owner, sign, gift = _transfer(passage, question)
    if obeys and trace.row is None:
        return "nobody knows"
    if obeys and trace.row is not None:
        owns[owner] = next(int(v) for v, _, op in trace.row.fields if op == {1: "+", -1: "-"}[sign])
    else:
        owns[owner] += sign * int(gift[2].replace(",", ""))
    winner = max(asked, key=lambda name: owns[name])
    return winner if question.startswith("Who") else str(owns[winner])


@pytest.fixture(scope="module")
def reader(random_encoder: Path) -> Reader:
    torch.manual_seed(0)
    model, tokenizer = new_model(ModelSettings(encoder=str(random_encoder)))
    return Reader(model, tokenizer)


@pytest.mark.parametrize(("obeys", "verdict"), [(1.0, "used"), (0.5, "bypassed"), (0.0, "ignored")])
def test_a_reader_on_possession_problems(reader: Reader, obeys: float, verdict: str) -> None:
    options = Possession(people=3, digits=4, transfers=1, questions=("argmax", "max"))
    problems = list(generate(options, 120, seed=1))
    found = audit_reader(Exact(reader, obeys), problems)
    assert found.verdict == verdict
    for right in found.score, found.arguments, found.ceiling, found.more[SCORE_TIMES_TEN]:
        assert right is not None and right.mean == 100
    assert found.follow_rate is not None and found.interchange is not None
    for rate in found.follow_rate, found.interchange:
        assert rate.n > 30 and rate.mean == pytest.approx(100 * obeys, abs=15 if obeys == 0.5 else 0)
    assert found.drops[BLANKED].mean == pytest.approx(100 * obeys, abs=15)


def marks_result(reader: Reader, operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the reader mark the first result of an operation, wherever it stands; without one, the first word."""
    sign = reader.text_encoder._first[operation]

    plain = reader.model.read_embedded

    def read_embedded(embedded: Tensor, view: View) -> SpanLogits:
        start, end = plain(embedded, view)
        logits = torch.full((2, *start.shape), -9.0)
        rows = torch.empty(len(start), 0) if view.row is None else view.row
        for b, ids in enumerate(rows.long().tolist()):
            base = int(view.text.attention[b].sum())
            row = [i for i in ids if i >= 0]
            first = last = 1
            if row:
                words: Any = reader.text_encoder.tokenizer.convert_ids_to_tokens(row)
                text, starts = "", list[int]()
                for word in words:
                    starts.append(len(text))
                    text += word.removeprefix("##")
                match = re.search(rf"(?:^|,)(\d+)=\d+{re.escape(operation)}\d+", text)
                assert match is not None and sign in row
                first, last = base + starts.index(match.start(1)), base + starts.index(match.end(1)) - 1
            logits[0, b, first] = logits[1, b, last] = 9
        return SpanLogits(start - start.detach() + logits[0], end - end.detach() + logits[1])  # with gradients

    monkeypatch.setattr(reader.model, "read_embedded", read_embedded)


def test_a_reader_whose_answers_are_results(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere the result in the same place is due."""
    marks_result(reader, "+", monkeypatch)
    problems = [
        Problem(str(i), f"Ann has {i + 20} pens. Bob has {3 * i + 11}.", "How many in all?", ((str(4 * i + 31),),))
        for i in range(40)
    ]
    found = audit_reader(reader, problems)
    assert found.verdict == "used" and found.score.mean == 100 and found.arguments is None and found.ceiling is None
    assert found.follow_rate is not None and (found.follow_rate.mean, found.follow_rate.n) == (100, 40)
    assert found.interchange is not None and found.interchange.mean == 100 and found.interchange.n > 30
    assert SCORE_TIMES_TEN not in found.more


def test_every_text_counts_once(reader: Reader) -> None:
    options = Possession(people=3, digits=4, transfers=1, questions=("argmax", "max"))
    problems = list(generate(options, 60, seed=1))
    once, twice = (audit_reader(Exact(reader, 1), p) for p in (problems, [*problems, *problems]))
    assert once == twice and once.interchange is not None and once.interchange.mean == 100


def test_a_chain_whose_answer_is_the_first_result(random_encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    chain = ModelSettings(
        encoder=str(random_encoder),
        numbers="symbols",
        calls=2,
        choice=ChoiceSettings("unordered-set"),
        supervision=SupervisionSettings("marginal"),
    )
    model, tokenizer = new_model(chain)
    two_calls = Reader(model, tokenizer)
    first, second = (choice_of(pair, values) for pair, values in (((0, 1), 2), ((0, 2), 5)))
    monkeypatch.setattr(
        model,
        "programs",
        lambda batch, view: SimpleNamespace(best=lambda _: torch.tensor([[[first, second]]] * len(batch))),
    )
    trace_of = two_calls._trace

    def copy_first(called: Sequence[Text], override: Override | None, most: int) -> list[Trace]:
        """Marks the sum that the first call printed; without one, the first word."""
        made = []
        for trace in trace_of(called, override, most):
            call = next(iter(trace.text.calls), None)
            if call is None:
                made.append(replace(trace, span=(1, 1), answer=replace(trace.answer, answer="how", source="question")))
                continue
            value, (first, last), _ = call.row.fields[0]
            answer = replace(trace.answer, answer=str(value), source="calculator")
            made.append(replace(trace, span=(call.start + first, call.start + last), answer=answer))
        return made

    monkeypatch.setattr(two_calls, "_trace", copy_first)
    problems = [
        Problem(str(i), f"Ann has {i + 20} pens. Bob has {3 * i + 11}.", "How many in all?", ((str(4 * i + 31),),))
        for i in range(60)
    ]
    found = audit_reader(two_calls, problems)
    assert found.score.mean == 100 and found.drops[BLANKED].mean == 100
    assert found.follow_rate is not None and (found.follow_rate.mean, found.follow_rate.n) == (100, 60)
    assert found.verdict == "used" and found.ceiling is None


def test_texts_that_another_line_does_not_fit(reader: Reader) -> None:
    """It is left out for them: a text as long as the encoder reads, and a problem of long numbers."""
    words = " and so on" * 50
    problems = [
        Problem("1", f"Ann has 5 pens. Bob has 3.{words}", "How many?", (("8",),)),
        Problem("2", f"Ann has {'7' * 20} pens. Bob has {'5' * 20}.", "How many?", (("1" * 20,),)),
    ]
    assert audit_reader(reader, problems).score.n == 2


def test_what_cannot_be_audited(reader: Reader, random_encoder: Path) -> None:
    for passage, question in (("Ann has 3 pens and 4.", " "), ("Ann has pens.", "How many?")):
        with pytest.raises(NothingToAudit, match="no problem for which the model calls its calculator"):
            audit_reader(reader, [Problem("1", passage, question, (("3",),))])
    model, tokenizer = new_model(ModelSettings(encoder=str(random_encoder), operations=[]))
    with pytest.raises(NothingToAudit, match="no calculator to audit"):
        audit_reader(Reader(model, tokenizer), [])
