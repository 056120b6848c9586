#!/usr/bin/env python3
"""Makes the Python wheel, twice, installs it into a fresh environment that has nothing else, and runs the tests there.

  check.py --bin build/release/bin --report REPORT.json
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))


def run(*command, **options):
    print("$", *command, flush=True)
    return subprocess.run(command, check=True, **options)


def make_wheel(library, folder):
    made = run(sys.executable, os.path.join(ROOT, "packages", "python", "make_wheel.py"), "--library", library, "--output", folder,
               stdout=subprocess.PIPE, text=True, env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})
    return made.stdout.strip()


def same_bytes(one, other):
    with open(one, "rb") as a, open(other, "rb") as b:
        return os.path.basename(one) == os.path.basename(other) and a.read() == b.read()


def install(wheel, folder):
    """The environment's Python. It gets no pip of its own, which takes seconds: that of this Python installs."""
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    python = os.path.join(folder, "bin", "python")
    run(sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", "--python", python, "install", "--no-index", wheel)
    return python


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="where the program `ciyuan` is")
    parser.add_argument("--report", required=True)
    options = parser.parse_args()
    binaries, report = os.path.abspath(options.bin), os.path.abspath(options.report)
    library = os.path.join(os.path.dirname(binaries), "wheel", "libciyuan_token.so")
    with tempfile.TemporaryDirectory() as folder:
        wheel = make_wheel(library, os.path.join(folder, "one"))
        again = same_bytes(wheel, make_wheel(library, os.path.join(folder, "two")))
        python = install(wheel, os.path.join(folder, "venv"))
        environment = {**os.environ, "CIYUAN_ROOT": ROOT, "CIYUAN_PROGRAM": os.path.join(binaries, "ciyuan"), "CIYUAN_WHEEL": wheel}
        environment.pop("PYTHONPATH", None)
        code = subprocess.run([python, os.path.join(ROOT, "tests", "packages", "report.py"), HERE, report], cwd=folder,
                              env=environment).returncode
    with open(report) as file:
        rows = json.load(file)
    rows.append({"name": "wheel.the_same_input_makes_the_same_bytes", "status": "passed" if again else "failed",
                 "why": "" if again else "two runs made different wheels"})
    with open(report, "w") as file:
        json.dump(rows, file)
    return code or (0 if again else 1)


if __name__ == "__main__":
    sys.exit(main())
