"""Reads SentencePiece's byte-pair encodings, for import_vocabulary.py: the protocol buffer of a *.model, and Hugging Face's
tokenizer.json of the same. See src/token/import/sentencepiece*.cc, of which this is the twin."""

import base64
import re
import struct

SIGN = "\u2581"
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)


def fields(message):
    """(number, value) of a protocol buffer's message; texts and messages are bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        else:
            size = {1: 8, 5: 4}.get(key & 7) or varint()
            yield key >> 3, message[at:at + size]
            at += size


def read_model(raw):
    """Its pieces, (text, score, type), and what its trainer and its normalizer say, by field number."""
    pieces, trainer, normalizer = [], {}, {}
    for number, value in fields(raw):
        if number == 1:
            piece = dict(fields(value))
            pieces.append((piece[1].decode(), struct.unpack("<f", piece.get(2, bytes(4)))[0], piece.get(3, NORMAL)))
        elif number == 2:
            trainer = dict(fields(value))
        elif number == 3:
            normalizer = dict(fields(value))
    return pieces, trainer, normalizer


def added_token(token_id, content, is_special):
    token = dict(id=token_id, content=content, special=is_special, lstrip=False, rstrip=False, normalized=False)
    return token if is_special else token | dict(literal=True)


def from_model(raw, Tokenizer, all_splits):
    pieces, trainer, normalizer = read_model(raw)
    if trainer.get(3) != 2 or not trainer.get(35) or trainer.get(24):
        raise SystemExit("only byte-pair encoding with byte fallback, and spaces in front, is supported")
    if normalizer.get(2) or normalizer.get(4, 1) or not normalizer.get(5, 1):
        raise SystemExit("only the normalizer \"identity\" that keeps spaces is supported")
    tokens, byte_tokens, added = [b""] * len(pieces), [None] * 256, []
    for token_id, (text, _, kind) in enumerate(pieces):
        if kind == NORMAL:
            tokens[token_id] = text.replace(SIGN, " ").encode()
        elif kind == BYTE:
            byte_tokens[int(text[3:5], 16)] = token_id
        elif kind in (UNKNOWN, CONTROL):
            added.append(added_token(token_id, text, True))
        elif kind == USER_DEFINED:
            added.append(added_token(token_id, text.replace(SIGN, " "), False))
        else:
            raise SystemExit(f"piece {token_id}: type {kind} is not supported")
    scores = [score for _, score, kind in pieces if kind == NORMAL]
    in_order = all(a > b for a, b in zip(scores, scores[1:]))
    splits = all_splits(tokens)
    tokenizer = Tokenizer(tokens, splits, "sentencepiece", "none", "token" if in_order else "listed", False, added)
    if not in_order:
        ranks = {score: rank for rank, score in enumerate(sorted(set(scores), reverse=True))}
        tokenizer.priorities = [[ranks[pieces[i][1]]] * len(lengths) if lengths else [] for i, lengths in enumerate(splits)]
    tokenizer.byte_tokens, tokenizer.prefix = byte_tokens, "always" if normalizer.get(3, 1) else "none"
    return tokenizer


def prefix_of(tree):
    """What goes in front of a text, for the normalizers and pre_tokenizers that are known."""
    replace = dict(type="Replace", pattern=dict(String=" "), content=SIGN)
    prepend = dict(type="Prepend", prepend=SIGN)
    normalizer, cutter = tree.get("normalizer"), tree.get("pre_tokenizer")
    no_effect = dict(type="Split", pattern=dict(String=" "), behavior="MergedWithPrevious", invert=False)
    if normalizer == dict(type="Sequence", normalizers=[prepend, replace]) and cutter is None:
        return "always"
    if normalizer == replace and cutter in (None, no_effect):
        return "none"
    raise SystemExit(f"not supported: {normalizer} with {cutter}")


def from_json(tree, Tokenizer):
    model, prefix = tree["model"], prefix_of(tree)
    tokens, byte_tokens = [b""] * (max(model["vocab"].values()) + 1), [None] * 256
    for text, token_id in model["vocab"].items():
        if len(text) == 6 and text.startswith("<0x"):
            byte_tokens[int(text[3:5], 16)] = token_id
        else:
            tokens[token_id] = text.replace(SIGN, " ").encode()
    splits, priorities, made = [[] for _ in tokens], [[] for _ in tokens], []
    for priority, merge in enumerate(model["merges"]):
        left, right = merge.split(" ") if isinstance(merge, str) else merge
        made.append(model["vocab"][left + right])
        splits[made[-1]].append(len(left.replace(SIGN, " ").encode()))
        priorities[made[-1]].append(priority)
    added = []
    for token in tree["added_tokens"]:
        flags = {key: token[key] for key in ("id", "content", "special", "lstrip", "rstrip", "normalized")}
        is_literal = prefix == "none" and not any(token[k] for k in ("special", "lstrip", "rstrip", "normalized"))
        added.append(flags | dict(literal=True) if is_literal else flags)
    ids = {token["id"] for token in added}
    while not splits[-1] and len(tokens) - 1 in ids:
        tokens.pop(), splits.pop(), priorities.pop()
    in_order = all(a <= b for a, b in zip(made, made[1:]))
    tokenizer = Tokenizer(tokens, splits, "sentencepiece", "none", "split" if in_order else "listed", False, added)
    tokenizer.byte_tokens, tokenizer.prefix = byte_tokens, prefix
    tokenizer.priorities = None if in_order else priorities
    return tokenizer


def llama_js_tree(raw):
    """The tokenizer.json that llama-tokenizer.js stands for: its tokens, one on a line, and its merges, pairs of ids."""
    def literal(name):
        return base64.b64decode(re.search(name + r'\s*=\s*["\']([A-Za-z0-9+/=]+)["\']', raw.decode())[1])

    texts = literal("llama_vocab_base64").decode().split("\n")
    ids = [id for id, in struct.iter_unpack("<H", literal("llama_merges_binary"))]
    merges = [f"{texts[left]} {texts[right]}" for left, right in zip(ids[::2], ids[1::2])]
    specials = [added_token(i, texts[i], True) | dict(single_word=False) for i in range(3)]
    steps = [dict(type="Prepend", prepend=SIGN), dict(type="Replace", pattern=dict(String=" "), content=SIGN)]
    return dict(
        version="1.0", truncation=None, padding=None, added_tokens=specials, post_processor=None, decoder=None,
        normalizer=dict(type="Sequence", normalizers=steps), pre_tokenizer=None,
        model=dict(type="BPE", dropout=None, unk_token="<unk>", continuing_subword_prefix=None, end_of_word_suffix=None,
                   fuse_unk=True, byte_fallback=True, vocab={text: i for i, text in enumerate(texts)}, merges=merges))
