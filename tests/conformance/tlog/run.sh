#!/bin/sh
# Checks a folder of a ciyuan log (see main.go) with Go's own transparency-log library.
# Usage: run.sh FOLDER. Exit code 0: all holds; 77: cannot be run here, and why; else: something does not hold.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(cd "$1" && pwd)
command -v go >/dev/null || { echo "skipped: no Go here (Debian: golang-go golang-golang-x-mod-dev)"; exit 77; }
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT

# By the module's pinned version, or with Debian's package where the module proxy cannot be reached.
if (cd "$here" && go build -o "$build/check" .) >"$build/log" 2>&1; then
  :
elif [ -d /usr/share/gocode/src/golang.org/x/mod/sumdb ]; then
  GO111MODULE=off GOPATH=/usr/share/gocode go build -o "$build/check" "$here/main.go"
elif (cd "$here" && go mod download >/dev/null 2>&1); then
  cat "$build/log"; exit 1 # the module is there: our program does not build
else
  echo "skipped: golang.org/x/mod cannot be fetched (Debian: golang-golang-x-mod-dev)"; exit 77
fi
"$build/check" "$folder"
