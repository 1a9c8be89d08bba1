"""The kinds of worlds, read from `kinds/*.yaml`.

    gain:
      cast: {A: person, T: thing}
      draw: {start: count, more: count, end: start + more}
      tell:
        - "{A} had {start} {T}."
        - "{A} [bought|found] {more} more {T}."
      ask:
        end: ["How many {T} does {A} have now?"]
        start: ["How many {T} did {A} have at first?"]

`draw` names the quantities, each with a kind of `quantities.DRAWS`, a range (`2..9`), or an equation of two others.
Everything that sentences leave out can be asked if it follows from the others, so one body has several questions, and
one question several bodies. A sentence tells the quantities whose slots it has; so can a question.

`{A}` is a name or a pronoun, `{A.name}` always a name, `{A's}` a possessive, `{A.him}` an object; `{T}` is a plural,
`{T.one}` a singular. `[a|b]` is one of several wordings, and `a` becomes `an` where it must. A sentence with a
leading `~` is not the first one. Sentences stay in their order unless `shuffle` is set. The question `more a b` asks
which is more, `less a b` which is less; the answer is the slot of `names`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from anzan.errors import AnzanError
from anzan.tasks.worlds.equations import Step, parse_step
from anzan.tasks.worlds.quantities import is_kind
from anzan.tasks.worlds.vocabulary import read_yaml

SLOT = re.compile(r"\{([^{}]+)\}")
_FORM = re.compile(r"(\w+?)(?:\.(name|one|him))?('s)?", re.ASCII)
CHOICE = re.compile(r"\[([^\[\]]*)\]")
NOT_FIRST = "~"
HELD_OUT = 10
"""Every tenth kind is for evaluation if kinds are held out."""


@dataclass(frozen=True)
class Question:
    """What a kind can ask.

    Attributes:
        of: the quantity, or the two that are compared.
        which: `more` or `less` for a comparison; None for a number.
        wordings: templates.
    """

    of: tuple[str, ...]
    which: str | None
    wordings: tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """A kind of world, see the module.

    Attributes:
        name: such as `gain`.
        cast: role -> list of words.
        drawn: quantity -> its kind, of those that are drawn.
        equations: the others, in order.
        kinds: quantity -> its kind, of all.
        sentences: templates of the body, in order.
        questions: what can be asked.
        names: quantity -> slot, the answer to a comparison.
        shuffle: whether the sentences may be in any order.
    """

    name: str
    cast: Mapping[str, str]
    drawn: Mapping[str, str]
    equations: tuple[Step, ...]
    kinds: Mapping[str, str]
    sentences: tuple[str, ...]
    questions: tuple[Question, ...]
    names: Mapping[str, str]
    shuffle: bool

    def tells(self, template: str) -> frozenset[str]:
        """The quantities that a sentence or question tells."""
        return frozenset(SLOT.findall(template)) & self.kinds.keys()


@lru_cache(1)
def all_kinds() -> dict[str, Kind]:
    """All kinds by name.

    Raises:
        AnzanError: a kind with an error, see `read_kind`, or two of the same name.
    """
    folder = resources.files("anzan.tasks.worlds").joinpath("kinds")
    kinds: dict[str, Kind] = {}
    for file in sorted(f.name for f in folder.iterdir() if f.name.endswith(".yaml")):
        for name, record in read_yaml(f"kinds/{file}").items():
            if name in kinds:
                raise AnzanError(f"worlds: kind {name}: there are two; rename the one in {file}")
            kinds[name] = read_kind(name, record)
    return kinds


@lru_cache(1)
def bystanders() -> list[Kind]:
    """Sentences about what nobody asks."""
    return [read_kind(name, {"ask": {}, **record}) for name, record in read_yaml("bystanders.yaml").items()]


def held_out_kinds() -> list[str]:
    """A tenth of the kinds, for evaluation."""
    return list(all_kinds())[HELD_OUT // 2 :: HELD_OUT]


def training_kinds() -> tuple[str, ...]:
    """The kinds that are not held out."""
    held_out = held_out_kinds()
    return tuple(kind for kind in all_kinds() if kind not in held_out)


def parse_slot(slot: str) -> tuple[str, str, bool]:
    """A slot's role, its form (`name`, `one`, `him` or nothing), and whether it is a possessive."""
    match = _FORM.fullmatch(slot)
    return (match[1], match[2] or "", bool(match[3])) if match else (slot, "", False)


def read_kind(name: str, record: Mapping[str, object]) -> Kind:
    """A kind from its YAML.

    Raises:
        AnzanError: unknown keys, quantities, roles or slots; a comparison without names.
    """

    def refuse(what: str) -> None:
        raise AnzanError(f"worlds: kind {name}: {what}")

    data: dict = {"cast": {}, "names": {}, "shuffle": False, **record}
    if unknown := data.keys() - {"cast", "draw", "tell", "ask", "names", "shuffle"}:
        refuse(f"unknown key {min(unknown)}")
    drawn, equations, kinds = {}, [], {}
    for quantity, text in data["draw"].items():
        kind, _, expression = str(text).rpartition(" = ") if " = " in str(text) else ("", "", str(text))
        step = parse_step(quantity, expression)
        if step is None:
            if not is_kind(expression):
                refuse(f"{quantity}: {expression} is neither a kind of quantity nor an equation")
            drawn[quantity] = kinds[quantity] = expression
            continue
        if missing := [x for x in step.operands if x not in kinds and not x.isdigit()]:
            refuse(f"{quantity}: no {missing[0]} before it")
        equations.append(step)
        kinds[quantity] = kind or next(kinds[x] for x in step.operands if x in kinds)
        if not is_kind(kinds[quantity]):
            refuse(f"{quantity}: {kind} is no kind of quantity")
    questions = []
    for key, wordings in data["ask"].items():
        which, *of = key.split()
        of, which = (of, which) if of else ([which], None)
        if missing := [x for x in of if x not in kinds or (which and x not in data["names"])]:
            refuse(f"ask {key}: no {missing[0]}")
        questions.append(Question(tuple(of), which, tuple(wordings)))
    for template in [*data["tell"], *(w for q in questions for w in q.wordings)]:
        for slot in SLOT.findall(template):
            if slot not in kinds and parse_slot(slot)[0] not in data["cast"]:
                refuse(f"no {{{slot}}} in its cast: {template}")
    return Kind(
        name=name,
        cast=data["cast"],
        drawn=drawn,
        equations=tuple(equations),
        kinds=kinds,
        sentences=tuple(data["tell"]),
        questions=tuple(questions),
        names=data["names"],
        shuffle=bool(data["shuffle"]),
    )
