# Sourced by ./run, ./test and setup.sh: one line for each step, everything else in build/logs.
CIYUAN_ROOT=${CIYUAN_ROOT:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}
CIYUAN_LOGS=$CIYUAN_ROOT/build/logs
CIYUAN_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/ciyuan
mkdir -p "$CIYUAN_LOGS" "$CIYUAN_CACHE"

# step NAME "what it does" COMMAND…: runs it quietly; on a terminal its last line of output stands beside the name.
step() {
  local name=$1 title=$2
  shift 2
  local log=$CIYUAN_LOGS/$name.log start=$SECONDS code=0
  "$@" >"$log" 2>&1 &
  local child=$!
  if [ -t 2 ]; then
    while kill -0 "$child" 2>/dev/null; do
      printf '\r\033[K  %-38s %4d s  %s' "$title" $((SECONDS - start)) \
        "$(tail -c 400 "$log" | tr -c '[:print:]\n' ' ' | tail -n 1 | cut -c 1-60)" >&2
      sleep 0.3
    done
    printf '\r\033[K' >&2
  fi
  wait "$child" || code=$?
  if [ "$code" = 0 ]; then
    [ $((SECONDS - start)) -lt 2 ] || printf '  %-38s %4d s\n' "$title" $((SECONDS - start)) >&2
  else
    printf '  %-38s failed (%d); the end of %s:\n' "$title" "$code" "${log#"$CIYUAN_ROOT"/}" >&2
    tail -n 30 "$log" | sed 's/^/    /' >&2
  fi
  return "$code"
}
