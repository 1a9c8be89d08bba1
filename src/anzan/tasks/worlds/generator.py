"""Drawing worlds: a kind, its words and quantities, what is told and asked, and the problem that this makes."""

from __future__ import annotations

import random
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from typing import Any

from anzan.arithmetic import format_number
from anzan.errors import AnzanError
from anzan.tasks.problem import Problem
from anzan.tasks.worlds.equations import Step, shortest_program
from anzan.tasks.worlds.kinds import NOT_FIRST, Kind, Question, all_kinds, bystanders, parse_slot
from anzan.tasks.worlds.quantities import Style, draw_quantity, draw_style, is_whole, write_quantity
from anzan.tasks.worlds.stories import STORIES, draw_story
from anzan.tasks.worlds.vocabulary import Word, draw_cast
from anzan.tasks.worlds.wording import Teller, choose, joined

TRIES = 200
STORY = 34
"""How much more often a kind of story is drawn than another kind: half of all problems are stories."""
TOLD_ANSWER = 0.04
"""The share of questions about a quantity that the text tells: no call is needed."""
BYSTANDER = 0.35
"""The share of texts with a sentence about somebody or something that nobody asks about."""
MORE = 0.5
"""The share of texts that tell more of their own quantities than are needed, where a kind has them."""


@dataclass(frozen=True)
class Worlds:
    """Options of `generate_worlds`.

    Attributes:
        kinds: their names, those of `STORIES` too; empty for all.
        held_out: whether to take the words of evaluation.
        calls: the most calls that a program may need.
        others: with how many other draws of its numbers each problem is told as well, in `meta["others"]`; five times
            as many for a question about which of two is more, whose answers tell less.
    """

    kinds: tuple[str, ...] = ()
    held_out: bool = False
    calls: int = 3
    others: int = 0

    def __post_init__(self) -> None:
        for kind in self.kinds:
            if kind not in all_kinds() and kind not in STORIES:
                raise AnzanError(f"kinds: no world {kind!r}; there are {', '.join((*all_kinds(), *STORIES))}")
        if not 0 <= self.calls <= 3:
            raise AnzanError(f"calls: {self.calls}: choose 0 to 3")
        if self.others < 0:
            raise AnzanError(f"others: {self.others}: choose 0 or more")


def generate_worlds(options: Worlds, size: int, seed: int, split: str = "train") -> list[Problem]:
    """`size` problems, no two with the same passage and question.

    `arguments` has the steps of the shortest program, each with its two values, and `meta["operations"]` their
    operations. Fewer problems are a prefix of more.

    Raises:
        AnzanError: the kinds leave no further problem.
    """
    rng = random.Random(f"worlds {options!r}, seed {int(seed)}, split {split!r}")
    names = options.kinds or (*all_kinds(), *STORIES)
    weights = [STORY if name in STORIES else 1 for name in names]
    problems: list[Problem] = []
    seen: set[tuple[str, str]] = set()
    while len(problems) < size:
        [name] = rng.choices(names, weights)
        for _ in range(TRIES):
            kind = draw_story(rng, name) if name in STORIES else all_kinds()[name]
            problem = draw_problem(rng, kind, options, f"{split}/{len(problems)}")
            if problem is not None and (problem.passage, problem.question) not in seen:
                seen.add((problem.passage, problem.question))
                problems.append(problem)
                break
        else:
            raise AnzanError(f"worlds: no further problem of kind {name} found; allow more kinds or more calls")
    return problems


def draw_problem(rng: random.Random, kind: Kind, options: Worlds, place: str) -> Problem | None:
    """One problem; None if what was drawn does not make one."""
    style = draw_style(rng)
    question = rng.choice(kind.questions)
    template = choose(rng, rng.choice(question.wordings))
    if kind.tells(template) & set(question.of):
        return None
    chosen = _told(rng, kind, question, template, options.calls)
    if chosen is None:
        return None
    scene = _Scene(kind, style, question, template, *chosen, options, words=rng.random())
    problem = scene.told(random.Random(rng.random()), f"{kind.name}/{place}")
    if problem is None or not options.others:
        return problem
    again = (scene.told(random.Random(rng.random()), problem.id) for _ in range(TRIES))
    others = [
        {"passage": p.passage, "question": p.question, "answers": [answer for (answer,) in p.answers]}
        for p in islice((p for p in again if p is not None), options.others * (5 if question.which else 1))
    ]
    return replace(problem, meta={**problem.meta, "others": others})


@dataclass(frozen=True)
class _Scene:
    """All of a problem but its numbers.

    Attributes:
        sentences: what is told, in order.
        program: the steps to the answer.
        words: seeds everything that is drawn while it is told, but for numbers.
    """

    kind: Kind
    style: Style
    question: Question
    template: str
    sentences: Sequence[str]
    program: Sequence[Step]
    options: Worlds
    words: float

    def told(self, numbers: random.Random, id: str) -> Problem | None:
        """The problem with numbers of this source; None where they do not make one."""
        kind, question, style = self.kind, self.question, self.style
        in_text = frozenset().union(*(kind.tells(s) for s in (*self.sentences, self.template)))
        values = _quantities(numbers, kind, style, in_text.union(question.of, (s.result for s in self.program)))
        if values is None:
            return None
        target = [values[q] for q in question.of]
        if len(target) > 1 and target[0] == target[1]:
            return None
        if self.program and question.which is None and target[0] in {values[q] for q in in_text}:
            return None  # the answer would be in the text by chance

        rng = random.Random(self.words)
        cast = draw_cast(rng, kind.cast, self.options.held_out)
        said = in_text.union(question.of)
        written = {q: write_quantity(numbers, v, kind.kinds[q], style) for q, v in values.items() if q in said}
        teller = Teller(rng, cast, written.__getitem__)
        other = None
        if rng.random() < BYSTANDER:
            other = _bystander(rng, numbers, style, self.options, {w.many for w in cast.values()})
        at = rng.randint(0, len(self.sentences))
        passage = [teller.sentence(s) for s in self.sentences[:at]]
        if other is not None:
            teller.interrupted()
        names = {w.one.split()[0] for w in cast.values() if w.one[0].isupper()}
        before = joined(rng, passage, names)
        after = joined(rng, [teller.sentence(s) for s in self.sentences[at:]], names)
        asked = teller.question(self.template)
        meta: dict[str, Any] = {
            "operations": [s.operation for s in self.program],
            "calls": len(self.program),
            "form": question.which or "number",
        }
        if question.which is None:
            answers = dict.fromkeys((format_number(target[0]), written[question.of[0]]))
        else:
            meta["options"] = _options(kind, question, target, cast)
            answers = meta["options"][:1]
        return Problem(
            id=id,
            passage=" ".join(part for part in (before, other, after) if part),
            question=asked,
            answers=tuple((answer,) for answer in answers),
            arguments=_arguments(self.program, values) or None,
            kind=kind.name,
            meta=meta,
        )


def _quantities(rng: random.Random, kind: Kind, style: Style, needed: Set[str]) -> dict[str, Fraction] | None:
    """The quantities of a world; None if those needed are not all positive, or whole where they must be.

    What nobody tells or asks does not count: with "a is so many more than b" among it, a would always be more.
    """
    values = {q: draw_quantity(rng, drawn, style) for q, drawn in kind.drawn.items()}
    for step in kind.equations:
        try:
            values[step.result] = step.value(values)
        except ZeroDivisionError:
            return None
    for quantity in needed & values.keys():
        value = values[quantity]
        whole = is_whole(kind.kinds[quantity])
        if value <= 0 or (whole and value.denominator != 1) or (100 * value).denominator != 1:
            return None
        if quantity not in kind.drawn and value < 2:
            return None
    return values


def _told(
    rng: random.Random, kind: Kind, question: Question, template: str, calls: int
) -> tuple[list[str], tuple[Step, ...]] | None:
    """Sentences in order from which the answer follows, and the shortest program to it."""
    in_question, wanted = kind.tells(template), set(question.of)
    given = question.which is not None or rng.random() < TOLD_ANSWER
    pool = [s for s in kind.sentences if not kind.tells(s) & in_question and (given or not kind.tells(s) & wanted)]
    compared = (Step("", "-", *question.of),) if question.which else ()
    rng.shuffle(pool)

    def program(sentences: Sequence[str]) -> tuple[Step, ...] | None:
        told = in_question.union(*(kind.tells(s) for s in sentences))
        found = shortest_program(told, wanted, kind.equations, calls - len(compared))
        return None if found is None else found + compared

    def fits(sentence: str, others: Sequence[str]) -> bool:
        return bool(kind.tells(sentence)) and not any(kind.tells(sentence) & kind.tells(o) for o in others)

    needed: list[str] = []
    for sentence in pool:
        if program(needed) is not None:
            break
        if fits(sentence, needed):
            needed.append(sentence)
    steps = program(needed)
    if steps is None:
        return None
    for sentence in list(needed):
        fewer = [s for s in needed if s != sentence]
        if program(fewer) is not None:
            needed = fewer
    steps = program(needed)
    if steps is None or (given and steps and not compared):
        return None
    more = [s for s in pool if s not in needed]
    while more and rng.random() < MORE:
        sentence = more.pop()
        shorter = program([*needed, sentence])
        if fits(sentence, needed) and shorter is not None and len(shorter) == len(steps):
            needed.append(sentence)
    scenery = [s for s in kind.sentences if not kind.tells(s) and rng.random() < 0.7]
    order = list(kind.sentences)
    sentences = sorted([*needed, *scenery], key=order.index)
    if kind.shuffle:
        rng.shuffle(sentences)
    if sentences and sentences[0].startswith(NOT_FIRST):
        return None
    return [choose(rng, s.removeprefix(NOT_FIRST)) for s in sentences], steps


def _bystander(
    rng: random.Random, numbers: random.Random, style: Style, options: Worlds, taken: set[str]
) -> str | None:
    """A sentence about something else; None if its words are taken."""
    kind = rng.choice(bystanders())
    cast = draw_cast(rng, kind.cast, options.held_out)
    template = choose(rng, rng.choice(kind.sentences))
    values = _quantities(numbers, kind, style, kind.kinds.keys())
    if values is None or taken & {w.many for w in cast.values()}:
        return None
    return Teller(rng, cast, lambda q: write_quantity(numbers, values[q], kind.kinds[q], style)).sentence(template)


def _options(kind: Kind, question: Question, target: Sequence[Fraction], cast: dict[str, Word]) -> list[str]:
    """The right option of a comparison, then the wrong one."""
    in_order = sorted(zip(target, question.of, strict=True), reverse=question.which == "more")
    options = []
    for _, quantity in in_order:
        role, form, _ = parse_slot(kind.names[quantity])
        options.append(cast[role].one if form == "one" else cast[role].many)
    return options


def _arguments(program: Sequence[Step], values: dict[str, Fraction]) -> tuple[tuple[Fraction, ...], ...]:
    return tuple(tuple(Fraction(x) if x.isdigit() else values[x] for x in step.operands) for step in program)
