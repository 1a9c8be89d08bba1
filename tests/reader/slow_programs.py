"""Programs one at a time, in plain Python: what they give, and which are valid."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations

from anzan.reader.programs import Calls

STOP = "stop"
Step = tuple[int, int] | str


def results(operations: tuple[str, ...], a: Fraction, b: Fraction) -> list[Fraction | None]:
    """What one call gives, in plain arithmetic; None where it is undefined."""
    made: list[Fraction | None] = []
    for operation in operations:
        if operation == "/":
            made += [x / y if y else None for x, y in ((a, b), (b, a))]
        else:
            made += {"+": [a + b], "-": [a - b, b - a], "*": [a * b]}[operation]
    return made


def run_slowly(
    operations: tuple[str, ...], numbers: list[Fraction], program: list[Step]
) -> list[list[Fraction | None] | None]:
    """The results of each call; None for none. What is undefined counts as 0 if a program goes on with it."""
    known: list[Fraction | None] = [*numbers]
    made: list[list[Fraction | None] | None] = []
    for step in program:
        if step == STOP or (made and made[-1] is None):
            made.append(None)
            continue
        a, b = (known[int(k)] or Fraction(0) for k in step)
        made.append(results(operations, a, b))
        known += made[-1] or []
    return made


def valid_slowly(
    numbers: int, constants: set[int], room: int, clauses: int, undefined: set[int], before: list[Step]
) -> Iterator[Step]:
    """What can follow a program: the rules of `anzan.reader.programs`, one after the other.

    Args:
        undefined: values that do not exist.
    """
    t = len(before)
    yield STOP
    if STOP in before or t >= room:
        return

    def maker(value: int) -> int:
        return -1 if value < numbers else (value - numbers) // clauses

    for i, j in combinations(range(numbers + t * clauses), 2):
        if i in undefined or j in undefined:
            continue  # pairs of values that are there
        if i in constants and j in constants:
            continue
        if maker(i) == maker(j) >= 0:
            continue  # two results of one call
        if (i, j) in before:
            continue  # no pair twice
        # It comes after every call that was made since the values that it takes.
        if any((i, j) < step for step in before[max(maker(i), maker(j)) + 1 :]):  # type: ignore[operator]
            continue
        yield (i, j)


def everything(made: Calls, numbers: list[Fraction], constants: int = 0) -> list[list[Step]]:
    """All valid programs, one after the other."""
    whole: list[list[Step]] = []
    fixed = set(range(len(numbers) - constants, len(numbers)))

    def go_on(program: list[Step]) -> None:
        if len(program) == made.calls:
            whole.append(program)
            return
        missing = set()
        for t, each in enumerate(run_slowly(made.tools[0].operations, numbers, program)):
            base = len(numbers) + t * made.clauses
            missing |= {base + c for c in range(made.clauses) if each is None or each[c] is None}
        for step in valid_slowly(len(numbers), fixed, made.calls, made.clauses, missing, program):
            go_on([*program, step])

    go_on([])
    return whole
