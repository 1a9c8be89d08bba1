"""The reader: one encoder that scores pairs of numbers, then reads the text with the calculator's result behind it.

Yoshikawa, Heinzerling and Inui (NLP2022). `span` is the same code with no operations: BERT with span extraction.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.utils.generic import ModelOutput

from anzan.errors import AnzanError
from anzan.layer import (
    Choice,
    Estimate,
    ExampleNoise,
    ResultTable,
    StraightThrough,
    SymbolicLayer,
    argument_loss,
    entropy,
    exact_marginal,
    leave_one_out,
    pseudo_labels,
    sampled_marginal,
    top_k_marginal,
    unordered_set,
)
from anzan.reader.batch import collate_examples
from anzan.reader.config import STRAIGHT_THROUGH, CalculatorReaderConfig
from anzan.reader.decoys import disguise, disguised, draw_decoys
from anzan.reader.encode import Example, Features
from anzan.reader.encoders import locate_encoder
from anzan.reader.places import DigitPlaces
from anzan.reader.sequence import RESULT_SEGMENT
from anzan.reader.spans import span_loss
from anzan.reader.windows import encode_in_windows

SEVERAL: dict[str, Callable[..., Estimate]] = {
    "exact-marginal": exact_marginal,
    "top-k-marginal": top_k_marginal,
    "sampled-marginal": sampled_marginal,
    "leave-one-out": leave_one_out,
    "unordered-set": unordered_set,
}
MANY = 1 << 15
"""Pairs of an example that are scored at once."""

# -log p(answer) where it stands neither in the text nor in a candidate's result: certain failure, kept finite.
NO_ANSWER = 20.0


@dataclass(frozen=True)
class Part:
    """A part of the loss: a sum over the examples that count for it, and how many those are."""

    sum: Tensor
    count: Tensor

    @classmethod
    def of(cls, losses: Tensor, counted: Tensor | None = None) -> Part:
        """Losses (batch,) of the examples that are counted, bool (batch,); by default all."""
        if counted is None:
            return cls(losses.sum(), losses.new_tensor(len(losses)))
        return cls(losses.masked_fill(~counted, 0.0).sum(), counted.sum().to(losses.dtype))

    def mean(self, count: Tensor | None = None) -> Tensor:
        """The mean; 0 if nothing counts. `count` replaces the part's own."""
        count = self.count if count is None else count
        return self.sum / torch.where(count > 0, count, 1.0)


@dataclass
class ReaderOutput(ModelOutput):
    """What the reader computes for a batch.

    `log_probs` (batch, candidates) and `index` (batch), the pair chosen, are None without candidates; logits are
    (batch, length of text and results together), -inf at padding and separators, and None where an objective has read
    several candidates. The loss is the sum of the means of its `parts`; where several processes train together, the
    counts of a part are to be averaged over them first.
    """

    loss: Tensor | None = None
    parts: dict[str, Part] | None = None
    span_loss: Tensor | None = None
    argument_loss: Tensor | None = None
    start_logits: Tensor | None = None
    end_logits: Tensor | None = None
    log_probs: Tensor | None = None
    index: Tensor | None = None


@dataclass
class Scored:
    """A call of the calculator whose candidates have their scores: what the second pass, or the next call, needs.

    Tensors as `forward` takes them, results and operands as the reader is to see them; `hidden` (batch, numbers) are
    numbers that it does not see, whatever is chosen, and `shift` (batch) is how far the places of digits are moved.
    """

    call: int
    scores: Tensor
    table: ResultTable
    text: dict[str, Any]
    text_spans: Tensor
    row_spans: Tensor
    candidates: Tensor
    number_digits: Tensor | None
    decoys: Tensor | None
    hidden: Tensor | None
    shift: Tensor | None
    noise: ExampleNoise | None
    examples: Sequence[Example]


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
        first, second = F.linear(numbers, left, self.inner.bias), F.linear(numbers, right)
        scores = []
        for some in candidates.split(MANY, 1):  # a text of a thousand numbers has half a million pairs
            a, b = (n.gather(1, some[..., i : i + 1].expand(size)) for i, n in enumerate((first, second)))
            scores.append(self.outer(F.relu(a + b))[..., 0])
        return torch.cat(scores, 1)


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
        self.scorers = nn.ModuleList(PairScorer(hidden) for _ in range(config.calls))
        self.spans = nn.Linear(hidden, 2)
        self.places = DigitPlaces(config.digit_places, hidden) if config.digit_places else None
        self.layer = SymbolicLayer(StraightThrough(config.temperature, config.noise_scale))
        self.entropy_weight = config.entropy  # what it is now: a run lets it fall
        self.features: Features | None = None  # what made the tensors; `anzan.reader.reader.features_for` sets it
        self.positions = config.max_positions  # asked at every pass; the configuration builds the encoder's for it
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

    def save_pretrained(self, *args: Any, **kwargs: Any) -> Any:
        """As transformers saves it, under the names that the parameters have here.

        By default it would give the encoder's parameters the names of its original release, which `from_pretrained`
        translates back and Trainer does not: a resumed run would keep its new encoder, with a warning.
        """
        return super().save_pretrained(*args, **{"save_original_format": False, **kwargs})

    # -- the two passes ------------------------------------------------------------------------------------------
    def embed(self, ids: Tensor, shift: Tensor | None = None) -> Tensor:
        """Tokens (batch, length) as the encoder takes them, (batch, length, hidden); 0 at ids below 0."""
        embedded = self.encoder.get_input_embeddings()(ids.clamp_min(0)) * (ids >= 0)[..., None]
        return embedded if self.places is None else embedded + self.places(ids, self._digits(), shift)

    def encode(self, embeddings: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None) -> Tensor:
        """The encoder on embedded tokens (batch, length, hidden), in windows where it does not read as many at once."""
        if embeddings.shape[1] <= self.positions or token_type_ids is None:
            return self.dropout(self._encode(embeddings, attention_mask, token_type_ids))
        return self.dropout(
            encode_in_windows(self._encode, embeddings, attention_mask.long(), token_type_ids, self.positions)
        )

    def _encode(self, embeddings: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None) -> Tensor:
        types = {}
        if self.segments > 1 and token_type_ids is not None:
            # Results are a segment of their own where the encoder has a third one, else part of the second.
            types = {"token_type_ids": token_type_ids.clamp_max(self.segments - 1)}
        return self.encoder(inputs_embeds=embeddings, attention_mask=attention_mask, **types).last_hidden_state

    def score(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor | None,
        number_tokens: Tensor,
        candidates: Tensor,
        call: int = 0,
        shift: Tensor | None = None,
    ) -> Tensor:
        """First pass: scores (batch, candidates) of pairs of numbers, from the first wordpiece of each.

        `call` counts the calls before this one, whose results are part of the text; `shift` (batch) moves the places of
        digits (`anzan.reader.places`).
        """
        hidden = self.encode(self.embed(input_ids, shift), attention_mask, token_type_ids)
        index = number_tokens[..., None].expand(-1, -1, hidden.shape[-1])
        return self.scorers[call](hidden.gather(1, index), candidates)

    def read(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor | None,
        span_mask: Tensor,
        results: Tensor | None = None,
        result_mask: Tensor | None = None,
        separators: Tensor | None = None,
        hidden: Tensor | None = None,
        shift: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Second pass: start and end logits over the text followed at once by the embedded results.

        Args:
            results: (batch, r, hidden), embedded; None for no results at all.
            result_mask: bool (batch, r), True at the tokens of a result.
            separators: bool (batch, r), True where no answer can stand (the closing [SEP]).
            hidden: bool (batch, length), tokens that no answer may hold.
            shift: (batch,), how far the places of digits in the text are moved.
        """
        embeddings = self.embed(input_ids, shift)
        if hidden is not None:
            span_mask = span_mask & ~hidden
        attention = attention_mask.bool()
        if results is not None and result_mask is not None and separators is not None and results.shape[1]:
            text = input_ids.shape[1]
            embeddings = torch.cat([embeddings, results], 1)
            # Each example's results stand right behind its own text, whatever the padding.
            length = attention.sum(1, keepdim=True)
            ends = length + result_mask.sum(1, keepdim=True)
            # No wider than the longest example needs: the longest text and the longest result together, of two
            # examples, may be beyond the encoder's positions where neither example is.
            place = torch.arange(int(ends.max()), device=length.device).expand(embeddings.shape[0], -1)
            source = torch.where(place < length, place, (place - length + text).clamp(max=embeddings.shape[1] - 1))
            attention = place < ends
            embeddings = embeddings.gather(1, source[..., None].expand(-1, -1, embeddings.shape[-1]))
            span_mask = torch.cat([span_mask, result_mask & ~separators], 1).gather(1, source) & attention
            if token_type_ids is not None:
                token_type_ids = F.pad(token_type_ids, (0, results.shape[1]))[:, : place.shape[1]]
                token_type_ids = torch.where(place < length, token_type_ids, RESULT_SEGMENT)
        encoded = self.encode(embeddings, attention.long(), token_type_ids)
        logits = self.spans(encoded).float().masked_fill(~span_mask[..., None], torch.finfo(torch.float32).min)
        return logits[..., 0], logits[..., 1]

    def read_rows(self, result_ids: Tensor, shift: Tensor | None = None, **text: Any) -> tuple[Tensor, Tensor]:
        """Second pass with results given as token ids (batch, r), -1 beyond their end."""
        there = result_ids >= 0
        embedded = self.embed(result_ids, shift)
        return self.read(**text, results=embedded, result_mask=there, separators=_last(there), shift=shift)

    def guess_rows(
        self, result_ids: Tensor, number_digits: Tensor, input_ids: Tensor, **text: Any
    ) -> tuple[Tensor, Tensor]:
        """As `read_rows` where the digits of all numbers and the whole result are masked: a guess by the words alone.

        `number_digits` (batch, length) as `collate_texts` gives it.
        """
        mask, there = self._features().mask, result_ids >= 0
        return self.read_rows(
            result_ids.masked_fill(there & ~_last(there), mask),
            input_ids=input_ids.masked_fill(number_digits >= 0, mask),
            **text,
        )

    def disguised(
        self, input_ids: Tensor, number_digits: Tensor, arguments: Tensor, decoys: Tensor, others: Tensor | None = None
    ) -> dict[str, Tensor]:
        """The text of the second pass, `input_ids` and `hidden`, with decoys in the place of some numbers.

        Args:
            input_ids: (batch, length).
            number_digits: (batch, length), as `collate_texts` gives it.
            arguments: (batch, 2), the numbers that went into the calculator; -1 for none.
            decoys: (batch, numbers, width), see `anzan.reader.decoys`.
            others: bool (batch, numbers), further numbers to hide.
        """
        numbers = decoys.shape[1]
        chosen = F.one_hot(arguments.clamp_min(0), numbers).bool() & (arguments >= 0)[..., None]
        hide = chosen.any(1) if others is None else chosen.any(1) | others
        ids = disguise(input_ids, number_digits, decoys, self._digits(), hide)
        return {"input_ids": ids, "hidden": disguised(number_digits, hide)}

    def disguised_choice(self, input_ids: Tensor, number_digits: Tensor, decoys: Tensor) -> dict[str, Tensor]:
        """The text of the first pass, `input_ids`, as `blind_choice` asks for it; see `disguised`."""
        if not self.config.blind_choice:
            return {"input_ids": input_ids}
        return {"input_ids": disguise(input_ids, number_digits, decoys, self._digits())}

    def disguised_rows(self, rows: Tensor, operand_digits: Tensor, arguments: Tensor, decoys: Tensor) -> Tensor:
        """Printed results (batch, n, length) with the decoys of their arguments (batch, n, 2) for operands."""
        b, n, l = rows.shape
        own = decoys.gather(1, arguments.clamp_min(0).view(b, 2 * n, 1).expand(-1, -1, decoys.shape[-1]))
        ids = disguise(rows.view(b * n, l), operand_digits.view(b * n, l), own.view(b * n, 2, -1), self._digits())
        return ids.view(b, n, l)

    def _digits(self) -> Tensor:
        return torch.tensor(self._features().digit_ids, device=self.device)

    def _features(self) -> Features:
        if self.features is None:
            raise AnzanError("model.features: not set; anzan.reader.reader.features_for does so")
        return self.features

    def part_names(self) -> list[str]:
        """All parts that the loss can have, see `ReaderOutput`."""
        calls = [f"{kind}, call {call}" for kind in ("entropy", "argument", "own") for call in range(self.config.calls)]
        return ["span", "guess", *calls]

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
        number_digits: Tensor | None = None,
        operand_digits: Tensor | None = None,
        used: Tensor | None = None,
        blindfold: Tensor | None = None,
        draws: Tensor | None = None,
        examples: Sequence[Example] = (),
        **_: Any,
    ) -> ReaderOutput:
        """Both passes with the symbolic layer between them; tensors as `features.collate_examples` gives them.

        `draws` (batch) are keys of the noise (`ExampleNoise`); without them it comes from torch's own generator.

        The loss is the marginal span likelihood, spans in the result that was just computed included, plus the
        argument loss on the pairs whose result equals the answer, plus that on pseudo-labels, less the entropy of the
        choice, if asked for. With several calls, what follows the first one is the downstream network of its choice.
        """
        text = {"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids}
        if candidates is None or result_ids is None or candidates.shape[1] == 0:
            noise = None if draws is None else ExampleNoise(draws)
            start, end = self.read(**text, span_mask=span_mask, shift=self._draw_shift(input_ids, noise))
            span = _span_part(span_loss(start, end, text_spans), text_spans)
            loss = span.mean()
            return ReaderOutput(
                loss=loss, parts={"span": span}, span_loss=loss.detach(), start_logits=start, end_logits=end
            )
        assert number_tokens is not None and row_spans is not None and acceptable is not None
        called = self._scored(
            0, text | {"span_mask": span_mask}, text_spans, number_tokens, candidates, candidate_mask, result_ids,
            row_spans, number_digits, operand_digits, used, blindfold, None if draws is None else ExampleNoise(draws),
            examples,
        )  # fmt: skip
        valid = called.table.valid
        start = end = None
        parts: dict[str, Part] = {}
        if self.config.calls > 1 or (self.training and self.config.objective != STRAIGHT_THROUGH):
            choice: Choice = self.layer.estimator(called.scores, valid, called.noise)
            losses = self._objective_losses(called, choice.log_probs.detach(), parts)
            in_results = (row_spans[..., 0] >= 0).any(-1) | acceptable
            readable = (text_spans[..., 0] >= 0).any(-1) | (in_results & valid).any(-1)
        else:
            embedded, there, choice = self.layer(
                called.scores, called.table, self.encoder.get_input_embeddings().weight, called.noise
            )
            assert choice.index is not None
            if self.places is not None:
                rows = called.table.rows(choice.index[:, None])[:, 0]
                embedded = embedded + self.places(rows, self._digits(), called.shift)
            second, places = self._second_pass(called, torch.arange(len(choice.index)), choice.index)
            start, end = self.read(**second, results=embedded, result_mask=there, separators=_last(there))
            losses, readable = span_loss(start, end, places), (places[..., 0] >= 0).any(-1)
        if self.training and self.config.discount_guesses:
            parts["guess"], guessed = self._guess(called, choice.log_probs, torch.arange(len(losses)))
            losses = losses * 2 * (1 - guessed)
        elif self.training and self.config.subtract_guesses:
            # Half of the examples, as guessing is easily learnt.
            half = (_drawn(len(losses), called.noise) < 0.5).nonzero()[:, 0]
            parts["guess"] = self._guess(called, choice.log_probs, half)[0]
        parts["span"] = Part.of(losses, readable)
        arguments = self._beside(called, choice.log_probs, acceptable, parts)
        return ReaderOutput(
            loss=torch.stack([part.mean() for part in parts.values()]).sum(),
            parts=parts,
            span_loss=parts["span"].mean().detach(),
            argument_loss=None if arguments is None else arguments.detach(),
            start_logits=start,
            end_logits=end,
            log_probs=choice.log_probs,
            index=choice.index,
        )

    def _scored(
        self,
        call: int,
        text: dict[str, Any],
        text_spans: Tensor,
        number_tokens: Tensor,
        candidates: Tensor,
        candidate_mask: Tensor | None,
        result_ids: Tensor,
        row_spans: Tensor,
        number_digits: Tensor | None,
        operand_digits: Tensor | None,
        used: Tensor | None,
        blindfold: Tensor | None,
        noise: ExampleNoise | None,
        examples: Sequence[Example],
    ) -> Scored:
        """The first pass of a call; see `forward`."""
        decoys = hidden = None
        shift = self._draw_shift(text["input_ids"], noise)
        first = {k: text[k] for k in ("input_ids", "attention_mask", "token_type_ids")}
        if self.config.hide_arguments:
            assert number_digits is not None and operand_digits is not None
            ids = text["input_ids"]
            anew = self.training and not self.config.fixed_decoys
            decoys = draw_decoys(len(ids), number_tokens.shape[1], ids.device, anew, noise)
            result_ids = self.disguised_rows(result_ids, operand_digits, candidates, decoys)
            first |= self.disguised_choice(ids, number_digits, decoys)
            hidden = used
            if self.training and blindfold is not None:
                drawn = _drawn(len(blindfold), noise, ids.device) < self.config.blindfold
                hidden = (blindfold & drawn[:, None]) | (torch.zeros_like(blindfold) if used is None else used)
        table = ResultTable(result_ids, candidate_mask)
        scores = self.score(**first, number_tokens=number_tokens, candidates=candidates, call=call, shift=shift)
        return Scored(
            call, scores.float(), table, text, text_spans, row_spans, candidates, number_digits, decoys, hidden, shift,
            noise, examples,
        )  # fmt: skip

    def _draw_shift(self, ids: Tensor, noise: ExampleNoise | None) -> Tensor | None:
        if self.places is None or not self.training:
            return None
        return self.places.draw_shift(ids, self._digits(), _drawn(len(ids), noise))

    def _beside(self, called: Scored, log_probs: Tensor, acceptable: Tensor, parts: dict[str, Part]) -> Tensor | None:
        """What a call's choice adds to the loss beside what the reader makes of it; returns the argument loss in it."""
        valid, config, name = called.table.valid, self.config, f"call {called.call}"
        if self.entropy_weight:
            parts[f"entropy, {name}"] = Part.of(-self.entropy_weight * entropy(log_probs, valid))
        if config.argument_loss == "none":
            return None
        mean: Tensor | None = None
        labels = {"argument": (config.argument_weight, acceptable)}
        if config.self_training:
            labels["own"] = (config.self_training, pseudo_labels(log_probs, acceptable, valid))
        for kind, (weight, each) in labels.items():
            losses = argument_loss(log_probs, each, valid, config.argument_loss, reduction="none")
            part = Part.of(losses, (each & valid).any(-1))
            mean = part.mean() if mean is None else mean
            parts[f"{kind}, {name}"] = Part(weight * part.sum, part.count)
        return mean

    def _objective_losses(self, called: Scored, log_probs: Tensor, parts: dict[str, Part]) -> Tensor:
        """The objective over a call's candidates: (batch,). What later calls add to the loss goes to `parts`."""

        def loss_of(index: Tensor) -> Tensor:
            needed = _to_read(index, log_probs, self.config.sure)
            last = called.call + 1 == self.config.calls
            losses = self._read_losses(called, index, needed) if last else self._call_on(called, index, needed, parts)
            losses = losses.new_zeros(index.shape).masked_scatter(needed, losses)
            as_well = losses.sum(1, keepdim=True) / needed.sum(1, keepdim=True)
            return torch.where(needed, losses, as_well)

        samples = self.config.samples
        exact: dict[str, dict[str, Any]] = {"exact-marginal": {}, "top-k-marginal": {"k": samples}}
        options = exact.get(self.config.objective, {"samples": samples, "generator": called.noise})
        return SEVERAL[self.config.objective](called.scores, loss_of, called.table.valid, **options).loss

    def _read_losses(self, called: Scored, index: Tensor, needed: Tensor) -> Tensor:
        """What the reader loses with the results of the `needed` ones of these candidates (batch, n): (needed,)."""
        text, spans = self._second_pass(called, needed.nonzero()[:, 0], index[needed])
        start, end = self.read_rows(called.table.rows(index)[needed], **text)
        return torch.where((spans[..., 0] >= 0).any(-1), span_loss(start, end, spans), NO_ANSWER)

    def _guess(self, called: Scored, log_probs: Tensor, example: Tensor) -> tuple[Part, Tensor]:
        """The loss of a guess for each of the examples `example` (n), and what it gives the answers.

        Returns:
            The loss, and the probability of each one's answer (n,), without a gradient.
        """
        example = example.to(log_probs.device)
        if not len(example):
            return Part.of(log_probs.new_zeros(0)), log_probs.new_zeros(0)
        assert called.number_digits is not None
        best = log_probs.argmax(-1)
        text, spans = self._second_pass(called, example, best[example])
        rows = called.table.rows(best[:, None])[example, 0]
        start, end = self.guess_rows(rows, called.number_digits[example], **text)
        losses = span_loss(start, end, spans)
        p = torch.exp(-losses.detach()).masked_fill((spans[..., 0] < 0).all(-1), 0.0)
        return _span_part(losses, spans), p

    def _call_on(self, called: Scored, index: Tensor, needed: Tensor, parts: dict[str, Part]) -> Tensor:
        """As `_read_losses` where another call follows: its own objective, given each of these candidates."""
        features = self._features()
        example, chosen = needed.nonzero()[:, 0], index[needed]
        pairs = zip(example.tolist(), chosen.tolist(), strict=True)
        examples = [features.next_example(called.examples[b], candidate) for b, candidate in pairs]
        noise = None if called.noise is None else called.noise.branch(example, chosen)
        batch = {k: v.to(index.device) for k, v in collate_examples(examples, features.pad).items()}
        text = {k: batch.pop(k) for k in ("input_ids", "attention_mask", "token_type_ids", "span_mask")}
        acceptable = batch.pop("acceptable")
        del batch["gold"]
        again = self._scored(called.call + 1, text, **batch, noise=noise, examples=examples)
        choice: Choice = self.layer.estimator(again.scores, again.table.valid, noise)
        self._beside(again, choice.log_probs, acceptable, parts)
        return self._objective_losses(again, choice.log_probs.detach(), parts)

    def _second_pass(self, called: Scored, example: Tensor, chosen: Tensor) -> tuple[dict[str, Any], Tensor]:
        """The text as the second pass sees it once candidates are chosen, and the answer's spans there.

        `chosen` (n) is a candidate of each of the examples `example` (n), which may come up several times.
        """
        example = example.to(chosen.device)
        shared = called.text | {"shift": called.shift}
        text: dict[str, Any] = {k: v if v is None else v[example] for k, v in shared.items()}
        places = called.text_spans[example]
        if called.decoys is not None:
            assert called.number_digits is not None
            digits, decoys = called.number_digits[example], called.decoys[example]
            arguments = called.candidates[example, chosen]
            others = None if called.hidden is None else called.hidden[example]
            text |= self.disguised(text["input_ids"], digits, arguments, decoys, others)
            gone = text["hidden"].gather(1, places[..., 0].clamp_min(0)) & (places[..., 0] >= 0)
            places = places.masked_fill(gone[..., None], -1)
        fresh = _fresh_spans(called.row_spans[example, chosen], text["attention_mask"])
        return text, torch.cat([places, fresh], 1)


def _to_read(index: Tensor, log_probs: Tensor, sure: float) -> Tensor:
    """Which of the sampled candidates (batch, n) the reader reads, see `CalculatorReaderConfig`; one at least."""
    needed = log_probs.gather(1, index).isfinite()
    best, top = log_probs.max(1, keepdim=True)
    is_top = index == top
    alone = (best >= math.log(sure)) & is_top.any(1, keepdim=True)
    needed &= is_top | ~alone
    needed[:, 0] |= ~needed.any(1)  # no valid candidate: no result to read, but a text
    return needed


def _drawn(examples: int, noise: ExampleNoise | None, device: torch.device | None = None) -> Tensor:
    """A number between 0 and 1 for each example."""
    return torch.rand(examples, device=device) if noise is None else noise.uniform(1)[:, 0].to(device=device)


def _span_part(losses: Tensor, spans: Tensor) -> Part:
    """Of the examples whose answer stands somewhere in front of the reader."""
    return Part.of(losses, (spans[..., 0] >= 0).any(-1))


def _fresh_spans(row_spans: Tensor, attention_mask: Tensor) -> Tensor:
    """Answer spans in a result (batch, spans, 2), shifted to where it stands behind the text."""
    return torch.where(row_spans >= 0, row_spans + attention_mask.sum(1)[:, None, None], -1)


def _last(there: Tensor) -> Tensor:
    """True at the last token of each row: its [SEP]."""
    return there & ~F.pad(there, (0, 1))[:, 1:]


def _build(config: PreTrainedConfig) -> PreTrainedModel:
    try:
        return AutoModel.from_config(config, add_pooling_layer=False)
    except TypeError:  # no pooler in this architecture
        return AutoModel.from_config(config)
