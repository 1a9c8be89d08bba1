"""The network: one encoder that scores pairs of numbers, then reads the text followed by the calculator's result.

Yoshikawa, Heinzerling and Inui (NLP2022). Without operations the same code is BERT with span extraction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoModel, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils.generic import ModelOutput

from anzan.layer import ExampleNoise, ResultTable
from anzan.reader.batch import Batch
from anzan.reader.config import CalculatorReaderConfig
from anzan.reader.encoders import locate_encoder
from anzan.reader.guesses import without_guess
from anzan.reader.objective import Outcome, Scored, make_objective
from anzan.reader.places import DigitPlaces
from anzan.reader.spans import span_loss
from anzan.reader.terms import Part, make_terms, part_names
from anzan.reader.tokenizer import model_ids
from anzan.reader.views import View, Views
from anzan.reader.windows import encode_in_windows

MANY = 1 << 15
"""Pairs of an example that are scored at once."""
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
        index: (batch,), the pair that was chosen.
    """

    loss: Tensor | None = None
    parts: dict[str, Part] | None = None
    logits: SpanLogits | None = None
    log_probs: Tensor | None = None
    index: Tensor | None = None

    @classmethod
    def of(cls, parts: dict[str, Part], outcome: Outcome) -> ReaderOutput:
        """The output whose loss is made of these parts."""
        loss = torch.stack([part.mean() for part in parts.values()]).sum()
        choice = outcome.choice
        if choice is None:
            return cls(loss, parts, outcome.logits)
        return cls(loss, parts, outcome.logits, choice.log_probs, choice.index)


class PairScorer(nn.Module):
    """Scores pairs of numbers: a 2-layer ReLU network on their concatenated representations."""

    def __init__(self, hidden: int):
        super().__init__()
        self.inner = nn.Linear(2 * hidden, hidden)
        self.outer = nn.Linear(hidden, 1)

    def forward(self, numbers: Tensor, pairs: Tensor) -> Tensor:
        """(batch, numbers, hidden) and pairs of their indexes (batch, candidates, 2) to scores (batch, candidates)."""
        # W [a; b] = W1 a + W2 b: two products over the numbers serve all pairs of them.
        left, right = self.inner.weight.chunk(2, dim=1)
        size = (-1, -1, left.shape[0])
        first, second = F.linear(numbers, left, self.inner.bias), F.linear(numbers, right)
        scores = []
        for some in pairs.split(MANY, 1):  # a text of a thousand numbers has half a million pairs
            a, b = (n.gather(1, some[..., i : i + 1].expand(size)) for i, n in enumerate((first, second)))
            scores.append(self.outer(F.relu(a + b))[..., 0])
        return torch.cat(scores, 1)


class CalculatorReader(PreTrainedModel):
    """Reads passage and question, calls the calculator, and marks the answer in question, passage or results.

    It knows no text: it computes with a `Batch` and the `View`s of it. What is learnt, and how, is in its objective
    (`anzan.reader.objective`) and its terms (`anzan.reader.terms`).
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
        self.scorers = nn.ModuleList(PairScorer(hidden) for _ in range(settings.calls))
        self.spans = nn.Linear(hidden, 2)
        self.places = DigitPlaces(settings.digit_places, hidden) if settings.digit_places else None
        self.views = Views(config)
        self.objective = make_objective(settings.choice)
        self.terms = make_terms(settings)
        self.positions = config.max_positions  # needed at every pass; the configuration builds the encoder's for it
        self.segments = int(getattr(self.encoder.config, "type_vocab_size", 0) or 0)
        self.post_init()

    @classmethod
    def from_encoder(
        cls,
        name_or_path: str,
        tokenizer: PreTrainedTokenizerFast,
        encoder_dropout: float | None = None,
        **options: Any,
    ) -> CalculatorReader:
        """A new reader around a pre-trained encoder: ``anzan-tiny``, ``all-MiniLM-L6-v2``, a hub name or a path.

        Args:
            tokenizer: the encoder's, as `load_tokenizer` gives it.
            encoder_dropout: replaces every dropout probability inside the encoder (on a CPU, drawing the masks took
                40 % of a training step); None keeps them.
            options: go to `CalculatorReaderConfig`.
        """
        encoder = AutoModel.from_pretrained(locate_encoder(name_or_path), dtype=torch.float32)
        config = encoder.config.to_diff_dict() | {"model_type": encoder.config.model_type}
        if encoder_dropout is not None:
            config |= {
                k: encoder_dropout
                for k, v in encoder.config.to_dict().items()
                if "dropout" in k and isinstance(v, float)
            }
        model = cls(CalculatorReaderConfig(encoder=config, **model_ids(tokenizer), **options))
        state = {k: v for k, v in encoder.state_dict().items() if not k.startswith("pooler.")}
        model.encoder.load_state_dict(state, strict=True)
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
        if view.row is not None:
            row = self._placed(self._words(view.row) if row is None else row, view.row, view.shift)
        return view.layout.join(self._placed(self._words(view.ids), view.ids, view.shift), row)

    def _words(self, ids: Tensor) -> Tensor:
        return self.encoder.get_input_embeddings()(ids.clamp_min(0)) * (ids >= 0)[..., None]

    def _placed(self, embedded: Tensor, ids: Tensor, shift: Tensor | None) -> Tensor:
        if self.places is None:
            return embedded
        return embedded + self.places(ids, self.views.digit_ids(ids.device), shift)

    def encode(self, embeddings: Tensor, attention: Tensor, types: Tensor) -> Tensor:
        """The encoder on embedded tokens (batch, length, hidden), in windows if it does not read as many at once."""
        if embeddings.shape[1] <= self.positions:
            return self.dropout(self._encode(embeddings, attention, types))
        return self.dropout(encode_in_windows(self._encode, embeddings, attention.long(), types, self.positions))

    def _encode(self, embeddings: Tensor, attention: Tensor, types: Tensor) -> Tensor:
        # Results are a segment of their own where the encoder has a third one, else part of the second.
        segments = {"token_type_ids": types.clamp_max(self.segments - 1)} if self.segments > 1 else {}
        return self.encoder(inputs_embeds=embeddings, attention_mask=attention, **segments).last_hidden_state

    def score(self, batch: Batch, view: View, call: int = 0) -> Tensor:
        """First pass: scores (batch, candidates) of pairs of numbers, from the first token of each.

        `call` counts the calls before this one, whose results are part of the text.
        """
        assert batch.candidates is not None
        hidden = self.encode(self.embed(view), view.attention, view.types)
        index = batch.candidates.numbers[..., None].expand(-1, -1, hidden.shape[-1])
        return self.scorers[call](hidden.gather(1, index), batch.candidates.pairs)

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
        """Log-probabilities of where the answer starts and ends, without the guess (`anzan.reader.guesses`)."""
        start, end = (logits.log_softmax(-1) for logits in self.read(view))
        if power := self.config.settings.debias.guesses:
            guess = (logits.log_softmax(-1) for logits in self.read(self.views.guessing(view)))
            start, end = (without_guess(a, b, power) for a, b in zip((start, end), guess, strict=True))
        return SpanLogits(start, end)

    # -- training ------------------------------------------------------------------------------------------------
    def forward(self, batch: Batch) -> ReaderOutput:
        """Both passes, with the symbolic layer or an objective of several candidates between them.

        The loss is the marginal span likelihood, spans in the result that was just computed included, plus the terms.
        With several calls, what follows the first one is the downstream network of its choice.
        """
        if batch.candidates is None:
            outcome = self._read_text(batch)
            return ReaderOutput.of({"span": outcome.span}, outcome)
        scored = self.scored(batch)
        outcome = self.objective(scored, self)
        parts = outcome.parts | self.terms(scored, outcome, self)
        return ReaderOutput.of(parts, outcome)

    def scored(self, batch: Batch, call: int = 0, noise: ExampleNoise | None = None) -> Scored:
        """The first pass of a call: its candidates with their scores and their printed rows."""
        candidates = batch.candidates
        assert candidates is not None and candidates.rows is not None and candidates.operands is not None
        if noise is None and batch.draws is not None:
            noise = ExampleNoise(batch.draws)
        drawn = self.views.draw(batch, self.training, noise)
        rows = self.views.rows(candidates.rows, candidates.operands, candidates.pairs, drawn)
        table = ResultTable(rows, candidates.valid)
        scores = self.score(batch, self.views.choosing(batch.text, drawn), call)
        return Scored(call, call + 1 == self.config.settings.calls, batch, scores.float(), table, drawn, noise)

    def _read_text(self, batch: Batch) -> Outcome:
        assert batch.labels is not None
        noise = None if batch.draws is None else ExampleNoise(batch.draws)
        logits = self.read(self.views.choosing(batch.text, self.views.draw(batch, self.training, noise)))
        spans = batch.labels.text_spans
        return Outcome(span_loss(*logits, spans), (spans[..., 0] >= 0).any(-1), None, logits)

    def part_names(self) -> list[str]:
        """All parts that the loss can have, see `ReaderOutput`."""
        return part_names(self.config.settings.calls)


def _build(config: PreTrainedConfig) -> PreTrainedModel:
    try:
        return AutoModel.from_config(config, add_pooling_layer=False)
    except TypeError:  # no pooler in this architecture
        return AutoModel.from_config(config)
