#!/usr/bin/env python3
"""Our count() against PyPI tiktoken on the same files, one thread each, in one run.

  python3 bench/token/run.py --bench build/release/bin/count_bench FILE...

Prints a table with a row for each file and vocabulary. Time is the thread's own (CPU time), the best of five.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests/conformance/token"))
import check  # the reference tokenizers, as the conformance test has them


def reference_speed(encoding, text, size):
    best = 1e9
    for _ in range(5):
        start = time.thread_time()
        tokens = len(encoding.encode_ordinary(text))
        best = min(best, time.thread_time() - start)
    return tokens, size / 1e6 / best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", required=True, help="the count_bench program")
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    print("| vocabulary | file | MB | tokens | count() MB/s | in deltas of 4 bytes MB/s | tiktoken MB/s | count() against it |")
    print("|---|---|---|---|---|---|---|---|")
    for name in ("o200k", "cl100k"):
        encoding = check.reference(name, check.default_cache()).encoding
        answer = subprocess.run([options.bench, name, *options.files], capture_output=True, check=True, text=True).stdout
        for file, line in zip(options.files, answer.splitlines()):
            size, ours, whole, stream = line.split()
            text = pathlib.Path(file).read_bytes().decode("utf-8", errors="replace")
            theirs, reference = reference_speed(encoding, text, int(size))
            if int(ours) != theirs:
                raise SystemExit(f"{file}: we count {ours}, tiktoken {theirs}")
            print(f"| {name} | {os.path.basename(file)} | {int(size) / 1e6:.1f} | {ours} | {whole} | {stream} "
                  f"| {reference:.1f} | {float(whole) / reference:.1f} × |", flush=True)


if __name__ == "__main__":
    main()
