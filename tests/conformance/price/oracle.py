"""Works out every charge of a file of cases again, with Python's decimal arithmetic.

Usage: oracle.py FILE, one JSON object a line, as tests/price/book_test.cc writes them.
Exit code 0 when every total is the same number, 1 otherwise.
"""

import decimal
import json
import sys
from decimal import Decimal

decimal.getcontext().prec = 60
decimal.getcontext().traps[decimal.Inexact] = True  # an inexact result is an error, not a rounding


def expected_total(case: dict) -> Decimal:
    per_tokens = Decimal(case["per_tokens"])
    tokens = Decimal(case["price"]) * case["input"] + Decimal(case["output_price"]) * case["output"]
    return tokens / per_tokens + Decimal(case["price"]) * case["requests"]


def main() -> int:
    cases = wrong = 0
    with open(sys.argv[1], encoding="utf-8") as lines:
        for line in lines:
            case = json.loads(line)
            cases += 1
            want = expected_total(case)
            if want != Decimal(case["total"]):
                wrong += 1
                print(f"case {cases}: {case['total']} should be {want}: {line.strip()}", file=sys.stderr)
    if cases == 0:
        print("no cases", file=sys.stderr)
        return 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
