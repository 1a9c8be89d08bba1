"""Learning rates against the formula worked by hand, and against what Adam's first step does with them."""

from pathlib import Path

import pytest
import torch
from torch.optim import SGD
from transformers import BertConfig, BertModel

from anzan.presets import load_config
from anzan.reader.encoders import locate_encoder
from anzan.reader.network import CalculatorReader
from anzan.reader.tokenizer import load_tokenizer
from anzan.training.learning_rates import learning_rates, set_learning_rates
from anzan.training.model import new_model


@pytest.fixture(params=["anzan-tiny", "bert"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> CalculatorReader:
    if request.param == "bert":
        small = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2, "num_hidden_layers": 3}
        BertModel(BertConfig(**small), add_pooling_layer=False).save_pretrained(tmp_path)
        tokenizer = load_tokenizer(locate_encoder("anzan-tiny"))  # any: no text is read
        return CalculatorReader.from_encoder(str(tmp_path), tokenizer)
    return CalculatorReader.from_encoder(request.param, load_tokenizer(locate_encoder(request.param)))


def test_rates_fall_from_the_last_layer_down(model: CalculatorReader) -> None:
    layers = model.encoder.config.num_hidden_layers
    rates = learning_rates(model, 0.8, 3.0, 0.5)
    seen = set()
    for name, _ in model.named_parameters():
        if not name.startswith("encoder."):
            expected = 3.0
        elif ".embeddings." in name:
            expected = 0.8 * 0.5**layers
        elif any(f".{i}." in name for i in range(layers)):
            (layer,) = (i for i in range(layers) if f".{i}." in name.replace("encoder.", "", 1))
            expected = 0.8 * 0.5 ** (layers - 1 - layer)
            seen.add(layer)
        else:
            expected = 0.8  # a last norm
        assert rates[name] == pytest.approx(expected), name
    assert seen == set(range(layers))


def test_without_settings_all_learn_alike(model: CalculatorReader) -> None:
    assert set(learning_rates(model, 0.1).values()) == {0.1}


def test_heads_that_are_pretrained_learn_as_the_encoder() -> None:
    model, _ = new_model(load_config("demo").model)
    rates = learning_rates(model, 0.8, 3.0)
    assert {name for name, rate in rates.items() if rate == 3.0} == {n for n in rates if n.startswith("scorer.")}
    assert set(rates.values()) == {0.8, 3.0}


def test_every_parameter_moves_at_its_rate(model: CalculatorReader) -> None:
    """Plain gradient descent with gradients of one: each weight moves by its rate, weight decay as it was."""
    rates = learning_rates(model, 0.8, 3.0, 0.5)
    parameters = list(model.parameters())
    decayed = [p for p in parameters if p.dim() > 1]
    optimizer = SGD(
        [
            {"params": decayed, "weight_decay": 0.1},
            {"params": [p for p in parameters if p.dim() == 1], "weight_decay": 0.0},
        ],
        lr=1.0,
    )
    set_learning_rates(optimizer, model, rates)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for p in parameters:
        p.grad = torch.ones_like(p)
    optimizer.step()
    for name, p in model.named_parameters():
        decay = 0.1 if p.dim() > 1 else 0.0
        torch.testing.assert_close(p.detach(), before[name] - rates[name] * (1 + decay * before[name]))
