#!/usr/bin/env python3
"""Every C++ file is as clang-format writes it. Usage: format.py ROOT. Exit code 77: clang-format is not here."""
import os
import shutil
import subprocess
import sys

FOLDERS = ("src", "tests", "bench", "fuzz")


def main():
    program = shutil.which("clang-format")
    if not program:
        print("skipped: clang-format is not installed")
        return 77
    root = sys.argv[1]
    files = [os.path.join(place, name) for folder in FOLDERS for place, _, names in os.walk(os.path.join(root, folder))
             if "node_modules" not in place for name in sorted(names) if name.endswith((".cc", ".h"))]
    done = subprocess.run([program, "--dry-run", "-Werror", *files], capture_output=True, text=True)
    print("\n".join(line for line in done.stderr.splitlines() if "error:" in line))
    return 1 if done.returncode or not files else 0


if __name__ == "__main__":
    sys.exit(main())
