#!/usr/bin/env python3
"""`ciyuan usage export --format focus` of a real server passes the FinOps Foundation's own validator (PyPI focus-validator)
for FOCUS 1.2: usage of two keys and two models, an invoice's tax and rounding, a correction of an earlier period, and the close of a
billing period.

The validator is taken from its package as it is, but for one expression that only Python 3.12 can read. Exit code 77: it
cannot be had here.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile
import types

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
from settling import books, calls, end_of_term, moment  # noqa: E402
from world import World, check, http  # noqa: E402

VERSION = "1.2"
# What this program supports of what the specification makes conditional.
CRITERIA = ("USAGE_MEASUREMENT_SUPPORTED,UNIT_PRICING_SUPPORTED,PUBLIC_PRICE_LIST_SUPPORTED,NEGOTIATED_PRICING_SUPPORTED,"
            "SUB_ACCOUNT_SUPPORTED,REGION_SUPPORTED,TAGGING_SUPPORTED,PRICING_BILLING_CURRENCY_DIFFERENCES_SUPPORTED")
CHEAPER = {"kind": "PriceBook", "name": "cheaper", "version": "1", "date": "2026-11-01", "source": "the tests", "currency": "CNY",
           "per_tokens": 1000000, "prices": [{"model": "*", "kind": "input", "price": "1000.00"},
                                             {"model": "*", "kind": "output", "price": "4000.00"}]}
# Alternatives of which one holds: the rule above each (…-C-003-C) is what must pass, and is checked.
ALTERNATIVES = {"InvoiceId-C-004-C", "InvoiceId-C-005-C"}


def validator():
    """The unpacked package and the Python that has what it needs, or None."""
    folder = os.path.join(ROOT, ".focus")
    sources = glob.glob(os.path.join(folder, "focus_validator-*"))
    python = os.path.join(folder, "bin", "python")
    return (sources[0], python) if sources and os.path.exists(python) else None


def validate(source, python, csv):
    """The rules that failed."""
    done = subprocess.run([python, "-m", "focus_validator.main", "--data-file", csv, "--validate-version", VERSION, "--block-download",
                           "--applicability-criteria", CRITERIA, "--show-violations"], cwd=source, capture_output=True, text=True,
                          timeout=1200)
    said = done.stdout + done.stderr
    passed, failed = re.findall(r"✅ (\S+?):? PASS", said), re.findall(r"❌ (\S+): FAIL", said)
    check(len(passed) > 100, "the validator checked next to nothing:", said[-2000:])
    return len(passed), set(failed), said


def main():
    found = validator()
    if found is None:
        print("skipped: the FOCUS validator cannot be had (PyPI focus-validator)")
        return 77
    options = types.SimpleNamespace(bin=os.environ.get("CIYUAN_BIN", "build/release/bin"), sanitized=False, long=False)
    with World(options) as world:
        gateway, period = books(world, extra=[CHEAPER])
        status, answer = gateway.admin("/v1/invoices", {"contract": "e2e", "period": period})
        check(status == 201, status, answer[:1000])
        gateway.ask(f"/v1/records/{gateway.made[0]['id']}/correct", {"price_book": "cheaper"})
        calls(gateway, 1)
        end_of_term(gateway, percentages=[{"type": "discount", "percent": "5"}], minimum={"amount": "100000"})
        later = f"{period.split('..')[1]}..{moment()}"
        for name, asked in (("usage", period), ("corrected", later)):
            status, text = gateway.admin(f"/v1/contracts/e2e/usage?format=focus&period={asked}")
            check(status == 200, status, text[:1000])
            for wanted in (b",Correction,", b"minimum, close of"):
                check((wanted in text) == (name == "corrected"), name, wanted, text[:2000])
            csv = os.path.join(world.folder, name + ".csv")
            with open(csv, "wb") as file:
                file.write(text)
            number, failed, said = validate(*found, csv)
            failed -= ALTERNATIVES
            check(not failed, f"{name}: rules that failed:", sorted(failed), said[-3000:])
            print(f"{name}: {text.count(bytes([10])) - 1} rows, {number} rules of FOCUS {VERSION} pass")
    # The check can fail: a tax with a quantity is against the rules.
    with tempfile.TemporaryDirectory() as folder:
        broken = os.path.join(folder, "broken.csv")
        with open(broken, "wb") as file:
            file.write(text.replace(b",Usage,", b",Tax,", 1))
        check(validate(*found, broken)[1] - ALTERNATIVES, "a broken file passes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
