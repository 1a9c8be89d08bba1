"""The reader: one encoder that scores pairs of numbers, then reads the text with the calculator's result behind it.

Yoshikawa, Heinzerling and Inui (NLP2022). `span` is the same code with no operations: BERT with span extraction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.utils.generic import ModelOutput

from anzan.layer import (
    Choice,
    Estimate,
    ResultTable,
    StraightThrough,
    SymbolicLayer,
    argument_loss,
    exact_marginal,
    leave_one_out,
    pseudo_labels,
    sampled_marginal,
    top_k_marginal,
    unordered_set,
)
from anzan.reader.encoders import locate_encoder
from anzan.reader.spans import span_loss

ARGUMENT_LOSSES = ("bce", "marginal", "none")
STRAIGHT_THROUGH = "straight-through"
SEVERAL: dict[str, Callable[..., Estimate]] = {
    "exact-marginal": exact_marginal,
    "top-k-marginal": top_k_marginal,
    "sampled-marginal": sampled_marginal,
    "leave-one-out": leave_one_out,
    "unordered-set": unordered_set,
}
OBJECTIVES = (STRAIGHT_THROUGH, *SEVERAL)
# -log p(answer) where it stands neither in the text nor in a candidate's result: certain failure, kept finite.
NO_ANSWER = 20.0


class CalculatorReaderConfig(PreTrainedConfig):
    """Configuration of a `CalculatorReader`.

    Args:
        encoder: the encoder's own configuration (its `to_dict()`); the reader builds its encoder from it.
        operations: of ``+ - * /``; empty for span extraction without a calculator.
        argument_loss: ``bce`` (the paper's), ``marginal`` or ``none``.
        argument_weight: factor of the argument loss.
        self_training: factor of the same loss on `pseudo_labels`, for questions that give no label.
        objective: what the span loss trains the scores by: ``straight-through``, or an objective that reads several
            candidates' results for each example, ``exact-marginal`` (all of them), ``top-k-marginal``,
            ``sampled-marginal``, ``leave-one-out`` or ``unordered-set``.
        samples: how many candidates the last four of these read.
        temperature, noise_scale: of the straight-through Gumbel-Softmax.
        dropout: on what the two heads read.
        max_answer_words: the longest answer that is read off question or passage.

    Raises:
        ValueError: an unknown argument loss or objective, or self-training without an argument loss.
    """

    model_type = "anzan-reader"

    # Declared, or transformers takes it for a setting of text generation and refuses to save.
    temperature: float = 1.0

    def __init__(
        self,
        encoder: dict[str, Any] | None = None,
        operations: list[str] | tuple[str, ...] = ("+", "-"),
        argument_loss: str = "bce",
        argument_weight: float = 1.0,
        self_training: float = 0.0,
        objective: str = STRAIGHT_THROUGH,
        samples: int = 4,
        temperature: float = 1.0,
        noise_scale: float = 1.0,
        dropout: float = 0.0,
        max_answer_words: int = 12,
        **kwargs: Any,
    ):
        if argument_loss not in ARGUMENT_LOSSES:
            raise ValueError(f"argument_loss: {argument_loss!r} is unknown; choose among {', '.join(ARGUMENT_LOSSES)}")
        if self_training and argument_loss == "none":
            raise ValueError("self_training: needs an argument_loss, bce or marginal")
        if objective not in OBJECTIVES:
            raise ValueError(f"objective: {objective!r} is unknown; choose among {', '.join(OBJECTIVES)}")
        super().__init__(**kwargs)
        self.encoder = dict(encoder or {})
        self.operations = list(operations)
        self.argument_loss = argument_loss
        self.argument_weight = argument_weight
        self.self_training = self_training
        self.objective = objective
        self.samples = samples
        self.temperature = temperature
        self.noise_scale = noise_scale
        self.dropout = dropout
        self.max_answer_words = max_answer_words

    def encoder_config(self) -> PreTrainedConfig:
        """The encoder's configuration as an object."""
        return AutoConfig.for_model(**self.encoder)

    @property
    def max_positions(self) -> int:
        """The most tokens that text and results may have together."""
        limit = int(getattr(self.encoder_config(), "max_position_embeddings", 512))
        return limit


@dataclass
class ReaderOutput(ModelOutput):
    """What the reader computes for a batch.

    `log_probs` (batch, candidates) and `index` (batch), the pair chosen, are None without candidates; logits are
    (batch, length of text and results together), -inf at padding and separators, and None where an objective has read
    several candidates.
    """

    loss: Tensor | None = None
    span_loss: Tensor | None = None
    argument_loss: Tensor | None = None
    start_logits: Tensor | None = None
    end_logits: Tensor | None = None
    log_probs: Tensor | None = None
    index: Tensor | None = None


class PairScorer(nn.Module):
    """Scores pairs of numbers: a 2-layer ReLU network on their concatenated representations."""

    def __init__(self, hidden: int):
        super().__init__()
        self.inner = nn.Linear(2 * hidden, hidden)
        self.outer = nn.Linear(hidden, 1)

    def forward(self, numbers: Tensor, candidates: Tensor) -> Tensor:
        """(batch, numbers, hidden) and pairs of their indexes (batch, candidates, 2) to scores (batch, candidates)."""
        # W [a; b] = W1 a + W2 b: two products over the numbers serve all pairs of them.
        left, right = self.inner.weight.chunk(2, dim=1)
        size = (-1, -1, left.shape[0])
        a = F.linear(numbers, left, self.inner.bias).gather(1, candidates[..., :1].expand(size))
        b = F.linear(numbers, right).gather(1, candidates[..., 1:].expand(size))
        return self.outer(F.relu(a + b))[..., 0]


class CalculatorReader(PreTrainedModel):
    """Reads passage and question, calls the calculator, and marks the answer in question, passage or results."""

    config_class = CalculatorReaderConfig
    base_model_prefix = "reader"
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True
    _supports_sdpa = True

    def __init__(self, config: CalculatorReaderConfig):
        super().__init__(config)
        self.encoder = _build(config.encoder_config())
        hidden = self.encoder.config.hidden_size
        self.dropout = nn.Dropout(config.dropout)
        self.scorer = PairScorer(hidden)
        self.spans = nn.Linear(hidden, 2)
        self.layer = SymbolicLayer(StraightThrough(config.temperature, config.noise_scale))
        self.segments = int(getattr(self.encoder.config, "type_vocab_size", 0) or 0)
        self.post_init()

    @classmethod
    def from_encoder(cls, name_or_path: str, encoder_dropout: float | None = None, **options: Any) -> CalculatorReader:
        """A new reader around a pre-trained encoder: ``anzan-tiny``, ``all-MiniLM-L6-v2``, a hub name or a path.

        `encoder_dropout` replaces every dropout probability inside the encoder (on a CPU, drawing the masks took 40 %
        of a training step); None leaves them. `options` go to `CalculatorReaderConfig`.
        """
        path = locate_encoder(name_or_path)
        encoder = AutoModel.from_pretrained(path, dtype=torch.float32)
        config = encoder.config.to_diff_dict() | {"model_type": encoder.config.model_type}
        if encoder_dropout is not None:
            config |= {
                k: encoder_dropout
                for k, v in encoder.config.to_dict().items()
                if "dropout" in k and isinstance(v, float)
            }
        model = cls(CalculatorReaderConfig(encoder=config, **options))
        state = {k: v for k, v in encoder.state_dict().items() if not k.startswith("pooler.")}
        model.encoder.load_state_dict(state, strict=True)
        return model

    # -- the two passes ------------------------------------------------------------------------------------------
    def encode(self, embeddings: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None) -> Tensor:
        """The encoder on embedded tokens (batch, length, hidden)."""
        types = {"token_type_ids": token_type_ids} if self.segments > 1 and token_type_ids is not None else {}
        out = self.encoder(inputs_embeds=embeddings, attention_mask=attention_mask, **types)
        return self.dropout(out.last_hidden_state)

    def score(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor | None,
        number_tokens: Tensor,
        candidates: Tensor,
    ) -> Tensor:
        """First pass: scores (batch, candidates) of pairs of numbers, from the first wordpiece of each."""
        hidden = self.encode(self.encoder.get_input_embeddings()(input_ids), attention_mask, token_type_ids)
        index = number_tokens[..., None].expand(-1, -1, hidden.shape[-1])
        return self.scorer(hidden.gather(1, index), candidates)

    def read(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor | None,
        span_mask: Tensor,
        results: Tensor | None = None,
        result_mask: Tensor | None = None,
        separators: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Second pass: start and end logits over the text followed at once by the embedded results.

        Args:
            results: (batch, r, hidden), embedded; None for no results at all.
            result_mask: bool (batch, r), True at the tokens of a result.
            separators: bool (batch, r), True where no answer can stand (the closing [SEP]).
        """
        embeddings = self.encoder.get_input_embeddings()(input_ids)
        attention = attention_mask.bool()
        if results is not None and result_mask is not None and separators is not None and results.shape[1]:
            text = input_ids.shape[1]
            embeddings = torch.cat([embeddings, results], 1)
            # Each example's results stand right behind its own text, whatever the padding.
            length = attention.sum(1, keepdim=True)
            ends = length + result_mask.sum(1, keepdim=True)
            # No wider than the longest example needs: the longest text and the longest result together, of two
            # examples, may be beyond the encoder's positions.
            place = torch.arange(int(ends.max()), device=length.device).expand(embeddings.shape[0], -1)
            source = torch.where(place < length, place, (place - length + text).clamp(max=embeddings.shape[1] - 1))
            attention = place < ends
            embeddings = embeddings.gather(1, source[..., None].expand(-1, -1, embeddings.shape[-1]))
            span_mask = torch.cat([span_mask, result_mask & ~separators], 1).gather(1, source) & attention
            if token_type_ids is not None:
                # Results are a segment of their own where the encoder has a third one, else part of the second.
                segment = min(2, self.segments - 1)
                token_type_ids = F.pad(token_type_ids, (0, results.shape[1]), value=segment)[:, : place.shape[1]]
                token_type_ids = torch.where(place < length, token_type_ids, segment)
        hidden = self.encode(embeddings, attention.long(), token_type_ids)
        logits = self.spans(hidden).float().masked_fill(~span_mask[..., None], torch.finfo(torch.float32).min)
        return logits[..., 0], logits[..., 1]

    def read_rows(self, result_ids: Tensor, **text: Any) -> tuple[Tensor, Tensor]:
        """Second pass with results given as token ids (batch, r), -1 beyond their end."""
        there = result_ids >= 0
        embedded = self.encoder.get_input_embeddings()(result_ids.clamp_min(0)) * there[..., None]
        return self.read(**text, results=embedded, result_mask=there, separators=_last(there))

    # -- training ------------------------------------------------------------------------------------------------
    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        span_mask: Tensor,
        text_spans: Tensor,
        token_type_ids: Tensor | None = None,
        number_tokens: Tensor | None = None,
        candidates: Tensor | None = None,
        candidate_mask: Tensor | None = None,
        result_ids: Tensor | None = None,
        row_spans: Tensor | None = None,
        acceptable: Tensor | None = None,
        **_: Any,
    ) -> ReaderOutput:
        """Both passes with the symbolic layer between them; tensors as `features.collate_examples` gives them.

        The loss is the marginal span likelihood, spans in the result that was just computed included, plus the
        argument loss on the pairs whose result equals the answer, plus that on pseudo-labels if asked for.
        """
        text = {"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids}
        if candidates is None or result_ids is None or candidates.shape[1] == 0:
            start, end = self.read(**text, span_mask=span_mask)
            loss = self._mean_span_loss(start, end, text_spans)
            return ReaderOutput(loss=loss, span_loss=loss.detach(), start_logits=start, end_logits=end)
        assert number_tokens is not None and row_spans is not None and acceptable is not None
        table = ResultTable(result_ids, candidate_mask)
        scores = self.score(**text, number_tokens=number_tokens, candidates=candidates).float()
        start = end = None
        if self.training and self.config.objective != STRAIGHT_THROUGH:
            choice: Choice = self.layer.estimator(scores, table.valid)
            loss = spans = self._objective_loss(scores, table, text | {"span_mask": span_mask}, text_spans, row_spans)
        else:
            embedded, there, choice = self.layer(scores, table, self.encoder.get_input_embeddings().weight)
            start, end = self.read(
                **text, span_mask=span_mask, results=embedded, result_mask=there, separators=_last(there)
            )
            assert choice.index is not None
            fresh = _fresh_spans(row_spans, choice.index[:, None], attention_mask)
            loss = spans = self._mean_span_loss(start, end, torch.cat([text_spans, fresh[:, 0]], 1))
        arguments = None
        if self.config.argument_loss != "none":
            kind: Literal["bce", "marginal"] = self.config.argument_loss
            arguments = argument_loss(choice.log_probs, acceptable, table.valid, kind)
            loss = loss + self.config.argument_weight * arguments
            if self.config.self_training:
                own = pseudo_labels(choice.log_probs, acceptable, table.valid)
                loss = loss + self.config.self_training * argument_loss(choice.log_probs, own, table.valid, kind)
        return ReaderOutput(
            loss=loss,
            span_loss=spans.detach(),
            argument_loss=None if arguments is None else arguments.detach(),
            start_logits=start,
            end_logits=end,
            log_probs=choice.log_probs,
            index=choice.index,
        )

    def _objective_loss(
        self, scores: Tensor, table: ResultTable, text: dict[str, Any], text_spans: Tensor, row_spans: Tensor
    ) -> Tensor:
        """The mean of the objective over the examples whose answer stands in the text or in some candidate's result."""

        def loss_of(index: Tensor) -> Tensor:
            n = index.shape[1]
            many = {k: v if v is None else v.repeat_interleave(n, 0) for k, v in text.items()}
            start, end = self.read_rows(table.rows(index).flatten(0, 1), **many)
            fresh = _fresh_spans(row_spans, index, text["attention_mask"])
            spans = torch.cat([text_spans[:, None].expand(-1, n, -1, -1), fresh], 2).flatten(0, 1)
            some = (spans[..., 0] >= 0).any(-1)
            return torch.where(some, span_loss(start, end, spans), NO_ANSWER).view(-1, n)

        samples = self.config.samples
        counts = {"exact-marginal": {}, "top-k-marginal": {"k": samples}}
        options = counts.get(self.config.objective, {"samples": samples})
        estimate = SEVERAL[self.config.objective](scores, loss_of, table.valid, **options)
        in_results = (row_spans[..., 0] >= 0).any(-1) & table.valid
        readable = (text_spans[..., 0] >= 0).any(-1) | in_results.any(-1)
        return estimate.loss.masked_fill(~readable, 0.0).sum() / readable.sum().clamp_min(1)

    @staticmethod
    def _mean_span_loss(start: Tensor, end: Tensor, spans: Tensor) -> Tensor:
        """The mean over the examples whose answer stands somewhere in front of the reader."""
        answerable = (spans[..., 0] >= 0).any(-1).sum().clamp_min(1)
        return span_loss(start, end, spans).sum() / answerable


def _fresh_spans(row_spans: Tensor, index: Tensor, attention_mask: Tensor) -> Tensor:
    """Answer spans in the results of chosen candidates (batch, n), shifted behind the text: (batch, n, spans, 2)."""
    fresh = row_spans[torch.arange(len(index), device=index.device)[:, None], index]
    return torch.where(fresh >= 0, fresh + attention_mask.sum(1)[:, None, None, None], -1)


def _last(there: Tensor) -> Tensor:
    """True at the last token of each row: its [SEP]."""
    return there & ~F.pad(there, (0, 1))[:, 1:]


def _build(config: PreTrainedConfig) -> PreTrainedModel:
    try:
        return AutoModel.from_config(config, add_pooling_layer=False)
    except TypeError:  # no pooler in this architecture
        return AutoModel.from_config(config)
