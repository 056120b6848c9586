"""P2: no account goes past its limit and no answer carries a token past a hard cap, at any concurrency."""
import asyncio
import time
import decimal

from registry import case
from wire import all_of
from world import cap, chat, check, documents, equal


def billed(record, *kinds):
    return sum(record["usage"][kind]["billed"] for kind in kinds or record["usage"])


def repeats(world):
    return 3 if world.options.sanitized else 20


@case("64 concurrent streams on one cap deliver the cap exactly, twenty times over")
def streams_share_a_cap(world):
    standin = world.standin()
    limit = 5000
    gateway = world.gateway(documents(standin.url, [cap("shared", "ciyuan", limit, per="session", window="session")],
                                      metering={"quantum_tokens": 16}))
    oracle = None
    try:
        oracle = world.model()
    except Exception as absent:  # the count of delivered tokens is then checked against the record alone
        print("without llama.cpp as an oracle:", absent)
    for turn in range(repeats(world)):
        session = f"turn-{turn}"
        answers = asyncio.run(all_of([
            gateway.post(chat("Go on.", stream=True, stream_options={"include_usage": True}, standin="tokens=100000"),
                         headers={"Ciyuan-Session": session}) for _ in range(64)]))
        served = [answer for answer in answers if answer.status == 200]
        for answer in answers:
            check(answer.status in (200, 429), answer.status, answer.body[:300])
            if answer.status == 429:
                equal(answer.error["ciyuan"]["clause"], "shared", "the clause of a refusal")
        for answer in served:
            check(answer.done, "a cut stream ends well:", answer.body[-300:])
            equal(answer.finish(), "length", "finish reason")
        records = [gateway.record(answer.record) for answer in served]
        total = sum(billed(record) for record in records)
        equal(total, limit, f"Ciyuan of turn {turn} in {len(served)} streams")
        for answer, record in zip(served, records):
            equal(answer.usage()["completion_tokens"], record["usage"]["output"]["billed"], "told and billed")
        if oracle and turn < 3:
            delivered = sum(oracle.tokens(answer.text()) for answer in served)
            equal(delivered, sum(billed(record, "output") for record in records), "tokens delivered by llama.cpp's count")
        left = [one for one in gateway.accounts() if session in one["name"]]
        equal([decimal.Decimal(one["balance"]) for one in left], [0], f"balances of {session}")


@case("a balance for 500 calls serves exactly 500 of 1000 racing calls, twenty times over")
def calls_race_for_a_balance(world):
    standin = world.standin()
    probe = world.gateway(documents(standin.url), data="probe")
    body = chat("Four tokens, please.", max_tokens=4)
    first = probe.call(body)
    equal(first.status, 200, first.body[:300])
    cost = billed(probe.record(first.record))
    probe.end()
    price = ("1.00", "1.00")  # one yuan a token, so that the balance is a round number of calls
    gateway = world.gateway(documents(standin.url, price=price, per_tokens=1))
    for turn in range(repeats(world)):
        name = f"balance-{turn}"
        gateway.apply(documents(standin.url, [cap(name, "CNY", 500 * cost)], price=price, per_tokens=1))
        answers = asyncio.run(all_of([gateway.post(body) for _ in range(1000)], at_once=500))
        statuses = [answer.status for answer in answers]
        equal((statuses.count(200), statuses.count(429)), (500, 500), f"turn {turn}: served and refused")
        refusal = next(answer for answer in answers if answer.status == 429).error
        equal((refusal["code"], refusal["ciyuan"]["clause"], refusal["ciyuan"]["unit"]), ("insufficient_quota", name, "CNY"),
              "the refusal")
        equal(decimal.Decimal(gateway.account(name)["balance"]), 0, "what is left")


@case("an unstreamed answer that ignores its limit is cut at the token")
def whole_answer_is_cut(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("small", "ciyuan", 100, per="session", window="session")]))
    answer = gateway.call(chat(standin="ignore-max,tokens=5000"), headers={"Ciyuan-Session": "s"})
    equal(answer.status, 200, answer.body[:300])
    record = gateway.record(answer.record)
    equal(billed(record), 100, "billed")
    equal((answer.finish(), record["outcome"]["state"]), ("length", "cut"), "how it ended")
    equal(answer.usage()["completion_tokens"], billed(record, "output"), "usage told to the client")
    check(world.options.sanitized or len(answer.text().split()) <= 100, "delivered", len(answer.text().split()))


@case("a stream that ignores its limit is cut at the token and the service is stopped")
def flood_is_cut(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("small", "ciyuan", 300, per="request", window="request")]))
    answer = gateway.call(chat(stream=True, standin="flood"))
    check(answer.done, answer.body[-300:])
    equal(billed(gateway.record(answer.record)), 300, "billed")
    from world import wait_until
    wait_until(lambda: standin.stats()["open"] == 0, 10, "the end of the flood")


@case("the service is told no more than what may still be spent")
def limit_is_lowered(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("small", "ciyuan", 200, per="session", window="session")]))
    answer = gateway.call(chat(max_tokens=100000, standin="tokens=3"), headers={"Ciyuan-Session": "s"})
    equal(answer.status, 200, answer.body[:300])
    import json
    sent = json.loads(standin.last()["body"])
    asked = sent.get("max_completion_tokens", sent.get("max_tokens"))
    record = gateway.record(answer.record)
    equal(asked, 200 - billed(record, "input"), "the limit that the service saw")


@case("a refusal names the clause, the limit and what is left")
def refusal_names_the_clause(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("tiny", "ciyuan", 50, per="session", window="session")]))
    headers = {"Ciyuan-Session": "s"}
    first = gateway.call(chat(max_tokens=1000, standin="tokens=1000"), headers=headers)
    equal(first.status, 200, first.body[:300])
    second = gateway.call(chat(), headers=headers)
    equal(second.status, 429, second.body[:300])
    told = second.error["ciyuan"]
    equal((told["clause"], told["unit"], decimal.Decimal(told["limit"]), decimal.Decimal(told["left"])),
          ("tiny", "CIYUAN", 50, 0), "what the refusal says")
    equal(told["text_zh"], "最多 50 ciyuan。", "the clause's own words")


@case("calls per minute are a limit like any other")
def request_rate(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("rate", "request", 10, per="key", window="minute", action="deny")]))
    while time.time() % 60 > 50:  # all calls within one minute, so that there is one right answer
        time.sleep(0.5)
    answers = asyncio.run(all_of([gateway.post(chat(max_tokens=1)) for _ in range(40)]))
    equal(sum(answer.status == 200 for answer in answers), 10, "served")
    refused = next(answer for answer in answers if answer.status == 429)
    check(1 <= int(refused.headers["retry-after"]) <= 61, refused.headers)
    equal(refused.error["ciyuan"]["clause"], "rate", "clause")


@case("n answers of one call share its limits")
def several_answers(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("small", "ciyuan", 200, per="session", window="session")],
                                      metering={"quantum_tokens": 8}))
    for stream in (False, True):
        answer = gateway.call(chat(n=3, stream=stream, standin="tokens=5000,ignore-max"), headers={"Ciyuan-Session": f"n-{stream}"})
        equal(answer.status, 200, answer.body[:300])
        equal(billed(gateway.record(answer.record)), 200, f"billed, streamed: {stream}")
