"""P1, P3, P6: kill -9 under load, again and again, on one data folder."""
import asyncio
import decimal
import os
import random
import shutil
import subprocess
import time

from registry import case
from wire import post
from world import ROOT, SECRET, cap, chat, check, documents, equal, http


async def load_until_killed(gateway, seconds, seen):
    """Calls of all sorts until the gateway is killed; what was answered, and how far, goes to `seen`."""
    stop = asyncio.Event()

    async def worker(number):
        dice = random.Random(number * 7919 + int(seconds * 1e6))
        while not stop.is_set():
            stream = dice.random() < 0.7
            body = chat("Go on.", stream=stream, max_tokens=dice.choice((1, 20, 200)),
                        standin=f"rate={dice.choice((0, 200, 2000))},tokens=100000")
            answer = await post(gateway.port, "/v1/chat/completions", body, SECRET, timeout=20,
                                headers={"Ciyuan-Session": f"s{dice.randrange(50)}"})
            if answer.record:
                complete = answer.done if stream else answer.complete
                seen.append((answer.record, complete))
            if answer.status == 0:
                await asyncio.sleep(0.01)

    workers = [asyncio.create_task(worker(number)) for number in range(24)]
    await asyncio.sleep(seconds)
    gateway.child.kill()
    stop.set()
    await asyncio.gather(*workers)
    gateway.child.wait()


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


def check_books(gateway):
    """Everything posted sums to zero in each unit, and no limit is overdrawn."""
    sums = {}
    for account in gateway.accounts():
        balance = decimal.Decimal(account["balance"])
        sums[account["unit"]] = sums.get(account["unit"], 0) + balance
        check(balance >= 0 or account["may_overdraw"], "overdrawn:", account)
    for unit, total in sums.items():
        equal(total, 0, f"the sum of all balances in {unit}")


@case("50 times kill -9 under load: completed answers have records, books balance, receipts verify, the log is one")
def fifty_kills(world):
    rounds = 5 if world.options.sanitized else 50
    standin = world.standin()
    folder = world.path("log")
    os.mkdir(folder)
    gateway = world.gateway(documents(standin.url, [cap("session", "ciyuan", 1000000, per="session", window="session"),
                                                    cap("money", "CNY", "100000.00")], metering={"quantum_tokens": 32}))
    seen, states = [], {}
    dice = random.Random(1)
    for turn in range(rounds):
        begin = len(seen)
        asyncio.run(load_until_killed(gateway, dice.uniform(0.1, 0.5), seen))
        gateway = world.gateway()
        recorded = {record["id"]: record for record in gateway.records()} if turn % 10 == 9 or turn == rounds - 1 else None
        for identity, complete in seen if recorded is not None else seen[begin:]:
            record = recorded.get(identity) if recorded is not None else gateway.record(identity)
            check(record, f"round {turn}: no record of {identity}")
            state = record["outcome"]["state"]
            states[state] = states.get(state, 0) + 1
            if complete:
                check(state in ("completed", "cut"), f"round {turn}: a completed answer is recorded as {state}")
        check_books(gateway)
        checkpoint = http(f"http://127.0.0.1:{gateway.admin_port}/checkpoint")[1]
        with open(os.path.join(folder, f"checkpoint.{turn:03d}"), "wb") as file:
            file.write(checkpoint)
    print("states of the records:", states)
    check(any(complete for _, complete in seen), "no answer was completed")
    check(states.get("interrupted"), "nothing was interrupted: the load was too light")

    key = gateway.ask("/v1/log")["verifier_key"]
    with open(os.path.join(folder, "key"), "w") as file:
        file.write(key + "\n")
    for number, (identity, _) in enumerate(dice.sample(seen, min(20, len(seen)))):
        path = os.path.join(folder, f"{number}.tlog-proof")
        with open(path, "wb") as file:
            file.write(gateway.receipt(identity))
        verified = world.run("verify", path, "--key", key)
        check(verified.returncode == 0, "ciyuan verify:", verified.stdout, verified.stderr)
    checkpoint = http(f"http://127.0.0.1:{gateway.admin_port}/checkpoint")[1]
    with open(os.path.join(folder, f"checkpoint.{rounds:03d}"), "wb") as file:
        file.write(checkpoint)
    for path in tile_paths(int(checkpoint.split(b"\n")[1])):
        status, tile = http(f"http://127.0.0.1:{gateway.admin_port}/{path}")
        equal(status, 200, path)
        os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
        with open(os.path.join(folder, path), "wb") as file:
            file.write(tile)
    if shutil.which("go"):
        done = subprocess.run([os.path.join(ROOT, "tests", "conformance", "tlog", "run.sh"), folder], capture_output=True, text=True)
        print(done.stdout, done.stderr)
        check(done.returncode in (0, 77), "Go's transparency-log library disagrees:", done.stdout[-1000:])


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
