"""Vocabulary and Counter: the C interface with Python's types."""
from __future__ import annotations

import array
import re
import threading
from typing import Iterable, List, Tuple, TypeVar, Union

import ctypes

from ciyuan._library import c

Text = Union[str, bytes, bytearray, memoryview]
AnyText = TypeVar("AnyText", str, bytes)

_WHY_BYTES = 512
_ID_MAX = 2**32 - 1
_TOKENS_MAX = 2**62
_SURROGATES = re.compile("[\ud800-\udfff]")


class VocabularyError(ValueError):
    """A vocabulary file that contradicts itself, or is none; the message says what is wrong."""


class UnknownVocabularyError(VocabularyError, LookupError):
    """No vocabulary of that name is in this package; the message lists those that are."""


def _bytes_of(text: Text) -> bytes:
    """The text as UTF-8, or the bytes as they are."""
    if isinstance(text, str):
        try:
            return text.encode()
        except UnicodeEncodeError:
            return _SURROGATES.sub("\ufffd", text).encode()
    if isinstance(text, (bytes, bytearray, memoryview)):
        return bytes(text)
    raise TypeError(f"a text is str or bytes, not {type(text).__name__}")


def _beginning(text, data: bytes, size: int):
    """The beginning of `text` that is the first `size` bytes of `data`: of a character for a character."""
    return text[: len(data[:size].decode())] if isinstance(text, str) else data[:size]


def _limit(tokens: int) -> int:
    """Within what the library takes; no text has more tokens than that."""
    return max(-1, min(tokens, _TOKENS_MAX))


class Vocabulary:
    """A model's tokenizer. From get() or load(); any number of threads may share one.

    Every method that takes a text takes `str` or bytes and never fails on its content: see the module's text.
    """

    __slots__ = ("_handle", "_free", "__weakref__")

    def __init__(self, file: bytes) -> None:
        """From the content of a *.ciyuan-vocab file, packed with zstd or not. VocabularyError: it is broken."""
        self._handle = None
        self._free = c.ciyuan_vocabulary_free
        why = ctypes.create_string_buffer(_WHY_BYTES)
        self._handle = c.ciyuan_vocabulary_parse(file, len(file), why, len(why))
        if not self._handle:
            raise VocabularyError(why.value.decode(errors="replace"))

    def __del__(self) -> None:
        if self._handle:
            self._free(self._handle)

    def __repr__(self) -> str:
        return f"<ciyuan.Vocabulary {self.name}>"

    def __reduce__(self):
        raise TypeError("a Vocabulary cannot be pickled: send its name, and get() it there")

    @property
    def name(self) -> str:
        return c.ciyuan_vocabulary_name(self._handle).decode()

    @property
    def digest(self) -> str:
        """SHA-256 of the unpacked vocabulary file, in hexadecimal: names the vocabulary in records for good."""
        digest = ctypes.create_string_buffer(32)
        c.ciyuan_vocabulary_digest(self._handle, digest)
        return digest.raw.hex()

    @property
    def size(self) -> int:
        """One more than the largest id."""
        return c.ciyuan_vocabulary_size(self._handle)

    def count(self, text: Text) -> int:
        """The number of tokens; what looks like a special token counts as the text that it is."""
        data = _bytes_of(text)
        return c.ciyuan_count(self._handle, data, len(data))

    def count_with_specials(self, text: Text) -> int:
        """The number of tokens, where special tokens count as themselves: for rendered chat templates."""
        data = _bytes_of(text)
        return c.ciyuan_count_with_specials(self._handle, data, len(data))

    def encode(self, text: Text) -> List[int]:
        """The ids; what looks like a special token is the text that it is. len(encode(text)) == count(text)."""
        return self._encode(text, lambda data, ids, room: c.ciyuan_encode(
            self._handle, data, len(data), ids, None, room))

    def encode_with_specials(self, text: Text) -> List[int]:
        """The ids, with special tokens as themselves. Never give it what a user wrote without a template."""
        return self._encode(text, lambda data, ids, room: c.ciyuan_encode_with_specials(
            self._handle, data, len(data), ids, room))

    @staticmethod
    def _encode(text: Text, call) -> List[int]:
        data = _bytes_of(text)
        room = len(data)  # enough, but for bytes that become U+FFFD and characters that NFC takes apart
        while True:
            ids = (ctypes.c_uint32 * room)()
            needed = call(data, ids, room)
            if needed <= room:
                return ids[:needed]
            room = needed

    def offsets(self, text: Text) -> List[Tuple[int, int]]:
        """For each token of encode(text), the bytes [begin, end) it stands for in the text as it is tokenized.

        That is the text itself, as UTF-8; with U+FFFD where it was ill-formed; in form NFC where the vocabulary
        normalises (Qwen); with a space for U+2581 where the vocabulary takes it for one (Mistral's first). In any case
        it is decode_bytes(encode(text)), and the tokens lie in it one behind the other. A token may be a part of a
        character, and empty: the space that Mistral's first vocabularies put before a text is not in it. (SmolLM2 lacks
        tokens for 21 rare bytes; in these places the text has bytes that decode_bytes does not give back, and they
        belong to the token behind them.)
        """
        data = _bytes_of(text)
        room = len(data)
        while True:
            ids, ends = (ctypes.c_uint32 * room)(), (ctypes.c_size_t * room)()
            needed = c.ciyuan_encode(self._handle, data, len(data), ids, ends, room)
            if needed <= room:
                return list(zip([0, *ends[: max(0, needed - 1)]], ends[:needed]))
            room = needed

    def decode(self, ids: Iterable[int]) -> str:
        """The tokens' text; bytes that are no whole character become U+FFFD. ValueError: an id is not in the vocabulary."""
        return self.decode_bytes(ids).decode(errors="replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The tokens' bytes, which need not be UTF-8. ValueError: an id is not in the vocabulary."""
        ids = list(ids)
        if any(not 0 <= id <= _ID_MAX for id in ids):
            raise ValueError(f"an id is not in the vocabulary {self.name}")
        packed = array.array("I", ids)
        pointer = packed.buffer_info()[0]
        size = c.ciyuan_decode(self._handle, pointer, len(ids), None, 0)
        if size < 0:
            raise ValueError(f"an id is not in the vocabulary {self.name}")
        out = ctypes.create_string_buffer(max(1, size))
        c.ciyuan_decode(self._handle, pointer, len(ids), out, size)
        return out.raw[:size]

    def longest_prefix(self, text: AnyText, limit: int) -> AnyText:
        """The longest beginning of the text, in whole characters, that is at most `limit` tokens. Of the text's type.

        More characters can be fewer tokens; looked for no further than 16 tokens past the limit.
        """
        data = _bytes_of(text)
        return _beginning(text, data, c.ciyuan_longest_prefix(self._handle, data, len(data), _limit(limit)))

    def counter(self) -> Counter:
        """A new Counter, of an empty text."""
        return Counter(self)


class Counter:
    """Counts a text that arrives in pieces, cut anywhere: at any moment the count of the whole so far, exactly.

        counter = vocabulary.counter()
        for delta in stream:
            send(counter.longest_prefix(delta, limit))
            counter.append(delta)
            if counter.count() > limit: break

    A piece may end inside a character (bytes). It remembers little: what follows the last settled word. Threads may
    share it; calls wait for each other.
    """

    __slots__ = ("_handle", "_free", "_lock")

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._free = c.ciyuan_counter_free
        self._lock = threading.Lock()
        self._handle = c.ciyuan_counter_new(vocabulary._handle)

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._free(self._handle)

    def __reduce__(self):
        raise TypeError("a Counter cannot be pickled")

    def append(self, text: Text) -> None:
        """Adds to the text. Costs what counting the piece costs, not the whole."""
        data = _bytes_of(text)
        with self._lock:
            c.ciyuan_counter_append(self._handle, data, len(data))

    def count(self) -> int:
        """The tokens of the text so far; a character that is not whole yet counts as U+FFFD."""
        with self._lock:
            return c.ciyuan_counter_count(self._handle)

    def longest_prefix(self, text: AnyText, limit: int) -> AnyText:
        """The longest beginning of `text` after which the count is at most `limit`, as append would leave it.

        Appends nothing. For bytes after half a character, the prefix may begin with the other half.
        """
        data = _bytes_of(text)
        with self._lock:
            size = c.ciyuan_counter_longest_prefix(self._handle, data, len(data), _limit(limit))
        return _beginning(text, data, size)
