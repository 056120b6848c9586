#!/usr/bin/env python3
"""Proves that includes only point down: no file of a library includes one of a higher layer, or of its own layer
where that is not allowed below. Every library has a README and a place in the layers.

  check.py SOURCE_ROOT     exit code 0, or 1 with a line for each breach
  check.py --self-test     that breaches are found
"""
import os
import re
import sys
import tempfile

# Lowest first. A new library needs a place here before it builds green.
LAYERS = [
    ["base"],
    ["token", "scan", "cel", "tlog", "http", "dialect", "jinja"],
    ["measure", "price", "ledger", "contract", "record", "licence"],
    ["clerk", "store"],
    ["gateway", "standin", "admin", "audit", "report"],
    ["cli"],
]
# Includes within a layer: (from, to), and why.
ALLOWED = {
    ("contract", "price"): "a contract names its price book",
    ("contract", "measure"): "a contract names the method that counts under it",
    ("measure", "record"): "a count has the record's level of verification",
    ("admin", "report"): "the control plane serves what reports say",
    ("clerk", "store"): "the clerk writes through the store's interface",
}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
SOURCE = (".h", ".cc", ".inc")


def includes(folder):
    """(file, included path) of every quoted include below the folder."""
    for parent, _, names in os.walk(folder):
        for name in sorted(names):
            if name.endswith(SOURCE):
                path = os.path.join(parent, name)
                with open(path, encoding="utf-8") as file:
                    for target in INCLUDE.findall(file.read()):
                        yield path, target


def breaches(root):
    level = {library: number for number, layer in enumerate(LAYERS) for library in layer}
    source = os.path.join(root, "src")
    libraries = sorted(name for name in os.listdir(source)
                       if os.path.exists(os.path.join(source, name, "CMakeLists.txt")))
    for library in libraries:
        if library not in level:
            yield f"src/{library}: has no place in the layers"
            continue
        if not os.path.exists(os.path.join(source, library, "README.md")):
            yield f"src/{library}: has no README.md"
        for path, target in includes(os.path.join(source, library)):
            where = os.path.relpath(path, root)
            to = target.split("/", 1)[0]
            if "/" not in target or not os.path.isdir(os.path.join(source, to)):
                yield f'{where}: "{target}" is not written as "<library>/<header>"'
            elif to not in level:
                yield f"{where}: {target}: {to} has no place in the layers"
            elif level[to] > level[library]:
                yield f"{where}: includes {target}, which is {level[to] - level[library]} layer(s) up"
            elif to != library and level[to] == level[library] and (library, to) not in ALLOWED:
                yield f"{where}: includes {target} of its own layer, which tests/layers does not allow"
            elif to != library and "/internal/" in target:
                yield f"{where}: includes {target}, which is internal to {to}"


def self_test():
    """Small trees with one breach each."""
    def found(files):
        with tempfile.TemporaryDirectory() as root:
            for name, text in files.items():
                os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
                with open(os.path.join(root, name), "w", encoding="utf-8") as file:
                    file.write(text)
            return list(breaches(root))

    def library(name, source=""):
        return {f"src/{name}/CMakeLists.txt": "", f"src/{name}/README.md": "", f"src/{name}/x.h": source}

    base, http = library("base"), library("http", '#include "base/x.h"\n#include <map>\n')
    assert found({**base, **http}) == []
    assert "layer(s) up" in found({**http, **library("base", '#include "http/x.h"\n')})[0]
    assert "own layer" in found({**base, **http, **library("tlog", '#include "http/x.h"\n')})[0]
    assert "internal" in found({**base, "src/base/internal/y.h": "", **library("http", '#include "base/internal/y.h"')})[0]
    assert "no place" in found({**base, **library("helpers")})[0]
    assert "not written" in found({**base, "src/base/y.h": '#include "x.h"\n'})[0]
    del base["src/base/README.md"]
    assert "README" in found(base)[0]


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return 0
    found = list(breaches(sys.argv[1]))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
