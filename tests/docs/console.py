#!/usr/bin/env python3
"""Runs the console examples of a document and compares what they print with what the document shows.

  console.py PATH/TO/ciyuan ROOT DOCUMENT.md…

An example is an indented block whose first line begins with "$ ciyuan" (or has "| ciyuan"); each "$" begins a command,
and the lines under it are its output, standard error included. "…" stands for any text, alone on a line for any lines.
Commands run in a folder that has the tree's data and examples, one after the other, and may leave files there.
"""
import os
import re
import subprocess
import sys
import tempfile

SECONDS_MAX = 120


def examples(text):
    """(command, lines of output) of every block; a block without a command is something else."""
    for block in re.findall(r"(?m)(?:^    .*\n?)+", text):
        found = []
        for line in block.splitlines():
            line = line[4:]
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif found and found[-1][0].endswith("\\"):
                found[-1] = (found[-1][0][:-1] + line.strip(), [])
            elif found:
                found[-1][1].append(line.rstrip())
        yield from found


def pattern(lines):
    parts = []
    for line in lines:
        parts.append(r"(?:.*\n)*?" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + r" *\n")
    return "".join(parts)


def run(command, folder, environment):
    return subprocess.run(["bash", "-c", command], cwd=folder, env=environment, text=True, timeout=SECONDS_MAX,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def main():
    program, root, documents = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3:]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CIYUAN_")}
    environment["PATH"] = os.path.dirname(program) + os.pathsep + environment["PATH"]
    wrong = ran = 0
    for document in documents:
        with open(document, encoding="utf-8") as file:
            text = file.read()
        with tempfile.TemporaryDirectory() as folder:
            for name in ("data", "examples", "schema"):
                os.symlink(os.path.join(root, name), os.path.join(folder, name))
            for command, lines in examples(text):
                done = run(command, folder, environment)
                ran += 1
                if not re.fullmatch(pattern(lines), done.stdout):
                    wrong += 1
                    print(f"{document}: $ {command}\nprints (exit code {done.returncode})\n{done.stdout}")
    print(f"{ran} examples, {wrong} print something else")
    sys.exit(bool(wrong) or ran == 0)


if __name__ == "__main__":
    main()
