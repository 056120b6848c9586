#!/usr/bin/env python3
"""Compares tokenizers that `ciyuan vocab add` imports, with expressions that no matcher of ours is for, with the
reference: zero differences are expected.

  python3 tests/conformance/vocab/check.py [--strings N] [--cache DIR]

Each is Qwen 3's vocabulary with the pre_tokenizer of another family, or with an odd one that uses what the translation
to PCRE2 has. Needs the program ciyuan beside token_vectors, and what token/check.py needs. Exit code 77 where the vocabulary
cannot be had.
"""

import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "token"))
import check  # ends with 77 where tiktoken or tokenizers is missing
import check_imports
import kimi


def split(pattern):
    return dict(type="Split", pattern=dict(Regex=pattern), behavior="Isolated", invert=False)


def digits(each):
    return dict(type="Digits", individual_digits=each)


def byte_level(cuts=False):
    return dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=cuts)


STEPS = {
    "starcoder": [digits(True), byte_level(True)],
    "runs-of-digits": [digits(False), byte_level(True)],
    "gpt-2-alone": [byte_level(True)],
    "deepseek-coder": [split(r"[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split("[一-龥ࠀ-一가-퟿]+"), digits(True),
                       byte_level()],
    "bloom": [split(r" ?[^\s.,!?…。，、।۔،]+"), byte_level()],
    "capital-contractions": [split(r"(?i:'S|'T|'LL)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,2}| ?[^\s\p{L}\p{N}]+[\r\n]*"
                                   r"|\s*[\r\n]+|\s+(?!\S)|\s+"), byte_level()],
    "kimi": [split(kimi.EXPRESSION), byte_level()],
    "odd": [split(r"\P{L}{2,5}?|\p{Lu}{1,9}?\p{Ll}|\d++|[^\D5-9]|(?>a|ab)c|\S\s(?=\S)"), split(r"\p{Sc}|\p{^P}\p{Pd}"),
            byte_level()],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.environ.get("CIYUAN_BIN", check.ROOT / "build/release/bin"))
    parser.add_argument("--strings", type=int, default=50000 if os.environ.get("CIYUAN_LONG") else 2000)
    parser.add_argument("--cache", type=pathlib.Path, default=check.default_cache())
    options = parser.parse_args()
    try:
        raw = check.reference_file("qwen3", check.importer.SOURCES["qwen3"], options.cache)
    except (OSError, subprocess.CalledProcessError) as problem:
        print(f"skipped: the vocabulary cannot be had: {problem}")
        return 77
    base = dict(json.loads(raw), added_tokens=[], normalizer=None, post_processor=None)
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, CIYUAN_VOCABULARIES=folder + "/vocabularies")
        for name, steps in [*STEPS.items(), ("kimi-matcher", None)]:
            file = pathlib.Path(folder) / name
            more = []
            if steps:
                tree = dict(base, pre_tokenizer=dict(type="Sequence", pretokenizers=steps))
                file.write_text(json.dumps(tree))
                plain = check.HuggingFace(tree).plain
            else:
                more = ["--pretokenizer", kimi.PRETOKENIZER]
                plain = kimi.reference(base, file).plain
            check_imports.add(options.bin, file, name, environment, *more)
            rng = random.Random(name)
            texts = [check.random_string(rng, ["计费", "⺀〇〡", "\U00016ff0a", " the"]) for _ in range(options.strings)]
            total += check_imports.compare(f"{options.bin}/token_vectors", name, texts, plain(texts), environment)
    return check_imports.verdict(total)


if __name__ == "__main__":
    sys.exit(main())
