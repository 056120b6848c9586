#!/usr/bin/env python3
"""Our renderer against Python's jinja2, byte for byte: the shipped chat templates and those of collected.json, each over
conversations until 200 gave a text, expressions and statements. Exit code 77, with the reason on the last line, where jinja2
or a package cannot be had (what there is has been compared then)."""
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
RENDER = pathlib.Path(os.environ.get("CIYUAN_BIN", HERE.parents[2] / "build/release/bin")) / "jinja_render"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "ciyuan/packages"

try:
    import jinja2  # noqa: F401
except ImportError:
    print("skipped: PyPI jinja2 is not installed")
    sys.exit(77)
long = bool(os.environ.get("CIYUAN_LONG"))
sys.exit(subprocess.run([sys.executable, HERE / "oracle.py", "--render", RENDER, "--cache", CACHE,
                         "--conversations", "2000" if long else "200", "--statements", "200000" if long else "5000"]).returncode)
