#!/usr/bin/env python3
"""Runs the test suites one after the other and says what came of them. Called by ./test after tools/setup.sh.

A suite is a command that leaves a list of results: ctest (with GoogleTest's own report of each case), a conformance
oracle under tests/conformance (exit code 77: skipped, and why on the last line), tests/packages/*/check.py, or
tests/e2e/run.py.
"""
import argparse
import dataclasses
import datetime
import glob
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOGS = os.path.join(ROOT, "build", "logs")
STAMPS = os.path.join(ROOT, "build", "stamps")
SKIPPED = 77  # exit code of a script that cannot run here


@dataclasses.dataclass
class Case:
    name: str
    status: str  # passed, failed, skipped
    why: str = ""


@dataclasses.dataclass
class Suite:
    name: str
    title: str
    run: callable  # (suite, log path) -> list of Case
    preset: str = "release"
    inputs: tuple = ()  # files and folders whose content decides the result; empty: always run


def shell(command, log, environment=None, timeout=None):
    """Runs it with all output in the log; the exit code."""
    with open(log, "ab") as out:
        try:
            return subprocess.run(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                  env={**os.environ, **(environment or {})}, timeout=timeout).returncode
        except subprocess.TimeoutExpired:
            out.write(f"\nran longer than {timeout} s\n".encode())
            return 124


def sanitizer_environment():
    return {
        "ASAN_OPTIONS": "abort_on_error=0:detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=0",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
    }


# ---- ctest ----------------------------------------------------------------------------------------------------------

def run_ctest(suite, log):
    build = os.path.join(ROOT, "build", suite.preset)
    reports = os.path.join(build, "reports")
    shutil.rmtree(reports, ignore_errors=True)
    os.makedirs(reports)
    junit = os.path.join(reports, "ctest.xml")
    environment = {"GTEST_OUTPUT": f"json:{reports}/", "GTEST_BRIEF": "1"}
    if suite.preset in ("asan", "tsan"):
        environment.update(sanitizer_environment())
    shell(["ctest", "--test-dir", build, "-j", str(os.cpu_count() or 1), "--output-on-failure", "--output-junit", junit,
           "--timeout", "1500"], log, environment)
    return ctest_results(junit, reports)


def ctest_results(junit, reports):
    """GoogleTest's report case by case where there is one, else one result for the ctest entry."""
    if not os.path.exists(junit):
        return [Case("ctest", "failed", "ctest left no report")]
    cases = []
    for entry in xml.parse(junit).getroot().iter("testcase"):
        name = entry.get("name")
        failed = entry.get("status") == "fail" or entry.find("failure") is not None
        skipped = entry.find("skipped") is not None or entry.get("status") in ("notrun", "disabled")
        report = os.path.join(reports, f"{name}_test.json")
        found = googletest_cases(report) if os.path.exists(report) else []
        cases += found
        if failed and not any(case.status == "failed" for case in found):
            cases.append(Case(name, "failed", "it did not run to its end: a crash, a sanitizer's report, or a timeout"))
        elif not found:
            cases.append(Case(name, "skipped" if skipped else "passed", last_line(entry.findtext("system-out"))
                              if skipped else ""))
    return cases


def googletest_cases(report):
    try:
        with open(report) as file:
            suites = json.load(file)["testsuites"]
    except (OSError, ValueError):
        return []
    cases = []
    for one in (case for suite in suites for case in suite["testsuite"]):
        name = f"{one['classname']}.{one['name']}"
        if one.get("failures"):
            cases.append(Case(name, "failed", one["failures"][0]["failure"].split("\n", 1)[0]))
        elif one.get("result") == "SKIPPED":
            why = (one.get("skipped") or [{"message": ""}])[0].get("message", "")
            cases.append(Case(name, "skipped", last_line(why)))
        elif one.get("result") == "COMPLETED":
            cases.append(Case(name, "passed"))
    return cases


def last_line(text):
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    return lines[-1] if lines else ""


# ---- scripts --------------------------------------------------------------------------------------------------------

def python():
    own = os.path.join(ROOT, ".venv", "bin", "python")
    return own if os.path.exists(own) else sys.executable


def conformance(script, long=False):
    """Where CIYUAN_LONG is set, a script takes as many cases as an hour allows."""
    def run(suite, log):
        environment = {"CIYUAN_BIN": os.path.join(ROOT, "build", suite.preset, "bin"), "PYTHON": python(),
                       **({"CIYUAN_LONG": "1"} if long else {})}
        code = shell([python(), script] if script.endswith(".py") else [script], log, environment, timeout=7200 if long else 1500)
        with open(log, errors="replace") as file:
            said = last_line(file.read())
        status = "passed" if code == 0 else "skipped" if code == SKIPPED else "failed"
        return [Case(suite.name, status, "" if code == 0 else said.removeprefix("skipped: "))]
    return run


FUZZ_SECONDS = 600  # each, under ./test --long


def fuzz(target, corpus, seconds):
    """Mutations of a fuzzer's corpus, others each time; the command that does them again is in the log."""
    def run(suite, log):
        command = [f"build/{suite.preset}/bin/fuzz_{target}", f"fuzz/{corpus}", str(10**12), str(seconds), str(time.time_ns())]
        with open(log, "a") as file:
            file.write(" ".join(command) + "\n")
        code = shell(command, log, timeout=2 * seconds + 600)
        return [Case(suite.name, "failed" if code else "passed", f"it ended with {code}" if code else "")]
    return run


def reported(command, timeout, environment=None):
    """A command that takes --bin and --report, and leaves there a list of {"name", "status", "why"}."""
    def run(suite, log):
        report = os.path.join(LOGS, suite.name + ".json")
        if os.path.exists(report):
            os.remove(report)
        code = shell([*command, "--bin", f"build/{suite.preset}/bin", "--report", report], log, environment, timeout)
        if not os.path.exists(report):
            return [Case(suite.name, "failed", f"the runner ended with {code} and left no report")]
        with open(report) as file:
            return [Case(one["name"], one["status"], one.get("why", "")) for one in json.load(file)]
    return run


def end_to_end(*arguments):
    return reported([python(), "tests/e2e/run.py", *arguments], 4 * 3600 if "--long" in arguments else 3600,
                    sanitizer_environment() if "--sanitized" in arguments else None)


def package_suites():
    """tests/packages/NAME/check.py: the counter as other languages get it, out of the package that they install."""
    for script in sorted(glob.glob(os.path.join(ROOT, "tests", "packages", "*", "check.py"))):
        name = os.path.basename(os.path.dirname(script))
        yield Suite(f"package-{name}", f"package: {name}", reported([python(), os.path.relpath(script, ROOT)], 900),
                    inputs=("src/token", "src/base", "packages", "tests/packages", "data", "docs/packages.md", "LICENSE", "tools",
                            "build/release/wheel", "build/release/bin/ciyuan"))


def conformance_suites(long):
    """tests/conformance/NAME/check.{py,sh}: oracles that know nothing of our code."""
    for script in sorted(glob.glob(os.path.join(ROOT, "tests", "conformance", "*", "check.*"))):
        name = os.path.basename(os.path.dirname(script))
        script = os.path.relpath(script, ROOT)
        yield Suite(f"conformance-{name}", f"conformance: {name}", conformance(script, long),
                    inputs=(os.path.dirname(script), os.path.join("src", name), "build/release/bin/ciyuan", "tools", "data"))


def plan(arguments):
    suites = []
    if arguments.asan or arguments.tsan:
        for preset in [name for name in ("asan", "tsan") if getattr(arguments, name)]:
            suites.append(Suite(f"unit-{preset}", f"unit tests ({preset})", run_ctest, preset))
            suites.append(Suite(f"e2e-{preset}", f"end to end ({preset})", end_to_end("--sanitized"), preset))
        return suites
    suites.append(Suite("unit", "unit tests", run_ctest, inputs=("src", "tests", "fuzz", "cmake", "data", "docs", "schema", "examples",
                                                                  "CMakeLists.txt", "tools")))
    suites += conformance_suites(arguments.long)
    suites += package_suites()
    slow = ("build/release/bin/ciyuan", "tests/e2e", "tools", "examples", "data", "schema", "README.md", "run", "test")
    suites.append(Suite("e2e", "end to end", end_to_end(*(["--long"] if arguments.long else [])), inputs=slow))
    if arguments.long:
        for program in sorted(glob.glob(os.path.join(ROOT, "fuzz", "*_*.cc"))):
            target = os.path.basename(program)[:-len(".cc")]
            library, subject = target.split("_", 1)
            suites.append(Suite(f"fuzz-long-{target}", f"the fuzzer {target}, for long",
                                fuzz(target, f"{library}_corpus/{subject}", FUZZ_SECONDS)))
        for script in sorted(glob.glob(os.path.join(ROOT, "tests", "sim", "long.*"))):
            suites.append(Suite("sim-long", "the simulation, for long", conformance(os.path.relpath(script, ROOT), True)))
    return suites


# ---- stamps ---------------------------------------------------------------------------------------------------------

def digest_of(inputs):
    """One hash of the content of all files of a suite's inputs."""
    whole = hashlib.sha256()
    for path in sorted(files_under(inputs)):
        whole.update(os.path.relpath(path, ROOT).encode() + b"\0")
        with open(path, "rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def files_under(inputs):
    for name in inputs:
        path = os.path.join(ROOT, name)
        if os.path.isfile(path):
            yield path
        for folder, folders, names in os.walk(path):
            folders[:] = [one for one in folders if one not in ("node_modules", "__pycache__")]
            yield from (os.path.join(folder, one) for one in names if os.path.isfile(os.path.join(folder, one)))


def stamp_path(suite):
    return os.path.join(STAMPS, suite.name + ".json")


def passed_before(suite):
    """The stamp of a run that passed with the same inputs, or None."""
    try:
        with open(stamp_path(suite)) as file:
            stamp = json.load(file)
    except (OSError, ValueError):
        return None
    return stamp if stamp["digest"] == digest_of(suite.inputs) else None


def leave_stamp(suite, cases, digest):
    os.makedirs(STAMPS, exist_ok=True)
    with open(stamp_path(suite), "w") as file:
        json.dump({"digest": digest, "passed": len(cases),
                   "at": datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")}, file)


# ---- the run --------------------------------------------------------------------------------------------------------

def build(presets):
    for preset in presets:
        if subprocess.run([os.path.join(ROOT, "tools", "build.sh"), preset], cwd=ROOT).returncode != 0:
            return False
    return True


def run_suite(suite, fresh):
    """(cases, how many passed on an earlier run)"""
    stamp = None if fresh or not suite.inputs else passed_before(suite)
    if stamp:
        print(f"  {suite.title:<38} {stamp['passed']} passed at {stamp['at']}, unchanged since", flush=True)
        return [], stamp["passed"]
    log = os.path.join(LOGS, suite.name + ".log")
    open(log, "w").close()
    digest = digest_of(suite.inputs) if suite.inputs else ""
    begin = time.monotonic()
    cases = suite.run(suite, log)
    count = {status: sum(case.status == status for case in cases) for status in ("passed", "failed", "skipped")}
    told = ", ".join(f"{number} {status}" for status, number in count.items() if number or status == "passed")
    print(f"  {suite.title:<38} {told} ({time.monotonic() - begin:.0f} s)", flush=True)
    for case in cases:
        if case.status != "passed":
            print(f"    {case.status}: {case.name}" + (f": {case.why}" if case.why else ""))
    if count["failed"]:
        print(f"    log: {os.path.relpath(log, ROOT)}")
    if suite.inputs and cases and count["passed"] == len(cases):
        leave_stamp(suite, cases, digest)
    elif os.path.exists(stamp_path(suite)):
        os.remove(stamp_path(suite))
    return cases, 0


def main():
    parser = argparse.ArgumentParser(prog="./test")
    for flag in ("fresh", "long", "asan", "tsan", "no-skips"):
        parser.add_argument("--" + flag, action="store_true")
    parser.add_argument("--only", action="append", default=[])
    arguments = parser.parse_args()
    os.makedirs(LOGS, exist_ok=True)
    suites = [suite for suite in plan(arguments)
              if not arguments.only or any(name in suite.name for name in arguments.only)]
    if not build(dict.fromkeys(suite.preset for suite in suites)):
        print("the build failed\n0 passed, 1 failed, 0 skipped")
        return 1
    cases, before = [], 0
    for suite in suites:
        found, earlier = run_suite(suite, arguments.fresh or arguments.long)
        cases += found
        before += earlier
    count = {status: sum(case.status == status for case in cases) for status in ("passed", "failed", "skipped")}
    print(f"{count['passed'] + before} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 1 if count["failed"] or not (cases or before) or (arguments.no_skips and count["skipped"]) else 0


if __name__ == "__main__":
    sys.exit(main())
