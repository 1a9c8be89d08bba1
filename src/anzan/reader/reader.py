"""Ask a trained reader: an answer, its source, and the calculation that led to it."""

from __future__ import annotations

import json
import math
import os
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from torch import Tensor

from anzan.arithmetic.calculator import Calculator, Value, format_number
from anzan.arithmetic.numbers import parse_number
from anzan.errors import AnzanError
from anzan.reader.batch import collate_operands, collate_rows, collate_texts
from anzan.reader.config import FORMAT, CalculatorReaderConfig
from anzan.reader.decoys import draw_decoys
from anzan.reader.encode import Features
from anzan.reader.guesses import without_guess
from anzan.reader.network import CalculatorReader
from anzan.reader.sequence import PASSAGE, QUESTION, RESULTS, Call, Mention, Row, Span, Text
from anzan.reader.spans import best_spans
from anzan.reader.tokenizer import load_tokenizer

T = TypeVar("T")

Override = Callable[[Text, Row | None], Row | None]
"""Replaces the calculator's output: (text, what was printed) -> what the reader sees instead.

With several calls it replaces what each of them printed; which pair the next one is given stays.
"""


@dataclass(frozen=True)
class Step:
    """One call of the calculator: the pair it was given, what it printed, and the operation that was used (or None)."""

    arguments: tuple[Mention, ...]
    calculation: str
    operation: str | None = None


@dataclass(frozen=True)
class Answer:
    """An answer. `confidence` is p(start) p(end) of the marked span, less the guess where one is subtracted.

    `start` and `end` are its character offsets in the question or passage, None where it was calculated or there is
    none. `steps` are the calls that it needs: all of them, or where an earlier call has printed it, those up to that
    one.
    """

    answer: str
    value: Fraction | None
    source: str | None
    confidence: float
    start: int | None = None
    end: int | None = None
    steps: tuple[Step, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """The contract of `anzan ask --json`."""
        return {
            "answer": self.answer,
            "value": None if self.value is None else _json_number(self.value),
            "source": self.source,
            "confidence": round(self.confidence, 4),
            "steps": [
                {
                    "operation": s.operation,
                    "arguments": [
                        {
                            "text": m.text,
                            "value": _json_number(m.value),
                            "start": m.start if m.where in (QUESTION, PASSAGE) else None,
                            "end": m.end if m.where in (QUESTION, PASSAGE) else None,
                            "where": m.where,
                        }
                        for m in s.arguments
                    ],
                    "calculation": s.calculation,
                }
                for s in self.steps
            ],
        }


@dataclass(frozen=True)
class Trace:
    """How an answer came about.

    The text with what all calls but the last printed, the last pair of mentions chosen, its row behind the text, the
    ids that the reader saw in the place of both (other than theirs where arguments are hidden), where those are, and
    the span that it marked there. `others` are the next most probable answers, where they were asked for.
    """

    text: Text
    pair: tuple[int, int] | None
    row: Row | None
    seen: list[int]
    hidden: list[bool]
    span: Span | None
    answer: Answer
    others: tuple[Answer, ...] = ()


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _json_number(value: Fraction) -> int | float:
    """Exact where JSON can be: whole numbers of any length stay whole."""
    if value.denominator == 1:
        return value.numerator
    try:
        return float(value)
    except OverflowError:  # beyond 1e308, and so is nothing behind the point
        return round(value)


def wrong_results(features: Features, seed: int = 0) -> Override:
    """Shows, in place of every result, a random number of the same length; operands stay.

    Who reads the results is then right by chance alone. Who only needs a line to be there, and judges by the operands,
    stays right, which `blank` would not show.
    """
    rng = random.Random(seed)

    def write(printed: str) -> str:
        return "".join(rng.choice("123456789" if i == 0 else "0123456789") for i in range(len(printed)))

    return lambda _, row: None if row is None else features.rewrite(row, write)


def blank(_: Text, __: Row | None) -> Row | None:
    """An override: the reader sees no result at all."""
    return None


class Reader:
    """A trained model with its tokenizer, ready to answer.

    >>> Reader.load("my-model").ask("Anna has 3 pens. Carl has 5 pens.", "Who has more pens: Anna or Carl?").answer
    """

    def __init__(self, model: CalculatorReader, features: Features):
        self.model = model.eval()
        self.features = features
        self.on_pass: Callable[[int], object] | None = None
        """Told after each pass over a batch how many texts were in it: for a progress bar."""

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Reader:
        """Read a model folder as `anzan train` writes it.

        Raises:
            FileNotFoundError: no such folder, or no model in it.
            ValueError: another kind of model, such as an encoder, one of a newer anzan, or a damaged one.
        """
        folder = Path(path)
        hint = "give the folder that `anzan train --out` or `anzan demo` wrote"
        for name in ("config.json", "model.safetensors"):
            if not (folder / name).is_file():
                raise FileNotFoundError(f"no model at {folder}, {name} is missing: {hint}")
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        except ValueError:
            config = None
        if not isinstance(config, dict):
            raise AnzanError(f"{folder / 'config.json'}: damaged, no JSON object; copy or train the model again")
        if (kind := config.get("model_type")) != CalculatorReaderConfig.model_type:
            raise AnzanError(f"no anzan model at {folder}, but one of type {kind!r}: {hint}")
        if not isinstance(number := config.get("format", FORMAT), int) or number > FORMAT:
            raise AnzanError(f"{folder}: a model of a newer anzan (format {number}, not {FORMAT}); upgrade anzan")
        try:
            loaded: Any = CalculatorReader.from_pretrained(
                folder,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # told below, by name
            )
            tokenizer = load_tokenizer(str(folder))
        except (SafetensorError, RuntimeError, KeyError, TypeError, OSError) as error:
            raise AnzanError(f"{folder}: damaged, {_first_line(error)}; copy or train the model again") from None
        model, info = loaded
        names = [*info["missing_keys"], *info["unexpected_keys"], *(name for name, *_ in info["mismatched_keys"])]
        if names:
            raise AnzanError(f"{folder}: damaged, its weights do not fit ({min(names)}); copy or train the model again")
        return cls(model, features_for(model, tokenizer))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write model (safetensors), configuration and tokenizer."""
        self.model.save_pretrained(path)
        self.features.tokenizer.save_pretrained(path)

    def ask(self, passage: str, question: str, override: Override | None = None) -> Answer:
        """Answer one question.

        Raises:
            ValueError: an empty question, or a text beyond the model's limit (`TextTooLong`).
        """
        return next(self.ask_many([(passage, question)], override=override))

    def ask_many(
        self, pairs: Iterable[tuple[str, str]], batch_size: int = 64, override: Override | None = None
    ) -> Iterator[Answer]:
        """Answer (passage, question) pairs, in batches, in order. Errors as `ask`."""
        return (trace.answer for trace in self.trace_many(pairs, batch_size, override))

    def trace_many(
        self, pairs: Iterable[tuple[str, str]], batch_size: int = 64, override: Override | None = None
    ) -> Iterator[Trace]:
        """As `ask_many`, with how each answer came about."""
        return self.read_many(self.call_many(pairs, batch_size), batch_size, override)

    def call_many(self, pairs: Iterable[tuple[str, str]], batch_size: int = 64) -> list[Text]:
        """The first half of an answer: each text with what its calls of the calculator printed. Errors as `ask`."""
        texts: list[Text] = []
        for passage, question in pairs:
            if not question.strip():
                raise AnzanError("the question is empty: type one")
            texts.append(self.features.text(passage, question))
        for call in range(self.model.config.calls if self.features.calculator.operations else 0):
            texts = self._by_length(lambda batch, call=call: self._call(call, batch), texts, batch_size)
        return texts

    def read_many(
        self, called: Sequence[Text], batch_size: int = 64, override: Override | None = None, most: int = 1
    ) -> Iterator[Trace]:
        """The second half, of what `call_many` gives: the same calls can be read under several overrides.

        A trace has as many answers as `most`, where there are as many spans.
        """
        yield from self._by_length(lambda batch: self._trace(batch, override, most), called, batch_size)

    @torch.no_grad()
    def pair_probabilities(self, text: Text) -> list[list[float]]:
        """p(pair | text), for each call that was made, of the candidates that it had; 0 where F is undefined.

        `text` as `call_many` gives it.
        """
        made, probabilities = text.uncalled, []
        for call, done in enumerate(text.calls):
            scores = self._scores(call, [made])[0, : len(made.candidates)]
            defined = [self.features.result(made, pair) is not None for pair in made.candidates]
            scores = scores.masked_fill(~torch.tensor(defined, device=scores.device), -torch.inf)
            probabilities.append(scores.softmax(-1).tolist())
            made = self.features.extended(made, done.pair, done.row)
        return probabilities

    # -- one batch -----------------------------------------------------------------------------------------------
    def _by_length(self, run: Callable[[Sequence[Text]], list[T]], texts: Sequence[Text], batch_size: int) -> list[T]:
        """`run` on batches of texts of like length; what it makes of each, in the order of the texts."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i].ids))
        made: dict[int, T] = {}
        for i in range(0, len(order), batch_size):
            rows = order[i : i + batch_size]
            made.update(zip(rows, run([texts[r] for r in rows]), strict=True))
            if self.on_pass is not None:
                self.on_pass(len(rows))
        return [made[i] for i in range(len(texts))]

    @torch.no_grad()
    def _trace(self, called: Sequence[Text], override: Override | None, most: int) -> list[Trace]:
        shown = [self._shown(text.uncalled, text.calls, override) for text in called]
        seen, pairs, rows = (list(column) for column in zip(*shown, strict=True))
        batch, device = self._collated(seen), self.model.device
        text = {k: batch[k] for k in ("input_ids", "attention_mask", "token_type_ids")}
        printed = collate_rows(rows).to(device)
        if (decoys := self._decoys(batch)) is not None:
            arguments = torch.tensor([p or (-1, -1) for p in pairs], device=device)
            text |= self.model.disguised(batch["input_ids"], batch["number_digits"], arguments, decoys, batch["used"])
            operands = collate_operands(rows).to(device)[:, None]
            printed = self.model.disguised_rows(printed[:, None], operands, arguments[:, None], decoys)[:, 0]
        text["span_mask"] = batch["span_mask"]
        start, end = (each.log_softmax(-1) for each in self.model.read_rows(printed, **text))
        if power := self.model.config.subtract_guesses:
            guesses = (each.log_softmax(-1) for each in self.model.guess_rows(printed, batch["number_digits"], **text))
            start, end = (without_guess(a, b, power) for a, b in zip((start, end), guesses, strict=True))
        start, end = start.cpu(), end.cpu()
        traces = []
        for i, (t, p, r) in enumerate(shown):
            ids = [*text["input_ids"][i, : len(t.ids)].tolist(), *printed[i, : len(r.ids) if r else 0].tolist()]
            hidden = text["hidden"][i, : len(ids)].tolist() if "hidden" in text else []
            (answer, span), *others = self._decode(t, p, r, hidden, called[i], start[i], end[i], most)
            traces.append(Trace(t, p, r, ids, hidden, span, answer, tuple(each for each, _ in others)))
        return traces

    @torch.no_grad()
    def _call(self, call: int, texts: Sequence[Text]) -> list[Text]:
        """Each text with the row of its best-scored pair behind it, of those for which F is defined."""
        if not any(text.candidates for text in texts):
            return list(texts)
        # Without a first result there is none to call on.
        scored = zip(texts, self._scores(call, texts), strict=True)
        return [self._best(t, s) if len(t.calls) == call else t for t, s in scored]

    def _scores(self, call: int, texts: Sequence[Text]) -> Tensor:
        """Scores of their candidates (texts, candidates), -inf beyond a text's own."""
        batch = self._collated(texts)
        text = {k: batch[k] for k in ("input_ids", "attention_mask", "token_type_ids", "number_tokens", "candidates")}
        if (decoys := self._decoys(batch)) is not None:
            text |= self.model.disguised_choice(batch["input_ids"], batch["number_digits"], decoys)
        return self.model.score(**text, call=call).float().masked_fill(~batch["candidate_mask"], -torch.inf)

    def _best(self, text: Text, scores: Tensor) -> Text:
        candidates = text.candidates
        # F runs on as few pairs as that takes.
        for index in scores[: len(candidates)].argsort(descending=True, stable=True).tolist():
            row = self.features.result(text, candidates[index])
            if row is not None:
                return self.features.extended(text, candidates[index], row)
        return text

    def _shown(
        self, text: Text, calls: Sequence[Call], override: Override | None
    ) -> tuple[Text, tuple[int, int] | None, Row | None]:
        """What the reader sees: the text with all results but the last, and the last call's pair and row.

        What was made of a result that an override takes away is not shown either.
        """
        pair = row = None
        for call in calls:
            if pair is not None and row is not None:
                text = self.features.extended(text, pair, row)
            pair, row = call.pair, call.row if override is None else override(text, call.row)
            if row is None:
                break
        return text, pair, row

    def _collated(self, texts: Sequence[Text]) -> dict[str, Tensor]:
        return {k: v.to(self.model.device) for k, v in collate_texts(texts, self.features.pad).items()}

    def _decoys(self, batch: dict[str, Tensor]) -> Tensor | None:
        numbers = batch["number_tokens"].shape[1]
        if not self.model.config.hide_arguments or not numbers:
            return None
        return draw_decoys(len(batch["input_ids"]), numbers, self.model.device, random=False)

    def _decode(
        self,
        text: Text,
        pair: tuple[int, int] | None,
        row: Row | None,
        hidden: Sequence[bool],
        called: Text,
        start: Tensor,
        end: Tensor,
        most: int,
    ) -> Sequence[tuple[Answer, Span | None]]:
        """The most probable answers and their spans, best first; one at least."""
        base = len(text.ids)
        last = {} if row is None else {(s + base, e + base): (v, op) for v, (s, e), op in row.fields}
        earlier = {span: field for span, field in text.fields.items() if not (hidden and hidden[span[0]])}
        places = [*word_spans(text, self.model.config.max_answer_words), *earlier]
        if self.model.config.hide_arguments:
            pairs = [*(call.pair for call in text.calls), *([pair] if pair else [])]
            places = list(_without(places, [text.mentions[i] for each in pairs for i in each]))
        ranked = best_spans(start, end, [*places, *last], most)
        answers = [(_answer(text, called, span, math.exp(log_p), earlier | last), span) for span, log_p in ranked]
        return answers or [(Answer("", None, None, 0.0, steps=_steps(called, None)), None)]


def _answer(
    text: Text, called: Text, span: Span, confidence: float, fields: Mapping[Span, tuple[Value, str | None]]
) -> Answer:
    """What a marked span says; `fields` are the printed numbers among the spans."""
    if span in fields:
        value, operation = fields[span]
        made_by = next((k for k, c in enumerate(text.calls, 1) if c.start <= span[0] < c.start + len(c.row.ids)), None)
        steps = _steps(called, operation, made_by)
        return Answer(format_number(value), Fraction(value), RESULTS, confidence, steps=steps)
    first, final = text.tokens[span[0]], text.tokens[span[1]]
    assert first is not None and final is not None
    source = text.question if first.where == QUESTION else text.passage
    answer, steps = source[first.start : final.end], _steps(called, None)
    return Answer(answer, parse_number(answer), first.where, confidence, first.start, final.end, steps)


def _steps(called: Text, operation: str | None, made_by: int | None = None) -> tuple[Step, ...]:
    """The calls of the calculator; `operation` is the one that made the answer, None if that stands elsewhere.

    An answer of an early call, the `made_by`-th, needs none of the later ones.
    """
    calls = called.calls[:made_by]
    if not calls:
        return ()
    made = {
        result: field.operation
        for call in calls
        for result, field in enumerate((f for f in call.row.printed.fields if f.operation), call.first)
    }
    operations = [*(made[call.pair[1]] for call in calls[1:]), operation]
    return tuple(
        Step(tuple(called.mentions[i] for i in call.pair), call.row.printed.text, used)
        for call, used in zip(calls, operations, strict=True)
    )


def word_spans(text: Text, most: int) -> Iterator[tuple[int, int]]:
    """Every run of at most `most` words of question or passage and every number, as (first, last) token."""
    words: list[tuple[int, int, str]] = []
    for i, token in enumerate(text.tokens):
        if token is None:
            continue
        if token.starts_word:
            words.append((i, i, token.where))
        else:
            words[-1] = (words[-1][0], i, token.where)
    numbers = {m.span for m in text.mentions if m.where in (QUESTION, PASSAGE)}
    for i, (start, _, where) in enumerate(words):
        for _, end, other in words[i : i + most]:
            if other != where:
                break
            yield start, end
    yield from numbers


def _without(spans: Iterable[tuple[int, int]], hidden: Sequence[Mention]) -> Iterator[tuple[int, int]]:
    """The spans that hold none of these numbers, which the reader has not seen."""
    return ((s, e) for s, e in spans if all(e < m.span[0] or s > m.span[1] for m in hidden))


def features_for(model: CalculatorReader, tokenizer: Any) -> Features:
    """The features that go with a model."""
    config = model.config
    constants = [value for c in config.constants if (value := parse_number(c)) is not None]
    calculator = Calculator(tuple(config.operations))
    model.features = Features(
        tokenizer, calculator, config.max_tokens, config.calls, constants, positions=config.max_positions
    )
    return model.features
