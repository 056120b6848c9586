#!/usr/bin/env python3
"""Writes tests/token/vectors/published.json: texts and ids that the makers and users of these tokenizers published themselves.

  python3 tests/conformance/token/make_published.py FOLDER

FOLDER holds the unpacked packages (and the clone) of SOURCES. Nothing here runs a tokenizer: ids are read from the packages' own tests.
"""
import json
import pathlib
import re
import struct
import sys

SOURCES = {
    "llama.cpp": dict(package="PyPI llama-cpp-python 0.3.9 (sdist), vendor/llama.cpp/models/ggml-vocab-*.gguf.{inp,out}", licence="MIT",
                      sha256="a3a985f558385e2f5de5b663f4e9b0817506d6af98122450142cd98e79216370"),
    "quicktok": dict(package="PyPI quicktok-v1 0.4.0 (sdist), test/vectors*.bin", licence="MIT",
                     sha256="284b911dc841a2b809216d65aea2db2ce7f44233843cdc55336d2c00d4c6f509"),
    "tiktoken": dict(package="PyPI tiktoken 0.9.0 (sdist), tests/test_encoding.py", licence="MIT",
                     sha256="d02a5ca6a938e0490e1ff957bc48c8b078c88cb83977be1625b1fd8aac792c5d"),
    "gpt-tokenizer": dict(package="npm gpt-tokenizer 4.0.0, src/GptEncoding.test.ts", licence="MIT",
                          sha256="e50075c9a98389fbe59bf6b42d8d50b49c1cbd7aec6c205bfc28847ee0eeb20a"),
    "llama3-tokenizer-js": dict(package="npm llama3-tokenizer-js 1.2.0, src/llama3-tokenizer.js", licence="MIT",
                                sha256="51084690c7239708a3eb6adead1173bfd61b1f4d31cb0b8487e12ba466346ff0"),
    "kitoken": dict(package="GitHub Systemcluster/kitoken at ee74d092, tests/data (ids of transformers, tiktoken and mistral-common)",
                    licence="BSD-2-Clause, Copyright (c) 2023 Christian Sdunek", commit="ee74d0923ce83e2c55ec69e0461a14ace15cd71d"),
}
LLAMA_CPP = {"llama-bpe": ["llama3"], "gpt-4o": ["o200k", "o200k_harmony"], "qwen2": ["qwen2.5", "qwen3"], "gpt-2": ["r50k"],
             "llama4": ["llama4"], "pixtral": ["tekken"], "llama-spm": ["llama2"]}
KITOKEN = {"tokenizers/small_tokens_qwen35": "qwen3.5", "tokenizers/small_tokens_gpt_oss": "o200k_harmony",
           "tokenizers/small_tokens_gpt2": "r50k", "tiktoken/small_tokens_p50k_base": "p50k",
           "tiktoken/small_tokens_llama4": "llama4", "tekken/small_tokens_mistral2410": "tekken",
           "sentencepiece/small_tokens_mistral01": "mistral_v1", "sentencepiece/small_tokens_mistral03": "mistral_v3",
           "sentencepiece/small_tokens_llama2": "llama2", "sentencepiece/small_tokens_gemma3": "gemma3"}
QUICKTOK = {"vectors": ["cl100k"], "vectors_o200k": ["o200k"], "vectors_llama3": ["llama3"], "vectors_qwen3": ["qwen2.5", "qwen3"]}


def llama_cpp(folder):
    models = next(folder.glob("llama_cpp_python-*/vendor/llama.cpp/models"))
    for stem, names in LLAMA_CPP.items():
        texts = (models / f"ggml-vocab-{stem}.gguf.inp").read_bytes().decode().split("\n__ggml_vocab_test__\n")
        lines = (models / f"ggml-vocab-{stem}.gguf.out").read_text().split("\n")
        for text, line in zip(texts, lines):
            for name in names:
                yield "llama.cpp", name, "plain", text, [int(one) for one in line.split()]


def quicktok(folder):
    """Each file: a count, and for each case the text and its ids, all lengths and ids 32 bits."""
    tests = next(folder.glob("quicktok_v1-*/test"))
    for stem, names in QUICKTOK.items():
        for mode in ("plain", "specials"):
            data, at = (tests / f"{stem}{'_special' if mode == 'specials' else ''}.bin").read_bytes(), 4
            for _ in range(struct.unpack_from("<I", data)[0]):
                size = struct.unpack_from("<I", data, at)[0]
                text, at = data[at + 4:at + 4 + size].decode(), at + 4 + size
                count = struct.unpack_from("<I", data, at)[0]
                ids, at = list(struct.unpack_from(f"<{count}I", data, at + 4)), at + 4 + 4 * count
                for name in names:
                    # <think> is a token of Qwen 3 alone.
                    if not (name == "qwen2.5" and "<think>" in text):
                        yield "quicktok", name, mode, text, ids


def tiktoken(folder):
    """The assertions about cl100k_base with literal ids."""
    encoding = "gpt2"
    for line in next(folder.glob("tiktoken-*/tests/test_encoding.py")).read_text().splitlines():
        if found := re.search(r'get_encoding\("(\w+)"\)', line):
            encoding = found[1]
        if found := re.match(r'\s+assert enc\.encode\((".*?")(, allowed_special="all")?\) == (\[[\d, ]*\])$', line):
            if encoding == "cl100k_base" and "\\ud" not in found[1]:
                yield "tiktoken", "cl100k", "specials" if found[2] else "plain", eval(found[1]), json.loads(found[3])


def gpt_tokenizer(folder):
    source = next(folder.glob("**/src/GptEncoding.test.ts")).read_text()
    for name, begin in (("o200k", "const o200kBaseResults = {"), ("cl100k", "  cl100k_base: {")):
        block = source[source.index(begin):]
        block = block[:block.index("\n}" if name == "o200k" else "\n  },")]
        for key, ids in re.findall(r"(?m)^\s*('[^']+'|\w+): \[([\d_,\s]+)\]", block):
            text = {"space": " ", "tab": "\t"}.get(key, key.strip("'"))
            yield "gpt-tokenizer", name, "plain", text, [int(one.replace("_", "")) for one in ids.split(",") if one.strip()]


def llama3_tokenizer_js(folder):
    source = next(folder.glob("**/src/llama3-tokenizer.js")).read_text()
    for quote, text, ids in re.findall(r"""testEncodeAndDecode\((["'])(.*?)\1,\s*\[([\d, ]+)\]\)""", source):
        text = text.replace("\\n", "\n").replace("\\" + quote, quote)
        if "<|eom_id|>" not in text:  # a token of Llama 3.1 alone
            yield "llama3-tokenizer-js", "llama3", "specials", text, [int(one) for one in ids.split(",")]


def kitoken(folder):
    """A line of ids for each line of text, in which \\n and \\s stand for a line end and a space."""
    data = next(folder.glob("kitoken*/tests/data"))
    texts = (data / "small_input.txt").read_text().split("\n")
    for stem, name in KITOKEN.items():
        for text, line in zip(texts, (data / f"{stem}.txt").read_text().splitlines()):
            # Neither mistral-common nor SentencePiece reads special tokens from text.
            mode = "plain" if name == "tekken" or stem.startswith("sentencepiece") else "specials"
            yield "kitoken", name, mode, text.replace("\\n", "\n").replace("\\s", " "), [int(one) for one in line.split(",")]


def main():
    folder = pathlib.Path(sys.argv[1])
    rows = [dict(source=source, vocabulary=name, mode=mode, text=text, ids=ids)
            for read in (llama_cpp, quicktok, tiktoken, gpt_tokenizer, llama3_tokenizer_js, kitoken)
            for source, name, mode, text, ids in read(folder)]
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    target = pathlib.Path(__file__).resolve().parents[3] / "tests/token/vectors/published.json"
    target.write_text(f'{{"sources":{json.dumps(SOURCES)},"vectors":[\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
