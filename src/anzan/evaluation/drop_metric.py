"""DROP's official exact match and F1, and an exact match that respects the sign.

    >>> drop_em_f1("-59", [("59",)]), signed_em("-59", [("59",)])
    ((1.0, 1.0), 0.0)

The official metric (Dua et al., DROP, NAACL 2019) splits answers at spaces and hyphens, so it ignores the sign of a
number; report `signed_em` beside it. All scores are fractions from 0 to 1.
"""

import re
import string
from collections.abc import Sequence
from fractions import Fraction

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_NUMBER = re.compile(r"[-+]?(\d+|\d{1,3}(,\d{3})+)?(\.\d+)?", re.ASCII)
_SIGN = re.compile(r"(?<![\w.,])[-\N{MINUS SIGN}]\s*(?=[$€£]?\.?\d)")  # but not the hyphen of 1990-95

Bag = frozenset[str]


def drop_em_f1(prediction: str | Sequence[str], answers: Sequence[Sequence[str]]) -> tuple[float, float]:
    """DROP's exact match and F1 of a prediction (one span or several) against alternatives, each a sequence of spans.

    Both are maxima over the alternatives, taken separately. F1 is rounded to two decimals, as in the official script.
    Alternatives whose first span is blank are ignored; if none is left, both scores are 0.
    """
    predicted = _spans(prediction)
    scores = [_em_f1(predicted, _spans(answer)) for answer in answers if answer and answer[0].strip()]
    return max((em for em, _ in scores), default=0.0), max((f1 for _, f1 in scores), default=0.0)


def signed_em(prediction: str, answers: Sequence[Sequence[str]]) -> float:
    """Whether a prediction equals one of the alternatives, including the sign: 1.0 or 0.0.

    Numbers are compared by exact value: `9,816,091` equals `9816091`, and `- 59` equals `-59` but not `59`. Other text
    is compared after DROP's normalisation, except that a minus before a number is kept. Only alternatives of one span
    can match.
    """
    return float(any(len(answer) == 1 and _same(prediction, answer[0]) for answer in answers))


def normalize(text: str) -> str:
    """DROP's normalisation of a span: `The $3.50-a-day plan` becomes `350.0 day plan`."""
    tokens = []
    for token in map(str.lower, re.split(" |-", text)):
        if not _is_number(token):
            token = token.translate(_PUNCTUATION)
        # Again: without its punctuation the token may be a number.
        if _is_number(token):
            token = str(float(token))
        tokens += _ARTICLES.sub(" ", token).split()
    return " ".join(tokens)


def _spans(answer: str | Sequence[str]) -> list[str]:
    return [normalize(span) for span in ([answer] if isinstance(answer, str) else answer)]


def _em_f1(predicted: list[str], gold: list[str]) -> tuple[float, float]:
    em = float(len(predicted) == len(gold) and set(predicted) == set(gold))
    f1 = _aligned_f1([frozenset(span.split()) for span in predicted], [frozenset(span.split()) for span in gold])
    return em, round(100 * f1) / 100  # like numpy in the official script: 0.225 gives 0.22


def _aligned_f1(predicted: list[Bag], gold: list[Bag]) -> float:
    """The mean F1 of the best one-to-one alignment; an unaligned span counts 0."""
    scores = [[_pair_f1(span, answer) for span in predicted] for answer in gold]
    if len(predicted) == 1 or len(gold) == 1:
        total = max((score for row in scores for score in row), default=0.0)
    else:
        # Imported here: nearly all answers are one span, and SciPy is slow to import and may not be installed.
        from scipy.optimize import linear_sum_assignment

        rows, columns = linear_sum_assignment(scores, maximize=True)
        total = sum(scores[row][column] for row, column in zip(rows, columns, strict=True))
    return total / max(len(predicted), len(gold), 1)


def _pair_f1(predicted: Bag, gold: Bag) -> float:
    numbers = {token for token in gold if _is_number(token)}
    if numbers and not numbers & predicted:
        return 0.0
    common = len(gold & predicted)
    precision = common / len(predicted) if predicted else 1.0
    recall = common / len(gold) if gold else 1.0
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _same(prediction: str, answer: str) -> bool:
    one, other = _exact(prediction), _exact(answer)
    if one is not None and other is not None:
        return one == other
    # For example `-59 %` against `59`: normalisation would drop the minus, so spell it out.
    one, other = (normalize(_SIGN.sub("minus ", text)) for text in (prediction, answer))
    return one == other


def _exact(text: str) -> Fraction | None:
    """The value of a decimal number, thousands commas and a space after the sign allowed; None for anything else."""
    text = re.sub(r"^([-+])\s+", r"\1", text.strip().replace("\N{MINUS SIGN}", "-"))
    if len(text) > 1000 or not _NUMBER.fullmatch(text) or not any(map(str.isdigit, text)):
        return None
    return Fraction(text.replace(",", ""))
