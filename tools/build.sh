#!/usr/bin/env bash
# Builds a preset (release unless told otherwise) quietly, with what changed only.
#   tools/build.sh [PRESET [TARGET…]]
set -uo pipefail
cd "$(dirname "$0")/.."
source tools/steps.sh
preset=${1:-release}
shift || true
if [ ! -f "build/$preset/build.ninja" ]; then
  step "configure-$preset" "configuring ($preset)" cmake --preset "$preset" || exit 1
fi
step "build-$preset" "building ($preset)" cmake --build --preset "$preset" ${1:+--target "$@"} || exit 1
