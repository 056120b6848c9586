#!/usr/bin/env python3
"""The tour of ./run: a model, the gateway in front of it, three metered calls, a receipt that verifies.

Python's standard library only. What it shows is read from the program's own answers; nothing here is canned.
"""
import argparse
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CALLS = [
    ("English", "tour", "Explain in three sentences why a city meters its water.", 100),
    ("中文", "tour", "用三句话说明为什么城市要给用水装水表。", 100),
    ("code, in a session that has used most of its cap", "tour",
     "Write a Python function that counts the words of a text, with comments on every line.", 600),
]
STATUSES_A_LINE = 25  # of the running figures, that many are one line where nobody sees them change


def tell(text=""):
    print(text, flush=True)


class Terminal:
    """Colours and a line that changes, where somebody looks; plain text elsewhere."""

    def __init__(self):
        self.live = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self.status = ""
        self.column = 0
        self.statuses = 0

    def paint(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self.live else text

    def heading(self, text):
        tell("\n" + self.paint("1", text))

    def answer(self, text, status):
        """A piece of the answer, with the status on the line below it."""
        if not self.live:
            sys.stdout.write(text)
            self.statuses += bool(status) and not text
            if self.statuses == STATUSES_A_LINE:
                sys.stdout.write(f"\n  · {status}\n")
                self.statuses = 0
            return
        width = shutil.get_terminal_size().columns
        if self.status:
            sys.stdout.write("\n\r\033[K\033[A\033[%dG" % (self.column + 1))
        for letter in text:
            sys.stdout.write(letter)
            wide = 2 if ord(letter) > 0x1100 else 1
            self.column = 0 if letter == "\n" or self.column + wide >= width else self.column + wide
        self.status = status
        sys.stdout.write("\n\r\033[K" + self.paint("2", status[: width - 1]) + "\033[A\033[%dG" % (self.column + 1))
        sys.stdout.flush()

    def end_answer(self, status):
        if self.live and self.status:
            sys.stdout.write("\n\r\033[K")
        else:
            sys.stdout.write("\n")
        self.status, self.column, self.statuses = "", 0, 0
        tell(self.paint("36", "  " + status))


def fail(text, code=1):
    print("run: " + text, file=sys.stderr)
    sys.exit(code)


class Service:
    """A child process, ended with the tour."""
    running = []

    def __init__(self, name, command, log_folder):
        self.name = name
        self.log = os.path.join(log_folder, name + ".log")
        self.child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=open(self.log, "wb"),
                                      stderr=subprocess.STDOUT, start_new_session=True)
        Service.running.append(self)

    def said(self, pattern, seconds):
        """The first match of the pattern in its output, or None where it ends or the time runs out."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with open(self.log, errors="replace") as file:
                found = re.search(pattern, file.read())
            if found:
                return found
            if self.child.poll() is not None:
                return None
            time.sleep(0.05)
        return None

    @staticmethod
    def end_all():
        for service in reversed(Service.running):
            if service.child.poll() is None:
                service.child.terminate()
        for service in reversed(Service.running):
            try:
                service.child.wait(20)
            except subprocess.TimeoutExpired:
                service.child.kill()
        Service.running.clear()


def free_port(wanted):
    """The port people expect, or another where it is taken."""
    for port in (wanted, 0):
        with socket.socket() as one:
            try:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                one.bind(("127.0.0.1", port))
                return one.getsockname()[1]
            except OSError:
                continue
    fail("no free port on 127.0.0.1")


class Upstream:
    """Where answers come from: the user's service, the real model, or the stand-in."""

    def __init__(self, options, program, logs):
        self.model, self.kind = options.model, "yours"
        self.url = options.upstream
        if self.url:
            self.url = self.url.rstrip("/")
            self.model = self.model or self.first_model(options.upstream_key_env)
            return
        python = os.path.join(ROOT, ".venv", "bin", "python")
        why = "the Python environment could not be made"
        if os.path.exists(python):
            server = Service("model", [python, os.path.join(ROOT, "tools", "model_server.py")], logs)
            listening = server.said(r"listening on (http://\S+)", 180)
            if listening:
                self.url, self.model, self.kind = listening[1], "SmolLM2-135M-Instruct", "real"
                return
            with open(server.log, errors="replace") as file:
                why = (file.read().strip().splitlines() or ["it ended without a word"])[-1]
        tell(f"  The model cannot be had here: {why}")
        standin = Service("standin", [program, "standin", "--port", "0", "--model", "standin", "--rate", "60",
                                      "--tokenizer", "smollm2"], logs)
        listening = standin.said(r"listening on (http://\S+)", 20)
        if not listening:
            fail("the stand-in did not start; see " + standin.log)
        self.url, self.model, self.kind = listening[1], "standin", "stand-in"

    def first_model(self, key_env):
        """The first model that the user's service lists."""
        headers = {"Authorization": "Bearer " + os.environ[key_env]} if key_env and key_env in os.environ else {}
        base = self.url if self.url.endswith("/v1") else self.url + "/v1"
        try:
            with urllib.request.urlopen(urllib.request.Request(base + "/models", headers=headers), timeout=15) as answer:
                return json.load(answer)["data"][0]["id"]
        except (OSError, ValueError, KeyError, IndexError) as wrong:
            fail(f"{base}/models does not list its models ({wrong}); name one with --model")

    def words(self):
        return {"real": "SmolLM2-135M on this machine, served by llama.cpp",
                "stand-in": "STAND-IN: no model, it recites a text; everything else is as with a real one",
                "yours": f"your service {self.url}, model {self.model}"}[self.kind]


def fitted_documents(upstream, options, folder):
    """examples/demo.yaml with the upstream's real address, its model's name there, and its key's place."""
    with open(os.path.join(ROOT, "examples", "demo.yaml"), encoding="utf-8") as file:
        text = file.read()
    text, urls = re.subn(r"(?m)^url: \S+$", "url: " + upstream.url, text, count=1)
    text, models = re.subn(r"\{upstream: local, model: [^}]*\}", "{upstream: local, model: " + json.dumps(upstream.model) + "}", text, count=1)
    if not urls or not models:
        fail("examples/demo.yaml no longer has the lines that this tour fits to the machine")
    if options.upstream_key_env:
        text = text.replace("dialect: openai\n", "dialect: openai\napi_key: {env: " + options.upstream_key_env + "}\n", 1)
    path = os.path.join(folder, "demo.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


class Ciyuan:
    """The gateway on a fresh data folder, and its command line."""

    def __init__(self, program, folder, logs):
        self.program, self.folder = program, os.path.join(folder, "data")
        self.port, self.admin_port = free_port(8080), free_port(8090)
        self.service = Service("gateway", [program, "serve", "--data", self.folder, "--listen", f"127.0.0.1:{self.port}",
                                           "--admin-listen", f"127.0.0.1:{self.admin_port}", "--ports-file",
                                           os.path.join(folder, "ports.json")], logs)
        deadline = time.monotonic() + 30
        while not os.path.exists(os.path.join(folder, "ports.json")):
            if self.service.child.poll() is not None or time.monotonic() > deadline:
                with open(self.service.log, errors="replace") as file:
                    fail("the gateway did not start: " + file.read()[-1000:])
            time.sleep(0.02)

    def __call__(self, *arguments):
        command = [self.program, "--admin", f"http://127.0.0.1:{self.admin_port}", "--data", self.folder, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        if done.returncode != 0:
            fail(f"ciyuan {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout


def events_of(answer):
    """(kind, value) of each event or comment of the stream."""
    for line in answer:
        line = line.decode("utf-8", "replace").rstrip("\r\n")
        if line.startswith("data: "):
            yield "data", line[6:]
        elif line.startswith(": ciyuan-used "):
            yield "used", json.loads(line[14:])
        elif line.startswith(": ciyuan-closed "):
            yield "closed", json.loads(line[16:])


def live_line(used):
    """What a call has used, and what is left of each cap, while it runs."""
    money = f", {plain(used['money'])} {used['currency']}" if "money" in used else ""
    left = "".join(f"; {cap['clause']}: {plain(cap['left'])} {cap['unit']} left" for cap in used["remaining"])
    return f"so far {plain(used['ciyuan'])} Ciyuan{money}{left}"


def call(ciyuan, secret, session, prompt, tokens, terminal):
    """One streamed call; prints the answer as it comes. Returns the record's id and how the stream ended."""
    connection = http.client.HTTPConnection("127.0.0.1", ciyuan.port, timeout=180)
    body = {"model": "smollm2", "stream": True, "max_tokens": tokens, "temperature": 0.2, "seed": 7,
            "stream_options": {"include_usage": True}, "messages": [{"role": "user", "content": prompt}]}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {
        "Authorization": "Bearer " + secret, "Content-Type": "application/json", "Ciyuan-Session": session, "Ciyuan-Live": "1"})
    answer = connection.getresponse()
    if answer.status != 200:
        fail(f"the call was answered with {answer.status}: {answer.read().decode()[:600]}")
    status, closed, finish = "", {}, None
    for kind, value in events_of(answer):
        if kind == "used":
            status = live_line(value)
            terminal.answer("", status)
        elif kind == "closed":
            closed = value
        elif value != "[DONE]":
            event = json.loads(value)
            if "error" in event:
                fail("the stream broke: " + event["error"]["message"])
            for choice in event.get("choices", []):
                finish = choice.get("finish_reason") or finish
                piece = (choice.get("delta") or {}).get("content")
                if piece:
                    terminal.answer(piece, status)
    return closed, finish


def plain(amount):
    """A decimal without zeros at its end."""
    return re.sub(r"\.?0+$", "", amount) if "." in amount else amount


def settled_line(record, closed, finish):
    counts = ", ".join(f"{kind} {figure['billed']}" for kind, figure in sorted(record["usage"].items()) if figure["billed"])
    money = " + ".join(plain(charge["amount"]) for charge in record["charges"]) or "0"
    currency = record["charges"][0]["currency"] if record["charges"] else ""
    left = next((limit for limit in closed.get("remaining", []) if limit["clause"] == "session-cap"), None)
    line = f"{plain(record['ciyuan'])} Ciyuan ({counts}) · {money} {currency}"
    if left:
        line += f" · session cap: {plain(left['left'])} of {plain(left['limit'])} left"
    if record["outcome"]["state"] == "cut" or (left and finish == "length" and not float(left["left"])):
        line += " · ENDED BY THE CAP, to the token"
    return line + f" · finish: {finish}"


def tour(ciyuan, terminal):
    secret = ciyuan("key", "create", "--contract", "demo", "--name", "alice").strip()
    last = None
    for title, session, prompt, tokens in CALLS:
        terminal.heading(f"{title}: {prompt}")
        closed, finish = call(ciyuan, secret, session, prompt, tokens, terminal)
        if not closed:
            fail("the gateway did not say how the call was settled")
        last = json.loads(ciyuan("record", "show", closed["record"], "--json"))
        terminal.end_answer(settled_line(last, closed, finish))
    return secret, last


def prove(ciyuan, record, folder, terminal):
    receipt = os.path.join(folder, "receipt.tlog-proof")
    ciyuan("record", "receipt", record["id"], "-o", receipt)
    terminal.heading("The receipt of the last call")
    with open(receipt, encoding="utf-8") as file:
        for line in file.read().splitlines():
            tell("  " + textwrap.shorten(line, 110, placeholder="…") if len(line) <= 110 else "  " + line[:109] + "…")
    key = ciyuan("log", "key").strip()
    terminal.heading("ciyuan verify (offline; it needs the receipt and the log's public key, nothing else)")
    done = subprocess.run([ciyuan.program, "verify", receipt, "--key", key], capture_output=True, text=True)
    for line in (done.stdout + done.stderr).splitlines():
        tell("  " + line)
    if done.returncode != 0:
        fail("the receipt does not verify")
    return receipt, key


def call_under(ciyuan, contract, key, question):
    """One short call under a new key of this contract."""
    secret = ciyuan("key", "create", "--contract", contract, "--name", key).strip()
    body = json.dumps({"model": "smollm2", "max_tokens": 24, "messages": [{"role": "user", "content": question}]})
    request = urllib.request.Request(f"http://127.0.0.1:{ciyuan.port}/v1/chat/completions", body.encode(),
                                     {"Authorization": "Bearer " + secret, "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=300) as answer:
        answer.read()


def invoice(ciyuan, terminal):
    """One more call, under a contract that is invoiced, and the invoice for it as a file to open."""
    terminal.heading("An invoice: one more call, under examples/settlement.yaml")
    ciyuan("apply", "-f", os.path.join(ROOT, "examples", "settlement.yaml"))
    moment = lambda: time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{time.time_ns() % 10**9:09d}Z"  # noqa: E731
    begin = moment()
    call_under(ciyuan, "deal", "bob", "What is an invoice?")
    made = json.loads(ciyuan("invoice", "create", "deal", "--period", f"{begin}..{moment()}", "--json"))
    for form in ("pdf", "html"):
        path = os.path.join(ROOT, "build", "invoice." + form)
        ciyuan("invoice", "show", made["name"], "--format", form, "-o", path)
        tell(f"  {made['name']}: {made['net']} + {made['tax']} tax = {made['gross']} {made['currency']}, exact sum {made['sum']}: {path}")


def month(ciyuan, terminal):
    """A price book with steps, a grant and a minimum: what the running month would come to."""
    terminal.heading("What a month will come to: one call under examples/tiers.yaml, then ciyuan closing preview demo-tiers")
    ciyuan("apply", "-f", os.path.join(ROOT, "examples", "tiers.yaml"))
    call_under(ciyuan, "demo-tiers", "carol", "What is a minimum charge?")
    for line in ciyuan("closing", "preview", "demo-tiers").splitlines():
        tell("  " + line if line else "")


def equivalence(ciyuan, terminal):
    """One more call, counted in two ways side by side, and both compared."""
    terminal.heading("Two ways to count: one more call, under examples/equivalence.yaml")
    ciyuan("apply", "-f", os.path.join(ROOT, "examples", "equivalence.yaml"))
    call_under(ciyuan, "equivalent", "dave", "What is a unit?")
    made = json.loads(ciyuan("record", "list", "--contract", "equivalent", "--limit", "1", "--json"))["equivalence"]
    for role in ("billed", "parallel"):
        one = made[role]
        tell(f"  {role:<9} by the table {one['name']}: {one[one['value']]} Ciyuan ({one['low']} to {one['high']})")


def governance(ciyuan, terminal):
    """A contract that acts: who may ask what, how much is left, and a stop that takes effect at once."""
    terminal.heading("A contract that acts: examples/governance.yaml, docs/governance.md")
    ciyuan("apply", "-f", os.path.join(ROOT, "examples", "governance.yaml"))
    ciyuan("key", "create", "--contract", "desk", "--name", "desk-bot", "--quiet")
    call = ("--key", "desk-bot", "--model", "smollm2", "--user", "ann", "--purpose")
    for line in ciyuan("access", "try", *call, "profiling").splitlines():
        tell("  " + line)
    for line in ciyuan("access", "try", *call, "support").splitlines():
        tell("  " + line)
    tell("  " + ciyuan("access", "test", os.path.join(ROOT, "examples", "governance-examples.yaml")).strip())
    ciyuan("suspend", "--contract", "desk", "--reason", "Under review.", "--reason-zh", "审查中。")
    tell("  ciyuan suspend --contract desk: " + ciyuan("access", "try", *call, "support").splitlines()[0])
    ciyuan("resume", "contract-desk")


def offline_device(ciyuan, folder, terminal):
    """A device that counts without a connection, under examples/licences.yaml with the key that it makes here."""
    terminal.heading("A device without a connection counts for itself, and reports: examples/licences.yaml, docs/licences.md")
    path = {name: os.path.join(folder, "cutter-1." + name) for name in ("key", "yaml", "voucher", "chain")}
    vkey = ciyuan("licence", "keygen", "cutter-1", "-o", path["key"]).strip()
    with open(os.path.join(ROOT, "examples", "licences.yaml"), encoding="utf-8") as file:
        text = re.sub(r'devices: \["[^"]*"\]', lambda _: f'devices: ["{vkey}"]', file.read())
    with open(path["yaml"], "w", encoding="utf-8") as file:
        file.write(text)
    ciyuan("apply", "-f", path["yaml"])
    ciyuan("licence", "issue", "workshop", "cutter-1", "--ciyuan", "500", "-o", path["voucher"])
    server = json.loads(ciyuan("licence", "show", "workshop", "--json"))["server_key"]
    calls = '{"model":"smollm2","input":12,"output":30}\n{"model":"smollm2","input":12,"output":900}\n'
    done = subprocess.run([ciyuan.program, "licence", "meter", path["chain"], "--voucher", path["voucher"], "--key", path["key"],
                           "--server", server], input=calls, capture_output=True, text=True)
    if done.returncode != 0:
        fail("the device cannot count: " + done.stderr)
    for line in done.stdout.splitlines() + ciyuan("licence", "report", path["chain"]).splitlines():
        tell("  " + line)


def meter_alone(ciyuan, terminal):
    """The meter without the gateway: any text, any tokenizer."""
    readme = os.path.join(ROOT, "README.md")
    terminal.heading("The meter alone: ciyuan count --tokenizer o200k,qwen3,deepseek_v3 README.md")
    done = subprocess.run([ciyuan.program, "count", "--tokenizer", "o200k,qwen3,deepseek_v3", readme], capture_output=True, text=True)
    for line in done.stdout.splitlines():
        tell("  " + line.replace(ROOT + "/", ""))
    terminal.heading("What the same text costs in each language: ciyuan parity --tokenizer qwen3 (its cheapest and dearest)")
    done = subprocess.run([ciyuan.program, "parity", "--tokenizer", "qwen3"], capture_output=True, text=True)
    lines = done.stdout.splitlines()
    if len(lines) < 8:
        fail("the meter reports no parity: " + done.stderr)
    for line in lines[:5] + ["…"] + lines[-2:]:
        tell("  " + line)
    terminal.heading("Calls counted again under another method: ciyuan method recount examples/calls.jsonl --under characters-v1")
    done = subprocess.run([ciyuan.program, "method", "recount", os.path.join(ROOT, "examples", "calls.jsonl"), "--under",
                           "characters-v1", "--model", "gpt-4o=o200k:openai_chat"], capture_output=True, text=True)
    if done.returncode != 0:
        fail("the calls cannot be counted again: " + done.stderr)
    for line in done.stdout.splitlines():
        tell("  " + line)


def go_on(ciyuan, secret, receipt, key, terminal):
    terminal.heading("Go on yourself")
    tell(f"""  curl -N http://127.0.0.1:{ciyuan.port}/v1/chat/completions \\
    -H 'Authorization: Bearer {secret}' -H 'Content-Type: application/json' -H 'Ciyuan-Live: 1' \\
    -d '{{"model":"smollm2","stream":true,"messages":[{{"role":"user","content":"Hello!"}}]}}'

  build/release/bin/ciyuan --admin http://127.0.0.1:{ciyuan.admin_port} --data {ciyuan.folder} record list
  build/release/bin/ciyuan verify {receipt} --key '{key}'""")


def main():
    parser = argparse.ArgumentParser(prog="./run", description="Starts a model, the gateway in front of it, and a tour.")
    parser.add_argument("--upstream", metavar="URL", help="an OpenAI-compatible service of yours, e.g. http://127.0.0.1:11434/v1")
    parser.add_argument("--model", metavar="NAME", help="the model to ask it for (the first one it lists, if not said)")
    parser.add_argument("--upstream-key-env", metavar="NAME", help="environment variable that holds its key")
    parser.add_argument("--once", action="store_true", help="end after the tour; so it does without a terminal")
    parser.add_argument("--serve", action="store_true", help="keep serving also without a terminal")
    parser.add_argument("--bin", metavar="FOLDER", default="build/release/bin", help="where the program is (%(default)s)")
    options = parser.parse_args()
    program = os.path.join(ROOT, options.bin, "ciyuan")
    terminal = Terminal()
    folder = tempfile.mkdtemp(prefix="ciyuan-run-")
    logs = os.path.join(ROOT, "build", "logs")
    os.makedirs(logs, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        upstream = Upstream(options, program, logs)
        ciyuan = Ciyuan(program, folder, logs)
        ciyuan("apply", "-f", fitted_documents(upstream, options, folder), "-f",
               os.path.join(ROOT, "data", "methods", "native-v1.json"))
        terminal.heading(f"Ciyuan on http://127.0.0.1:{ciyuan.port}, in front of: {upstream.words()}")
        if upstream.kind != "real":
            tell("  Counted with SmolLM2's vocabulary, as examples/demo.yaml says; name your model's own for exact figures.")
        secret, record = tour(ciyuan, terminal)
        receipt, key = prove(ciyuan, record, folder, terminal)
        once = options.once or not (options.serve or (sys.stdin.isatty() and sys.stdout.isatty()))
        invoice(ciyuan, terminal)
        month(ciyuan, terminal)
        equivalence(ciyuan, terminal)
        governance(ciyuan, terminal)
        offline_device(ciyuan, folder, terminal)
        meter_alone(ciyuan, terminal)
        go_on(ciyuan, secret, receipt, key, terminal)
        if not once:
            tell("\n  Serving until Ctrl-C.")
            ciyuan.service.child.wait()
            fail("the gateway ended by itself; see " + ciyuan.service.log)
        tell("\n  (This run ends here; ./run in a terminal, or ./run --serve, keeps serving.)")
    except KeyboardInterrupt:
        tell()
    finally:
        Service.end_all()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
