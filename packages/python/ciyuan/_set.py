"""The vocabularies inside the package, by name; and those from elsewhere, by file."""
from __future__ import annotations

import functools
import hashlib
import json
import os
import threading
from typing import Dict, List, NamedTuple, Tuple, Union

from ciyuan._vocabulary import UnknownVocabularyError, Vocabulary, VocabularyError

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "vocabularies")
_lock = threading.Lock()
_loaded: Dict[str, Vocabulary] = {}


class Listing(NamedTuple):
    """A vocabulary inside the package."""

    name: str
    aliases: Tuple[str, ...]
    licence: str
    digest: str  #: SHA-256 of the unpacked file


@functools.lru_cache(maxsize=1)
def _manifest() -> dict:
    with open(os.path.join(_FOLDER, "manifest.json"), encoding="utf-8") as file:
        return json.load(file)


def list() -> List[Listing]:
    """The vocabularies inside this package."""
    return [Listing(each["name"], tuple(each["aliases"]), each["licence"], each["digest"])
            for each in _manifest()["vocabularies"]]


def _find(name: str) -> dict:
    wanted = name.lower()
    for each in _manifest()["vocabularies"]:
        if wanted == each["name"] or wanted in each["aliases"]:
            return each
    for each in _manifest()["not_shipped"]:
        if wanted == each["name"] or wanted in each["aliases"]:
            raise UnknownVocabularyError(
                f'the vocabulary "{each["name"]}" ({each["licence"]}) may not be shipped here; ciyuan\'s '
                f"tools/import_vocabulary.py --only {each['name']} fetches it, and ciyuan.load(path) takes its file")
    names = ", ".join(each["name"] for each in _manifest()["vocabularies"])
    raise UnknownVocabularyError(f'there is no vocabulary "{name}"; there are {names}')


def get(name: str) -> Vocabulary:
    """By name or alias, any case ("o200k_base", "qwen3"). Loaded the first time (some 0.1 s), then shared.

    UnknownVocabularyError: there is none of that name here, and which there are.
    """
    entry = _find(name)
    with _lock:
        vocabulary = _loaded.get(entry["name"])
        if vocabulary is None:
            with open(os.path.join(_FOLDER, entry["file"]), "rb") as file:
                content = file.read()
            if hashlib.sha256(content).hexdigest() != entry["file_sha256"]:
                raise VocabularyError(f"{entry['file']}: its SHA-256 is not the one in the manifest")
            vocabulary = _loaded[entry["name"]] = Vocabulary(content)
        return vocabulary


def load(file: Union[str, "os.PathLike[str]", bytes]) -> Vocabulary:
    """From a *.ciyuan-vocab.zst file, by path or by its content: what tools/import_vocabulary.py and
    `ciyuan vocab add` make of other tokenizers. Not shared: keep it.

    OSError: it cannot be read. VocabularyError: it is none, or contradicts itself.
    """
    if isinstance(file, (bytes, bytearray, memoryview)):
        return Vocabulary(bytes(file))
    with open(file, "rb") as opened:
        return Vocabulary(opened.read())
