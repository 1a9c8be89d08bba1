"""Answer spans: the likelihood, marginal over all occurrences of the answer, and the best spans."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def span_loss(start_logits: Tensor, end_logits: Tensor, spans: Tensor) -> Tensor:
    """-log Σ p(start) p(end) over the answer spans (Yoshikawa et al., NLP2022).

    Args:
        start_logits: (batch, length), -inf (or very low) where no span may start.
        end_logits: (batch, length), likewise.
        spans: integers (batch, spans, 2), first and last token; -1 for no span.

    Returns:
        (batch,): the loss of each example, 0 if it has no span.
    """
    there = spans[..., 0] >= 0
    some = there.any(-1)
    at = spans.clamp_min(0)
    log_p = start_logits.log_softmax(-1).gather(1, at[..., 0]) + end_logits.log_softmax(-1).gather(1, at[..., 1])
    # Examples without a span are routed around the logarithm: their gradient is 0, not NaN.
    log_p = log_p.masked_fill(~there, -torch.inf).masked_fill(~some[:, None], 0.0)
    return -torch.logsumexp(log_p, -1).masked_fill(~some, 0.0)


def best_spans(
    start_log_p: Tensor, end_log_p: Tensor, allowed: Iterable[tuple[int, int]], most: int = 1
) -> list[tuple[tuple[int, int], float]]:
    """The most probable of the allowed spans of one sequence, with their log-probabilities, best first.

    Args:
        start_log_p: (length,), log-probability that each token is the first.
        end_log_p: (length,), that it is the last.
        allowed: spans as (first, last) token.
        most: how many at most.

    Returns:
        Spans and log p(start) + log p(end); empty if none is allowed.
    """
    spans = list(allowed)
    if not spans:
        return []
    at = torch.tensor(spans, device=start_log_p.device)
    scores = start_log_p[at[:, 0]] + end_log_p[at[:, 1]]
    return [(spans[i], float(scores[i])) for i in scores.argsort(descending=True, stable=True)[:most].tolist()]
