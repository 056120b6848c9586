#!/usr/bin/env python3
"""Runs the unittest modules of a folder with the Python that runs this, and writes what came of each test.

  report.py FOLDER REPORT.json

The report is a list of {"name", "status", "why"}, as tools/suites.py reads it.
"""
import json
import sys
import unittest


class Results(unittest.TextTestResult):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.rows = {}

    def startTest(self, test):
        super().startTest(test)
        self.rows[test.id()] = {"name": test.id(), "status": "passed", "why": ""}

    def note(self, test, status, why):
        self.rows[test.id()] = {"name": test.id(), "status": status, "why": why.strip().splitlines()[-1] if why.strip() else ""}

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.note(test, "failed", str(error[1]))

    def addError(self, test, error):
        super().addError(test, error)
        self.note(test, "failed", repr(error[1]))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note(test, "skipped", reason)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.note(test, "failed", f"{subtest}: {error[1]!r}")


def main():
    folder, report = sys.argv[1:]
    tests = unittest.defaultTestLoader.discover(folder, pattern="test_*.py", top_level_dir=folder)
    results = unittest.TextTestRunner(verbosity=2, resultclass=Results).run(tests)
    with open(report, "w") as file:
        json.dump(list(results.rows.values()), file)
    return 0 if results.wasSuccessful() and results.testsRun else 1


if __name__ == "__main__":
    sys.exit(main())
