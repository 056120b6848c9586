"""SentencePiece models that check.py compares: unigram and BPE, trained here, each with other options."""

import io
import re

import sentencepiece
from tokenizers_here import fields

SYMBOLS = ["<b>", "<br>", "b>c", "▁▁", "中文", "é", "new york", "\n\n"]
MODELS = {
    "sp-unigram": dict(),
    "sp-unigram-identity": dict(normalization_rule_name="identity", remove_extra_whitespaces=False),
    "sp-unigram-bytes": dict(byte_fallback=True, character_coverage=0.98),
    "sp-unigram-symbols": dict(user_defined_symbols=SYMBOLS),
    "sp-unigram-suffix": dict(treat_whitespace_as_suffix=True),
    "sp-unigram-free": dict(split_by_whitespace=False, add_dummy_prefix=False, normalization_rule_name="nfkc_cf", character_coverage=0.98),
    "sp-bpe": dict(model_type="bpe", character_coverage=0.98),
    "sp-bpe-symbols": dict(model_type="bpe", user_defined_symbols=SYMBOLS, remove_extra_whitespaces=False),
    "sp-bpe-bytes": dict(model_type="bpe", byte_fallback=True, character_coverage=0.98),
    "sp-bpe-free": dict(model_type="bpe", split_by_whitespace=False, normalization_rule_name="nmt_nfkc_cf", add_dummy_prefix=False),
}


def model(texts, options):
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=made, num_threads=1, minloglevel=2, hard_vocab_limit=False,
        **dict(vocab_size=4000, character_coverage=0.995, control_symbols=["<x>"]) | options)
    return made.getvalue()


class Reference:
    """Control pieces are never looked for in text; what is between them is encoded each for itself here, as ours is."""

    def __init__(self, raw):
        self.model = sentencepiece.SentencePieceProcessor(model_proto=raw)
        pieces = range(self.model.get_piece_size())
        self.specials = {self.model.id_to_piece(i): i for i in pieces if self.model.is_control(i) or self.model.is_unknown(i)}
        self.control = re.compile("(" + "|".join(map(re.escape, sorted(self.specials, key=len, reverse=True))) + ")")

    def expected(self, text):
        """(ids, ends or None where a token is a byte, ids with special tokens, decoded ids or None where there are special tokens)"""
        # SentencePieceText: pieces (2), of which the id (2) and the byte after it (5).
        pieces = [dict(fields(piece)) for number, piece in fields(self.model.encode(text, return_type="serialized_proto")) if number == 2]
        ids = [piece.get(2, 0) for piece in pieces]
        ends = [None if self.model.is_byte(piece.get(2, 0)) else piece.get(5, 0) for piece in pieces]
        full = [token for i, part in enumerate(self.control.split(text))
                for token in ([self.specials[part]] if i % 2 else self.model.encode(part))]
        return ids, ends, full, self.model.decode(full) if not set(full) & set(self.specials.values()) - {self.model.unk_id()} else None
