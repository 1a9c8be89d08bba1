"""WordPiece that reads numbers digit by digit: 123 becomes `1 ##2 ##3`."""

from __future__ import annotations

import json
from string import ascii_letters
from typing import Any

from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from anzan.errors import AnzanError

_NEEDED = [*"0123456789", *(f"##{d}" for d in range(10))]


def split_digits(tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """A copy of a BERT-style tokenizer that splits numbers into digits, with every id unchanged.

    Greedy WordPiece takes only pieces that its vocabulary lists. Every piece longer than one character that contains a
    digit (`123`, `##45`, `1990s`) is renamed to something that no text contains, so only single digits are left.

    Raises:
        AnzanError: not a fast WordPiece tokenizer with continuation prefix `##`, or a digit piece is missing.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    state: dict[str, Any] = json.loads(backend.to_str()) if backend is not None else {"model": {}}
    model = state["model"]
    if model.get("type") != "WordPiece" or model.get("continuing_subword_prefix") != "##":
        raise AnzanError(
            f"tokenizer: a fast WordPiece tokenizer (BERT-style) is needed, got {type(tokenizer).__name__}"
        )
    vocabulary: dict[str, int] = model["vocab"]
    missing = [piece for piece in _NEEDED if piece not in vocabulary]
    if missing:
        raise AnzanError(f"tokenizer: its vocabulary lacks the digit pieces {' '.join(missing)}; use one that has them")
    special = set(tokenizer.all_special_tokens)

    def mixed(piece: str) -> bool:
        bare = piece.removeprefix("##")
        return len(bare) > 1 and any(c.isascii() and c.isdigit() for c in bare) and not bare.startswith("[")

    # A checkpoint may bring settings of its own (all-MiniLM-L6-v2 cuts and pads every text to 128 tokens).
    state["truncation"] = state["padding"] = None
    model["max_input_chars_per_word"] = 1000  # long numbers are read digit by digit, as their results are printed
    # A pre-tokenised word contains no space, so a piece with one can never match.
    model["vocab"] = {f"[digits {p}]" if p not in special and mixed(p) else p: i for p, i in vocabulary.items()}
    names = ("unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(state)),
        model_max_length=tokenizer.model_max_length,
        **{name: getattr(tokenizer, name) for name in names if getattr(tokenizer, name) is not None},
    )


def model_ids(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    """The token ids that a reader's configuration needs, see `anzan.reader.config.CalculatorReaderConfig`.

    Without a mask token, the unknown one masks.
    """
    vocabulary, special = tokenizer.get_vocab(), (tokenizer.mask_token_id, tokenizer.unk_token_id)
    return {
        "vocabulary": len(tokenizer),
        "written_ids": written_ids(tokenizer) | {"sep": tokenizer.sep_token_id},
        "digit_ids": [[vocabulary[prefix + d] for d in "0123456789"] for prefix in ("", "##")],
        "mask_id": next((i for i in special if i is not None), tokenizer.pad_token_id or 0),
    }


def written_ids(tokenizer: PreTrainedTokenizerFast) -> dict[str, int]:
    """The ids of the characters that the calculator writes; letters are for the names of functions."""
    vocabulary: Any = tokenizer.get_vocab()
    unknown = tokenizer.unk_token_id
    return {c: vocabulary.get(c, vocabulary.get(c.lower(), unknown)) for c in "0123456789+-*/=,._" + ascii_letters}


def load_tokenizer(name_or_path: str) -> PreTrainedTokenizerFast:
    """The digit-splitting tokenizer of a model on the hub or on disk. Idempotent: a saved one loads unchanged.

    Raises:
        AnzanError: as `split_digits`.
        OSError: no such model.
    """
    return split_digits(AutoTokenizer.from_pretrained(name_or_path))
