#!/usr/bin/env python3
"""Writes the seeds of the token fuzzers that no editor can: small SentencePiece models, the tokenizer.json of the same
kind, and inputs of token_differential.

  python3 fuzz/make_token_seeds.py
"""
import itertools
import json
import pathlib
import struct

CORPUS = pathlib.Path(__file__).resolve().parent / "token_corpus"
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
# Each joins two that stand before it.
WORDS = ["▁", "a", "b", "n", "t", "h", "e", "中", "国", "▁a", "th", "the", "▁the", "▁▁", "中国", "an", "ban", "na"]
LITERALS = ["\n\n", "<b>", "▁▁▁"]
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE = 1, 2, 3, 4, 6


def varint(number):
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def text_field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def number_field(number, value):
    return varint(number << 3) + varint(value)


def piece(text, score, kind):
    """ModelProto.SentencePiece of sentencepiece_model.proto."""
    return text_field(1, text_field(1, text.encode()) + varint(2 << 3 | 5) + struct.pack("<f", score)
                      + number_field(3, kind))


def pieces_of(literals=(), equal_scores=False):
    pieces = [("<unk>", 0, UNKNOWN), ("<s>", 0, CONTROL), ("</s>", 0, CONTROL)]
    pieces += [(text, 0, USER_DEFINED) for text in literals]
    pieces += [(text, 0, BYTE) for text in BYTES]
    return pieces + [(text, -(i // 4 if equal_scores else i), NORMAL) for i, text in enumerate(WORDS)]


def model(literals=(), equal_scores=False, prefix=True):
    pieces = pieces_of(literals, equal_scores)
    trainer = number_field(3, 2) + number_field(35, 1)
    normalizer = text_field(1, b"identity") + number_field(3, int(prefix)) + number_field(4, 0) + number_field(5, 1)
    return b"".join(piece(*one) for one in pieces) + text_field(2, trainer) + text_field(3, normalizer)


def gguf():
    """The same as llama.cpp keeps it: keys with typed values (6: float, 7: bool, 8: text, 9: array)."""
    def text(content):
        return struct.pack("<Q", len(content.encode())) + content.encode()

    def array(kind, values):
        return struct.pack("<IIQ", 9, kind, len(values)) + b"".join(values)

    texts, scores, kinds = zip(*pieces_of())
    values = {"model": struct.pack("<I", 8) + text("llama"), "add_space_prefix": struct.pack("<IB", 7, 1),
              "tokens": array(8, [text(one) for one in texts]),
              "scores": array(6, [struct.pack("<f", score) for score in scores]),
              "token_type": array(5, [struct.pack("<i", kind) for kind in kinds])}
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(values)) + b"".join(
        text("tokenizer.ggml." + key) + value for key, value in values.items())


def merges():
    known = set(WORDS)
    return [f"{text[:cut]} {text[cut:]}" for text in WORDS for cut in range(1, len(text))
            if text[:cut] in known and text[cut:] in known]


def tokenizer_json(normalizer, pre_tokenizer, has_prefix=True):
    texts = ["<unk>", "<s>", "</s>", *BYTES, *WORDS]
    added = [dict(id=i, content=texts[i], special=True) for i in range(3)]
    # Behind a prefix only control tokens are the fast engine's.
    added.append(dict(id=len(texts), content="<b>", special=has_prefix, normalized=False))
    return json.dumps(dict(
        added_tokens=added, normalizer=normalizer, pre_tokenizer=pre_tokenizer,
        model=dict(type="BPE", byte_fallback=True, unk_token="<unk>", fuse_unk=True,
                   vocab={text: i for i, text in enumerate(texts)}, merges=merges())), ensure_ascii=False).encode()


def imports():
    replace = dict(type="Replace", pattern=dict(String=" "), content="▁")
    prepend = dict(type="Sequence", normalizers=[dict(type="Prepend", prepend="▁"), replace])
    metaspace = dict(type="Metaspace", replacement="▁", prepend_scheme="first", split=False)
    yield "sentencepiece_plain.model", model()
    yield "sentencepiece_literals.model", model(literals=LITERALS, prefix=False)
    yield "sentencepiece_equal_scores.model", model(equal_scores=True)
    yield "sentencepiece.gguf", gguf()
    yield "sentencepiece_prepend.json", tokenizer_json(prepend, None)
    yield "sentencepiece_replace.json", tokenizer_json(replace, dict(type="Split", pattern=dict(String=" "),
                                                                    behavior="MergedWithPrevious", invert=False),
                                                          has_prefix=False)
    yield "sentencepiece_metaspace.json", tokenizer_json(None, metaspace)


def differential():
    """For each vocabulary a text as it stands, and one in words and tokens."""
    text = " Don't WE'LL  \n\n 12345 词元，数据要素。カ・ é e\u0301\u0323 한글 \u2581\u2581x 👩\u200d <b> ſ".encode() + b"\xFF\xE2\x82"
    words = bytes(itertools.chain.from_iterable((0x80 + i, 0x20) if i % 5 else (0x80 + i,) for i in range(60)))
    tokens = bytes(byte for i in range(40) for byte in (0xF0, i * 37 % 256, i * 101 % 256))
    for vocabulary in range(13):
        yield f"text_{vocabulary}", bytes([vocabulary, 0, vocabulary]) + text
        yield f"words_{vocabulary}", bytes([vocabulary, 1, vocabulary]) + words + tokens


def main():
    for folder, seeds in (("import", imports()), ("differential", differential())):
        (CORPUS / folder).mkdir(exist_ok=True)
        for name, content in seeds:
            (CORPUS / folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
