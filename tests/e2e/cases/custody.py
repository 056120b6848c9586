"""What is kept in the data folder, who may trust it, and what leaves it: secrets, the log's state, records' keys, logs."""
import asyncio
import hashlib
import json
import os
import re
import shutil
import urllib.error
import urllib.request

from registry import case
from world import Skip, chat, check, documents, equal, http, wait_until

MARK = "zebra-quartz-4711"


def in_folder(folder, needles):
    """(file, needle) of every occurrence in any file below the folder."""
    for place, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(place, name), "rb") as file:
                content = file.read()
            yield from ((name, needle) for needle in needles if needle in content)


def replace_database(data, source):
    """The folder with another folder's database, or with none."""
    for name in os.listdir(data):
        if name.startswith("ciyuan.db"):
            os.remove(os.path.join(data, name))
    if source:
        shutil.copy(os.path.join(source, "ciyuan.db"), data)


def serve_refused(world, data, *options):
    """`ciyuan serve` that must end by itself: its exit code and what it said."""
    ended = world.run("serve", "--data", data, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", *options)
    return ended.returncode, ended.stderr


@case("a database that was rolled back under the log closes the data plane and says why")
def rolled_back(world):
    standin = world.standin()
    data, copy = world.path("data"), world.path("copy")
    gateway = world.gateway(documents(standin.url))
    gateway.call(chat(max_tokens=2))
    gateway.end()
    shutil.copytree(data, copy)
    gateway = world.gateway()
    equal(gateway.call(chat(max_tokens=2)).status, 200, "a call before the accident")
    gateway.end()
    shutil.copytree(data, world.path("newest"))
    replace_database(data, copy)

    gateway = world.gateway()
    leaves, served = len(gateway.records()), standin.stats()
    refused = gateway.call(chat(max_tokens=2))
    equal(refused.status, 503, "a call")
    check("rolled back" in refused.error["message"], refused.error)
    for port in (gateway.port, gateway.admin_port):
        status, why = http(f"http://127.0.0.1:{port}/readyz")
        equal(status, 503, "readiness")
        check(b"rolled back" in why, why)
    status, why = gateway.admin("/v1/accounts/post", {"debit": "a", "credit": "b", "unit": "CNY", "amount": "1"})
    check(status == 503 and b"rolled back" in why, status, why)
    equal(len(gateway.records()), leaves, "records")
    equal(standin.stats(), served, "what reached the service")
    equal(gateway.metrics()["ciyuan_log_refused"], 1, "metric")
    check('"event":"data-plane-closed"' in gateway.said(), gateway.said())
    gateway.end()

    # The right database again: everything goes on where it was.
    replace_database(data, world.path("newest"))
    gateway = world.gateway()
    equal(http(f"http://127.0.0.1:{gateway.port}/readyz")[0], 200, "readiness")
    equal(gateway.call(chat(max_tokens=2)).status, 200, "a call")


@case("an empty database under the state of a log that grew serves nothing")
def emptied(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    gateway.call(chat(max_tokens=2))
    gateway.end()
    replace_database(gateway.data, None)
    again = world.gateway()
    equal(again.call(chat(max_tokens=2)).status, 503, "a call")
    status, why = http(f"http://127.0.0.1:{again.port}/readyz")
    check(status == 503 and b"smaller than the last one signed" in why, status, why)


@case("the log's lost key is not made up, nor a secret taken that others may read")
def lost_key(world):
    gateway = world.gateway(documents("http://127.0.0.1:9"))
    gateway.end()
    key = os.path.join(gateway.data, "log.key")
    os.rename(key, key + ".away")
    code, said = serve_refused(world, gateway.data)
    equal(code, 1, "exit code")
    check("backup" in said, said)
    check(not os.path.exists(key), "a key was made")
    os.rename(key + ".away", key)
    for name in ("log.key", "admin.token", "instance.key", "keys.dat"):
        path = os.path.join(gateway.data, name)
        os.chmod(path, 0o640)
        code, said = serve_refused(world, gateway.data)
        check(code == 1 and "0600" in said and name in said, name, code, said)
        os.chmod(path, 0o600)
    world.gateway()


@case("nothing in the data folder confirms a guess of a request under an Idempotency-Key, and a repeat is still known")
def guessed_body(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    body = json.dumps(chat(MARK, max_tokens=2)).encode()
    headers = {"Idempotency-Key": "one"}
    first = gateway.call(body, headers=headers)
    running = asyncio.run(interrupted_call(gateway, standin))
    check(first.status == 200 and running, first.status)
    guesses = [digest for text in (body, json.dumps(chat(MARK + "-open", stream=True, standin="stall-after=2:60000")).encode())
               for digest in (hashlib.sha256(text).digest(), hashlib.sha256(text).hexdigest().encode())]
    found = list(in_folder(gateway.data, guesses + [MARK.encode()]))
    equal(found, [], "what confirms the guess")
    gateway.kill()
    again = world.gateway()
    equal(list(in_folder(again.data, guesses)), [], "what confirms the guess after a crash")
    repeated = again.call(body, headers=headers)
    equal((repeated.status, repeated.error["ciyuan"]["record"] if "ciyuan" in repeated.error else repeated.record),
          (409, first.record), "the repeat")
    equal(again.call(json.dumps(chat("another", max_tokens=2)).encode(), headers=headers).status, 422, "another body")


async def interrupted_call(gateway, standin):
    """A call with an Idempotency-Key that is still open when this returns: its body's digest is in the open call."""
    call = asyncio.create_task(gateway.post(json.dumps(chat(MARK + "-open", stream=True, standin="stall-after=2:60000")).encode(),
                                            headers={"Idempotency-Key": "two"}, timeout=2))
    await asyncio.sleep(1)
    open_calls = gateway.metrics()["ciyuan_open_calls"]
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    return open_calls == 1


@case("a record's key opens its prompt for whoever is given it, until it is erased; the log says who erased it")
def erased(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    body = json.dumps(chat(MARK, max_tokens=2)).encode()
    record = gateway.call(body).record
    with open(world.path("prompt"), "wb") as file:
        file.write(body)
    console = {"CIYUAN_ADMIN": f"http://127.0.0.1:{gateway.admin_port}", "CIYUAN_DATA_FOLDER": gateway.data}

    def run(*command):
        return world.run(*command, env={**os.environ, **console})

    with open(world.path("key"), "w") as file:
        file.write(run("log", "key").stdout)
    secret = run("record", "key", record).stdout.strip()
    check(re.fullmatch("[0-9a-f]{64}", secret), secret)
    equal(run("record", "receipt", record, "-o", world.path("receipt")).returncode, 0, "receipt")
    verified = run("verify", world.path("receipt"), "--key", world.path("key"), "--request", world.path("prompt"),
                   "--record-key", secret)
    check(verified.returncode == 0 and f"{len(body)} bytes" in verified.stdout, verified.stdout, verified.stderr)
    wrong = run("verify", world.path("receipt"), "--key", world.path("key"), "--request", world.path("key"), "--record-key", secret)
    equal(wrong.returncode, 1, "another prompt")

    check(list(in_folder(gateway.data, [bytes.fromhex(secret)])), "the key is somewhere")
    gone = run("record", "erase", record)
    check(gone.returncode == 0 and "leaf" in gone.stdout, gone.stdout, gone.stderr)
    equal(list(in_folder(gateway.data, [bytes.fromhex(secret)])), [], "where the key still is")
    act = gateway.ask("/v1/acts?limit=1")["acts"][0]
    equal((act["action"], act["subject"]), ("erase-key", "Record/" + record), "the act")
    again = run("record", "erase", record)
    check(again.returncode == 0 and "before" in again.stdout, again.stdout, again.stderr)
    equal(gateway.ask("/v1/acts?limit=1")["acts"][0]["leaf"], act["leaf"], "erased once, logged once")
    equal(run("record", "key", record).returncode, 1, "the key")
    equal(run("record", "receipt", record, "-o", world.path("closed")).returncode, 0, "receipt")
    closed = run("verify", world.path("closed"), "--key", world.path("key"), "--json")
    equal((closed.returncode, json.loads(closed.stdout)["fields"]), (0, {}), "what the receipt still shows")
    gateway.end()
    again = world.gateway()
    equal(again.admin(f"/v1/records/{record}/key")[0], 403, "the key after a restart")


@case("damaged commitment keys are reported at the start and in the metrics")
def damaged_keys(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    records = [gateway.call(chat(max_tokens=1)).record for _ in range(3)]
    gateway.end()
    with open(os.path.join(gateway.data, "keys.dat"), "r+b") as file:
        file.seek(64 + 64 + 20)
        file.write(b"\x55\xaa\x55")
    again = world.gateway()
    equal(again.metrics()["ciyuan_keys_damaged"], 1, "metric")
    check('"event":"keys-damaged"' in again.said(), again.said())
    check(again.receipt(records[1]), "a receipt of its record")


@case("strangers are shown a checkpoint that follows the log by itself, whoever asks and however often")
def followed(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))

    def signed():
        return int(http(f"http://127.0.0.1:{gateway.port}/checkpoint")[1].split(b"\n")[1])

    for _ in range(3):
        gateway.call(chat(max_tokens=1))
        size = int(gateway.metrics()["ciyuan_log_leaves"])
        wait_until(lambda: signed() == size, what="the newest checkpoint")
    note = http(f"http://127.0.0.1:{gateway.port}/checkpoint")[1]
    equal(len({http(f"http://127.0.0.1:{gateway.port}/checkpoint")[1] for _ in range(50)} | {note}), 1, "notes")


@case("a posting whose answer never came can be sent again: the command line says under which id")
def unsure_posting(world):
    gateway = world.gateway(documents("http://127.0.0.1:9"))
    console = {"CIYUAN_ADMIN": "http://127.0.0.1:9", "CIYUAN_DATA_FOLDER": gateway.data}
    command = ["account", "deposit", "purse", "--new", "--unit", "CNY", "--amount", "1"]
    lost = world.run(*command, env={**os.environ, **console})
    equal(lost.returncode, 1, "exit code")
    identity = re.search(r"posting ([0-9a-f-]{36})", lost.stderr).group(1)
    console["CIYUAN_ADMIN"] = f"http://127.0.0.1:{gateway.admin_port}"
    for _ in range(2):
        posted = world.run(*command, "--id", identity, env={**os.environ, **console})
        equal(posted.returncode, 0, posted.stderr)
    equal([one["balance"] for one in gateway.accounts("purse")], ["1"], "balance")


# ---- what is told about calls -----------------------------------------------------------------------------------------

@case("the service's log is one JSON object a line, and neither it nor the data folder holds content, not even of bad requests")
def no_content(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url), options=("--threads", "2"))
    mark, bad = MARK.encode(), []
    scripts = ["tokens=3", "status=500", "reset", "garbage", "break-after=1", "error-after=1", "empty"]
    for script in scripts:
        for stream in (False, True):
            gateway.call(chat(MARK, stream=stream, max_tokens=5, standin=script))
    bodies = [b'{"model":"standin","messages":[{"role":"user","content":"' + mark,
              b'{"model":"' + mark + b'","messages":[]}', b'{"' + mark + b'":1}', mark, b"[" + mark + b"]", b"\xff" + mark,
              json.dumps(chat(MARK, max_tokens=MARK)).encode(), json.dumps(chat(MARK, n=-1)).encode(),
              json.dumps({"model": "standin", "messages": MARK}).encode()]
    for body in bodies:
        for path in ("/v1/chat/completions", "/v1/completions", "/v1/embeddings"):
            answer = gateway.call(body, path=path)
            if not 400 <= answer.status < 500:
                bad.append((path, body, answer.status))
    equal(bad, [], "bad requests that were not refused")
    gateway.call({"model": "standin", "prompt": MARK, "max_tokens": 2}, path="/v1/completions")
    gateway.call({"model": "standin", "input": MARK}, path="/v1/embeddings")
    answered = gateway.call(chat(max_tokens=40, standin="tokens=40")).text()
    check(len(answered) > 40, answered)
    gateway.end()

    lines = gateway.said().splitlines()
    events = {}
    for line in lines:
        told = json.loads(line)
        check(isinstance(told, dict) and told["event"] and told["at"], line)
        events[told["event"]] = events.get(told["event"], 0) + 1
    check(events["call"] >= 2 * len(scripts) + 3, events)
    equal([line for line in lines if MARK in line], [], "content in the log")
    equal(list(in_folder(gateway.data, [mark, answered[:40].encode()])), [], "content in the data folder")


@case("each record says how the service's figures stand against ours, and a statement counts the verdicts")
def verdicts(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, metering={"tolerance": {"tokens": 2, "per_mille": 0}}))

    def record_of(script, stream=False):
        return gateway.record(gateway.call(chat(max_tokens=5, stream=stream, standin="tokens=50," + script)).record)

    # The stand-in knows no chat template: by so much its count of the prompt is made up for.
    first = record_of("rate=0")
    short = first["usage"]["input"]["measured"] - first["usage"]["input"]["reported"]
    seen = {first["outcome"]["verdict"]: 1}
    equal(seen, {"disputed": 1}, "a prompt counted otherwise")
    for stream in (False, True):
        for script, wanted in ((f"lie-prompt=+{short}", "verified"), (f"lie-prompt=+{short},lie=+2", "within-tolerance"),
                               (f"lie-prompt=+{short - 1}", "within-tolerance"), (f"lie-prompt=+{short},lie=+3", "disputed"),
                               ("nousage", "unverifiable")):
            equal(record_of(script, stream)["outcome"]["verdict"], wanted, f"{script}, streamed: {stream}")
            seen[wanted] = seen.get(wanted, 0) + 1
    broken = gateway.call(chat(stream=True, standin="tokens=50,break-after=3"))
    equal(wait_until(lambda: gateway.record(broken.record), what="its record")["outcome"]["verdict"], "unverifiable", "a broken stream")
    seen["unverifiable"] += 1
    equal(gateway.ask("/v1/contracts/e2e/statement")["verdicts"], seen, "the statement")
    explained = gateway.ask(f"/v1/records/{broken.record}/explain")["verdict"]
    check("nothing to compare" in explained, explained)


SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)')


def families(text):
    """Prometheus' text format 0.0.4, strictly: name -> (type, {(sample name, labels): value}); each family in one piece."""
    found, name = {}, None
    check(text.endswith("\n"), "the last line has no end")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name, help_text = line.split(" ", 3)[2:]
            check(name not in found and help_text, line)
            found[name] = [None, {}]
        elif line.startswith("# TYPE "):
            check(line.split(" ")[2] == name and found[name] == [None, {}], "a type without its help:", line)
            found[name][0] = line.split(" ", 3)[3]
            check(found[name][0] in ("counter", "gauge", "histogram"), line)
        else:
            match = SAMPLE.fullmatch(line)
            check(match, "no sample:", line)
            kind = found[name][0]
            allowed = [name + end for end in ("_bucket", "_sum", "_count")] if kind == "histogram" else [name]
            check(match[1] in allowed and (match[1], match[2]) not in found[name][1], line)
            check(kind != "counter" or name.endswith("_total"), "a counter's name:", name)
            found[name][1][match[1], match[2]] = float(match[3])
    return found


def check_histogram(name, samples):
    buckets = [(float(labels.split('"')[1]), value) for (sample, labels), value in samples.items() if sample == name + "_bucket"]
    check(buckets == sorted(buckets) and buckets[-1][0] == float("inf"), name, buckets)
    check(all(a[1] <= b[1] for a, b in zip(buckets, buckets[1:])), name, "is not cumulative", buckets)
    equal(buckets[-1][1], samples[name + "_count", None], name)
    check(samples[name + "_sum", None] >= 0, name)


@case("the metrics are Prometheus' text format to the letter, counters only grow, and they count what happened")
def metrics(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))

    def scrape():
        return families(http(f"http://127.0.0.1:{gateway.admin_port}/metrics")[1].decode())

    gateway.call(chat(max_tokens=3))  # a service has a figure of its own from its first call on
    before = scrape()
    for number in range(6):
        gateway.call(chat(stream=number % 2 == 0, max_tokens=3))
    gateway.call(chat(standin="status=500"))
    gateway.call(b"no JSON")
    gateway.call(chat(), key="ck-nobody")
    after = scrape()
    equal(set(before), set(after), "families")
    for name, (kind, samples) in after.items():
        equal(set(samples), set(before[name][1]), name)
        check(samples, name, "has no samples")
        if kind == "histogram":
            check_histogram(name, samples)
        if kind != "gauge":
            check(all(samples[one] >= value for one, value in before[name][1].items()), name, "shrank")

    def grown(name):
        return after[name][1][name, None] - before[name][1][name, None]

    equal((grown("ciyuan_calls_total"), grown("ciyuan_calls_denied_total"), grown("ciyuan_calls_upstream_failed_total")), (9, 2, 1),
          "calls, denied, failed")
    records = gateway.records()
    output = sum(record["usage"]["output"]["billed"] for record in records if "output" in record["usage"])
    equal(after["ciyuan_tokens_total"][1]["ciyuan_tokens_total", 'kind="output"'], output, "output tokens")
    equal(after["ciyuan_log_leaves"][1]["ciyuan_log_leaves", None], gateway.ask("/v1/log")["size"], "leaves")


# ---- the control plane's description ----------------------------------------------------------------------------------

def closed(schema):
    """The schema with every object that lists its members taking no others: what is not described must not come."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    shut = {name: closed(value) for name, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
        shut["additionalProperties"] = False
    return shut


class Described:
    """The OpenAPI document, as what requests and replies are held against."""

    def __init__(self, gateway):
        try:
            import jsonschema
            import openapi_spec_validator
        except ImportError as absent:
            raise Skip(f"PyPI openapi-spec-validator is absent ({absent})") from None
        self.gateway = gateway
        self.document = json.loads(http(f"http://127.0.0.1:{gateway.admin_port}/openapi.json")[1])
        openapi_spec_validator.validate(self.document)
        self.components, self.schema = closed(self.document["components"]), jsonschema.Draft202012Validator
        self.succeeded = set()

    def fits(self, value, schema, what):
        broken = list(self.schema({**closed(schema), "components": self.components}).iter_errors(value))
        check(not broken, what, [f"{list(one.path)}: {one.message}" for one in broken][:5], str(value)[:500])

    def send(self, method, route, body=None, expected=200, query="", body_fits=True, token=True, **names):
        operation = self.document["paths"][route][method.lower()]
        target = route
        for name, value in names.items():
            target = target.replace("{" + name + "}", urllib.request.quote(value, safe="/" if route.startswith("/tile") else ""))
        if body_fits and body is not None:
            self.fits(body, operation["requestBody"]["content"]["application/json"]["schema"], f"the body of {method} {route}")
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        status, kind, answer = self.exchange(method, target + query, data, token)
        equal(status, expected, f"{method} {target}: {answer[:500]}")
        described = operation["responses"].get(str(status), operation["responses"]["default"])
        check(kind in described["content"], f"{method} {route} answers {status} with", kind)
        if kind.endswith("json"):
            self.fits(json.loads(answer), described["content"][kind]["schema"], f"the answer of {method} {route}")
        if status < 300:
            self.succeeded.add((method, route))
        else:
            equal(json.loads(answer)["status"], status, "the problem's status")
        return json.loads(answer) if kind.endswith("json") else answer

    def exchange(self, method, target, data, token):
        request = urllib.request.Request(f"http://127.0.0.1:{self.gateway.admin_port}{target}", data=data, method=method)
        if token:
            request.add_header("Authorization", "Bearer " + self.gateway.token)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers.get_content_type(), answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.headers.get_content_type(), refused.read()


@case("the control plane is what its OpenAPI document says: valid 3.1, and every operation's bodies, answers and problems fit")
def described(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    plane = Described(gateway)
    record = gateway.call(chat(max_tokens=2)).record
    nobody, party = "01890000-0000-7000-8000-000000000000", {"kind": "Party", "name": "new"}
    post = {"debit": "bank", "credit": "purse/1", "unit": "CNY", "amount": "1.5", "memo": "m", "id": nobody, "new": True}

    plane.send("GET", "/v1/documents")
    plane.send("GET", "/v1/documents", query="?kind=Nothing", expected=400)
    plane.send("PUT", "/v1/documents/{kind}/{name}", party, kind="Party", name="new")
    plane.send("PUT", "/v1/documents/{kind}/{name}", party, 400, kind="Party", name="other")
    plane.send("PUT", "/v1/documents/{kind}/{name}", {**party, "colour": 1}, 400, kind="Party", name="new")
    plane.send("GET", "/v1/documents/{kind}/{name}", kind="Party", name="new")
    plane.send("GET", "/v1/documents/{kind}/{name}", kind="Party", name="new", query="?history=true")
    plane.send("GET", "/v1/documents/{kind}/{name}", expected=404, kind="Party", name="nobody")
    plane.send("DELETE", "/v1/documents/{kind}/{name}", expected=400, kind="Party", name="provider")
    plane.send("DELETE", "/v1/documents/{kind}/{name}", kind="Party", name="new")
    plane.send("DELETE", "/v1/documents/{kind}/{name}", expected=404, kind="Party", name="new")
    plane.send("POST", "/v1/apply", b"kind: Party\nname: other\n", body_fits=False)
    plane.send("POST", "/v1/apply", b"kind: Party\nname: other\n", body_fits=False, query="?dry_run=true")
    plane.send("POST", "/v1/apply", b"kind: Party\ncolour: red\n", 400, body_fits=False)
    plane.send("POST", "/v1/keys", {"name": "alice", "contract": "e2e"}, 201)
    plane.send("POST", "/v1/keys", {"name": "alice", "contract": "e2e"}, 409)
    plane.send("POST", "/v1/keys", {"name": "bob", "contract": "none"}, 400)
    plane.send("POST", "/v1/keys", b"[]", 400, body_fits=False)
    plane.send("POST", "/v1/accounts/post", post)
    plane.send("POST", "/v1/accounts/post", {**post, "amount": "2"}, 409)
    plane.send("POST", "/v1/accounts/post", {**post, "id": record, "debit": "purse/1", "credit": "bank", "amount": "9"}, 403)
    plane.send("POST", "/v1/accounts/post", {**post, "id": record, "new": False, "credit": "x"}, 404)
    plane.send("POST", "/v1/accounts/post", {**post, "amount": 1}, 400, body_fits=False)
    plane.send("GET", "/v1/accounts")
    plane.send("GET", "/v1/accounts", query="?limit=1")
    plane.send("GET", "/v1/accounts", query="?limit=x", expected=400)
    plane.send("GET", "/v1/accounts/{name}", name="purse/1")
    plane.send("GET", "/v1/accounts/{name}", name="purse/1", query="?at=2026-01-01")
    plane.send("GET", "/v1/accounts/{name}", name="purse/1", query="?at=2200-01-01", expected=400)
    plane.send("GET", "/v1/accounts/{name}", expected=404, name="nothing")
    plane.send("GET", "/v1/accounts/{name}/statement", name="purse/1")
    plane.send("GET", "/v1/accounts/{name}/statement", name="purse/1", query="?limit=1")
    plane.send("GET", "/v1/accounts/{name}/statement", expected=404, name="nothing")
    plane.send("GET", "/v1/records")
    plane.send("GET", "/v1/records", query="?from=yesterday", expected=400)
    for path in ("/v1/records/{id}", "/v1/records/{id}/receipt", "/v1/records/{id}/explain", "/v1/records/{id}/key"):
        plane.send("GET", path, id=record)
        plane.send("GET", path, expected=404, id=nobody)
        plane.send("GET", path, expected=400, id="no-id")
    for _ in range(2):
        plane.send("POST", "/v1/records/{id}/correct", {"price_book": "prices"}, id=record)
    plane.send("POST", "/v1/records/{id}/correct", {"price_book": "nothing"}, 404, id=record)
    plane.send("POST", "/v1/records/{id}/correct", {"price_book": "prices"}, 404, id=nobody)
    plane.send("POST", "/v1/records/{id}/correct", b"{}", 400, body_fits=False, id=record)
    plane.send("DELETE", "/v1/records/{id}/key", id=record)
    plane.send("DELETE", "/v1/records/{id}/key", id=record)
    plane.send("GET", "/v1/records/{id}/key", expected=403, id=record)
    plane.send("GET", "/v1/records/{id}/decision", id=record)
    plane.send("GET", "/v1/records/{id}/decision", expected=404, id=nobody)
    plane.send("POST", "/v1/decisions", {"key": "e2e", "model": "standin", "prompt_tokens": 7})
    plane.send("POST", "/v1/decisions", {"key": "nobody", "model": "standin"}, 404)
    plane.send("POST", "/v1/accounts/{name}/close", expected=403, name="purse/1")
    plane.send("POST", "/v1/accounts/post", {**post, "id": "01890000-0000-7000-8000-000000000001", "debit": "purse/1",
                                                "credit": "bank", "new": False})
    plane.send("POST", "/v1/accounts/{name}/close", name="purse/1")
    plane.send("POST", "/v1/accounts/{name}/close", expected=404, name="nothing")
    plane.send("GET", "/v1/contracts/{name}/statement", name="e2e")
    plane.send("GET", "/v1/contracts/{name}/statement", name="e2e", query="?from=2026-01-01&to=2036-01-01")
    plane.send("GET", "/v1/contracts/{name}/statement", expected=404, name="nothing")
    device = world.run("licence", "keygen", "cutter-1", "-o", world.path("device.key")).stdout.strip()
    gateway.apply([{"kind": "Licence", "name": "desks", "contract": "e2e", "type": "device", "ciyuan": "100", "from": "2026-01-01",
                    "until": "2036-01-01", "devices": [device]}])
    wanted = {"device": "cutter-1", "ciyuan": "60"}
    issued = plane.send("POST", "/v1/licences/{name}/vouchers", wanted, 201, name="desks")
    plane.send("POST", "/v1/licences/{name}/vouchers", wanted, 403, name="desks")
    plane.send("POST", "/v1/licences/{name}/vouchers", {**wanted, "device": "cutter-2"}, 400, name="desks")
    plane.send("POST", "/v1/licences/{name}/vouchers", wanted, 404, name="nothing")
    for query, expected in (("", 200), ("?close=true", 409), ("", 200)):  # its device has not said that it is finished
        plane.send("POST", "/v1/licence-reports", issued["note"].encode(), expected, body_fits=False, query=query)
    plane.send("POST", "/v1/licence-reports", b"nonsense", 400, body_fits=False)
    plane.send("GET", "/v1/licences/{name}", name="desks")
    plane.send("GET", "/v1/licences/{name}", expected=404, name="nothing")
    plane.send("GET", "/v1/acts")
    plane.send("GET", "/v1/log")
    plane.send("GET", "/v1/log", expected=401, token=False)
    for path in ("/checkpoint", "/metrics", "/healthz", "/readyz", "/openapi.json"):
        plane.send("GET", path, token=False)
    plane.send("GET", "/tile/{path}", token=False, path="entries/000.p/1")
    plane.send("GET", "/tile/{path}", expected=404, token=False, path="0/900")
    operations = {(method.upper(), path) for path, methods in plane.document["paths"].items() for method in methods}
    # What settles needs books of its own: cases/settlement.py calls it.
    settles = ("/usage", "/forecast", "/v1/parties/", "/v1/budgets", "/v1/invoices", "/v1/credit-notes", "/v1/settlements", "/v1/contracts/{name}/equivalence", "/v1/contracts/{name}/closing")
    operations = {one for one in operations if not any(part in one[1] for part in settles)}
    equal(plane.succeeded, operations, "operations that were seen to succeed")


@case("a lost keys file is told of at the start, an empty one of a new folder is not")
def lost_keys(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url), options=())
    check("keys-missing" not in gateway.said(), "on a new folder")
    gateway.call(chat(max_tokens=2))
    gateway.end()
    os.remove(os.path.join(gateway.data, "keys.dat"))
    again = world.gateway(options=())
    check("keys-missing" in again.said(), again.said()[-500:])


@case("an older copy of the keys file is told of at every start; records made after it have keys of their own")
def older_keys(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url), options=())
    keys = os.path.join(gateway.data, "keys.dat")

    first = gateway.call(chat(max_tokens=2)).record
    gateway.end()
    shutil.copy(keys, keys + ".older")
    gateway = world.gateway(options=())
    second = gateway.call(chat(max_tokens=2)).record
    check("keys-missing" not in gateway.said(), "the file is whole")
    gateway.end()
    shutil.move(keys + ".older", keys)
    gateway = world.gateway(options=())
    check("keys-missing" in gateway.said(), gateway.said()[-500:])
    third = gateway.call(chat(max_tokens=2)).record
    gateway.end()
    gateway = world.gateway(options=())
    check("keys-missing" in gateway.said(), "as long as records cannot be opened")
    equal([gateway.admin(f"/v1/records/{record}/key")[0] for record in (first, second, third)], [200, 404, 200], "their keys")
    for record in (first, second, third):
        check(gateway.receipt(record), "each can be proved")
