"""Programs of calls against plain fractions, against the rules written out one program at a time, and enumerated."""

import random
from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_programs import STOP, Step, everything, results, run_slowly, valid_slowly
from transformers import PreTrainedTokenizerFast

from anzan.arithmetic import Calculator
from anzan.reader.batch import collate_texts
from anzan.reader.encode import TextEncoder
from anzan.reader.programs import LARGEST, Calls, Line, choice_of, exact, pairs
from anzan.reader.sequence import Text
from anzan.reader.shortest import MOST_PROGRAMS, Draw, among, shortest_programs
from anzan.reader.symbols import SymbolIds

FOUR = ("+", "-", "*", "/")


def calls_of(operations: tuple[str, ...], calls: int) -> Calls:
    """Calls whose token ids are those of ASCII."""
    calculator = Calculator(operations)
    written = {c: ord(c) for c in map(chr, range(33, 127))}
    return Calls([calculator], calls, SymbolIds(1000, len(calculator.clauses)), [Line.of(calculator, written, 1)])


def encoder_of(tokenizer: PreTrainedTokenizerFast, calls: int, operations: tuple[str, ...], **more: int) -> TextEncoder:
    calculator = Calculator(operations)
    symbols = SymbolIds(len(tokenizer), len(calculator.clauses))
    return TextEncoder(tokenizer, calculator, calls=calls, symbols=symbols, **more)


# -- choices -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("values", range(8))
def test_a_choice_is_the_number_of_its_pair(values: int) -> None:
    assert [tuple(p) for p in pairs(values).tolist()] == list(combinations(range(values), 2))
    for k, (i, j) in enumerate(combinations(range(values), 2)):
        assert choice_of((i, j), values) == choice_of((j, i), values) == k


# -- what programs give --------------------------------------------------------------------------------------------
def chosen(rng: random.Random, numbers: int, clauses: int, calls: int) -> tuple[list[Step], list[int]]:
    """A random program, valid or not: its pairs, and their numbers."""
    program: list[Step] = []
    choices = []
    for t in range(calls):
        possible: list[Step] = [*combinations(range(numbers + t * clauses), 2), STOP]
        k = len(possible) - 1 if rng.random() < 0.15 or STOP in program else rng.randrange(len(possible))
        program.append(possible[k])
        choices.append(k)
    return program, choices


SMALL = st.integers(-9, 9).map(Fraction)
LONG = st.integers(-(10**60), 10**60).map(Fraction)
BROKEN = st.fractions(-5, 5, max_denominator=6)


@settings(deadline=None, max_examples=80)
@given(
    operations=st.sampled_from([("+", "-"), FOUR, ("/",), ("*", "-")]),
    numbers=st.lists(SMALL, min_size=2, max_size=4) | st.lists(SMALL | LONG | BROKEN, min_size=2, max_size=4),
    calls=st.integers(1, 3),
    seed=st.integers(0, 10**6),
)
def test_programs_give_what_plain_fractions_give(
    operations: tuple[str, ...], numbers: list[Fraction], calls: int, seed: int
) -> None:
    """All results, their signs, and which are undefined: division by zero included, whatever the size of a number."""
    made, rng = calls_of(operations, calls), random.Random(seed)
    programs = [chosen(rng, len(numbers), made.clauses, calls) for _ in range(6)]
    choices = torch.tensor([[c for _, c in programs]])
    values = exact([numbers], made.tools[0].whole, calls)
    small = made.tools[0].whole and all(v.denominator == 1 and abs(v) < LARGEST >> calls for v in numbers)
    assert (values.dtype == np.int64) == small
    as_objects = values.astype(object)
    for given_values in (values, as_objects):
        run = made.run(given_values, choices)
        assert run.pairs.shape == (1, 6, calls, 2) and run.results.shape == run.signs.shape == (
            1,
            6,
            calls,
            made.clauses,
        )
        for n, (program, _) in enumerate(programs):
            expected = run_slowly(operations, numbers, program)
            assert run.made[0, n].tolist() == [r is not None for r in expected]
            for t, each in enumerate(expected):
                signs, found = run.signs[0, n, t].tolist(), run.results[0, n, t].tolist()
                if each is None:
                    assert signs == [3] * made.clauses and run.pairs[0, n, t].tolist() == [0, 0]
                    continue
                assert run.pairs[0, n, t].tolist() == [*program[t]]
                assert signs == [3 if v is None else 0 if v > 0 else 1 if v < 0 else 2 for v in each]
                assert [Fraction(v) for v in found] == [v or 0 for v in each]


def test_whole_numbers_stay_exact_up_to_the_last_one_that_is_kept_in_64_bits() -> None:
    for calls in (1, 2, 3):
        made, most = calls_of(("+", "-"), calls), (LARGEST >> calls) - 1
        numbers = [Fraction(most), Fraction(most - 1), Fraction(-most)]
        rng = random.Random(calls)
        programs = [chosen(rng, 3, made.clauses, calls) for _ in range(300)]
        values = exact([numbers], True, calls)
        assert values.dtype == np.int64 and exact([[*numbers, Fraction(most + 1)]], True, calls).dtype == object
        run = made.run(values, torch.tensor([[c for _, c in programs]]))
        for n, (program, _) in enumerate(programs):
            for t, each in enumerate(run_slowly(("+", "-"), numbers, program)):
                assert run.results[0, n, t].tolist() == ([0] * 3 if each is None else each)


def test_wanted_results_are_exact_or_as_they_are_printed() -> None:
    made = calls_of(("/",), 1)
    numbers = [[Fraction(10), Fraction(3)], [Fraction(0), Fraction(4)]]
    run = made.run(exact(numbers, False, 1), torch.zeros(2, 1, 1, dtype=torch.long))
    for wanted, expected in (
        ([{Fraction("3.3333")}, {Fraction(0)}], [[True, False], [True, False]]),
        ([{Fraction(3, 10)}, {Fraction(9)}], [[False, True], [False, False]]),
        ([set(), set()], [[False, False], [False, False]]),
    ):
        values = np.empty(2, dtype=object)
        values[:] = wanted
        assert run.equal(values, among)[:, 0, 0].tolist() == expected


# -- which programs are valid --------------------------------------------------------------------------------------
@settings(deadline=None, max_examples=80)
@given(
    operations=st.sampled_from([("+", "-"), FOUR, ("/",)]),
    numbers=st.lists(SMALL, min_size=0, max_size=4),
    constants=st.integers(0, 2),
    room=st.integers(0, 3),
    length=st.integers(0, 2),
    seed=st.integers(0, 10**6),
)
def test_what_can_follow_is_what_the_rules_say(
    operations: tuple[str, ...], numbers: list[Fraction], constants: int, room: int, length: int, seed: int
) -> None:
    """For several programs at once, padded beside a text of more numbers."""
    made, rng, more = calls_of(operations, 3), random.Random(seed), len(numbers) + rng_extra(seed)
    rows = [numbers, [Fraction(k) for k in range(more)]]
    there = torch.tensor([[i < len(row) for i in range(more)] for row in rows], dtype=torch.bool)
    fixed = [[len(row) - constants <= i < len(row) for i in range(more)] for row in rows]
    constant = torch.tensor(fixed, dtype=torch.bool)
    programs = [chosen(rng, more, made.clauses, length) for _ in range(5)]
    choices = torch.tensor([[c for _, c in programs]] * 2).view(2, 5, length)
    run = made.run(exact(rows, False, 3), choices)
    found = made.valid(there, constant, torch.tensor([room, 3]), run)
    possible: list[Step] = [*combinations(range(more + length * made.clauses), 2), STOP]
    assert found.shape == (2, 5, len(possible))
    for b, row in enumerate(rows):
        padded = [*row, *[Fraction(0)] * (more - len(row))]
        for n, (program, _) in enumerate(programs):
            missing = set(range(len(row), more))
            for t, each in enumerate(run_slowly(operations, padded, program)):
                base = more + t * made.clauses
                missing |= {base + c for c in range(made.clauses) if each is None or each[c] is None}
            expected = set(
                valid_slowly(
                    more, {i for i in range(more) if fixed[b][i]}, (room, 3)[b], made.clauses, missing, program
                )
            )
            assert {p for p, ok in zip(possible, found[b, n].tolist(), strict=True) if ok} == expected


def rng_extra(seed: int) -> int:
    """How much longer the other text is."""
    return seed % 3


Term = str | tuple["Term", "Term", int]


def printed_lines(numbers: int, clauses: int, program: list[Step]) -> frozenset[tuple[Term, Term]]:
    """What a program prints, as a set of lines: each by what goes in, whatever its results are called."""
    terms: list[Term] = [f"N{k}" for k in range(numbers)]
    lines = []
    for step in program:
        if step == STOP:
            break
        line = terms[int(step[0])], terms[int(step[1])]
        lines.append(tuple(sorted(line, key=str)))
        terms += [(*line, c) for c in range(clauses)]
    return frozenset(lines)  # type: ignore[arg-type]


@pytest.mark.parametrize(("operations", "calls", "count"), [(("+", "-"), 2, 4), (("+",), 3, 4), (("+", "-"), 3, 3)])
def test_every_valid_program_prints_something_of_its_own(operations: tuple[str, ...], calls: int, count: int) -> None:
    """And whatever calls in any order can print is printed by one of them."""
    made, numbers = calls_of(operations, calls), [Fraction(7**k) for k in range(1, count + 1)]
    programs = everything(made, numbers)
    printed = [printed_lines(count, made.clauses, p) for p in programs]
    assert len(set(printed)) == len(programs)

    def any_order(program: list[Step]) -> Iterator[list[Step]]:
        yield program
        if len(program) == calls:
            return
        t = len(program)
        for i, j in combinations(range(count + t * made.clauses), 2):
            by = [-1 if v < count else (v - count) // made.clauses for v in (i, j)]
            if not by[0] == by[1] >= 0 and (i, j) not in program:
                yield from any_order([*program, (i, j)])

    assert {printed_lines(count, made.clauses, p) for p in any_order([])} == set(printed)


# -- what programs print -------------------------------------------------------------------------------------------
def mentions_of(text: Text, encoder: TextEncoder, numbers: int) -> dict[int, int]:
    """The mention that each value of a program is."""
    places, clauses = {i: i for i in range(len(text.uncalled.mentions))}, len(encoder.calculator.clauses)
    for k, call in enumerate(text.calls):
        order = [(symbol, left) for symbol, _, left, _ in encoder.calculator.clauses]
        printed = call.row.printed.fields
        for r, (result, left) in enumerate(zip(printed[::3], printed[1::3], strict=True)):
            clause = order.index((str(result.operation), int(left.argument or 0)))
            places[numbers + k * clauses + clause] = call.first + r
    return places


@pytest.mark.parametrize("operations", [("+", "-"), FOUR, ("/", "+")])
def test_rows_of_tensors_are_those_of_texts(
    tiny_tokenizer: PreTrainedTokenizerFast, operations: tuple[str, ...]
) -> None:
    """`Calls.rows` prints what `TextEncoder.result` and `extended` print, call after call."""
    encoder = encoder_of(tiny_tokenizer, 3, operations)
    made = Calls(encoder.tools, 3, encoder.symbols, encoder.lines)  # type: ignore[arg-type]
    passages = ["Anna has 7 pens, Carl 0 and Zoë 7.", "Anna has 5%, Carl -2 and Zoë the 3rd of 1999 pens.", "None."]
    texts = [encoder.text(passage, "Who?") for passage in passages]
    batch = collate_texts(texts, encoder)
    assert batch.numbers is not None
    numbers, rng = batch.numbers.there.shape[1], random.Random(0)
    symbols = made.symbols(batch.text.ids.gather(1, batch.numbers.places), 3)
    seen = set()
    for _ in range(150):
        b = rng.randrange(len(texts))
        text, program, row = texts[b], [], []
        for t in range(3):
            run = made.run(batch.numbers.values[b : b + 1], torch.tensor([[program]], dtype=torch.long).view(1, 1, t))
            one = [x[b : b + 1] for x in (batch.numbers.there, batch.numbers.constant, batch.numbers.room)]
            valid = made.valid(*one, run)[0, 0].nonzero()[:, 0].tolist()
            program.append(rng.choice(valid))
            values = numbers + t * made.clauses
            if program[-1] == values * (values - 1) // 2:
                program += [
                    p * (p - 1) // 2 for p in range(values + made.clauses, numbers + 3 * made.clauses, made.clauses)
                ]
                break
            places = mentions_of(text, encoder, numbers)
            i, j = pairs(values)[program[-1]].tolist()
            printed = encoder.result(text, (places[i], places[j]))
            if printed is None:  # every result is undefined: nothing to print
                break
            row += printed.ids
            text = encoder.extended(text, (places[i], places[j]), printed)
        if len(program) < 3:
            continue
        run = made.run(batch.numbers.values[b : b + 1], torch.tensor([[program]]))
        tensor = made.rows(symbols[b : b + 1], run)[0]
        assert tensor.tolist() == row + [-1] * (len(tensor) - len(row))
        assert text.ids[len(texts[b].ids) :] == row
        seen.add((b, len(text.calls)))
    assert {calls for b, calls in seen if b < 2} == {0, 1, 2, 3} and {calls for b, calls in seen if b == 2} == {0}


def test_symbols_of_padding_and_of_results(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    encoder = encoder_of(tiny_tokenizer, 2, ("+", "-"))
    made, ids = Calls(encoder.tools, 2, encoder.symbols, encoder.lines), encoder.symbols  # type: ignore[arg-type]
    assert ids is not None
    found = made.symbols(torch.tensor([[5, 6], [7, 8]]), 2)
    results_ids = [ids.result(k, c) for k in range(2) for c in range(3)]
    assert found.tolist() == [[5, 6, *results_ids], [7, 8, *results_ids]] and len({*results_ids}) == 6


# -- the shortest programs -----------------------------------------------------------------------------------------
def all_programs(operations: tuple[str, ...], numbers: list[Fraction], calls: int) -> dict[tuple, list[Fraction]]:
    """All programs of so many calls that use the result of each call but the last, and the results of the last one."""
    clauses = len(results(operations, Fraction(1), Fraction(1)))
    made: dict[tuple, list[Fraction]] = {}

    def go_on(program: tuple, known: dict[int, Fraction | None]) -> None:
        t = len(program)
        used = {(-1 - k) // clauses for pair in program for k in pair if k < 0}
        if t == calls:
            if used == set(range(calls - 1)):
                made[program] = [v for c in range(clauses) if (v := known[-1 - (t - 1) * clauses - c]) is not None]
            return
        there = sorted((k for k, v in known.items() if v is not None), key=lambda k: k if k >= 0 else len(numbers) - k)
        for i, j in combinations(there, 2):
            if j < 0 and i < 0 and (-1 - i) // clauses == (-1 - j) // clauses:
                continue
            if t and (-1 - j) // clauses != t - 1 and (i, j) <= program[-1]:  # in order, unless it uses the last one
                continue
            a, b = known[i], known[j]
            assert a is not None and b is not None
            new = {-1 - t * clauses - c: r for c, r in enumerate(results(operations, a, b))}
            go_on((*program, (i, j)), known | new)

    go_on((), dict(enumerate(numbers)))
    return made


def shortest_slowly(operations: tuple[str, ...], draws: list[Draw], calls: int) -> list[list[tuple[int, int]]]:
    """Every program run for every draw: those of the fewest calls with one clause that is right for all."""
    numbers = range(len(draws[0].numbers))
    for length in range(1, calls + 1):
        if length > 1 and any(all(d.numbers[i] in d.wanted for d in draws) for i in numbers):
            return []
        programs = [*all_programs(operations, [*draws[0].numbers], length)]
        made = [[*p] for p in programs if right_clauses(operations, draws, p)]
        if made:
            return made if length < 2 or len(made) <= MOST_PROGRAMS else []
    return []


def right_clauses(operations: tuple[str, ...], draws: list[Draw], program: tuple) -> set[int]:
    """The results of its last call that are wanted in all draws."""
    right: list[set[int]] = []
    for d in draws:
        made: list[Fraction | None] = []
        for pair in program:
            a, b = (d.numbers[k] if k >= 0 else made[-1 - k] for k in pair)
            if a is None or b is None:
                return set()
            made += (last := results(operations, a, b))
        right.append({c for c, v in enumerate(last) if v is not None and v in d.wanted})
    return set.intersection(*right)


@pytest.mark.parametrize("operations", [("+", "-"), FOUR, ("-",)])
@pytest.mark.parametrize("calls", [1, 2, 3])
@pytest.mark.parametrize("others", [0, 1])
def test_shortest_programs_are_those_of_an_exhaustive_search(
    operations: tuple[str, ...], calls: int, others: int
) -> None:
    rng, lengths = random.Random(1), set()
    for _ in range(12 if calls == 3 else 25):
        numbers = rng.choice((2, 3) if calls == 3 and operations == FOUR else (2, 3, 4))
        draws = []
        programs = rng.choice([*all_programs(operations, [Fraction(k + 2) for k in range(numbers)], calls)])
        for _ in range(others + 1):  # answers of one program
            drawn = [Fraction(n) for n in rng.choices(range(1, 30), k=numbers)]
            made = all_programs(operations, drawn, calls).get(programs)
            draws.append(Draw(drawn, {made[0]} if made else {Fraction(7)}))
        if not others:
            draws = [Draw(draws[0].numbers, {Fraction(rng.randrange(1, 40)), *draws[0].wanted})]
        expected = shortest_slowly(operations, draws, calls)
        found = shortest_programs(Calculator(operations), draws, [*combinations(range(numbers), 2)], calls)
        assert sorted(found) == sorted([(i, j, 0) for i, j in p] for p in expected)
        lengths |= {len(p) for p in found}
    assert max(lengths) == calls


@pytest.mark.parametrize("one", [False, True])
def test_where_answers_are_names_the_sign_of_the_right_call_tells_them_apart(one: bool) -> None:
    """Every pair, operation by operation: one name with each sign, and both names come up."""
    rng, found_some = random.Random(2), 0
    for _ in range(40):
        numbers = [[Fraction(n) for n in rng.sample(range(-9, 60), 3)] for _ in range(rng.choice((1, 3, 12)))]
        draws = [Draw(n, frozenset(), "Anna" if n[0] > n[2] else "Carl") for n in numbers]
        expected = []
        for i, j in combinations(range(3), 2):
            right = []
            for c in range(6):
                made = [results(FOUR, n[i], n[j])[c] for n in numbers]
                by_sign: dict[str, set[str]] = {}
                for value, d in zip(made, draws, strict=True):
                    sign = "?" if value is None else "+" if value > 0 else "-" if value < 0 else "0"
                    by_sign.setdefault(sign, set()).add(d.answer)
                names = [name for of_sign in by_sign.values() for name in of_sign]
                if len(by_sign) == len(names) == len({*names}) == 2:
                    right.append(c)
            expected += [[(i, j, c)] for c in right] if one else [[(i, j, 0)]] if right else []
        found = shortest_programs(Calculator(FOUR), draws, [*combinations(range(3), 2)], 3, one)
        assert sorted(found) == sorted(expected)
        found_some += bool(found) and len(numbers) == 12
    assert found_some > 5
