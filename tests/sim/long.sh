#!/usr/bin/env bash
# The simulations for half an hour, over seeds that no run before had: the clerk's for twenty minutes, ten over a store in
# memory, the rest over SQLite; then the ledger's, ten minutes on two threads in memory, two over SQLite.
# The last line is the last seed, and what it broke where it broke something; that seed replays it.
set -euo pipefail
first="$(date +%s)000"
run() { # NAME PROGRAM SECONDS ARGUMENTS…: its last lines, and its exit code
  local name=$1 program=$2 seconds=$3
  shift 3
  echo "$name: $program $* --seconds $seconds"
  "$CIYUAN_BIN/$program" "$@" --seconds "$seconds" | tail -n 3
}
run "in memory" sim 600 --seed "$first" --steps 1500
run "over SQLite" sim 500 --sqlite --seed "$first" --steps 600
run "the ledger in memory" ledger_sim 600 --seed "$first" --threads 2 --crashes 1000
run "the ledger over SQLite" ledger_sim 120 --sqlite --seed "$first" --threads 2 --crashes 100
