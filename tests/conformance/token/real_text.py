#!/usr/bin/env python3
"""Compares our counter with the reference tokenizers on real text, by the gigabyte: zero differences are expected.

  python3 tests/conformance/token/real_text.py FOLDER… [--only NAME]… [--bytes N] [--seconds N]

Takes the text files below the folders: UTF-8 or nearly (at most one character in a hundred ill-formed), no NUL byte,
gzip unpacked, the first MiB of each, equal ones once. Files come in the order of their SHA-256, a sample without a
seed, and next always from the folder that has given the fewest bytes: name a folder of Chinese text beside a folder of
sources, and both are half of the sample until one is used up. `--bytes` and `--seconds` end a vocabulary's comparison.

Of each text our ids must be the reference's; token_vectors checks that count() agrees with them and that they decode
to the text. A tenth of the texts is counted in random pieces as well, and another tenth is compared on each lower tier
(CIYUAN_SIMD=plain, avx2). The reference is PyPI gigatoken where it is installed and knows the tokenizer, since it is fast;
where it differs from us the family's own (check.py) decides. `--slow` asks the family's own alone. Beside our vocabularies
"kimi" can be named: see vocab/kimi.py; it needs the program ciyuan beside token_vectors. Exit code 1 on any difference,
77 where something could not be compared.
"""

import argparse
import array
import base64
import gzip
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import zlib

import check

sys.path.insert(1, str(check.ROOT / "tests/conformance/vocab"))
import check_imports
import kimi

try:
    import gigatoken
    import numpy
except ImportError:
    gigatoken = None

TEXT_BYTES_MAX = 1 << 20
TEXT_BYTES_MIN = 16
SNIFFED_BYTES = 4096
ILL_FORMED_ONE_IN = 100  # characters
BATCH_BYTES = 4 << 20
LOWER_TIERS = ("plain", "avx2")
GIGATOKEN_PRETOKENIZERS = {"cl100k": "cl100k", "gpt2": "gpt2", "o200k": "o200k", "kimi_k2": "kimi"}  # for rank files


# --- texts ----------------------------------------------------------------------------------------------------------

def read_text(path):
    """The bytes of a text file, or None."""
    try:
        with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
            head = file.read(SNIFFED_BYTES)
            if len(head) < TEXT_BYTES_MIN or b"\0" in head:
                return None
            data = head + file.read(TEXT_BYTES_MAX - len(head))
    except (OSError, EOFError, zlib.error):
        return None
    return None if b"\0" in data or is_far_from_utf8(data) else data


def is_far_from_utf8(data):
    try:
        data.decode()
        return False
    except UnicodeDecodeError:
        text = data.decode(errors="replace")
        return text.count("\ufffd") * ILL_FORMED_ONE_IN > len(text)


def files_below(folder):
    device = os.stat(folder).st_dev
    for path, folders, names in os.walk(folder):
        folders[:] = [one for one in folders if os.lstat(os.path.join(path, one)).st_dev == device]
        yield from (file for file in (os.path.join(path, one) for one in names)
                    if os.path.isfile(file) and not os.path.islink(file))


def texts_of(folders):
    """For each folder the (SHA-256, path, size) of its texts in order; none is in two."""
    seen, lists = set(), []
    for folder in folders:
        found = []
        for path in files_below(folder):
            data = read_text(path)
            digest = hashlib.sha256(data).digest() if data else None
            if data and digest not in seen:
                seen.add(digest)
                found.append((digest, path, len(data)))
        lists.append(sorted(found))
        print(f"{folder}: {len(found)} texts, {sum(size for *_, size in found) / 1e6:.0f} MB", flush=True)
    return lists


def sample(lists, bytes_max):
    """(SHA-256, path) from all lists in turn, up to so many bytes."""
    given, at = [0] * len(lists), [0] * len(lists)
    while sum(given) < bytes_max:
        left = [i for i in range(len(lists)) if at[i] < len(lists[i])]
        if not left:
            return
        i = min(left, key=given.__getitem__)
        digest, path, size = lists[i][at[i]]
        at[i] += 1
        given[i] += size
        yield digest, path


def batches(chosen):
    """Lists of (tenth, path, bytes)."""
    batch, size = [], 0
    for digest, path in chosen:
        data = read_text(path)
        if data is None or hashlib.sha256(data).digest() != digest:
            continue  # it has changed meanwhile
        batch.append((digest[0] % 10, path, data))
        size += len(data)
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


# --- references -----------------------------------------------------------------------------------------------------

class Family:
    """What check.py compares with, its ids as bytes."""

    def __init__(self, oracle):
        self.oracle = oracle
        self.name = type(oracle).__name__.lower()

    def encode(self, texts):
        return [array.array("I", ids).tobytes() for ids in self.oracle.plain(texts)]


class Gigatoken:
    name = "gigatoken"

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer

    def encode(self, texts):
        ids = self.tokenizer.encode_batch(texts, parallel=False)
        return [numpy.asarray(row, dtype="<u4").tobytes() for row in ids]


class Subject:
    """A vocabulary to compare: its references, and where ours is."""

    def __init__(self, name, options, folder):
        self.name, self.environment = name, dict(os.environ)
        self.environment.pop("CIYUAN_SIMD", None)
        if name == "kimi":
            self.add_kimi(options, pathlib.Path(folder))
            return
        if not (check.ROOT / f"data/vocabularies/{name}.ciyuan-vocab.zst").exists():
            raise FileNotFoundError(f"not installed (tools/import_vocabulary.py --only {name})")
        spec = check.importer.SOURCES[name]
        self.raw = check.reference_file(name, spec, options.cache)
        self.oracle, self.pretokenizer = check.reference(name, options.cache), spec.get("pretokenizer")

    def add_kimi(self, options, folder):
        tree = json.loads(check.reference_file("qwen3", check.importer.SOURCES["qwen3"], options.cache))
        file = folder / "kimi.tiktoken"
        self.oracle, self.pretokenizer = kimi.reference(tree, file), kimi.PRETOKENIZER
        self.raw = file.read_bytes()
        self.environment["CIYUAN_VOCABULARIES"] = str(folder / "vocabularies")
        programs = pathlib.Path(options.vectors).parent
        check_imports.add(programs, file, "kimi", self.environment, "--pretokenizer", kimi.PRETOKENIZER)

    def gigatoken(self):
        """The same tokenizer by gigatoken, or None where it says that it does not know it."""
        try:
            if isinstance(self.oracle, check.HuggingFace):
                return Gigatoken(gigatoken.Tokenizer.from_json(self.oracle.bare.to_str()))
            if isinstance(self.oracle, check.SentencePiece):
                return Gigatoken(gigatoken.Tokenizer.from_sentencepiece(self.raw))
            if self.pretokenizer not in GIGATOKEN_PRETOKENIZERS:
                return None
            with tempfile.NamedTemporaryFile(suffix=".tiktoken") as file:
                file.write(without_gaps(self.raw))
                file.flush()
                return Gigatoken(gigatoken.Tokenizer.from_tiktoken(file.name, GIGATOKEN_PRETOKENIZERS[self.pretokenizer]))
        except (ValueError, RuntimeError, NotImplementedError) as problem:
            print(f"{self.name}: gigatoken does not take it: {str(problem).splitlines()[0]}", flush=True)
            return None


def without_gaps(raw):
    """gigatoken wants all ranks, and p50k leaves one free: it goes to two bytes that no text has."""
    tokens = {rank: token for token, rank in check.rank_file(raw).items()}
    return b"".join(b"%b %d\n" % (base64.b64encode(tokens.get(rank, b"\xff\xff")), rank)
                    for rank in range(max(tokens) + 1))


# --- ours -----------------------------------------------------------------------------------------------------------

class Ours:
    """token_vectors on one tier: see the frames there."""

    def __init__(self, vectors, subject, tier=None):
        self.tier = tier or "best"
        environment = dict(subject.environment, CIYUAN_SIMD=tier) if tier else subject.environment
        self.program = subprocess.Popen([vectors, subject.name, "frames"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, env=environment)

    def encode(self, texts):
        """(ids as bytes, what does not agree) for each (in pieces, bytes)."""
        frames = b"".join(part for in_pieces, data in texts
                          for part in (bytes([in_pieces]), len(data).to_bytes(4, "little"), data))
        # A second thread writes: both pipes may be full.
        writer = threading.Thread(target=lambda: (self.program.stdin.write(frames), self.program.stdin.flush()))
        writer.start()
        answers = [(self.block(4), self.block(1).decode()) for _ in texts]
        writer.join()
        return answers

    def block(self, unit):
        size = unit * int.from_bytes(self.exactly(4), "little")
        return self.exactly(size)

    def exactly(self, size):
        data = self.program.stdout.read(size)
        if len(data) != size:
            raise SystemExit(f"token_vectors ended early, with {self.program.wait()}")
        return data

    def close(self):
        self.program.stdin.close()
        if self.program.wait():
            raise SystemExit(f"token_vectors ended with {self.program.returncode}")


# --- comparison -----------------------------------------------------------------------------------------------------

class Comparison:
    def __init__(self, subject, options):
        self.name, self.show, self.family = subject.name, options.show, Family(subject.oracle)
        self.fast = subject.gigatoken() if gigatoken and not options.slow else None
        self.ours = Ours(options.vectors, subject)
        self.lower = [Ours(options.vectors, subject, tier) for tier in LOWER_TIERS]
        self.texts = self.bytes = self.tokens = self.different = self.decided = 0

    def take(self, batch):
        texts = [data.decode(errors="replace") for _, _, data in batch]
        ours = self.ours.encode([(tenth == 0, data) for tenth, _, data in batch])
        expected = (self.fast or self.family).encode(texts)
        if self.fast:
            self.decide(texts, ours, expected)
        for (_, path, data), answer, ids in zip(batch, ours, expected):
            self.judge(self.ours, path, data, answer, ids)
        for number, program in enumerate(self.lower, 1):
            part = [i for i, (tenth, _, _) in enumerate(batch) if tenth == number]
            for i, answer in zip(part, program.encode([(False, batch[i][2]) for i in part])):
                self.judge(program, batch[i][1], batch[i][2], answer, expected[i])
        self.texts += len(batch)
        self.bytes += sum(len(data) for _, _, data in batch)
        self.tokens += sum(len(ids) // 4 for ids in expected)

    def decide(self, texts, ours, expected):
        """Where the fast reference differs from us, the family's own takes its place."""
        doubtful = [i for i, (ids, _) in enumerate(ours) if ids != expected[i]]
        self.decided += len(doubtful)
        for i, ids in zip(doubtful, self.family.encode([texts[i] for i in doubtful]) if doubtful else []):
            expected[i] = ids

    def judge(self, program, path, data, answer, expected):
        ids, problem = answer
        if ids == expected and not problem:
            return
        self.different += 1
        if self.different <= self.show:
            short = self.shortened(program, data) if ids != expected else data[:200]
            print(f"{self.name}, tier {program.tier}: {path}: {problem or 'other ids'}: {short!r}\n"
                  f"  reference {self.numbers(self.family.encode([short.decode(errors='replace')])[0])}\n"
                  f"  ours      {self.numbers(program.encode([(True, short)])[0][0])}", flush=True)

    def shortened(self, program, data):
        """A part of the text that still differs."""
        def differs(part):
            return program.encode([(False, part)])[0][0] != self.family.encode([part.decode(errors="replace")])[0]
        step = len(data) // 2
        while step:
            part = next((part for part in (data[step:], data[:-step]) if part and differs(part)), None)
            data, step = (part, min(step, len(part) // 2)) if part else (data, step // 2)
        return data

    @staticmethod
    def numbers(ids):
        return array.array("I", ids).tolist()

    def close(self):
        for program in (self.ours, *self.lower):
            program.close()


def compare(subject, lists, options):
    """The row of the table."""
    comparison = Comparison(subject, options)
    begin = time.monotonic()
    for batch in batches(sample(lists, options.bytes)):
        comparison.take(batch)
        if time.monotonic() - begin >= options.seconds:
            break
    comparison.close()
    row = (subject.name, (comparison.fast or comparison.family).name, comparison.texts, f"{comparison.bytes / 1e6:.0f}",
           comparison.tokens, comparison.decided, comparison.different, f"{time.monotonic() - begin:.0f}")
    print(", ".join(f"{title} {cell}" for title, cell in zip(TITLES, row)), flush=True)
    return row


TITLES = ("vocabulary", "reference", "texts", "MB", "tokens", "decided by the family's own", "differences", "seconds")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    parser.add_argument("--vectors", default=os.path.join(os.environ.get("CIYUAN_BIN", check.ROOT / "build/release/bin"),
                                                          "token_vectors"), help="the token_vectors program")
    parser.add_argument("--only", action="append", choices=[*check.importer.SOURCES, "kimi"])
    parser.add_argument("--bytes", type=int, default=10**9, help="for each vocabulary (10^9)")
    parser.add_argument("--seconds", type=int, default=3600, help="for each vocabulary (3600)")
    parser.add_argument("--slow", action="store_true", help="do without gigatoken")
    parser.add_argument("--cache", type=pathlib.Path, default=check.default_cache())
    parser.add_argument("--show", type=int, default=3, help="how many differences to print")
    options = parser.parse_args()
    if not os.access(options.vectors, os.X_OK):
        print(f"{options.vectors} is not there: build the target token_vectors")
        return 1
    if not gigatoken:
        print("gigatoken is not installed (pip install gigatoken): the families' own references alone, several times slower")
    lists, rows, absent = texts_of(options.folders), [], []
    for name in options.only or check.importer.SOURCES:
        try:
            with tempfile.TemporaryDirectory() as folder:
                rows.append(compare(Subject(name, options, folder), lists, options))
        except (OSError, subprocess.CalledProcessError) as problem:
            absent.append(name)
            print(f"{name}: not compared: {problem}", flush=True)
    print("\n| " + " | ".join(TITLES) + " |\n|" + "---|" * len(TITLES))
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |")
    return check_imports.verdict(sum(row[TITLES.index("differences")] for row in rows), absent, compared=bool(rows))


if __name__ == "__main__":
    sys.exit(main())
