"""Supervision of the choice itself: the argument loss, pseudo-labels, entropy."""

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
    """The loss of a choice, given which candidates are acceptable.

    ``bce`` is the argument loss of Yoshikawa, Heinzerling and Inui (NLP2022): binary cross-entropy between the labels
    and the softmax probabilities of equation 2, averaged over the valid candidates of an example. ``marginal`` is -log
    of the probability of the acceptable candidates together. Examples without an acceptable candidate have no loss.

    Args:
        log_probs: (batch, candidates), log softmax(scores), -inf at invalid candidates.
        acceptable: bool (batch, candidates).
        mask: bool (batch, candidates), True at valid candidates; default: where log_probs is finite.
        kind: ``bce`` or ``marginal``.
        reduction: ``mean``, or ``none`` for the loss of each example.

    Returns:
        The mean over examples with an acceptable candidate, 0 if there is none; or (batch,), 0 at the other examples.

    Raises:
        AnzanError: an unknown kind.
    """
    valid = log_probs.isfinite() if mask is None else mask
    acceptable = acceptable & valid
    labelled = acceptable.any(-1)
    if kind == "marginal":
        # Examples without a label get finite inputs, so that their gradient is 0, not NaN.
        chosen = log_probs.masked_fill(~acceptable, -torch.inf).masked_fill(~labelled[:, None], 0.0)
        losses = -torch.logsumexp(chosen, -1)
    elif kind == "bce":
        finite = log_probs.masked_fill(~valid, 0.0)
        # log(1 - p), clamped away from log 0; in float32 1 - p is at least 6e-8.
        other = torch.log1p(-finite.exp().clamp(max=1 - torch.finfo(finite.dtype).eps))
        terms = torch.where(acceptable, finite, other).masked_fill(~valid, 0.0)
        losses = -terms.sum(-1) / valid.sum(-1).clamp_min(1)
    else:
        raise AnzanError(f"kind: 'bce' or 'marginal' needed, got {kind!r}")
    losses = losses.masked_fill(~labelled, 0.0)
    return losses if reduction == "none" else losses.sum() / labelled.sum().clamp_min(1)


def pseudo_labels(log_probs: Tensor, acceptable: Tensor, mask: Tensor | None = None) -> Tensor:
    """Labels each example that has no acceptable candidate with its most probable one.

    Self-training (Lee, ICML workshop 2013): in an argument loss, these labels keep and sharpen the present choice. They
    are no better than the scores, so train on true labels first.

    Args:
        log_probs, acceptable, mask: as in `argument_loss`.

    Returns:
        Bool (batch, candidates): one True in each example with a valid but no acceptable candidate, otherwise False.
    """
    valid = log_probs.isfinite() if mask is None else mask
    own = torch.zeros_like(acceptable)
    if log_probs.shape[-1]:
        own.scatter_(-1, log_probs.masked_fill(~valid, -torch.inf).argmax(-1, keepdim=True), True)
    return own & valid & ~(acceptable & valid).any(-1, keepdim=True)


def entropy(log_probs: Tensor, mask: Tensor | None = None) -> Tensor:
    """The entropy of each choice in nats, for a bonus on it: ``loss - 0.1 * entropy(log_probs).mean()``.

    As long as the downstream network cannot read results, all candidates have about the same loss, and scores drift
    until one candidate, right or wrong, has all probability. A bonus on the entropy (Williams and Peng, Connection
    Science 1991) keeps the choice open until their losses differ. It shifts the optimum: with a weight w, n candidates
    whose loss is d above that of the best keep n exp(-d / w) of its probability. So w should be well below d.

    Args:
        log_probs: (..., candidates), log softmax(scores), -inf at invalid candidates.
        mask: bool, of the same shape, True at valid candidates; default: where log_probs is finite.

    Returns:
        (...), from 0 to log(valid candidates); 0 with gradient 0 if there is no valid candidate.
    """
    valid = log_probs.isfinite() if mask is None else mask & log_probs.isfinite()
    finite = log_probs.masked_fill(~valid, 0.0)  # 0 log 0 is 0, with gradient 0, not NaN
    return -(finite.exp() * finite).sum(-1)
