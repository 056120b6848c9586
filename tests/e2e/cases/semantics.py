"""What is counted, cut and charged where a client or a service says things in another way than the plain one."""
import asyncio
import base64
import decimal
import json
import time

from registry import case
from world import cap, chat, check, documents, equal, wait_until
from .caps import billed

EVENTS = "text/event-stream"


def event(choices, **more):
    return "data: " + json.dumps({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "standin",
                                  "choices": choices, **more}) + "\n\n"


def delta(content=None, finish=None, index=0, **more):
    fields = {**({} if content is None else {"content": content}), **more}
    return event([{"index": index, "delta": fields, "finish_reason": finish}])


def said(*pieces, type=EVENTS, **more):
    return {"type": type, "pieces": list(pieces), **more}


def streamed(gateway, *pieces, then="end", headers=None, **more):
    return gateway.call(chat(stream=True, standin_answer=said(*pieces, then=then), **more), headers=headers)


def whole(gateway, answer, path="/v1/chat/completions", headers=None, status=200, body=None, **more):
    body = body or chat()
    return gateway.call({**body, "standin_answer": said(json.dumps(answer), type="application/json", status=status), **more}, path,
                        headers=headers)


def message(index=0, finish="stop", **fields):
    return {"index": index, "message": {"role": "assistant", **fields}, "finish_reason": finish}


DONE = "data: [DONE]\n\n"


@case("every text of a stream is counted, whatever the service calls it")
def every_text(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    words = "one two three four five six seven eight nine ten"
    plain = gateway.record(streamed(gateway, delta(words), delta(finish="stop"), DONE).record)
    for fields in ({"refusal": words}, {"content": [{"type": "text", "text": words}]}, {"audio": {"id": "a", "transcript": words}},
                   {"tool_calls": [{"index": 0, "id": "t", "type": "custom", "custom": {"name": "", "input": words}}]},
                   {"reasoning_content": words, "reasoning": words}, {"unknown": {"deep": [words]}}):
        record = gateway.record(streamed(gateway, delta(**fields), delta(finish="stop"), DONE).record)
        equal(billed(record), billed(plain), f"{fields}: billed")
    twice = event([]).replace('"choices": []', '"choices": [{"index": 0, "delta": {"content": "x"}}], '
                              f'"choices": [{{"index": 0, "delta": {{"content": "{words}"}}}}]')
    check(billed(gateway.record(streamed(gateway, twice, delta(finish="stop"), DONE).record)) > billed(plain), "members twice")


@case("a cut event carries nothing past the cap, and says length once, at the end")
def cut_event(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("small", "ciyuan", 45, per="request", window="request")]))
    secret = "hidden " * 200
    choice = {"index": 0, "delta": {"role": "assistant", "content": "word " * 200, "refusal": secret, "audio": {"data": secret}},
              "token_ids": [1] * 200, "logprobs": {"content": [{"token": secret}]}, "finish_reason": "stop"}
    answer = streamed(gateway, event([choice]), DONE)
    check(answer.done, answer.body[-300:])
    check(b"hidden" not in answer.body and b"token_ids" not in answer.body, answer.body[:600])
    reasons = [one["finish_reason"] for item in answer.events() if item != "[DONE]" for one in item["choices"]]
    equal(reasons, [None, "length"], "finish reasons")
    record = gateway.record(answer.record)
    equal((billed(record), record["outcome"]["state"]), (45, "cut"), "billed and state")


@case("an index that is no number, or is there twice, is cut by its place")
def odd_indexes(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("small", "ciyuan", 50, per="request", window="request")]))
    for indexes in (("0", None), (0, 0), (None, None)):
        choices = [{"index": index, "delta": {"content": f"{text} " * 100}} for index, text in zip(indexes, ("left", "right"))]
        answer = streamed(gateway, event(choices), DONE)
        equal((answer.status, answer.done), (200, True), f"{indexes}")
        check(b"right right" not in answer.body, "the second got the first one's text, or its own uncounted", answer.body[:500])
        equal(billed(gateway.record(answer.record)), 50, f"{indexes}: billed")


@case("an unstreamed answer is cut choice by choice: those that fit stay as they were")
def cut_by_choice(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("small", "ciyuan", 80, per="request", window="request")]))
    short = message(0, "tool_calls", content=None, tool_calls=[{"id": "t", "type": "function",
                                                                "function": {"name": "f", "arguments": "{}"}}])
    answer = whole(gateway, {"id": "c", "model": "m", "choices": [short, message(1, content="word " * 500)]}, n=2)
    choices = answer.json()["choices"]
    equal(choices[0], short, "the choice that fits")
    equal(choices[1]["finish_reason"], "length", "the other")
    equal(billed(gateway.record(answer.record)), 80, "billed")


@case("the last event without its blank line is counted and passed; what is no event is dropped")
def unterminated(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("small", "ciyuan", 60, per="request", window="request")]))
    answer = streamed(gateway, delta("a b c"), delta("d e f " * 500).rstrip("\n"))
    record = gateway.record(answer.record)
    equal((billed(record), record["outcome"]["state"]), (60, "cut"), "billed and state")
    answer = streamed(gateway, delta("a b c"), delta(finish="stop"), DONE.rstrip("\n"))
    check(b"data: [DONE]\n\n" in answer.body, answer.body[-200:])


@case("unstreamed completions of several prompts, and methods of other units, are not cut below the cap")
def not_cut(world):
    standin = world.standin("--script", "tokens=60")
    bytes_method = {"kind": "Method", "name": "bytes-v1", "version": "1", "date": "2026-11-01", "source": "the tests",
                    "basis": "bytes"}
    gateway = world.gateway(documents(standin.url))
    prompts = {"model": "standin", "prompt": ["a", "b", "c"], "max_tokens": 60}
    choices = [{"index": index, "text": " word" * 60, "finish_reason": "length"} for index in range(3)]
    answer = whole(gateway, {"id": "c", "choices": choices}, "/v1/completions", body=prompts)
    equal(answer.json()["choices"], choices, "all answers whole")
    equal(gateway.record(answer.record)["outcome"]["state"], "completed", "state")
    with_bytes = documents(standin.url, [cap("small", "ciyuan", 2000, per="request", window="request")], extra=[bytes_method])
    next(one for one in with_bytes if one["kind"] == "Contract")["method"] = "bytes-v1"
    gateway.apply(with_bytes)
    text = "word " * 100
    answer = whole(gateway, {"id": "c", "choices": [message(content=text)]}, max_tokens=100)
    equal(answer.text(), text, "500 bytes of 100 tokens")
    equal(gateway.record(answer.record)["usage"]["output"]["billed"], len(text), "billed")
    answer = whole(gateway, {"id": "c", "choices": [message(content=text * 10)]}, max_tokens=100)
    equal(billed(gateway.record(answer.record)), 2000, "a cap still cuts")


@case("an image counts by its method's formula, and the record says how well it is known; a pinned tokenizer is the only one")
def image_by_formula(world):
    standin = world.standin()
    rule = {"name": "area", "medium": "image", "formula": "area", "pixels_per_token": 10, "unknown": 500, "source": "the tests",
            "date": "2026-11-01"}
    method = {"kind": "Method", "name": "images", "version": "1", "date": "2026-11-01", "source": "the tests", "basis": "native",
              "modality_rules": [rule], "modalities": {"image": "area"}}
    gateway = world.gateway(documents(standin.url))

    def use(**more):
        found = documents(standin.url, extra=[{**method, **more}])
        next(one for one in found if one["kind"] == "Contract")["method"] = "images"
        gateway.apply(found)

    def figure(*parts):
        body = {"model": "standin", "messages": [{"role": "user", "content": [{"type": "text", "text": "Look."}, *parts]}]}
        answer = whole(gateway, {"id": "c", "choices": [message(content="A line.")]}, body=body)
        return gateway.record(answer.record)["usage"]["input"]

    def image(url):
        return {"type": "image_url", "image_url": {"url": url}}

    use()
    text = figure()
    gif = base64.b64encode(b"GIF89a" + (300).to_bytes(2, "little") + (20).to_bytes(2, "little")).decode()
    seen = figure(image("data:image/gif;base64," + gif))
    equal((seen["measured"] - text["measured"], text["level"], seen["level"]), (600, "proved", "estimated"), "300 × 20 over 10")
    unseen = figure(image("https://images.example/a.gif"))
    equal((unseen["measured"] - text["measured"], unseen["level"]), (500, "unverified"), "an image elsewhere")
    use(tokenizer_sha256="0" * 64)
    answer = gateway.call(chat())
    check(answer.status >= 400 and b"tokenizer_sha256" in answer.body, f"{answer.status}", answer.body[:400])


@case("a stream that is answered with JSON grows its hold, and a media type is read in any case")
def json_for_a_stream(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, metering={"quantum_tokens": 8}))
    text = "word " * 300
    answer = whole(gateway, {"id": "c", "choices": [message(content=text)]}, stream=True)
    equal(answer.json()["choices"][0]["message"]["content"], text, "the whole answer")
    answer = gateway.call(chat(stream=True, standin_answer=said(delta("a b"), delta(finish="stop"), DONE,
                                                                type="Text/Event-Stream; charset=utf-8")))
    equal((answer.status, b"data: [DONE]" in answer.body), (200, True), answer.body[:300])


@case("an echoed prompt is input, once")
def echo(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    prompt = "the prompt of many words " * 20
    body = {"model": "standin", "prompt": prompt, "max_tokens": 5, "echo": True}
    for stream in (False, True):
        choice = {"index": 0, "text": prompt + " and one", "finish_reason": "length"}
        if stream:
            answer = gateway.call({**body, "stream": True, "standin_answer": said(event([choice]), DONE)}, "/v1/completions")
        else:
            answer = whole(gateway, {"id": "c", "choices": [choice]}, "/v1/completions", body=body)
        check(prompt.encode() in answer.body, answer.body[:200])
        record = gateway.record(answer.record)
        equal(record["usage"]["output"]["billed"], 2, f"streamed: {stream}")
        equal(record["outcome"]["state"], "completed", "state")


@case("keys that another reader takes for the model, the limit or the messages are refused")
def key_variants(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    for more in ({"Model": "dear"}, {"MAX_TOKENS": 99999}, {"Messages": []}, {"me\u017fsages": []}):
        answer = gateway.call(chat(**more))
        equal((answer.status, answer.error["param"]), (400, next(iter(more))), f"{more}")
    answer = gateway.call(chat([{"type": "text", "text": "a", "Text": "b"}]))
    equal(answer.status, 400, answer.body[:200])
    answer = gateway.call(chat(chat_template_kwargs={"messages": []}))
    equal((answer.status, answer.error["param"]), (400, "chat_template_kwargs.messages"), "reserved")
    equal(standin.stats()["requests"], 0, "requests that reached the service")


@case("a finish that is not the last waits for nothing, the last one waits for the record")
def early_finish(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    order = [delta("a b c", index=0), delta(finish="stop", index=0), delta("d e f", index=1), delta(finish="stop", index=1), DONE]
    answer = streamed(gateway, *order, n=2)
    events = [one for one in answer.body.decode().split("\n\n") if one.startswith("data:")]
    equal(events, [one.strip() for one in order], "events in their order")
    answer = streamed(gateway, delta("a b c"), delta(finish="stop"), DONE, n=2)
    equal(gateway.record(answer.record)["outcome"]["state"], "completed", "fewer answers than n")
    junk = [delta("more " * 1000) for _ in range(400)]
    answer = streamed(gateway, delta("a b c"), delta(finish="stop"), *junk, DONE)
    check(len(answer.body) < 2 << 20, "held back without a bound:", len(answer.body))
    equal(gateway.record(answer.record)["outcome"]["state"], "completed", "state")


@case("a stream that ends before its answer has failed; one that lacks only [DONE] is whole")
def ends_of_streams(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    for pieces, then, state in (((delta("a b c"),), "end", "upstream-failed"), ((), "end", "upstream-failed"),
                                ((delta("a"), delta(finish="stop")), "end", "completed"),
                                ((delta("a"), delta(finish="stop")), "reset", "completed"),
                                ((delta("a"), delta("b")), "reset", "upstream-failed"),
                                ((delta("a"), "data:\n\n", delta(finish="stop"), "data:  [DONE] \n\n"), "end", "completed"),
                                ((delta("a"), DONE), "end", "completed")):
        answer = streamed(gateway, *pieces, then=then)
        equal(gateway.record(answer.record)["outcome"]["state"], state, f"{pieces} {then}")
    begin = time.monotonic()
    answer = streamed(gateway, delta("a"), delta(finish="stop"), DONE, then="stall")
    check(answer.done and time.monotonic() - begin < 5, "waited behind [DONE]:", time.monotonic() - begin)


@case("a cut that meets no client is billed as the contract says of clients that left")
def cut_without_client(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("small", "ciyuan", 3000, per="request", window="request")],
                                      metering={"upstream": "drain", "on_client_gone": "delivered"}))

    def leave(answer):
        return len(answer.events()) < 5

    asyncio.run(gateway.post(chat(stream=True, standin="flood,rate=3000"), on_bytes=leave))
    record = wait_until(lambda: next(iter(gateway.records()), None), 20, "the record")
    equal(record["outcome"]["state"], "client-gone", "state")
    check(0 < billed(record) < 2000, "billed", record["usage"])


@case("what was held back leaves before a cut's own end")
def held_before_cut(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("small", "ciyuan", 45, per="request", window="request")]))
    answer = streamed(gateway, delta("a b"), delta(finish="stop"), delta("word " * 500), DONE)
    reasons = [one["finish_reason"] for item in answer.events() if item != "[DONE]" for one in item["choices"]]
    equal((reasons, answer.done), ([None, "stop", None], True), answer.body[-600:])
    equal(billed(gateway.record(answer.record)), 45, "billed")


@case("what the contract gives away costs no call either")
def given_away(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("calls", "request", 10)], metering={"on_upstream_error": "nothing"}))
    answer = streamed(gateway, delta("a b c"), then="reset")
    record = gateway.record(answer.record)
    equal((billed(record), record["outcome"]["state"]), (0, "upstream-failed"), "billed and state")
    equal(decimal.Decimal(gateway.account("calls")["balance"]), 10, "calls left")


@case("errors carry no answer, and an error in place of an answer costs nothing")
def errors(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    both = {"error": {"message": "no"}, "choices": [message(content="smuggled words")]}
    answer = whole(gateway, both, status=500)
    equal(answer.json(), {"error": {"message": "no"}}, "a refusal's body")
    answer = streamed(gateway, delta("a b c"), "data: " + json.dumps(both) + "\n\n")
    check(b"smuggled" not in answer.body and b'"no"' in answer.body, answer.body)
    answer = whole(gateway, both)
    equal(answer.status, 502, answer.body[:200])
    record = gateway.record(answer.record)
    equal((billed(record), record["outcome"]["state"]), (0, "upstream-refused"), "billed and state")


@case("a service that refuses the operator's key is the operator's matter, not the client's")
def operators_key(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    for status in (401, 403):
        answer = whole(gateway, {"error": {"message": "Incorrect API key provided: sk-operator"}}, status=status)
        equal((answer.status, answer.error["code"]), (502, "upstream_refused_credentials"), f"{status}")
        check(b"sk-operator" not in answer.body, answer.body)
    gateway.call(chat(max_tokens=2), headers={"OpenAI-Organization": "mine", "OpenAI-Project": "mine", "api-key": "mine"})
    names = {name.lower() for name, _ in standin.last()["headers"]}
    check(not names & {"openai-organization", "openai-project", "api-key"}, names)


@case("a failed call that was charged gives a repeated Idempotency-Key its own answer, one that was not is run again")
def failed_repeats(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    body = chat(standin="garbage")
    first, second = (gateway.call(body, headers={"Idempotency-Key": "k1"}) for _ in range(2))
    equal((first.status, second.status, second.body), (502, 502, first.body), "the same answer")
    equal(standin.stats()["requests"], 1, "calls of the service")
    refused = [gateway.call(chat(standin="status=500"), headers={"Idempotency-Key": "k2"}).status for _ in range(2)]
    equal((refused, standin.stats()["requests"]), ([500, 500], 3), "a refusal costs nothing, and is tried again")
    elsewhere = gateway.call(chat(max_tokens=2, prompt="x"), path="/v1/completions", headers={"Idempotency-Key": "k3"})
    equal(elsewhere.status, 200, elsewhere.body[:200])
    again = gateway.call(chat(max_tokens=2, prompt="x"), headers={"Idempotency-Key": "k3"})
    equal((again.status, again.error["code"]), (422, "idempotency_key_reused"), "the same body at another endpoint")


@case("the limit that is added fits behind the prompt, under the member that the model wants")
def added_limit(world):
    standin = world.standin()
    small = {"context_tokens": 1000, "output_tokens_max": 1000}
    gateway = world.gateway(documents(standin.url, model=small))
    answer = gateway.call(chat("word " * 100, standin="tokens=3"))
    sent, record = json.loads(standin.last()["body"]), gateway.record(answer.record)
    equal(sent["max_tokens"], 1000 - record["usage"]["input"]["billed"], "the limit")
    gateway.apply(documents(standin.url, model={**small, "limit_member": "max_completion_tokens"}))
    gateway.call(chat("word " * 100, standin="tokens=3"))
    sent = json.loads(standin.last()["body"])
    check("max_tokens" not in sent and sent["max_completion_tokens"] < 1000, sent.keys())


@case("a character that a service writes in two halves keeps the stream")
def lone_surrogates(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    halves = [event([{"index": 0, "delta": {"content": "X"}}]).replace("X", half) for half in ("a \\ud83d", "\\ude00 b")]
    answer = streamed(gateway, *halves, delta(finish="stop"), DONE)
    check(answer.done, answer.body)
    check(b"\\ud83d" in answer.body and b"\\ude00" in answer.body, "the bytes pass as they were")
    check(gateway.record(answer.record)["usage"]["output"]["billed"] >= 3, "counted")


@case("absurd figures and texts of a service are bounded in the record")
def absurd(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, metering={"tolerance": {"tokens": 0, "per_mille": 1000}}))
    usage = {"prompt_tokens": 9223372036854775807, "completion_tokens": 9223372036854775807,
             "completion_tokens_details": {"reasoning_tokens": 9223372036854775807}}
    answer = whole(gateway, {"id": "c", "model": "词" * 5000, "choices": [message(content="a", finish="x" * 5000)], "usage": usage})
    equal(answer.status, 200, answer.body[:200])
    record = gateway.record(answer.record)
    check(len(json.dumps(record, ensure_ascii=False).encode()) < 6000, "the record's size")
    check(any("disputed" in clause for clause in record["clauses"]), record["clauses"])


@case("the live count says Ciyuan, money and what is left of each cap")
def live_count(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("budget", "ciyuan", 1000, per="session", window="session")]))
    answer = gateway.call(chat(stream=True, standin="tokens=20"), headers={"Ciyuan-Live": "1", "Ciyuan-Session": "s"})
    told = [json.loads(one.split(" ", 1)[1]) for one in answer.comments() if one.startswith("ciyuan-used ")]
    check(len(told) > 5, answer.body[:500])
    record = gateway.record(answer.record)
    for one in told:
        ciyuan = record["usage"]["input"]["billed"] + one["tokens"]
        equal(decimal.Decimal(one["ciyuan"]), ciyuan, "Ciyuan")
        left = {item["clause"]: decimal.Decimal(item["left"]) for item in one["remaining"]}
        equal(left, {"budget": 1000 - ciyuan}, "left")
        equal(decimal.Decimal(one["money"]) * 1000000, record["usage"]["input"]["billed"] * 2 + one["tokens"] * 8, "money")
        equal(one["currency"], "CNY", "currency")
