"""The network: one encoder that scores pairs of numbers, then reads the text followed by the calculator's result.

Yoshikawa, Heinzerling and Inui (NLP2022). Without operations the same code is BERT with span extraction.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils.generic import ModelOutput

from anzan.layer import Autoregressive, ExampleNoise, ResultTable
from anzan.reader.batch import Batch
from anzan.reader.config import CalculatorReaderConfig
from anzan.reader.encoders import locate_encoder
from anzan.reader.objective import Outcome, make_objective
from anzan.reader.programs import Calls
from anzan.reader.scored import Scored, ScoredPairs, ScoredPrograms, stop_or_go
from anzan.reader.scorer import PairScorer, ProgramScorer
from anzan.reader.spans import span_loss
from anzan.reader.symbols import Symbols
from anzan.reader.terms import Part, make_terms
from anzan.reader.tokenizer import model_ids
from anzan.reader.views import View, Views
from anzan.reader.windows import encode_in_windows

LOWEST = torch.finfo(torch.float32).min


class SpanLogits(NamedTuple):
    """Start and end logits (batch, length) over a text and its row, very low where no answer can stand."""

    start: Tensor
    end: Tensor


@dataclass
class ReaderOutput(ModelOutput):
    """What the reader computes for a batch.

    Attributes:
        loss: the sum of the means of `parts`. Where several processes train together, the counts of each part must be
            averaged over them first.
        parts: see `anzan.reader.terms`.
        logits: None where the objective has read several candidates.
        log_probs: (batch, candidates), of the first call; None without candidates.
    """

    loss: Tensor | None = None
    parts: dict[str, Part] | None = None
    logits: SpanLogits | None = None
    log_probs: Tensor | None = None

    @classmethod
    def of(cls, parts: dict[str, Part], outcome: Outcome) -> ReaderOutput:
        """The output whose loss is made of these parts."""
        loss = torch.stack([part.mean() for part in parts.values()]).sum()
        return cls(loss, parts, outcome.logits, outcome.log_probs)


class CalculatorReader(PreTrainedModel):
    """Reads passage and question, calls the calculator, and marks the answer in question, passage or results.

    It knows no text: it computes with a `Batch` and the `View`s of it. What is learnt, and how, is in its objective
    (`anzan.reader.objective`) and its terms (`anzan.reader.terms`).

    Attributes:
        pretrained: names of the parameters that a new reader has begun with; the others are new.
    """

    config: CalculatorReaderConfig
    config_class = CalculatorReaderConfig
    base_model_prefix = "reader"
    main_input_name = "batch"
    supports_gradient_checkpointing = True
    _supports_sdpa = True

    def __init__(self, config: CalculatorReaderConfig):
        super().__init__(config)
        settings = config.settings
        self.encoder = _build(config.encoder_config())
        hidden = self.encoder.config.hidden_size
        self.dropout = nn.Dropout(config.dropout)
        self.symbols = self.calls = None
        if config.symbol_ids is not None:
            self.symbols = Symbols(config.symbol_ids, hidden)
            self.calls = Calls(config.tools, settings.calls, config.symbol_ids, config.lines)
            self.scorer = ProgramScorer(hidden, self.calls.clauses, len(self.calls.tools))
        else:
            self.scorer = PairScorer(hidden)
        self.spans = nn.Linear(hidden, 2)
        self.views = Views(config)
        self.objective = make_objective(settings.choice)
        self.terms = make_terms(settings)
        self.positions = config.max_positions  # needed at every pass; the configuration builds the encoder's for it
        self.segments = int(getattr(self.encoder.config, "type_vocab_size", 0) or 0)
        self.pretrained: frozenset[str] = frozenset()
        self.post_init()
        if isinstance(self.scorer, ProgramScorer):
            self.scorer.start()

    @classmethod
    def from_encoder(
        cls,
        name_or_path: str,
        tokenizer: PreTrainedTokenizerFast,
        encoder_dropout: float | None = None,
        **options: Any,
    ) -> CalculatorReader:
        """A new reader around a pre-trained encoder: ``anzan-tiny``, ``all-MiniLM-L6-v2``, a hub name or a path.

        A reader's folder is one too: the new reader begins with all of its weights that fit.

        Args:
            tokenizer: the encoder's, as `load_tokenizer` gives it.
            encoder_dropout: replaces every dropout probability inside the encoder (on a CPU, drawing the masks took
                40 % of a training step); None keeps them.
            options: go to `CalculatorReaderConfig`.
        """
        path = locate_encoder(name_or_path)
        if is_reader(path):
            return cls._from_reader(path, encoder_dropout, options)
        encoder = AutoModel.from_pretrained(path, dtype=torch.float32)
        config = encoder.config.to_diff_dict() | {"model_type": encoder.config.model_type}
        config = _with_dropout(config, encoder.config.to_dict(), encoder_dropout)
        model = cls(CalculatorReaderConfig(encoder=config, **model_ids(tokenizer), **options))
        state = {k: v for k, v in encoder.state_dict().items() if not k.startswith("pooler.")}
        model.encoder.load_state_dict(state, strict=True)
        model.pretrained = frozenset(f"encoder.{k}" for k in state)
        if model.symbols is not None:
            digits, written = torch.tensor(model.config.digit_ids[0]), model.config.written_ids
            signs = torch.tensor([*(written[c] for c in "+-0"), model.config.mask_id])
            model.symbols.start(model.embedding.detach(), digits, signs)
        return model

    @classmethod
    def _from_reader(cls, path: str, encoder_dropout: float | None, options: Mapping[str, Any]) -> CalculatorReader:
        old = CalculatorReaderConfig.from_pretrained(path, local_files_only=True)
        encoder = _with_dropout(dict(old.encoder), old.encoder_config().to_dict(), encoder_dropout)
        kept = {"digit_ids": old.digit_ids, "mask_id": old.mask_id, "written_ids": old.written_ids}
        model = cls(CalculatorReaderConfig(encoder=encoder, vocabulary=old.vocabulary, **kept, **options))
        own, saved = model.state_dict(), load_file(Path(path) / "model.safetensors")
        fitting = {k: v for k, v in saved.items() if k in own and own[k].shape == v.shape}
        model.load_state_dict(fitting, strict=False)
        model.pretrained = frozenset(fitting)
        return model

    def save_pretrained(self, *args: Any, **kwargs: Any) -> Any:
        """As transformers saves it, with the parameter names that are used here.

        By default the encoder's parameters would get the names of its original release, which `from_pretrained`
        translates back and Trainer does not: a resumed run would keep its new encoder, with a warning.
        """
        return super().save_pretrained(*args, **{"save_original_format": False, **kwargs})

    # -- one pass ------------------------------------------------------------------------------------------------
    @property
    def embedding(self) -> Tensor:
        """The encoder's word embeddings, (vocabulary, hidden)."""
        return self.encoder.get_input_embeddings().weight  # pyright: ignore[reportReturnType]

    def embed(self, view: View, row: Tensor | None = None) -> Tensor:
        """A view as the encoder takes it, its row following its text at once: (batch, length, hidden).

        Args:
            row: (batch, r, hidden), the row where the symbolic layer has looked it up already.
        """
        if row is None and view.row is not None:
            row = self._words(view.row)
        return view.layout.join(self._words(view.text.ids), row)

    def _words(self, ids: Tensor) -> Tensor:
        if self.symbols is None:
            return self.encoder.get_input_embeddings()(ids.clamp_min(0)) * (ids >= 0)[..., None]
        word = (ids >= 0) & (ids < self.symbols.ids.first)
        words = self.encoder.get_input_embeddings()(torch.where(word, ids, 0)) * word[..., None]
        return words + self.symbols(ids)

    def encode(self, embeddings: Tensor, attention: Tensor, types: Tensor) -> Tensor:
        """The encoder on embedded tokens (batch, length, hidden), in windows if it does not read as many at once."""
        if embeddings.shape[1] <= self.positions:
            return self.dropout(self._encode(embeddings, attention, types))
        return self.dropout(encode_in_windows(self._encode, embeddings, attention.long(), types, self.positions))

    def _encode(self, embeddings: Tensor, attention: Tensor, types: Tensor) -> Tensor:
        # Results are a segment of their own where the encoder has a third one, else part of the second.
        segments = {"token_type_ids": types.clamp_max(self.segments - 1)} if self.segments > 1 else {}
        return self.encoder(inputs_embeds=embeddings, attention_mask=attention, **segments).last_hidden_state

    def score(self, batch: Batch, view: View) -> Tensor:
        """First pass, digits: scores (batch, candidates) of pairs of numbers, from the first token of each."""
        assert batch.candidates is not None
        hidden = self.encode(self.embed(view), view.text.attention, view.text.types)
        index = batch.candidates.numbers[..., None].expand(-1, -1, hidden.shape[-1])
        return self.scorer(hidden.gather(1, index), batch.candidates.pairs)

    def programs(self, batch: Batch, view: View) -> Autoregressive:
        """First pass, symbols: the distribution over programs (`anzan.reader.programs`), from one encoding."""
        return self.programs_of(batch, self.encode(self.embed(view), view.text.attention, view.text.types))

    def programs_of(self, batch: Batch, hidden: Tensor) -> Autoregressive:
        """The distribution over programs, from encoded texts (batch, length, hidden)."""
        numbers, calls = batch.numbers, self.calls
        assert numbers is not None and calls is not None
        own = hidden.gather(1, numbers.places[..., None].expand(-1, -1, hidden.shape[-1]))

        def step(prefixes: Tensor) -> Tensor:
            run = calls.run(numbers.values, prefixes)
            valid = calls.valid(numbers.there, numbers.constant, numbers.room, run)
            scores = self.scorer(own, hidden[:, 0], run.pairs, run.tools, run.signs).float()
            return stop_or_go(scores.masked_fill(~valid, -torch.inf))

        return Autoregressive(step, calls.calls, len(hidden), hidden.device)

    def read(self, view: View) -> SpanLogits:
        """Second pass: where the answer starts and ends, in the text or in the row that follows it."""
        return self.read_embedded(self.embed(view), view)

    def read_embedded(self, embedded: Tensor, view: View) -> SpanLogits:
        """As `read`, with the view embedded already (`embed`)."""
        layout = view.layout
        encoded = self.encode(embedded, layout.attention.long(), layout.types)
        logits = self.spans(encoded).float().masked_fill(~layout.answerable[..., None], LOWEST)
        return SpanLogits(logits[..., 0], logits[..., 1])

    def log_probs(self, view: View) -> SpanLogits:
        """Log-probabilities of where the answer starts and ends."""
        return SpanLogits(*(logits.log_softmax(-1) for logits in self.read(view)))

    # -- training ------------------------------------------------------------------------------------------------
    def forward(self, batch: Batch) -> ReaderOutput:
        """Both passes, with the symbolic layer or an objective of several candidates between them.

        The loss is the marginal span likelihood, spans in the result that was just computed included, plus the terms.
        """
        if batch.candidates is None and batch.numbers is None:
            outcome = self._read_text(batch)
            return ReaderOutput.of({"span": outcome.span}, outcome)
        scored = self.scored(batch)
        outcome = self.objective(scored, self)
        return ReaderOutput.of(self.terms(scored, outcome, self), outcome)

    def scored(self, batch: Batch) -> Scored:
        """The first pass: pairs of numbers with their scores and their printed rows, or programs."""
        noise = None if batch.draws is None else ExampleNoise(batch.draws)
        batch = self.views.draw(batch, self.training, noise)
        view = self.views.choosing(batch.text)
        if self.calls is not None:
            return ScoredPrograms(batch, noise, self.programs(batch, view), self.calls)
        candidates = batch.candidates
        assert candidates is not None and candidates.rows is not None
        table = ResultTable(candidates.rows, candidates.valid)
        return ScoredPairs(batch, noise, self.score(batch, view).float(), table)

    def _read_text(self, batch: Batch) -> Outcome:
        assert batch.labels is not None
        noise = None if batch.draws is None else ExampleNoise(batch.draws)
        logits = self.read(self.views.choosing(self.views.draw(batch, self.training, noise).text))
        spans = batch.labels.text_spans
        return Outcome(span_loss(*logits, spans), (spans[..., 0] >= 0).any(-1), logits=logits)


def is_reader(path: str) -> bool:
    """Whether a folder contains a reader, not an encoder alone."""
    config = Path(path) / "config.json"
    return (
        config.is_file()
        and json.loads(config.read_text("utf-8")).get("model_type") == CalculatorReaderConfig.model_type
    )


def _with_dropout(config: dict[str, Any], everything: Mapping[str, Any], dropout: float | None) -> dict[str, Any]:
    """An encoder's configuration with every dropout probability replaced; None keeps them."""
    if dropout is None:
        return config
    return config | {k: dropout for k, v in everything.items() if "dropout" in k and isinstance(v, float)}


def _build(config: PreTrainedConfig) -> PreTrainedModel:
    try:
        return AutoModel.from_config(config, add_pooling_layer=False)
    except TypeError:  # no pooler in this architecture
        return AutoModel.from_config(config)
