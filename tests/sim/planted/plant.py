#!/usr/bin/env python3
"""Writes a copy of one of the ledger's sources with a bug of bugs.json in it.

  plant.py BUG ROOT TARGET.cc
"""
import json
import os
import sys

bug, root, target = sys.argv[1:]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "bugs.json"), encoding="utf-8") as file:
    planted = json.load(file)[bug]
with open(os.path.join(root, planted["file"]), encoding="utf-8") as file:
    source = file.read()
if source.count(planted["is"]) != 1:
    sys.exit(f"{bug}: {planted['file']} has changed: the place to plant it stands there {source.count(planted['is'])} times")
os.makedirs(os.path.dirname(target), exist_ok=True)
with open(target, "w", encoding="utf-8") as file:
    file.write(source.replace(planted["is"], planted["becomes"]))
