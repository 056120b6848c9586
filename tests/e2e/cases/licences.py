"""Seats and offline devices, through the real program."""
import json
import os
import re
import signal
import subprocess
import threading

from cases.readme import fitted_example
from registry import case
from world import ROOT, chat, check, documents, equal, key_document

KEYS = {name: f"ck-e2e-{name}-0123456789abcdef0123456789abcdef" for name in ("ann", "bob", "cid")}


def licence(kind, ciyuan=1000, **more):
    return {"kind": "Licence", "name": "desks", "contract": "e2e", "type": kind, "ciyuan": str(ciyuan), "from": "2026-01-01",
            "until": "2036-01-01", "text": {"en": "Two seats.", "zh": "两个席位。"}, **more}


def licensed(world, one):
    return documents(world.standin().url, keys=[one] + [key_document(name, secret=secret, licence="desks")
                                                        for name, secret in KEYS.items()])


@case("a seat is taken at the first call, kept over a kill -9, and the third is refused by the licence's words")
def seats(world):
    gateway = world.gateway(licensed(world, licence("seat", 200, seats=2)))

    def call(one, name, status=200, tokens=10):
        answer = one.call(chat(max_tokens=tokens, standin=f"tokens={tokens}"), key=KEYS[name])
        equal(answer.status, status, f"a call of {name}: {answer.body[:300]}")
        return answer

    call(gateway, "ann"), call(gateway, "ann"), call(gateway, "bob")
    refused = json.loads(call(gateway, "cid", 403).body)["error"]
    check("2 seats of the licence desks are taken" in refused["message"], refused)
    check("两个席位。" in json.dumps(refused, ensure_ascii=False), refused)
    gateway.kill()
    again = world.gateway()
    call(again, "cid", 403)
    equal([one["holder"] for one in again.ask("/v1/licences/desks")["seats"]], ["ann", "bob"], "who has seats")
    used = {one["name"].split("/")[3]: float(one["balance"]) for one in again.accounts("licence/desks/")}
    equal(set(used), {"seat=ann", "seat=bob"}, "accounts of the seats")
    check(used["seat=ann"] < used["seat=bob"], "each seat has its own account", used)
    cut = again.record(call(again, "bob", tokens=1000).record)
    left = {one["name"].split("/")[3]: float(one["balance"]) for one in again.accounts("licence/desks/")}
    equal((cut["outcome"]["state"], left["seat=bob"]), ("cut", 0), "a seat's end cuts the answer")
    refused = json.loads(call(again, "bob", 429).body)["error"]
    check("clause licence/desks of contract e2e" in refused["message"] and "两个席位。" in json.dumps(refused, ensure_ascii=False), refused)


@case("two first calls at the same moment do not take the last seat twice")
def seat_race(world):
    gateway = world.gateway(licensed(world, licence("seat", seats=1)))
    results = []

    def call(name):
        results.append(gateway.call(chat(max_tokens=5, standin="tokens=5"), key=KEYS[name]).status)

    threads = [threading.Thread(target=call, args=(name,)) for name in list(KEYS) * 3]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    equal(sorted(set(results)), [200, 403], "answers")
    equal(results.count(200), 3, "calls of the one who has the seat")
    equal(len(gateway.ask("/v1/licences/desks")["seats"]), 1, "seats taken")


class Device:
    """A device with its key; the counter is the program itself."""

    def __init__(self, world):
        self.world = world
        self.vkey = self.run("keygen", "cutter-1", "-o", world.path("device.key")).stdout.strip()

    def run(self, *command, status=0):
        done = self.world.run("licence", *command)
        equal(done.returncode, status, f"{command}: {done.stdout} {done.stderr}")
        return done

    def meter(self, server_key):
        return subprocess.Popen([self.world.binary("ciyuan"), "licence", "meter", self.world.path("chain"), "--voucher",
                                 self.world.path("voucher"), "--key", self.world.path("device.key"), "--server", server_key],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def use(meter, calls):
    """Counts calls of one token; how many passed, by the meter's own answers."""
    passed = 0
    for _ in range(calls):
        meter.stdin.write('{"model":"standin","input":1}\n')
        meter.stdin.flush()
        passed += json.loads(meter.stdout.readline())["passed"]
    return passed


@case("a device counts offline over kills -9, never too little, and its report is posted once")
def device(world):
    one = Device(world)
    gateway = world.gateway(documents(world.standin().url, extra=[
        licence("device", 1000, devices=[one.vkey], report_days=1)]))

    def server(*command, status=0):
        done = world.run("--admin", f"http://127.0.0.1:{gateway.admin_port}", "--data", gateway.data, "licence", *command)
        equal(done.returncode, status, f"{command}: {done.stdout} {done.stderr}")
        return done

    told = server("issue", "desks", "cutter-1", "--ciyuan", "200", "--quantum", "7", "-o", world.path("voucher")).stderr
    key = re.search(r"--server: (\S+)", told)[1]
    passed = lives = 0
    for calls in (3, 25, 11):
        meter = one.meter(key)
        passed += use(meter, calls)
        meter.send_signal(signal.SIGKILL)
        meter.wait()
        lives += 1
    equal(passed, 39, "calls that passed")
    with open(world.path("chain"), "rb") as file:
        early = file.read()
    meter = one.meter(key)
    passed += use(meter, 5)
    meter.stdin.close()
    equal(meter.wait(20), 0, "the meter's end")
    inspected = one.run("inspect", world.path("chain"), "--server", key).stdout
    said = json.loads(server("report", world.path("chain"), "--json").stdout)
    used = float(said["posted"])
    check(passed <= used <= passed + lives * 8, "used:", used, "passed:", passed)
    check(f"\n{said['posted']} of 200 Ciyuan used, 0 marked ahead" in inspected, inspected)
    equal(float(said["voucher"]["unaccounted"]), used - said["voucher"]["tokens"]["standin"]["input"], "what kills left")
    posted = {name["name"]: float(name["balance"]) for name in gateway.accounts("licen")}
    equal(posted["licensed/desks/CIYUAN"], used, "posted as used")
    server("report", world.path("chain"))
    equal({name["name"]: float(name["balance"]) for name in gateway.accounts("licen")}, posted, "accounts after the same report")
    with open(world.path("old"), "wb") as file:
        file.write(early)
    check("older copy" in server("report", world.path("old"), status=1).stderr, "a rollback is refused")
    gateway.kill()
    gateway = world.gateway()
    kept = gateway.ask("/v1/licences/desks")["vouchers"][0]
    equal([refusal["why"] for refusal in kept["refused"]], ["rolled-back"], "what is kept of it")
    check("--finish" in server("report", world.path("chain"), "--close", status=1).stderr, "the device has not said that it is its last")
    one.run("meter", world.path("chain"), "--key", world.path("device.key"), "--server", key, "--finish")
    said = json.loads(server("report", world.path("chain"), "--close", "--json").stdout)
    equal((said["voucher"]["state"], said["posted"]), ("closed", "0"), "the close")
    left = [name for name in gateway.accounts("licence/desks/") if name["name"].split("/")[-1] != "held"]
    equal(float(left[0]["balance"]), 1000 - used, "left of the licence")


@case("the commands and the example of docs/licences.md do what is said")
def documented_example(world):
    with open(os.path.join(ROOT, "docs", "licences.md"), encoding="utf-8") as file:
        text = file.read()
    commands = re.findall(r"(?m)^    \$ (.*)$", text)
    equal(len(commands), 7, "commands of docs/licences.md")
    gateway = world.gateway()
    environment = {**os.environ, "PATH": os.path.join(ROOT, world.options.bin) + ":" + os.environ["PATH"],
                   "CIYUAN_ADMIN": f"http://127.0.0.1:{gateway.admin_port}", "CIYUAN_DATA_FOLDER": gateway.data}

    def shell(command):
        done = subprocess.run(["bash", "-ec", command], cwd=world.folder, env=environment, capture_output=True, text=True, timeout=60)
        check(done.returncode == 0, command, done.stdout, done.stderr)
        return done.stdout + done.stderr

    equal(world.run("apply", "-f", fitted_example(world, world.standin().url, "standin"), "-f", "data/methods/native-v1.json",
                    env=environment).returncode, 0, "the demonstration's documents")
    vkey = shell(commands[0]).splitlines()[0]
    os.mkdir(world.path("examples"))
    with open(os.path.join(ROOT, "examples", "licences.yaml"), encoding="utf-8") as file:
        example, keys = re.subn(r'devices: \["[^"]*"\]', f'devices: ["{vkey}"]', file.read())
    equal(keys, 1, "places of the device's key")
    with open(world.path("examples/licences.yaml"), "w", encoding="utf-8") as file:
        file.write(example)
    shell(commands[1])
    key = re.search(r"--server: (\S+)", shell(commands[2]))[1]
    equal(shell(commands[3].replace("KEY", key)).strip(), re.search(r'(?m)^    (\{"left".*)$', text)[1], "the meter's answer")
    check("42 of 500 Ciyuan used" in shell(commands[4].replace("KEY", key)), "the chain")
    check("42 Ciyuan posted" in shell(commands[5]), "the report")
    check("42 of 500 Ciyuan used" in shell(commands[6]), "the licence")
