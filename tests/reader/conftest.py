"""Readers with random weights, no network needed: a tiny BERT saved in hub format (two segments), anzan-tiny's
architecture (three), and ModernBERT (none)."""

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest
import torch
from readers import VOCABULARY, MakeReader
from transformers import AutoConfig, BertConfig, BertModel, BertTokenizer, ModernBertConfig, PreTrainedTokenizerFast

from anzan.arithmetic import Calculator
from anzan.reader.config import CalculatorReaderConfig
from anzan.reader.encode import TextEncoder
from anzan.reader.encoders import TINY, locate_encoder
from anzan.reader.network import CalculatorReader
from anzan.reader.settings import ReaderSettings
from anzan.reader.tokenizer import load_tokenizer, model_ids


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT checkpoint as the hub has them: its own tokenizer, a pooler, 512 positions."""
    folder = tmp_path_factory.mktemp("tiny-bert")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=512,
        initializer_range=0.3,
    )
    BertModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY), encoding="utf-8")
    BertTokenizer(vocab={token: i for i, token in enumerate(VOCABULARY)}).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def bert_tokenizer(bert: Path) -> PreTrainedTokenizerFast:
    """The digit-splitting one."""
    return load_tokenizer(str(bert))


@pytest.fixture(scope="session")
def tiny_tokenizer() -> PreTrainedTokenizerFast:
    return load_tokenizer(locate_encoder(TINY))


@pytest.fixture(scope="module", params=["bert_tokenizer", "tiny_tokenizer"])
def tokenizer(request: pytest.FixtureRequest) -> PreTrainedTokenizerFast:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def text_encoder(tokenizer: PreTrainedTokenizerFast) -> TextEncoder:
    return TextEncoder(tokenizer, Calculator(), 256)


@pytest.fixture(scope="session", params=["bert", "tiny", "modern"])
def make_reader(request: pytest.FixtureRequest) -> MakeReader:
    """Builds a model with random weights and its text encoder.

    Fields of `ReaderSettings` are settings, such as ``choice={"call_cost": 0.1}``; other keywords go to
    `CalculatorReaderConfig`.
    """
    names = {f.name for f in fields(ReaderSettings)}

    def make(**options: Any) -> tuple[CalculatorReader, TextEncoder]:
        options["settings"] = {name: options.pop(name) for name in names & options.keys()}
        tokenizer = request.getfixturevalue("bert_tokenizer" if request.param == "bert" else "tiny_tokenizer")
        torch.manual_seed(0)
        if request.param == "bert":
            model = CalculatorReader.from_encoder(str(request.getfixturevalue("bert")), tokenizer, **options)
        else:
            small: Any = {
                "hidden_size": 32,
                "num_hidden_layers": 2,
                "num_attention_heads": 4,
                "intermediate_size": 48,
                "initializer_range": 0.3,
                "max_position_embeddings": 512,
            }
            if request.param == "tiny":
                encoder = AutoConfig.from_pretrained(locate_encoder(TINY), head_dim=8, **small)
            else:
                every = ["full_attention"] * 2
                vocabulary = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
                encoder = ModernBertConfig(layer_types=every, **vocabulary, **small)
            config = encoder.to_diff_dict() | {"model_type": encoder.model_type}
            model = CalculatorReader(CalculatorReaderConfig(encoder=config, **model_ids(tokenizer), **options))
        for head in (model.scorer, model.spans):
            for parameter in head.parameters():
                torch.nn.init.normal_(parameter, std=0.3)
        return model.eval(), TextEncoder.for_config(model.config, tokenizer)

    return make
