#!/usr/bin/env python3
"""Builds the npm package, packs it twice, installs it into a folder that has nothing else, and runs the tests there.

  check.py --bin build/release/bin --report REPORT.json
"""
import argparse
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
WANTED = ("node", "npm", "ninja", "cmake", "clang++-19", "wasm-ld-19")


def run(*command, **options):
    print("$", *command, flush=True)
    return subprocess.run(command, check=True, **options)


def make_package(folder):
    made = run(sys.executable, os.path.join(ROOT, "packages", "npm", "make_package.py"), "--build", os.path.join(ROOT, "build", "wasm"),
               "--output", folder, stdout=subprocess.PIPE, text=True)
    return made.stdout.strip()


def same_bytes(one, other):
    with open(one, "rb") as a, open(other, "rb") as b:
        return a.read() == b.read()


def write(report, rows):
    with open(report, "w") as file:
        json.dump(rows, file)


def run_tests(folder, package, binaries, report):
    with open(os.path.join(folder, "package.json"), "w") as file:
        json.dump({"name": "tests", "private": True, "type": "module"}, file)
    run("npm", "install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts", package, cwd=folder, stdout=subprocess.DEVNULL)
    for script in glob.glob(os.path.join(HERE, "*.mjs")):
        shutil.copy(script, folder)
    environment = {**os.environ, "CIYUAN_ROOT": ROOT, "CIYUAN_PROGRAM": os.path.join(binaries, "ciyuan"), "CIYUAN_REPORT": report}
    return subprocess.run(["node", "--expose-gc", "all.mjs"], cwd=folder, env=environment).returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="where the program `ciyuan` is")
    parser.add_argument("--report", required=True)
    options = parser.parse_args()
    report = os.path.abspath(options.report)
    absent = [name for name in WANTED if not shutil.which(name)]
    if not os.path.isdir(os.path.join(ROOT, "packages", "npm", "node_modules", "fzstd")):
        absent.append("fzstd (npm)")
    if absent:
        write(report, [{"name": "npm", "status": "skipped", "why": f"not here: {', '.join(absent)}"}])
        return 0
    with tempfile.TemporaryDirectory() as folder:
        package = make_package(os.path.join(folder, "one"))
        again = same_bytes(package, make_package(os.path.join(folder, "two")))
        code = run_tests(folder, package, os.path.abspath(options.bin), report)
    with open(report) as file:
        rows = json.load(file)
    rows.append({"name": "npm.the_same_input_makes_the_same_bytes", "status": "passed" if again else "failed",
                 "why": "" if again else "two runs made different packages"})
    write(report, rows)
    return code or (0 if again else 1)


if __name__ == "__main__":
    sys.exit(main())
