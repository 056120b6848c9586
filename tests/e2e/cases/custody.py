"""What is kept in the data folder, who may trust it, and what leaves it: secrets, the log's state, records' keys, logs."""
import asyncio
import hashlib
import json
import os
import re
import shutil

from registry import case
from world import chat, check, documents, equal, http, wait_until

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
    command = ["account", "deposit", "purse", "--unit", "CNY", "--amount", "1"]
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
