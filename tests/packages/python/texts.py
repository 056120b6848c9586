"""Texts to try: the corpus of the Declaration in many languages, and random ones of awkward parts."""
import glob
import os
import random

ROOT = os.environ["CIYUAN_ROOT"]
PARTS = ["Hello", " world", "don't", " ", "  ", "\n", "\r\n", "\t", "1234", "词元", "经济，", "のテスト", "한국어", "é", "e\u0301", "ß", "Ǆ", "🙂",
         "👩‍👩‍👧", "\u00a0", "\u3000", "def f(x):\n    return x", "<|endoftext|>", "<|im_start|>", "\x00", "नमस्ते", "aaaaaaaaaaaaaaaaaaaaaa", "\ufffd",
         "…", "___", "=>", "\u0958", "\U0001d160"]


def parity():
    paths = sorted(glob.glob(os.path.join(ROOT, "data", "parity", "*.txt")))
    return [(path, open(path, encoding="utf-8").read()) for path in paths]


def random_text(draw, parts_max=30):
    return "".join(draw.choice(PARTS) for _ in range(draw.randrange(parts_max)))


def random_texts(seed, number):
    draw = random.Random(seed)
    return [random_text(draw) for _ in range(number)]


def random_bytes(seed, number):
    """UTF-8 with holes: some bytes are lost, some are others."""
    draw = random.Random(seed)
    for text in random_texts(seed, number):
        data = bytearray(text.encode())
        for _ in range(draw.randrange(4)):
            if data:
                at = draw.randrange(len(data))
                data[at:at + 1] = draw.choice([b"", bytes([draw.randrange(256)])])
        yield bytes(data)


def cut(draw, text):
    """The text in random pieces, some of them empty."""
    places = sorted(draw.randrange(len(text) + 1) for _ in range(draw.randrange(1, 8)))
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)])]
