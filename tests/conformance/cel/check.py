#!/usr/bin/env python3
"""The published conformance cases of CEL (npm @bufbuild/cel-spec, Apache-2.0: cel-spec's own, with the types that
cel-go deduces) against src/cel: the value, or that there is none, and the type.

  check.py             all cases; unsupported.json says which cannot pass, and why
  check.py SUITE/NAME  those that begin so, with what came of each

A case that passes and is listed is as much a failure as one that fails and is not. Exit code 77: the cases cannot be had.
"""
import json
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
CASES = pathlib.Path(os.environ.get("CIYUAN_BIN", HERE.parents[2] / "build/release/bin")) / "cel_cases"
# The package holds them as a module of plain data.
DUMP = """
import { tests } from "@bufbuild/cel-spec/testdata/conformance.js";
const found = [];
const walk = (suite, path) => {
  for (const one of suite.suites ?? []) walk(one, [...path, one.name]);
  for (const one of suite.tests ?? []) found.push({ ...one, suite: path.join("/") });
};
walk(tests, []);
process.stdout.write(JSON.stringify(found));
"""


def published():
    """All cases, or None."""
    if not shutil.which("node") or not (HERE / "node_modules/@bufbuild/cel-spec").exists():
        return None
    done = subprocess.run(["node", "--input-type=module", "-e", DUMP], cwd=HERE, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"the cases cannot be read: {done.stderr}")
    return json.loads(done.stdout)


def type_text(declared):
    """As src/cel writes types; what it does not know is left as it is named, and refused."""
    form, held = next(iter(declared.items()))
    if form == "primitive":
        return {"INT64": "int", "UINT64": "uint"}.get(held, held.lower())
    if form == "listType":
        return f"list({type_text(held['elemType'])})"
    if form == "mapType":
        return f"map({type_text(held['keyType'])}, {type_text(held['valueType'])})"
    if form == "messageType":
        return {"google.protobuf.Duration": "duration", "google.protobuf.Timestamp": "timestamp"}.get(held, held)
    if form == "abstractType":
        return held["name"]
    return {"null": "null_type", "dyn": "dyn", "wellKnown": str(held).lower()}.get(form, form)


def asked(case):
    """The line for the program, or the reason why there is none."""
    original = case["original"]
    types, values = {}, {}
    for name, value in original.get("bindings", {}).items():
        types[name], values[name] = "dyn", value["value"]
    for declared in original.get("typeEnv", []):
        if "ident" not in declared:
            return None, "a function of the application"
        if declared["name"] not in ("true", "false", "null"):
            types[declared["name"]] = type_text(declared["ident"]["type"])
    known = ("google.protobuf.Duration", "google.protobuf.Timestamp")
    for name in ("true", "false", "null"):
        types.pop(name, None), values.pop(name, None)
    for value in values.values():
        kind = value.get("objectValue", {}).get("@type", "").rpartition("/")[2]
        if "enumValue" in value or (kind and kind not in known):
            return None, "a value of a protobuf type"
    return {"expr": original["expr"], "checked": not original.get("disableCheck", False), "types": types, "values": values}, ""


def plain(value):
    """A value that Python can compare; doubles keep their kind, maps lose their order."""
    form, held = next(iter(value.items()))
    if form in ("int64Value", "uint64Value"):
        return form, int(held)
    if form == "doubleValue":
        number = float(held)
        return form, "NaN" if math.isnan(number) else number
    if form == "listValue":
        return form, tuple(plain(one) for one in held.get("values", []))
    if form == "mapValue":
        return form, frozenset((plain(one["key"]), plain(one["value"])) for one in held.get("entries", []))
    if form == "objectValue":
        return form, json.dumps(held, sort_keys=True)
    return form, held


def wrong(case, answer):
    """What is wrong with the answer, or "" when nothing is."""
    original = case["original"]
    if "not part of this subset" in answer.get("error", ""):
        return answer["error"]
    typed = original.get("typedResult")
    stated = type_text(typed["deducedType"]) if typed else re.sub(r"\bnull\b", "null_type", case.get("type", ""))
    if stated and not original.get("disableCheck") and answer.get("type") != stated:
        return f"the type is {answer.get('type', answer.get('error'))}, should be {stated}"
    if answer.get("spent"):
        return answer["fault"]
    if original.get("checkOnly"):
        return ""
    if "evalError" in original:
        return f"found {answer['value']}, should be an error" if "value" in answer else ""
    expected = (typed or {}).get("result") or original.get("value") or {"boolValue": True}
    if "value" not in answer:
        return answer.get("fault") or answer.get("error")
    return "" if plain(answer["value"]) == plain(expected) else f"found {answer['value']}, should be {expected}"


def main():
    cases = published()
    if cases is None:
        print("skipped: npm @bufbuild/cel-spec is not installed")
        return 77
    listed = {f"{suite}/{name}": reason for reason, suites in json.loads((HERE / "unsupported.json").read_text()).items()
              for suite, names in suites.items() for name in names}
    questions = [asked(case) for case in cases]
    done = subprocess.run([CASES], input="".join(json.dumps(line) + "\n" for line, _ in questions if line), capture_output=True,
                          text=True, timeout=600)
    if done.returncode != 0:
        sys.exit(f"cel_cases ended with {done.returncode}: {done.stderr}")
    answers = map(json.loads, done.stdout.splitlines())
    passed, failures, seen = 0, [], set()
    for case, (line, reason) in zip(cases, questions):
        name = f"{case['suite']}/{case['original']['name']}"
        found = wrong(case, next(answers)) if line else reason
        seen.add(name)
        if any(name.startswith(wanted) for wanted in sys.argv[1:]):
            print(f"{name}: {case['original']['expr']!r}: {found or 'passed'}")
        if not found:
            passed += 1
        if bool(found) != (name in listed):
            failures.append(f"{name}: {case['original']['expr']!r}: " + (found or "passes, and unsupported.json lists it"))
    failures += [f"{name}: unsupported.json lists it, and there is no such case" for name in listed.keys() - seen]
    for failure in failures:
        print(failure)
    print(f"{passed} of {len(cases)} cases pass, {len(listed)} are listed as unsupported, {len(failures)} are not as they should be")
    return 1 if failures or passed < 1000 else 0


if __name__ == "__main__":
    sys.exit(main())
