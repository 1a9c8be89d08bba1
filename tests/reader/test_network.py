"""The reader against itself one example at a time, and against a slow reference made of plain encoder calls."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from readers import MakeReader
from safetensors import safe_open
from torch import Tensor, nn
from torch.autograd import grad
from transformers import AutoModel

from anzan.reader import network as modeling
from anzan.reader.batch import collate_examples, collate_rows, collate_texts
from anzan.reader.config import OBJECTIVES, STRAIGHT_THROUGH, CalculatorReaderConfig
from anzan.reader.encode import Example, Features
from anzan.reader.network import SEVERAL, CalculatorReader, PairScorer
from anzan.reader.sequence import Row

PROBLEMS = [
    ("Anna has 7 pens. Carl has 5 pens.", "How many do they have?", "12"),
    ("Anna has 5,903,204 pens, Carl 81 and Zoë 12.", "Who has more: Anna or Carl?", "Anna"),
    ("Anna has 30 and gave -4 of 1.5.", "How many more has she?", "28.5"),
    ("Nobody has any.", "Who has 3?", "Nobody"),
    ("Anna has 3 and Carl 9.", "How many?", "99"),  # stands nowhere
]


def examples_of(features: Features, problems: list[tuple[str, str, str]] = PROBLEMS) -> list[Example]:
    return [features.example(passage, question, [[answer]]) for passage, question, answer in problems]


def batch_of(features: Features, examples: list[Example]) -> dict[str, Tensor]:
    pad = features.tokenizer.pad_token_id
    assert isinstance(pad, int)
    return collate_examples(examples, pad)


SEGMENTS = {"bert": 2, "nomic_bert": 3, "modernbert": 0}
"""Question, passage and, where there is a third one, results."""


# -- a slow reference --------------------------------------------------------------------------------------------
def encode(model: CalculatorReader, types: list[int], **tokens: Tensor) -> Any:
    """The encoder on one sequence, with no padding."""
    if SEGMENTS[model.encoder.config.model_type]:
        tokens["token_type_ids"] = torch.tensor([types])
    return model.encoder(attention_mask=torch.ones(1, len(types)), **tokens).last_hidden_state[0]


def slow_scores(model: CalculatorReader, example: Example) -> Tensor:
    hidden = encode(model, example.text.types, input_ids=torch.tensor([example.text.ids]))
    first = [hidden[m.span[0]] for m in example.text.mentions]
    pairs = [torch.cat([first[i], first[j]]) for i, j in example.text.candidates]
    return torch.stack([model.scorers[0].outer(model.scorers[0].inner(p).relu())[0] for p in pairs])


def slow_loss(model: CalculatorReader, examples: list[Example]) -> tuple[Tensor, list[int | None], list[Tensor]]:
    """The loss without noise, the pairs chosen, and start and end logits; differentiable by the dense surrogate."""
    embedding: Any = model.encoder.get_input_embeddings().weight
    span_losses, argument_losses, own_losses, chosen, logits = [], [], [], [], []
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
            soft = (scores / model.config.temperature).softmax(0)
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
            labels = good if any(good) else [a == best for a in range(len(defined))]
            terms = [-(q if g else 1 - q).log() for q, g in zip(p, labels, strict=True)]
            (argument_losses if any(good) else own_losses).append(torch.stack(terms).mean())
        chosen.append(index)
        out = model.spans(encode(model, types, inputs_embeds=embedded[None]))
        out = out.masked_fill(~torch.tensor(allowed)[:, None], -torch.inf)
        logits.append(out)
        if spans:
            start, end = out.softmax(0).unbind(1)
            span_losses.append(-torch.stack([start[s] * end[e] for s, e in spans]).sum().log())
    loss = torch.stack(span_losses).mean()
    if argument_losses:
        loss = loss + model.config.argument_weight * torch.stack(argument_losses).mean()
    if model.config.self_training and own_losses:
        loss = loss + model.config.self_training * torch.stack(own_losses).mean()
    return loss, chosen, logits


@pytest.mark.parametrize(
    "options",
    [{}, {"self_training": 0.7}, {"argument_weight": 0.3, "temperature": 0.5, "operations": ["+", "-", "*", "/"]}],
)
def test_forward_and_gradients_are_those_of_the_slow_reference(
    make_reader: MakeReader, options: dict[str, Any]
) -> None:
    model, features = make_reader(**options)
    examples = examples_of(features)
    out = model(**batch_of(features, examples))
    loss, chosen, logits = slow_loss(model, examples)
    assert out.index.tolist() == [0 if c is None else c for c in chosen]
    torch.testing.assert_close(out.loss, loss, atol=1e-5, rtol=1e-5)
    if model.config.self_training:
        assert any(not any(e.acceptable) and any(e.rows) for e in examples)  # an example for its own labels
    else:
        torch.testing.assert_close(out.loss.detach(), out.span_loss + model.config.argument_weight * out.argument_loss)
    for b, expected in enumerate(logits):
        n = len(expected)
        for ours, theirs in ((out.start_logits[b], expected[:, 0]), (out.end_logits[b], expected[:, 1])):
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
    model, features = make_reader(argument_loss="none")
    out = model(**batch_of(features, examples_of(features)))
    assert out.argument_loss is None
    for name, gradient in zip(
        ("inner", "outer"), grad(out.loss, [model.scorers[0].inner.weight, model.scorers[0].outer.weight]), strict=True
    ):
        assert gradient.isfinite().all() and gradient.abs().max() > 1e-7, name


def test_noise_in_training_alone(make_reader: MakeReader) -> None:
    model, features = make_reader(noise_scale=5.0)
    batch = batch_of(features, examples_of(features, [PROBLEMS[1]] * 16))
    assert len(set(model(**batch).index.tolist())) == 1
    assert len(set(model.train()(**batch).index.tolist())) > 1


def test_another_argument_loss(make_reader: MakeReader) -> None:
    model, features = make_reader(argument_loss="marginal", argument_weight=2.0)
    examples = examples_of(features)
    out = model(**batch_of(features, examples))
    masses = []
    for e in examples:
        if any(e.acceptable):
            p = slow_scores(model, e).softmax(0).tolist()
            masses.append(math.fsum(q for q, good in zip(p, e.acceptable, strict=True) if good))
    assert out.argument_loss.item() == pytest.approx(-sum(map(math.log, masses)) / len(masses), rel=1e-4)
    assert out.loss.item() == pytest.approx(out.span_loss.item() + 2 * out.argument_loss.item(), rel=1e-5)


# -- objectives --------------------------------------------------------------------------------------------------
def losses_of_candidates(model: CalculatorReader, example: Example) -> tuple[Tensor, Tensor] | None:
    """p(z) and the span loss behind each defined candidate, one at a time; None where there is no candidate."""
    defined = [(a, row) for a, row in enumerate(example.rows) if row]
    if not defined:
        return None
    batch = collate_examples([example], 0)
    text = {k: batch[k] for k in ("input_ids", "attention_mask", "token_type_ids", "span_mask")}
    losses = []
    for index, row in defined:
        start, end = (x[0].log_softmax(-1) for x in model.read_rows(torch.tensor([row.ids]), **text))
        behind = len(example.text.ids)
        spans = [*example.text_spans, *((a + behind, b + behind) for a, b in example.row_spans[index])]
        likelihood = sum((start[a] + end[b]).exp() for a, b in spans)
        losses.append(-torch.log(torch.as_tensor(likelihood)) if spans else torch.tensor(20.0))
    p = slow_scores(model, example)[torch.tensor([a for a, _ in defined])].softmax(0)
    return p, torch.stack(losses)


@pytest.mark.parametrize(
    "objective",
    ["exact-marginal", "top-k-marginal", "unordered-set", pytest.param("leave-one-out", marks=pytest.mark.slow)],
)
def test_objectives_read_every_candidate(objective: str, make_reader: MakeReader) -> None:
    """With a sample for each candidate: the marginal of equation 4, or the expected loss, enumerated."""
    model, features = make_reader(objective=objective, samples=6, argument_loss="none")
    examples = examples_of(features)
    totals = []
    for example in examples:
        found = losses_of_candidates(model, example)
        if found is None:
            continue  # without candidates the batch still holds it: below
        p, losses = found
        if losses.min().item() < 20:
            marginal = -torch.log((p * (-losses).exp()).sum())
            totals.append((p * losses).sum() if objective in ("unordered-set", "leave-one-out") else marginal)
    alone = batch_of(features, [e for e in examples if any(e.rows)])
    torch.manual_seed(0)
    model.training = True  # the objective's, not the encoder's dropout
    runs = [model(**alone).loss for _ in range(200 if objective == "leave-one-out" else 1)]
    expected = torch.stack(totals).mean()
    if objective == "leave-one-out":
        seen = torch.stack(runs).detach()
        assert abs(seen.mean() - expected.item()) < 5 * seen.std() / len(seen) ** 0.5
    else:
        assert runs[0].item() == pytest.approx(expected.item(), rel=1e-4)
        inner = model.scorers[0].inner.weight
        torch.testing.assert_close(grad(runs[0], inner)[0], grad(expected, inner)[0], atol=1e-5, rtol=1e-3)
    quiet = model.eval()(**batch_of(features, examples))  # no sampling in evaluation: the layer's own choice
    assert quiet.start_logits is not None and quiet.loss.isfinite()
    assert model.train()(**batch_of(features, examples)).loss.isfinite()


def test_the_sampled_marginal_of_many_draws_is_near_the_marginal(make_reader: MakeReader) -> None:
    losses = {}
    for objective in ("exact-marginal", "sampled-marginal"):
        model, features = make_reader(objective=objective, samples=300, argument_loss="none")
        model.training = True
        torch.manual_seed(0)
        losses[objective] = model(**batch_of(features, examples_of(features, PROBLEMS[:1]))).loss.item()
    assert losses["sampled-marginal"] == pytest.approx(losses["exact-marginal"], abs=0.1)


def test_who_is_sure_reads_once(make_reader: MakeReader, monkeypatch: pytest.MonkeyPatch) -> None:
    """One example is sure of its pair and is read with that alone; the others count as ever."""
    model, features = make_reader(objective="unordered-set", samples=6, sure=0.9, argument_loss="none")
    examples = [e for e in examples_of(features) if any(e.rows)]
    several = [e for e in examples if len(e.rows) > 1]
    with torch.no_grad():
        while max(slow_scores(model, e).softmax(0).max().item() for e in several) < 0.9:
            model.scorers[0].outer.weight *= 1.1
    totals, rows = [], 0
    for example in examples:
        found = losses_of_candidates(model, example)
        assert found is not None
        p, losses = found
        sure = p.max().item() >= 0.9
        rows += 1 if sure else sum(row is not None for row in example.rows)
        if losses.min().item() < 20:
            totals.append(losses[p.argmax()] if sure else (p * losses).sum())
    assert len(examples) < rows < sum(row is not None for e in examples for row in e.rows)
    read, seen = model.read_rows, []

    def count(ids: Tensor, **text: Any) -> tuple[Tensor, Tensor]:
        seen.append(len(ids))
        return read(ids, **text)

    monkeypatch.setattr(model, "read_rows", count)
    model.training = True  # the objective's, not the encoder's dropout
    loss, expected = model(**batch_of(features, examples)).loss, torch.stack(totals).mean()
    assert seen == [rows]
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)
    for weight in (model.scorers[0].inner.weight, model.spans.weight):
        torch.testing.assert_close(
            grad(loss, weight, retain_graph=True)[0], grad(expected, weight, retain_graph=True)[0]
        )


@pytest.mark.parametrize("objective", ["straight-through", "exact-marginal"])
def test_the_bonus_is_the_entropy_of_the_choice(objective: str, make_reader: MakeReader) -> None:
    model, features = make_reader(objective=objective, noise_scale=0.0)
    examples = examples_of(features)
    model.train().encoder.eval()  # no dropout
    batch = batch_of(features, examples)
    plain = model(**batch)
    model.entropy_weight = 0.3
    out = model(**batch)
    entropies = []
    for example in examples:
        defined = [a for a, row in enumerate(example.rows) if row]
        p = slow_scores(model, example)[torch.tensor(defined)].softmax(0) if defined else torch.ones(1)
        entropies.append(-(p * p.log()).sum())
    torch.testing.assert_close(plain.loss - out.loss, 0.3 * torch.stack(entropies).mean(), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(out.span_loss, plain.span_loss)  # what is logged holds no bonus


def test_the_bonus_begins_as_configured(make_reader: MakeReader) -> None:
    assert make_reader(entropy=0.2)[0].entropy_weight == 0.2


def test_a_negative_bonus_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^entropy: a weight of 0 or more, got -0.1"):
        CalculatorReaderConfig(entropy=-0.1)


@pytest.mark.parametrize("sure", [0.5, 1.1])
def test_sure_is_a_probability(sure: float) -> None:
    with pytest.raises(ValueError, match=rf"^sure: a probability above 0.5, up to 1 .*got {sure}"):
        CalculatorReaderConfig(sure=sure)


def test_unknown_objectives() -> None:
    with pytest.raises(
        ValueError, match=r"^objective: 'exact' is unknown; choose among straight-through, exact-marginal"
    ):
        CalculatorReaderConfig(objective="exact")


# -- padding -----------------------------------------------------------------------------------------------------
def text_tensors(features: Features, examples: list[Example]) -> tuple[dict[str, Tensor], Tensor]:
    batch = collate_texts([e.text for e in examples], 4)  # padding must not matter, whatever stands there
    return {k: batch[k] for k in ("input_ids", "attention_mask", "token_type_ids")}, batch["span_mask"]


def test_each_example_reads_as_if_alone(make_reader: MakeReader) -> None:
    """Results stand right behind each text: a batch of different lengths changes nothing."""
    model, features = make_reader()
    examples = examples_of(features)
    rows: list[Row | None] = [e.rows[-1] if e.rows else None for e in examples]
    assert len({len(e.text.ids) for e in examples}) > 2 and len({len(r.ids) for r in rows if r}) > 2 and None in rows
    text, mask = text_tensors(features, examples)
    together = model.read_rows(collate_rows(rows), **text, span_mask=mask)
    for b, (example, row) in enumerate(zip(examples, rows, strict=True)):
        text, mask = text_tensors(features, [example])
        alone = model.read_rows(collate_rows([row]), **text, span_mask=mask)
        n = len(example.text.ids) + (len(row.ids) if row else 0)
        for ours, theirs in zip(together, alone, strict=True):
            assert theirs.shape == (1, n)
            torch.testing.assert_close(ours[b, :n], theirs[0], atol=1e-5, rtol=1e-5)
            assert (ours[b, n:] < -1e30).all()


def test_each_example_scores_as_if_alone(make_reader: MakeReader) -> None:
    model, features = make_reader()
    examples = [e for e in examples_of(features) if e.rows]
    batch = collate_texts([e.text for e in examples], 4)
    keys = ("input_ids", "attention_mask", "token_type_ids", "number_tokens", "candidates")
    scores = model.score(**{k: batch[k] for k in keys})
    for b, example in enumerate(examples):
        torch.testing.assert_close(scores[b, : len(example.rows)], slow_scores(model, example), atol=1e-5, rtol=1e-5)


def test_long_text_and_long_result_of_two_examples_fit_together(make_reader: MakeReader) -> None:
    """Each is within the encoder's positions; the longest text and the longest result together are not."""
    model, features = make_reader(max_tokens=512)
    long_text = features.example("a " * 460 + "3 5", "How many?", [["8"]])
    long_result = features.example(f"{'1' * 40} {'2' * 40}", "How many?", [["3" * 40]])
    examples = [long_text, long_result]
    assert all(e.acceptable == [True] for e in examples)
    rows = [e.rows[0] for e in examples]
    assert max(len(e.text.ids) for e in examples) + max(len(r.ids) for r in rows if r) > features.max_length
    text, mask = text_tensors(features, examples)
    start, _ = model.read_rows(collate_rows(rows), **text, span_mask=mask)
    sizes = [len(e.text.ids) + len(r.ids) for e, r in zip(examples, rows, strict=True) if r]
    assert start.shape == (2, max(sizes)) and max(sizes) <= features.max_length
    loss, _, _ = slow_loss(model, examples)
    torch.testing.assert_close(model(**batch_of(features, examples)).loss, loss, atol=1e-4, rtol=1e-4)


def test_token_types(make_reader: MakeReader) -> None:
    """Question 0, passage and results 1, for encoders that have types."""
    model, features = make_reader()
    examples = examples_of(features)[:2]
    seen = {}

    def look(_: nn.Module, __: tuple, inputs: dict[str, Any]) -> None:
        seen.update(inputs)

    handle = model.encoder.register_forward_pre_hook(look, with_kwargs=True)
    text, mask = text_tensors(features, examples)
    rows = [e.rows[0] for e in examples]
    model.read_rows(collate_rows(rows), **text, span_mask=mask)
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
    model, features = make_reader(operations=())
    examples = examples_of(features)
    assert all(e.rows == [] for e in examples)
    batch = batch_of(features, examples)
    assert "candidates" not in batch
    out = model(**batch)
    assert out.log_probs is None and out.index is None and out.argument_loss is None
    loss, _, _ = slow_loss(model, examples)
    torch.testing.assert_close(out.loss, loss, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("operations", [(), ("+",), ("/",)])
def test_a_batch_whose_answers_stand_nowhere(make_reader: MakeReader, operations: tuple[str, ...]) -> None:
    model, features = make_reader(operations=operations)
    out = model(**batch_of(features, examples_of(features, [("Anna has 0 and 0.", "Who?", "Zoë"), ("x", "y", "z")])))
    assert out.loss.item() == 0.0
    for gradient in grad(out.loss, list(model.parameters()), materialize_grads=True):
        assert not gradient.any()


@pytest.mark.parametrize("problems", [PROBLEMS[3:4], [("Anna has 0 and 0.", "Who has 0?", "Anna")]])
def test_no_candidate_or_none_defined(make_reader: MakeReader, problems: list[tuple[str, str, str]]) -> None:
    model, features = make_reader(operations=("/",))
    examples = examples_of(features, problems)
    out = model(**batch_of(features, examples))
    torch.testing.assert_close(out.loss, slow_loss(model, examples)[0], atol=1e-5, rtol=1e-5)


def test_an_undefined_candidate_is_never_chosen(make_reader: MakeReader) -> None:
    model, features = make_reader(operations=("/",), noise_scale=50.0)
    batch = batch_of(features, examples_of(features, [("Anna has 0 and 0 and 4.", "Who?", "Anna")] * 32))
    out = model.train()(**batch)
    assert 0 not in out.index.tolist() and (out.log_probs[:, 0] == -torch.inf).all()


# -- parts -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("many", [2, 100])
def test_pair_scorer_is_a_network_on_the_concatenation(monkeypatch: pytest.MonkeyPatch, many: int) -> None:
    monkeypatch.setattr(modeling, "MANY", many)
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


def test_from_encoder_keeps_its_weights(bert: Path) -> None:
    model = CalculatorReader.from_encoder(str(bert), operations=("+",), temperature=0.5).eval()
    plain = AutoModel.from_pretrained(bert).eval()
    ids = torch.tensor([[2, 30, 40, 3]])
    torch.testing.assert_close(model.encoder(ids).last_hidden_state, plain(ids).last_hidden_state)
    assert not [name for name, _ in model.named_parameters() if "pooler" in name]
    assert model.config.operations == ["+"] and model.layer.estimator.settings["temperature"] == 0.5
    assert model.config.max_positions == 512


def test_from_encoder_of_either_architecture(make_reader: MakeReader, tmp_path: Path) -> None:
    model, _ = make_reader()
    model.encoder.save_pretrained(tmp_path)
    other = CalculatorReader.from_encoder(str(tmp_path))
    assert other.config.encoder["model_type"] == model.config.encoder["model_type"]
    for (name, ours), (same, theirs) in zip(
        other.encoder.state_dict().items(), model.encoder.state_dict().items(), strict=True
    ):
        assert name == same and torch.equal(ours, theirs), name


def test_dropout_inside_the_encoder(make_reader: MakeReader, tmp_path: Path) -> None:
    make_reader()[0].encoder.save_pretrained(tmp_path)
    for p in (0.0, 0.3):
        model = CalculatorReader.from_encoder(str(tmp_path), encoder_dropout=p)
        assert {m.p for m in model.encoder.modules() if isinstance(m, nn.Dropout)} <= {p}
        embedded = torch.randn(1, 5, 32, generator=torch.Generator().manual_seed(0))
        one, two = (model.train().encode(embedded, torch.ones(1, 5), None) for _ in range(2))
        assert torch.equal(one, two) == (p == 0.0)


def test_saving_and_loading(make_reader: MakeReader, tmp_path: Path) -> None:
    model, features = make_reader(
        operations=("+", "*"), argument_loss="marginal", temperature=0.5, noise_scale=0.1, dropout=0.2
    )
    model.save_pretrained(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        names = list(file.keys())
        saved = sum(file.get_tensor(name).numel() for name in names)  # some architectures are saved with fused weights
    assert saved == sum(p.numel() for p in model.parameters()) and not [n for n in names if "pooler" in n]
    loaded = CalculatorReader.from_pretrained(tmp_path).eval()
    for name in ("operations", "argument_loss", "temperature", "noise_scale", "dropout", "encoder"):
        assert getattr(loaded.config, name) == getattr(model.config, name), name
    batch = batch_of(features, examples_of(features))
    ours, theirs = model(**batch), loaded(**batch)
    for key in ("loss", "start_logits", "end_logits", "log_probs", "index"):
        assert torch.equal(ours[key], theirs[key]), key


def test_dropout_is_on_what_the_heads_read(make_reader: MakeReader) -> None:
    model, features = make_reader(dropout=1.0, noise_scale=0.0)
    out = model.train()(**batch_of(features, examples_of(features)[:1]))
    some = out.start_logits[0] > -1e30
    torch.testing.assert_close(out.start_logits[0][some], model.spans.bias[0].expand(int(some.sum())))


def test_an_unknown_argument_loss_is_refused_at_once():
    with pytest.raises(ValueError, match="argument_loss: 'bcee' is unknown; choose among bce, marginal, none"):
        CalculatorReaderConfig(argument_loss="bcee")


def test_self_training_without_an_argument_loss_is_refused():
    with pytest.raises(ValueError, match="self_training: needs an argument_loss, bce or marginal"):
        CalculatorReaderConfig(argument_loss="none", self_training=0.5)


def test_every_objective_that_can_be_named_is_there() -> None:
    assert {STRAIGHT_THROUGH, *SEVERAL} == set(OBJECTIVES)
