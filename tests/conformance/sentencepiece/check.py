#!/usr/bin/env python3
"""Compares SentencePiece models that `ciyuan vocab add` imports with SentencePiece itself: zero differences are expected.

  python3 tests/conformance/sentencepiece/check.py [--strings N] [--cache DIR]

The models are trained here, each with other options, on texts of this repository: such that tokens hold spaces inside, that
literals overlap, that scores tie. What the importer makes of the pinned models must also be what tools/import_vocabulary.py
made. Needs the program ciyuan beside token_vectors, and what token/check.py needs (else exit code 77).
"""

import argparse
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

for other in ("vocab", "token"):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / other))
import check as reference  # ends with 77 where a reference is missing
import check_imports

import sentencepiece

PLAIN = dict(model_type="bpe", byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False,
             character_coverage=0.99, vocab_size=2000)
LITERALS = ["\n\n", "\n\n\n", "<b>", "<br>", "b>c", "▁▁", "▁▁▁", "▁the▁", "中文", "é"]
MODELS = {
    "plain": dict(),
    "no-prefix": dict(add_dummy_prefix=False),
    "spaces-inside": dict(split_by_whitespace=False, vocab_size=3000),
    "all-together": dict(split_by_whitespace=False, split_by_unicode_script=False, split_by_number=False, vocab_size=3000),
    "single-digits": dict(split_digits=True),
    "literals": dict(user_defined_symbols=LITERALS),
    "literals-no-prefix": dict(user_defined_symbols=LITERALS, add_dummy_prefix=False, allow_whitespace_only_pieces=True,
                               split_by_whitespace=False),
    "small": dict(vocab_size=1500, character_coverage=0.98, control_symbols=["<x>"]),
}


def train(folder, name, options):
    texts = [*sorted((reference.ROOT / "data/parity").glob("*.txt")), reference.ROOT / "src/token/internal/bpe.cc"]
    prefix = folder / name
    sentencepiece.SentencePieceTrainer.train(
        input=",".join(map(str, texts)), model_prefix=str(prefix), num_threads=1, minloglevel=2, hard_vocab_limit=False,
        **PLAIN | options)
    return prefix.with_suffix(".model")


def as_gguf(file, has_prefix):
    """The model's pieces in a GGUF's metadata, as llama.cpp's converter writes them."""
    pieces, _, _ = reference.importer.import_sentencepiece.read_model(file.read_bytes())

    def text(value):
        return struct.pack("<Q", len(value.encode())) + value.encode()

    def array(kind, items):
        return struct.pack("<IIQ", 9, kind, len(pieces)) + b"".join(items)

    entries = [
        text("general.architecture") + struct.pack("<I", 8) + text("llama"),
        text("tokenizer.ggml.model") + struct.pack("<I", 8) + text("llama"),
        text("tokenizer.ggml.tokens") + array(8, [text(piece) for piece, _, _ in pieces]),
        text("tokenizer.ggml.scores") + array(6, [struct.pack("<f", score) for _, score, _ in pieces]),
        text("tokenizer.ggml.token_type") + array(5, [struct.pack("<i", kind) for _, _, kind in pieces]),
        text("tokenizer.ggml.add_space_prefix") + struct.pack("<I?", 7, has_prefix)]
    gguf = file.with_suffix(".gguf")
    gguf.write_bytes(struct.pack("<4sIQQ", b"GGUF", 3, 0, len(entries)) + b"".join(entries))
    return gguf


def same_as_pinned(programs, name, environment, cache, folder):
    """Both importers' files, but for the name, which may not be taken twice."""
    raw = reference.reference_file(name, reference.importer.SOURCES[name], cache)
    file = folder / f"{name}.json" if raw[:1] == b"{" else folder / name
    file.write_bytes(raw)
    check_imports.add(programs, file, f"other-{name}", environment)
    packed = pathlib.Path(environment["CIYUAN_VOCABULARIES"]) / f"other-{name}.ciyuan-vocab.zst"
    other = subprocess.run(["zstd", "-dcq", str(packed)], capture_output=True, check=True).stdout

    def parts(content):
        size = int.from_bytes(content[8:12], "little")
        return dict(json.loads(content[12:12 + size]), name=""), content[12 + size:]

    return parts(other) == parts(reference.unpack(name))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.environ.get("CIYUAN_BIN", reference.ROOT / "build/release/bin"))
    parser.add_argument("--strings", type=int, default=50000 if os.environ.get("CIYUAN_LONG") else 3000)
    parser.add_argument("--cache", type=pathlib.Path, default=reference.default_cache())
    options = parser.parse_args()
    total = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        environment = dict(os.environ, CIYUAN_VOCABULARIES=str(folder / "vocabularies"))
        for name, chosen in MODELS.items():
            file = train(folder, name, chosen)
            files = {name: file, f"{name}-gguf": as_gguf(file, chosen.get("add_dummy_prefix", True))}
            for each, path in files.items():
                check_imports.add(options.bin, path, each, environment)
            rng = random.Random(name)
            texts = [reference.random_string(rng, [*LITERALS, " the ", "  ", "<bbr>c", "▁"]) for _ in range(options.strings)]
            plain = reference.SentencePiece(file.read_bytes()).plain
            for each in files:
                total += check_imports.compare(f"{options.bin}/token_vectors", each, texts, plain(texts), environment)
        for name in ("mistral_v1", "mistral_v3", "mistral_v7", "gemma3"):
            if not (reference.ROOT / f"data/vocabularies/{name}.ciyuan-vocab.zst").exists():
                print(f"{name}: not installed")
            elif not same_as_pinned(options.bin, name, environment, options.cache, folder):
                total += 1
                print(f"{name}: the two importers differ")
    return check_imports.verdict(total)


if __name__ == "__main__":
    sys.exit(main())
