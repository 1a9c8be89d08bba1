"""Saliency against finite differences of the reader's own confidence, and what is written of it."""

import math
import re
from pathlib import Path

import captum.attr
import pytest
import torch

from anzan.evaluation import calculator_share, explain, saliency
from anzan.reader.reader import Reader
from anzan.reader.scorer import ProgramScorer
from anzan.reader.sequence import RESULT_SEGMENT
from anzan.reader.settings import ChoiceSettings, SupervisionSettings
from anzan.report.explanation_page import write_explanation
from anzan.report.heat import write_html, write_png
from anzan.training import ModelSettings, new_model

PASSAGE, QUESTION = "Anna has 512 pens. Carl has <b>86</b> pens.", "Who has more pens: Anna or Carl?"


@pytest.fixture(params=["digits", "symbols"])
def reader(request: pytest.FixtureRequest, random_encoder: Path) -> Reader:
    torch.manual_seed(0)
    objective, loss = {"digits": ("straight-through", "bce"), "symbols": ("unordered-set", "marginal")}[request.param]
    settings = ModelSettings(
        encoder=str(random_encoder),
        numbers=request.param,
        choice=ChoiceSettings(objective),
        supervision=SupervisionSettings(loss),
    )
    model, tokenizer = new_model(settings)
    if isinstance(model.scorer, ProgramScorer):
        model.scorer.stop.bias.data.fill_(-1e4)  # it calls its calculator
    return Reader(model, tokenizer)


def test_norms_are_those_of_finite_differences(reader: Reader) -> None:
    answer, tokens = saliency(reader, PASSAGE, QUESTION)
    assert answer == reader.ask(PASSAGE, QUESTION)
    symbols = reader.model.config.settings.numbers == "symbols"
    words = [t.token for t in tokens if t.where == "passage"]
    assert sum(w.removeprefix("##").isdigit() for w in words) == (0 if symbols else 5)
    assert [w for w in words if w in ("N0", "N1")] == (["N0", "N1"] if symbols else [])
    if symbols:
        line = " ".join(t.token for t in tokens if t.where == "calculator")
        assert line == "+ R0 = N0 + N1 , + R1 = N0 - N1 , - R2 = N1 - N0"
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


def test_norms_are_those_of_captum(reader: Reader) -> None:
    _, tokens = saliency(reader, PASSAGE, QUESTION)
    [trace] = reader.trace_many([(PASSAGE, QUESTION)])
    assert trace.span is not None and trace.row is not None
    model, length = reader.model, len(trace.shown.ids)
    first, last = trace.span
    types = torch.tensor([trace.text.types + [RESULT_SEGMENT] * len(trace.row.ids)])
    answerable = torch.tensor([t.where is not None for t in tokens])

    def loss(embeddings: torch.Tensor) -> torch.Tensor:
        kinds = {"token_type_ids": types.clamp_max(model.segments - 1)} if model.segments > 1 else {}
        mask = torch.ones(1, length, dtype=torch.long)
        encoded = model.encoder(inputs_embeds=embeddings, attention_mask=mask, **kinds).last_hidden_state
        log_p = model.spans(encoded).masked_fill(~answerable[:, None], -torch.inf).log_softmax(1)
        return -(log_p[:, first, 0] + log_p[:, last, 1])

    ids, vocabulary = torch.tensor([trace.shown.ids]), len(reader.text_encoder.tokenizer)
    embeddings = model.encoder.get_input_embeddings()(ids.masked_fill(ids >= vocabulary, 0))
    if model.symbols is not None:
        embeddings = torch.where((ids >= vocabulary)[..., None], model.symbols(ids), embeddings)
    embeddings = embeddings.detach()
    gradient = captum.attr.Saliency(loss).attribute(embeddings, abs=False)
    torch.testing.assert_close(torch.tensor([t.norm for t in tokens]), gradient[0].norm(dim=-1), rtol=1e-3, atol=1e-6)


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
    assert page.count('<span style="background: rgba') == sum(t.where is not None for t in tokens)
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")


def test_an_explanation(reader: Reader, tmp_path: Path) -> None:
    """Its pairs and answers against those of the reader itself."""
    found = explain(reader, PASSAGE, QUESTION, most=3)
    assert found.answer == reader.ask(PASSAGE, QUESTION)
    [[only]] = found.candidates
    assert [m.text for m in only.arguments] == ["512", "86"] and only.probability == pytest.approx(1)
    assert only.calculation == found.answer.steps[0].calculation
    ranked = [found.answer, *found.others]
    assert len(found.others) == 3
    assert [a.confidence for a in ranked] == sorted((a.confidence for a in ranked), reverse=True)
    write_explanation(found, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<b>86" not in page and "598 = 512 + 86" in page and "100.0 %" in page
    assert not re.search(r'(?:src|href)="(?!data:)', page)  # it needs nothing else


def test_an_explanation_without_a_calculation(reader: Reader, tmp_path: Path) -> None:
    found = explain(reader, "Anna has 5 pens.", "Who?")
    assert found.candidates == []
    write_explanation(found, tmp_path / "page.html")
    assert "The calculator was not called." in (tmp_path / "page.html").read_text(encoding="utf-8")
