"""Coverage-guided fuzzing of what reads texts and files from outside: `make fuzz`.

    python tests/guided_fuzz.py numbers|tokens|files [libFuzzer's options]

Beside tests/test_fuzz.py, whose texts are drawn without looking at the code, Atheris keeps the inputs that reach new
branches and changes those. Both ask the same: no crash, no hang, offsets inside the text, one line for a bad file.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["anzan.arithmetic", "anzan.reader", "anzan.tasks"]):
    from anzan.arithmetic.calculator import Calculator
    from anzan.reader.encode import TextEncoder
    from anzan.reader.encoders import TINY, locate_encoder
    from anzan.reader.tokenizer import load_tokenizer
    from test_fuzz import CSV, DROP, JSONL, PIECES, check, check_file, check_numbers

SUFFIXES = (".jsonl", ".csv", ".json")


def text_of(data: bytes) -> str:
    """Any string, lone surrogates too."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def numbers(data: bytes) -> None:
    check_numbers(text_of(data))


def tokens() -> Callable[[bytes], None]:
    text_encoder = TextEncoder(load_tokenizer(locate_encoder(TINY)), Calculator(("+", "-", "*", "/")), 512)

    def one(data: bytes) -> None:
        question, _, passage = data.partition(b"\n")
        check(text_of(passage), text_of(question), text_encoder)

    return one


def files(folder: Path) -> Callable[[bytes], None]:
    def one(data: bytes) -> None:
        path = folder / f"data{SUFFIXES[data[0] % len(SUFFIXES)] if data else '.jsonl'}"
        path.write_bytes(data[1:])
        check_file(path)

    return one


def main() -> None:
    target, *options = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = folder / "corpus"
        corpus.mkdir()
        texts = [p.encode("utf-8", "surrogatepass") for p in PIECES]
        seeds = [bytes([i]) + c.encode() for i, c in enumerate((JSONL, CSV, DROP))] if target == "files" else texts
        for i, seed in enumerate(seeds):
            (corpus / str(i)).write_bytes(seed)
        words = folder / "words"
        words.write_text("".join('"' + "".join(f"\\x{b:02x}" for b in text) + '"\n' for text in texts))
        run = {"numbers": lambda: numbers, "tokens": tokens, "files": lambda: files(folder)}[target]()
        atheris.Setup([sys.argv[0], str(corpus), f"-dict={words}", "-max_len=2000", "-len_control=10", *options], run)
        atheris.Fuzz()


main()
