"""Facts, worked out by hand."""

import json
from dataclasses import replace

from anzan.tasks.possession import Facts, Transfer

PLAIN = Facts({"Anna": 5, "Carl": 8, "Grace": 4}, (), "grapes", ("Carl", "Anna"), "max")
CHAIN = Facts(
    {"Carl": 8, "Anna": 5, "Grace": 4, "Paul": 9},
    (Transfer("Grace", 3, "Anna"), Transfer("Anna", 1, "Paul")),
    "grapes",
    ("Carl", "Anna"),
    "argmax",
)


def test_without_transfers() -> None:
    assert (PLAIN.owner, PLAIN.role, PLAIN.changes) == (None, None, ())
    assert PLAIN.mentioned == ("Anna", "Carl")
    assert PLAIN.final == {"Anna": 5, "Carl": 8}
    assert (PLAIN.winner, PLAIN.answer) == ("Carl", "8")
    assert PLAIN.steps == ((5, 8),)


def test_a_chain_of_transfers() -> None:
    assert (CHAIN.owner, CHAIN.role, CHAIN.changes) == ("Anna", "giver", (3, -1))
    assert CHAIN.mentioned == ("Carl", "Anna")
    assert CHAIN.final == {"Anna": 7, "Carl": 8}
    assert (CHAIN.winner, CHAIN.answer) == ("Carl", "Carl")
    assert CHAIN.steps == ((5, 3), (8, 1))


def test_facts_are_plain_json() -> None:
    for facts in PLAIN, CHAIN, replace(CHAIN, joined=True):
        again = Facts.from_json(json.loads(json.dumps(facts.to_json(), sort_keys=True)))
        assert again == facts and list(again.initial) == list(facts.initial)


def test_only_joined_facts_say_so() -> None:
    """Files of balanced problems stay as they were."""
    assert "joined" not in CHAIN.to_json() and replace(CHAIN, joined=True).to_json()["joined"] is True
