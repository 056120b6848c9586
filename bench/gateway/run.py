#!/usr/bin/env python3
"""Compares gateways in one run: nginx proxy_pass (1.0), ciyuan with everything on, Portkey's gateway, LiteLLM's proxy.

Load and upstream share core 0, the proxy has core 1 alone. Figures: requests/s and CPU of the proxy for 4 KB unstreamed
chat calls at full load, latency at half of that load, CPU for each chunk of paced 200-chunk streams, memory at many
open streams. Peers are taken where they are found, and named as missing where not:

  bench/gateway/run.py [--seconds 10] [--streams 5000] [--portkey FOLDER] [--litellm FOLDER] [--only NAME]…

  --portkey   a folder where `npm install @portkey-ai/gateway` was run
  --litellm   a virtual environment with `pip install 'litellm[proxy]'`
"""
import argparse
import asyncio
import datetime
import json
import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
import wire  # noqa: E402
import world  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")
ANSWER = ('{"id":"chatcmpl-bench000000000000000000000001","object":"chat.completion","created":1790000000,"model":"bench",'
          '"system_fingerprint":"fp_bench","choices":[{"index":0,"message":{"role":"assistant","content":"%s","refusal":null,'
          '"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":1200,"completion_tokens":45,'
          '"total_tokens":1245,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":'
          '{"reasoning_tokens":0}}}')
OPENING_SECONDS_MAX = 90  # a peer that opens no more streams in this time is measured with those it opened
STREAM_SECONDS_MAX = 60
WORDS = "A meter does not ask what the water is for, it turns with what passes, the same way for everyone, and whoever doubts it may look. "


def answer_text():
    """A chat answer of 675 bytes."""
    room = 675 - len(ANSWER % "")
    return ANSWER % (WORDS * 3)[:room]


class Run:
    def __init__(self, options):
        self.options = options
        self.bin = os.path.join(ROOT, options.bin)
        self.folder = tempfile.mkdtemp(prefix="ciyuan-bench-")
        self.processes = []

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, core, command, environment=None, cwd=None):
        log = open(self.path(f"{len(self.processes)}.log"), "wb")
        child = subprocess.Popen(["taskset", "-c", str(core), *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                 env={**os.environ, **(environment or {})}, cwd=cwd or self.folder, start_new_session=True)
        self.processes.append(child)
        return child

    def stop(self, child):
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGTERM)
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()

    def close(self):
        for child in self.processes:
            self.stop(child)
        shutil.rmtree(self.folder, ignore_errors=True)

    def nginx(self, core, name, server):
        with open(self.path(name + ".conf"), "w") as file:
            file.write(f"daemon off; worker_processes 1; worker_rlimit_nofile 65536; pid {self.path(name)}.pid;\n"
                       f"error_log {self.path(name)}.log;\n"
                       f"events {{ worker_connections 32768; }}\nhttp {{ access_log off; keepalive_requests 100000000;\n{server}\n}}\n")
        return self.start(core, ["nginx", "-p", self.folder, "-c", self.path(name + ".conf")])


def group_of(child):
    """The process and all below it."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    parent = int(file.read().rsplit(")", 1)[1].split()[1])
                children.setdefault(parent, []).append(int(entry))
            except OSError:
                pass
    found, todo = [], [child.pid]
    while todo:
        one = todo.pop()
        found.append(one)
        todo += children.get(one, [])
    return found


def cpu_seconds(child):
    total = 0
    for one in group_of(child):
        try:
            with open(f"/proc/{one}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return total / TICK


def resident(child):
    total = 0
    for one in group_of(child):
        try:
            with open(f"/proc/{one}/status") as file:
                total += sum(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS:"))
        except OSError:
            pass
    return total


def wait_for(port, seconds=120, path="/"):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if asyncio.run(wire.get(port, path, timeout=5)).status:
            return True
        time.sleep(0.1)
    return False


# ---- the proxies: each returns (process, port, key, extra headers) or None and why -------------------------------------

def direct(_run, upstream, _standins):
    return None, upstream, "none", {}


def nginx_proxy(run, upstream, standins):
    port = world.free_port()
    common = "proxy_http_version 1.1; proxy_set_header Connection \"\";"
    child = run.nginx(1, "proxy", f"upstream whole {{ server 127.0.0.1:{upstream}; keepalive 256; }}\n"
                      f"upstream streamed {{ server 127.0.0.1:{standins['streamed']}; keepalive 256; }}\n"
                      f"upstream held {{ server 127.0.0.1:{standins['held']}; keepalive 256; }}\n"
                      f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://whole; {common} }}\n"
                      f"location /streamed/ {{ proxy_pass http://streamed/; proxy_buffering off; {common} }}\n"
                      f"location /held/ {{ proxy_pass http://held/; proxy_buffering off; {common} }} }}")
    return child, port, "none", {}


def ciyuan(run, upstream, standins):
    data, ports = run.path("data"), run.path("ports.json")
    cap = world.cap
    caps = [cap("session", "ciyuan", "1000000000000", per="session", window="session"),
            cap("month", "ciyuan", "1000000000000", window="month"), cap("spend", "CNY", "1000000000.00", window="month"),
            cap("calls", "request", "1000000000", per="key", window="minute", action="deny")]
    documents = world.documents([f"http://127.0.0.1:{upstream}/v1"], caps, models=("bench",))
    service = next(one for one in documents if one["kind"] == "Upstream")
    model = next(one for one in documents if one["kind"] == "Model")
    for name, standin in standins.items():
        documents.insert(documents.index(model), {**service, "name": name, "url": f"http://127.0.0.1:{standin}/v1"})
        documents.insert(documents.index(model), {**model, "name": name, "upstreams": [{"upstream": name, "model": name}]})
        next(one for one in documents if one["kind"] == "Contract")["clauses"][0]["models"].append(name)
    path = run.path("documents.yaml")
    with open(path, "w") as file:
        file.write("\n---\n".join(json.dumps(one, ensure_ascii=False) for one in documents))
    child = run.start(1, [os.path.join(run.bin, "ciyuan"), "serve", "--data", data, "--listen", "127.0.0.1:0", "--admin-listen",
                          "127.0.0.1:0", "--ports-file", ports, "--threads", "1", "--quiet", "--apply", path])
    deadline = time.monotonic() + 30
    while not os.path.exists(ports) and time.monotonic() < deadline:
        time.sleep(0.05)
    with open(ports) as file:
        return child, json.load(file)["data"], world.SECRET, {}


def portkey(run, upstream, standins):
    start = os.path.join(run.options.portkey or "", "node_modules", "@portkey-ai", "gateway", "build", "start-server.js")
    if not run.options.portkey or not os.path.exists(start):
        return "not installed (npm install @portkey-ai/gateway; --portkey FOLDER)"
    port = world.free_port()
    child = run.start(1, ["node", start, f"--port={port}", "--headless"], cwd=run.options.portkey)
    return child, port, "none", {"x-portkey-provider": "openai", "x-portkey-custom-host": f"http://127.0.0.1:{upstream}/v1"}


def litellm(run, upstream, standins):
    program = os.path.join(run.options.litellm or "", "bin", "litellm")
    if not run.options.litellm or not os.path.exists(program):
        return "not installed (pip install 'litellm[proxy]'; --litellm FOLDER)"
    port = world.free_port()
    with open(run.path("litellm.yaml"), "w") as file:
        file.write("model_list:\n" + "".join(
            f"- {{model_name: {name}, litellm_params: {{model: openai/{name}, api_base: 'http://127.0.0.1:{service}/v1', api_key: none, "
            "input_cost_per_token: 0.000002, output_cost_per_token: 0.000008}}\n"
            for name, service in {"bench": upstream, **standins}.items()) +
                   "litellm_settings: {max_budget: 1000000, budget_duration: 30d, telemetry: false}\n"
                   "general_settings: {master_key: sk-bench}\n")
    child = run.start(1, [program, "--config", run.path("litellm.yaml"), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"],
                      {"LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True"})
    return child, port, "sk-bench", {}


PROXIES = {"none (the upstream itself)": direct, "nginx proxy_pass": nginx_proxy, "ciyuan, everything on": ciyuan,
           "Portkey gateway": portkey, "LiteLLM proxy": litellm}


# ---- the measurements ---------------------------------------------------------------------------------------------------

def wrk(run, port, key, extra, seconds, connections=64, pace_ms=0.0):
    environment = {**os.environ, "KEY": key, "EXTRA": "|".join(f"{name}: {value}" for name, value in extra.items()),
                   "PACE_MS": str(pace_ms)}
    done = subprocess.run(["taskset", "-c", "0", "wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--latency", "--timeout", "30s",
                           "-s", os.path.join(HERE, "post.lua"), f"http://127.0.0.1:{port}/v1/chat/completions"],
                          capture_output=True, text=True, env=environment)
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            return json.loads(line[7:])
    raise RuntimeError(done.stdout + done.stderr)


def whole_calls(run, child, port, key, extra):
    """At full load: rate and CPU; at half of it: latency."""
    wrk(run, port, key, extra, 2)
    before = cpu_seconds(child) if child else 0
    full = wrk(run, port, key, extra, run.options.seconds)
    cpu = cpu_seconds(child) - before if child else 0
    rate = full["requests"] / (full["us"] / 1e6)
    half = wrk(run, port, key, extra, run.options.seconds, pace_ms=64 / (rate / 2) * 1000)
    return {"rate": rate, "cpu_us": cpu * 1e6 / max(1, full["requests"]), "errors": full["errors"] + half["errors"],
            "p50_ms": full["p50_us"] / 1000, "p99_ms": full["p99_us"] / 1000,
            "half_rate": half["requests"] / (half["us"] / 1e6), "half_p50_ms": half["p50_us"] / 1000, "half_p99_ms": half["p99_us"] / 1000}


def stream_request(path, key, extra, model):
    body = json.dumps({"model": model, "stream": True, "messages": [{"role": "user", "content": "Go on."}]}).encode()
    fields = {"Content-Type": "application/json", "Authorization": "Bearer " + key, "Connection": "close", **extra}
    return wire.request_bytes("POST", path, body, fields)


async def read_streams(port, request, count):
    """Opens the streams and reads them to their end; how many bytes and [DONE]s came."""
    async def one():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        size, tail = 0, b""
        while piece := await reader.read(65536):
            size += len(piece)
            tail = (tail + piece)[-4000:]
        writer.close()
        return b"[DONE]" in tail

    async def in_time():
        try:
            return await asyncio.wait_for(one(), STREAM_SECONDS_MAX)
        except (OSError, asyncio.TimeoutError):
            return False

    return sum(await asyncio.gather(*(in_time() for _ in range(count))))


def chunk_cost(run, child, port, path, key, extra):
    """CPU of the proxy for one chunk: 60 streams of 200 chunks, 50 chunks a second each."""
    request = stream_request(path, key, extra, "streamed")
    asyncio.run(read_streams(port, request, 5))
    before = cpu_seconds(child)
    done = asyncio.run(read_streams(port, request, 60))
    return {"chunk_us": (cpu_seconds(child) - before) * 1e6 / (60 * 200), "streams_done": done}


async def hold_streams(port, request, count, look):
    """Opens the streams, waits until all have begun, and looks."""
    writers, begun = [], 0

    async def one():
        nonlocal begun
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writers.append(writer)
            writer.write(request)
            if b" 200 " in (await asyncio.wait_for(reader.readuntil(b"\r\n"), 30)):
                await asyncio.wait_for(reader.readuntil(b"data: "), 30)
                begun += 1
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
            pass

    give_up = time.monotonic() + OPENING_SECONDS_MAX
    for start in range(0, count, 200):
        if time.monotonic() > give_up:
            break
        await asyncio.gather(*(one() for _ in range(min(200, count - start))))
    value = look()
    for writer in writers:
        writer.transport.abort()
    return begun, value


def open_streams(run, child, port, path, key, extra):
    before = resident(child)
    request = stream_request(path, key, extra, "held")
    begun, after = asyncio.run(hold_streams(port, request, run.options.streams, lambda: resident(child)))
    return {"open": begun, "before_mb": before / 1e6, "open_mb": after / 1e6, "kb_each": (after - before) / 1e3 / max(1, begun)}


def measure(run, name, upstream, standins):
    made = PROXIES[name](run, upstream, standins)
    if isinstance(made, str):
        return {"missing": made}
    child, port, key, extra = made
    if not wait_for(port):
        return {"missing": "it did not start"}
    print(f"measuring {name}", file=sys.stderr, flush=True)
    figures = {}
    try:
        figures.update(whole_calls(run, child, port, key, extra))
        for model, take in (("streamed", chunk_cost), ("held", open_streams)) if child else ():
            path = f"/{model}/v1/chat/completions" if name.startswith("nginx") else "/v1/chat/completions"
            if name.startswith("Portkey"):
                extra = {**extra, "x-portkey-custom-host": f"http://127.0.0.1:{standins[model]}/v1"}
            figures.update(take(run, child, port, path, key, extra))
    finally:
        if child:
            run.stop(child)
    return figures


def number(value, digits=1):
    return f"{value:,.{digits}f}" if value is not None else "–"


def table(results):
    base = results.get("nginx proxy_pass", {}).get("cpu_us")
    floor = results.get("none (the upstream itself)", {}).get("half_p99_ms", 0)
    lines = ["| proxy | requests/s | p50 / p99 ms, full load | p99 ms at half load (added) | CPU µs a request | × nginx | CPU µs a chunk | MB at open streams | KB a stream | errors |",
             "|---|---|---|---|---|---|---|---|---|---|"]
    for name, one in results.items():
        if "missing" in one:
            lines.append(f"| {name} | {one['missing']} |" + " |" * 8)
            continue
        ratio = one["cpu_us"] / base if base and one["cpu_us"] else None
        streams = one.get("streams_done")
        memory = f"{one['open_mb']:,.0f} at {one['open']:,}" if one.get("open") else "no stream came" if "open" in one else "–"
        lines.append(f"| {name} | {one['rate']:,.0f} | {one['p50_ms']:.1f} / {one['p99_ms']:.1f} | {one['half_p99_ms']:.1f} "
                     f"({one['half_p99_ms'] - floor:+.1f}) | {number(one['cpu_us'] or None)} | {number(ratio, 2)} | "
                     f"{number(one['chunk_us'] if streams else None)} | {memory} | {number(one['kb_each'] if one.get('open') else None, 0)} | {one['errors']} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="build/release/bin")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--streams", type=int, default=5000)
    parser.add_argument("--portkey")
    parser.add_argument("--litellm")
    parser.add_argument("--only", action="append", default=[])
    options = parser.parse_args()
    for folder in ("portkey", "litellm"):
        if getattr(options, folder):
            setattr(options, folder, os.path.abspath(getattr(options, folder)))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    run = Run(options)
    os.sched_setaffinity(0, {0})
    try:
        upstream = world.free_port()
        body = answer_text()
        run.nginx(0, "upstream", f"server {{ listen 127.0.0.1:{upstream}; location / {{ default_type application/json; return 200 '{body}'; }} }}")
        standins = {"streamed": world.free_port(), "held": world.free_port()}
        for name, script in (("streamed", "tokens=200,rate=50"), ("held", "tokens=1000000,rate=0.2")):
            run.start(0, [os.path.join(run.bin, "ciyuan"), "standin", "--port", str(standins[name]), "--model", name, "--script", script])
        assert wait_for(upstream) and all(wait_for(port, path="/health") for port in standins.values())
        results = {}
        for name in PROXIES:
            if not options.only or any(one.lower() in name.lower() for one in options.only):
                results[name] = measure(run, name, upstream, standins)
                print(json.dumps({name: results[name]}), file=sys.stderr, flush=True)
        with open("/proc/cpuinfo") as file:
            cpu = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), platform.machine())
        print(f"{datetime.date.today()}, {cpu}, {os.cpu_count()} cores, Linux {platform.release()}; answer of {len(body)} bytes, "
              f"64 connections, {options.seconds} s\n\n{table(results)}\n")
        print(json.dumps(results))
    finally:
        run.close()


if __name__ == "__main__":
    main()
