"""The audit against networks whose use of their tool is known, and its figures against counting by hand."""

import math
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from anzan.evaluation.audit import (
    ANOTHER,
    AS_IS,
    BLANKED,
    WRONG,
    Observed,
    audit,
    observe_layer,
)
from anzan.evaluation.reader_audit import TEN_TIMES, audit_reader
from anzan.experiments.config import ModelConfig
from anzan.experiments.training import new_model
from anzan.layer import ResultTable, SymbolicLayer
from anzan.reader.answers import Override, Reader, Trace, features_for
from anzan.reader.text import Text
from anzan.tasks.possession import Possession, generate
from anzan.tasks.problem import Problem


def seen(right: str, follows: str = "") -> Observed:
    """Answers spelt as right (r) or wrong (w) ones, and what follows as y, n or - (nobody can tell)."""
    return Observed(
        list(right), [float(c == "r") for c in right], [{"y": True, "n": False, "-": None}[c] for c in follows]
    )


def test_figures_are_those_of_counting() -> None:
    found = audit(
        {AS_IS: seen("rrrrw"), BLANKED: seen("rwwww"), WRONG: seen("wrrww", "yn-yy")},
        arguments=[True, None, True, False, None],
        ceiling=[1, None, 0.5, None, None],
        more={"share": [1, 0, 0, 0], "nothing": []},
    )
    assert (found.score.mean, found.score.n) == (80, 5)
    assert (found.drops[BLANKED].mean, found.drops[WRONG].mean) == (60, 40)
    assert (found.changed[BLANKED].mean, found.changed[WRONG].mean) == (60, 40)
    assert found.follow_rate is not None and (found.follow_rate.mean, found.follow_rate.n) == (75, 4)
    assert found.arguments is not None and (found.arguments.mean, found.arguments.n) == (66.67, 3)
    assert found.ceiling is not None and (found.ceiling.mean, found.ceiling.n) == (75, 2)
    assert found.interchange is None and set(found.more) == {"share"}
    assert found.to_json()["score"]["mean"] == 80


def test_intervals_are_those_of_a_proportion() -> None:
    """For many answers the percentile bootstrap agrees with the normal approximation."""
    rng = random.Random(0)
    right = "".join(rng.choices("rw", (0.7, 0.3), k=2000))
    score = audit({AS_IS: seen(right), BLANKED: seen(right)}).score
    share = right.count("r") / len(right)
    half = 196 * math.sqrt(share * (1 - share) / len(right))
    assert score.low == pytest.approx(100 * share - half, abs=0.3)
    assert score.high == pytest.approx(100 * share + half, abs=0.3)


@pytest.mark.parametrize(
    ("blanked", "wrong", "verdict"),
    [
        (seen("r" * 50 + "w" * 50), seen("w" * 100, "y" * 100), "used"),
        (seen("r" * 50 + "w" * 50), seen("w" * 100, "y" * 92 + "n" * 8), "bypassed"),  # the lower bound is below 90
        (seen("r" * 92 + "w" * 8), seen("w" * 100, "y" * 100), "bypassed"),  # answers do well without it
        (seen("r" * 96 + "w" * 4), seen("r" * 100, "n" * 100), "ignored"),
        (seen("r" * 95 + "w" * 5), seen("r" * 100, "n" * 100), "bypassed"),
        (seen("r" * 50 + "w" * 50), seen("w" * 100, "-" * 100), "bypassed"),  # nothing tells what should follow
    ],
)
def test_verdicts(blanked: Observed, wrong: Observed, verdict: str) -> None:
    assert audit({AS_IS: seen("r" * 100), BLANKED: blanked, WRONG: wrong}).verdict == verdict


def test_where_no_wrong_result_can_be_followed_the_interchange_counts() -> None:
    blanked, wrong = seen("r" * 50 + "w" * 50), seen("r" * 100, "-" * 100)
    for follows, verdict in (("y" * 100, "used"), ("n" * 100, "bypassed")):
        another = seen("w" * 100, follows)
        assert audit({AS_IS: seen("r" * 100), BLANKED: blanked, WRONG: wrong, ANOTHER: another}).verdict == verdict


@pytest.mark.parametrize(
    ("observed", "fault"),
    [
        ({AS_IS: seen("r")}, "blanked missing"),
        ({AS_IS: seen("rr"), BLANKED: seen("r")}, r"answers to \[1, 2\] examples"),
        ({AS_IS: seen(""), BLANKED: seen("")}, r"answers to \[0\] examples"),
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


def test_a_layer_that_is_not_called_once() -> None:
    layer = SymbolicLayer()
    with pytest.raises(ValueError, match="calls the layer 0 times; once is needed"):
        observe_layer(layer, lambda: torch.zeros(3), torch.zeros(3))


# -- readers ---------------------------------------------------------------------------------------------------------
class Exact(Reader):
    """A reader that gives its calculator the right pair, and works answers out: by its result or, some, without."""

    def __init__(self, reader: Reader, obeys: float):
        super().__init__(reader.model, reader.features)
        self.obeys = obeys

    def call_many(self, pairs: Iterable[tuple[str, str]], batch_size: int = 64) -> list[Text]:
        called = []
        for passage, question in pairs:
            text = self.features.text(passage, question)
            owner, _, gift = _transfer(passage, question)
            owned = next(m.start(2) for m in OWNS.finditer(passage) if m[1] == owner)
            pair = tuple(i for i, m in enumerate(text.mentions) if m.start in (owned, gift.start(2)))
            row = self.features.result(text, (pair[0], pair[1]))
            assert row is not None
            called.append(self.features.extended(text, (pair[0], pair[1]), row))
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
    model, tokenizer = new_model(ModelConfig(encoder=str(random_encoder)))
    return Reader(model, features_for(model, tokenizer))


@pytest.mark.parametrize(("obeys", "verdict"), [(1.0, "used"), (0.5, "bypassed"), (0.0, "ignored")])
def test_a_reader_on_possession_problems(reader: Reader, obeys: float, verdict: str) -> None:
    options = Possession(people=3, digits=4, transfer=True, questions=("argmax", "max"))
    problems = list(generate(options, 120, seed=1))
    found = audit_reader(Exact(reader, obeys), problems)
    assert found.verdict == verdict
    for right in found.score, found.arguments, found.ceiling, found.more[TEN_TIMES]:
        assert right is not None and right.mean == 100
    assert found.follow_rate is not None and found.interchange is not None
    for rate in found.follow_rate, found.interchange:
        assert rate.n > 30 and rate.mean == pytest.approx(100 * obeys, abs=15 if obeys == 0.5 else 0)
    assert found.drops[BLANKED].mean == pytest.approx(100 * obeys, abs=15)


def marks_result(reader: Reader, operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the reader mark the first result of an operation, wherever it stands; without one, the first word."""
    sign = reader.features._first[operation]

    plain = reader.model.read_rows

    def read_rows(result_ids: Tensor, attention_mask: Tensor, **text: Any) -> tuple[Tensor, Tensor]:
        start, end = plain(result_ids, attention_mask=attention_mask, **text)
        logits = torch.full((2, *start.shape), -9.0)
        for b, ids in enumerate(result_ids.tolist()):
            base = int(attention_mask[b].sum())
            row = [i for i in ids if i >= 0]
            first = last = 1
            if row:
                words: Any = reader.features.tokenizer.convert_ids_to_tokens(row)
                text, starts = "", list[int]()
                for word in words:
                    starts.append(len(text))
                    text += word.removeprefix("##")
                match = re.search(rf"(?:^|,)(\d+)=\d+{re.escape(operation)}\d+", text)
                assert match is not None and sign in row
                first, last = base + starts.index(match.start(1)), base + starts.index(match.end(1)) - 1
            logits[0, b, first] = logits[1, b, last] = 9
        return start - start.detach() + logits[0], end - end.detach() + logits[1]  # with gradients

    monkeypatch.setattr(reader.model, "read_rows", read_rows)


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
    assert TEN_TIMES not in found.more


def test_what_cannot_be_audited(reader: Reader, random_encoder: Path) -> None:
    with pytest.raises(ValueError, match="no problem that this model can read"):
        audit_reader(reader, [Problem("1", "Ann has 3 pens.", " ", (("3",),))])
    model, tokenizer = new_model(ModelConfig(encoder=str(random_encoder), operations=[]))
    with pytest.raises(ValueError, match="no calculator to audit"):
        audit_reader(Reader(model, features_for(model, tokenizer)), [])
