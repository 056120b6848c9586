"""How many tokens a text is, exactly as the model's own tokenizer counts them.

    >>> import ciyuan
    >>> qwen = ciyuan.get("qwen3")
    >>> qwen.count("词元经济")
    3
    >>> qwen.longest_prefix("The quick brown fox", 2)
    'The quick'

Exact means: the ids of tiktoken (OpenAI's vocabularies), mistral-common and SentencePiece (Mistral's) and Hugging Face
tokenizers (the others), with no beginning-of-text token added. Counting is the engine of the gateway `ciyuan`, and gives
the same figures.

Texts are `str` or bytes. Bytes that are not UTF-8 count as U+FFFD, one for each maximal ill-formed part; a lone
surrogate in a `str` counts as U+FFFD too. So every text has a count, and nothing that is counted raises.

Threads: a Vocabulary may be used by any number at once, and they do run at once: the interpreter's lock is released
while counting. A Counter may be shared too, one call at a time.
"""
from ciyuan._set import Listing, get, list, load
from ciyuan._vocabulary import Counter, UnknownVocabularyError, Vocabulary, VocabularyError

__all__ = ["Counter", "Listing", "UnknownVocabularyError", "Vocabulary", "VocabularyError", "get", "list", "load"]
__version__ = "@VERSION@"

# Where users find them is what they are called in error messages.
for _each in (Counter, Listing, UnknownVocabularyError, Vocabulary, VocabularyError, get, list, load):
    _each.__module__ = __name__
del _each
