#!/usr/bin/env python3
"""End-to-end tests: the real program, real clients, real and hostile services, on free ports of this machine.

  tests/e2e/run.py [--bin build/release/bin] [--only TEXT]… [--list] [--report FILE] [--long] [--sanitized]

A case is a function of cases/*.py with the decorator @case; its name is its sentence. A case passes, fails, or is skipped
with a reason (an absent peer).
"""
import argparse
import importlib
import json
import os
import pkgutil
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cases  # noqa: E402
import world  # noqa: E402
from registry import CASES  # noqa: E402


def run_one(one, options):
    begin = time.monotonic()
    status, why = "passed", ""
    try:
        with world.World(options) as place:
            one.function(place)
    except world.Skip as skipped:
        status, why = "skipped", str(skipped)
    except Exception as failed:  # a case may fail in any way
        status, why = "failed", f"{type(failed).__name__}: {failed}".split("\n", 1)[0][:500]
        traceback.print_exc(file=sys.stdout)
    seconds = time.monotonic() - begin
    print(f"{status:<8} {seconds:6.1f} s  {one.name}" + (f": {why}" if why else ""), flush=True)
    return {"name": one.name, "status": status, "why": why, "seconds": round(seconds, 2)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="build/release/bin", help="folder with the program, from the root of the tree")
    parser.add_argument("--only", action="append", default=[], help="cases whose module or name contains the text")
    parser.add_argument("--report", help="writes the results as JSON")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--long", action="store_true", help="more repetitions")
    parser.add_argument("--sanitized", action="store_true", help="a slow program: fewer repetitions, no bounds on memory")
    options = parser.parse_args()
    options.model_server = world.ModelServer()
    for module in pkgutil.iter_modules(cases.__path__):
        importlib.import_module("cases." + module.name)
    chosen = [one for one in CASES if not options.only or any(text in f"{one.module} {one.name}" for text in options.only)]
    if options.list:
        for one in chosen:
            print(f"{one.module:<10} {one.name}")
        return 0
    try:
        results = [run_one(one, options) for one in chosen]
    finally:
        options.model_server.close()
    if options.report:
        with open(options.report, "w") as file:
            json.dump(results, file, indent=1)
    count = {status: sum(one["status"] == status for one in results) for status in ("passed", "failed", "skipped")}
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 1 if count["failed"] or not results else 0


if __name__ == "__main__":
    sys.exit(main())
