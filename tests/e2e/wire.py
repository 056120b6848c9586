"""A small HTTP/1.1 client on asyncio: it keeps what the official clients hide (raw bytes, how an answer ended)."""
import asyncio
import dataclasses
import json
import time


@dataclasses.dataclass
class Answer:
    status: int = 0
    headers: dict = dataclasses.field(default_factory=dict)
    body: bytes = b""
    complete: bool = False  # the body ended as HTTP says it must
    seconds: float = 0.0
    first_byte_s: float = 0.0

    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json()["error"]

    def events(self):
        """The JSON of each event of a stream, "[DONE]" as it is; an incomplete last event is left out."""
        found = []
        for block in self.body.replace(b"\r\n", b"\n").split(b"\n\n")[:-1]:
            data = b"\n".join(line[5:].lstrip(b" ") for line in block.split(b"\n") if line.startswith(b"data:"))
            if data:
                found.append("[DONE]" if data == b"[DONE]" else json.loads(data))
        return found

    def comments(self):
        return [line[2:].decode() for line in self.body.split(b"\n") if line.startswith(b": ")]

    @property
    def done(self):
        """The stream came to its end: [DONE] was there, and HTTP's own end."""
        return self.complete and b"data: [DONE]" in self.body

    @property
    def record(self):
        return self.headers.get("ciyuan-record", "")

    def text(self, index=0):
        """What the answer says, streamed or not."""
        if self.headers.get("content-type", "").startswith("text/event-stream"):
            parts = []
            for event in self.events():
                for choice in event.get("choices", []) if isinstance(event, dict) else []:
                    if choice.get("index") == index:
                        parts.append(choice.get("text") or (choice.get("delta") or {}).get("content") or "")
            return "".join(parts)
        choice = self.json()["choices"][index]
        return choice["text"] if "text" in choice else choice["message"]["content"] or ""

    def finish(self):
        if self.headers.get("content-type", "").startswith("text/event-stream"):
            reasons = [choice.get("finish_reason") for event in self.events() if isinstance(event, dict)
                       for choice in event.get("choices", [])]
            return next((reason for reason in reversed(reasons) if reason), None)
        return self.json()["choices"][0]["finish_reason"]

    def usage(self):
        if self.headers.get("content-type", "").startswith("text/event-stream"):
            return next((event["usage"] for event in reversed(self.events())
                         if isinstance(event, dict) and event.get("usage")), None)
        return self.json().get("usage")


def request_bytes(method, path, body=b"", headers=None, host="127.0.0.1"):
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def read_answer(reader, answer=None, on_bytes=None):
    """Reads one answer. `on_bytes` sees the body as it grows and may stop the reading by returning False."""
    answer = answer or Answer()
    begin = time.monotonic()
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            answer.status = int(lines[0].split(" ", 2)[1])
            answer.headers = {}
            for line in lines[1:]:
                if ":" in line:
                    name, value = line.split(":", 1)
                    answer.headers[name.strip().lower()] = value.strip()
            if answer.status >= 200:
                break
        answer.first_byte_s = time.monotonic() - begin
        if answer.headers.get("transfer-encoding", "").lower() == "chunked":
            pieces = []
            while True:
                size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
                if size == 0:
                    while (await reader.readuntil(b"\r\n")) != b"\r\n":
                        pass
                    answer.complete = True
                    break
                piece = (await reader.readexactly(size + 2))[:-2]
                pieces.append(piece)
                answer.body += piece
                if on_bytes and on_bytes(answer) is False:
                    break
        elif "content-length" in answer.headers:
            answer.body = await reader.readexactly(int(answer.headers["content-length"]))
            answer.complete = True
        else:
            answer.body = await reader.read()
            answer.complete = True
    except (asyncio.IncompleteReadError, ConnectionError) as broken:
        answer.body += getattr(broken, "partial", b"") if answer.headers.get("transfer-encoding") is None else b""
    answer.seconds = time.monotonic() - begin
    return answer


async def exchange(port, data, on_bytes=None, timeout=120):
    """Sends the bytes on a connection of their own and reads one answer. Status 0: none came."""
    answer = Answer()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 28)
    except OSError:
        return answer
    try:
        writer.write(data)
        await writer.drain()
        await asyncio.wait_for(read_answer(reader, answer, on_bytes), timeout)
    except (OSError, asyncio.TimeoutError):
        pass
    finally:
        writer.close()
    return answer


async def post(port, path, body, key=None, headers=None, on_bytes=None, timeout=120):
    fields = {"Content-Type": "application/json", "Connection": "close"}
    if key:
        fields["Authorization"] = "Bearer " + key
    fields.update(headers or {})
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return await exchange(port, request_bytes("POST", path, data, fields), on_bytes, timeout)


async def get(port, path, key=None, timeout=60):
    fields = {"Connection": "close"}
    if key:
        fields["Authorization"] = "Bearer " + key
    return await exchange(port, request_bytes("GET", path, b"", fields), timeout=timeout)


async def all_of(calls, at_once=256):
    """The results of the coroutines, at most `at_once` of them running."""
    gate = asyncio.Semaphore(at_once)

    async def one(call):
        async with gate:
            return await call

    return await asyncio.gather(*(one(call) for call in calls))
