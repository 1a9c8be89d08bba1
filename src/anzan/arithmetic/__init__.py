"""Exact arithmetic without a network: numbers in text, the calculator, functions of your own.

Imports neither torch nor transformers.
"""

from anzan.arithmetic.calculator import DECIMALS, Calculator, Field, Printed, Value, format_number
from anzan.arithmetic.functions import allow_imports
from anzan.arithmetic.implied import Implied, find_implied
from anzan.arithmetic.kinds import KINDS, number_kind
from anzan.arithmetic.numbers import Number, find_numbers, parse_number
from anzan.arithmetic.scanner import MAX_DIGITS, strip_separators

__all__ = [
    "DECIMALS",
    "KINDS",
    "MAX_DIGITS",
    "Calculator",
    "Field",
    "Implied",
    "Number",
    "Printed",
    "Value",
    "allow_imports",
    "find_implied",
    "find_numbers",
    "format_number",
    "number_kind",
    "parse_number",
    "strip_separators",
]
