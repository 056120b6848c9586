#!/usr/bin/env python3
"""Every library's README that shows C++ has a scene here, and so is compiled; every README shows how to use the library.

  check.py ROOT
"""
import glob
import os
import sys

root = sys.argv[1]
wrong = []
for path in sorted(glob.glob(os.path.join(root, "src", "*", "README.md"))):
    library = os.path.basename(os.path.dirname(path))
    with open(path, encoding="utf-8") as file:
        text = file.read()
    shown, compiled = "```cpp" in text, os.path.exists(os.path.join(root, "tests", "docs", library + ".h"))
    if shown != compiled:
        wrong.append(f"{library}: " + ("an example that nothing compiles" if shown else "a scene without an example"))
    if library in ("token", "jinja", "tlog", "ledger", "licence") and not shown:
        wrong.append(f"{library}: can be used alone, and its README shows no example in C++")
print("\n".join(wrong) or "all examples are compiled")
sys.exit(bool(wrong))
