"""Documents that teach an encoder general skills, densely and without labels from anybody.

Every label follows from how the document was written, by string matching:

* **recall**: facts restated as clozes before the passage, names or digits masked;
* **linking**: for every name and number of the passage and every operand of the printed lines, is its person named in
  the query, does that person give or receive, is it the amount that changed hands;
  The same as links: where else does this string stand, where else is this number's owner named;
* **look-up**: printed lines `R = x + y , R = x - y , R = y - x`, with R drawn at random, and a query `x + y`;
* **place value**: at a number's first token, how many digits it has and what its next digits are;
* **order**: two bare numbers side by side or designated by the query, which one is larger, also digit by digit.

What they never hold: a task's own question, a maximum or comparison over owners, a number that is the sum or difference
of two others by design. Names are random strings of wordpieces and things come from `THINGS`, so none of the
evaluation's words are seen as words.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from anzan.pretraining.documents import PLACES, Document, Mention
from anzan.tasks.possession import NAMES, OBJECTS

SLOTS = ("sum", "difference", "reversed")

THINGS = tuple(
    """bells boats boots brushes chairs ducks forks gloves hats horses keys kites ladders lamps letters maps mirrors
    nails needles pens photos pots rings ropes scarves shirts spoons stones tickets wheels""".split()  # noqa: SIM905
)

OWNS = ("{x} has {n} {o} .", "{x} owns {n} {o} .", "{n} {o} are with {x} .")
GIVES = (
    "{x} gave {n} {o} to {y} .",
    "{x} gave {y} {n} {o} .",
    "{x} passed {n} {o} to {y} .",
    "{y} got {n} {o} from {x} .",
)
USUAL = 0.5
"""How often the first shape is taken: one that is common is learned soon, and helps to learn the others."""


@dataclass(frozen=True)
class Mix:
    """Shares of the kinds of document; what is left are designated numbers."""

    recall: float = 0.05
    facts: float = 0.5
    order: float = 0.2


@dataclass(frozen=True)
class Designation:
    """Two numbers that the query designates: the words that do so, and what there is to say about a number."""

    one: str
    other: str
    written: tuple[str, ...]  # what stands for `one`
    words: list[str]

    def tags(self, number: str) -> dict[str, bool]:
        """What is to be told of a number: whether it is asked about, and which of the two it is."""
        if number in (self.one, self.other):
            larger = int(number) == max(int(self.one), int(self.other))
            return {"asked": True, "larger": larger, "smaller": not larger}
        return {} if number in self.written else {"asked": False}  # an operand is named, but not what is asked

    def rivals(self, number: str) -> tuple[str, ...]:
        """What a number is compared with."""
        return {self.one: (self.other,), self.other: (self.one,)}.get(number, ())


class Writer:
    """Writes documents for one tokenizer; deterministic given `rng`."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, rng: random.Random):
        self.rng = rng
        self.tokenizer = tokenizer
        self.level = 1.0  # how hard documents are, 0 to 1: people, digits and lines
        self.mix = Mix()
        vocabulary = tokenizer.get_vocab()
        self.cls, self.sep = vocabulary["[CLS]"], vocabulary["[SEP]"]
        self._words: dict[str, list[int]] = {}
        self._first = {d: vocabulary[d] for d in "0123456789"}
        self._next = {d: vocabulary[f"##{d}"] for d in "0123456789"}
        self._kept_out = {w.lower() for w in (*NAMES, *OBJECTS)}
        frame = set(" ".join((*OWNS, *GIVES, *THINGS)).split()) | self._kept_out
        pieces = sorted(vocabulary)  # a vocabulary comes in no fixed order
        plain = [w for w in pieces if w.isalpha() and w.islower()]
        self._heads = [w for w in plain if len(w) <= 4 and w not in frame]
        self._tails = [w[2:] for w in pieces if w.startswith("##") and w[2:].isalpha()]
        self._fillers = [w for w in plain if len(w) > 1 and w not in frame]

    def word(self, text: str) -> list[int]:
        """Token ids of one word, digits apart."""
        if text.isdigit():
            return [self._first[text[0]], *(self._next[d] for d in text[1:])]
        ids = self._words.get(text)
        if ids is None:
            if len(self._words) > 50_000:
                self._words.clear()
            ids = self._words[text] = self.tokenizer.encode(text, add_special_tokens=False)
        return ids

    # -- ingredients ---------------------------------------------------------------------------------------------
    def name(self) -> str:
        """A name that means nothing."""
        rng = self.rng
        tails = min(rng.choice((0, 1, 1, 1, 2)), round(4 * self.level))
        return rng.choice(self._heads) + "".join(rng.choice(self._tails) for _ in range(tails))

    def names(self, count: int) -> list[str]:
        """So many names, no two alike and none that is kept out."""
        found: list[str] = []
        while len(found) < count:
            name = self.name()
            if name not in found and name not in self._kept_out:
                found.append(name)
        return found

    def numbers(self, count: int) -> list[str]:
        """Distinct numbers, of one length or of many; often near one another: order then needs several digits."""
        rng = self.rng
        most = 2 + round(7 * self.level)
        digits = min(rng.choice((1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 8, 9)), most)
        mixed = rng.random() < 0.3
        found: list[str] = []
        while len(found) < count:
            d = rng.randint(1, min(8, most)) if mixed else digits
            if count > 9 * 10 ** (d - 1) // 2:
                d += 2
            text = str(rng.randrange(10 ** (d - 1), 10**d))
            if found and rng.random() < 0.35:
                text = self.near(rng.choice(found))
            if text not in found:
                found.append(text)
        return found

    def near(self, number: str) -> str:
        """A number of the same length that is off by little: by at most twice the unit of one of its first digits.

        Random digits differ by 1 in one case of five; here that is what order depends on.
        """
        rng, digits = self.rng, len(number)
        unit = 10 ** (digits - 1 - rng.randrange(min(PLACES, digits)))
        while True:
            found = str(int(number) + rng.choice((-1, 1)) * rng.randint(1, 2 * unit))
            if len(found) == digits and found[0] not in "-0":
                return found

    def shape(self, shapes: Sequence[str]) -> str:
        """One of some ways to say a thing, mostly the first."""
        return shapes[0] if self.rng.random() < USUAL else self.rng.choice(shapes)

    def filler(self, most: int) -> list[str]:
        """Sentences that tell nothing, `most` at most."""
        return [self.rng.choice(self._fillers) for _ in range(self.rng.randint(0, most))]

    # -- documents -----------------------------------------------------------------------------------------------
    def recall(self, people: int) -> Document:
        """A passage, and before it the same facts in another order, one side of each hidden: look-ups alone."""
        rng = self.rng
        doc = Document(ids=[self.cls], separator=self.sep)
        names, numbers = self.names(people), self.numbers(people)
        thing = rng.choice(THINGS)
        shape = self.shape(OWNS)
        owner = dict(zip(numbers, names, strict=True))
        for copy in range(2):
            for i in rng.sample(range(people), people):
                hidden = "" if copy else rng.choice((names[i], numbers[i]))
                for w in shape.format(x=names[i], n=numbers[i], o=thing).split():
                    mention = w in names or w in owner
                    self._put(doc, w, {} if mention else None, 1.0 if w == hidden else 0.0, owner.get(w, ""))
            doc.ids.append(self.sep)
            doc.sentence += 1
        return doc

    def facts(self, people: int) -> Document:
        """Who has what, who gave what to whom; a query that names some of them, or clozes; printed lines."""
        rng = self.rng
        doc = Document(ids=[self.cls], separator=self.sep)
        names, numbers = self.names(people), self.numbers(people + 1)
        thing = rng.choice(THINGS) if rng.random() < 0.6 else self.name()
        giver = receiver = ""
        if rng.random() < 0.8:
            giver, receiver = rng.sample(names, 2)
        amount = numbers[people]

        # Lines: of any two numbers, or of the amount and what somebody has.
        every = rng.random() < 0.1
        lines = not every and rng.random() < 0.7
        pool = numbers if giver else numbers[:people]
        x, y = rng.sample(pool, 2)
        if giver and x != amount and rng.random() < 0.5:
            x, y = (amount, x) if rng.random() < 0.5 else (x, amount)
        results = self._results(x, y, numbers) if lines else []
        results[2:] = results[1:2]  # as printed: the differences have the same digits

        # Query: names alone, facts restated with something masked, or two numbers.
        cloze = every or rng.random() < 0.2
        two: Designation | None = None
        if lines and not cloze and rng.random() < 0.3:
            told = [n for n in numbers if n != amount]
            two, _ = self._designate(told, results, x, y)
            numbers = [*told, amount]
        owner = dict(zip(numbers, names, strict=False))
        query: list[tuple[str, bool]] = [(w, False) for w in self.filler(2)]  # (word, masked)
        asked: set[str] = set()
        pair: list[str] = []  # the two that are asked, if two are
        if cloze:
            told = [*range(people), *([people] if giver else [])]  # the last one is the transfer
            rng.shuffle(told)
            for i in told if every else told[: rng.choice((1, 2, 2, 3))]:
                if i == people:
                    fact = self.shape(GIVES).format(x=giver, y=receiver, n=amount, o=thing).split()
                else:
                    fact = self.shape(OWNS).format(x=names[i], n=numbers[i], o=thing).split()
                hidden = rng.choice([w for w in fact if w in names or w in numbers])
                asked.update(w for w in fact if w in names)
                query += [(w, w == hidden) for w in fact]
        elif two:
            query += [(w, False) for w in two.words]
        else:
            chosen = rng.sample(names, min(people, rng.choice((1, 2, 2, 2, 2, 3))))
            if (
                giver and len(chosen) == 2 and rng.random() < 0.5
            ):  # one who took part and one who did not, when there is one
                outside = [n for n in names if n not in (giver, receiver)]
                if outside:
                    chosen = [rng.choice((giver, receiver)), rng.choice(outside)]
                    rng.shuffle(chosen)
            asked.update(chosen)
            pair = chosen if len(chosen) == 2 else []
            for n in chosen:
                query += [(n, False), *((w, False) for w in self.filler(2))]
            if rng.random() < 0.5:
                query.insert(rng.randrange(len(query) + 1), (thing, False))
            query.append((rng.choice("?.:"), False))

        def tags_of(name: str) -> dict[str, bool]:
            party = name in (giver, receiver)
            named = name in asked
            return {
                "asked": named,
                "gives": name == giver,
                "receives": name == receiver,
                "amount": False,
                "asked_party": named and party,
                "asked_outsider": named and not party,
            }

        nobody = dict.fromkeys(("asked", "gives", "receives", "asked_party", "asked_outsider"), False)

        def tags(word: str) -> dict[str, bool]:
            if word in names:
                return tags_of(word)
            found = {**nobody, "amount": True} if word == amount else tags_of(owner[word]) if word in owner else {}
            if two and word.isdigit():
                found.pop("asked", None)
                found |= two.tags(word)
            return found

        for w, hide in query:
            known = w in names or w.isdigit()
            self._put(doc, w, tags(w) if known else None, 1.0 if hide else 0.0, owner.get(w, ""))
        doc.ids.append(self.sep)
        doc.sentence += 1

        sentences = [self.shape(OWNS).format(x=x, n=n, o=thing) for x, n in zip(names, numbers, strict=False)]
        order = list(range(people))
        rng.shuffle(order)
        sentences = [sentences[i] for i in order]
        if giver:
            place = people if rng.random() < 0.5 else rng.randrange(people + 1)
            sentences.insert(place, self.shape(GIVES).format(x=giver, y=receiver, n=amount, o=thing))
        for s in sentences:
            for w in s.split():
                self._put(doc, w, tags(w) if w in names or w in owner or w == amount else None, 0.0, owner.get(w, ""))
        doc.ids.append(self.sep)

        concerned = ""
        if lines:
            common: dict[str, dict[str, bool]] = {r: tags(r) for r in results} if two else {}
            if amount in (x, y):  # the other one has an owner, whose part in it concerns the result
                owned = y if x == amount else x
                person = owner[owned]
                for slot in SLOTS:
                    both = {
                        f"{s}_of_{part}": s == slot and person == who
                        for s in ("sum", "difference")
                        for part, who in (("giver", giver), ("receiver", receiver))
                    }
                    common[slot] = {**tags_of(person), **both}
                owner.update(dict.fromkeys(results, person))
                concerned = person
            self._lines(doc, x, y, tags(x), tags(y), common, results)
        for m in doc.mentions:
            if m.word == concerned:
                m.results = tuple(dict.fromkeys(results))
            if two:
                m.rivals = two.rivals(m.word)
            elif owner.get(m.word) in pair:
                other = pair[1 - pair.index(owner[m.word])]
                m.rivals = tuple(n for n, who in owner.items() if who == other)
        return doc

    def _lines(
        self,
        doc: Document,
        x: str,
        y: str,
        x_tags: dict[str, bool],
        y_tags: dict[str, bool],
        common: dict[str, dict[str, bool]],
        given: list[str],
    ) -> None:
        """`R1 = x + y , R2 = x - y , R3 = y - x [SEP]`, R given; `common` adds tags by number or slot."""
        rng = self.rng
        rows = [
            (given[0], x, "+", y, "sum"),
            (given[1], x, "-", y, "difference"),
            (given[2], y, "-", x, "reversed"),
        ]
        flip = rng.random() < 0.5
        for i, (result, left, sign, right, slot) in enumerate(rows):
            if i:
                self._put(doc, ",", None)
            if slot != "sum" and (slot == "reversed") != flip:
                self._put(doc, "-", None)  # one of the two differences is negative
            self._put(doc, result, {**{s: s == slot for s in SLOTS}, **common.get(slot, {}), **common.get(result, {})})
            printed = doc.mentions[-1]
            self._put(doc, "=", None)
            self._put(doc, left, {**(x_tags if left == x else y_tags), **common.get(left, {})}, 0.12)
            self._put(doc, sign, None, 0.15)
            self._put(doc, right, {**(y_tags if right == y else x_tags), **common.get(right, {})}, 0.12)
            printed.operands = tuple(doc.mentions[-2:])
        doc.ids.append(self.sep)

    def order(self, pairs: int) -> Document:
        """Pairs of bare numbers with the sign between them masked; both members tagged."""
        rng = self.rng
        doc = Document(ids=[self.cls], separator=self.sep)
        for w in self.filler(2):
            self._put(doc, w, None)
        doc.ids.append(self.sep)
        for _ in range(pairs):
            a, b = self.numbers(2)
            if rng.random() < 0.5:
                a, b = rng.sample((a, self.near(a)), 2)
            for w in self.filler(1):
                self._put(doc, w, None)
            self._put(doc, a, {"larger": int(a) > int(b), "smaller": int(a) < int(b)})
            self._put(doc, "<" if int(a) < int(b) else ">", None, 0.8)
            self._put(doc, b, {"larger": int(b) > int(a), "smaller": int(b) < int(a)})
            doc.mentions[-2].rivals, doc.mentions[-1].rivals = (b,), (a,)
            self._put(doc, rng.choice(",;."), None)
        doc.ids.append(self.sep)
        return doc

    def designated(self) -> Document:
        """Numbers in a passage and in printed lines; the query designates two of them."""
        rng = self.rng
        doc = Document(ids=[self.cls], separator=self.sep)
        listed = self.numbers(rng.randint(3, 5))
        x, y = rng.sample(listed, 2) if rng.random() < 0.7 else self.numbers(2)
        results = self._results(x, y, listed)
        two, slot = self._designate(listed, results, x, y)
        for w in two.words:
            self._put(doc, w, two.tags(w) if w in (two.one, two.other) else {} if w.isdigit() else None)
        doc.ids.append(self.sep)
        doc.sentence += 1
        self._list(doc, listed, two.tags)
        doc.ids.append(self.sep)
        common: dict[str, dict] = {w: two.tags(w) for w in (*results, *listed, x, y)}
        for i, name in enumerate(SLOTS):
            common[name] = {"looked_up": len(two.written) == 3 and i == slot}
        self._lines(doc, x, y, {}, {}, common, results)
        for m in doc.mentions:
            m.rivals = two.rivals(m.word)
        return doc

    def _designate(self, listed: list[str], results: list[str], x: str, y: str) -> tuple[Designation, int]:
        """Two numbers, and the slot of a result that is named.

        One is named verbatim. So is the other, or it is a printed result and named by its right-hand side, `x + y`, or
        by its first operand and the sign, `x +`; then it does not stand in the query, nor beside what it is compared
        with. A number of `listed` may be replaced by one that is hard to tell from the other.
        """
        rng = self.rng
        slot = rng.randrange(3)
        right_side = ((x, "+", y), (x, "-", y), (y, "-", x))[slot]
        way = rng.random()
        if way < 0.3:
            one = rng.choice([*results, *listed])
            written: tuple[str, ...] = (one,)
        else:
            written = right_side if way < 0.45 else right_side[:2]
            one = results[slot]
        other = rng.choice([n for n in listed if n not in (one, x, y)] or [n for n in listed if n != one])
        if rng.random() < 0.7 and other not in (x, y):
            near = self.near(one)
            if near not in (*results, *listed, x, y):
                listed[listed.index(other)] = near
                other = near
        named = [written, (other,)]
        rng.shuffle(named)
        words = [*self.filler(2), *named[0], rng.choice(("and", "or", ",", "with")), *self.filler(1), *named[1]]
        return Designation(one, other, written, [*words, *self.filler(1)]), slot

    def _results(self, x: str, y: str, others: Sequence[str]) -> list[str]:
        """Three random numbers to print as results, none of them true, none of them elsewhere."""
        while True:
            found = self.numbers(3)
            if not _related(found, x, y) and not set(found) & {x, y, *others}:
                return found

    def _list(self, doc: Document, numbers: list[str], tags: Callable[[str], dict[str, bool]]) -> None:
        """Numbers in random order, among words of no meaning or as facts about people whom nobody asks for."""
        rng = self.rng
        shuffled = rng.sample(numbers, len(numbers))
        if rng.random() < 0.5:
            for w in shuffled:
                for f in self.filler(2):
                    self._put(doc, f, None)
                self._put(doc, w, tags(w))
                self._put(doc, rng.choice(",;."), None)
            return
        names, thing = self.names(max(2, len(shuffled))), rng.choice(THINGS)
        for i, (name, n) in enumerate(zip(names, shuffled, strict=False)):
            given = i > 0 and i + 1 == len(shuffled) and rng.random() < 0.8
            fact = self.shape(GIVES).format(x=names[0], y=names[1], n=n, o=thing) if given else ""
            for w in (fact or self.shape(OWNS).format(x=name, n=n, o=thing)).split():
                if w == n:
                    self._put(doc, w, tags(w), 0.0, "" if given else name)
                else:
                    self._put(doc, w, {} if w in names else None)

    def _put(self, doc: Document, word: str, tags: dict[str, bool] | None, mask: float = 0.0, owner: str = "") -> None:
        ids = self.word(word)
        start = len(doc.ids)
        doc.ids += ids
        if tags is not None:
            doc.mentions.append(Mention(start, start + len(ids) - 1, tags, word, owner, doc.sentence))
        if word in ".,;":
            doc.sentence += 1
        if mask and self.rng.random() < mask:
            if tags is not None:
                doc.mentions[-1].hidden = True
            # Names are hidden whole; of a number sometimes only a part, which keeps every digit worth attending to.
            keep = 0.3 if word.isdigit() and self.rng.random() < 0.5 else 0.0
            doc.masked += [start + i for i in range(len(ids)) if self.rng.random() >= keep]

    def document(self) -> Document:
        """One document, of a kind that is drawn."""
        rng, mix = self.rng, self.mix
        kind = rng.random()
        if kind < mix.recall:
            return self.recall(rng.randint(3, 5))
        if kind < mix.recall + mix.facts:
            people = rng.choice((2, 3, 3, 4, 4, 4, 5, 5, 6)) if rng.random() < 0.95 else rng.randint(7, 10)
            return self.facts(min(people, 2 + round(8 * self.level)))
        if kind < mix.recall + mix.facts + mix.order:
            return self.order(rng.randint(4, 7))
        return self.designated()

    def batches(self, size: int, pool: int = 8) -> list[list[Document]]:
        """`pool` batches of `size` documents, each of about one length, in random order."""
        documents = sorted((self.document() for _ in range(size * pool)), key=lambda d: len(d.ids))
        batches = [documents[i : i + size] for i in range(0, len(documents), size)]
        self.rng.shuffle(batches)
        return batches


def _related(results: Sequence[str], x: str, y: str) -> bool:
    """Is one of the results the true sum or difference? Then the printed line would teach arithmetic."""
    return bool({int(r) for r in results} & {int(x) + int(y), abs(int(x) - int(y))})
