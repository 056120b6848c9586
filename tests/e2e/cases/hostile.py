"""Clients that vanish, services that die, stall, lie, send garbage or 100 MB lines; HTTP at its worst."""
import asyncio
import json
import socket
import subprocess
import time

from registry import case
from wire import all_of, exchange, get, read_answer, request_bytes
from world import SECRET, cap, chat, check, documents, equal, wait_until
from .caps import billed
from .crash import check_books

FAST = {"timeouts": {"connect_ms": 500, "first_byte_ms": 700, "idle_ms": 700, "total_ms": 10000}}


def fields(**more):
    return {"Authorization": "Bearer " + SECRET, "Content-Type": "application/json", "Connection": "close",
            **{name.replace("_", "-"): value for name, value in more.items()}}


def raw(port, data, seconds=10):
    """Sends bytes as they are; everything that comes back until the end. A server that neither answers nor ends the
    connection in that time is a failure: `TimeoutError`."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as one:
        one.settimeout(seconds)
        got = b""
        try:
            one.sendall(data)
            while piece := one.recv(65536):
                got += piece
        except ConnectionError:  # it ends the connection while we still send
            pass
        return got


@case("every oddity of a service's HTTP passes or is refused with a reason, and is settled")
def service_oddities(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("budget", "ciyuan", 10000000)], upstream=FAST))
    plain = {stream: gateway.call(chat(stream=stream, standin="tokens=20")).text() for stream in (False, True)}
    fine = ["split=bytes", "split=7", "crlf", "comments", "multi-data", "chunked-trailers", "close", "no-content-length",
            "interim", "slow-headers=1", "ascii", "dup-headers"]
    for script in fine:
        for stream in (False, True):
            if script == "dup-headers":  # repeated framing: equal lengths may pass, two codings may not
                answer = gateway.call(chat(stream=stream, standin="tokens=20," + script))
                check(answer.status in (200, 502), script, answer.status)
                continue
            answer = gateway.call(chat(stream=stream, standin="tokens=20," + script))
            equal((answer.status, answer.text()), (200, plain[stream]), f"{script}, streamed: {stream}")
    refused = {"smuggle": (502,), "gzip": (502,), "garbage": (502,), "empty": (502,), "reset": (502,), "stall=3000": (504, 502),
               "half-close=0": (502,), "break-after=0": (502,)}
    for script, statuses in refused.items():
        answer = gateway.call(chat(standin=script))
        check(answer.status in statuses, script, answer.status, answer.body[:200])
        check(answer.error["message"] and answer.error["code"], script, answer.body[:300])
        equal(gateway.record(answer.record or answer.error["ciyuan"]["record"])["outcome"]["state"] in
              ("upstream-failed", "upstream-refused"), True, f"{script}: state")
    check_books(gateway)


@case("a stream that breaks, stalls or ends early says so in an error event, and is settled")
def broken_streams(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, upstream=FAST))
    for script in ("break-after=5", "half-close=5", "stall-after=5:3000", "error-after=5"):
        answer = gateway.call(chat(stream=True, standin=script))
        equal(answer.status, 200, script)
        check(b"[DONE]" not in answer.body, script, "looks whole:", answer.body[-200:])
        errors = [event for event in answer.events() if isinstance(event, dict) and "error" in event]
        equal(len(errors), 1, f"{script}: error events")
        equal(len(answer.text().split()), 5, f"{script}: words before the break")
        record = gateway.record(answer.record)
        equal(record["outcome"]["state"], "upstream-failed", script)
        check(0 < record["usage"]["output"]["billed"] < 20, script, record["usage"])


@case("a service that lies about usage changes the reported figure, never the billed one")
def lies(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    honest = gateway.record(gateway.call(chat(stream=True, standin="tokens=20")).record)
    for script in ("lie=+1000", "lie=-20", "lie-prompt=+500", "nousage"):
        for stream in (False, True):
            record = gateway.record(gateway.call(chat(stream=stream, standin="tokens=20," + script)).record)
            equal(billed(record), billed(honest), f"{script}: billed")
            if script != "nousage":
                reported = sum(kind.get("reported") or 0 for kind in record["usage"].values())
                check(reported != billed(record), script, record["usage"])
                check(any("disputed" in clause for clause in record["clauses"]), script, "not disputed:", record["clauses"])


async def highest_resident(gateway, body, seen):
    """The answer; how much memory the gateway takes meanwhile goes to `seen`."""
    call = asyncio.create_task(gateway.post(body))
    while not call.done():
        seen.append(gateway.resident_bytes())
        await asyncio.sleep(0.005)
    return await call


@case("a line of 100 MB ends the call with a reason, and memory stays within the limit of an event or an answer")
def long_lines(world):
    standin = world.standin()
    # An event of a stream may have 8 MiB, a whole answer 64 MiB; each may be there twice while it grows or is parsed,
    # and the allocator keeps some more. The line itself is 100 MB.
    for stream, bound in ((True, 64 << 20), (False, 150 << 20)):
        gateway = world.gateway(documents(standin.url), data=f"data-{stream}")
        gateway.call(chat(max_tokens=2, stream=stream))
        seen = [gateway.resident_bytes()]
        for _ in range(2):
            answer = asyncio.run(highest_resident(gateway, chat(stream=stream, standin="long-line=100000000"), seen))
            if stream:
                check(b"[DONE]" not in answer.body and b"error" in answer.body, answer.body[-300:])
            else:
                equal(answer.status, 502, answer.body[:200])
        for record in gateway.records()[:2]:
            equal(record["outcome"]["state"], "upstream-failed", "state")
        grown = max(seen) - seen[0]
        print(f"streamed: {stream}, {seen[0] >> 20} MiB resident before, {grown >> 20} MiB more at most")
        check(world.options.sanitized or grown < bound, "grew by", grown)
        gateway.end()


@case("a reader that never reads does not fill memory: the service is slowed down instead")
def slow_reader(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    gateway.call(chat(max_tokens=2))
    before = gateway.resident_bytes()
    body = json.dumps(chat(stream=True, standin="flood,chunk=50")).encode()
    sockets = []
    for _ in range(10):
        one = socket.create_connection(("127.0.0.1", gateway.port))
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.sendall(request_bytes("POST", "/v1/chat/completions", body, fields()))
        sockets.append(one)
    seen = [-1]

    def still():
        """The sockets' buffers are full: the service has written nothing for a second."""
        time.sleep(1)
        seen.append(standin.stats()["generated_tokens"])
        return seen[-1] == seen[-2]

    wait_until(still, 30, "the service's standstill while nobody reads")
    grown = gateway.resident_bytes() - before
    for one in sockets:
        one.close()
    print(f"grew by {grown >> 20} MiB; {seen[-1]} tokens until it stood still")
    check(world.options.sanitized or grown < 64 << 20, "grew by", grown)
    wait_until(lambda: standin.stats()["open"] == 0, 10, "the end of the floods")
    wait_until(lambda: len(gateway.records()) == 11, 10, "the records")


@case("clients that vanish at any moment leave nothing open")
def vanishing_clients(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("budget", "ciyuan", 100000000)]))
    gateway.call(chat(max_tokens=2))
    body = json.dumps(chat(stream=True, standin="rate=300,tokens=200")).encode()
    request = request_bytes("POST", "/v1/chat/completions", body, fields())
    files = gateway.open_files()

    async def vanish(number):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        cut = len(request) * (number % 10 + 1) // 10
        writer.write(request[:cut])
        await writer.drain()
        await asyncio.sleep(number % 7 * 0.05)
        if number % 3 == 0:
            writer.transport.abort()
        else:
            writer.close()

    asyncio.run(all_of([vanish(number) for number in range(200)], at_once=50))
    wait_until(lambda: standin.stats()["open"] == 0, 10, "the end of the service's work")
    wait_until(lambda: gateway.metrics()["ciyuan_open_calls"] == 0, 10, "the end of all calls")
    check_books(gateway)
    spent = sum(billed(record) for record in gateway.records())
    import decimal
    equal(decimal.Decimal(gateway.account("budget")["balance"]), 100000000 - spent, "balance")
    wait_until(lambda: gateway.open_files() <= files + 70, 10, "closing of sockets (pooled ones apart)")


@case("malformed and smuggling requests are refused, and the connection is closed")
def smuggling(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    body = json.dumps(chat(max_tokens=2)).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET}\r\n".encode()
    length = f"Content-Length: {len(body)}\r\n".encode()
    bad = {
        "both framings": head + length + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "two lengths": head + length + b"Content-Length: 3\r\n\r\n" + body,
        "a length with a sign": head + b"Content-Length: +5\r\n\r\nabcde",
        "bare LF": head.replace(b"\r\n", b"\n") + length.replace(b"\r\n", b"\n") + b"\n" + body,
        "space before the colon": head + b"Content-Length : 5\r\n\r\nabcde",
        "unknown coding": head + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "chunk size with a sign": head + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        "endless header": head + b"X-A: " + b"a" * 300_000 + b"\r\n\r\n",
        "no host": f"GET /v1/models HTTP/1.1\r\nAuthorization: Bearer {SECRET}\r\nConnection: close\r\n\r\n".encode(),
        "two hosts": f"GET /v1/models HTTP/1.1\r\nHost: a\r\nHost: b\r\nAuthorization: Bearer {SECRET}\r\nConnection: close\r\n\r\n".encode(),
        "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n",
    }
    for name, request in bad.items():
        got = raw(gateway.port, request)
        check(got == b"" or got.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5")), name, got[:200])
        equal(got.count(b"HTTP/1.1 "), min(1, len(got)), f"{name}: answers")
    equal(standin.stats()["requests"], 0, "requests that reached the service")
    # RFC 9112 §5.2 lets a server refuse a folded line or read it as one line; it must not become two.
    folded = raw(gateway.port, head + b"X-A: b\r\n c\r\nConnection: close\r\n" + length + b"\r\n" + body)
    equal(folded.count(b"HTTP/1.1 "), 1, "answers to a folded header")
    equal(gateway.call(chat(max_tokens=2)).status, 200, "a good call after all that")


@case("bodies over the limit are refused: 413, early for strangers")
def body_limits(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    huge = json.dumps(chat("x" * (40 << 20))).encode()
    got = raw(gateway.port, request_bytes("POST", "/v1/chat/completions", huge, fields()), 30)
    check(got == b"" or got.startswith(b"HTTP/1.1 413"), got[:200])
    stranger = {**fields(), "Authorization": "Bearer ck-nobody"}
    got = raw(gateway.port, request_bytes("POST", "/v1/chat/completions", json.dumps(chat("x" * (1 << 20))).encode(), stranger), 30)
    check(got == b"" or got.startswith((b"HTTP/1.1 413", b"HTTP/1.1 401")), got[:200])
    equal(gateway.call(chat(max_tokens=2)).status, 200, "a good call after that")


@case("several requests on one connection, also pipelined, are answered in order")
def keep_alive(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))

    async def run():
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        one = {**fields(), "Connection": "keep-alive"}
        bodies = [json.dumps(chat(max_tokens=number + 1, stream=number % 2 == 1)).encode() for number in range(6)]
        for body in bodies:
            writer.write(request_bytes("POST", "/v1/chat/completions", body, one))
        await writer.drain()
        answers = [await asyncio.wait_for(read_answer(reader), 20) for _ in bodies]
        writer.close()
        return answers

    answers = asyncio.run(run())
    equal([answer.status for answer in answers], [200] * 6, "statuses")
    check(all(answer.done for answer in answers[1::2]), "streams")


@case("unknown members and the bytes of a body pass untouched")
def bytes_pass(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    odd = (b'{ "model" :"standin",\t"messages":[{"role":"user","content":"\\u8bcd\\u5143 \xe8\xaf\x8d"}] ,'
           b'"x-future":{"b":1.0e0,"a":[null , true]}, "max_tokens":3,"temperature":0.70}')
    equal(gateway.call(odd).status, 200, "status")
    equal(standin.last()["body"].encode(), odd, "the body that the service saw")
    headers = {name.lower(): value for name, value in standin.last()["headers"]}
    check("authorization" not in headers, "the client's key went on to the service:", headers)


@case("with several services the next one takes a call that the first never got")
def fallback(world):
    dead = "http://127.0.0.1:9/v1"
    standin, busy = world.standin(), world.standin("--script", "status=503")
    gateway = world.gateway(documents([dead, busy.url, standin.url]))
    answers = [gateway.call(chat(max_tokens=2, stream=number % 2 == 0)) for number in range(6)]
    equal([answer.status for answer in answers], [200] * 6, "statuses")
    equal(standin.stats()["requests"], 6, "calls of the last service")
    resets = world.standin("--script", "reset")
    gateway.apply(documents([resets.url, standin.url]))
    check(gateway.call(chat(max_tokens=2)).status in (502, 504), "a call that may have run is not run again")
    equal(standin.stats()["requests"], 6, "calls of the other service")


@case("a service that restarts is reached again: stale pooled connections are not the client's problem")
def stale_connections(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    asyncio.run(all_of([gateway.post(chat(max_tokens=2)) for _ in range(20)]))
    standin.kill()
    check(gateway.call(chat(max_tokens=2)).status == 502, "while it is away")
    standin = world.standin(port=standin.port)
    answers = asyncio.run(all_of([gateway.post(chat(max_tokens=2)) for _ in range(20)]))
    equal({answer.status for answer in answers}, {200}, "after it came back")


@case("TLS on both sides")
def tls(world):
    import shutil
    from world import Skip
    if not shutil.which("nginx") or not shutil.which("openssl"):
        raise Skip("nginx and openssl are needed to stand for a service with TLS")
    from world import Process, free_port
    key, certificate, port = world.path("tls.key"), world.path("tls.pem"), free_port()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                    "2", "-keyout", key, "-out", certificate, "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    standin = world.standin()
    with open(world.path("nginx.conf"), "w") as file:
        file.write(f"daemon off; pid {world.path('nginx.pid')}; error_log {world.path('nginx.log')}; events {{}}\n"
                   f"http {{ access_log off; server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {certificate}; "
                   f"ssl_certificate_key {key}; location / {{ proxy_pass http://127.0.0.1:{standin.port}; "
                   f"proxy_buffering off; proxy_http_version 1.1; }} }} }}\n")
    Process(world, "nginx", ["nginx", "-p", world.folder, "-c", world.path("nginx.conf")])
    gateway = world.gateway(documents(f"https://localhost:{port}/v1", upstream={"tls": {"ca_file": certificate}}),
                            options=("--quiet", "--tls-cert", certificate, "--tls-key", key))
    time.sleep(0.5)
    for body in (chat(max_tokens=3), chat(max_tokens=3, stream=True)):
        done = subprocess.run(["curl", "-sS", "--max-time", "20", "--cacert", certificate, "-H", f"Authorization: Bearer {SECRET}",
                               f"https://localhost:{gateway.port}/v1/chat/completions", "-d", json.dumps(body)],
                              capture_output=True, text=True)
        check(done.returncode == 0 and "standin" in done.stdout, done.stdout[:300], done.stderr[:300])
    gateway.apply(documents(f"https://localhost:{port}/v1"))
    refused = subprocess.run(["curl", "-sS", "--max-time", "20", "--cacert", certificate, "-H", f"Authorization: Bearer {SECRET}",
                              f"https://localhost:{gateway.port}/v1/chat/completions", "-d", json.dumps(chat())],
                             capture_output=True, text=True)
    check("upstream_unavailable" in refused.stdout, "an unknown certificate must be refused:", refused.stdout[:300])


@case("a slow client that sends a byte now and then is cut off, others are served meanwhile")
def slow_loris(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    begin = time.monotonic()
    crowd = []
    for _ in range(200):
        one = socket.create_connection(("127.0.0.1", gateway.port))
        one.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-A: ")
        crowd.append(one)
    answers = asyncio.run(all_of([gateway.post(chat(max_tokens=2)) for _ in range(50)]))
    equal({answer.status for answer in answers}, {200}, "the others")
    for one in crowd:
        one.settimeout(0.5)

    def drip(one):
        """One more byte; whether the server has ended the connection, at most with a refusal before."""
        try:
            one.sendall(b"a")
            one.setblocking(False)
            got = one.recv(4096)
            check(got == b"" or got.startswith(b"HTTP/1.1 408"), got[:200])
            return True
        except BlockingIOError:
            return False
        except ConnectionError:
            return True

    open_still = crowd
    while open_still and time.monotonic() - begin < 40:
        open_still = [one for one in open_still if not drip(one)]
        time.sleep(0.5)
    seconds = time.monotonic() - begin
    for one in crowd:
        one.close()
    equal(len(open_still), 0, f"not cut off after {seconds:.0f} s, with a head that may take 10")
    check(seconds > 5, "cut off early, after", seconds)
