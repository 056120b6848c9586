#!/usr/bin/env bash
# Installs the peer: PostgreSQL 15 as Debian packages it. No cluster is made and nothing is started: run.py starts a
# server of its own in a temporary folder, and stops it.
set -euo pipefail
[ -x /usr/lib/postgresql/15/bin/pgbench ] && exit 0
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
export DEBIAN_FRONTEND=noninteractive
as_root apt-get install -y -q --no-install-recommends postgresql-common ||
  { as_root apt-get update -q && as_root apt-get install -y -q --no-install-recommends postgresql-common; }
as_root mkdir -p /etc/postgresql-common/createcluster.d
echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.d/no-main-cluster.conf >/dev/null
as_root apt-get install -y -q --no-install-recommends postgresql-15
