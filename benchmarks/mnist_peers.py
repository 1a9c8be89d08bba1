"""Other libraries on the data and network of benchmarks/mnist_sum.py, each in the way that its own MNIST example shows.

    pip install ablkit==1.0.0 deepproblog==2.1.0 storchastic==0.3.7 pyro-ppl entmax    # and Debian's swi-prolog-nox
    ISED=.../generation-pipeline python benchmarks/mnist_sum.py --data DIR --peers ablkit deepproblog ised storchastic

A peer trains until its seconds are spent, in pieces; accuracy on test pictures is measured between pieces, its time
left out. Batch size, optimiser and rate are those of the peer's example.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

Piece = Callable[[], None]


def timed(
    network: nn.Module,
    pieces: Iterator[Piece],
    score: Callable[[nn.Module], tuple[float, float]],
    *,
    share: float,
    budget: float,
) -> dict[str, Any]:
    """Run pieces, each this share of an epoch, until they end or the seconds are spent; the learning curve.

    Scored after each of the first 60 pieces and after every tenth later on; that time does not count.
    """
    seconds, curve = 0.0, []
    for i, piece in enumerate(pieces):
        network.train()
        started = time.perf_counter()
        with _at_most(budget):
            piece()
        seconds += time.perf_counter() - started
        over = seconds > budget
        if i < 60 or i % 10 == 9 or over:
            network.eval()
            sums, digits = score(network)
            curve.append({"seconds": round(seconds, 2), "sum": round(100 * sums, 2), "digit": round(100 * digits, 2)})
            epoch = seconds / (i + 1) / share
        if over:
            break
    return {"epoch_s": round(epoch, 2), "best": max(c["sum"] for c in curve), "curve": curve, **curve[-1]}


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Stop a single piece that takes longer than all that the method has."""

    def give_up(*_: Any) -> None:
        raise TimeoutError(f"one fiftieth of an epoch took longer than {seconds:g} s")

    signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds if math.isfinite(seconds) else 0.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)


def ablkit(network: nn.Module, pictures: Tensor, sums: Tensor, piece: int) -> Iterator[Piece]:
    """Abductive learning (Huang et al.), as in ABLkit's README: RMSprop, smoothed labels, confidence as distance."""
    from ablkit.bridge import SimpleBridge
    from ablkit.learning import ABLModel, BasicNN
    from ablkit.reasoning import KBBase, Reasoner

    class Sum(KBBase):
        def __init__(self) -> None:
            super().__init__(list(range(10)))

        def logic_forward(self, nums: list[int]) -> int:
            return sum(nums)

    optimiser = torch.optim.RMSprop(network.parameters(), lr=0.001, alpha=0.9)
    base = BasicNN(network, nn.CrossEntropyLoss(label_smoothing=0.2), optimiser, batch_size=32, num_epochs=1)
    bridge = SimpleBridge(ABLModel(base), Reasoner(Sum(), dist_func="confidence"), metric_list=[])
    while True:
        for rows in torch.randperm(len(sums)).split(piece):
            part = [list(group) for group in pictures[rows]], None, sums[rows].tolist()
            one = part[0][:1], None, part[2][:1]  # it evaluates after its last loop, on as little as it can
            yield lambda part=part, one=one: bridge.train(
                part, val_data=one, loops=1, segment_size=min(50, len(part[2]))
            )


def deepproblog(network: nn.Module, pictures: Tensor, sums: Tensor, piece: int) -> Iterator[Piece]:
    """Exact inference (Manhaeve et al.), as in DeepProbLog's MNIST example: Adam at 1e-3, batches of two queries."""
    from deepproblog.engines import ExactEngine
    from deepproblog.model import Model
    from deepproblog.network import Network
    from deepproblog.query import Query
    from deepproblog.train import TrainObject
    from problog.logic import Constant, Term, list2term

    class Pictures(Mapping):
        def __getitem__(self, key: Any) -> Tensor:
            return pictures.flatten(0, 1)[int(key[0])]

        def __len__(self) -> int:
            return pictures.flatten(0, 1).shape[0]

        def __iter__(self) -> Iterator[int]:
            return iter(range(len(self)))

    n = pictures.shape[1]
    program = (
        "nn(net, [X], Y, [0,1,2,3,4,5,6,7,8,9]) :: digit(X, Y).\n"
        "total([], 0).\n"
        "total([X|Xs], Z) :- digit(X, D), total(Xs, R), Z is D + R.\n"
    )
    wrapped = Network(nn.Sequential(network, nn.Softmax(-1)), "net", batching=True)
    wrapped.optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    model = Model(program, [wrapped], load=False)
    model.set_engine(ExactEngine(model), cache=True)
    model.add_tensor_source("train", Pictures())
    trainer = TrainObject(model)

    def query(row: int) -> Query:
        names = [Term(f"p{k}") for k in range(n)]
        images = {p: Term("tensor", Term("train", Constant(row * n + k))) for k, p in enumerate(names)}
        return Query(Term("total", list2term(names), Constant(int(sums[row]))), images)

    def run(rows: Tensor) -> None:
        model.train()
        for pair in rows.split(2):
            model.optimizer.zero_grad()
            trainer.get_loss([query(row) for row in pair.tolist()], model.solver.semiring.cross_entropy)
            model.optimizer.step()

    while True:
        for rows in torch.randperm(len(sums)).split(piece):
            yield lambda rows=rows: run(rows)


def ised(network: nn.Module, pictures: Tensor, sums: Tensor, piece: int) -> Iterator[Piece]:
    """Solko-Breslin et al. (NeurIPS 2024), as its pipeline's sum_2_mnist: Adam at 1e-4, batches of 16, 100 samples.

    Its folder `generation-pipeline` (github: alaiasolkobreslin/ISED) is found through the variable ISED.
    """
    sys.path.insert(0, os.environ["ISED"])
    from blackbox import BlackBoxFunction
    from constants import ADD_MULT
    from input import DiscreteInputMapping, SingleInput
    from output import DiscreteOutputMapping

    n = pictures.shape[1]
    output = DiscreteOutputMapping(list(range(9 * n + 1)), ADD_MULT)
    inputs = tuple(DiscreteInputMapping(list(range(10)), _same) for _ in range(n))
    function = BlackBoxFunction(_add, inputs, output, batch_size=2, loss_aggregator=ADD_MULT, sample_count=100)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-4)

    def run(rows: Tensor) -> None:
        for part in rows.split(16):
            probabilities = network(pictures[part].flatten(0, 1)).softmax(-1).view(len(part), n, 10)
            named, similar, _ = function(*(SingleInput(p) for p in probabilities.unbind(1)))
            wanted, _ = output.get_normalized_labels(similar, sums[part].tolist(), named)
            optimiser.zero_grad()
            nn.functional.binary_cross_entropy(similar, wanted).backward()
            optimiser.step()

    while True:
        for rows in torch.randperm(len(sums)).split(piece):
            yield partial(run, rows)


def _same(element: int) -> int:
    return element


def _add(*digits: int) -> int:
    return sum(digits)


def storchastic(network: nn.Module, pictures: Tensor, sums: Tensor, piece: int) -> Iterator[Piece]:
    """van Krieken et al. (NeurIPS 2021): its unordered-set estimator, 8 samples of all digits, Adam at 1e-3."""
    import storch
    from torch.distributions import OneHotCategorical

    n = pictures.shape[1]
    total = torch.cartesian_prod(*[torch.arange(10)] * n).sum(1)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    method = storch.method.UnorderedSetEstimator("z", k=8)

    def run(rows: Tensor) -> None:
        for part in rows.split(64 // n):
            optimiser.zero_grad()
            scores = network(pictures[part].flatten(0, 1)).log_softmax(-1).view(len(part), n, 10)
            joint = scores[:, 0]
            for k in range(1, n):
                joint = (joint[:, :, None] + scores[:, k, None]).flatten(1)
            chosen = method(OneHotCategorical(logits=storch.denote_independent(joint, 0, "batch")))
            wrong = storch.deterministic(lambda z, y=sums[part][:, None]: (total[z.argmax(-1)] != y).float())
            storch.add_cost(wrong(chosen), "wrong")
            storch.backward()
            optimiser.step()

    while True:
        for rows in torch.randperm(len(sums)).split(piece):
            yield partial(run, rows)


Peer = Callable[[nn.Module, Tensor, Tensor, int], Iterator[Piece]]
PEERS: dict[str, Peer] = {"ablkit": ablkit, "deepproblog": deepproblog, "ised": ised, "storchastic": storchastic}
