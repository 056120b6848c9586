#!/usr/bin/env python3
"""Our renderer against Python's jinja2, byte for byte: the shipped chat templates over generated conversations, and
expressions. (oracle.py alone also takes other templates and random statements.)"""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
RENDER = os.path.join(os.environ.get("CIYUAN_BIN", os.path.join(HERE, "..", "..", "..", "build", "release", "bin")), "jinja_render")

try:
    import jinja2  # noqa: F401
except ImportError:
    print("skipped: PyPI jinja2 is not installed")
    sys.exit(77)
for part in ("templates", "expressions"):
    code = subprocess.run([sys.executable, os.path.join(HERE, "oracle.py"), "--render", RENDER, "--only", part,
                           "--conversations", "4000" if os.environ.get("CIYUAN_LONG") else "200"]).returncode
    if code != 0:
        sys.exit(code)
