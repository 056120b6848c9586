#!/usr/bin/env python3
"""The simulator finds each planted bug within a minute, and nothing where none is planted.

  find.py ledger_sim ledger_sim_BUG…
"""
import subprocess
import sys
import time

MINUTE = 60
sound, *planted = sys.argv[1:]
wrong = []
for program in planted:
    begin = time.monotonic()
    done = subprocess.run([program, "--runs", "100000", "--seconds", str(MINUTE)], capture_output=True, text=True)
    lasted = time.monotonic() - begin
    found = done.returncode == 1 and done.stdout.startswith("seed ")
    print(f"{program.rsplit('/', 1)[-1]}: {lasted:.2f} s: {done.stdout.splitlines()[0] if found else 'NOT FOUND'}", flush=True)
    if not found:
        wrong.append(program)
# The seeds that find the bugs are the first ones: without a bug they find nothing.
done = subprocess.run([sound, "--runs", "50"], capture_output=True, text=True)
print(f"without a bug: {done.stdout.strip()}")
sys.exit(bool(wrong) or done.returncode != 0 or not planted)
