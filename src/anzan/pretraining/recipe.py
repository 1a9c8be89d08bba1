"""The recipe of anzan-tiny: every setting that its weights depend on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from anzan.pretraining.documents import Link, Mix


class LinkHead(NamedTuple):
    """An attention head that is trained to follow one kind of link."""

    link: Link
    layer: int
    head: int


LINK_HEADS = (
    LinkHead(Link.PARTS, 0, 0),
    LinkHead(Link.HOLDER, 1, 0),
    LinkHead(Link.COPIES, 1, 1),
    LinkHead(Link.OPERANDS, 1, 2),
    LinkHead(Link.OWNER, 2, 0),
    LinkHead(Link.COPIES, 3, 0),
    LinkHead(Link.SOURCES, 3, 1),
    LinkHead(Link.RIVALS, 4, 0),
    LinkHead(Link.COPIES, 4, 1),
    LinkHead(Link.PARTS, 4, 2),
    LinkHead(Link.OPERANDS, 4, 3),
    LinkHead(Link.HELD, 5, 0),
    LinkHead(Link.RESULTS, 5, 1),
)
"""The trained heads. Most are early, to leave layers for what builds on them.

Copies are followed more than once, so that what is known of a number at one mention reaches the others. Designated
numbers are compared late, because it takes several layers to find out which numbers are designated; names read their
numbers last. All heads of layer 4, where numbers are compared, are trained, so that only one of them fetches the other
number, however the query designates it.
"""


@dataclass(frozen=True)
class Recipe:
    """Settings of pre-training.

    Documents start at `easy_level` (few people, short names and numbers) and reach full difficulty after the share
    `full_from` of the steps. What is learned on short documents carries over, and a step takes a third of the time.

    `early_layer`, `digit_layer` and `order_layer` are numbers of layers: a skill is read from the hidden states after
    so many. The layers and heads of `link_heads` are indices from 0.
    """

    seed: int = 0
    steps: int = 3000
    learning_rate: float = 1e-3
    warmup_steps: int = 200
    decay_share: float = 0.4  # of the steps, at the end
    easy_level: float = 0.2
    full_from: float = 0.4
    mix: Mix = field(default_factory=lambda: Mix(facts=0.55, order=0.2))
    batch_size: int = 32
    hidden_size: int = 128
    layers: int = 6
    heads: int = 4
    intermediate_size: int = 256
    tag_weight: float = 4.0
    order_tag_weight: float = 2.0  # of the order tags among the tags
    link_weight: float = 1.0
    digit_weight: float = 1.0
    order_weight: float = 2.0  # of the comparison digit by digit
    early_layer: int = 4  # where roles are known, so that comparison can build on them
    digit_layer: int = 4  # where the first token of a number knows its digits
    order_layer: int = 5  # where two numbers are compared
    link_heads: tuple[LinkHead, ...] = LINK_HEADS
