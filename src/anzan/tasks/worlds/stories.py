"""Stories: kinds of worlds that are put together from parts, from `stories.yaml`.

A story has a start, up to two events, and either the state after them or an end that makes something of it. A part is
told and asked as it is in a `Kind`; `x` is the state before a part and `y` the state after it. So a few parts make
thousands of kinds, whose programs differ.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from anzan.tasks.worlds.kinds import SLOT, Kind, read_kind
from anzan.tasks.worlds.vocabulary import read_yaml

EVENTS = (0, 1, 2)
SHARES = (0.25, 0.5, 0.25)
"""How many events a story has."""
END = 0.55
"""The share of stories with an end; the others have the state."""
STORIES = ("story of things", "story of money", "story of people")
"""The names of these kinds, by their themes in `stories.yaml`."""
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


@lru_cache(1)
def themes() -> Mapping[str, Any]:
    """Themes by name, such as `things`: their casts and parts."""
    return read_yaml("stories.yaml")


def draw_story(rng: random.Random, name: str) -> Kind:
    """A kind whose parts are drawn; `name` is one of `STORIES`."""
    parts = themes()[name.rpartition(" ")[2]]
    events = rng.choices(EVENTS, SHARES)[0]
    chosen = [rng.choice(parts["start"]), *(rng.choice(parts["events"]) for _ in range(events))]
    last = rng.choice(parts["ends"] if rng.random() < END or not events else parts["states"])
    record: dict[str, Any] = {"cast": dict(parts["cast"]), "draw": {}, "tell": [], "ask": {}}
    for i, part in enumerate((*chosen, last)):
        _add(record, part, i, list(parts["cast"]))
    return read_kind(name, record)


def _add(record: dict[str, Any], part: Mapping[str, Any], i: int, shared: list[str]) -> None:
    """A part as the i-th of a story: what is its own gets a number, and the states are `s0`, `s1` and so on."""
    before, after = f"s{i - 1}", f"s{i}"
    if "draw" not in part:  # the state after the event before
        after = before
    names = {"x": before, "y": after} | {role: role for role in shared}

    def own(name: str) -> str:
        return names.get(name) or f"{name}{i}"

    def renamed(template: str) -> str:
        return SLOT.sub(lambda m: "{" + _NAME.sub(lambda n: own(n[0]), m[1], count=1) + "}", template)

    record["cast"] |= {own(role): words for role, words in part.get("cast", {}).items()}
    for quantity, text in part.get("draw", {}).items():
        kind, equals, expression = str(text).rpartition(" = ")
        if equals or " " in expression:
            expression = _NAME.sub(lambda n: own(n[0]), expression)
        record["draw"][own(quantity)] = f"{kind}{equals}{expression}"
    record["tell"] += [renamed(sentence) for sentence in part["tell"]]
    for quantity, wordings in part["ask"].items():
        record["ask"].setdefault(own(quantity), []).extend(map(renamed, wordings))
