#!/usr/bin/env python3
"""Counts with the npm package beside tiktoken and gpt-tokenizer, all installed into a folder of their own.

  bench/packages/run.py [NAME=FILE…]     without texts: the tree's documents, its sources, and data/parity
"""
import glob
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OWN = {"english": ["docs/**/*.md", "src/**/*.md", "bench/**/*.md"], "code": ["src/**/*.cc", "src/**/*.h"],
       "chinese": ["data/parity/zh-*.txt"], "26 languages": ["data/parity/*.txt"]}


def own_texts(folder):
    for name, patterns in OWN.items():
        path = os.path.join(folder, name + ".txt")
        with open(path, "w", encoding="utf-8") as out:
            for file in sorted(sum((glob.glob(os.path.join(ROOT, pattern), recursive=True) for pattern in patterns), [])):
                with open(file, encoding="utf-8") as text:
                    out.write(text.read())
        yield f"{name}={path}"


def main():
    npm = ["npm", "--no-audit", "--no-fund", "--ignore-scripts"]
    texts = [f"{name}={os.path.abspath(path)}" for name, path in (each.split("=") for each in sys.argv[1:])]
    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run([sys.executable, os.path.join(ROOT, "packages", "npm", "make_package.py"), "--build",
                               os.path.join(ROOT, "build", "wasm"), "--output", folder], check=True, stdout=subprocess.PIPE, text=True)
        for name in ("package.json", "package-lock.json", "bench.mjs"):
            shutil.copy(os.path.join(HERE, name), folder)
        subprocess.run([*npm, "ci"], cwd=folder, check=True, stdout=sys.stderr)
        subprocess.run([*npm, "install", "--no-save", made.stdout.strip()], cwd=folder, check=True, stdout=sys.stderr)
        subprocess.run(["node", "bench.mjs", *(texts or own_texts(folder))], cwd=folder, check=True)


if __name__ == "__main__":
    main()
