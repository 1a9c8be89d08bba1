"""Labels of pre-training documents against a plain reading of their tokens."""

import random
import re
from collections import Counter

import pytest

from anzan.pretraining.documents import (
    GIVES,
    OWNS,
    THINGS,
    Document,
    Link,
    Mention,
    Mix,
    Words,
    designated_document,
    digit_labels,
    draw_batches,
    draw_document,
    facts_document,
    links,
    order_document,
    order_labels,
)
from anzan.reader.encoders import locate_encoder
from anzan.reader.tokenizer import load_tokenizer
from anzan.tasks.possession import NAMES, OBJECTS


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer(locate_encoder("anzan-tiny"))


@pytest.fixture
def words(tokenizer):
    return Words(tokenizer, random.Random(7))


def decode(tokenizer, ids: list[int]) -> str:
    """Tokens joined into words, without transformers' decoder."""
    out = ""
    for piece in tokenizer.convert_ids_to_tokens(ids):
        out += piece[2:] if piece.startswith("##") and len(piece) > 2 else f" {piece}"
    return out.strip()


def text_of(tokenizer, document: Document, m: Mention) -> str:
    return decode(tokenizer, document.ids[m.start : m.end + 1])


def test_order_tags_say_which_number_of_a_pair_is_larger(tokenizer, words):
    for _ in range(100):
        document = order_document(words, 5)
        for a, b in zip(document.mentions[::2], document.mentions[1::2], strict=True):
            x, y = int(text_of(tokenizer, document, a)), int(text_of(tokenizer, document, b))
            assert a.tags == {"larger": x > y, "smaller": x < y}
            assert b.tags == {"larger": y > x, "smaller": y < x}
            sign = decode(tokenizer, document.ids[a.end + 1 : b.start])
            assert sign == ("<" if x < y else ">")


SHAPES = [re.escape(s).replace(r"\{", "{").replace(r"\}", "}") for s in (*OWNS, *GIVES)]


def read_facts(passage: str) -> tuple[dict[str, str], str | None, str | None, str | None]:
    """Owners by number, giver, receiver and amount, by regular expression."""
    owner: dict[str, str] = {}
    giver = receiver = amount = None
    for sentence in re.findall(r"[^.]+ \.", passage):
        for i, shape in enumerate(SHAPES):
            pattern = shape.format(x=r"(?P<x>\S+)", y=r"(?P<y>\S+)", n=r"(?P<n>\d+)", o=r"\S+")
            if found := re.fullmatch(pattern, sentence.strip()):
                if i < len(OWNS):
                    owner[found["n"]] = found["x"]
                else:
                    giver, receiver, amount = found["x"], found["y"], found["n"]
                break
        else:
            raise AssertionError(f"no shape fits {sentence!r}")
    return owner, giver, receiver, amount


def parts(tokenizer, document: Document) -> tuple[str, str, list[tuple[str, str, str, str]]]:
    """Query, passage, and printed lines as (result, left, sign, right)."""
    query, passage, *lines = decode(tokenizer, document.ids).removeprefix("[CLS]").split(" [SEP]")
    return query, passage, re.findall(r"(\d+) = (\d+) ([-+]) (\d+)", " ".join(lines))


def test_fact_tags_follow_from_the_passage(tokenizer, words):
    results = 0
    for _ in range(200):
        document = facts_document(words, 4)
        query, passage, printed = parts(tokenizer, document)
        owner, giver, receiver, amount = read_facts(passage)
        asked = {w for w in query.split() if w in owner.values()}
        operands = [(left, right) for _, left, _, right in printed]
        compared = {text_of(tokenizer, document, m) for m in document.mentions if "larger" in m.tags}
        for m in document.mentions:
            word = text_of(tokenizer, document, m)
            if "sum" in m.tags:
                # A printed result: of a number that somebody owns and the amount, that person's part; else undefined.
                owned = {n for pair in operands for n in pair if n in owner}
                if amount not in operands[0]:
                    assert set(m.tags) - {"asked", "larger", "smaller"} == {"sum", "difference", "reversed"}
                    continue
                (number,) = owned
                person = owner[number]
                for slot in ("sum", "difference"):
                    assert m.tags[f"{slot}_of_giver"] == (m.tags[slot] and person == giver)
                    assert m.tags[f"{slot}_of_receiver"] == (m.tags[slot] and person == receiver)
                assert not m.tags["amount"]
                results += 1
            elif word.isdigit() and word not in owner and word != amount:  # a result, named in the query
                assert set(m.tags) == {"asked", "larger", "smaller"}
                continue
            else:
                person = owner.get(word, word)
                assert m.tags["amount"] == (word == amount)
            if compared:
                assert m.tags.get("asked", False) == (word in compared)
            else:
                assert m.tags["asked"] == (person in asked)
            assert m.tags["gives"] == (person == giver)
            assert m.tags["receives"] == (person == receiver)
            assert m.tags["asked_party"] == (person in asked and person in (giver, receiver))
            assert m.tags["asked_outsider"] == (person in asked and person not in (giver, receiver))
    assert results > 50


def test_links_lead_where_the_words_say(tokenizer, words):
    kinds = set()
    for _ in range(100):
        document = facts_document(words, 4)
        passage = decode(tokenizer, document.ids).split(" [SEP]")[1]
        owner, *_ = read_facts(passage)
        at = {m.start: m for m in document.mentions}
        for start, kind, places in links(document):
            word = text_of(tokenizer, document, at[start])
            if kind == Link.PARTS:
                inside = range(start, at[start].end + 1)
                assert set(places) == set(inside[1:] or inside)
                continue
            found = [text_of(tokenizer, document, at[p]) for p in places]
            if kind in (Link.OPERANDS, Link.SOURCES, Link.RIVALS, Link.RESULTS):
                continue
            wanted = {Link.COPIES: word, Link.HOLDER: owner.get(word, word), Link.OWNER: owner.get(word, word)}.get(
                kind
            )
            kinds.add(kind)
            if kind == Link.HELD:
                assert {owner[n] for n in found} == {word}
                assert {at[p].sentence for p in places} == {at[start].sentence}
            elif places == [start] and kind == Link.HOLDER:  # its owner is masked in this sentence
                shown = [m for m in document.mentions if not m.masked and m.sentence == at[start].sentence]
                assert wanted not in {text_of(tokenizer, document, m) for m in shown}
            else:
                assert set(found) == {wanted}
    assert kinds == {Link.COPIES, Link.HOLDER, Link.OWNER, Link.HELD}


def test_results_lead_to_their_operands(tokenizer, words):
    seen = 0
    for _ in range(100):
        document = draw_document(words, Mix())
        text = [decode(tokenizer, document.ids[: m.end + 1]) for m in document.mentions]
        at = {m.start: i for i, m in enumerate(document.mentions)}
        masked = {i for i, m in enumerate(document.mentions) if m.masked}
        for start, kind, places in links(document):
            if kind not in (Link.OPERANDS, Link.SOURCES):
                continue
            tail = decode(tokenizer, document.ids[document.mentions[at[start]].end + 1 :])
            operands = re.match(r"= (\d+) [-+] (\d+)", tail)
            assert operands
            line = [at[start] + 1 + i for i in range(2)]
            shown = {operands[1 + i] for i in range(2) if line[i] not in masked}
            found = [at[p] for p in places]
            assert {text_of(tokenizer, document, document.mentions[i]) for i in found} == shown
            if kind == Link.OPERANDS:
                assert found == [i for i in line if i not in masked]
            else:
                everywhere = {i for i, t in enumerate(text) if t.split()[-1] in shown and i not in masked}
                assert set(found) == everywhere
            seen += 1
    assert seen > 100


def test_names_lead_to_the_results_of_their_number(tokenizer, words):
    seen = 0
    for _ in range(100):
        document = facts_document(words, 4)
        _, passage, printed = parts(tokenizer, document)
        owner, _, _, amount = read_facts(passage)
        at = {m.start: text_of(tokenizer, document, m) for m in document.mentions}
        for start, kind, places in links(document):
            if kind == Link.RESULTS:
                (number,) = {n for _, a, _, b in printed for n in (a, b)} - {amount}
                assert owner[number] == at[start]
                assert {at[p] for p in places} == {r for r, *_ in printed}
                seen += 1
    assert seen > 30


def test_what_concerns_one_who_is_asked_leads_to_what_concerns_the_other(tokenizer, words):
    seen = 0
    for _ in range(200):
        document = facts_document(words, 4)
        query, passage, printed = parts(tokenizer, document)
        owner, _, _, amount = read_facts(passage)
        asked = set(query.split()) & set(owner.values())
        for result, a, _, b in printed:
            if amount in (a, b):
                owner[result] = owner[a if b == amount else b]
        at = {m.start: m for m in document.mentions}
        if any("larger" in m.tags for m in document.mentions):
            continue
        for start, kind, places in links(document):
            if kind == Link.RIVALS:
                one = owner[text_of(tokenizer, document, at[start])]
                numbers = {text_of(tokenizer, document, at[p]) for p in places}
                others = asked - {one}
                assert one in asked and len(others) == 1
                shown = {text_of(tokenizer, document, m) for m in document.mentions if not m.masked}
                assert numbers == {n for n, who in owner.items() if who in others} & shown
                seen += 1
    assert seen > 100


def test_places_are_those_of_the_digits(tokenizer, words):
    for _ in range(50):
        document = draw_document(words, Mix())
        at = {m.start: m for m in document.mentions}
        for start, (length, *digits) in digit_labels(document):
            number = text_of(tokenizer, document, at[start])
            assert length == len(number) - 1
            assert [d for d in digits if d >= 0] == [int(d) for d in number[1:4]]


@pytest.mark.parametrize("kind", ["order", "designated"])
def test_orders_are_those_of_the_digits(tokenizer, words, kind):
    seen = 0
    for _ in range(60):
        document = order_document(words, 5) if kind == "order" else designated_document(words)
        at = {m.start: (i, text_of(tokenizer, document, m)) for i, m in enumerate(document.mentions)}
        asked = {text_of(tokenizer, document, m) for m in document.mentions if m.tags.get("asked")}
        for start, (length, *digits) in order_labels(document):
            i, number = at[start]
            if kind == "order":  # side by side
                other = text_of(tokenizer, document, document.mentions[i ^ 1])
            else:
                (other,) = asked - {number}
            assert length - 1 == (len(number) > len(other)) - (len(number) < len(other))
            known = [d for d in digits if d >= 0]
            if length != 1:
                assert not known
                continue
            assert known == [1 + (a > b) - (a < b) for a, b in zip(number[:4], other[:4], strict=True)]
            seen += 1
    assert seen > 100


def test_near_numbers_differ_by_small_digits_at_every_place(words):
    first = Counter()
    for number in ("5718204", "9999999", "1000000", "7", "1", "40"):
        for _ in range(500):
            near = words.near(number)
            assert near != number and len(near) == len(number) and near[0] != "0"
            gap = abs(int(near) - int(number))
            # The largest unit there is: twice that of the leading digit.
            assert gap <= 2 * 10 ** (len(number) - 1)
            if number == "5718204":
                first[len(str(gap))] += 1
    assert set(first) >= {4, 5, 6, 7}  # gaps of all orders down to the fourth digit's


def test_no_printed_line_is_true_arithmetic(tokenizer, words):
    seen = 0
    for _ in range(300):
        for document in (facts_document(words, 3), designated_document(words)):
            text = decode(tokenizer, document.ids)
            for r, a, sign, b in re.findall(r"(\d+) = (\d+) ([-+]) (\d+)", text):
                seen += 1
                assert int(r) not in (int(a) + int(b), abs(int(a) - int(b))), f"{r} = {a} {sign} {b}"
    assert seen > 500


def test_designated_numbers_are_ordered_everywhere(tokenizer, words):
    for _ in range(100):
        document = designated_document(words)
        found = [(text_of(tokenizer, document, m), m.tags) for m in document.mentions]
        tagged = [(int(word), tags) for word, tags in found if word.isdigit()]
        larger = {n for n, t in tagged if t.get("larger")}
        smaller = {n for n, t in tagged if t.get("smaller")}
        assert len(larger) == 1 and len(smaller) == 1 and larger.pop() > smaller.pop()


def test_looked_up_result_is_the_one_whose_right_side_the_query_names(tokenizer, words):
    found = 0
    for _ in range(400):
        document = designated_document(words)
        query = decode(tokenizer, document.ids).split(" [SEP]")[0]
        for m in document.mentions:
            if m.tags.get("looked_up"):
                tail = decode(tokenizer, document.ids[m.end + 1 :])
                right = re.match(r"= (\d+ [-+] \d+)", tail)
                assert right and right[1] in query
                found += 1
    assert found > 50


@pytest.mark.parametrize("kind", ["designated", "facts"])
def test_the_query_designates_by_numbers_and_signs(tokenizer, words, kind):
    ways = Counter()
    for _ in range(300):
        document = designated_document(words) if kind == "designated" else facts_document(words, 4)
        asked = {text_of(tokenizer, document, m) for m in document.mentions if "larger" in m.tags}
        if not asked:
            assert kind == "facts"
            continue
        query, passage, printed = parts(tokenizer, document)
        assert re.search(r"\d", query) and len(asked) == 2
        if kind == "facts":  # never by whom they belong to
            assert not set(query.split()) & set(read_facts(passage)[0].values())
        named = asked & set(query.split())
        unnamed = asked - named
        if unnamed:
            (result,) = unnamed
            assert any(f"{a} {sign}" in query for r, a, sign, _ in printed if r == result) and named
        ways[bool(unnamed)] += 1
        at = {m.start: text_of(tokenizer, document, m) for m in document.mentions}
        for m in document.mentions:
            number = text_of(tokenizer, document, m)
            if number in asked:
                (other,) = asked - {number}
                assert m.tags["asked"] and m.tags["larger"] == (int(number) > int(other)) == (not m.tags["smaller"])
        for start, found, places in links(document):
            if found == Link.RIVALS:
                assert {at[start], *(at[p] for p in places)} == asked
    assert min(ways.values()) > 10


def test_evaluation_words_never_appear(tokenizer, words):
    kept_out = {w.lower() for w in (*NAMES, *OBJECTS)}
    assert not kept_out & set(THINGS)
    for batch in draw_batches(words, Mix(), 32, pool=6):
        for document in batch:
            assert not kept_out & set(decode(tokenizer, document.ids).split())


def test_documents_are_deterministic_by_seed(tokenizer):
    first, second = (draw_batches(Words(tokenizer, random.Random("x")), Mix(), 8) for _ in range(2))
    assert first == second
