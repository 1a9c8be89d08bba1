"""Two discrete choices in a row: straight-through gradients hardly pass both, so early on a residual bypasses them.

A digit must be recognised through two layers that pass on one of ten symbols each, from the label at the far end.
"""

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from anzan.layer import DropoutResidual, ResultTable, Schedule, StraightThrough, SymbolicLayer, set_progress


class Relay(nn.Module):
    def __init__(self, residual: bool) -> None:
        super().__init__()
        self.states, self.scorers = (nn.ModuleList([nn.Linear(64, n) for _ in range(2)]) for n in (64, 10))
        self.symbols, self.read = nn.Embedding(10, 64), nn.Linear(64, 10)
        self.layer = SymbolicLayer(StraightThrough(noise_scale=Schedule(1, 0)))
        self.table = ResultTable(torch.arange(10)[None, :, None])
        self.around = DropoutResidual(Schedule(0, 1) if residual else 1)  # the probability of no residual

    def forward(self, pictures: Tensor) -> Tensor:
        for state, scorer in zip(self.states, self.scorers, strict=True):
            hidden = state(pictures).relu()
            symbols = self.layer(scorer(hidden), self.table, self.symbols.weight).embedded[:, 0]
            pictures = self.around(symbols, hidden)
        return self.read(pictures)


def main(residual: bool = True, steps: int = 600, seed: int = 0) -> float:
    """Train; the share of unseen pictures whose digit is recognised, by choices alone."""
    torch.manual_seed(seed)
    pictures, labels = (torch.tensor(x) for x in load_digits(return_X_y=True))
    pictures, network = pictures.float() / 16, Relay(residual)
    train, test = torch.randperm(len(labels)).split([1400, len(labels) - 1400])
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    for step in range(steps):
        set_progress(network, step / steps)
        batch = train[torch.randint(len(train), (64,))]
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(pictures[batch]), labels[batch]).backward()
        optimiser.step()
    return (network.eval()(pictures[test]).argmax(-1) == labels[test]).float().mean().item()


if __name__ == "__main__":
    print(f"digits recognised: {main(residual=False):.0%} without a residual, {main():.0%} with one")
