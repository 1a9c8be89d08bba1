"""Saliency against finite differences of the reader's own confidence, and what is written of it."""

import math
from pathlib import Path

import pytest
import torch

from anzan.evaluation.saliency import calculator_share, saliency
from anzan.experiments.config import ModelConfig
from anzan.experiments.training import new_model
from anzan.reader.answers import Reader, features_for
from anzan.report.heat import write_html, write_png

PASSAGE, QUESTION = "Anna has 512 pens. Carl has <b>86</b> pens.", "Who has more pens: Anna or Carl?"


@pytest.fixture(params=[False, True])
def reader(request: pytest.FixtureRequest, random_encoder: Path) -> Reader:
    torch.manual_seed(0)
    model, tokenizer = new_model(ModelConfig(encoder=str(random_encoder), hide_arguments=request.param))
    return Reader(model, features_for(model, tokenizer))


def test_norms_are_those_of_finite_differences(reader: Reader) -> None:
    answer, tokens = saliency(reader, PASSAGE, QUESTION)
    assert answer == reader.ask(PASSAGE, QUESTION)
    digits = [t for t in tokens if t.where == "passage" and t.token.removeprefix("##").isdigit()]
    assert len(digits) == 5 and all(t.hidden == reader.model.config.hide_arguments for t in digits)
    assert sum(t.hidden for t in tokens) == (5 if reader.model.config.hide_arguments else 0)
    # Move one token's embedding along each direction, in float64, and see what becomes of log p.
    reader.model.double()
    trace = next(reader.trace_many([(PASSAGE, QUESTION)]))
    assert trace.answer.answer == answer.answer
    place = next(i for i, t in enumerate(tokens) if t.where == "calculator")
    size, moved = 1e-2, []  # the logits are float32

    def confidence(shift: torch.Tensor) -> float:
        def move(_: object, positional: object, named: dict) -> tuple:
            embeddings = named["inputs_embeds"].clone()
            if embeddings.shape[1] == len(tokens):  # the second pass
                embeddings[0, place] += shift
            return positional, named | {"inputs_embeds": embeddings}

        handle = reader.model.encoder.register_forward_pre_hook(move, with_kwargs=True)
        try:
            return math.log(next(reader.trace_many([(PASSAGE, QUESTION)])).answer.confidence)
        finally:
            handle.remove()

    for direction in torch.eye(16, dtype=torch.float64):
        moved.append((confidence(direction * size) - confidence(-direction * size)) / (2 * size))
    assert tokens[place].norm == pytest.approx(math.dist(moved, [0] * 16), rel=0.02)


def test_the_calculator_s_share_of_the_gradient(reader: Reader) -> None:
    _, tokens = saliency(reader, PASSAGE, QUESTION)
    on_the_line, beside = (
        math.fsum(t.norm for t in tokens if (t.where == "calculator") is there) for there in (True, False)
    )
    assert calculator_share(reader, PASSAGE, QUESTION) == pytest.approx(on_the_line / (on_the_line + beside))
    assert calculator_share(reader, PASSAGE, " ") is None


def test_what_is_written_is_escaped_and_whole(reader: Reader, tmp_path: Path) -> None:
    answer, tokens = saliency(reader, PASSAGE, QUESTION)
    write_html(answer, tokens, "a <title>", tmp_path / "page.html")
    write_png(answer, tokens, "a title", tmp_path / "page.png")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<b>86" not in page and "a &lt;title&gt;" in page and "&lt;" in page
    assert page.count("<span") == sum(t.where is not None for t in tokens)
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
