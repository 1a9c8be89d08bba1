"""Places of digits: against numbers that are taken apart as strings."""

import re
from dataclasses import replace

import pytest
import torch
from readers import MakeReader, examples_of, in_training, unmasked

from anzan.layer import ExampleNoise
from anzan.reader import views
from anzan.reader.batch import collate_examples, collate_texts
from anzan.reader.places import digit_places, draw_shift
from anzan.reader.reader import Reader

PROBLEMS = [
    ("Anna has 7 pens. Carl has 54 pens. Zoë has 1,120 pens.", "Who has more: Anna or Carl?", "Carl"),
    ("Anna has 7 pens. Carl has 5.4 pens. Anna gave 3 pens to Zoë.", "How many are 50 and 4?", "54"),
    ("Anna has 7 pens. Carl has -54 pens.", "What is the maximum?", "7"),
]


def places_of(text: str) -> list[int]:
    """Of every digit of a text without separators: how many follow it in its number."""
    return [len(m.group()) - 1 - i for m in re.finditer(r"\d+", text) for i in range(len(m.group()))]


def test_places_count_from_the_units(make_reader: MakeReader) -> None:
    model, text_encoder = make_reader()
    digits = torch.tensor(model.config.digit_ids)
    for passage, question, _ in PROBLEMS:
        text = text_encoder.text(passage, question)
        ours = digit_places(torch.tensor(text.ids), digits)
        assert ours[ours >= 0].tolist() == places_of(question + " " + passage.replace(",", ""))
        written = "".join(text_encoder.tokenizer.convert_ids_to_tokens(text.ids)).replace("##", "")
        assert int((ours >= 0).sum()) == sum(c.isdigit() for c in written)
        for pair in text.candidates:
            row = text_encoder.result(text, pair)
            assert row is not None
            ours = digit_places(torch.tensor([[*row.ids, -1, -1]]), digits)[0]
            assert ours[ours >= 0].tolist() == places_of(row.printed.text) and (ours[-2:] == -1).all()


@pytest.mark.parametrize("objective", ["straight-through", "exact-marginal"])
def test_places_are_added_in_text_and_results(make_reader: MakeReader, objective: str) -> None:
    """Each pass against one on embeddings that are put together digit by digit; training moves all of them alike."""
    options = {"noise_scale": 0.0} if objective == "straight-through" else {}
    model, text_encoder = make_reader(
        choice={"objective": objective, "options": options}, supervision={"argument_loss": "none"}, digit_places=6
    )
    assert model.places is not None
    torch.nn.init.normal_(model.places.weight)
    [example] = examples_of(text_encoder, PROBLEMS[:1])
    batch = collate_examples([example], text_encoder.pad)
    words, known = model.encoder.get_input_embeddings(), model.places.weight

    def slow(ids: list[int], shift: int) -> torch.Tensor:
        tokens = text_encoder.tokenizer.convert_ids_to_tokens(ids)
        rows = words(torch.tensor(ids)).clone()
        for i, token in enumerate(tokens):
            if token.removeprefix("##").isdigit():
                rest = 0
                while i + rest + 1 < len(tokens) and re.fullmatch(r"##\d", tokens[i + rest + 1]):
                    rest += 1
                rows[i] = rows[i] + known[min(rest + shift, 5)]
        return rows

    seen: list[torch.Tensor] = []
    encode = model.encode
    model.encode = lambda embeddings, *rest: (seen.append(embeddings.detach()), encode(embeddings, *rest))[1]
    for training, shifts in ((False, {0}), (True, {0, 1})):  # 1120, and a sum with a digit more: room for one
        in_training(model) if training else model.eval()
        found = set()
        for key in range(12):
            seen.clear()
            out = model(replace(batch, draws=torch.tensor([key])))
            text = seen[0][0]
            [shift] = [s for s in range(6) if torch.allclose(text, slow(example.text.ids, s), atol=1e-5)]
            found.add(shift)
            pairs = range(len(example.rows)) if training and objective != "straight-through" else [int(out.index[0])]
            wanted = [slow([*example.text.ids, *example.rows[i].ids], shift) for i in pairs if example.rows[i]]
            second = list(seen[1])
            assert len(second) == len(wanted) or objective == "exact-marginal"
            for embedded in second:
                assert any(torch.allclose(embedded[: len(w)], w, atol=1e-5) for w in wanted)
        assert found == shifts


def test_the_layer_reads_what_ids_read(make_reader: MakeReader) -> None:
    """Both ways to a result, the layer's and that of ids, end in the same logits."""
    model, text_encoder = make_reader(digit_places=8)
    assert model.places is not None
    plain = make_reader()[0]
    plain.load_state_dict({k: v for k, v in model.state_dict().items() if not k.startswith("places.")})
    [example] = examples_of(text_encoder, PROBLEMS[1:2])
    batch = collate_examples([example], text_encoder.pad)
    torch.testing.assert_close(model(batch).loss, plain(batch).loss)  # it begins with what the encoder knows
    torch.nn.init.normal_(model.places.weight)
    out = model(replace(batch, draws=torch.tensor([3])))
    row = example.rows[int(out.index)]
    assert row is not None
    start, end = model.read(unmasked(collate_texts([example.text], text_encoder.pad), torch.tensor([row.ids])))
    torch.testing.assert_close(out.logits.start, start)
    torch.testing.assert_close(out.logits.end, end)


def test_a_shift_stays_where_there_is_room() -> None:
    ids = torch.tensor([[1, 5, 0, 0, 0], [1, 5, 5, 0, 0], [1, 5, 5, 5, 5], [0, 0, 0, 0, 0]])
    known = torch.tensor([[1] * 10, [5] * 10])
    drawn = ExampleNoise(torch.arange(4)).uniform(500)
    shifts = torch.stack([draw_shift(ids, known, drawn[:, i], 6) for i in range(500)])
    # Of six places a sum of two digits' numbers takes three.
    assert [sorted(set(s.tolist())) for s in shifts.T] == [[0, 1, 2, 3], [0, 1, 2], [0], [0, 1, 2, 3, 4, 5]]


def test_span_extraction_has_places_too(make_reader: MakeReader, monkeypatch: pytest.MonkeyPatch) -> None:
    model, text_encoder = make_reader(operations=(), digit_places=9)
    assert model.places is not None
    torch.nn.init.normal_(model.places.weight)
    drawn = list[torch.Tensor]()
    whole = views.draw_shift
    monkeypatch.setattr(views, "draw_shift", lambda *a: (drawn.append(whole(*a)), drawn[-1])[1])
    batch = collate_examples(examples_of(text_encoder, PROBLEMS), text_encoder.pad)
    later = model(batch).loss
    assert not drawn
    in_training(model)
    losses = {model(replace(batch, draws=torch.arange(3) + k)).loss.item() for k in range(6)}
    assert len(drawn) == 6 and len(losses) > 1 and later.item() not in losses


def test_a_model_with_places_is_saved_and_read(
    make_reader: MakeReader, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("places")
    model, text_encoder = make_reader(digit_places=7)
    reader = Reader(model, text_encoder.tokenizer)
    assert reader.model.places is not None
    torch.nn.init.normal_(reader.model.places.weight)
    reader.save(folder)
    again = Reader.load(folder)
    assert again.model.places is not None
    assert torch.equal(again.model.places.weight, reader.model.places.weight)
    problems = [(p, q) for p, q, _ in PROBLEMS]
    assert list(again.ask_many(problems)) == list(reader.ask_many(problems))
