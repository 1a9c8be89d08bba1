"""What files of word problems have in common: a question at the end, and an equation in steps."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

OPERATIONS: dict[str, tuple[str, Callable[[Fraction, Fraction], Fraction]]] = {
    "+": ("addition", operator.add),
    "-": ("subtraction", operator.sub),
    "*": ("multiplication", operator.mul),
    "/": ("division", operator.truediv),
}
_SYMBOLS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_SENTENCE_END = re.compile(r"(?<=[.?!])\s+")
_EXPRESSION = re.compile(r"[-+*/(). 0-9]{1,200}", re.ASCII)


def split_question(text: str) -> tuple[str, str]:
    """The sentences before the last one, and the last one, which is the question."""
    *before, question = _SENTENCE_END.split(text.strip())
    return " ".join(before), question


class Step(NamedTuple):
    """One operation on two values, the left one first."""

    operation: str
    operands: tuple[Fraction, Fraction]

    @property
    def value(self) -> Fraction:
        """The exact result.

        Raises:
            ZeroDivisionError: a division by zero.
        """
        return OPERATIONS[self.operation][1](*self.operands)


def infix_steps(expression: str) -> tuple[list[Step], Fraction] | None:
    """The steps of an expression such as `(8-2)*3`, in the order of computation, and its value.

    None for anything but decimal numbers, `+ - * /`, parentheses and a minus sign before a number, and for a division
    by zero.
    """
    steps: list[Step] = []

    def value(node: ast.expr) -> Fraction:
        match node:
            case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
                return Fraction(ast.get_source_segment(text, node) or "")
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant() as number):
                return -value(number)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _SYMBOLS:
                steps.append(Step(_SYMBOLS[type(op)], (value(left), value(right))))
                return steps[-1].value
        raise ValueError

    text = expression.strip()
    try:
        if not _EXPRESSION.fullmatch(text):
            return None
        return steps, value(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError):
        return None


def solved_fields(steps: Sequence[Step], **meta: Any) -> dict[str, Any]:
    """The fields of a problem that its steps give; `meta` is added to their operations."""
    operations = [step.operation for step in steps]
    return {
        "arguments": tuple(step.operands for step in steps) or None,
        "kind": kind_of(operations),
        "meta": {**meta, "operations": operations},
    }


def kind_of(operations: Sequence[str]) -> str:
    """`addition`, `subtraction`, `multiplication` or `division` for one step; `none`, `two-step` or `multi-step`."""
    match operations:
        case []:
            return "none"
        case [operation]:
            return OPERATIONS[operation][0]
        case [_, _]:
            return "two-step"
        case _:
            return "multi-step"
