"""The calculator, against lines worked out by hand and against `decimal`, a second implementation."""

import pickle
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anzan.arithmetic import DECIMALS, MAX_DIGITS, Calculator, Field, Printed, format_number, parse_number
from anzan.errors import AnzanError

F = Fraction

LINES: list[tuple[str, str, str, str]] = [
    ("+-", "72", "23", "95 = 72 + 23 , 49 = 72 - 23 , - 49 = 23 - 72"),
    ("+", "72", "23", "95 = 72 + 23"),
    ("+-*", "72", "23", "95 = 72 + 23 , 49 = 72 - 23 , - 49 = 23 - 72 , 1656 = 72 * 23"),
    ("/", "21", "4", "5.25 = 21 / 4 , 0.1905 = 4 / 21"),
    ("/", "10", "3", "3.3333 = 10 / 3 , 0.3 = 3 / 10"),
    ("/*", "1", "8", "0.125 = 1 / 8 , 8 = 8 / 1 , 8 = 1 * 8"),
    # The layout is fixed
    ("-", "7", "7", "0 = 7 - 7 , 0 = 7 - 7"),
    ("/", "7", "7", "1 = 7 / 7 , 1 = 7 / 7"),
    # Negative operands
    ("+-", "-5", "3", "- 2 = - 5 + 3 , - 8 = - 5 - 3 , 8 = 3 - - 5"),
    ("+*", "3", "-5", "- 2 = 3 + - 5 , - 15 = 3 * - 5"),
    # Undefined results
    ("/", "5", "0", "0 = 0 / 5"),
    ("/+", "5", "0", "0 = 0 / 5 , 5 = 5 + 0"),
    ("/", "0", "0", ""),
    ("", "1", "2", ""),
    # Exact
    ("+", "0.1", "0.2", "0.3 = 0.1 + 0.2"),
    ("+", "1" * 60, "2" * 60, f"{'3' * 60} = {'1' * 60} + {'2' * 60}"),
    # A rounded result is no `-0`
    ("/", "-1", "1000000007", "0 = - 1 / 1000000007 , - 1000000007 = 1000000007 / - 1"),
]


@pytest.mark.parametrize(("operations", "a", "b", "line"), LINES)
def test_lines_by_hand(operations: str, a: str, b: str, line: str) -> None:
    assert Calculator(tuple(operations))(F(a), F(b)).text == line


def test_fields_by_hand() -> None:
    assert Calculator()(F(72), F(23)) == Printed(
        "95 = 72 + 23 , 49 = 72 - 23 , - 49 = 23 - 72",
        (
            Field(F(95), 0, 2, "+"),
            Field(F(72), 5, 7, None, 0),
            Field(F(23), 10, 12, None, 1),
            Field(F(49), 15, 17, "-"),
            Field(F(72), 20, 22, None, 0),
            Field(F(23), 25, 27, None, 1),
            Field(F(-49), 30, 34, "-"),
            Field(F(23), 37, 39, None, 1),
            Field(F(72), 42, 44, None, 0),
        ),
    )


def test_undefined_clauses_leave_no_fields() -> None:
    assert Calculator(("/",))(F(0), F(0)) == Printed("", ())


def test_field_values_are_exact_where_the_print_is_rounded() -> None:
    printed = Calculator(("/",))(F(10), F(3))
    assert printed.fields[0] == Field(F(10, 3), 0, 6, "/")


def test_ints_and_a_list_of_operations_will_do() -> None:
    calculator = Calculator(["/"])  # pyright: ignore[reportArgumentType]
    assert calculator == Calculator(("/",)) and hash(calculator) == hash(Calculator(("/",)))
    assert calculator(1, 2).fields[0].value == F(1, 2)  # pyright: ignore[reportArgumentType]


def test_operations_are_checked() -> None:
    with pytest.raises(
        AnzanError,
        match=r"^operations: '\^' is unknown; choose among \+ - \* / days years, and functions as module:function$",
    ):
        Calculator(("+", "^"))
    with pytest.raises(AnzanError, match=r"^operations: one is given twice"):
        Calculator(("+", "-", "+"))


def test_results_that_are_too_long_are_undefined() -> None:
    big = F(10**MAX_DIGITS - 1)
    printed = Calculator(("+", "-", "*"))(big, F(1))
    assert [field.operation for field in printed.fields if field.operation] == ["-", "-", "*"]
    assert Calculator(("+", "-", "*", "/"))(big + 1, F(1)) == Printed("", ())  # the operand itself is too long
    assert Calculator()(F(10**100_000), F(1)) == Printed("", ())
    assert Calculator()(F(1, 3**50_000), F(1)).text == "1 = 0 + 1 , - 1 = 0 - 1 , 1 = 1 - 0"


numbers = st.builds(
    F, st.integers(-(10**40), 10**40) | st.integers(-50, 50), st.just(1) | st.sampled_from([2, 10, 10**9])
)


@settings(deadline=None)
@given(numbers, numbers, st.permutations("+-*/"), st.integers(0, 4))
def test_against_decimal(a: Fraction, b: Fraction, operations: list[str], count: int) -> None:
    """Reads the line back, clause by clause, with `decimal` doing the arithmetic."""
    printed = Calculator(tuple(operations[:count]))(a, b)
    with localcontext() as context:
        context.prec = 400
        x, y = (Decimal(v.numerator) / Decimal(v.denominator) for v in (a, b))
        expected = []
        for operation in operations[:count]:
            for left, right in [(x, y), (y, x)][: 2 if operation in "-/" else 1]:
                if operation == "+":
                    expected.append((left + right, left, operation, right))
                elif operation == "-":
                    expected.append((left - right, left, operation, right))
                elif operation == "*":
                    expected.append((left * right, left, operation, right))
                elif right:
                    expected.append((left / right, left, operation, right))
        clauses = printed.text.split(" , ") if printed.text else []
        assert len(clauses) == len(expected) == len(printed.fields) / 3
        for i, (clause, (result, left, operation, right)) in enumerate(zip(clauses, expected, strict=True)):
            fields = printed.fields[3 * i : 3 * i + 3]
            spans = [printed.text[field.start : field.end] for field in fields]
            assert clause == f"{spans[0]} = {spans[1]} {operation} {spans[2]}"
            assert [field.operation for field in fields] == [operation, None, None]
            assert [Decimal(span.replace(" ", "")) for span in spans[1:]] == [left, right]
            number = Decimal(spans[0].replace(" ", ""))
            # A decimal of full precision is one that does not end.
            if len(result.as_tuple().digits) == 400:
                result = result.quantize(Decimal(1).scaleb(-DECIMALS), ROUND_HALF_EVEN)
            assert number == result


@settings(deadline=None)
@given(numbers, numbers)
def test_field_values(a: Fraction, b: Fraction) -> None:
    printed = Calculator(("+", "-", "*"))(a, b)
    assert [field.value for field in printed.fields] == [a + b, a, b, a - b, a, b, b - a, b, a, a * b, a, b]
    for field in printed.fields:
        assert parse_number(printed.text[field.start : field.end]) == field.value


FORMATTED = {
    F(0): "0",
    F(5): "5",
    F(-5): "-5",
    F(100): "100",
    F(5903204): "5903204",
    F(21, 4): "5.25",
    F(-1, 4): "-0.25",
    F(1, 1024): "0.0009765625",
    F(10, 3): "3.3333",
    F(2, 3): "0.6667",
    F(-2, 3): "-0.6667",
    F(1, 3000): "0.0003",
    F(-1, 30000): "0",
    F(30000, 30001): "1",
    F(10**30): "1" + "0" * 30,
}


@pytest.mark.parametrize(("value", "text"), FORMATTED.items())
def test_format_number(value: Fraction, text: str) -> None:
    assert format_number(value) == text


def test_format_number_decimals() -> None:
    assert format_number(F(10, 3), decimals=0) == "3"
    assert format_number(F(10, 3), decimals=10) == "3." + "3" * 10
    assert format_number(F(1, 8), decimals=1) == "0.125"  # its decimals end
    with pytest.raises(AnzanError, match=r"^decimals: 0 or more"):
        format_number(F(1), decimals=-1)


def test_format_number_bounds() -> None:
    assert format_number(F(10**MAX_DIGITS - 1)) == "9" * MAX_DIGITS
    assert format_number(F(1, 10 ** (MAX_DIGITS - 1))) == "0." + "0" * (MAX_DIGITS - 2) + "1"
    assert format_number(F(1, 10**MAX_DIGITS)) == "0"  # one decimal too many, so rounded
    # Rounded to four decimals, a tie goes to the even one.
    assert format_number(F(1, 4) + F(1, 10**MAX_DIGITS)) == "0.25"
    for value in (F(10**MAX_DIGITS), F(-(10**MAX_DIGITS)), F(10**100_000), F(10**MAX_DIGITS, 3)):
        with pytest.raises(AnzanError, match="1000 digits"):
            format_number(value)
    with pytest.raises(AnzanError, match="1000 digits"):
        format_number(F(1, 3), decimals=10**12)


@settings(deadline=None)
@given(st.fractions())
def test_format_number_is_canonical(value: Fraction) -> None:
    text = format_number(value)
    assert text != "-0" and not text.startswith("+")
    assert set(text) <= set("-.0123456789")
    assert "." not in text or not text.endswith(("0", "."))
    parsed = parse_number(text)
    assert parsed is not None and abs(parsed - value) <= F(1, 2 * 10**DECIMALS)
    assert format_number(parsed) == text


def test_a_calculator_can_be_sent_to_another_process_after_use() -> None:
    used = Calculator(("+", "-", "*", "/"))
    printed = used(F(7), F(2))
    sent = pickle.loads(pickle.dumps(used))
    assert sent == used and hash(sent) == hash(used) and sent(F(7), F(2)) == printed
