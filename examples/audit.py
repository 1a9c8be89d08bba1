"""Is the tool used? A network reads the sum of two digits from their pictures, with an adder that it can bypass.

It is trained twice. The second time the adder returns the results of other pairs: a control that cannot use its tool.
"""

from contextlib import nullcontext

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from anzan.evaluation import Audit, audit, observe_layer
from anzan.layer import ResultTable, SymbolicLayer, argument_loss, intervene

SUMS = torch.tensor([a + b for a in range(10) for b in range(10)])


class Adder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.digits = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
        self.layer, self.table, self.words = SymbolicLayer(), ResultTable(SUMS[None, :, None]), nn.Embedding(19, 32)
        self.read, self.alone = nn.Linear(32, 19), nn.Linear(128, 19)

    def forward(self, pairs: Tensor) -> tuple[Tensor, Tensor]:
        first, second = self.digits(pairs).log_softmax(-1).unbind(1)
        scores = (first[:, :, None] + second[:, None]).flatten(1)
        result = self.layer(scores, self.table, self.words.weight).embedded[:, 0]
        return self.read(result) + self.alone(pairs.flatten(1)), scores


def main(control: bool, steps: int = 600, seed: int = 0) -> Audit:
    torch.manual_seed(seed)
    pictures, labels = (torch.tensor(x) for x in load_digits(return_X_y=True))
    pictures, network = pictures.float() / 16, Adder()
    train, test = torch.randperm(len(labels)).split([1400, len(labels) - 1400])
    optimiser = torch.optim.Adam(network.parameters(), 2e-3)
    for _ in range(steps):
        pair = train[torch.randint(len(train), (64, 2))]
        with intervene(network.layer, lambda c: torch.randint(100, c.index.shape)) if control else nullcontext():
            answers, scores = network(pictures[pair])
        sums = labels[pair].sum(1)
        loss = nn.functional.cross_entropy(answers, sums) + argument_loss(scores, sums[:, None] == SUMS)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    pairs = test[torch.randint(len(test), (1000, 2))]
    sums = labels[pairs].sum(1)
    network.eval()
    return audit(observe_layer(network.layer, lambda: network(pictures[pairs])[0].argmax(-1), sums, lambda i: SUMS[i]))


if __name__ == "__main__":
    for control in False, True:
        found = main(control)
        print(f"{'control: ' if control else ''}{found.verdict}, {found.score.mean:.0f} % right; {found.evidence}")
