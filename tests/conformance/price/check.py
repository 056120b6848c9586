#!/usr/bin/env python3
"""Rating against an oracle in Python's decimal, to the last digit; the hand-worked cases of cases/; and a whole public
catalogue, imported.

  check.py [--cases N] [--seed N]      20,000 random books and usages; 100,000 where CIYUAN_LONG is set

Exit code 77, with the reason on the last line, where only the catalogue could not be had.
"""
import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
from decimal import Decimal

import catalogue
import generate
import hand_worked
import oracle

HERE = pathlib.Path(__file__).resolve().parent
BIN = pathlib.Path(os.environ.get("CIYUAN_BIN", HERE.parents[2] / "build/release/bin"))
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "ciyuan/packages"
NUMBERS = ("unit_price", "amount")


def ours(cases):
    text = "".join(json.dumps(case) + "\n" for case in cases)
    done = subprocess.run([BIN / "rate_cases"], input=text, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"rate_cases ended with {done.returncode}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def plain(line):
    """A line of ours, or of the oracle, as both would write it."""
    kept = {name: value for name, value in line.items() if name != "state" and value not in ("", 0)
            and not (name in ("period", "step", "usage") and not value)}
    for name in NUMBERS:
        kept[name] = Decimal(line[name]).normalize()
    kept["quantity"] = line["quantity"]
    return kept


def compare(case, got):
    """What differs, in words; empty: nothing."""
    try:
        want = oracle.rated(case)
    except oracle.NoPrice:
        return "" if "has no price" in got.get("error", {}).get("message", "") else f"the oracle finds no price, ours {got}"
    except oracle.Inexact:
        return "" if got.get("error", {}).get("path", "").startswith("/discounts/") else f"the oracle finds a discount inexact, ours {got}"
    if "error" in got:
        return f"refused: {got['error']}"
    for part in ("lines", "closing"):
        a, b = [plain(line) for line in got[part]], [plain(line) for line in want[part]]
        if a != b:
            return f"{part}: {[line for line in a if line not in b]} should be {[line for line in b if line not in a]}"
    if Decimal(got["total"]) != want["total"] or Decimal(got["in_parts"]) != Decimal(got["rated"]):
        return f"total {got['total']} should be {want['total']}; in parts {got['in_parts']}, whole {got['rated']}"
    return ""


def random_cases(count, seed):
    chance, wrong, lines, refused = random.Random(seed), 0, 0, 0
    for begin in range(0, count, 2000):
        cases = [generate.case_of(chance) for _ in range(min(2000, count - begin))]
        for number, (case, got) in enumerate(zip(cases, ours(cases), strict=True), begin):
            problem = compare(case, got)
            lines += len(got.get("lines", [])) + len(got.get("closing", []))
            refused += "error" in got
            if problem:
                wrong += 1
                if wrong <= 3:
                    print(f"case {number} of seed {seed}: {problem}\n  {json.dumps(case)}")
    print(f"{count} random books and usages, {lines} lines, {refused} refused, {wrong} differ")
    return wrong or refused * 2 > count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100000 if os.environ.get("CIYUAN_LONG") else 20000)
    parser.add_argument("--seed", type=int, default=20261130)
    options = parser.parse_args()
    wrong = random_cases(options.cases, options.seed)
    wrong += hand_worked.check(HERE / "cases", ours, compare)
    imported = catalogue.check(BIN / "ciyuan", CACHE)
    if wrong or imported == catalogue.WRONG:
        return 1
    return 77 if imported == catalogue.ABSENT else 0


if __name__ == "__main__":
    sys.exit(main())
