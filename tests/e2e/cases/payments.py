"""Who pays: packages, balances, credit and royalties, through the real server."""
import asyncio
import datetime
import decimal
import os
import re

from cases.readme import fitted_example
from registry import case
from settling import admin_run
from wire import all_of
from world import ROOT, chat, check, documents, equal, key_document, wait_until

D = decimal.Decimal
PRICE = {"price": ("1.00", "1.00"), "per_tokens": 1}  # one yuan a token


def payment(*sources, **more):
    return {"kind": "payment", "id": "pay", "sources": [dict(one) if isinstance(one, dict) else {"source": one}
                                                       for one in sources],
            "text": {"en": "Packages first.", "zh": "先用资源包。"}, **more}


def package(name, ciyuan, until="2036-01-01", **more):
    return {"kind": "Package", "name": name, "contracts": ["e2e"], "ciyuan": str(ciyuan), "from": "2026-01-01",
            "until": until, **more}


def balance(gateway, name):
    return D(next((one["balance"] for one in gateway.accounts() if one["name"] == name), "0"))


def paid(record):
    """What each account paid, in its unit, by the record's own lines."""
    sums = {}
    for line in record["charges"]:
        equal(D(line["quantity"]) * D(line["unit_price"]), D(line["amount"]), "a line of the bill")
        sums[line["paid_from"]] = sums.get(line["paid_from"], 0) + D(line["amount"])
    return sums


def tokens(record):
    return sum(figure["billed"] for figure in record["usage"].values())


@case("a package pays until it is used up, money pays the rest, and the record says which for what")
def package_then_money(world):
    gateway = world.gateway(documents(world.standin().url, [payment("packages", "postpaid")],
                                      extra=[package("p1", 60)], **PRICE))
    answer = gateway.call(chat(max_tokens=50, standin="tokens=1000"))
    record = gateway.record(answer.record)
    prompt = record["usage"]["input"]["billed"]
    total = prompt + 50
    check(total > 60, "the package does not suffice:", total)
    equal(paid(record), {"package/p1/CIYUAN": 60, "receivable/consumer/CNY": D(total - 60)}, "who paid")
    equal(D(record["ciyuan"]), total, "Ciyuan used")
    equal(balance(gateway, "package/p1/CIYUAN"), 0, "left of the package")
    equal(balance(gateway, "receivable/consumer/CNY"), 60 - total, "owed")
    equal(balance(gateway, "used/e2e/pay/CIYUAN"), 60, "used from packages")
    told = admin_run(world, gateway, "explain", answer.record).stdout
    check(f"together {total - 60} CNY" in told, "what a package paid is no money:", told)


@case("two hundred streams racing for a package use it up to the token, and never more")
def streams_race_for_a_package(world):
    limit = 3000
    gateway = world.gateway(documents(world.standin().url, [payment("packages")], metering={"quantum_tokens": 16},
                                      extra=[package("a", limit), package("b", 500, until="2030-01-01")]))
    answers = asyncio.run(all_of([gateway.post(chat("Go on.", stream=True, standin="tokens=100000"))
                                  for _ in range(200)]))
    served = [answer for answer in answers if answer.status == 200]
    for answer in answers:
        check(answer.status in (200, 429), answer.status, answer.body[:300])
        if answer.status == 429:
            equal(answer.error["ciyuan"]["clause"], "pay", "the clause of a refusal")
    equal(sum(tokens(gateway.record(answer.record)) for answer in served), limit + 500, "tokens of both packages")
    for name in ("a", "b"):
        equal(balance(gateway, f"package/{name}/CIYUAN"), 0, f"left of {name}")


@case("a credit limit ends calls at the token, and a payment lets them go on")
def credit_limit(world):
    gateway = world.gateway(documents(world.standin().url, [payment({"source": "postpaid", "credit_limit": "100"})], **PRICE))
    first = gateway.call(chat(max_tokens=1000, standin="tokens=1000"))
    equal(tokens(gateway.record(first.record)), 100, "tokens on credit")
    equal(gateway.call(chat()).status, 429, "beyond the credit limit")
    status, body = gateway.admin("/v1/accounts/post", {"debit": "bank/consumer/CNY", "credit": "receivable/consumer/CNY",
                                                       "unit": "CNY", "amount": "70"})
    equal(status, 200, body[:300])
    second = gateway.call(chat(max_tokens=1000, standin="tokens=1000"))
    equal(tokens(gateway.record(second.record)), 70, "tokens after the payment")
    equal(balance(gateway, "receivable/consumer/CNY"), -100, "owed")


@case("an expired package pays no more, what is left of it is taken back, and what rolls over stays")
def packages_expire(world):
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=6)
    until = end.isoformat(timespec="seconds").replace("+00:00", "Z")
    gateway = world.gateway(documents(world.standin().url, [payment("packages", "postpaid")], extra=[
        package("gone", 5000, until), package("rolls", 900, until, roll_over={"days": 2, "limit": "40"},
                                              models=["standin"])]))
    record = gateway.record(gateway.call(chat(max_tokens=20, standin="tokens=1000")).record)
    used = tokens(record)
    equal(list(paid(record)), ["package/gone/CIYUAN"], "who paid before the end")
    wait_until(lambda: balance(gateway, "expired/rolls/CIYUAN") == 860 and balance(gateway, "expired/gone/CIYUAN") == 5000 - used,
               30, "the end of both packages")
    record = gateway.record(gateway.call(chat(max_tokens=20, standin="tokens=1000")).record)
    check("package/rolls/CIYUAN" in paid(record), "what rolled over pays:", paid(record))
    acts = gateway.ask("/v1/acts?limit=50")["acts"]
    check(any(one["action"] == "expire" and one["subject"] == "Package/gone" for one in acts), "it is logged:", acts)


@case("royalties are posted with each charge, to the last decimal")
def royalties(world):
    owner = {"kind": "Party", "name": "owner"}
    share = {"kind": "royalty", "id": "royalty", "shares": [{"party": "owner", "percent": "33.3333"}],
             "text": {"en": "A third.", "zh": "三分之一。"}}
    gateway = world.gateway([owner, *documents(world.standin().url, [payment("postpaid"), share])])
    total = D(0)
    owed = D(0)
    for wanted in (1, 7, 30):
        record = gateway.record(gateway.call(chat(max_tokens=wanted, standin="tokens=1000")).record)
        charge = sum(paid(record).values())
        total += charge
        owed += (charge * D("0.333333")).quantize(D("1e-12"), decimal.ROUND_DOWN)
    equal(balance(gateway, "royalty/owner/CNY"), owed, "the owner's part")
    equal(balance(gateway, "revenue/provider/CNY"), total - owed, "the provider's part")


@case("kill -9 in the middle of a stream that two sources pay for: it is settled on both from its last mark")
def killed_between_sources(world):
    standin = world.standin()
    found = documents(standin.url, [payment("packages", "postpaid")], metering={"quantum_tokens": 16},
                      extra=[package("p1", 100)], **PRICE)
    gateway = world.gateway(found)

    async def kill_within_a_stream():
        task = asyncio.create_task(gateway.post(chat(stream=True, max_tokens=50000, standin="rate=200,tokens=100000"),
                                             timeout=20))
        await asyncio.sleep(2)
        gateway.child.kill()
        return await task

    answer = asyncio.run(kill_within_a_stream())
    gateway.child.wait()
    again = world.gateway()
    record = again.record(answer.record)
    equal(record["outcome"]["state"], "interrupted", f"the state of {record}")
    shares = paid(record)
    equal(sum(shares.values()), tokens(record), "a unit of either a token")
    equal(shares["package/p1/CIYUAN"], 100, "the package's part")
    equal(balance(again, "package/p1/CIYUAN"), 0, "left of the package")
    equal(balance(again, "receivable/consumer/CNY"), -shares["receivable/consumer/CNY"], "owed")


@case("a package's reserved Ciyuan come back with each window, and overflow goes to the next source")
def reserved_throughput(world):
    gateway = world.gateway(documents(world.standin().url, [
        payment({"source": "reserved", "ciyuan": "80", "window": "month"}, "postpaid")], **PRICE))
    record = gateway.record(gateway.call(chat(max_tokens=120, standin="tokens=1000")).record)
    shares = paid(record)
    equal([name.split("/")[0] for name in shares], ["reserved", "receivable"], "who paid")
    equal(next(iter(shares.values())), 80, "the reserved part")


@case("a package shared by two contracts pays for both")
def shared_pool(world):
    found = documents(world.standin().url, [payment("packages")], extra=[
        package("pool", 200, contracts=["e2e", "second"])])
    contract = dict(next(one for one in found if one["kind"] == "Contract"), name="second")
    other = "ck-second-0123456789abcdef0123456789abcdef"
    found[-1:-1] = [contract, key_document("second", "second", other)]
    gateway = world.gateway(found)
    answers = [gateway.call(chat(max_tokens=30, standin="tokens=1000"), **more) for more in ({}, {"key": other})]
    used = [tokens(gateway.record(answer.record)) for answer in answers]
    equal(balance(gateway, "package/pool/CIYUAN"), 200 - sum(used), "left of the pool")


@case("the commands and the example of docs/payments.md do what is said")
def documented_example(world):
    with open(os.path.join(ROOT, "docs", "payments.md"), encoding="utf-8") as file:
        commands = re.findall(r"(?m)^    \$ ciyuan (.*)$", file.read())
    equal(len(commands), 3, "commands of docs/payments.md")
    standin = world.standin()
    gateway = world.gateway()
    environment = {**os.environ, "CIYUAN_ADMIN": f"http://127.0.0.1:{gateway.admin_port}", "CIYUAN_DATA_FOLDER": gateway.data}

    def run(*command):
        done = world.run(*command, env=environment)
        equal(done.returncode, 0, f"{command}: {done.stderr}")
        return done.stdout

    run("apply", "-f", fitted_example(world, standin.url, "standin"), "-f", "data/methods/native-v1.json")
    run(*commands[0].split())
    secret = run(*commands[1].split()).strip()
    body = {**chat(max_tokens=1100, standin="tokens=2000"), "model": "smollm2"}
    record = gateway.record(gateway.call(body, key=secret).record)
    shares = paid(record)
    equal([name.split("/")[0] for name in shares], ["reserved", "package"], "who paid")
    equal(next(iter(shares.values())), 1000, "Ciyuan of the day")
    check("package/harbor-100k/CIYUAN" in run(*commands[2].split()), "the package is listed")
