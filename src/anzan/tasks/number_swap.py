"""Number swaps: the two quantities of a comparison question change places, so that the other option is right.

    Are there more cats or dogs?   5 cats, 7 dogs.   ->   7 cats, 5 dogs.

The paper did this by hand for 300 comparison questions of DROP (Yoshikawa, Heinzerling and Inui, NLP2022, Table 1).
Here it is done by rule, and only if every step is certain: the question names two options, each option has exactly one
number next to it in the passage, both numbers are of the same kind, no word says which of them is larger, and comparing
them gives the data set's answer. Everything else is refused with a reason.

Where a question asks which came first or later, the two dates change places:

    Which happened first, the siege or the treaty?   the siege of 1611, the treaty of 1617   ->   1617, 1611
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from anzan.arithmetic.dates import MONTHS, scan_dates
from anzan.arithmetic.numbers import Number, find_numbers
from anzan.errors import AnzanError
from anzan.tasks.problem import Problem


def _set(*words: str) -> frozenset[str]:
    return frozenset(" ".join(words).split())


_MORE = _set(
    "more larger bigger higher greater longer taller farther further most largest biggest highest greatest longest",
    "majority",
)
_LESS = _set("fewer less smaller lower shorter fewest least smallest lowest shortest minority")
_TIME = re.compile(
    r"\b(first|second|last|later|latest|earlier|earliest|before|after|sooner|recent|when|born|older|oldest|younger"
    r"|youngest)\b",
    re.I,
)
_FIRST = _set("first earlier earliest before sooner")
_LATER = _set("second last later latest afterwards recently")
_NO_COMPARISON = _set("not except difference total combined")
_LENGTH = re.compile(r"\b(long|longer|longest|short|shorter|shortest|far|farther|further|farthest)\b", re.I)

_OR = re.compile(r",?\s+or\s+", re.I)
_WORD = re.compile(r"[^\W_]+(?:[-'\u2019][^\W_]+)*")
_LEADING = _set("a an the of in from at by with for to is are was were be been being")
_FILLING = _LEADING | _set(
    "who which that those people persons residents nationals ancestry there their his her its age ages aged group",
    "groups more fewer less larger smaller",
)
"""Words around an option in the question that are not part of it. No option begins with a word of `_LEADING`."""

_PHRASE = _set("in at by for during according as of from on living present")
"""First words of a phrase that may follow the second option."""

# Between a number and what it counts there is neither the end of a clause nor another number.
_CLAUSE = re.compile(r"[,;:.!?()\[\]]|\b(?:and|but|or|while|whereas|than|plus|although)\b", re.I)
_REACH = 60
_DATE_REACH = 120
_SENTENCE_OVER = re.compile(r"[;.!?](?:\s|$)")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_ORDERED = re.compile(
    r"\b(down|up|fell|falls?|falling|drop\w*|declin\w*|decreas\w*|increas\w*|ris\w*|rose|gr[eo]w\w*|only|still|just|even"
    r"|compared|than|majority|minority|out of|of wh(?:ich|om))\b",
    re.I,
)
_SEQUENCE = re.compile(
    r"\b(then|later|after\w*|before|following|previous\w*|next|soon|subsequent\w*|since|until|eventual\w*|final\w*"
    r"|earlier|meanwhile|already|still|again|led|result\w*|because|when|while|during|between)\b",
    re.I,
)
_MONTH = re.compile("|".join(MONTHS), re.I)
_YEAR = re.compile(r"\b[12][0-9]{3}\b")


class NotSwappable(AnzanError):
    """The reason why the numbers of a question cannot be swapped safely."""


@dataclass(frozen=True)
class _Quantity:
    """An option as the passage writes it, the number next to it, and whether the number comes first."""

    option: str
    number: Number
    before: bool


def swap_numbers(problem: Problem) -> Problem:
    """The problem with the two compared quantities swapped in the passage, and the other option as the answer.

    `meta["swapped"]` holds both numbers as the passage wrote them and the original answer, `meta["bundle"]` the
    original's id.

    Raises:
        NotSwappable: It is not certain which two numbers are compared, or that the text stays consistent.
    """
    order = _order(problem.question)
    sign = order or _direction(problem.question)
    winner, loser = _by_answer(problem, *_options(problem))
    _check_answers(problem, winner, loser)
    passage = problem.passage
    nearest = _date if order else _quantity
    a, b = (nearest(passage, option, other) for option, other in ((winner, loser), (loser, winner)))
    if order:
        _check_dates(passage, a, b)
    else:
        _check_alike(passage, a, b)
        _check_question(problem, a, b)
    if (a.number.value - b.number.value) * sign <= 0:
        raise NotSwappable("the two numbers do not give the answer")
    swapped = {"numbers": [a.number.text, b.number.text], "answer": list(problem.answers[0])}
    return replace(
        problem,
        id=f"{problem.id}-swapped",
        passage=_exchange(passage, a.number, b.number),
        answers=tuple((text,) for text in dict.fromkeys((loser, b.option))),
        arguments=None,
        meta={k: v for k, v in problem.meta.items() if k != "mentions"}
        | {"swapped": swapped, "bundle": problem.meta.get("bundle", problem.id)},
    )


# -- the question ------------------------------------------------------------------------------------------------
def _direction(question: str) -> int:
    """1 if the question asks for the larger quantity, -1 if it asks for the smaller one."""
    words = {w.lower() for w in _WORD.findall(question)}
    if _TIME.search(question):
        raise NotSwappable("it compares times")
    if words & _NO_COMPARISON:
        raise NotSwappable("it asks for more than a comparison")
    more, less = bool(words & _MORE), bool(words & _LESS)
    if more == less:
        raise NotSwappable("it does not say whether the larger or the smaller one is asked for")
    return 1 if more else -1


def _order(question: str) -> int:
    """-1 if the question asks which came first, 1 if it asks which came later, 0 if it asks something else.

    It asks that with its last word before the options: `Who was born first, ...`.
    """
    asked = re.split(r"[,:;]", question)[0].split()
    last = asked[-1].lower() if asked else ""
    return -1 if last in _FIRST else 1 if last in _LATER else 0


def _options(problem: Problem) -> tuple[str, str]:
    """The two options, as far as the passage contains them word by word."""
    parts = _OR.split(problem.question.strip().rstrip("?").strip())
    if len(parts) != 2:
        raise NotSwappable("it does not name two options joined by `or`")
    left, right = parts
    cut = max(left.rfind(c) for c in ",:;") + 1
    return _option(left[cut:], problem.passage, True), _option(right, problem.passage, False)


def _option(text: str, passage: str, left: bool) -> str:
    """The longest run of words in a part of the question, apart from filling words, that the passage contains.

    More of the question may precede the first option; a phrase such as `in 2010` may follow the second one.
    """
    words = list(_WORD.finditer(text))
    runs = ((i, i + n) for n in range(len(words), 0, -1) for i in range(len(words) - n + 1))
    for i, j in runs:
        before, run, after = ([w.group().lower() for w in part] for part in (words[:i], words[i:j], words[j:]))
        if _FILLING.issuperset(run) or not (left or _FILLING.issuperset(before)):
            continue
        if not _FILLING.issuperset(after) and (left or after[0] not in _PHRASE):
            continue
        while words[i].group().lower() in _LEADING:
            i += 1
        option = text[words[i].start() : words[j - 1].end()]
        for form in dict.fromkeys((option, option.removesuffix("s"))):
            if next(_places(form, passage), None):
                return form
    raise NotSwappable(f"the option {text.strip()!r} is not in the passage")


def _places(option: str, passage: str) -> Iterator[re.Match[str]]:
    return re.finditer(rf"(?<!\w){re.escape(option)}(?!\w)", passage, re.I)


def _by_answer(problem: Problem, first: str, second: str) -> tuple[str, str]:
    """The right option, and the other one."""
    if len(problem.answers[0]) != 1:
        raise NotSwappable("its answer is not one span")
    gold, *options = (_words(text) for text in (problem.answers[0][0], first, second))
    for fits in (frozenset.__eq__, lambda x, y: x <= y or y <= x):
        right = [bool(gold) and fits(gold, option) for option in options]
        if right[0] != right[1]:
            return (first, second) if right[0] else (second, first)
    raise NotSwappable("its answer is not one of its options")


def _check_answers(problem: Problem, winner: str, loser: str) -> None:
    """Check the alternatives: each may say more or less than the right option, but must not name the other one."""
    for spans in problem.answers:
        given = _words(" ".join(spans))
        if given & _words(loser) - _words(winner) and not given & _words(winner) - _words(loser):
            raise NotSwappable("its answers do not agree")


def _words(text: str) -> frozenset[str]:
    words = frozenset(w.lower().removesuffix("'s") for w in _WORD.findall(text))
    return words - _FILLING or words


# -- the passage -------------------------------------------------------------------------------------------------
def _quantity(passage: str, option: str, other: str) -> _Quantity:
    taken = [m.span() for o in (option, other) for m in _places(o, passage)]
    numbers = [n for n in find_numbers(passage) if not any(s < n.end and n.start < e for s, e in taken)]
    found: dict[int, _Quantity] = {}
    for match in _places(option, passage):
        for number in numbers:
            before = number.end <= match.start()
            gap = passage[number.end : match.start()] if before else passage[match.end() : number.start]
            if 0 < len(gap) <= _REACH and not _CLAUSE.search(gap.removesuffix(" (")) and not find_numbers(gap):
                found[number.start] = _Quantity(match.group(), number, before)
    if len(found) != 1:
        raise NotSwappable(f"{'more than one' if found else 'no'} number is next to {option!r}")
    return next(iter(found.values()))


def _date(passage: str, option: str, other: str) -> _Quantity:
    """The date or year that stands next to an event, in one sentence with it and with no other event."""
    taken = [m.span() for o in (option, other) for m in _places(o, passage)]
    dates = [Number(value, passage[s:e], s, e) for value, s, e, kind in scan_dates(passage) if kind == "date"]
    covered = [*taken, *((n.start, n.end) for n in dates)]
    for m in _YEAR.finditer(passage):
        if not any(s < m.end() and m.start() < e for s, e in covered):
            dates.append(Number(Fraction(m[0]), m[0], *m.span()))
    found: dict[int, _Quantity] = {}
    for match in _places(option, passage):
        for date in dates:
            before = date.end <= match.start()
            gap = passage[date.end : match.start()] if before else passage[match.end() : date.start]
            between = any(date.end <= n.start < match.start() or match.end() <= n.start < date.start for n in dates)
            if 0 < len(gap) <= _DATE_REACH and not _SENTENCE_OVER.search(gap) and not between:
                found[date.start] = _Quantity(match.group(), date, before)
    if len(found) != 1:
        raise NotSwappable(f"{'more than one' if found else 'no'} date is next to {option!r}")
    return next(iter(found.values()))


def _check_dates(passage: str, a: _Quantity, b: _Quantity) -> None:
    if a.number.start == b.number.start:
        raise NotSwappable("one date is next to both options")
    if _form(a.number.text) != _form(b.number.text):
        raise NotSwappable("the two dates are written differently")
    for number in (a.number, b.number):
        _check_once(passage, number.text)
    first, second = sorted((a.number, b.number), key=lambda n: n.start)
    around = _sentence(passage, first) + " " + _sentence(passage, second)
    if word := _SEQUENCE.search(around):
        raise NotSwappable(f"{word.group()!r} may say which of the two came first")


def _form(date: str) -> str:
    """How a date is written, whatever its day, month and year."""
    return re.sub(r"\d+", "0", _MONTH.sub("month", date))


def _check_alike(passage: str, a: _Quantity, b: _Quantity) -> None:
    if a.number.start == b.number.start:
        raise NotSwappable("one number is next to both options")
    if a.before != b.before:
        raise NotSwappable("one option is before its number, the other after")
    if _unit(passage, a.number) != _unit(passage, b.number):
        raise NotSwappable("the two numbers have different units")
    for text, value in ((n.text, n.value) for n in (a.number, b.number)):
        _check_once(passage, text)
        if value.denominator > 1 and text[0].isalpha():
            raise NotSwappable(f"{text!r} is a fraction")
        if value == 1:
            raise NotSwappable("1 takes a singular")
        if _YEAR.fullmatch(text):
            raise NotSwappable(f"{text} may be a year")


def _check_once(passage: str, number: str) -> None:
    if len(re.findall(rf"(?<![\w.,]){re.escape(number)}(?!\w)", passage)) > 1:
        raise NotSwappable(f"{number} is in the passage more than once")


def _check_question(problem: Problem, a: _Quantity, b: _Quantity) -> None:
    """Check for lengths that the question does not ask for, years other than its own, and words that order the two."""
    passage, numbers = problem.passage, sorted((a.number, b.number), key=lambda n: n.start)
    if _unit(passage, a.number)[1].startswith("-") and not _LENGTH.search(problem.question):
        raise NotSwappable("it asks for no length, but the numbers next to its options are lengths")
    sentences = [_sentence(passage, n) for n in numbers]
    named = _YEAR.findall(f"{problem.question} {a.option} {b.option}")
    if _YEAR.search(problem.question) and not set(named).issuperset(_YEAR.findall(" ".join(sentences))):
        raise NotSwappable("the numbers may be those of another year")
    around = passage[max(0, numbers[0].start - 30) : numbers[1].end + 15]
    if len(around) < 200 and (word := _ORDERED.search(around)):
        raise NotSwappable(f"{word.group()!r} may say which number is larger, or what it is part of")


def _sentence(passage: str, n: Number) -> str:
    ends = [0, *(m.start() for m in _SENTENCE_END.finditer(passage)), len(passage)]
    return passage[max(e for e in ends if e <= n.start) : min(e for e in ends if e >= n.end)]


def _unit(passage: str, n: Number) -> tuple[str, ...]:
    """What is attached to a number: a currency sign before it, a percent sign or a hyphenated unit after it."""
    before = re.search(r"[$€£¥]?$", passage[: n.start])
    after = re.match(r"\s?%|\s?percent|-[a-z]+|/|-|", passage[n.end :])
    assert before and after
    return before.group(), after.group().strip(), "word" if n.text[0].isalpha() else "digits"


def _exchange(passage: str, a: Number, b: Number) -> str:
    first, second = sorted((a, b), key=lambda n: n.start)
    parts = passage[: first.start], second.text, passage[first.end : second.start], first.text, passage[second.end :]
    return _article(parts[0], parts[1]) + parts[1] + _article(parts[2], parts[3]) + parts[3] + parts[4]


def _article(before: str, number: str) -> str:
    """The text before a number, ending in `a` or `an` as the spoken number needs."""
    vowel = re.match(r"8|1[18](?!\d)|1[18](?:,\d{3})+(?!\d)|eight|eleven|eighteen", number, re.I) is not None
    return re.sub(r"\b([aA])n?(\s+)$", lambda m: m[1] + ("n" if vowel else "") + m[2], before)
