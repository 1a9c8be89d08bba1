"""Easier versions of a possession problem: the same question and answer, with fewer people in the passage."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from typing import Any

from anzan.errors import AnzanError
from anzan.tasks.problem import Problem

_SENTENCE = re.compile(r"\S.*?\.(?= |$)")


def shorten(problem: Problem, people: int, rng: random.Random) -> Problem:
    """The problem with sentences about people who are not asked left out, until it has `people` of them.

    Those who are asked and the transfer stay. The problem itself where it has no more people than that.

    Raises:
        ValueError: a problem that `anzan.tasks.possession.generate` did not make.
    """
    try:
        asked = set(problem.meta["asked"])
    except KeyError:
        raise AnzanError(f"{problem.id}: not a possession problem; use the output of generate") from None
    sentences = [(m.start(), m.group()) for m in _SENTENCE.finditer(problem.passage)]
    others = [i for i, (_, s) in enumerate(sentences) if s.split()[1] == "has" and s.split()[0] not in asked]
    out = set(rng.sample(others, max(0, min(len(others), len(others) + len(asked) - people))))
    kept, moved, length = [], {}, 0
    for i, (start, sentence) in enumerate(sentences):
        if i not in out:
            moved[start] = length - start
            kept.append(sentence)
            length += len(sentence) + 1
    mentions: list[dict[str, Any]] = []
    for mention in problem.meta["mentions"]:
        shift = moved[max(start for start in moved if start <= mention["start"])]
        mentions.append(mention | {"start": mention["start"] + shift, "end": mention["end"] + shift})
    return replace(problem, passage=" ".join(kept), meta=problem.meta | {"mentions": mentions})
