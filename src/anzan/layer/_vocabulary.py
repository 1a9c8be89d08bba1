"""The smallest tokenizer: one token per character."""

from __future__ import annotations

from collections.abc import Iterable

from anzan.errors import AnzanError


class Characters:
    """Encodes the printed form of a result, one token id per character; the `encode` of a symbolic function.

    >>> Characters("0123456789-")(-12)
    [10, 1, 2]

    Args:
        alphabet: every character that a result may contain; its position is its id.

    Raises:
        AnzanError: a character given twice.
    """

    def __init__(self, alphabet: str):
        self.alphabet = alphabet
        self._ids = {c: i for i, c in enumerate(alphabet)}
        if len(self._ids) != len(alphabet):
            raise AnzanError(f"alphabet: each character once needed, got {alphabet!r}")

    def __len__(self) -> int:
        return len(self.alphabet)

    def __call__(self, result: object) -> list[int]:
        """Token ids of ``str(result)``.

        Raises:
            AnzanError: a character outside the alphabet.
        """
        text = str(result)
        for c in text:
            if c not in self._ids:
                raise AnzanError(f"{text[:40]!r} has {c!r}, which is not in the alphabet {self.alphabet!r}")
        return [self._ids[c] for c in text]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of token ids; padding (ids below 0) is skipped."""
        return "".join(self.alphabet[i] for i in ids if i >= 0)
