"""The traps of a streaming proxy, one case each, against services written here byte by byte."""
import asyncio
import base64
import json
import os
import random
import resource
import socket
import threading
import time

from registry import case
from wire import get, read_answer, request_bytes
from world import SECRET, Skip, cap, chat, check, documents, equal, key_document, wait_until
from .caps import billed
from .crash import check_books
from .hostile import fields, raw


class Service:
    """A service on a port of its own: each request's socket, head and body go to `answer`, on a thread of its own."""

    def __init__(self, answer, family=socket.AF_INET, backlog=64, accepts=True):
        self.answer, self.heads, self.connections = answer, [], 0
        self.listener = socket.socket(family)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        self.listener.listen(backlog)
        self.port = self.listener.getsockname()[1]
        host = "[::1]" if family == socket.AF_INET6 else "127.0.0.1"
        self.url = f"http://{host}:{self.port}/v1"
        if accepts:
            threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                one, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(one,), daemon=True).start()

    def serve(self, one):
        with one:
            try:
                while request := self.read(one):
                    self.heads.append(request[0])
                    if self.answer(one, *request) is False:
                        return
            except OSError:
                return

    @staticmethod
    def read(one):
        data = b""
        while b"\r\n\r\n" not in data:
            if not (piece := one.recv(65536)):
                return None
            data += piece
        head, body = data.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        length = next((int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:")), 0)
        while len(body) < length:
            if not (piece := one.recv(65536)):
                return None
            body += piece
        return lines, body

    def close(self):
        self.listener.close()


def delta(text):
    return b"data: " + json.dumps({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "standin", "choices": [
        {"index": 0, "delta": {"content": text}, "finish_reason": None}]}).encode() + b"\n\n"


LAST = (b'data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"standin","choices":[{"index":0,"delta":{},'
        b'"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')


def chunk(data):
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def whole_answer(text="one two", more=""):
    body = json.dumps({"id": "c1", "object": "chat.completion", "created": 1, "model": "standin", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}).encode()
    return (f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{more}\r\n").encode() + body


STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def deaf(family=socket.AF_INET):
    """A service whose queue of connections is full: a further one is neither taken nor refused."""
    service = Service(None, family, backlog=0, accepts=False)
    crowd = []
    for _ in range(4):
        one = socket.socket(family)
        one.setblocking(False)
        one.connect_ex(service.listener.getsockname())
        crowd.append(one)
    service.crowd = crowd
    return service


@case("a client that leaves before anything was sent to the service owes nothing, under every clause")
def leaves_before_anything_was_sent(world):
    service = deaf()
    for number, on_gone in enumerate(("delivered", "generated", "nothing_before_first_token")):
        gateway = world.gateway(documents(service.url, [cap("budget", "ciyuan", 1000), cap("calls", "request", 10)],
                                          metering={"on_client_gone": on_gone}), data=f"data-{number}")
        asyncio.run(gateway.post(chat(), timeout=0.5))
        record = wait_until(gateway.records, what="the record")[0]
        equal((record["outcome"]["state"], billed(record), billed(record, "input")), ("client-gone", 0, 0), on_gone)
        equal((gateway.account("budget")["balance"], gateway.account("calls")["balance"]), ("1000", "10"), "balances")


@case("a client that leaves while its call waits for headroom is taken out of the queue: it is neither opened nor sent")
def leaves_while_waiting(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("budget", "ciyuan", 200)]))

    async def run():
        first = asyncio.create_task(gateway.post(chat(stream=True, max_tokens=150, standin="tokens=60,rate=40")))
        await asyncio.sleep(0.4)
        await gateway.post(chat(max_tokens=150), timeout=0.4)
        return await first

    equal(asyncio.run(run()).status, 200, "the call that held the headroom")
    time.sleep(0.5)
    equal(len(gateway.records()), 1, "records")
    equal(standin.stats()["requests"], 1, "requests that reached the service")
    equal(gateway.call(chat(max_tokens=5)).status, 200, "a later call")
    check_books(gateway)


@case("a close that the disk refuses is sent again: nothing stays held, what left is billed, what was withheld is not")
def close_is_sent_again(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("budget", "ciyuan", 100000)]))
    gateway.call(chat(max_tokens=2))
    spent = sum(billed(record) for record in gateway.records())
    key = {"Idempotency-Key": "withheld"}

    async def run():
        streamed = asyncio.create_task(gateway.post(chat(stream=True, standin="tokens=30,rate=40")))
        whole = asyncio.create_task(gateway.post(chat(max_tokens=30, standin="tokens=30,rate=40"), headers=key))
        await asyncio.sleep(0.3)
        resource.prlimit(gateway.child.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        return await streamed, await whole

    streamed, whole = asyncio.run(run())
    check(streamed.status == 200 and not streamed.complete, "the stream must not look whole", streamed)
    equal((whole.status, whole.error["code"]), (503, "not_recordable"), "the unstreamed answer")
    equal(gateway.metrics()["ciyuan_unsettled_calls"], 2, "calls to be settled")
    resource.prlimit(gateway.child.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    wait_until(lambda: gateway.metrics()["ciyuan_unsettled_calls"] == 0, 30, "settling")
    of_stream, of_whole = gateway.record(streamed.record), gateway.record(whole.error["ciyuan"]["record"])
    equal((of_stream["outcome"]["state"], of_whole["outcome"]["state"]), ("interrupted", "interrupted"), "states")
    equal(len(streamed.text().split()), 30, "words that left")
    output, end_of_turn = of_stream["usage"]["output"], 1  # which came with the events that were held back
    equal(output["billed"], output["measured"] - end_of_turn, "billed for what left")
    equal(billed(of_whole), 0, "billed for what was withheld")
    again = gateway.call(chat(max_tokens=30, standin="tokens=30"), headers=key)
    equal(again.status, 200, "the same key again")
    left = 100000 - spent - billed(of_stream) - billed(gateway.record(again.record))
    equal(int(gateway.account("budget")["balance"]), left, "what is left")
    check(f"={left}/100000 CIYUAN" in again.headers["ciyuan-remaining"], "left and not held:", again.headers)
    check_books(gateway)


@case("each event reaches the client before the service makes the next one")
def flushed_at_once(world):
    count, step, late = 12, threading.Semaphore(0), []

    def answer(one, head, body):
        one.sendall(STREAM_HEAD)
        for number in range(count):
            one.sendall(chunk(delta(f"word{number} ")))
            if not step.acquire(timeout=5):
                late.append(number)
        one.sendall(chunk(LAST) + b"0\r\n\r\n")

    gateway = world.gateway(documents(Service(answer).url))
    seen = [0]

    def on_bytes(got):
        while seen[0] < got.body.count(b"word"):
            seen[0] += 1
            step.release()

    got = gateway.call(chat(stream=True), on_bytes=on_bytes)
    equal((got.status, got.done, seen[0], late), (200, True, count, []), "the stream, and events that had to wait")


@case("fields of one connection are not passed on, in either direction")
def hop_by_hop(world):
    hops = ["Keep-Alive: timeout=5", "TE: trailers", "Trailer: X-Sum", "Upgrade: h2c", "Proxy-Authorization: Basic eDp5",
            "Proxy-Authenticate: Basic", "Proxy-Connection: keep-alive", "X-First: 1", "X-Second: 1", "Connection: X-First",
            "Connection: keep-alive, X-Second"]

    def answer(one, head, body):
        one.sendall(whole_answer(more="\r\n".join([*hops, "X-Kept: 1"]) + "\r\n"))

    service = Service(answer)
    gateway = world.gateway(documents(service.url))
    body = json.dumps(chat()).encode()
    head = ["POST /v1/chat/completions HTTP/1.1", "Host: x", f"Authorization: Bearer {SECRET}", f"Content-Length: {len(body)}",
            *hops, "X-Kept: 1"]

    async def run():
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        got = await asyncio.wait_for(read_answer(reader), 20)
        writer.close()
        return got

    got = asyncio.run(run())
    equal(got.status, 200, "status")
    to_service = {line.split(":")[0].lower() for line in service.heads[0][1:]}
    unwanted = {line.split(":")[0].lower() for line in hops}
    equal((to_service & unwanted, set(got.headers) & unwanted), (set(), set()), "passed on to the service, to the client")
    check("x-kept" in to_service and "x-kept" in got.headers, to_service, got.headers)


@case("a service on IPv6 is reached, and named with its brackets")
def ipv6(world):
    try:
        service = Service(lambda one, head, body: one.sendall(whole_answer()), socket.AF_INET6)
    except OSError as absent:
        raise Skip(f"no IPv6 on this machine: {absent}") from None
    gateway = world.gateway(documents(service.url))
    equal(gateway.call(chat()).status, 200, "status")
    check(f"Host: [::1]:{service.port}" in service.heads[0], service.heads[0])


@case("total_ms ends a call however steadily its answer comes, streamed or not")
def total_timeout(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, upstream={"timeouts": {
        "connect_ms": 500, "first_byte_ms": 700, "idle_ms": 600, "total_ms": 800}}))
    streamed = gateway.call(chat(stream=True, standin="tokens=400,rate=50"))
    error = next(event["error"] for event in streamed.events() if isinstance(event, dict) and "error" in event)
    equal((error["code"], b"[DONE]" in streamed.body), ("upstream_timeout", False), "the stream's end")
    record = gateway.record(streamed.record)
    equal(record["outcome"]["state"], "upstream-failed", "state")
    check(0 < record["usage"]["output"]["billed"] < 400, record["usage"])

    def drips(one, head, body):
        one.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            one.sendall(b" ")
            time.sleep(0.02)

    gateway.apply(documents(Service(drips).url, upstream={"timeouts": {
        "connect_ms": 500, "first_byte_ms": 700, "idle_ms": 600, "total_ms": 800}}))
    whole = gateway.call(chat())
    equal((whole.status, whole.error["code"]), (504, "upstream_timeout"), "the unstreamed call")
    check_books(gateway)


@case("connections_max holds: calls beyond it wait in order, are refused with nothing sent or billed, and may leave")
def connections_max(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("budget", "ciyuan", 100000)], upstream={
        "connections_max": 1, "timeouts": {"connect_ms": 1000, "first_byte_ms": 9000, "idle_ms": 9000, "total_ms": 60000}}),
        options=("--quiet", "--threads", "1"))
    long = chat(stream=True, standin="tokens=100,rate=40")

    async def run():
        first = asyncio.create_task(gateway.post(long))
        await asyncio.sleep(0.3)
        left = asyncio.create_task(gateway.post(chat(max_tokens=5), timeout=0.4))
        refused = await gateway.post(chat(max_tokens=5))
        await left
        first = await first
        busy = asyncio.create_task(gateway.post(chat(stream=True, standin="tokens=20,rate=40")))
        await asyncio.sleep(0.1)
        waited = await gateway.post(chat(max_tokens=5))
        return first, refused, await busy, waited

    first, refused, busy, waited = asyncio.run(run())
    equal((first.status, busy.status, waited.status), (200, 200, 200), "those that had or got a connection")
    equal((refused.status, refused.error["code"]), (503, "gateway_busy"), "the one that waited in vain")
    check("retry-after" in refused.headers, refused.headers)
    states = [(record["outcome"]["state"], billed(record) > 0) for record in reversed(gateway.records())]
    equal(sorted(states), sorted([("client-gone", False), ("upstream-failed", False), ("completed", True), ("completed", True),
                                  ("completed", True)]), "records")
    equal(standin.stats()["requests"], 3, "requests that reached the service")
    equal(gateway.metrics()['ciyuan_upstream_up{upstream="service-0"}'], 1, "our own limit is not the service's failure")


@case("a service that takes calls and fails them rests, is tried by one call after a while, and returns")
def health(world):
    standin, flaky = world.standin(), world.standin("--script", "reset")
    gateway = world.gateway(documents([flaky.url, standin.url]), options=("--threads", "2"))

    def up(number):
        return gateway.metrics()[f'ciyuan_upstream_up{{upstream="service-{number}"}}']

    answers = [gateway.call(chat(max_tokens=2)).status for _ in range(6)]
    equal(answers[:3], [502] * 3, "calls that the service may have run")
    equal(answers[3:], [200] * 3, "calls while it rests")
    equal((up(0), up(1)), (0, 1), "the gauges")
    wait_until(lambda: '"event":"upstream","upstream":"service-0","up":false' in gateway.said(), 10, "the log's line")
    flaky.kill()
    world.standin(port=flaky.port)

    def returned():
        equal(gateway.call(chat(max_tokens=2)).status, 200, "a call meanwhile")
        return up(0) == 1

    wait_until(returned, 20, "the service's return")
    wait_until(lambda: '"upstream":"service-0","up":true' in gateway.said(), 10, "the log's line")


@case("--drain runs out: streams are broken off and settled as what their clients got, whatever the clause reads on for")
def drain_runs_out(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("budget", "ciyuan", 700)], metering={"upstream": "drain", "drain_max_s": 600}),
                            options=("--quiet", "--threads", "2", "--drain", "1"))
    slow = "tokens=300,rate=20"

    async def run():
        stays = asyncio.create_task(gateway.post(chat(stream=True, max_tokens=200, standin=slow)))
        leaves = asyncio.create_task(gateway.post(chat(stream=True, max_tokens=200, standin=slow), timeout=0.5))
        await asyncio.sleep(0.8)
        waits = asyncio.create_task(gateway.post(chat(max_tokens=600)))
        await asyncio.sleep(0.3)
        gateway.child.terminate()
        return await stays, await leaves, await waits

    stays, leaves, _ = asyncio.run(run())
    equal(gateway.child.wait(20), 0, "exit code")
    check(stays.status == 200 and not stays.complete, "a stream that is broken off must not look whole")
    gateway = world.gateway()
    records = {record["id"]: record for record in gateway.records()}
    equal(len(records), 2, "records: the call that waited was never opened")
    for answer in (stays, leaves):
        equal(records[answer.record]["outcome"]["state"], "client-gone", "state")
        check(records[answer.record]["usage"]["output"]["billed"] > 0, records[answer.record]["usage"])
    check_books(gateway)


@case("without file descriptors left, connections go on, new ones wait, and no service is blamed")
def out_of_descriptors(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url), options=("--threads", "1"))
    one = {**fields(), "Connection": "keep-alive"}

    async def connection():
        return await asyncio.open_connection("127.0.0.1", gateway.port)

    async def ask(pair, body):
        reader, writer = pair
        writer.write(request_bytes("POST", "/v1/chat/completions", json.dumps(body).encode(), one))
        return await asyncio.wait_for(read_answer(reader), 20)

    async def run():
        pairs = [await connection() for _ in range(2)]
        equal((await ask(pairs[0], chat(max_tokens=2))).status, 200, "before")
        files = max(int(name) for name in os.listdir(f"/proc/{gateway.child.pid}/fd")) + 1
        old = resource.prlimit(gateway.child.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(gateway.child.pid, resource.RLIMIT_NOFILE, (files, old[1]))
        crowd = [await connection() for _ in range(30)]  # the kernel takes them; the gateway has room for a few at most
        waiting = [asyncio.create_task(ask(pair, chat(max_tokens=2))) for pair in crowd]
        await asyncio.sleep(0.5)
        answers = await asyncio.gather(*[ask(pair, chat(max_tokens=8, standin="tokens=8,rate=20")) for pair in pairs])
        resource.prlimit(gateway.child.pid, resource.RLIMIT_NOFILE, old)
        late = await asyncio.gather(*waiting)
        return answers, late

    answers, late = asyncio.run(run())
    codes = [answer.status if answer.status == 200 else answer.error["code"] for answer in answers]
    check(set(codes) <= {200, "gateway_busy"} and 200 in codes, "open connections:", codes)
    late_codes = {answer.status if answer.status == 200 else answer.error["code"] for answer in late}
    check(200 in late_codes and late_codes <= {200, "gateway_busy"}, "connections that waited:", late_codes)
    equal(gateway.call(chat(max_tokens=2)).status, 200, "after")
    equal(gateway.metrics()['ciyuan_upstream_up{upstream="service-0"}'], 1, "the service")
    check('"up":false' not in gateway.said(), gateway.said()[-2000:])


@case("an answer that makes a library throw is settled like any other failure, and leaves nothing open")
def thrown(world):
    body = json.dumps({"id": "c", "object": "chat.completion", "created": 1, "model": "standin", "choices": [
        {"index": "0", "message": {"role": "assistant", "content": "word " * 200}, "finish_reason": "stop"}]}).encode()

    def answer(one, head, asked):
        one.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    gateway = world.gateway(documents(Service(answer).url, [cap("budget", "ciyuan", 100000)]))
    check(gateway.call(chat(max_tokens=5)).status in (200, 502), "an answer of some sort")
    equal(len(gateway.records()), 1, "records")
    equal(gateway.metrics()["ciyuan_open_calls"], 0, "calls in progress")
    spent = billed(gateway.records()[0])
    equal(int(gateway.account("budget")["balance"]), 100000 - spent, "balance")


@case("a length that a service only declares makes no room and breaks nothing")
def declared_length(world):
    def answer(one, head, body):
        one.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000000000000\r\n\r\n{}")
        return False

    gateway = world.gateway(documents(Service(answer).url))
    equal(gateway.call(chat()).status, 502, "status")
    equal(gateway.records()[0]["outcome"]["state"], "upstream-failed", "state")


@case("a second SIGTERM ends the drain, and calls that were only connecting are settled as never sent")
def second_signal(world):
    service = deaf()
    gateway = world.gateway(documents(service.url, [cap("budget", "ciyuan", 1000)], upstream={"timeouts": {
        "connect_ms": 6000, "first_byte_ms": 9000, "idle_ms": 9000, "total_ms": 60000}}),
        options=("--quiet", "--threads", "2", "--drain", "600"))

    async def run():
        call = asyncio.create_task(gateway.post(chat(max_tokens=5)))
        await asyncio.sleep(0.3)
        gateway.child.terminate()
        await asyncio.sleep(0.3)
        check(gateway.running, "one signal waits for running calls")
        gateway.child.terminate()
        return await call

    asyncio.run(run())
    equal(gateway.child.wait(20), 0, "exit code")
    record = world.gateway().records()[0]
    equal((record["outcome"]["state"], billed(record, "input")), ("client-gone", 0), "record")


@case("a disabled or expired key neither calls nor reads, and sends no larger body than a stranger")
def unusable_keys(world):
    standin = world.standin()
    keys = [key_document(), key_document("off", secret="ck-e2e-off-0123456789abcdef0123", disabled=True),
            key_document("old", secret="ck-e2e-old-0123456789abcdef0123", expires="2026-01-01T00:00:00Z")]
    gateway = world.gateway(documents(standin.url, keys=keys))
    for name in ("off", "old"):
        secret = f"ck-e2e-{name}-0123456789abcdef0123"
        equal(gateway.call(chat(max_tokens=2), key=secret).status, 403, f"{name}: a call")
        equal(asyncio.run(get(gateway.port, "/v1/models", secret)).status, 403, f"{name}: the models")
        large = request_bytes("POST", "/v1/chat/completions", b"", {**fields(), "Authorization": "Bearer " + secret,
                                                                    "Expect": "100-continue"})
        large = large.replace(b"Content-Length: 0", b"Content-Length: 1000000")
        check(raw(gateway.port, large).startswith(b"HTTP/1.1 413"), f"{name}: a large body")
    equal(asyncio.run(get(gateway.port, "/v1/models", SECRET)).status, 200, "the models")


@case("a prompt that takes long to count holds up nobody else on its loop")
def long_counting(world):
    gateway = world.gateway(documents(Service(lambda one, head, body: one.sendall(whole_answer())).url),
                            options=("--quiet", "--threads", "1"))
    text = base64.b64encode(random.Random(1).randbytes(12 << 20)).decode()  # no two words alike

    async def run():
        begin, worst = time.monotonic(), 0
        long = asyncio.create_task(gateway.post(chat(text, max_tokens=2)))
        while not long.done():
            before = time.monotonic()
            equal((await gateway.post(chat(max_tokens=2))).status, 200, "a short call")
            worst = max(worst, time.monotonic() - before)
        equal((await long).status, 200, "the long one")
        return worst, time.monotonic() - begin

    worst, whole = asyncio.run(run())
    print(f"the long call took {whole:.1f} s, the longest short one {worst:.2f} s")
    check(worst < whole / 3, "a short call waited for the long one:", worst, whole)


@case("an unstreamed answer that comes in chunks of growing size arrives whole")
def growing_chunks(world):
    whole = whole_answer("word " * 20000).split(b"\r\n\r\n", 1)[1]

    def answer(one, head, body):
        one.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        at, size = 0, 1
        while at < len(whole):
            one.sendall(chunk(whole[at:at + size]))
            at, size = at + size, size * 2
            time.sleep(0.01)  # each in a read of its own
        one.sendall(b"0\r\n\r\n")

    gateway = world.gateway(documents(Service(answer).url))
    equal(gateway.call(chat(max_tokens=100000)).body, whole, "the answer")


@case("a client may leave while its call is tried elsewhere after a service that said 503")
def leaves_between_services(world):
    busy, hole = world.standin("--script", "status=503"), deaf()
    gateway = world.gateway(documents([busy.url, hole.url], [cap("budget", "ciyuan", 1000)]))
    asyncio.run(gateway.post(chat(max_tokens=5), timeout=0.6))
    record = wait_until(gateway.records, what="the record")[0]
    equal((record["outcome"]["state"], billed(record, "input")), ("client-gone", 0), "record")
