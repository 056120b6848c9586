#!/usr/bin/env bash
# The simulation for twenty minutes, over seeds that no run before had: ten over a store in memory, the rest over SQLite.
# The last line is the last seed, and what it broke where it broke something; that seed replays it.
set -euo pipefail
first="$(date +%s)000"
run() { # NAME SECONDS ARGUMENTS…: its last lines, and its exit code
  local name=$1 seconds=$2
  shift 2
  echo "$name: sim $* --seconds $seconds"
  "$CIYUAN_BIN/sim" "$@" --seconds "$seconds" | tail -n 3
}
run "in memory" 600 --seed "$first" --steps 1500
run "over SQLite" 500 --sqlite --seed "$first" --steps 600
