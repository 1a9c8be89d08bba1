"""Losses on the choice itself."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from anzan.errors import AnzanError


def argument_loss(
    log_probs: Tensor,
    acceptable: Tensor,
    mask: Tensor | None = None,
    kind: Literal["bce", "marginal"] = "marginal",
    reduction: Literal["mean", "none"] = "mean",
) -> Tensor:
    """Supervise the choice by a set of acceptable candidates.

    ``bce`` is the argument loss of Yoshikawa, Heinzerling and Inui (NLP2022): binary cross-entropy between the labels
    and the softmax probabilities of equation 2, averaged over an example's valid candidates. ``marginal`` is -log of
    the probability mass on the acceptable candidates. Examples with no acceptable candidate carry no loss.

    Args:
        log_probs: (batch, candidates), log softmax(scores), -inf at invalid candidates.
        acceptable: bool (batch, candidates).
        mask: bool (batch, candidates), True at valid candidates; default: where log_probs is finite.
        kind: ``bce`` or ``marginal``.
        reduction: ``mean``, or ``none`` for the loss of each example.

    Returns:
        The mean over examples with an acceptable candidate, 0 if there is none; or (batch,), 0 at the other examples.

    Raises:
        ValueError: another kind.
    """
    valid = log_probs.isfinite() if mask is None else mask
    acceptable = acceptable & valid
    labelled = acceptable.any(-1)
    if kind == "marginal":
        # Examples without a label are routed around the logarithm: their gradient is 0, not NaN.
        chosen = log_probs.masked_fill(~acceptable, -torch.inf).masked_fill(~labelled[:, None], 0.0)
        losses = -torch.logsumexp(chosen, -1)
    elif kind == "bce":
        finite = log_probs.masked_fill(~valid, 0.0)
        # log(1 - p), kept away from log 0; float32 holds 1 - p down to 6e-8.
        other = torch.log1p(-finite.exp().clamp(max=1 - torch.finfo(finite.dtype).eps))
        terms = torch.where(acceptable, finite, other).masked_fill(~valid, 0.0)
        losses = -terms.sum(-1) / valid.sum(-1).clamp_min(1)
    else:
        raise AnzanError(f"kind: 'bce' or 'marginal' needed, got {kind!r}")
    losses = losses.masked_fill(~labelled, 0.0)
    return losses if reduction == "none" else losses.sum() / labelled.sum().clamp_min(1)


def pseudo_labels(log_probs: Tensor, acceptable: Tensor, mask: Tensor | None = None) -> Tensor:
    """The most probable candidate as the label of each example that has none.

    Self-training (Lee, ICML workshop 2013): as an argument loss these labels hold the choice where it stands, and
    sharpen it. They are no better than the scores that they come from, so train on true labels first.

    Args:
        log_probs, acceptable, mask: as `argument_loss` takes them.

    Returns:
        Bool (batch, candidates): one True in each example with a valid candidate but no acceptable one, else False.
    """
    valid = log_probs.isfinite() if mask is None else mask
    own = torch.zeros_like(acceptable)
    if log_probs.shape[-1]:
        own.scatter_(-1, log_probs.masked_fill(~valid, -torch.inf).argmax(-1, keepdim=True), True)
    return own & valid & ~(acceptable & valid).any(-1, keepdim=True)


def entropy(log_probs: Tensor, mask: Tensor | None = None) -> Tensor:
    """The entropy of each choice in nats, to be added to what is maximised.

    While the network behind F cannot read results yet, all candidates are worth the same, and scores drift until one
    candidate, right or wrong, takes all. A bonus on the entropy (Williams and Peng, Connection Science 1991) holds the
    choice open until the loss tells candidates apart. It shifts the optimum: with a weight w, n candidates whose loss
    is higher than that of the best by d keep n exp(-d / w) of its probability. So w should be well below d.

    Args:
        log_probs: (..., candidates), log softmax(scores), -inf at invalid candidates.
        mask: bool, of the same shape, True at valid candidates; default: where log_probs is finite.

    Returns:
        (...), from 0 to log(valid candidates); 0 with gradient 0 where there is no valid candidate.
    """
    valid = log_probs.isfinite() if mask is None else mask & log_probs.isfinite()
    finite = log_probs.masked_fill(~valid, 0.0)  # 0 log 0 is 0, with gradient 0 and not NaN
    return -(finite.exp() * finite).sum(-1)
