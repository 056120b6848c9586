"""Caps of every window, rates, what runs at one time, agents and keys below others, and suspensions, on real streams."""
import asyncio
import datetime
import decimal
import os
import time

from registry import case
from wire import all_of
from world import SECRET, cap, chat, check, documents, equal, key_document, wait_until

LIMIT = 2000
STREAMS = 64


def rate(identity, unit, limit, every, per="contract", **more):
    return {"kind": "rate", "id": identity, "unit": unit, "limit": str(limit), "every": every, "per": per,
            "text": {"en": f"At most {limit} {unit} a {every}.", "zh": f"每{every}最多 {limit} {unit}。"}, **more}


def run(world, gateway, *command):
    """`ciyuan` as this gateway's operator runs it."""
    console = {"CIYUAN_ADMIN": f"http://127.0.0.1:{gateway.admin_port}", "CIYUAN_DATA_FOLDER": gateway.data}
    ended = world.run(*command, env={**os.environ, **console})
    equal(ended.returncode, 0, ended.stderr)
    return ended.stdout


def ciyuan_of(record):
    return decimal.Decimal(record["ciyuan"])


def streams(gateway, count=STREAMS, standin="tokens=100000", headers=None, on_bytes=None):
    return [gateway.post(chat("Go on.", stream=True, standin=standin), headers=headers or {}, on_bytes=on_bytes)
            for _ in range(count)]


def far_from_the_minutes_edge():
    second = datetime.datetime.now().second
    if second > 40:
        time.sleep(61 - second)


@case("64 streams at once deliver the cap exactly, whatever its window and whomever it is for")
def every_window_is_exact(world):
    """One gateway for all: each clause is the only one, under a contract of its own."""
    standin = world.standin()
    clauses = {
        "session": cap("c", "ciyuan", LIMIT, per="session", window="session"),
        "minute": cap("c", "ciyuan", LIMIT, window="minute"),
        "hour": cap("c", "ciyuan", LIMIT, window="hour"),
        "day": cap("c", "ciyuan", LIMIT, window="day", utc_offset_minutes=480),
        "month": cap("c", "ciyuan", LIMIT, window="month"),
        "term": cap("c", "ciyuan", LIMIT, window="term"),
        "rolling": cap("c", "ciyuan", LIMIT, window="rolling", period_minutes=60),
        "key": cap("c", "ciyuan", LIMIT, per="key", window="term"),
        "user": cap("c", "ciyuan", LIMIT, per="user", window="term"),
        "agent": cap("c", "ciyuan", LIMIT, per="agent", window="term"),
        "tenant": cap("c", "ciyuan", LIMIT, per="tenant", window="term"),
        "region": cap("c", "ciyuan", LIMIT, per="region", window="term"),
        "model": cap("c", "ciyuan", LIMIT, per="model", window="term"),
        "prepaid": cap("c", "ciyuan", LIMIT, window="prepaid"),
        "rate": rate("c", "ciyuan", "0.001", "day", burst=str(LIMIT)),
    }
    clauses["prepaid"].pop("limit")
    for name, clause in clauses.items():
        gateway = world.gateway(documents(standin.url, [clause], metering={"quantum_tokens": 16}), data=f"data-{name}")
        if name == "prepaid":
            run(world, gateway, "account", "deposit", "prepaid/e2e/c/CIYUAN", "--new", "--unit", "CIYUAN",
                "--amount", str(LIMIT))
        if name == "minute":
            far_from_the_minutes_edge()
        headers = {"Ciyuan-Session": "s", "Ciyuan-User": "ann", "Ciyuan-Agent": "planner", "Ciyuan-Tenant": "north"}
        answers = asyncio.run(all_of(streams(gateway, headers=headers)))
        served = [answer for answer in answers if answer.status == 200]
        check(all(answer.status in (200, 429) for answer in answers), name, [answer.status for answer in answers])
        records = [gateway.record(answer.record) for answer in served]
        equal(sum(map(ciyuan_of, records)), LIMIT, f"Ciyuan delivered under a cap of the kind {name}")
        for record in records:
            equal(record["outcome"]["state"], "cut", name)
            equal(record["clauses"], ["c"], f"the clause that ended a stream, {name}")
        gateway.end()


@case("a rate paces a running stream instead of cutting it, and says when to come again")
def rates_pace(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [rate("pace", "ciyuan", 40, "second", burst="60")],
                                      metering={"quantum_tokens": 20, "wait_max_s": 5}))
    begin = time.monotonic()
    answer = gateway.call(chat("Go.", stream=True, standin="tokens=120", max_tokens=120))
    took = time.monotonic() - begin
    equal((answer.status, answer.finish()), (200, "length"), "a stream of 120 tokens")
    record = gateway.record(answer.record)
    equal(record["usage"]["output"]["billed"], 120, "all of them")
    check(took > 1, f"120 tokens at 40 a second beyond a burst of 60 came in {took:.2f} s")
    refused = gateway.call(chat("word " * 15, max_tokens=1))
    equal(refused.status, 429, refused.body[:300])
    check(1 <= int(refused.headers["retry-after"]) <= 3, refused.headers)


@case("what runs at one time is bounded, and a place is free as soon as a call ends")
def running_calls_are_bounded(world):
    standin = world.standin()
    running = {"kind": "cap", "id": "at-once", "unit": "request", "limit": "3", "per": "key", "window": "running",
               "text": {"en": "Three calls at a time.", "zh": "同时最多三次调用。"}}
    gateway = world.gateway(documents(standin.url, [running], metering={"contention": "refuse"}))

    async def crowd():
        return await all_of(streams(gateway, 10, standin="tokens=40,rate=40"))

    statuses = [answer.status for answer in asyncio.run(crowd())]
    equal((statuses.count(200), statuses.count(429)), (3, 7), "of ten at once")
    equal(gateway.call(chat(max_tokens=2)).status, 200, "afterwards")


@case("a soft cap refuses nothing; crossings are told in headers, in the stream and in the log")
def soft_caps_warn(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("soft", "request", 2, window="day", action="warn",
                                                        warn_percent=[50, 100])]))
    first, second, third = (gateway.call(chat(max_tokens=2)) for _ in range(3))
    equal([one.status for one in (first, second, third)], [200, 200, 200], "none is refused")
    equal((first.headers.get("ciyuan-warning"), second.headers.get("ciyuan-warning"), third.headers.get("ciyuan-warning")),
          ("soft=50%", "soft=100%", None), "each crossing once")
    told = [one for one in gateway.ask("/v1/acts")["acts"] if one["action"] == "warn"]
    equal(len(told), 2, "crossings in the log")


@case("a key below another counts on that one's limits too, and ends with it")
def keys_narrow(world):
    standin = world.standin()
    child = "ck-" + "c" * 64
    keys = [key_document(), key_document("child", secret=child, parent="e2e",
                                         caps=[cap("own", "request", 3, per="key", window="day")])]
    gateway = world.gateway(documents(standin.url, [cap("each", "request", 5, per="key", window="day")], keys=keys))
    equal([gateway.call(chat(max_tokens=1), key=child).status for _ in range(4)], [200, 200, 200, 429], "its own limit")
    equal([gateway.call(chat(max_tokens=1)).status for _ in range(3)], [200, 200, 429], "its parent's, three of five used")
    gateway.apply([key_document(disabled=True)])
    equal(gateway.call(chat(max_tokens=1), key=child).status, 403, "under a disabled key")


@case("suspending a contract ends 200 running streams within one quantum each, all settled")
def suspension_ends_streams(world):
    quantum = 16
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [], metering={"quantum_tokens": quantum}))
    seen = {}

    async def all_running():
        def count(name):
            def on_bytes(answer):
                seen[name] = answer.body.count(b'"content"')
            return on_bytes
        tasks = [asyncio.ensure_future(gateway.post(chat("Go on.", stream=True, standin="tokens=100000,rate=40"),
                                                    on_bytes=count(number))) for number in range(200)]
        while len(seen) < 200 or min(seen.values()) < 3:
            await asyncio.sleep(0.05)
        await asyncio.to_thread(run, world, gateway, "suspend", "--contract", "e2e", "--reason", "Under review.",
                                "--reason-zh", "审查中。")
        at_stop = dict(seen)
        return await asyncio.gather(*tasks), at_stop

    answers, at_stop = asyncio.run(asyncio.wait_for(all_running(), 60))
    over = [answer.body.count(b'"content"') - at_stop[number] for number, answer in enumerate(answers)]
    check(max(over) <= quantum + 1, f"after the suspension streams went on for {sorted(over)[-5:]} tokens")
    for answer in answers:
        equal((answer.done, answer.finish()), (True, "length"), "a well-formed end")
    records = [gateway.record(answer.record) for answer in answers]
    equal({record["outcome"]["state"] for record in records}, {"cut"}, "how they ended")
    equal({tuple(record["clauses"]) for record in records}, {("suspension/contract-e2e",)}, "what ended them")
    for answer, record in zip(answers, records):
        equal(record["usage"]["output"]["billed"], record["outcome"]["delivered"], "billed is delivered")
    equal(gateway.metrics()["ciyuan_open_calls"], 0, "calls still open")
    refused = gateway.call(chat())
    equal((refused.status, refused.error["ciyuan"]["clause"]), (403, "suspension/contract-e2e"), "a new call")
    equal(refused.error["ciyuan"]["text_zh"], "审查中。", "in its words")
    run(world, gateway, "resume", "contract-e2e")
    equal(gateway.call(chat(max_tokens=2)).status, 200, "after it is taken away")
