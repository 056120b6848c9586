"""The traps of a streaming proxy, one case each, against services written here byte by byte."""
import asyncio
import json
import resource
import socket
import threading
import time

from registry import case
from wire import post, read_answer, request_bytes
from world import SECRET, cap, chat, check, documents, equal, http, wait_until
from .caps import billed
from .crash import check_books
from .hostile import fields


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
