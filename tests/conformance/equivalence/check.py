#!/usr/bin/env python3
"""Tables of equivalence made again in Python's fractions, from the texts, the price book and the figures alone: every
figure, digest and end of an interval that `ciyuan equivalence make` writes.

  check.py

What a text has of a tokenizer's tokens is asked of `ciyuan count`, whose own oracles are under tests/conformance/token.
Bytes, Han characters, sums, the generator that draws the resamples (mt19937-64, Matsumoto and Nishimura 2004), intervals
and roundings are this file's own.
"""
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unicodedata
from fractions import Fraction

ROOT = pathlib.Path(__file__).resolve().parents[3]
BIN = pathlib.Path(os.environ.get("CIYUAN_BIN", ROOT / "build/release/bin"))
MODELS = {"small": "smollm2", "wide": "o200k", "other": "qwen3"}
LANGUAGES = ["zh-Hans", "en", "ja", "de"]
MICRO = 10 ** 6


class Mt19937_64:
    """Matsumoto and Nishimura's 64-bit generator, from the paper."""

    def __init__(self, seed):
        self.state = [seed]
        for i in range(1, 312):
            last = self.state[-1]
            self.state.append((6364136223846793005 * (last ^ last >> 62) + i) % 2 ** 64)
        self.index = 312

    def next(self):
        if self.index == 312:
            for i in range(312):
                x = self.state[i] & 0xFFFFFFFF80000000 | self.state[(i + 1) % 312] & 0x7FFFFFFF
                self.state[i] = self.state[(i + 156) % 312] ^ x >> 1 ^ (0xB5026F5AA96619E9 if x & 1 else 0)
            self.index = 0
        x = self.state[self.index]
        self.index += 1
        x ^= x >> 29 & 0x5555555555555555
        x ^= x << 17 & 0x71D67FFFEDA60000
        x ^= x << 37 & 0xFFF7EEE000000000
        return (x ^ x >> 43) % 2 ** 64


def rounded(ratio):
    """Half up at six decimals, as an exact fraction."""
    scaled = ratio * MICRO
    return Fraction((2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator), MICRO)


def run(*command):
    done = subprocess.run([BIN / "ciyuan", *command], capture_output=True, text=True, cwd=ROOT, timeout=120)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def made(*options):
    return json.loads(run("equivalence", "make", "--name", "t", "--date", "2026-11-01", *options))


def texts():
    return {language: (ROOT / "data/parity" / f"{language}.txt").read_text(encoding="utf-8").split("\n")[:-1]
            for language in LANGUAGES}


def tokens_of_lines(tokenizer, lines):
    """Tokens of each line by itself."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, f"{number}.txt") for number in range(len(lines))]
        for path, line in zip(paths, lines):
            with open(path, "w", encoding="utf-8", newline="") as file:
                file.write(line)
        counted = {one["file"]: one["tokens"] for one in map(json.loads, run("count", "--tokenizer", tokenizer, "--json", *paths).splitlines())}
    return [counted[path] for path in paths]


def is_han(character):
    name = unicodedata.name(character, "")
    return name.startswith(("CJK UNIFIED IDEOGRAPH", "CJK COMPATIBILITY IDEOGRAPH", "KANGXI RADICAL", "CJK RADICAL")) or character in "々〇〡〢〣〤〥〦〧〨〩〸〹〺〻"


def characters(line):
    """(Han, other) clusters of text that has no joined emoji and no Hangul in it: a character and the marks behind it."""
    han = other = 0
    for character in line:
        if unicodedata.category(character) in ("Mn", "Me"):
            continue
        if is_han(character):
            han += 1
        else:
            other += 1
    return han, other


class Wrong(Exception):
    pass


def same(what, got, wanted):
    if got != wanted:
        raise Wrong(f"{what}: {got} should be {wanted}")


def check_texts(basis, options, units_of_line, weights):
    table = made("--basis", basis, "--language", ",".join(LANGUAGES), "--resamples", "400", "--seed", "7", *options,
                 *[part for model, tokenizer in MODELS.items() for part in ("-m", f"{model}={tokenizer}")])
    found = texts()
    lines = len(found["en"])
    digests = [hashlib.sha256(("\n".join(one) + "\n").encode()).hexdigest() for one in found.values()]
    same("texts", [one["sha256"] for one in table["corpus"]["texts"]], digests)
    same("corpus", table["corpus"]["sha256"], hashlib.sha256("".join(one + "\n" for one in digests).encode()).hexdigest())
    same("lines", table["corpus"]["lines"], lines)
    units = [{name: sum(units_of_line(language, i)[name] for language in LANGUAGES) for name in weights} for i in range(lines)]
    for name in weights:
        same(name, table["corpus"]["units"][name], sum(one[name] for one in units))
        same("weight", Fraction(table["weights"][name]), weights[name])
    worth = [sum(weights[name] * one[name] for name in weights) for one in units]
    checked = 0
    for row in table["models"]:
        counts = [tokens_of_lines(MODELS[row["model"]], found[language]) for language in LANGUAGES]
        tokens = [sum(one[i] for one in counts) for i in range(lines)]
        same(f"tokens of {row['model']}", row["tokens"], sum(tokens))
        middle = rounded(Fraction(sum(worth)) / sum(tokens))
        random, ratios = Mt19937_64(7), []
        for _ in range(400):
            drawn = [random.next() * lines >> 64 for _ in range(lines)]
            ratios.append(sum(Fraction(worth[i]) for i in drawn) / sum(tokens[i] for i in drawn))
        ratios.sort()
        low, high = ratios[25 * 399 // 1000], ratios[-(-975 * 399 // 1000)]
        wanted = (min(rounded(low), middle), middle, max(rounded(high), middle))
        same(f"{basis} {row['model']}", tuple(Fraction(row[value]) for value in ("low", "middle", "high")), wanted)
        checked += 3
    return checked


def check_prices():
    prices = {"small": {"input": "0.8", "cache_read": "0.2", "output": "2.4"}, "large": {"input": "4", "output": "16", "reasoning": "19.3"},
              "odd": {"input": "0.7", "cache_read": "0.07", "output": "7.7"}}
    book = {"kind": "PriceBook", "name": "b", "version": "1", "date": "2026-01-01", "source": "s", "currency": "CNY", "per_tokens": 1000000,
            "prices": [{"model": model, "kind": kind, "price": price} for model, kinds in prices.items() for kind, price in kinds.items()]}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(book, file)
        file.flush()
        table = made("--basis", "price_ratio", "--book", file.name, "--reference", "small", *[part for model in prices for part in ("-m", model)])
    canonical = json.dumps(book, sort_keys=True, separators=(",", ":"))
    same("digest of the book", table["price_book"]["sha256"], hashlib.sha256(canonical.encode()).hexdigest())
    for row in table["models"]:
        # Each line of the book once: a kind without one is at the price of the kind it is a part of, and says nothing new.
        stated, reference = ({kind: Fraction(price) / MICRO for kind, price in prices[model].items()} for model in (row["model"], "small"))
        same("prices", {kind: Fraction(price) for kind, price in row["prices"].items()}, stated)
        kinds = [kind for kind in stated if kind in reference]
        ratios = [rounded(stated[kind] / reference[kind]) for kind in kinds]
        wanted = (min(ratios), rounded(sum(stated[kind] for kind in kinds) / sum(reference[kind] for kind in kinds)), max(ratios))
        same(f"prices of {row['model']}", tuple(Fraction(row[value]) for value in ("low", "middle", "high")), wanted)
    return 3 * len(prices)


def check_capacity():
    capacity = {"small": (Fraction(2200), Fraction(2400), Fraction(2500)), "large": (Fraction(31, 10), Fraction(33, 10), Fraction(7, 2))}
    text = {"small": "2200/2400/2500", "large": "3.1/3.3/3.5"}
    table = made("--basis", "capacity", "--hardware", "a card", "--reference", "small",
                 *[part for model in text for part in ("-m", model, "--figure", f"{model}={text[model]}")])
    for row in table["models"]:
        low, middle, high = capacity[row["model"]]
        ours = capacity["small"][1]
        same(f"capacity of {row['model']}", tuple(Fraction(row[value]) for value in ("low", "middle", "high")),
             tuple(rounded(ours / one) for one in (high, middle, low)))
    return 6


def main():
    found = texts()
    reference = {language: tokens_of_lines("qwen3", lines) for language, lines in found.items()}
    han = {language: [characters(line) for line in lines] for language, lines in found.items()}
    figures = 0
    try:
        figures += check_texts("bytes", [], lambda language, i: {"bytes": len(found[language][i].encode())}, {"bytes": Fraction(1, 4)})
        figures += check_texts("han_characters", ["--unit-weight", "han=0.7", "--unit-weight", "other=0.31"],
                               lambda language, i: dict(zip(("han", "other"), han[language][i])),
                               {"han": Fraction(7, 10), "other": Fraction(31, 100)})
        figures += check_texts("reference_tokenizer", ["--tokenizer", "qwen3"], lambda language, i: {"tokens": reference[language][i]},
                               {"tokens": Fraction(1)})
        figures += check_prices()
        figures += check_capacity()
    except Wrong as wrong:
        sys.exit(f"FAILED {wrong}")
    print(f"{figures} figures of 5 tables are those that Python makes")


if __name__ == "__main__":
    main()
