"""Any Python function as a differentiable layer: scores -> estimator -> lookup of F's result.

An estimator is a differentiable argmax; the layer is argmax followed by lookup. Only torch is imported.
"""

from anzan.layer._estimators import (
    Choice,
    RelaxedGumbelSoftmax,
    StraightThrough,
    relaxed_gumbel_softmax,
    straight_through,
)
from anzan.layer._function import SymbolicFunction
from anzan.layer._layer import SymbolicLayer, SymbolicOutput
from anzan.layer._lookup import lookup
from anzan.layer._objectives import argument_loss, pseudo_labels
from anzan.layer._table import ResultTable

__all__ = [
    "Choice",
    "RelaxedGumbelSoftmax",
    "ResultTable",
    "StraightThrough",
    "SymbolicFunction",
    "SymbolicLayer",
    "SymbolicOutput",
    "argument_loss",
    "lookup",
    "pseudo_labels",
    "relaxed_gumbel_softmax",
    "straight_through",
]
