"""Digits learnt from sums of N pictures: anzan against the same network taught the digits themselves.

    python benchmarks/mnist_sum.py --data DIR [--digits 2 4 8 16] [--methods ...] [--seed 0] [--peers ...]

DIR holds train_10k.npz (images, labels) and t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz: train on the first,
test on the second. Pictures are put together once, at a fixed seed, each used once: N = 2 gives 5,000 training sums,
N = 16 gives 625. Every method trains the same small convolutional network (LeNet) with Adam, at a rate that falls to
nothing (`SETTINGS`, chosen with `fold` on 2,000 training pictures held out), and sees the sums alone:

* `fold`: the exact likelihood of the sum, by `anzan.layer.Fold`;
* `one-argument-out`: the likelihood as an exact expectation over one picture at a time, the others drawn (IndeCateR);
* `leave-one-out`: the likelihood from a hundred draws of all pictures together;
* `top-k`: the marginal over the 100 most probable combinations;
* `straight-through`: `SymbolicChain`, one hard choice a picture; a fixed network reads the sum.

`ceiling` is the same network trained on the digit labels, its digits added up. Reported: accuracy of the sum on test
pictures as a share of the ceiling's, seconds of training until 98 % of the ceiling (evaluation excluded), seconds an
epoch above the ceiling's own. `--peers` runs other libraries on the same data and network, each for `--budget` seconds
(benchmarks/mnist_peers.py). Writes results/benchmarks/mnist_sum.json, after every run.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mnist_peers import PEERS, Piece, timed
from torch import Tensor, nn

from anzan.layer import (
    Factorised,
    Fold,
    StraightThrough,
    SymbolicChain,
    entropy,
    one_argument_out,
    sampled_marginal,
    symbolic,
    top_k_marginal,
)
from anzan.training.results import commit, device_name, write_json

ROOT = Path(__file__).parent.parent
DIGITS = range(10)
SHOWN = "sum", "best", "share_of_ceiling", "seconds_to_98", "epoch_s", "error"


@dataclass(frozen=True)
class Setting:
    """Epochs, sums a batch, rate; `entropy` is the weight of each picture's entropy, added to the objective.

    The weight falls to nothing with training. 625 sums of sixteen say so little of each picture that the likelihood
    alone merges neighbouring digits before it can tell them apart, and then learns the sums by heart.
    """

    epochs: int
    sums: int
    rate: float
    entropy: float = 0.0


SETTINGS = {2: Setting(20, 32, 4e-3), 4: Setting(20, 32, 4e-3), 8: Setting(20, 4, 1e-3), 16: Setting(40, 4, 1e-3, 0.01)}


class Sums:
    """N pictures a row and their digits; training sees the sums of these alone."""

    def __init__(self, folder: Path, n: int):
        with np.load(folder / "train_10k.npz", allow_pickle=False) as file:
            self.train = self._group(file["images"], file["labels"], n, seed=0)
        images = np.frombuffer(
            gzip.decompress((folder / "t10k-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16
        )
        labels = np.frombuffer(gzip.decompress((folder / "t10k-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8)
        self.test = self._group(images.reshape(-1, 28, 28), labels, n, seed=1)

    @staticmethod
    def _group(images: np.ndarray, labels: np.ndarray, n: int, seed: int) -> tuple[Tensor, Tensor]:
        """Pictures (rows, n, 1, 28, 28) and digits (rows, n), each used once."""
        order = np.random.default_rng(seed).permutation(len(labels))[: len(labels) // n * n]
        pictures = torch.tensor(images[order], dtype=torch.float32).view(-1, n, 1, 28, 28)
        return (pictures / 255 - 0.1307) / 0.3081, torch.tensor(labels[order], dtype=torch.long).view(-1, n)


def lenet() -> nn.Module:
    """Scores (batch, 10) of pictures (batch, 1, 28, 28)."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(6, 16, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(),
        nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


Loss = Callable[[list[Tensor], Tensor], Tensor]


def fold_method(n: int) -> Loss:
    fold = Fold(lambda total, digit: total + digit, 0, [DIGITS] * n)
    place = fold.place(range(9 * n + 1))
    return lambda scores, sums: -fold.log_probs(scores).gather(1, place[sums][:, None]).mean()


def wrong(sums: Tensor) -> Callable[[Tensor], Tensor]:
    """The loss of digits: none where they add up, next to certain failure elsewhere."""
    return lambda index: 20 * (index.sum(-1) != sums[:, None]).float()


def one_argument_out_method(n: int) -> Loss:
    options = {"objective": one_argument_out, "samples": 4}
    return lambda scores, sums: sampled_marginal(Factorised(scores), wrong(sums), **options).loss.mean()


def leave_one_out_method(n: int) -> Loss:
    return lambda scores, sums: sampled_marginal(Factorised(scores), wrong(sums), samples=100).loss.mean()


def top_k_method(n: int) -> Loss:
    def loss(scores: list[Tensor], sums: Tensor) -> Tensor:
        estimate = top_k_marginal(Factorised(scores), wrong(sums), k=100)
        right = (estimate.losses == 0).any(1)  # where no combination on the list is right there is nothing to learn
        return estimate.loss.masked_fill(~right, 0.0).sum() / right.sum().clamp_min(1)

    return loss


def straight_through_method(n: int) -> Loss:
    add = symbolic(lambda *digits: [sum(digits)], spaces=[DIGITS] * n)
    chain, read = SymbolicChain(StraightThrough()), torch.eye(9 * n + 1)
    return lambda scores, sums: nn.functional.cross_entropy(chain(scores, add.at, read).embedded[:, 0], sums)


METHODS: dict[str, Callable[[int], Loss]] = {
    "fold": fold_method,
    "one-argument-out": one_argument_out_method,
    "leave-one-out": leave_one_out_method,
    "top-k": top_k_method,
    "straight-through": straight_through_method,
}


@torch.no_grad()
def accuracy(network: nn.Module, data: tuple[Tensor, Tensor]) -> tuple[float, float]:
    """Shares of right sums and of right digits."""
    pictures, digits = data
    seen = torch.cat([network(part).argmax(-1) for part in pictures.flatten(0, 1).split(2000)]).view_as(digits)
    return (seen.sum(1) == digits.sum(1)).float().mean().item(), (seen == digits).float().mean().item()


def pieces(network: nn.Module, data: tuple[Tensor, Tensor], loss: Loss | None, setting: Setting) -> Iterator[Piece]:
    """Training on sums by `loss`, or on the digits themselves, in tenths of an epoch."""
    pictures, digits = data
    n = digits.shape[1]
    batches = -(-len(digits) // setting.sums)
    optimiser = torch.optim.Adam(network.parameters(), setting.rate, fused=True)
    decay = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.01, total_iters=setting.epochs * batches)

    def run(part: Sequence[Tensor]) -> None:
        for rows in part:
            scores = network(pictures[rows].flatten(0, 1)).view(len(rows), n, 10)
            optimiser.zero_grad()
            if loss is None:
                nn.functional.cross_entropy(scores.flatten(0, 1), digits[rows].flatten()).backward()
            else:
                bonus = entropy(scores.log_softmax(-1)).sum(1).mean()
                weight = setting.entropy * optimiser.param_groups[0]["lr"] / setting.rate
                (loss(list(scores.unbind(1)), digits[rows].sum(1)) - weight * bonus).backward()
            optimiser.step()
            decay.step()

    for _ in range(setting.epochs):
        order = torch.randperm(len(digits)).split(setting.sums)
        for k in range(10):
            yield partial(run, order[k * batches // 10 : (k + 1) * batches // 10])


def train(data: Sums, loss: Loss | None, setting: Setting, seed: int) -> dict[str, Any]:
    """Train one network; what it reached and when."""
    torch.manual_seed(seed)
    network = lenet()
    run = pieces(network, data.train, loss, setting)
    return timed(network, run, partial(accuracy, data=data.test), share=0.1, budget=math.inf)


def train_peer(name: str, data: Sums, budget: float, seed: int) -> dict[str, Any]:
    """What another library reaches in `budget` seconds; the error, where it does not run."""
    torch.manual_seed(seed)
    network = lenet()
    pictures, digits = data.train
    try:
        piece = max(1, len(digits) // 50)
        run = PEERS[name](network, pictures, digits.sum(1), piece)
        return timed(network, run, partial(accuracy, data=data.test), share=piece / len(digits), budget=budget)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"[:300]}


def compared(run: dict[str, Any], ceiling: dict[str, Any]) -> dict[str, Any]:
    if "error" in run:
        return run
    bar = 0.98 * ceiling["sum"]
    reached = next((point["seconds"] for point in run["curve"] if point["sum"] >= bar), None)
    return {
        "share_of_ceiling": round(100 * run["sum"] / ceiling["sum"], 2),
        "seconds_to_98": reached, "epoch_s_above_network": round(run["epoch_s"] - ceiling["epoch_s"], 3), **run,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--digits", type=int, nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=[])
    parser.add_argument("--budget", type=float, default=240.0, help="seconds of training for each peer and N")
    parser.add_argument("--peer-digits", type=int, nargs="*", default=[2, 4], help="N that peers are tried on")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "benchmarks" / "mnist_sum.json")
    a = parser.parse_args()
    results: dict[str, Any] = {}
    about = {
        "benchmark": "digits from sums",
        "seed": a.seed,
        "settings": {f"sum-{n}": asdict(SETTINGS[n]) for n in a.digits},
        "budget_s": a.budget,
        "device": device_name(),
        "commit": commit(),
        "command": " ".join(["python", *sys.argv]),
    }
    for n in a.digits:
        data = Sums(a.data, n)
        ceiling = train(data, None, SETTINGS[n], a.seed)
        runs = results[f"sum-{n}"] = {"ceiling": ceiling}
        print(f"sum-{n} ceiling {ceiling['sum']} ({ceiling['epoch_s']} s an epoch)", file=sys.stderr)
        for name in [*a.methods, *(a.peers if n in a.peer_digits else [])]:
            own = name in METHODS
            run = (
                train(data, METHODS[name](n), SETTINGS[n], a.seed) if own else train_peer(name, data, a.budget, a.seed)
            )
            run = runs[name] = compared(run, ceiling)
            print(f"sum-{n} {name} {json.dumps({k: run[k] for k in SHOWN if k in run})}", file=sys.stderr)
            write_json(a.out, {**about, "results": results})


if __name__ == "__main__":
    main()
