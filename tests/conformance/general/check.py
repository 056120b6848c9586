#!/usr/bin/env python3
"""Compares general tokenizers that `ciyuan vocab add` imports with the references themselves (PyPI tokenizers and sentencepiece): zero
differences.

  python3 tests/conformance/general/check.py [--strings N] [--only NAME]

They are made and trained here (tokenizers_here.py, models_here.py), each with other components and options. Compared are the ids of ordinary text and of text
with special tokens, where each token ends, what is decoded, and, within ours, all the ways to count, at random splits. Needs the programs
ciyuan and token_vectors, and the Python packages of tools/requirements-test.txt (else exit code 77).
"""

import argparse
import base64
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "tests/conformance/vocab"))
import check_imports

try:
    import sentencepiece  # noqa: F401
    import tokenizers  # noqa: F401
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)
import models_here
import tokenizers_here

STRINGS, STRINGS_LONG = 300, 3000
PARTS = ["the", " The", "ing", " running", "e", "é", "e\u0301", "É", "Élan", "ÉLAN", "élan", "new york", "New  York", "<a>", "<ab>", "<a", "b>",
         "<l>", " <l>", "<r> ", "<r>", "<unk>", "[UNK]", "[CLS]", "</w>", "##", "▁", "▁▁", " ", "  ", "   ", "\n", "\t", "\r\n", "\u00a0",
         "\u3000", "\u200b", "\u200d", "\ufeff", "\ufffd", "\x00", "\x01", "\x7f", "\u0085", "\u0301", "\u0327\u0301", "\u0345", "ﬁ", "①", "½",
         "²", "Å", "ﷺ", "İ", "ẞ", "Σ", "ς", "中文", "我们是", "日本語", "カタカナ", "ひらがな", "ー", "한국어", "\u1100\u1161\u11a8", "각", "\u11a8",
         "हिन्दी", "क्ष", "्", "ไทย", "กำ", "العربية", "\u0600a", "עברית", "👍🏽", "👩‍👩‍👧", "🇩🇪🇫🇷", "🇩", "©\u200d©", "1", "12", "2024", "٣", "Ⅷ",
         ".", ",", "!", "?!", "'", "'s", " do not", "n't", "-", "--", "_", "$", "€", "=", "\u0338", "<\u0338", "(", ")", "«", "𝐀", "𠀀", "\U000e0001",
         "\ue000", "a" * 40, "ab" * 60, "x" * 101, "中" * 30, "e\u0301" * 20, "\u0301" * 12, " " * 20, "<0x41>", "\u0cd5a", "a\u0903", "\r"]
REFUSED = [
    ("model.type", '"Other" is not supported', lambda t: t["model"].update(type="Other")),
    ("normalizer", "not supported", lambda t: t.update(normalizer={"type": "Other"})),
    ("normalizer.normalizers[1]", "not supported",
     lambda t: t.update(normalizer={"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Other"}]})),
    ("pre_tokenizer.pattern.Regex", "looks at an end", lambda t: t.update(pre_tokenizer={
        "type": "Split", "pattern": {"Regex": "^a"}, "behavior": "Isolated", "invert": False})),
    ("pre_tokenizer.behavior", "not supported", lambda t: t.update(pre_tokenizer={"type": "Punctuation", "behavior": "Other"})),
    ("decoder", "not supported", lambda t: t.update(decoder={"type": "Other"})),
    ("post_processor", "not supported", lambda t: t.update(post_processor={"type": "Other"})),
    ("model.unk_token", "not in the vocabulary", lambda t: t["model"].update(unk_token="none")),
    ("added_tokens[0].id", "the reference takes", lambda t: t["added_tokens"][0].update(id=77)),
    ("model.vocab", "for the second time", lambda t: t["model"]["vocab"].update({"new": 0})),
    ("normalizer", "more than 64 steps", lambda t: t.update(normalizer={"type": "Sequence", "normalizers": [{"type": "NFC"}] * 65})),
]


def strings(count, seed, texts):
    randomness = random.Random(seed)
    made = ["", " ", "a", "\u0301", "é"]
    while len(made) < count:
        kind = randomness.random()
        if kind < 0.6:
            made.append("".join(randomness.choices(PARTS, k=randomness.randint(1, 12))))
        elif kind < 0.8:
            text = randomness.choice(texts)
            at = randomness.randrange(max(1, len(text) - 80))
            made.append(text[at:at + randomness.randint(1, 80)])
        else:
            made.append("".join(chr(randomness.choice([*range(0xD800), *range(0xE000, 0x11000), *range(0x1F000, 0x1FA00)]))
                                for _ in range(randomness.randint(1, 8))))
    return made[:count]


def every_character():
    """Each character beside others, a few thousand in a text."""
    characters = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000 and (c < 0x32000 or c >= 0xE0000 and c < 0xE0200)]
    return ["a" + "a".join(characters[at:at + 500]) + "a" for at in range(0, len(characters), 500)]


def expected(tokenizer, text):
    """What the reference says, in token_vectors' words."""
    tokenizer.encode_special_tokens = True
    plain = tokenizer.encode(text, add_special_tokens=False)
    tokenizer.encode_special_tokens = False
    full = tokenizer.encode(text, add_special_tokens=False)
    bytes_before = [0]
    for character in text:
        bytes_before.append(bytes_before[-1] + len(character.encode()))
    ends = [bytes_before[end] for _, end in plain.offsets]
    decoded = tokenizer.decode(full.ids, skip_special_tokens=False)
    return "|".join([" ".join(map(str, plain.ids)), " ".join(map(str, ends)), " ".join(map(str, full.ids)),
                     base64.b64encode(decoded.encode()).decode()])


def as_expected(tokenizer):
    return lambda text, line: line == expected(tokenizer, text)


def as_model_expects(reference):
    """SentencePiece's own: where bytes end is its affair, and what it decodes of control pieces."""
    def check(text, line):
        ids, ends, full, decoded = reference.expected(text)
        ours = line.split("|")
        return (ours[0] == " ".join(map(str, ids)) and ours[2] == " ".join(map(str, full))
                and all(end is None or str(end) == other for end, other in zip(ends, ours[1].split(" ")))
                and (decoded is None or base64.b64decode(ours[3]).decode() == decoded))
    return check


def compare(name, is_right, show, texts, programs, environment):
    """`show`: what the reference says, for people."""
    lines = "\n".join("g " + base64.b64encode(text.encode()).decode() for text in texts) + "\n"
    done = subprocess.run([f"{programs}/token_vectors", name], input=lines, env=environment, capture_output=True, text=True)
    ours = done.stdout.split("\n")
    if done.returncode or len(ours) != len(texts) + 1:
        print(f"{name}: token_vectors ended with {done.returncode}: {done.stderr[-300:]}")
        return 1
    different = 0
    for text, line in zip(texts, ours):
        if is_right(text, line):
            continue
        different += 1
        if different <= 3:
            print(f"{name}: {text!r}\n    reference {str(show(text))[:400]}\n    ours      {line[:400]}")
    print(f"{name}: {len(texts)} strings, {different} different", flush=True)
    return different


def framed_vectors(tokenizer, texts, file):
    """What the post-processor puts round texts, for `vocab add` to compare; nothing where there is none."""
    if tokenizer.post_processor is None:
        return []
    tokenizer.encode_special_tokens = False
    file.write_text("".join(json.dumps(dict(text=text, ids=tokenizer.encode(text).ids, mode="framed")) + "\n"
                            for text in texts))
    return ["--vectors", str(file)]


def check_refusals(tokenizer, folder, programs, environment):
    """Each with its place."""
    wrong = 0
    for place, what, change in REFUSED:
        tree = json.loads(tokenizer.to_str())
        change(tree)
        file = folder / "refused.json"
        file.write_text(json.dumps(tree))
        done = subprocess.run([f"{programs}/ciyuan", "vocab", "add", str(file), "--name", "refused"], env=environment,
                              capture_output=True, text=True)
        if done.returncode == 0 or place not in done.stderr or what not in done.stderr:
            print(f"not refused as {place}: … {what} …: {done.returncode} {done.stderr.strip()}")
            wrong += 1
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strings", type=int, default=STRINGS_LONG if os.environ.get("CIYUAN_LONG") else STRINGS)
    parser.add_argument("--only")
    arguments = parser.parse_args()
    programs = os.environ.get("CIYUAN_BIN", str(ROOT / "build/release/bin"))
    texts = [line for file in sorted((ROOT / "data/parity").glob("*.txt")) for line in file.read_text().splitlines() if line.strip()]
    texts += (ROOT / "src/token/internal/bpe.cc").read_text().splitlines()
    differences = 0
    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(made)
        environment = dict(os.environ, CIYUAN_VOCABULARIES=str(folder / "vocabularies"))
        all_of_them = tokenizers_here.tokenizers_of(texts)
        for index, (name, tokenizer) in enumerate(all_of_them.items()):
            if arguments.only and arguments.only not in name:
                continue
            file = folder / f"{name}.json"
            file.write_text(tokenizer.to_str())
            some = strings(arguments.strings, index, texts)
            vectors = framed_vectors(tokenizer, some, folder / "framed.jsonl")
            check_imports.add(programs, file, name, environment, *vectors)
            if index % 4 == 0 or "nf" in name:
                some += every_character()
            reference = tokenizers_here.without_post_processor(tokenizer)
            differences += compare(name, as_expected(reference), lambda text: expected(reference, text), some, programs, environment)
        for index, (name, options) in enumerate(models_here.MODELS.items()):
            if arguments.only and arguments.only not in name:
                continue
            file = folder / f"{name}.model"
            file.write_bytes(models_here.model(texts, options))
            check_imports.add(programs, file, name, environment)
            reference = models_here.Reference(file.read_bytes())
            differences += compare(name, as_model_expects(reference), reference.expected, strings(arguments.strings, index, texts), programs,
                                   environment)
        if not arguments.only:
            differences += check_refusals(all_of_them["bert-cased"], folder, programs, environment)
    return check_imports.verdict(differences)


if __name__ == "__main__":
    sys.exit(main())
