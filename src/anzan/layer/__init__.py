"""Any Python function F as a differentiable layer: scores -> estimator -> lookup of F's result.

An estimator is a differentiable argmax; the layer is argmax followed by lookup. Imports torch only.
"""

from anzan.layer._autoregressive import Autoregressive
from anzan.layer._chain import ChainOutput, SymbolicChain
from anzan.layer._choice import Choice
from anzan.layer._distribution import Categorical, Distribution, Factorised
from anzan.layer._estimators import (
    DecoupledStraightThrough,
    Estimator,
    GumbelRao,
    ReinMax,
    RelaxedGumbelSoftmax,
    Sparsemax,
    StraightThrough,
    TopKSoftmax,
)
from anzan.layer._fold import Fold
from anzan.layer._function import SymbolicFunction, symbolic
from anzan.layer._gumbel import decoupled_straight_through, gumbel_rao, relaxed_gumbel_softmax, straight_through
from anzan.layer._intervention import intervene
from anzan.layer._layer import SymbolicLayer, SymbolicOutput
from anzan.layer._lookup import embed, lookup
from anzan.layer._noise import ExampleNoise
from anzan.layer._objectives import (
    Estimate,
    exact_marginal,
    leave_one_out,
    one_argument_out,
    sampled_marginal,
    top_k_marginal,
    unordered_set,
)
from anzan.layer._reinmax import reinmax
from anzan.layer._residual import DropoutResidual
from anzan.layer._schedules import Schedule, Scheduled, ScheduledFloat, set_progress
from anzan.layer._shortlist import Shortlist, shortlist
from anzan.layer._sparse import sparsemax, top_k_softmax
from anzan.layer._supervision import argument_loss, entropy, pseudo_labels
from anzan.layer._table import ResultTable
from anzan.layer._vocabulary import Characters

__all__ = [
    "Autoregressive",
    "Categorical",
    "ChainOutput",
    "Characters",
    "Choice",
    "DecoupledStraightThrough",
    "Distribution",
    "DropoutResidual",
    "Estimate",
    "Estimator",
    "ExampleNoise",
    "Factorised",
    "Fold",
    "GumbelRao",
    "ReinMax",
    "RelaxedGumbelSoftmax",
    "ResultTable",
    "Schedule",
    "Scheduled",
    "ScheduledFloat",
    "Shortlist",
    "Sparsemax",
    "StraightThrough",
    "SymbolicChain",
    "SymbolicFunction",
    "SymbolicLayer",
    "SymbolicOutput",
    "TopKSoftmax",
    "argument_loss",
    "decoupled_straight_through",
    "embed",
    "entropy",
    "exact_marginal",
    "gumbel_rao",
    "intervene",
    "leave_one_out",
    "lookup",
    "one_argument_out",
    "pseudo_labels",
    "reinmax",
    "relaxed_gumbel_softmax",
    "sampled_marginal",
    "set_progress",
    "shortlist",
    "sparsemax",
    "straight_through",
    "symbolic",
    "top_k_marginal",
    "top_k_softmax",
    "unordered_set",
]
