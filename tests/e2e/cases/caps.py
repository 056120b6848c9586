"""P2: no account goes past its limit and no answer carries a token past a hard cap, at any concurrency."""
import asyncio
import decimal
import json
import time

from registry import case
from wire import all_of
from world import cap, chat, check, documents, equal, wait_until


def billed(record, *kinds):
    return sum(record["usage"][kind]["billed"] for kind in kinds or record["usage"])


def repeats(world):
    return 3 if world.options.sanitized else 200 if world.options.long else 20


@case("64 concurrent streams on one cap deliver the cap exactly, twenty times over")
def streams_share_a_cap(world):
    oracle = world.model()
    standin = world.standin()
    limit = 5000
    gateway = world.gateway(documents(standin.url, [cap("shared", "ciyuan", limit, per="session", window="session")],
                                      metering={"quantum_tokens": 16}))
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
        answers = asyncio.run(all_of([gateway.post(body) for _ in range(1000)], at_once=1000))
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
    wait_until(lambda: standin.stats()["open"] == 0, 10, "the end of the flood")


def spoken(answer):
    """[text of one kind of one choice, …] of an answer, streamed or not: reasoning, content, a tool's name and arguments."""
    texts = {}

    def add(choice, kind, text):
        texts[choice, kind] = texts.get((choice, kind), "") + (text or "")

    streamed = answer.headers.get("content-type", "").startswith("text/event-stream")
    for part in [event for event in answer.events() if isinstance(event, dict)] if streamed else [answer.json()]:
        for choice in part.get("choices", []):
            said = choice.get("delta") or choice.get("message") or {}
            add(choice["index"], "output", choice.get("text") or said.get("content"))
            add(choice["index"], "reasoning", said.get("reasoning_content"))
            for call in said.get("tool_calls") or []:
                add(choice["index"], "tool", call["function"].get("name"))
                add(choice["index"], "tool", call["function"].get("arguments"))
    return list(texts.values())


ENDLESS = "tokens=5000,ignore-max"
TOOL = {"type": "function", "function": {"name": "look_up", "description": "Looks something up.", "parameters": {
    "type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}}}
SHAPES = {
    "content": ("/v1/chat/completions", chat(standin=ENDLESS)),
    "reasoning": ("/v1/chat/completions", chat(standin=ENDLESS + ",reasoning=5000")),
    "reasoning, then content": ("/v1/chat/completions", chat(standin=ENDLESS + ",reasoning=100")),
    "a tool call": ("/v1/chat/completions", chat("alpha beta gamma " * 45, tools=[TOOL], standin="ignore-max")),
    "three answers": ("/v1/chat/completions", chat(n=3, standin=ENDLESS)),
    "a completion": ("/v1/completions", {"model": "standin", "prompt": "Once", "standin": ENDLESS}),
    "two of the best of four": ("/v1/completions", {"model": "standin", "prompt": "Once", "n": 2, "best_of": 4, "standin": ENDLESS}),
    "two prompts": ("/v1/completions", {"model": "standin", "prompt": ["Once", "Twice upon"], "standin": ENDLESS}),
    "a prompt of tokens": ("/v1/completions", {"model": "standin", "prompt": [19556, 28, 905], "standin": ENDLESS}),
}


@case("a cap cuts reasoning, tool calls, completions, several answers and several prompts at the token")
def every_shape_is_cut(world):
    oracle = world.model()
    standin = world.standin()
    limit = 300
    gateway = world.gateway(documents(standin.url, [cap("small", "ciyuan", limit, per="session", window="session")],
                                      metering={"quantum_tokens": 16}))
    for name, (path, body) in SHAPES.items():
        for stream in (False, True):
            what = f"{name}, {'streamed' if stream else 'whole'}"
            answer = gateway.call({**body, "stream": stream}, path, headers={"Ciyuan-Session": what.replace(" ", "-").replace(",", "")})
            equal((answer.status, answer.finish()), (200, "length"), f"{what}: status and finish reason")
            check(answer.done if stream else answer.complete, what, "does not end well:", answer.body[-300:])
            record = gateway.record(answer.record)
            equal(record["outcome"]["state"], "cut", what)
            delivered = sum(oracle.tokens(text) for text in spoken(answer))
            equal(delivered, billed(record) - billed(record, "input"), f"{what}: delivered by llama.cpp's count, and billed")
            if name == "a tool call" and not stream:  # half a call is none: it is left out whole, and costs nothing
                equal(delivered, 0, what)
            else:
                equal(billed(record), limit, f"{what}: Ciyuan")


@case("the service is told no more than what may still be spent")
def limit_is_lowered(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("small", "ciyuan", 200, per="session", window="session")]))
    answer = gateway.call(chat(max_tokens=100000, standin="tokens=3"), headers={"Ciyuan-Session": "s"})
    equal(answer.status, 200, answer.body[:300])
    sent = json.loads(standin.last()["body"])
    asked = sent.get("max_completion_tokens", sent.get("max_tokens"))
    record = gateway.record(answer.record)
    equal(asked, 200 - billed(record, "input"), "the limit that the service saw")
    for number, (body, answers) in enumerate([({"n": 3}, 3), ({"n": 1, "best_of": 4}, 4)]):
        gateway.call({"model": "standin", "prompt": "One", "max_tokens": 100000, "standin": "tokens=3", **body},
                     "/v1/completions", headers={"Ciyuan-Session": f"several-{number}"})
        asked = json.loads(standin.last()["body"])["max_tokens"]
        check(150 <= asked * answers <= 200, f"{body}: {answers} answers of {asked} tokens")


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


@case("a client's own limit holds where its service ignores it: streamed or not, for one answer and for several")
def own_limit(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    for stream in (False, True):
        for n in (1, 2):
            answer = gateway.call(chat(stream=stream, max_tokens=7, n=n, standin="tokens=500,ignore-max"))
            equal(answer.status, 200, answer.body[:300])
            record = gateway.record(answer.record)
            equal((billed(record, "output"), record["outcome"]["state"]), (7 * n, "cut"), f"streamed: {stream}, answers: {n}")
            equal(answer.finish(), "length", "finish")


@case("a posting names a unit that there is, and a statement a time that passes")
def refused_figures(world):
    gateway = world.gateway(documents(world.standin().url))
    before = gateway.accounts()
    for unit in ("c y", "cny", "EURO", "€"):
        status, body = gateway.admin("/v1/accounts/post", {"debit": "cash", "credit": "prepaid/e2e", "unit": unit, "amount": "1"})
        check(status == 400 and b"unit" in body, unit, status, body[:300])
    equal(gateway.accounts(), before, "accounts")
    status, body = gateway.admin("/v1/contracts/e2e/statement?from=2026-12-01T00:00:00Z&to=2026-11-01T00:00:00Z")
    check(status == 400 and b"not after from" in body, status, body[:300])
