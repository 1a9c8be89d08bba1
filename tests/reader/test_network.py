"""The reader against itself one example at a time, and against a slow reference made of plain encoder calls."""

from copy import copy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from readers import MakeReader, chosen, examples_of
from safetensors import safe_open
from slow import SEGMENTS, encode, slow_scores
from torch import Tensor, nn
from torch.autograd import grad
from transformers import AutoModel, PreTrainedTokenizerFast

from anzan.reader import scorer as scorers
from anzan.reader.batch import Batch, collate_examples, collate_rows, collate_texts
from anzan.reader.encode import TextEncoder
from anzan.reader.labels import Example, make_example
from anzan.reader.network import CalculatorReader
from anzan.reader.scorer import PairScorer
from anzan.reader.sequence import Row
from anzan.reader.tokenizer import model_ids
from anzan.reader.views import View

PROBLEMS = [
    ("Anna has 7 pens. Carl has 5 pens.", "How many do they have?", "12"),
    ("Anna has 5,903,204 pens, Carl 81 and Zoë 12.", "Who has more: Anna or Carl?", "Anna"),
    ("Anna has 30 and gave -4 of 1.5.", "How many more has she?", "28.5"),
    ("Nobody has any.", "Who has 3?", "Nobody"),
    ("Anna has 3 and Carl 9.", "How many?", "99"),  # is nowhere
]


def batch_of(text_encoder: TextEncoder, problems: list[tuple[str, str, str]] = PROBLEMS) -> Batch:
    return collate_examples(examples_of(text_encoder, problems), text_encoder)


# -- a slow reference --------------------------------------------------------------------------------------------
def slow_loss(model: CalculatorReader, examples: list[Example]) -> tuple[Tensor, list[int | None], list[Tensor]]:
    """The loss without noise, the pairs chosen, and start and end logits; differentiable by the dense surrogate."""
    embedding: Any = model.encoder.get_input_embeddings().weight
    settings = model.config.settings
    span_losses, argument_losses, indexes, logits = [], [], [], []
    for example in examples:
        text, index = example.text, None
        ids, types = text.ids, text.types
        allowed = [token is not None for token in text.tokens]
        spans = list(example.text_spans)
        embedded = embedding[torch.tensor(ids)]
        defined = [a for a, row in enumerate(example.rows) if row]
        if defined:
            scores = slow_scores(model, example)[torch.tensor(defined)]
            p = scores.softmax(0)
            best = int(scores.argmax())
            index = defined[best]
            row = example.rows[index]
            assert row is not None
            # z = hard - soft.detach() + soft, times dense zero-padded results.
            soft = (scores / settings.choice.options.get("temperature", 1.0)).softmax(0)
            z = nn.functional.one_hot(torch.tensor(best), len(defined)) - soft.detach() + soft
            dense = torch.zeros(len(defined), len(row.ids), len(embedding))
            for a, other in enumerate(defined):
                for l, token in enumerate(example.rows[other].ids[: len(row.ids)]):  # pyright: ignore[reportOptionalMemberAccess]
                    dense[a, l, token] = 1.0
            embedded = torch.cat([embedded, (z[:, None, None] * dense).sum(0) @ embedding])
            spans += [(s + len(ids), e + len(ids)) for s, e in example.row_spans[index]]
            types = types + [SEGMENTS[model.encoder.config.model_type] - 1] * len(row.ids)
            allowed += [True] * (len(row.ids) - 1) + [False]
            good = [example.acceptable[a] for a in defined]
            if any(good):
                terms = [-(q if g else 1 - q).log() for q, g in zip(p, good, strict=True)]
                argument_losses.append(torch.stack(terms).mean())
        indexes.append(index)
        out = model.spans(encode(model, types, inputs_embeds=embedded[None]))
        out = out.masked_fill(~torch.tensor(allowed)[:, None], -torch.inf)
        logits.append(out)
        if spans:
            start, end = out.softmax(0).unbind(1)
            span_losses.append(-torch.stack([start[s] * end[e] for s, e in spans]).sum().log())
    loss = torch.stack(span_losses).mean()
    if argument_losses and settings.supervision.argument_loss != "none":
        loss = loss + torch.stack(argument_losses).mean()
    return loss, indexes, logits


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"supervision": {"argument_loss": "none"}},
        {"choice": {"options": {"temperature": 0.5}}, "operations": ["+", "-", "*", "/"]},
    ],
)
def test_forward_and_gradients_are_those_of_the_slow_reference(
    make_reader: MakeReader, settings: dict[str, Any]
) -> None:
    model, text_encoder = make_reader(**settings)
    examples = examples_of(text_encoder, PROBLEMS)
    batch = collate_examples(examples, text_encoder)
    out = model(batch)
    loss, indexes, logits = slow_loss(model, examples)
    assert chosen(model, batch) == [0 if c is None else c for c in indexes]
    torch.testing.assert_close(out.loss, loss, atol=1e-5, rtol=1e-5)
    unlabelled = model.config.settings.supervision.argument_loss == "none"
    assert out.parts.keys() == ({"span"} if unlabelled else {"span", "argument"})
    torch.testing.assert_close(out.loss, torch.stack([part.mean() for part in out.parts.values()]).sum())
    for b, expected in enumerate(logits):
        n = len(expected)
        for ours, theirs in ((out.logits.start[b], expected[:, 0]), (out.logits.end[b], expected[:, 1])):
            some = theirs.isfinite()
            torch.testing.assert_close(ours[:n][some], theirs[some], atol=1e-4, rtol=1e-4)
            assert (ours[:n][~some] < -1e30).all() and (ours[n:] < -1e30).all()
    named = [(name, p) for name, p in model.named_parameters()]
    ours = grad(out.loss, [p for _, p in named], materialize_grads=True)
    theirs = grad(loss, [p for _, p in named], materialize_grads=True)
    for (name, _), a, b in zip(named, ours, theirs, strict=True):
        torch.testing.assert_close(
            a, b, atol=2e-4 * max(1.0, float(b.abs().max())), rtol=1e-3, msg=lambda m, n=name: f"{n}: {m}"
        )


def test_the_answer_loss_alone_reaches_the_scorer(make_reader: MakeReader) -> None:
    model, text_encoder = make_reader(supervision={"argument_loss": "none"})
    out = model(batch_of(text_encoder))
    assert out.parts.keys() == {"span"}
    for name, gradient in zip(
        ("inner", "outer"), grad(out.loss, [model.scorer.inner.weight, model.scorer.outer.weight]), strict=True
    ):
        assert gradient.isfinite().all() and gradient.abs().max() > 1e-7, name


def test_noise_in_training_alone(make_reader: MakeReader) -> None:
    model, text_encoder = make_reader(choice={"options": {"noise_scale": 5.0}})
    batch = batch_of(text_encoder, [PROBLEMS[1]] * 16)
    assert len(set(chosen(model, batch))) == 1
    assert len(set(chosen(model.train(), batch))) > 1


# -- padding -----------------------------------------------------------------------------------------------------
def texts_of(text_encoder: TextEncoder, examples: list[Example]) -> Batch:
    other = copy(text_encoder)
    other.pad = 4  # padding must not matter, whatever its id is
    return collate_texts([e.text for e in examples], other)


def view_of(batch: Batch, rows: Tensor | None = None) -> View:
    return View(batch.text, rows)


def test_each_example_reads_as_if_alone(make_reader: MakeReader) -> None:
    """Each row follows its own text at once: a batch of different lengths changes nothing."""
    model, text_encoder = make_reader()
    examples = examples_of(text_encoder, PROBLEMS)
    rows: list[Row | None] = [e.rows[-1] if e.rows else None for e in examples]
    assert len({len(e.text.ids) for e in examples}) > 2 and len({len(r.ids) for r in rows if r}) > 2 and None in rows
    together = model.read(view_of(texts_of(text_encoder, examples), collate_rows(rows)))
    for b, (example, row) in enumerate(zip(examples, rows, strict=True)):
        alone = model.read(view_of(texts_of(text_encoder, [example]), collate_rows([row])))
        n = len(example.text.ids) + (len(row.ids) if row else 0)
        for ours, theirs in zip(together, alone, strict=True):
            assert theirs.shape == (1, n)
            torch.testing.assert_close(ours[b, :n], theirs[0], atol=1e-5, rtol=1e-5)
            assert (ours[b, n:] < -1e30).all()


def test_each_example_scores_as_if_alone(make_reader: MakeReader) -> None:
    model, text_encoder = make_reader()
    examples = [e for e in examples_of(text_encoder, PROBLEMS) if e.rows]
    batch = texts_of(text_encoder, examples)
    scores = model.score(batch, view_of(batch))
    for b, example in enumerate(examples):
        torch.testing.assert_close(scores[b, : len(example.rows)], slow_scores(model, example), atol=1e-5, rtol=1e-5)


def test_long_text_and_long_result_of_two_examples_fit_together(make_reader: MakeReader) -> None:
    """Each is within the encoder's positions; the longest text and the longest result together are not."""
    model, text_encoder = make_reader(max_tokens=512)
    long_text = make_example(text_encoder, "a " * 460 + "3 5", "How many?", [["8"]])
    long_result = make_example(text_encoder, f"{'1' * 40} {'2' * 40}", "How many?", [["3" * 40]])
    examples = [long_text, long_result]
    assert all(e.acceptable == [True] for e in examples)
    rows = [e.rows[0] for e in examples]
    assert max(len(e.text.ids) for e in examples) + max(len(r.ids) for r in rows if r) > text_encoder.max_length
    start, _ = model.read(view_of(texts_of(text_encoder, examples), collate_rows(rows)))
    sizes = [len(e.text.ids) + len(r.ids) for e, r in zip(examples, rows, strict=True) if r]
    assert start.shape == (2, max(sizes)) and max(sizes) <= text_encoder.max_length
    loss, _, _ = slow_loss(model, examples)
    torch.testing.assert_close(model(collate_examples(examples, text_encoder)).loss, loss, atol=1e-4, rtol=1e-4)


def test_token_types(make_reader: MakeReader) -> None:
    """Question 0, passage and results 1, for encoders that have types."""
    model, text_encoder = make_reader()
    examples = examples_of(text_encoder, PROBLEMS)[:2]
    seen = {}

    def look(_: nn.Module, __: tuple, inputs: dict[str, Any]) -> None:
        seen.update(inputs)

    handle = model.encoder.register_forward_pre_hook(look, with_kwargs=True)
    rows = [e.rows[0] for e in examples]
    model.read(view_of(texts_of(text_encoder, examples), collate_rows(rows)))
    handle.remove()
    segments = SEGMENTS[model.encoder.config.model_type]
    if not segments:
        assert "token_type_ids" not in seen
        return
    for b, (e, row) in enumerate(zip(examples, rows, strict=True)):
        assert row is not None
        n = len(e.text.ids) + len(row.ids)
        assert seen["attention_mask"][b].tolist() == [int(i < n) for i in range(seen["attention_mask"].shape[1])]
        assert seen["token_type_ids"][b, :n].tolist() == e.text.types + [segments - 1] * len(row.ids)


# -- edges -------------------------------------------------------------------------------------------------------
def test_span_extraction_without_operations(make_reader: MakeReader) -> None:
    model, text_encoder = make_reader(operations=())
    examples = examples_of(text_encoder, PROBLEMS)
    assert all(e.rows == [] for e in examples)
    batch = collate_examples(examples, text_encoder)
    assert batch.candidates is None
    out = model(batch)
    assert out.log_probs is None and out.parts.keys() == {"span"}
    loss, _, _ = slow_loss(model, examples)
    torch.testing.assert_close(out.loss, loss, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("operations", [(), ("+",), ("/",)])
def test_a_batch_whose_answers_are_nowhere(make_reader: MakeReader, operations: tuple[str, ...]) -> None:
    model, text_encoder = make_reader(operations=operations)
    out = model(batch_of(text_encoder, [("Anna has 0 and 0.", "Who?", "Zoë"), ("x", "y", "z")]))
    assert out.loss.item() == 0.0
    for gradient in grad(out.loss, list(model.parameters()), materialize_grads=True):
        assert not gradient.any()


@pytest.mark.parametrize("problems", [PROBLEMS[3:4], [("Anna has 0 and 0.", "Who has 0?", "Anna")]])
def test_no_candidate_or_none_defined(make_reader: MakeReader, problems: list[tuple[str, str, str]]) -> None:
    model, text_encoder = make_reader(operations=("/",))
    examples = examples_of(text_encoder, problems)
    out = model(collate_examples(examples, text_encoder))
    torch.testing.assert_close(out.loss, slow_loss(model, examples)[0], atol=1e-5, rtol=1e-5)


def test_an_undefined_candidate_is_never_chosen(make_reader: MakeReader) -> None:
    model, text_encoder = make_reader(operations=("/",), choice={"options": {"noise_scale": 50.0}})
    batch = batch_of(text_encoder, [("Anna has 0 and 0 and 4.", "Who?", "Anna")] * 32)
    assert 0 not in chosen(model.train(), batch) and (model(batch).log_probs[:, 0] == -torch.inf).all()


# -- parts of the network ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("many", [2, 100])
def test_pair_scorer_is_a_network_on_the_concatenation(monkeypatch: pytest.MonkeyPatch, many: int) -> None:
    monkeypatch.setattr(scorers, "MANY", many)
    torch.manual_seed(0)
    scorer = PairScorer(6).double()
    numbers = torch.randn(2, 4, 6, dtype=torch.float64)
    candidates = torch.tensor([[[0, 1], [0, 3], [2, 3]], [[1, 2], [0, 0], [3, 1]]])
    plain = nn.Sequential(scorer.inner, nn.ReLU(), scorer.outer)
    expected = [
        [plain(torch.cat([numbers[b, i], numbers[b, j]])).item() for i, j in candidates[b].tolist()] for b in (0, 1)
    ]
    torch.testing.assert_close(scorer(numbers, candidates), torch.tensor(expected, dtype=torch.float64))
    assert scorer(numbers[:, :0], candidates[:, :0]).shape == (2, 0)


def test_from_encoder_keeps_its_weights(bert: Path, bert_tokenizer: PreTrainedTokenizerFast) -> None:
    settings = {"operations": ("+",), "choice": {"options": {"temperature": 0.5}}}
    model = CalculatorReader.from_encoder(str(bert), bert_tokenizer, settings=settings).eval()
    plain = AutoModel.from_pretrained(bert).eval()
    ids = torch.tensor([[2, 30, 40, 3]])
    torch.testing.assert_close(model.encoder(ids).last_hidden_state, plain(ids).last_hidden_state)
    assert not [name for name, _ in model.named_parameters() if "pooler" in name]
    assert model.config.settings.operations == ["+"]
    assert model.objective.layer.estimator.settings["temperature"] == 0.5  # pyright: ignore
    assert model.config.max_positions == 512
    ids = model_ids(bert_tokenizer)
    assert {name: getattr(model.config, name) for name in ids} == ids


def test_from_encoder_of_either_architecture(make_reader: MakeReader, tmp_path: Path) -> None:
    model, text_encoder = make_reader()
    model.encoder.save_pretrained(tmp_path)
    other = CalculatorReader.from_encoder(str(tmp_path), text_encoder.tokenizer)
    assert other.config.encoder["model_type"] == model.config.encoder["model_type"]
    for (name, ours), (same, theirs) in zip(
        other.encoder.state_dict().items(), model.encoder.state_dict().items(), strict=True
    ):
        assert name == same and torch.equal(ours, theirs), name


def test_dropout_inside_the_encoder(make_reader: MakeReader, tmp_path: Path) -> None:
    model, text_encoder = make_reader()
    model.encoder.save_pretrained(tmp_path)
    for p in (0.0, 0.3):
        model = CalculatorReader.from_encoder(str(tmp_path), text_encoder.tokenizer, encoder_dropout=p)
        assert {m.p for m in model.encoder.modules() if isinstance(m, nn.Dropout)} <= {p}
        embedded = torch.randn(1, 5, 32, generator=torch.Generator().manual_seed(0))
        types = torch.zeros(1, 5, dtype=torch.long)
        one, two = (model.train().encode(embedded, torch.ones(1, 5), types) for _ in range(2))
        assert torch.equal(one, two) == (p == 0.0)


def test_saving_and_loading(make_reader: MakeReader, tmp_path: Path) -> None:
    model, text_encoder = make_reader(
        operations=("+", "*"),
        supervision={"argument_loss": "marginal"},
        choice={"options": {"temperature": 0.5, "noise_scale": 0.1}},
        dropout=0.2,
    )
    model.save_pretrained(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        names = list(file.keys())
        saved = sum(file.get_tensor(name).numel() for name in names)  # some architectures are saved with fused weights
    assert saved == sum(p.numel() for p in model.parameters()) and not [n for n in names if "pooler" in n]
    loaded = CalculatorReader.from_pretrained(tmp_path).eval()
    assert asdict(loaded.config.settings) == asdict(model.config.settings)
    for name in ("dropout", "encoder", "digit_ids", "mask_id", "vocabulary", "written_ids"):
        assert getattr(loaded.config, name) == getattr(model.config, name), name
    batch = batch_of(text_encoder)
    ours, theirs = model(batch), loaded(batch)
    for key in ("loss", "log_probs"):
        assert torch.equal(ours[key], theirs[key]), key
    assert chosen(model, batch) == chosen(loaded, batch)
    for a, b in zip(ours.logits, theirs.logits, strict=True):
        assert torch.equal(a, b)


def test_dropout_is_on_what_the_heads_read(make_reader: MakeReader) -> None:
    model, text_encoder = make_reader(dropout=1.0, choice={"options": {"noise_scale": 0.0}})
    out = model.train()(batch_of(text_encoder, PROBLEMS[:1]))
    some = out.logits.start[0] > -1e30
    torch.testing.assert_close(out.logits.start[0][some], model.spans.bias[0].expand(int(some.sum())))
