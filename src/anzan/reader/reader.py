"""Ask a trained reader: an answer, its source, and the calculation that led to it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from anzan.errors import AnzanError
from anzan.reader.answer import Answer, Override
from anzan.reader.batch import Batch, collate_rows, collate_texts
from anzan.reader.config import FORMAT, CalculatorReaderConfig
from anzan.reader.decode import Shown, Trace, decode
from anzan.reader.encode import TextEncoder
from anzan.reader.labels import clauses_of
from anzan.reader.network import CalculatorReader
from anzan.reader.programs import choice_of
from anzan.reader.programs import pairs as pairs_of
from anzan.reader.sequence import Row, Text
from anzan.reader.tokenizer import load_tokenizer
from anzan.reader.views import View

T = TypeVar("T")

BATCH_SIZES = {"cpu": 16, "cuda": 64}
"""Texts that are read at once, by the kind of device; on a CPU as many as its cache holds."""


class Reader:
    """A trained model with its tokenizer, ready to answer.

    >>> Reader.load("my-model").ask("Anna has 3 pens. Carl has 5 pens.", "Who has more pens: Anna or Carl?").answer
    """

    def __init__(self, model: CalculatorReader, tokenizer: PreTrainedTokenizerFast):
        self.model = model.eval()
        self.text_encoder = TextEncoder.for_config(model.config, tokenizer)
        self.on_pass: Callable[[int], object] | None = None
        """Called after each pass over a batch with the number of texts in it: for a progress bar."""

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Reader:
        """Read a model folder as `anzan train` writes it.

        Raises:
            FileNotFoundError: no such folder, or no model in it.
            AnzanError: another kind of model, such as an encoder, one of another version of anzan, or a damaged one.
        """
        folder = Path(path)
        _check_folder(folder)
        try:
            loaded: Any = CalculatorReader.from_pretrained(
                folder,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # reported below, by name
            )
            tokenizer = load_tokenizer(str(folder))
        except AnzanError as error:
            raise AnzanError(f"{folder}: {error}") from None
        except (SafetensorError, RuntimeError, KeyError, TypeError, OSError) as error:
            raise AnzanError(f"{folder}: damaged, {_first_line(error)}; copy or train the model again") from None
        model, info = loaded
        names = [*info["missing_keys"], *info["unexpected_keys"], *(name for name, *_ in info["mismatched_keys"])]
        if names:
            raise AnzanError(f"{folder}: damaged, its weights do not fit ({min(names)}); copy or train the model again")
        return cls(model, tokenizer)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write model (safetensors), configuration and tokenizer."""
        self.model.save_pretrained(path)
        self.text_encoder.tokenizer.save_pretrained(path)

    def ask(self, passage: str, question: str, override: Override | None = None) -> Answer:
        """Answer one question.

        Raises:
            AnzanError: an empty question, or a text beyond the model's limit (`TextTooLong`).
        """
        return next(self.ask_many([(passage, question)], override=override))

    def ask_many(
        self, pairs: Iterable[tuple[str, str]], batch_size: int | None = None, override: Override | None = None
    ) -> Iterator[Answer]:
        """Answer (passage, question) pairs, in batches (of `BATCH_SIZES` by default), in order. Errors as `ask`."""
        return (trace.answer for trace in self.trace_many(pairs, batch_size, override))

    def trace_many(
        self, pairs: Iterable[tuple[str, str]], batch_size: int | None = None, override: Override | None = None
    ) -> Iterator[Trace]:
        """As `ask_many`, with how each answer came about."""
        return self.read_many(self.call_many(pairs, batch_size), batch_size, override)

    def call_many(self, pairs: Iterable[tuple[str, str]], batch_size: int | None = None) -> list[Text]:
        """The first half of an answer: each text with what its calls of the calculator printed. Errors as `ask`."""
        texts: list[Text] = []
        for passage, question in pairs:
            if not question.strip():
                raise AnzanError("the question is empty: type one")
            texts.append(self.text_encoder.text(passage, question))
        return self._by_length(self._called, texts, batch_size) if self.text_encoder.calculator.operations else texts

    def read_many(
        self, called: Sequence[Text], batch_size: int | None = None, override: Override | None = None, most: int = 1
    ) -> Iterator[Trace]:
        """The second half, from what `call_many` gives: the same calls can be read under several overrides.

        A trace has up to `most` answers, if there are as many spans.
        """
        yield from self._by_length(lambda batch: self._trace(batch, override, most), called, batch_size)

    @torch.no_grad()
    def pair_probabilities(self, text: Text) -> list[dict[tuple[int, int] | None, float]]:
        """p(pair | text, the calls before), for each call that was made; pairs are indexes of mentions.

        `None` is to stop, which a reader of symbols can choose. `text` is as `call_many` gives it.
        """
        if not text.calls:
            return []
        start, encoder = text.uncalled, self.text_encoder
        batch = self._collated([start])
        view = self.model.views.choosing(batch.text)
        if batch.numbers is None:
            scores = self.model.score(batch, view)[0].float()
            defined = [encoder.result(start, pair) is not None for pair in start.candidates]
            scores = scores.masked_fill(~torch.tensor(defined, device=scores.device), -torch.inf)
            return [dict(zip(start.candidates, scores.softmax(-1).tolist(), strict=True))]
        p, numbers = self.model.programs(batch, view), batch.numbers.there.shape[1]
        made, prefix, out = start, list[int](), list[dict[tuple[int, int] | None, float]]()
        for call in text.calls:
            given = torch.tensor(prefix, dtype=torch.long, device=self.model.device).view(1, 1, -1)
            following = p.after(given)[0, 0].exp().tolist()
            values, tools = numbers + len(prefix) * encoder.results, len(encoder.tools)
            places = _mentions(made, encoder, numbers)
            own: dict[tuple[int, int] | None, float] = {
                (places[i], places[j]): sum(following[k * tools : (k + 1) * tools])
                for k, (i, j) in enumerate(pairs_of(values).tolist())
                if i in places and j in places
            }
            out.append(own | {None: following[-1]})
            back = {mention: value for value, mention in places.items()}
            choice = choice_of((back[call.pair[0]], back[call.pair[1]]), values)
            prefix.append(choice * tools + encoder.tool_of(call.row.printed))
            made = encoder.extended(made, call.pair, call.row)
        return out

    def view(self, shown: Sequence[Shown]) -> View:
        """What the network sees of these."""
        batch = self._collated([s.text for s in shown])
        return self.model.views.reading(batch.text, collate_rows([s.row for s in shown]).to(self.model.device))

    # -- one batch -----------------------------------------------------------------------------------------------
    def _by_length(
        self, run: Callable[[Sequence[Text]], list[T]], texts: Sequence[Text], batch_size: int | None
    ) -> list[T]:
        """`run` on batches of texts of similar length; its results in the order of the texts."""
        batch_size = batch_size or BATCH_SIZES.get(self.model.device.type, 64)
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
        shown = [self._shown(text, override) for text in called]
        view = self.view(shown)
        start, end = (log_probs.cpu() for log_probs in self.model.log_probs(view))
        traces = []
        for i, s in enumerate(shown):
            (answer, span), *others = decode(s, (start[i], end[i]), self.model.config.max_answer_words, most)
            traces.append(Trace(s, span, answer, tuple(other for other, _ in others)))
        return traces

    @torch.no_grad()
    def _called(self, texts: Sequence[Text]) -> list[Text]:
        """Each text followed by what its calls of the calculator printed."""
        if not any(text.mentions for text in texts):
            return list(texts)
        batch = self._collated(texts)
        view = self.model.views.choosing(batch.text)
        if batch.candidates is not None:
            scores = self.model.score(batch, view).float().masked_fill(~batch.candidates.valid, -torch.inf)
            return [self._best(t, s) for t, s in zip(texts, scores, strict=True)]
        assert batch.numbers is not None
        numbers, best = batch.numbers.there.shape[1], self.model.programs(batch, view).best(1)[:, 0]
        return [self._after(t, program, numbers) for t, program in zip(texts, best.tolist(), strict=True)]

    def _after(self, text: Text, program: Sequence[int], numbers: int) -> Text:
        """The text after a program, whose choices count `numbers` numbers in each text."""
        encoder = self.text_encoder
        for call, choice in enumerate(program):
            possible = pairs_of(numbers + call * encoder.results)
            which, tool = divmod(choice, len(encoder.tools))
            if which == len(possible):
                break
            places = _mentions(text, encoder, numbers)
            pair = tuple(places[i] for i in possible[which].tolist())
            row = encoder.result(text, (pair[0], pair[1]), tool)
            if row is None:
                break
            text = encoder.extended(text, (pair[0], pair[1]), row)
        return text

    def _best(self, text: Text, scores: Tensor) -> Text:
        candidates = text.candidates
        # F runs on as few pairs as necessary.
        for index in scores[: len(candidates)].argsort(descending=True, stable=True).tolist():
            row = self.text_encoder.result(text, candidates[index])
            if row is not None:
                return self.text_encoder.extended(text, candidates[index], row)
        return text

    def _shown(self, called: Text, override: Override | None) -> Shown:
        """What is read of a text whose calls have been made.

        Each call gets what the calls before it are made to print; what was made of a result that an override takes
        away is not shown either.
        """
        symbolic = self.text_encoder.symbols is not None
        if override is None and called.calls:
            last = called.calls[-1]
            return Shown(called, _before_last(called), last.pair, last.row, symbolic)
        encoder, numbers = self.text_encoder, len(called.uncalled.mentions)
        values = {mention: value for value, mention in _mentions(called, encoder, numbers).items()}
        text, pair, row = called.uncalled, None, None
        for call in called.calls:
            longer = text if pair is None or row is None else encoder.extended(text, pair, row)
            places = _mentions(longer, encoder, numbers)
            if any(values[mention] not in places for mention in call.pair):  # a result that is not there
                break
            text, pair = longer, (places[values[call.pair[0]]], places[values[call.pair[1]]])
            row = encoder.result(text, pair, encoder.tool_of(call.row.printed))
            row = row if override is None or row is None else self._overridden(text, pair, row, override)
            if row is None:
                break
        return Shown(called, text, pair, row, symbolic)

    def _overridden(self, text: Text, pair: tuple[int, int], row: Row, override: Override) -> Row | None:
        printed = override(text, row.printed)
        return None if printed is None else self.text_encoder.printed(text, pair, printed)

    def _collated(self, texts: Sequence[Text]) -> Batch:
        return collate_texts(texts, self.text_encoder).to(self.model.device)


def _before_last(called: Text) -> Text:
    """The text without its last call."""
    call = called.calls[-1]
    return replace(
        called,
        ids=called.ids[: call.start],
        types=called.types[: call.start],
        tokens=called.tokens[: call.start],
        mentions=called.mentions[: call.first],
        calls=called.calls[:-1],
    )


def _mentions(text: Text, encoder: TextEncoder, numbers: int) -> dict[int, int]:
    """The mention that each value of a program is (`anzan.reader.programs`), where it is defined."""
    places = {i: i for i in range(text.calls[0].first if text.calls else len(text.mentions))}
    for k, call in enumerate(text.calls):
        tool = encoder.tools[encoder.tool_of(call.row.printed)]
        for i, clause in enumerate(clauses_of(tool, call.row.printed), call.first):
            places[numbers + k * encoder.results + clause] = i
    return places


def _check_folder(folder: Path) -> None:
    """Raise as `Reader.load` for a folder that holds no model of ours."""
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
    number = config.get("format", 1)
    if not isinstance(number, int) or number > FORMAT:
        raise AnzanError(f"{folder}: a model of a newer anzan (format {number}, not {FORMAT}); upgrade anzan")
    if number < FORMAT:
        raise AnzanError(f"{folder}: a model of an older anzan (format {number}, not {FORMAT}); train it again")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
