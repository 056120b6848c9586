"""The hand-worked cases of cases/: a book, usages, the working in words, and the lines that must come of it.

A case's `expect` has the bill: each charge as [price line, quantity, unit price, amount], the closing lines as [line, amount], and the
total. Both the program and the oracle must give them: the working is a third way to the same figures.
"""
from decimal import Decimal

import oracle
import yaml

CASES_MIN = 50


def bill_of(result):
    lines = [[line["line"], int(line["quantity"]), Decimal(line["unit_price"]), Decimal(line["amount"])] for line in result["lines"]]
    closing = [[line["line"], Decimal(line["amount"])] for line in result["closing"]]
    return sorted(lines), closing, Decimal(result["total"])


def wanted(expect):
    lines = [[str(line), int(quantity), Decimal(str(price)), Decimal(str(amount))] for line, quantity, price, amount in expect["lines"]]
    closing = [[str(line), Decimal(str(amount))] for line, amount in expect.get("closing", [])]
    return sorted(lines), closing, Decimal(str(expect["total"]))


class Text(yaml.SafeLoader):
    """Plain scalars stay what they are written as, but for whole numbers: no decimal passes through a float."""


Text.yaml_implicit_resolvers = {first: [(tag, pattern) for tag, pattern in rules if tag not in ("tag:yaml.org,2002:float", "tag:yaml.org,2002:timestamp")]
                                for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def cases_of(folder):
    for path in sorted(folder.glob("*.yaml")):
        with open(path, encoding="utf-8") as file:
            document = yaml.load(file, Text)
        for case in document["cases"]:
            assert case["working"].strip() and document["book"]["source"], path
            yield f"{path.stem}: {case['name']}", {"book": document["book"], **{name: case[name] for name in ("usages", "clause", "end") if name in case}}, case["expect"]


def check(folder, ours, compare):
    found = list(cases_of(folder))
    wrong = 0
    for (name, case, expect), got in zip(found, ours([case for _, case, _ in found]), strict=True):
        problem = compare(case, got)
        if not problem and bill_of(got) != wanted(expect):
            problem = f"the working says {wanted(expect)}, the program {bill_of(got)}"
        if not problem and bill_of(oracle.rated(case)) != wanted(expect):
            problem = "the oracle and the working differ"
        if problem:
            wrong += 1
            print(f"{name}: {problem}")
    print(f"{len(found)} hand-worked cases, {wrong} differ")
    return wrong or len(found) < CASES_MIN
