"""What users of other gateways suffer from, one case for each row of the list (project and thread in the name)."""
import asyncio
import decimal
import json
import time

from registry import case
from wire import Answer, all_of, post, read_answer, request_bytes
from world import SECRET, cap, chat, check, documents, equal, key_document, wait_until
from .caps import billed
from .crash import check_books

SECOND = "ck-e2e-second-0123456789abcdef012345"


def after(count):
    """Reads on until `count` events came, then leaves."""
    return lambda answer: answer.body.count(b"\n\n") < count


async def leave(gateway, body, events=None, seconds=None, **more):
    """A client that vanishes: after so many events, or after so long without waiting for anything."""
    if events is not None:
        return await gateway.post(body, on_bytes=after(events), **more)
    return await gateway.post(body, timeout=seconds, **more)


def only_record(gateway):
    return wait_until(lambda: gateway.records(), what="the record")[0]


@case("litellm#34732: parallel turns of one session do not overspend its budget")
def parallel_turns(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("session", "ciyuan", 500, per="session", window="session")]))
    answers = asyncio.run(all_of([gateway.post(chat(stream=number % 2 == 0, max_tokens=200, standin="tokens=1000"),
                                               headers={"Ciyuan-Session": "one"}) for number in range(40)]))
    check(all(answer.status in (200, 429) for answer in answers), [answer.status for answer in answers])
    total = sum(billed(record) for record in gateway.records() if record["usage"])
    check(total <= 500, "Ciyuan of the session", total)
    equal(decimal.Decimal(gateway.account("session")["balance"]), 500 - total, "what is left")


@case("litellm#26672, #23714: key and contract budgets hold under load, at the moment of the call")
def budgets_under_load(world):
    standin = world.standin()
    limited = key_document("limited", secret=SECOND, caps=[cap("key-budget", "ciyuan", 400, per="key", window="term")])
    gateway = world.gateway(documents(standin.url, [cap("contract-budget", "ciyuan", 1500)], keys=[key_document(), limited]))
    answers = asyncio.run(all_of([gateway.post(chat(max_tokens=30, standin="tokens=30"), key=(SECRET, SECOND)[number % 2])
                                  for number in range(200)]))
    check({answer.status for answer in answers} == {200, 429}, {answer.status for answer in answers})
    records = gateway.records()
    spent = {name: sum(billed(record) for record in records if record["party"]["key"] == name) for name in ("e2e", "limited")}
    check(spent["limited"] <= 400, spent)
    check(sum(spent.values()) <= 1500, spent)
    balances = {part: decimal.Decimal(gateway.account(part)["balance"]) for part in ("key-budget", "contract-budget")}
    equal(balances, {"key-budget": 400 - spent["limited"], "contract-budget": 1500 - sum(spent.values())}, "balances")


@case("litellm#40095: concurrent first calls of an unknown user do not slip past the default budget")
def first_calls(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("per-user", "ciyuan", 150, per="session", window="session")]))
    for user in range(5):
        asyncio.run(all_of([gateway.post(chat(max_tokens=50, user=f"new-{user}", standin="tokens=50")) for _ in range(30)]))
    for user in range(5):
        total = sum(billed(record) for record in gateway.records() if record["session"] == f"new-{user}")
        check(0 < total <= 150, f"user {user}", total)


@case("litellm#27381: every cap of a contract refuses when it is spent: none is registered and forgotten")
def every_cap_refuses(world):
    standin = world.standin()
    windows = {"request": ["request"], "session": ["session", "minute", "hour", "day", "month", "term"],
               "key": ["minute", "hour", "day", "month", "term"], "contract": ["minute", "hour", "day", "month", "term"],
               "model": ["minute", "hour", "day", "month", "term"]}
    kinds = [(unit, limit, per, window) for unit, limit in (("ciyuan", 60), ("request", 2), ("CNY", "0.0004"))
             for per in windows for window in windows[per] if (unit, per) != ("request", "request")]
    gateway = world.gateway(documents(standin.url))
    for number, (unit, limit, per, window) in enumerate(kinds):
        name = f"cap-{number}"
        while window == "minute" and time.time() % 60 > 55:  # all calls within one minute
            time.sleep(0.5)
        gateway.apply(documents(standin.url, [cap(name, unit, limit, per=per, window=window)]))
        refused = None
        for _ in range(8):
            answer = gateway.call(chat("word " * (200 if per == "request" else 1), max_tokens=20, standin="tokens=20"),
                                  headers={"Ciyuan-Session": name})
            if answer.status == 429:
                refused = answer.error["ciyuan"]["clause"]
                break
        equal(refused, name, f"the cap on {unit} per {per} and {window}")


@case("litellm#27639: nothing stays reserved after failures of every kind")
def no_leaked_holds(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("budget", "ciyuan", 1000000)], upstream={"timeouts": {
        "connect_ms": 500, "first_byte_ms": 300, "idle_ms": 300, "total_ms": 3000}}))
    scripts = ["reset", "status=500", "status=429", "garbage", "empty", "break-after=3", "half-close=3", "stall=800",
               "stall-after=3:800", "error-after=2", "gzip", "tokens=3"]

    async def all_sorts():
        await all_of([gateway.post(chat(stream=stream, standin=script)) for script in scripts for stream in (False, True)] +
                     [leave(gateway, chat(stream=True, standin="rate=50,tokens=500"), events=4) for _ in range(10)])

    asyncio.run(all_sorts())
    wait_until(lambda: len(gateway.records()) == 2 * len(scripts) + 10, what="all records")
    total = sum(billed(record) for record in gateway.records())
    equal(decimal.Decimal(gateway.account("budget")["balance"]), 1000000 - total, "what is left: the limit less what was billed")
    check_books(gateway)
    told = gateway.call(chat(stream=True, max_tokens=1)).comments()
    closed = json.loads(next(one for one in told if one.startswith("ciyuan-closed ")).split(" ", 1)[1])
    equal(decimal.Decimal(closed["remaining"][0]["left"]), decimal.Decimal(gateway.account("budget")["balance"]),
          "what is neither spent nor held, and the balance")


@case("litellm#20615: a wrong price is corrected by a new price book; what was charged stays under the old one's digest")
def wrong_price(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, price=("2000000.00", "8000000.00")))
    dear = gateway.record(gateway.call(chat(max_tokens=2)).record)
    gateway.apply(documents(standin.url, price=("2.00", "8.00")))
    cheap = gateway.record(gateway.call(chat(max_tokens=2)).record)
    check(dear["digests"]["price_book"] != cheap["digests"]["price_book"], "digests")
    ratio = [sum(decimal.Decimal(charge["amount"]) for charge in record["charges"]) for record in (dear, cheap)]
    equal(ratio[0], ratio[1] * 1000000, "charges before and after")

    # Re-rated: a record of its own with its own proof, the difference on the accounts, the old one as it was.
    def owed():
        return decimal.Decimal(gateway.ask("/v1/accounts/receivable%2Fconsumer%2FCNY")["balance"])

    equal(owed(), -sum(ratio), "what is owed before")
    for _ in range(2):
        fixed = gateway.ask(f"/v1/records/{dear['id']}/correct", {"price_book": "prices"})["record"]
        equal(owed(), -2 * ratio[1], "what is owed after")
    equal(fixed["outcome"]["corrects"], dear["id"], "what it corrects")
    equal((fixed["usage"], fixed["digests"]["price_book"]), (dear["usage"], cheap["digests"]["price_book"]), "usage and price book")
    equal(sum(decimal.Decimal(charge["amount"]) for charge in fixed["charges"]), ratio[1], "the new charges")
    equal(gateway.record(dear["id"]), dear, "the old record")
    statement = gateway.ask("/v1/contracts/e2e/statement")
    equal((statement["calls"], decimal.Decimal(statement["money"]["CNY"])), (2, 2 * ratio[1]), "the statement")
    check(gateway.receipt(fixed["id"]), "a receipt of the correction")
    check_books(gateway)
    equal(gateway.record(dear["id"]), dear, "the old record")
    gateway.ask("/v1/accounts/post", {"debit": next(one["name"] for one in gateway.accounts() if one["unit"] == "CNY"
                                                    and one["may_overdraw"]),
                                      "credit": "corrections/wrong-price", "unit": "CNY", "amount": "1.00", "memo": "wrong price",
                                      "new": True})
    check_books(gateway)


@case("litellm#14457, #35958, #13245 and four more: a stream that the client leaves is billed as delivered, never zero")
def client_leaves_stream(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("budget", "ciyuan", 100000)]))
    answer = asyncio.run(leave(gateway, chat(stream=True, standin="rate=100,tokens=2000"), events=20))
    record = only_record(gateway)
    equal(record["outcome"]["state"], "client-gone", "state")
    words = len(answer.text().split())
    output = record["usage"]["output"]
    check(output["billed"] >= words > 5, "billed", output, "words that were read", words)
    check(output["billed"] < 200, "billed for what was never delivered", output)
    wait_until(lambda: standin.stats()["open"] == 0, 5, "the end of the service's work")
    check(standin.stats()["generated_tokens"] < 200, "the service went on", standin.stats())


@case("litellm#14457 and others, the other clause: drain reads on, so that the count equals the provider's bill")
def client_leaves_drained(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, metering={"upstream": "drain", "on_client_gone": "generated", "drain_max_s": 20}))
    asyncio.run(leave(gateway, chat(stream=True, standin="rate=200,tokens=150"), events=10))
    record = only_record(gateway)
    equal(record["outcome"]["state"], "client-gone", "state")
    equal(standin.stats()["generated_tokens"], 150, "what the service generated")
    check(record["usage"]["output"]["billed"] >= 150, "billed", record["usage"])


@case("new-api#5235, #7062: a client that leaves is not given everything back")
def client_gone_not_refunded(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("budget", "ciyuan", 100000)], metering={"on_client_gone": "generated"}))
    asyncio.run(leave(gateway, chat(stream=True, standin="rate=100,tokens=1000"), events=15))
    record = only_record(gateway)
    check(billed(record) > billed(record, "input") > 0, "billed", record["usage"])
    equal(decimal.Decimal(gateway.account("budget")["balance"]), 100000 - billed(record), "balance")


@case("new-api#5235, nothing_before_first_token: who leaves before the first token pays nothing")
def nothing_before_first_token(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("budget", "ciyuan", 100000)],
                                      metering={"on_client_gone": "nothing_before_first_token"}))
    asyncio.run(leave(gateway, chat(stream=True, standin="stall=3000"), seconds=0.5))
    record = only_record(gateway)
    equal((record["outcome"]["state"], billed(record)), ("client-gone", 0), "record")


@case("new-api#5288 to #5290, #4168, #7486; sub2api#4408: error text and undelivered output are never billed")
def errors_cost_nothing(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("budget", "ciyuan", 100000)], metering={"on_upstream_error": "nothing"}))
    for script in ("status=500", "status=429", "status=400", "reset", "garbage", "empty", "error-after=0", "break-after=5"):
        for stream in (False, True):
            gateway.call(chat(stream=stream, standin=script))
    records = wait_until(lambda: (found := gateway.records()) and len(found) == 16 and found, what="the records")
    for record in records:
        if record["outcome"]["state"] != "completed":
            equal(billed(record), 0, f"billed for {record['outcome']}")
    spent = sum(billed(record) for record in records)
    equal(decimal.Decimal(gateway.account("budget")["balance"]), 100000 - spent, "balance")


@case("new-api#7486: under `delivered`, a stream that breaks off is billed for what arrived and its error text is not")
def broken_stream_billed_as_delivered(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    answer = gateway.call(chat(stream=True, standin="error-after=10"))
    record = only_record(gateway)
    equal(record["outcome"]["state"], "upstream-failed", "state")
    whole = gateway.call(chat(stream=True, standin="tokens=10"))
    equal(whole.text(), answer.text(), "the same ten words")
    end_of_turn = 1  # a completed answer may count the model's end-of-turn token, a broken one has none
    got, wanted = record["usage"]["output"]["billed"], gateway.record(whole.record)["usage"]["output"]["billed"]
    check(wanted - end_of_turn <= got <= wanted, "billed", got, "for the whole", wanted)


@case("a stream that begins with an error is a refusal: it costs nothing, whatever the contract says of broken answers")
def stream_that_begins_with_an_error(world):
    gateway = world.gateway(documents(world.standin().url))
    pieces = ['data: {"error":{"message":"no room for this prompt","code":500}}\n\n']
    answer = gateway.call({**chat(stream=True), "standin_answer": {"status": 200, "type": "text/event-stream", "pieces": pieces}})
    check(b"no room for this prompt" in answer.body, answer.body[:300])
    record = only_record(gateway)
    equal((record["outcome"]["state"], billed(record)), ("upstream-refused", 0), "record")


@case("sub2api#4408: the same Idempotency-Key is charged once and gets the same answer")
def idempotency(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    headers = {"Idempotency-Key": "order-17"}
    first = gateway.call(chat(max_tokens=9), headers=headers)
    again = gateway.call(chat(max_tokens=9), headers=headers)
    equal((again.status, again.body, again.record), (200, first.body, first.record), "the second answer")
    other = gateway.call(chat(max_tokens=8), headers=headers)
    equal(other.status, 422, "another body under the same key")
    equal(len(gateway.records()), 1, "records")
    equal(standin.stats()["requests"], 1, "requests that reached the service")
    racing = asyncio.run(all_of([gateway.post(chat(max_tokens=9), headers={"Idempotency-Key": "race"}) for _ in range(20)]))
    check({answer.status for answer in racing} <= {200, 409}, {answer.status for answer in racing})
    equal(len(gateway.records()), 2, "records after a race")
    gateway.end()
    gateway = world.gateway()
    late = gateway.call(chat(max_tokens=9), headers=headers)
    equal((late.status, late.record), (409, first.record), "after a restart")
    equal(len(gateway.records()), 2, "records after a restart")


@case("one-api PR 1312: without max_tokens the prompt counts too, and no balance goes below zero")
def prompt_counts(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("balance", "CNY", "0.0100")]))
    answers = asyncio.run(all_of([gateway.post(chat("long " * 300, standin="tokens=400")) for _ in range(40)]))
    check({answer.status for answer in answers} <= {200, 429}, {answer.status for answer in answers})
    check(any(answer.status == 429 for answer in answers), "nothing was refused")
    check(decimal.Decimal(gateway.account("balance")["balance"]) >= 0, gateway.account("balance"))
    check_books(gateway)


@case("litellm#33872: spend and its record are one transaction: books and records agree after a kill")
def one_transaction(world):
    from .crash import load_until_killed
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("budget", "ciyuan", 100000000)]))
    asyncio.run(load_until_killed(gateway, 0.6, []))
    gateway = world.gateway()
    total = sum(decimal.Decimal(record["ciyuan"]) for record in gateway.records())
    equal(decimal.Decimal(gateway.account("budget")["balance"]), 100000000 - total, "the limit less all records")


@case("litellm#19163: what cannot be recorded is not served")
def not_recordable(world):
    import os
    import resource
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    equal(gateway.call(chat(max_tokens=2)).status, 200, "before")
    grown = max(os.path.getsize(os.path.join(gateway.data, name)) for name in os.listdir(gateway.data)
                if os.path.isfile(os.path.join(gateway.data, name)))
    # From here on no file of the process may grow: what a full disk does.
    resource.prlimit(gateway.child.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    answers = [gateway.call(chat(max_tokens=2)) for _ in range(3)]
    check(grown > 4096, "the limit bites")
    for answer in answers:
        equal((answer.status, answer.error["code"]), (503, "not_recordable"), "the refusal")
        check("retry-after" in answer.headers, answer.headers)
    equal(json.loads(json.dumps(gateway.admin("/readyz")[0])), 503, "readyz")
    equal(standin.stats()["completed"], 1, "answers that the service gave")
    gateway.kill()


@case("litellm#11334, #40385 and PRs: 1,200 calls in a burst, all recorded, no backlog")
def burst(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("budget", "ciyuan", 100000000)]))
    count = 200 if world.options.sanitized else 1200
    begin = time.monotonic()
    answers = asyncio.run(all_of([gateway.post(chat(max_tokens=5)) for _ in range(count)], at_once=200))
    seconds = time.monotonic() - begin
    equal({answer.status for answer in answers}, {200}, "statuses")
    equal(len(gateway.records()), count, "records at the moment of the last answer")
    print(f"{count} calls in {seconds:.1f} s")
    check(world.options.sanitized or seconds < 30, "seconds", seconds)


@case("litellm#21514: memory does not grow with the number of calls")
def memory_is_flat(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))

    def round_of_calls():
        asyncio.run(all_of([gateway.post(chat(stream=number % 2 == 0, max_tokens=20)) for number in range(1000)], at_once=100))
        return gateway.resident_bytes()

    if world.options.sanitized:
        asyncio.run(all_of([gateway.post(chat(max_tokens=20)) for _ in range(100)]))
        return
    warm = [round_of_calls() for _ in range(4)][-1]  # the store's cache of pages is full by then
    later = [round_of_calls() for _ in range(4)][-1]
    print(f"resident: {warm >> 20} MiB after 4,000 calls, {later >> 20} MiB after 8,000")
    check(later - warm < 10 << 20, "grew by", later - warm)


@case("openai-openapi#539: a running count on every chunk when asked for, and the final count always")
def running_count(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("session", "ciyuan", 1000, per="session", window="session")]))
    headers = {"Ciyuan-Live": "1", "Ciyuan-Session": "s"}
    answer = gateway.call(chat(stream=True, standin="tokens=12"), headers=headers)
    counts = [json.loads(one.split(" ", 1)[1])["tokens"] for one in answer.comments() if one.startswith("ciyuan-used ")]
    check(len(counts) >= 11 and counts == sorted(counts), counts)
    final = [json.loads(one.split(" ", 1)[1]) for one in answer.comments() if one.startswith("ciyuan-closed ")]
    equal(len(final), 1, "final counts")
    equal(final[0]["record"], answer.record, "record")
    plain = gateway.call(chat(stream=True, standin="tokens=12"))
    check(not any(one.startswith("ciyuan-used") for one in plain.comments()), "nobody asked")
