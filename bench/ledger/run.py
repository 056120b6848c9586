#!/usr/bin/env python3
"""Durable ledger entries of four lines per second, and CPU for each, in one run on one machine: ours, PostgreSQL 15 with a
transaction for each entry and with many entries in one, plain SQLite with a transaction for each.

  bench/ledger/run.py [--seconds 10] [--build build/release] [--only NAME]…

PostgreSQL is started in a temporary folder, listens on a socket there and on a free port of the loopback, and is stopped
at the end; bench/ledger/setup.sh installs it. Build the targets ledger_bench and clerk_bench first (-DCIYUAN_BENCHES=ON).
"""
import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
POSTGRES = "/usr/lib/postgresql/15/bin"
SERVER_USER = "postgres"  # a server does not run as root
BATCH = 1000
CLIENTS = 8
# TigerBeetle's own figure, for orientation: another machine, one replica, transfers of two lines, 8,191 in a batch.
TIGERBEETLE = "8,191 transfers of two lines in 7 ms (its Zig benchmark): https://gist.github.com/batiati/e525b4438288b1e44ba644d5023fbe6a"


class Postgres:
    """A server with durability on, in a folder of its own."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="ciyuan-bench-pg-")
        self.data = os.path.join(self.folder, "data")
        self.as_user = {"user": SERVER_USER, "group": SERVER_USER, "extra_groups": []} if os.getuid() == 0 else {}
        if self.as_user:
            shutil.chown(self.folder, SERVER_USER, SERVER_USER)
        self.run("initdb", "-D", self.data, "-A", "trust", "-U", "bench", "--no-instructions")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = str(free.getsockname()[1])
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="utf-8") as conf:
            conf.write("listen_addresses = '127.0.0.1'\nshared_buffers = '512MB'\nmax_wal_size = '4GB'\n"
                       "fsync = on\nsynchronous_commit = on\nfull_page_writes = on\nwal_compression = on\n")
        self.log = open(os.path.join(self.folder, "log"), "wb")
        self.server = subprocess.Popen([f"{POSTGRES}/postgres", "-D", self.data, "-p", self.port, "-k", self.folder],
                                       cwd="/", stdout=self.log, stderr=self.log, **self.as_user)
        for _ in range(300):
            if subprocess.run([f"{POSTGRES}/pg_isready", "-q", "-h", "127.0.0.1", "-p", self.port], check=False).returncode == 0:
                break
            time.sleep(0.1)
        self.run("psql", *self.where(), "-q", "-v", "ON_ERROR_STOP=1", "-f", "-", input=open(os.path.join(HERE, "postgres.sql"), "rb").read())
        return self

    def where(self):
        return ["-h", "127.0.0.1", "-p", self.port, "-U", "bench", "-d", "postgres"]

    def run(self, tool, *arguments, **more):
        done = subprocess.run([f"{POSTGRES}/{tool}", *arguments], cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              check=False, **more, **self.as_user)
        if done.returncode != 0:
            raise RuntimeError(f"{tool}: {done.stdout.decode()[-800:]}")
        return done.stdout.decode()

    def cpu(self):
        """CPU seconds of the server's processes until now: those that live, and those that it reaped."""
        ticks = 0
        for pid in [self.server.pid, *self.children()]:
            try:
                with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                    fields = file.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            ticks += int(fields[11]) + int(fields[12])
            if pid == self.server.pid:
                ticks += int(fields[13]) + int(fields[14])
        return ticks / os.sysconf("SC_CLK_TCK")

    def children(self):
        with open(f"/proc/{self.server.pid}/task/{self.server.pid}/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]

    def load(self, script, clients, seconds, entries_each):
        begin = self.cpu()
        out = self.run("pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-T", str(seconds), "-f", "-",
                       *self.where()[:6], "postgres", input=script.encode())
        if re.search(r"number of failed transactions: [1-9]", out):
            raise RuntimeError(out)
        done = int(re.search(r"transactions actually processed: (\d+)", out).group(1))
        rate = float(re.search(r"tps = ([0-9.]+)", out).group(1))
        latency = float(re.search(r"latency average = ([0-9.]+) ms", out).group(1))
        time.sleep(0.2)
        return {"entries_per_s": rate * entries_each, "cpu_us_per_entry": (self.cpu() - begin) * 1e6 / (done * entries_each),
                "latency_ms": latency}

    def __exit__(self, *_):
        self.server.send_signal(signal.SIGINT)
        self.server.wait(60)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


ONE = """\\set a random(0, 2499) * 2
\\set b 5000 + random(0, 2499) * 2
\\set c random(0, 2499) * 2 + 1
\\set d 5000 + random(0, 2499) * 2 + 1
\\set amount random(1, 1000)
SELECT post(gen_random_uuid(), :a, :b, :c, :d, :amount);
"""


def ours(binary, *arguments):
    folder = tempfile.mkdtemp(prefix="ciyuan-bench-ledger-")
    try:
        out = subprocess.run([binary, folder, *map(str, arguments)], stdout=subprocess.PIPE, check=True).stdout
        return json.loads(out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def clerk(binary, seconds):
    """A call is a hold, a charge of eight lines, a record and a leaf of the log; the last line is of 1,000 callers."""
    folder = tempfile.mkdtemp(prefix="ciyuan-bench-clerk-")
    try:
        out = subprocess.run([binary, folder, str(seconds)], stdout=subprocess.PIPE, check=True, text=True).stdout
        fields = out.splitlines()[-1].split()
        return {"entries_per_s": float(fields[1]), "cpu_us_per_entry": float(fields[2]), "p50_ms": fields[5], "p99_ms": fields[6]}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--only", action="append", default=[])
    options = parser.parse_args()
    wanted = lambda name: not options.only or any(one in name for one in options.only)
    binary = os.path.join(ROOT, options.build, "bin", "ledger_bench")
    rows = []

    def show(name, figures):
        rows.append(name)
        rest = ", ".join(f"{key} {value}" for key, value in figures.items() if key in ("p50_ms", "p99_ms", "latency_ms", "batch"))
        print(f"{name:<46} {figures['entries_per_s']:>10,.0f} {figures['cpu_us_per_entry']:>8.2f}   {rest}", flush=True)

    print(f"{'':<46} {'entries/s':>10} {'CPU us':>8}")
    if wanted("memory"):
        show("the ledger in memory, one core", ours(binary, "memory", min(options.seconds, 5)))
    if wanted("ours"):
        full = ours(binary, "ours", options.seconds)
        show("ledger + store, batches of 4,000", full)
        half = ours(binary, "paced", options.seconds, int(full["entries_per_s"] / 2))
        show("the same at half that load", half)
        show("the same at 100,000 a second asked for", ours(binary, "paced", options.seconds, 100_000))
    if wanted("clerk"):
        show("the clerk: a call opened and closed, 1,000 callers", clerk(os.path.join(ROOT, options.build, "bin", "clerk_bench"), options.seconds))
    if wanted("postgres") and not os.path.exists(f"{POSTGRES}/pgbench"):
        print("PostgreSQL 15 is not installed: bench/ledger/setup.sh", file=sys.stderr)
    elif wanted("postgres"):
        with Postgres() as server:
            show(f"PostgreSQL 15, an entry a transaction, {CLIENTS} clients", server.load(ONE, CLIENTS, options.seconds, 1))
        with Postgres() as server:
            show(f"PostgreSQL 15, {BATCH:,} entries a transaction", server.load(f"SELECT post_batch({BATCH});\n", 1, options.seconds, BATCH))
    if wanted("sqlite"):
        show("plain SQLite, an entry a transaction", ours(binary, "sqlite", options.seconds))
    if wanted("past"):
        past = ours(binary, "past", 300_000)
        print(f"balance_at in a chain of {past['lines']:,} lines: {past['balance_at_us']:.0f} us; walking there {past['walk_us']:,.0f} us")
    print(f"TigerBeetle says of itself: {TIGERBEETLE}")


if __name__ == "__main__":
    main()
