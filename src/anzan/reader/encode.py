"""The text encoder: from question, passage and printed results to tokens, with the numbers found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast
from unicodedata import category

from transformers import PreTrainedTokenizerFast

from anzan.arithmetic import (
    Calculator,
    Implied,
    Number,
    Printed,
    Value,
    find_implied,
    find_numbers,
    format_number,
    number_kind,
    parse_number,
    strip_separators,
)
from anzan.errors import AnzanError
from anzan.reader.programs import Line
from anzan.reader.sequence import (
    CONSTANT,
    PASSAGE,
    QUESTION,
    RESULT_SEGMENT,
    STEP,
    Call,
    Mention,
    Row,
    Span,
    Text,
    Token,
)
from anzan.reader.symbols import SymbolIds
from anzan.reader.tokenizer import written_ids

if TYPE_CHECKING:
    from anzan.reader.config import CalculatorReaderConfig

_DIGITS = frozenset("0123456789")


class TextTooLong(AnzanError):
    """The text has more tokens than the model reads."""


class TextEncoder:
    """Turns passages and questions into sequences for one tokenizer and calculator.

    Args:
        tokenizer: one that splits numbers into digits (`anzan.reader.tokenizer`).
        calculator: without operations (`Calculator(())`) there are no candidates: span extraction only.
        max_length: the longest sequence, in tokens.
        calls: calls of the calculator, at most.
        constants: numbers that the calculator may use although no text contains them, such as 100.
        positions: how many of these tokens the encoder reads at once, by default all; longer texts are read in windows,
            each with the whole question and all results.
        symbols: the ids of symbols; None where numbers are digits.
        implied: whether words that imply a number, such as `twice`, are among the numbers.
        one: whether a call prints the result of one operation, not of all; with symbols.

    Attributes:
        tools: what a call can choose (`anzan.reader.programs`); those of the calculator.
        lines: what each prints, where numbers are symbols.
        results: how many results a call prints.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        calculator: Calculator,
        max_length: int = 512,
        calls: int = 1,
        constants: Sequence[Fraction] = (),
        positions: int | None = None,
        symbols: SymbolIds | None = None,
        implied: bool = False,
        one: bool = False,
    ):
        self._positions, self.symbols, self.implied = positions, symbols, implied
        self.calls, self.constants = calls, tuple(constants)
        self.tokenizer = tokenizer
        tokenizer.backend_tokenizer.encode_special_tokens = True  # a [SEP] that somebody typed is text
        self.calculator = calculator
        self.max_length = max_length
        vocabulary = tokenizer.get_vocab()
        self._sep: Any = tokenizer.sep_token_id
        self._first: dict[str, Any] = written_ids(tokenizer)
        self.tools = calculator.single if one else (calculator,)
        self.lines = tuple(Line.of(tool, self._first, self._sep) for tool in self.tools)
        self.results = len(self.lines[0].results)
        clauses = ((i, clause) for i, tool in enumerate(self.tools) for clause in tool.clauses)
        self._tools: dict[Any, int] = {(symbol, left): i for i, (symbol, _, left, _) in clauses}
        self._word = lru_cache(10_000)(self._word_ids)  # an operand comes up in many rows
        self._next = {c: vocabulary[f"##{c}"] for c in "0123456789"}
        self.pad: int = cast(Any, tokenizer).pad_token_id or 0

    @classmethod
    def for_config(cls, config: CalculatorReaderConfig, tokenizer: PreTrainedTokenizerFast) -> TextEncoder:
        """The text encoder of a reader."""
        settings = config.settings
        constants = [value for c in settings.constants if (value := parse_number(c)) is not None]
        return cls(
            tokenizer,
            config.calculator,
            config.max_tokens,
            settings.calls,
            constants,
            config.max_positions,
            config.symbol_ids,
            settings.implied,
            settings.prints_one,
        )

    @property
    def positions(self) -> int:
        """How many tokens are read at once."""
        return self.max_length if self._positions is None else min(self._positions, self.max_length)

    def words(self, ids: Sequence[int]) -> list[str]:
        """How tokens are displayed."""
        words: Any = self.tokenizer.convert_ids_to_tokens([*ids])
        if self.symbols is None:
            return words
        return [w if i < self.symbols.first else self.symbols.name(i) for w, i in zip(words, ids, strict=True)]

    # -- text ----------------------------------------------------------------------------------------------------
    def text(self, passage: str, question: str) -> Text:
        """Tokenise question and passage and find the numbers in both.

        Raises:
            TextTooLong: more tokens than `max_length`, or a question that leaves no place for the passage.
        """
        t: Any = self.tokenizer
        ids, types = [t.cls_token_id], [0]
        tokens: list[Token | None] = [None]
        for kind, (where, source) in enumerate(((QUESTION, question), (PASSAGE, passage))):
            clean, origin = strip_separators(source)
            # A lone surrogate is no character; the tokenizer refuses it.
            encoding = t.backend_tokenizer.encode(clean.encode("utf-8", "replace").decode(), add_special_tokens=False)
            words = [None, *encoding.word_ids, None]
            for i, (start, end) in enumerate(encoding.offsets, 1):
                first, last = words[i - 1] != words[i], words[i + 1] != words[i]
                tokens.append(Token(where, origin[start], origin[end - 1] + 1, first, last))
            ids += [*encoding.ids, t.sep_token_id]
            types += [kind] * (len(encoding.ids) + 1)
            tokens.append(None)
        text = Text(passage, question, ids, types, tokens, self._mentions(passage, question, tokens))
        if self.symbols is not None:
            text = with_symbols(text, self.symbols)
        if self.constants:
            text = self._with_constants(text)
        self._check_length(text)
        return text

    def _mentions(self, passage: str, question: str, tokens: Sequence[Token | None]) -> list[Mention]:
        """The numbers whose characters begin and end with a token."""
        starts = {(k.where, k.start): i for i, k in enumerate(tokens) if k}
        ends = {(k.where, k.end): i for i, k in enumerate(tokens) if k}
        mentions = []
        for where, source, other in ((PASSAGE, passage, question), (QUESTION, question, passage)):
            numbers: list[Number] = find_numbers(source)
            if self.implied:
                numbers = sorted([*numbers, *find_implied(source, other)], key=lambda n: (n.start, -n.end))
            for n in numbers:
                first, last = starts.get((where, n.start)), ends.get((where, n.end))
                if first is not None and last is not None:
                    word = isinstance(n, Implied)
                    mentions.append(Mention(n.value, n.text, n.start, n.end, where, (first, last), word))
        return mentions

    def _with_constants(self, text: Text) -> Text:
        ids, mentions = [*text.ids], [*text.mentions]
        for value in self.constants:
            written = format_number(value)
            shown = self._written(written) if self.symbols is None else [self.symbols.number(len(mentions), "plain")]
            mentions.append(Mention(value, written, 0, 0, CONSTANT, (len(ids), len(ids) + len(shown) - 1)))
            ids += shown
        ids.append(self._sep)
        more = len(ids) - len(text.ids)
        types, tokens = [*text.types, *([1] * more)], [*text.tokens, *([None] * more)]
        return replace(text, ids=ids, types=types, tokens=tokens, mentions=mentions)

    def _check_length(self, text: Text) -> None:
        ids, types = text.ids, text.types
        if len(ids) > self.max_length:
            raise TextTooLong(
                f"the text is {len(ids):,} tokens long and this model reads at most {self.max_length:,}: "
                "shorten the passage"
            )
        if len(ids) > self.positions and types.count(0) > self.positions // 2:
            raise TextTooLong(
                f"the question is {types.count(0):,} tokens long and this model reads {self.positions:,} at once: "
                "shorten the question"
            )

    # -- results -------------------------------------------------------------------------------------------------
    def printed(self, text: Text, pair: tuple[int, int], printed: Printed) -> Row | None:
        """What the next call of a text printed, as tokens; None where that is nothing.

        Args:
            pair: the mentions that went in. Symbols show them, whatever the values are that `printed` was made from.
        """
        if self.symbols is None:
            return self.row(printed)
        if not printed.fields:
            return None
        tool = self.tool_of(printed)
        line, call = self.lines[tool], len(text.calls)
        ids, fields = [*line.ids], []
        for place, argument in line.operands:
            ids[place] = text.ids[text.mentions[pair[argument]].span[0]]
        found = iter([printed.fields[i : i + 3] for i in range(0, len(printed.fields), 3)])
        result, left, _ = next(found)
        for clause, (operation, _, first, _) in enumerate(self.tools[tool].clauses):
            sign, place = line.signs[clause], line.results[clause]
            ids[place] = self.symbols.result(call, clause)
            if result is None or (result.operation, left.argument) != (operation, first):
                ids[sign] = self.symbols.sign("undefined")
                continue
            ids[sign] = self.symbols.sign("positive" if result.value > 0 else "negative" if result.value else "zero")
            fields.append((result.value, (place, place), operation))
            result, left, _ = next(found, (None, left, _))
        return Row(ids, fields, printed)

    def row(self, printed: Printed) -> Row | None:
        """A printed calculation in digits as tokens; None where it is empty.

        Every character but the blanks is one token.
        """
        if not printed.text:
            return None
        text = printed.text
        ids = [*self._written(text), self._sep]
        fields: list[tuple[Value, Span, str | None]] = []
        for value, start, end, operation, _ in printed.fields:
            first, last = start - text.count(" ", 0, start), end - text.count(" ", 0, end) - 1  # blanks are no tokens
            fields.append((value, (first, last), operation))
        return Row(ids, fields, printed)

    def _written(self, text: str) -> list[int]:
        """What the calculator writes as tokens: every character but the blanks is one."""
        return [i for word in text.split(" ") for i in self._word(word)]

    def _word_ids(self, word: str) -> list[int]:
        if word.isdigit() and word.isascii():  # nearly all of them, and there are many
            return [self._first[word[0]], *map(self._next.__getitem__, word[1:])]
        return [
            self._next[c] if c in _DIGITS and previous in _DIGITS else self._first[c]
            for previous, c in pairwise(" " + word)
        ]

    def rewrite(self, printed: Printed, write: Callable[[str], str]) -> Printed:
        """The same calculation with other results: `write` takes the digits of one, and gives as many others.

        Equal digits (5 - 3 and 3 - 5) are written once. Operands stay.
        """
        text, fields, written = printed.text, [], dict[str, str]()
        for field in printed.fields:
            if field.operation is not None:
                shown = list(text[field.start : field.end])
                places = [i for i, c in enumerate(shown) if c.isdigit()]
                digits = "".join(shown[i] for i in places)
                new = written.get(digits) or written.setdefault(digits, write(digits))
                for i, digit in zip(places, new, strict=True):
                    shown[i] = digit
                result = "".join(shown)
                text = text[: field.start] + result + text[field.end :]
                field = field._replace(value=Fraction(result.replace(" ", "")))
            fields.append(field)
        return Printed(text, tuple(fields))

    def tool_of(self, printed: Printed) -> int:
        """The tool that printed a calculation; the first one for an empty calculation."""
        if not printed.fields:
            return 0
        result, left, _ = printed.fields[:3]
        return self._tools[result.operation, left.argument]

    def again(self, printed: Printed, operands: Iterable[Value]) -> Printed:
        """What the tool that printed a calculation prints for other operands."""
        return self.tools[self.tool_of(printed)](*operands)

    def result(self, text: Text, pair: tuple[int, int], tool: int = 0) -> Row | None:
        """F for one pair of mentions; None where it is undefined or does not fit behind the text."""
        row = self.printed(text, pair, self.tools[tool](text.mentions[pair[0]].value, text.mentions[pair[1]].value))
        return row if row is not None and self.fits(text, len(row.ids)) else None

    def room(self, text: Text) -> int:
        """How many calls can be printed behind a text, at most `calls`."""
        longest = max(map(len, self.lines))
        return sum(self.fits(text, k * longest) for k in range(1, self.calls + 1))

    def fits(self, text: Text, tokens: int) -> bool:
        """Whether so many tokens can follow a text; in windows the passage keeps a quarter of each at least."""
        length = len(text.ids) + tokens
        around = length - text.types.count(1)
        return length <= self.positions or (length <= self.max_length and around <= self.positions * 3 // 4)

    def extended(self, text: Text, pair: tuple[int, int], row: Row) -> Text:
        """The text with the result of a call behind it, its results as further mentions: what the next call sees."""
        base, line = len(text.ids), row.printed
        results = [f for f in line.fields if f.operation is not None]
        spans = [span for _, span, operation in row.fields if operation is not None]
        mentions = [
            Mention(Fraction(f.value), line.text[f.start : f.end], f.start, f.end, STEP, (first + base, last + base))
            for f, (first, last) in zip(results, spans, strict=True)
        ]
        return replace(
            text,
            ids=[*text.ids, *row.ids],
            types=[*text.types, *([RESULT_SEGMENT] * len(row.ids))],
            tokens=[*text.tokens, *([None] * len(row.ids))],
            mentions=[*text.mentions, *mentions],
            calls=(*text.calls, Call(pair, row, base, len(text.mentions))),
        )


def with_symbols(text: Text, symbols: SymbolIds) -> Text:
    """The text with one symbol in place of each number, and no digit or other numeric character anywhere.

    A word that implies a number stays, and is followed by the symbol.
    """
    number_at = {m.span[0]: i for i, m in enumerate(text.mentions) if not m.implied}
    implied_by = {m.span[1]: i for i, m in enumerate(text.mentions) if m.implied}
    ids: list[int] = []
    types: list[int] = []
    tokens: list[Token | None] = []
    mentions: dict[int, Mention] = {}
    place = 0
    while place < len(text.ids):
        token, after = text.tokens[place], place + 1
        if token is not None and place in number_at:
            i = number_at[place]
            m = text.mentions[i]
            source, after = _source(text, m.where), m.span[1] + 1
            ids.append(symbols.number(i, number_kind(source, m.start, m.end, m.value)))
            mentions[i] = replace(m, span=(len(tokens), len(tokens)))
            last = text.tokens[after - 1]
            assert last is not None
            token = Token(m.where, m.start, m.end, token.starts_word, last.ends_word)
        elif token is not None and _is_numeric(_source(text, token.where)[token.start : token.end]):
            ids.append(symbols.opaque)
        else:
            ids.append(text.ids[place])
        types.append(text.types[place])
        tokens.append(token)
        for end in implied_by.keys() & range(place, after):
            i = implied_by[end]
            mentions[i] = replace(text.mentions[i], span=(len(tokens), len(tokens)))
            ids.append(symbols.number(i, "plain"))
            types.append(text.types[place])
            tokens.append(None)  # no answer
        place = after
    ordered = [mentions[i] for i in range(len(text.mentions))]
    return replace(text, ids=ids, types=types, tokens=tokens, mentions=ordered)


def _is_numeric(word: str) -> bool:
    """Whether it has a digit, or a character such as ½, ² or Ⅷ."""
    return not word.isalpha() and any(category(c).startswith("N") for c in word)


def _source(text: Text, where: str) -> str:
    return text.question if where == QUESTION else text.passage
