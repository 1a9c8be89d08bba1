"""Recognising digits from their sum: two pictures and one number; no picture is labelled.

F's result is the answer, so the marginal likelihood is the probability of all pairs with that sum.
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from anzan.layer import argument_loss, symbolic


@symbolic(encode=lambda n: [n], spaces=[range(10), range(10)])
def add(a: int, b: int) -> int:
    return a + b


def main(steps: int = 500, seed: int = 0) -> float:
    """Train on sums; the share of unseen pictures whose digit is recognised."""
    torch.manual_seed(seed)
    pictures, labels = (torch.tensor(x) for x in load_digits(return_X_y=True))
    pictures = pictures.float() / 16
    train, test = torch.randperm(len(labels)).split([1400, len(labels) - 1400])
    network = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    optimiser = torch.optim.Adam(network.parameters(), 2e-3)
    results = add.table().ids[0, :, 0]  # the sum of each of the hundred pairs
    for _ in range(steps):
        pair = train[torch.randint(len(train), (64, 2))]
        first, second = network(pictures[pair]).log_softmax(-1).unbind(1)
        log_probs = (first[:, :, None] + second[:, None]).flatten(1)  # a pair's score is the sum of its digits' scores
        optimiser.zero_grad()
        argument_loss(log_probs, results == labels[pair].sum(1, keepdim=True)).backward()
        optimiser.step()
    return (network(pictures[test]).argmax(-1) == labels[test]).float().mean().item()


if __name__ == "__main__":
    print(f"digits recognised: {main():.1%}")
