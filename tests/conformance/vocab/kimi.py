"""Kimi K2's expression over another model's ranks: no package carries Kimi's own, and the matcher knows nothing of ranks."""

import base64

import check  # tests/conformance/token; ends with 77 where tiktoken is missing
import tiktoken

UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]"
HEAD, SUFFIX = r"[^\r\n\p{L}\p{N}]?", r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
EXPRESSION = (rf"[\p{{Han}}]+|{HEAD}{UPPER}*{LOWER}+{SUFFIX}|{HEAD}{UPPER}+{LOWER}*{SUFFIX}"
              r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
PRETOKENIZER = "kimi_k2"


def reference(tree, file):
    """The tokenizer with the ranks of a byte-level tokenizer.json, which are written to `file` in tiktoken's format."""
    alphabet = check.importer.byte_alphabet()
    ranks = {bytes(alphabet[c] for c in text): i for text, i in tree["model"]["vocab"].items() if set(text) <= set(alphabet)}
    file.write_text("".join(f"{base64.b64encode(token).decode()} {rank}\n" for token, rank in ranks.items()))
    return check.Tiktoken(tiktoken.Encoding("kimi", pat_str=EXPRESSION, mergeable_ranks=ranks, special_tokens={}))
