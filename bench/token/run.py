#!/usr/bin/env python3
"""Our count() beside the fastest tokenizers there are, on the same files, one thread each, in one run.

  python3 bench/token/run.py --bench build/release/bin/count_bench [--tokenizer NAME]… FILE…

Run it with a Python that has the peers: pip install gigatoken quicktok-v1 bpe-openai fastokens kitoken tiktoken tokenizers
sentencepiece; one that is missing is left out. Every count must be the same, or the run stops. Time is CPU time over all threads of the process,
the best of several rounds, in three turns between which ours runs, so that a busy moment does not meet one side alone.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("RAYON_NUM_THREADS", "1")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests/conformance/token"))
import check  # the reference tokenizers, as the conformance test has them

TURNS = 3
BUDGET = 1.0  # seconds of a peer's rounds in a turn


def reference_on_disk(name, folder):
    spec = check.importer.SOURCES[name]
    kind = next((kind for kind in (".json", ".tiktoken") if spec["file"].endswith(kind)), ".model")
    path = pathlib.Path(folder) / (name + kind)
    path.write_bytes(check.reference_file(name, spec, check.default_cache()))
    return path


def peers_of(name, path):
    """By peer: a function from a text (str, bytes) to its number of tokens."""
    peers = {}
    is_json = path.suffix == ".json"
    if path.suffix == ".model":
        model = check.SentencePiece(path.read_bytes()).model
        return {"SentencePiece": lambda text, data: len(model.encode(text))}
    try:
        import gigatoken
        giga = gigatoken.Tokenizer(str(path)) if is_json else gigatoken.Tokenizer.from_tiktoken(str(path), pretokenizer=name)
        peers["gigatoken"] = lambda text, data: len(giga.encode(data))
    except Exception as missing:
        print(f"# gigatoken: {missing}", file=sys.stderr)
    try:
        import quicktok
        quick = quicktok.get_encoding({"o200k": "o200k_base", "cl100k": "cl100k_base"}.get(name, name))
        peers["quicktok"] = lambda text, data: quick.count(text)
    except Exception as missing:
        print(f"# quicktok: {missing}", file=sys.stderr)
    try:
        import bpe_openai
        bpe = {"o200k": bpe_openai.o200k_base, "cl100k": bpe_openai.cl100k_base}[name]()
        peers["bpe-openai"] = lambda text, data: bpe.count(text)
    except Exception as missing:
        print(f"# bpe-openai: {missing!r}", file=sys.stderr)
    try:
        import fastokens._native
        if is_json:
            fast = fastokens._native.Tokenizer.from_file(str(path))
            peers["fastokens"] = lambda text, data: len(fast.encode_ordinary(text).ids)
    except Exception as missing:
        print(f"# fastokens: {missing!r}", file=sys.stderr)
    try:
        import kitoken
        read = kitoken.Kitoken.from_tokenizers if is_json else kitoken.Kitoken.from_tiktoken
        kit = read(path.read_bytes())
        peers["kitoken"] = lambda text, data: len(kit.encode(text))
    except Exception as missing:
        print(f"# kitoken: {missing!r}", file=sys.stderr)
    if is_json:
        import tokenizers
        tree = json.loads(path.read_text())
        hf = check.HuggingFace(tree).bare
        peers["tokenizers"] = lambda text, data: len(hf.encode(text, add_special_tokens=False).ids)
    else:
        encoding = check.reference(name, check.default_cache()).encoding
        peers["tiktoken"] = lambda text, data: len(encoding.encode_ordinary(text))
    return peers


def seconds(count, text, data, wanted):
    best, spent = 1e9, 0.0
    while spent < BUDGET:
        start = time.process_time()
        tokens = count(text, data)
        took = time.process_time() - start
        best, spent = min(best, took), spent + took
        if tokens != wanted:
            raise SystemExit(f"a peer counts {tokens}, we {wanted}")
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", required=True, help="the count_bench program")
    parser.add_argument("--tokenizer", action="append", help="o200k and qwen3, unless given")
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    print("| vocabulary | text | MB | count: MB/s | seen first | 4 KB: µs | seen first | encode | in deltas | "
          "gigatoken: MB/s, count is | quicktok | bpe-openai | fastokens | kitoken | tiktoken / tokenizers / SentencePiece |")
    print("|---" * 15 + "|")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.tokenizer or ["o200k", "qwen3"]:
            peers = peers_of(name, reference_on_disk(name, folder))
            for file in options.files:
                data = pathlib.Path(file).read_bytes()
                text = data.decode()
                ours, theirs = {}, {}
                for _ in range(TURNS):
                    answer = json.loads(subprocess.run([options.bench, name, file], capture_output=True, check=True, text=True).stdout)
                    for key, value in answer.items():
                        ours[key] = (min if key.endswith("_us") else max)(ours.get(key, value), value)
                    for peer, count in peers.items():
                        mbs = len(data) / 1e6 / seconds(count, text, data, answer["tokens"])
                        theirs[peer] = max(theirs.get(peer, 0), mbs)
                cells = [name, pathlib.Path(file).stem, f"{len(data) / 1e6:.1f}", f"**{ours['warm_mbs']:.0f}**", f"{ours['first_mbs']:.0f}",
                         f"{ours['request_us']:.1f}", f"{ours['request_cold_us']:.1f}", f"{ours['encode_mbs']:.0f}", f"{ours['delta_mbs']:.0f}"]
                last = next(peer for peer in ("tokenizers", "SentencePiece", "tiktoken") if peer in peers)
                for peer in ("gigatoken", "quicktok", "bpe-openai", "fastokens", "kitoken", last):
                    cells.append(f"{theirs[peer]:.0f}, {ours['warm_mbs'] / theirs[peer]:.2f} ×" if peer in theirs else "–")
                print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
