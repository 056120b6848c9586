"""The tokenizers that check.py compares: over every component of a tokenizer.json, and every option, made and trained here."""

import io
import json
import pathlib
import sys

import sentencepiece
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

sys.path.append(str(pathlib.Path(__file__).resolve().parents[3] / "tools"))
from import_sentencepiece import fields

SPECIALS = ["[UNK]", "[CLS]", "[SEP]"]
ADDED = [AddedToken("<a>", normalized=False, special=True), AddedToken("<ab>", normalized=False),
         AddedToken("ing", single_word=True, normalized=False), AddedToken("<l>", lstrip=True, normalized=False),
         AddedToken("<r>", rstrip=True, normalized=False, special=True), AddedToken("Élan", normalized=True),
         AddedToken("new york", normalized=True), AddedToken("  ", normalized=False)]


def charsmap():
    """SentencePiece's nmt_nfkc, out of a model that is trained for it."""
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(["a b c d e f g"] * 20), model_writer=made, vocab_size=12,
                                             model_type="unigram", minloglevel=2, hard_vocab_limit=False)
    normalizer_spec = dict(fields(made.getvalue()))[3]
    return dict(fields(normalizer_spec))[2]


def trained(model, texts, normalizer=None, pre_tokenizer=None, decoder=None, trainer=None, added=()):
    tokenizer = Tokenizer(model)
    if normalizer: tokenizer.normalizer = normalizer
    if pre_tokenizer: tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.train_from_iterator(texts, trainer)
    if decoder: tokenizer.decoder = decoder
    tokenizer.add_tokens(list(added))
    return tokenizer


def word_piece(texts, size=1500, **options):
    return trained(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=options.pop("longest", 100)), texts,
                   trainer=trainers.WordPieceTrainer(vocab_size=size, special_tokens=SPECIALS, show_progress=False), **options)


def word_level(texts, size=1500, **options):
    return trained(models.WordLevel(unk_token="[UNK]"), texts,
                   trainer=trainers.WordLevelTrainer(vocab_size=size, special_tokens=SPECIALS, show_progress=False), **options)


def unigram(texts, size=1200, **options):
    texts = [text for text in texts if all(ord(c) < 0x2000 for c in text)]  # its trainer keeps all characters
    return trained(models.Unigram(), texts, trainer=trainers.UnigramTrainer(
        vocab_size=size, special_tokens=["<unk>", "<s>"], unk_token="<unk>", show_progress=False), **options)


def bpe(texts, size=1200, model=None, trainer=None, **options):
    return trained(models.BPE(**(model or {})), texts, trainer=trainers.BpeTrainer(
        vocab_size=size, special_tokens=["[UNK]"], show_progress=False, **(trainer or {})), **options)


def changed(tokenizer, change):
    tree = json.loads(tokenizer.to_str())
    change(tree)
    return Tokenizer.from_str(json.dumps(tree))


def with_bytes(tree):
    """Byte fallback for a Unigram model."""
    tree["model"]["byte_fallback"] = True
    tree["model"]["vocab"] += [[f"<0x{byte:02X}>", -30.0] for byte in range(256)]


def with_some_bytes(tree):
    """For a BPE model, of which some bytes are missing."""
    tree["model"]["byte_fallback"] = tree["model"]["fuse_unk"] = True
    next_id = max(tree["model"]["vocab"].values()) + 1
    tree["model"]["vocab"] |= {f"<0x{byte:02X}>": next_id + i for i, byte in enumerate(b for b in range(256) if b not in (0xE5, 0xC3))}


def odd_scores(tree):
    """Ties, and scores above nought: a run of unknown characters may be a token that lost."""
    vocab = tree["model"]["vocab"]
    for i, pair in enumerate(vocab):
        pair[1] = float(30 + i % 3)
    vocab += [["中文", 30.0], ["é́", 30.0]]


def tokenizers_of(texts):
    """By name."""
    n, p, d = normalizers, pre_tokenizers, decoders
    t5_map = n.Precompiled(charsmap())
    made = {
        "bert-uncased": word_piece(texts, normalizer=n.BertNormalizer(), pre_tokenizer=p.BertPreTokenizer(),
                                   decoder=d.WordPiece(), added=ADDED),
        "bert-cased": word_piece(texts, normalizer=n.BertNormalizer(lowercase=False), pre_tokenizer=p.BertPreTokenizer(),
                                 decoder=d.WordPiece(cleanup=False)),
        "bert-short-words": word_piece(texts, normalizer=n.BertNormalizer(clean_text=False, handle_chinese_chars=False,
                                                                          strip_accents=True, lowercase=False),
                                       pre_tokenizer=p.WhitespaceSplit(), longest=6, added=ADDED),
        "words": word_level(texts, normalizer=n.Sequence([n.NFD(), n.StripAccents(), n.Lowercase()]), pre_tokenizer=p.Whitespace(),
                            added=ADDED),
        "words-nfkc": word_level(texts, normalizer=n.Sequence([n.NFKC(), n.Strip()]),
                                 pre_tokenizer=p.Sequence([p.WhitespaceSplit(), p.Punctuation("contiguous"), p.Digits(True)])),
        "words-nfkd": word_level(texts, normalizer=n.Sequence([n.Nmt(), n.NFKD(), n.Strip(True, False)]),
                                 pre_tokenizer=p.Sequence([p.UnicodeScripts(), p.Whitespace(), p.Digits(False)])),
        "words-merged": word_level(texts, normalizer=n.Strip(False, True), pre_tokenizer=p.Sequence(
            [p.Punctuation("merged_with_next"), p.CharDelimiterSplit(" "), p.Punctuation("merged_with_previous")])),
        "words-fixed": word_level(texts, pre_tokenizer=p.FixedLength(3), normalizer=n.NFC()),
        "unigram-metaspace": unigram(texts, normalizer=t5_map, pre_tokenizer=p.Metaspace(), decoder=d.Metaspace(), added=ADDED),
        "unigram-xlmr": unigram(texts, normalizer=n.Sequence([t5_map, n.Replace(Regex(" {2,}"), " ")]),
                                pre_tokenizer=p.Sequence([p.WhitespaceSplit(), p.Metaspace()]), decoder=d.Metaspace()),
        "unigram-first": unigram(texts, normalizer=n.Sequence([n.Strip(), n.NFKC()]),
                                 pre_tokenizer=p.Metaspace(prepend_scheme="first"), decoder=d.Metaspace(prepend_scheme="first"),
                                 added=ADDED),
        "unigram-never": unigram(texts, pre_tokenizer=p.Metaspace(prepend_scheme="never", split=False), added=ADDED,
                                 decoder=d.Metaspace(prepend_scheme="never")),
        "unigram-whole": unigram(texts, normalizer=n.Sequence([n.Prepend("▁"), n.Replace(" ", "▁")]),
                                 decoder=d.Sequence([d.Replace("▁", " "), d.Fuse(), d.Strip(" ", 1, 0)])),
        "bpe-suffix": bpe(texts, model=dict(unk_token="[UNK]", end_of_word_suffix="</w>"), trainer=dict(end_of_word_suffix="</w>"),
                          normalizer=n.Lowercase(), pre_tokenizer=p.BertPreTokenizer(), decoder=d.BPEDecoder(), added=ADDED),
        "bpe-prefix": bpe(texts, model=dict(unk_token="[UNK]", continuing_subword_prefix="##", fuse_unk=True),
                          trainer=dict(continuing_subword_prefix="##"), pre_tokenizer=p.Whitespace(), decoder=d.WordPiece()),
        "bpe-fused": bpe(texts, model=dict(unk_token="[UNK]", fuse_unk=True), pre_tokenizer=p.Metaspace(split=False),
                         decoder=d.Metaspace()),
        "bpe-no-unknown": bpe(texts, pre_tokenizer=p.Split(Regex(r"\d|[a-z]+"), "removed", invert=True)),
        "bpe-whole": bpe(texts, model=dict(ignore_merges=True, unk_token="[UNK]"), normalizer=n.NFD(),
                         pre_tokenizer=p.Split(Regex(r"\s+"), "merged_with_next"), added=ADDED),
        "bpe-split": bpe(texts, model=dict(unk_token="[UNK]"), pre_tokenizer=p.Sequence(
            [p.Split("e", "contiguous"), p.Split(Regex(r"[^\s\p{L}]+"), "merged_with_previous"), p.Split(" ", "isolated")])),
        "byte-level-prefix": bpe(texts, size=1500, trainer=dict(initial_alphabet=p.ByteLevel.alphabet()),
                                 pre_tokenizer=p.ByteLevel(add_prefix_space=True), decoder=d.ByteLevel(), added=ADDED),
        "byte-level-digits": bpe(texts, size=1500, trainer=dict(initial_alphabet=p.ByteLevel.alphabet()), pre_tokenizer=p.Sequence(
            [p.Punctuation("removed"), p.Digits(True), p.ByteLevel(add_prefix_space=False)]), decoder=d.ByteLevel(),
            normalizer=n.NFKC()),
        "byte-level-normalizer": bpe(texts, size=1500, trainer=dict(initial_alphabet=p.ByteLevel.alphabet()),
                                     normalizer=n.ByteLevel(), decoder=d.ByteLevel(), added=ADDED[:4]),
    }
    made["unigram-bytes"] = changed(made["unigram-whole"], with_bytes)
    made["unigram-bytes"].decoder = d.Sequence([d.Replace("▁", " "), d.ByteFallback(), d.Fuse(), d.Strip(" ", 1, 0)])
    made["unigram-odd"] = changed(made["unigram-first"], odd_scores)
    made["bpe-bytes"] = changed(made["bpe-fused"], with_some_bytes)
    made["bert-uncased"].post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    made["bert-cased"].post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    made["byte-level-prefix"].post_processor = processors.RobertaProcessing(("[SEP]", 2), ("[CLS]", 1), trim_offsets=False)
    made["words-nfkc"].post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
            single="$A [SEP] [CLS]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])])
    made["words"].decoder = d.CTC(pad_token="[UNK]", word_delimiter_token="the")
    return made


def without_post_processor(tokenizer):
    def change(tree):
        tree["post_processor"] = None
    return changed(tokenizer, change)


VERSION = tokenizers.__version__
