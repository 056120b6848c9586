"""P1, P3, P6: kill -9 under load, again and again, on one data folder."""
import asyncio
import base64
import collections
import dataclasses
import decimal
import hashlib
import json
import os
import random
import subprocess

from registry import case
from wire import post
from world import ROOT, SECRET, Skip, cap, chat, check, documents, equal, http

QUANTUM = 32
SESSION_LIMIT, MONEY_LIMIT = 1000000, 100000
PRICES = {"input": decimal.Decimal("0.000002"), "output": decimal.Decimal("0.000008")}  # of world.documents, a token


@dataclasses.dataclass
class Seen:
    """What a client had of one answer."""
    record: str
    complete: bool
    text: str  # of a stream, as far as it came


async def work_until_killed(gateway, seconds, workers, work):
    """So many of work(number, stop) at once, and after some time kill -9; `stop` is set then."""
    stop = asyncio.Event()
    tasks = [asyncio.create_task(work(number, stop)) for number in range(workers)]
    await asyncio.sleep(seconds)
    gateway.child.kill()
    stop.set()
    await asyncio.gather(*tasks)
    gateway.child.wait()


async def load_until_killed(gateway, seconds, seen):
    """Calls of all sorts until the gateway is killed; what was answered, and how far, goes to `seen`."""
    async def worker(number, stop):
        dice = random.Random(number * 7919 + int(seconds * 1e6))
        while not stop.is_set():
            stream = dice.random() < 0.7
            body = chat("Go on.", stream=stream, max_tokens=dice.choice((1, 20, 200)),
                        standin=f"rate={dice.choice((0, 200, 2000))},tokens=100000")
            answer = await post(gateway.port, "/v1/chat/completions", body, SECRET, timeout=20,
                                headers={"Ciyuan-Session": f"s{dice.randrange(50)}"})
            if answer.record:
                streamed = stream and answer.status == 200
                seen.append(Seen(answer.record, answer.done if stream else answer.complete, answer.text() if streamed else ""))
            if answer.status == 0:
                await asyncio.sleep(0.01)

    await work_until_killed(gateway, seconds, 24, worker)


def check_books(gateway):
    """Everything posted sums to zero in each unit, and no limit is overdrawn."""
    sums = {}
    for account in gateway.accounts():
        balance = decimal.Decimal(account["balance"])
        sums[account["unit"]] = sums.get(account["unit"], 0) + balance
        check(balance >= 0 or account["may_overdraw"], "overdrawn:", account)
    for unit, total in sums.items():
        equal(total, 0, f"the sum of all balances in {unit}")


# ---- after a kill ---------------------------------------------------------------------------------------------------

def check_record(record):
    """Any record, interrupted ones too: Ciyuan and money are what its own figures say, and its times are in order."""
    what = f"{record['outcome']['state']} {record['id']}"
    usage = {kind: figure["billed"] for kind, figure in record["usage"].items()}
    equal(decimal.Decimal(record["ciyuan"]), sum(usage.values()), f"Ciyuan of {what}")
    equal(sum(decimal.Decimal(charge["amount"]) for charge in record["charges"]),
          sum(PRICES[kind] * billed for kind, billed in usage.items()), f"money of {what}")
    check(record["times"]["accepted"] <= record["times"]["closed"], what, record["times"])
    if record["outcome"]["state"] == "interrupted":
        equal(record["usage"]["input"]["level"], "proved", f"the prompt of {what}")
        output = record["usage"].get("output", {"billed": 0, "measured": 0, "level": "bounded"})
        equal((output["level"], output["billed"]), ("bounded", output["measured"]), f"the answer of {what}")


def check_limits(gateway, records):
    """Each limit is spent by exactly its records, and nothing of it is still held: what a new call is told to be left, which
    is what is neither posted nor held, is the whole balance."""
    sessions, money = collections.Counter(), decimal.Decimal(0)
    for record in records:
        sessions[record["session"]] += decimal.Decimal(record["ciyuan"])
        money += sum(decimal.Decimal(charge["amount"]) for charge in record["charges"])
    equal(decimal.Decimal(gateway.account("money")["balance"]), MONEY_LIMIT - money, "the money limit less all records")
    for session, spent in sessions.items():
        account = gateway.account(f"session={session}")
        equal(decimal.Decimal(account["balance"]), SESSION_LIMIT - spent, f"the limit of {session} less its records")
        told = gateway.call(chat(stream=True, max_tokens=1), headers={"Ciyuan-Session": session}).comments()
        closed = json.loads(next(one for one in told if one.startswith("ciyuan-closed ")).split(" ", 1)[1])
        left = {limit["clause"]: decimal.Decimal(limit["left"]) for limit in closed["remaining"]}
        equal(left, {"session": decimal.Decimal(gateway.account(f"session={session}")["balance"]),
                     "money": decimal.Decimal(gateway.account("money")["balance"])}, f"still held in {session}, by a call that is over")


def check_marks(world, cut_off, records):
    """An interrupted stream is billed from its last durable mark: never a quantum more than the client had, less than the
    tokens of what it had by what the last extensions granted, and never past the longest answer."""
    longest = max(record["usage"]["output"]["billed"] for record in records.values()
                  if record["outcome"]["state"] in ("completed", "cut"))
    folder = world.path("delivered")
    os.mkdir(folder)
    for one in cut_off:
        with open(os.path.join(folder, one.record), "w", encoding="utf-8") as file:
            file.write(one.text)
    counted = world.run("count", "-t", "smollm2", "--json", *sorted(os.path.join(folder, one.record) for one in cut_off))
    delivered = {os.path.basename(row["file"]): row["tokens"] for row in map(json.loads, counted.stdout.splitlines())
                 if row.get("file")}
    for one in cut_off:
        billed = records[one.record]["usage"].get("output", {"billed": 0})["billed"]
        check(delivered[one.record] - 2 * QUANTUM <= billed <= longest, f"{one.record}: delivered {delivered[one.record]}, "
              f"billed {billed}, the longest answer {longest}")


# ---- the log --------------------------------------------------------------------------------------------------------

def tile_paths(size):
    """C2SP tlog-tiles: all tiles of a tree of that size."""
    def path(number):
        text = f"{number % 1000:03d}"
        while number >= 1000:
            number //= 1000
            text = f"x{number % 1000:03d}/" + text
        return text

    level = 0
    while size > 0:
        for number in range(size // 256):
            yield f"tile/{level}/{path(number)}"
        if size % 256:
            yield f"tile/{level}/{path(size // 256)}.p/{size % 256}"
        size //= 256
        level += 1


def save_log(gateway, folder):
    """The newest checkpoint, the log's key and all tiles, as a mirror would fetch them."""
    with open(os.path.join(folder, "key"), "w") as file:
        file.write(gateway.ask("/v1/log")["verifier_key"] + "\n")
    checkpoint = save_checkpoint(gateway, folder, 999)
    for path in tile_paths(int(checkpoint.split(b"\n")[1])):
        status, tile = http(f"http://127.0.0.1:{gateway.admin_port}/{path}")
        equal(status, 200, path)
        os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
        with open(os.path.join(folder, path), "wb") as file:
            file.write(tile)


def save_checkpoint(gateway, folder, number):
    checkpoint = http(f"http://127.0.0.1:{gateway.admin_port}/checkpoint")[1]
    with open(os.path.join(folder, f"checkpoint.{number:03d}"), "wb") as file:
        file.write(checkpoint)
    return checkpoint


def leaf_hashes(folder, size):
    """The leaves of the log, from its level 0 tiles."""
    whole = b""
    for path in tile_paths(size):
        if path.startswith("tile/0/"):
            with open(os.path.join(folder, path), "rb") as file:
                whole += file.read()
    equal(len(whole), 32 * size, "bytes of level 0")
    return [whole[at:at + 32] for at in range(0, len(whole), 32)]


def roots(leaves, sizes):
    """{size: root} of RFC 6962 for the first leaves of the list, by the complete subtrees on the way."""
    found, peaks = {}, []
    for size, leaf in enumerate(leaves, 1):
        peaks.append(leaf)
        for _ in range((size & -size).bit_length() - 1):
            right = peaks.pop()
            peaks.append(hashlib.sha256(b"\x01" + peaks.pop() + right).digest())
        if size in sizes:
            root = peaks[-1]
            for left in reversed(peaks[:-1]):
                root = hashlib.sha256(b"\x01" + left + root).digest()
            found[size] = root
    return found


def check_one_log(folder):
    """Every checkpoint of every run is a root of the one list of leaves: no fork, nothing lost. Returns the leaves."""
    told = {}
    for name in sorted(os.listdir(folder)):
        if name.startswith("checkpoint."):
            with open(os.path.join(folder, name)) as file:
                lines = file.read().split("\n")
            told[name] = (int(lines[1]), base64.b64decode(lines[2]))
    leaves = leaf_hashes(folder, max(size for size, _ in told.values()))
    computed = roots(leaves, {size for size, _ in told.values()})
    for name, (size, root) in told.items():
        equal(root, computed[size], f"the root of {name}, {size} leaves")
    return leaves


def check_receipts(world, gateway, folder, records, leaves):
    """Each receipt's entry is the leaf that the log has at its index, and `ciyuan verify` says so too."""
    with open(os.path.join(folder, "key")) as file:
        key = file.read().strip()
    for number, identity in enumerate(records):
        receipt = gateway.receipt(identity)
        lines = receipt.decode().split("\n")
        extra = json.loads(base64.b64decode(lines[1].removeprefix("extra ")))
        entry = json.dumps(extra["entry"], separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
        equal(extra["entry"]["id"], identity, "whose receipt it is")
        equal(hashlib.sha256(b"\0" + entry).digest(), leaves[int(lines[2].removeprefix("index "))], f"the leaf of {identity}")
        path = os.path.join(folder, f"{number}.tlog-proof")
        with open(path, "wb") as file:
            file.write(receipt)
        verified = world.run("verify", path, "--key", key)
        check(verified.returncode == 0, "ciyuan verify:", verified.stdout, verified.stderr)


def kill_again_and_again(world, rounds, folder):
    """(gateway, what clients saw, records by id) after so many kills, with a checkpoint of each round in the folder."""
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("session", "ciyuan", SESSION_LIMIT, per="session", window="session"),
                                                    cap("money", "CNY", f"{MONEY_LIMIT}.00")],
                                      metering={"quantum_tokens": QUANTUM}))
    seen, dice = [], random.Random(1)
    for turn in range(rounds):
        begin = len(seen)
        asyncio.run(load_until_killed(gateway, dice.uniform(0.1, 0.5), seen))
        gateway = world.gateway()
        every = turn % 10 == 9 or turn == rounds - 1
        records = {record["id"]: record for record in gateway.records()} if every else {}
        for one in seen if every else seen[begin:]:
            record = records.get(one.record) if every else gateway.record(one.record)
            check(record, f"round {turn}: no record of {one.record}")
            if one.complete:
                state = record["outcome"]["state"]
                check(state in ("completed", "cut"), f"round {turn}: a completed answer is recorded as {state}")
        check_books(gateway)
        save_checkpoint(gateway, folder, turn)
    return gateway, seen, records


@case("50 times kill -9 under load: completed answers have records, nothing stays held, books balance, receipts verify, the log is one")
def fifty_kills(world):
    rounds = 5 if world.options.sanitized else 200 if world.options.long else 50
    folder = world.path("log")
    os.mkdir(folder)
    gateway, seen, records = kill_again_and_again(world, rounds, folder)
    states = collections.Counter(record["outcome"]["state"] for record in records.values())
    print("states of the records:", dict(states))
    check(any(one.complete for one in seen), "no answer was completed")
    check(states["interrupted"], "nothing was interrupted: the load was too light")
    for record in records.values():
        check_record(record)
    save_log(gateway, folder)
    leaves = check_one_log(folder)
    dice = random.Random(2)
    chosen = sorted(records) if world.options.long else dice.sample(sorted(records), min(1000, len(records)))
    check_receipts(world, gateway, folder, chosen, leaves)
    cut_off = [one for one in seen if one.text and records[one.record]["outcome"]["state"] == "interrupted"]
    check(len(cut_off) >= rounds, "streams that a kill cut off:", len(cut_off))
    check_marks(world, cut_off, records)
    check_limits(gateway, records.values())


async def keyed_load_until_killed(gateway, seconds, keys, number):
    """Calls with an Idempotency-Key each, some sent twice at once, those without an answer sent again, until the kill."""
    pending = [name for name, one in keys.items() if not one["done"]]

    async def send(name):
        one = keys[name]
        answer = await post(gateway.port, "/v1/chat/completions", one["body"], SECRET, timeout=20,
                            headers={"Idempotency-Key": name, "Ciyuan-Session": name})
        if answer.record and answer.status == 200:
            one["records"].add(answer.record)
        one["done"] |= bool(answer.record) and answer.complete and answer.status not in (409, 503)
        return answer

    async def worker(index, stop):
        dice = random.Random(number * 1000 + index)
        made = 0
        while not stop.is_set():
            if pending and dice.random() < 0.7:
                name = pending.pop()
            else:
                name, made = f"k{number}-{index}-{made}", made + 1
                keys[name] = {"body": chat("Go on.", max_tokens=dice.choice((1, 20, 100)), stream=dice.random() < 0.3,
                                           standin=f"rate={dice.choice((0, 500, 2000))},tokens=1000"), "records": set(), "done": False}
            answers = await asyncio.gather(*(send(name) for _ in range(dice.choice((1, 1, 2)))))
            if any(answer.status == 0 for answer in answers):
                await asyncio.sleep(0.01)

    await work_until_killed(gateway, seconds, 16, worker)


@case("100 times kill -9 under calls with idempotency keys, duplicates and retries: each key is charged once, and nothing else is")
def exactly_once(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("money", "CNY", f"{MONEY_LIMIT}.00")]))
    keys, dice = {}, random.Random(3)
    for turn in range(5 if world.options.sanitized else 100):
        asyncio.run(keyed_load_until_killed(gateway, dice.uniform(0.05, 0.3), keys, turn))
        gateway = world.gateway()
    # What has no answer yet is sent again, in another order, until it has one.
    late = [name for name, one in keys.items() if not one["done"]]
    dice.shuffle(late)
    for name in late:
        answer = gateway.call(keys[name]["body"], headers={"Idempotency-Key": name, "Ciyuan-Session": name})
        check(answer.record, f"no answer for {name}: {answer.status} {answer.body[:300]}")
        keys[name]["records"].add(answer.record)
    check(len(late) >= 20, "calls that a kill left without an answer:", len(late))
    charged = {}
    for record in gateway.records():
        if any(decimal.Decimal(charge["amount"]) for charge in record["charges"]):
            charged.setdefault(record["session"], []).append(record["id"])
    doubled = {name: found for name, found in charged.items() if len(found) != 1}
    check(not doubled, "charged more than once for one key:", doubled)
    equal(set(charged) - set(keys), set(), "charged without a key")
    unnamed = [name for name, found in charged.items() if keys[name]["records"] and keys[name]["records"] != set(found)]
    check(not unnamed, "answers name another record than the charged one:", [(name, keys[name], charged[name]) for name in unnamed[:3]])
    equal([name for name in keys if name not in charged], [], "answered and not charged")
    check_books(gateway)
    money = sum(decimal.Decimal(charge["amount"]) for record in gateway.records() for charge in record["charges"])
    equal(decimal.Decimal(gateway.account("money")["balance"]), MONEY_LIMIT - money, "the money limit less all records")


@case("Go's transparency-log library agrees with the log, its checkpoints and its receipts after 10 kills")
def go_agrees(world):
    folder = world.path("log")
    os.mkdir(folder)
    gateway, _, records = kill_again_and_again(world, 3 if world.options.sanitized else 10, folder)
    save_log(gateway, folder)
    check_receipts(world, gateway, folder, random.Random(3).sample(sorted(records), min(300, len(records))), check_one_log(folder))
    done = subprocess.run([os.path.join(ROOT, "tests", "conformance", "tlog", "run.sh"), folder], capture_output=True, text=True)
    print(done.stdout, done.stderr)
    if done.returncode == 77:
        raise Skip(done.stdout.strip().removeprefix("skipped: "))
    equal(done.returncode, 0, f"Go's transparency-log library disagrees: {done.stdout[-1000:]}")


@case("SIGTERM drains: running streams end well, new calls are refused, the exit code is 0")
def drain(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))

    async def run():
        running = [asyncio.create_task(gateway.post(chat(stream=True, standin="tokens=60,rate=60"))) for _ in range(8)]
        await asyncio.sleep(0.4)
        gateway.child.terminate()
        await asyncio.sleep(0.2)
        late = await gateway.post(chat(max_tokens=1))
        return await asyncio.gather(*running), late

    running, late = asyncio.run(run())
    check(all(answer.done for answer in running), "running streams", [answer.body[-80:] for answer in running if not answer.done])
    check(late.status in (0, 503), "a late call", late.status)
    equal(gateway.child.wait(30), 0, "exit code")


@case("a restart keeps balances, documents and keys")
def restart(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("total", "ciyuan", 1000)]))
    first = gateway.call(chat(max_tokens=10))
    before = gateway.account("total")["balance"]
    gateway.end()
    again = world.gateway()
    equal(again.account("total")["balance"], before, "balance")
    check(again.record(first.record)["outcome"]["state"] in ("completed", "cut"), again.record(first.record))
    equal(again.call(chat(max_tokens=1)).status, 200, "a call with the old key")
