"""Drills: the lines that are given tell the answer, and the first pass keeps what it knew."""

from __future__ import annotations

import random
import re
from io import StringIO
from pathlib import Path

import pytest
import torch
from rich.console import Console

from anzan.pretraining.lines import Drill, Drills, Lines, Memory, draw_drill, reader_of_lines, teach_lines
from anzan.reader.encode import TextEncoder
from anzan.training.model import new_model

SENTENCE = re.compile(r"(\w+) (?:has|had|owns|holds) (\d+) \w+$")
TRANSFER = re.compile(r"(\w+) (?:gave|handed|passed|sent) (\d+) \w+ to (\w+)$")


def told(drill: Drill) -> tuple[dict[str, int], list[int]]:
    """Who has how many in the end, and the numbers of the passage, read by regular expressions."""
    has: dict[str, int] = {}
    numbers = []
    for sentence in re.split(r"[.,] ?", drill.passage):
        if found := SENTENCE.match(sentence):
            has[found[1]] = int(found[2])
        elif found := TRANSFER.match(sentence):
            has[found[1]] -= int(found[2])
            has[found[3]] += int(found[2])
        else:
            assert not sentence, sentence
            continue
        numbers.append(int(found[2]))
    return has, numbers


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_the_answer_is_what_the_passage_tells_and_what_the_calls_give(calls: int) -> None:
    rng = random.Random(calls)
    lengths = set()
    for people in (3, 4, 9) * 100:
        drill = draw_drill(rng, calls, people)
        has, numbers = told(drill)
        (a, b), many = [name for name in re.findall(r"\w+", drill.question) if name in has], drill.answer.isdigit()
        winner = max(a, b, key=has.__getitem__)
        assert drill.answer == (str(has[winner]) if many else winner) and has[a] != has[b]
        results: list[int] = []
        for pair in drill.program:
            ordered = sorted(pair, key=lambda v: (v < 0, abs(v)))  # numbers before results, the earlier one first
            x, y = (numbers[v] if v >= 0 else results[-1 - v] for v in ordered)
            results += [x + y, x - y, y - x]
        assert abs(has[a] - has[b]) in results and (not many or has[winner] in [*numbers, *results])
        lengths.add(len(drill.program))
    assert lengths == set(range(1, calls + 1))


def test_memory_is_of_texts_without_lines(random_encoder: Path) -> None:
    model, tokenizer = new_model(reader_of_lines(str(random_encoder), calls=3))
    encoder = TextEncoder.for_config(model.config, tokenizer)
    model.eval()
    drills = Drills(model, encoder, "test")
    batch, chosen = drills.draw(4)
    memory = Memory(model)
    assert memory.lost(batch) == 0
    before = model.encode(model.embed(model.views.choosing(batch.text)), batch.text.attention, batch.text.types)
    with torch.no_grad():
        next(model.encoder.parameters()).mul_(1.5)
    now = model.encode(model.embed(model.views.choosing(batch.text)), batch.text.attention, batch.text.types)
    there = batch.text.attention.bool()
    expected = (now - before)[there].square().sum() / before[there].square().sum()
    torch.testing.assert_close(memory.lost(batch), expected)
    logits, spans = drills.read(batch, chosen)
    assert logits.start.shape[0] == 4 and (spans[..., 0] >= 0).any(-1).all()


@pytest.mark.slow
@pytest.mark.parametrize("bf16", [False, True])
def test_what_was_taught_is_an_encoder_to_begin_with(random_encoder: Path, tmp_path: Path, bf16: bool) -> None:
    """A new reader begins with all of it but the scorer, which no drill has trained."""
    taught = tmp_path / "taught"
    settings = Lines(steps=2, batch_size=2, bf16=bf16)
    accuracy = teach_lines(str(random_encoder), taught, Console(file=StringIO()), settings)
    assert 0 <= accuracy["accuracy"] <= 100
    model, _ = new_model(reader_of_lines(str(taught), calls=2))
    learnt = {name.split(".")[0] for name in model.pretrained}
    assert learnt == {"encoder", "symbols", "spans"}
    assert model.pretrained >= {n for n, _ in model.named_parameters() if not n.startswith("scorer.")}
