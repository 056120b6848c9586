"""Unmodified clients: the official SDKs, curl, LangChain."""
import itertools
import json
import os
import subprocess
import sys

from registry import case
from world import ROOT, SECRET, Skip, cap, chat, check, documents, equal, key_document

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def python_client(gateway, key=SECRET, **more):
    try:
        import openai
    except ImportError as absent:
        raise Skip(f"PyPI openai is not installed ({absent})") from None
    more.setdefault("max_retries", 0)
    return openai, openai.OpenAI(base_url=gateway.url, api_key=key, **more)


def say(text="Say something."):
    return [{"role": "user", "content": text}]


TOOL = {"type": "function", "function": {"name": "look_up", "description": "Looks something up.", "parameters": {
    "type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}}}


@case("the Python SDK: chat, streams, tools, n answers, logprobs, completions, embeddings, models")
def python_sdk(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    _, client = python_client(gateway)
    whole = client.chat.completions.create(model="standin", messages=say(), max_tokens=7)
    equal(whole.choices[0].finish_reason, "length", "finish")
    streamed, usage = "", None
    for chunk in client.chat.completions.create(model="standin", messages=say(), max_tokens=7, stream=True,
                                                stream_options={"include_usage": True}):
        streamed += "".join(choice.delta.content or "" for choice in chunk.choices)
        usage = chunk.usage or usage
    equal(streamed, whole.choices[0].message.content, "streamed and whole")
    check(usage and usage.prompt_tokens == whole.usage.prompt_tokens, "usage of the stream", usage)
    called = client.chat.completions.create(model="standin", messages=say("东西"), tools=[TOOL])
    equal(json.loads(called.choices[0].message.tool_calls[0].function.arguments), {"text": "东西"}, "tool arguments")
    with client.chat.completions.stream(model="standin", messages=say("东西"), tools=[TOOL]) as events:
        for _ in events:
            pass
        final = events.get_final_completion()
    equal(final.choices[0].message.tool_calls[0].function.name, "look_up", "streamed tool call")
    several = client.chat.completions.create(model="standin", messages=say(), n=3, logprobs=True, max_tokens=4)
    equal(len(several.choices), 3, "answers")
    check(several.choices[2].logprobs.content, "logprobs")
    equal(client.completions.create(model="standin", prompt="Once", max_tokens=3).object, "text_completion", "completions")
    vectors = client.embeddings.create(model="standin", input=["one", "two"], dimensions=16)
    equal([len(one.embedding) for one in vectors.data], [16, 16], "embeddings")
    equal([one.id for one in client.models.list()], ["standin"], "models")
    equal(client.models.retrieve("standin").id, "standin", "one model")
    image = [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {
        "url": "data:image/png;base64,iVBORw0KGgo="}}]}]
    check(client.chat.completions.create(model="standin", messages=image, max_tokens=3).choices, "multimodal parts")
    raw = client.chat.completions.with_raw_response.create(model="standin", messages=say(), max_tokens=2)
    equal(gateway.record(raw.headers["ciyuan-record"])["outcome"]["state"], "completed", "the record named in the headers")


@case("the Python SDK raises every error class as with the service itself")
def python_errors(world):
    standin = world.standin()
    expired = key_document("old", secret="ck-old-000000000000000000000000000000", expires="2026-02-01T00:00:00Z")
    gateway = world.gateway(documents(standin.url, [cap("tiny", "ciyuan", 60, per="session", window="session")],
                                      models=("standin",), upstream={"timeouts": {"first_byte_ms": 60000}},
                                      keys=[key_document(), expired]))
    openai, client = python_client(gateway)

    def raises(wanted, call, status=None):
        try:
            call()
        except openai.APIError as error:
            check(type(error) is wanted, f"raised {type(error).__name__} ({error}), wanted {wanted.__name__}")
            if status:
                equal(error.status_code, status, "status")
            return error
        raise AssertionError(f"nothing was raised, wanted {wanted.__name__}")

    numbers = itertools.count()  # a session for each call, so that the session's cap stops only the one that is meant to

    def ask(script="", **more):
        more = {"model": "standin", "messages": say(), "max_tokens": 2, **more}
        return lambda: client.chat.completions.create(
            extra_headers={"X-Standin": script, "Ciyuan-Session": f"session-{next(numbers)}"}, **more)

    raises(openai.BadRequestError, ask(messages="not a list"), 400)
    raises(openai.BadRequestError, ask(n=0), 400)
    _, stranger = python_client(gateway, key="ck-nobody")
    error = raises(openai.AuthenticationError, lambda: stranger.models.list(), 401)
    equal(error.code, "invalid_api_key", "code")
    raises(openai.AuthenticationError, lambda: stranger.chat.completions.create(model="standin", messages=say()), 401)
    error = raises(openai.NotFoundError, ask(model="no-such-model"), 404)
    equal(error.code, "model_not_found", "code")
    # The service refused the operator's key: the client's own is in order, and must not be told otherwise.
    raises(openai.InternalServerError, ask("status=403"), 502)
    raises(openai.InternalServerError, ask("status=401"), 502)
    raises(openai.RateLimitError, ask("status=429"), 429)
    raises(openai.InternalServerError, ask("status=500"), 500)
    raises(openai.InternalServerError, ask("status=503"), 503)
    raises(openai.InternalServerError, ask("reset"))
    raises(openai.InternalServerError, ask("garbage"))

    def once(key, **more):
        return lambda: client.chat.completions.create(extra_headers={"Idempotency-Key": key, "Ciyuan-Session": f"once-{key}"}, **{
            "model": "standin", "messages": say(), "max_tokens": 2, **more})

    once("order-1")()
    raises(openai.UnprocessableEntityError, once("order-1", max_tokens=3), 422)
    running = client.chat.completions.create(model="standin", messages=say(), stream=True, max_tokens=20, extra_headers={
        "Idempotency-Key": "order-2", "Ciyuan-Session": "once-order-2", "X-Standin": "rate=5,tokens=20"})
    raises(openai.ConflictError, once("order-2", stream=True, max_tokens=20), 409)
    running.close()
    session = {"Ciyuan-Session": "full"}
    client.chat.completions.create(model="standin", messages=say(), extra_headers=session)
    error = raises(openai.RateLimitError, lambda: client.chat.completions.create(model="standin", messages=say(),
                                                                                 extra_headers=session), 429)
    equal(error.body["ciyuan"]["clause"], "tiny", "the clause")
    raises(openai.APITimeoutError, lambda: client.with_options(timeout=0.3).chat.completions.create(
        model="standin", messages=say(), extra_headers={"X-Standin": "stall=3000", "Ciyuan-Session": "late"}))

    def read(script):
        for _ in client.chat.completions.create(model="standin", messages=say(), stream=True, max_tokens=8,
                                                extra_headers={"X-Standin": script, "Ciyuan-Session": script}):
            pass

    raises(openai.APIError, lambda: read("break-after=3"))
    raises(openai.APIError, lambda: read("error-after=3"))
    gateway.end()
    raises(openai.APIConnectionError, ask())


@case("the Python SDK's retries work, and nothing is charged for the refusals")
def python_retries(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    _, client = python_client(gateway, max_retries=3)
    answer = client.chat.completions.create(model="standin", messages=say(), max_tokens=2,
                                            extra_headers={"X-Standin": "fail-first=2:500:py"})
    check(answer.choices, "an answer after two failures")
    records = gateway.records()
    equal(sorted(one["outcome"]["state"] for one in records), ["completed", "upstream-refused", "upstream-refused"], "records")
    equal(sorted(sum(kind["billed"] for kind in one["usage"].values()) for one in records)[:2], [0, 0], "billed for failures")


@case("LangChain talks to it without knowing")
def langchain(world):
    try:
        from langchain_openai import ChatOpenAI, OpenAIEmbeddings
    except ImportError as absent:
        raise Skip(f"PyPI langchain-openai is not installed ({absent})") from None
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))
    model = ChatOpenAI(model="standin", base_url=gateway.url, api_key=SECRET, max_tokens=9, max_retries=0)
    whole = model.invoke("Say something.")
    streamed = "".join(chunk.content for chunk in model.stream("Say something."))
    equal(streamed, whole.content, "streamed and whole")
    called = ChatOpenAI(model="standin", base_url=gateway.url, api_key=SECRET).bind_tools([TOOL]).invoke("weather")
    equal(called.tool_calls[0]["args"], {"text": "weather"}, "tool call")
    vectors = OpenAIEmbeddings(model="standin", base_url=gateway.url, api_key=SECRET,
                               check_embedding_ctx_length=False).embed_documents(["a", "b"])
    equal(len(vectors), 2, "embeddings")


@case("the Node SDK: chat, streams, tools, embeddings, models, every error class, retries, timeouts")
def node_sdk(world):
    if not os.path.isdir(os.path.join(HERE, "node", "node_modules", "openai")):
        raise Skip("the Node client is not installed (npm)")
    standin = world.standin()
    gateway = world.gateway(documents(standin.url, [cap("tiny", "ciyuan", 60, per="session", window="session")]))
    ended = subprocess.run(["node", os.path.join(HERE, "node", "client.mjs"), gateway.url, SECRET], capture_output=True,
                           text=True, timeout=120)
    print(ended.stdout, ended.stderr)
    check(ended.returncode == 0, ended.stdout[-500:], ended.stderr[-1500:])


@case("curl: whole, streamed, a body that waits for 100-continue, HEAD")
def curl(world):
    standin = world.standin()
    gateway = world.gateway(documents(standin.url))

    def run(*arguments):
        done = subprocess.run(["curl", "-sS", "--max-time", "20", *arguments], capture_output=True)
        check(done.returncode == 0, done.stderr.decode())
        return done.stdout

    authorization = ["-H", f"Authorization: Bearer {SECRET}"]
    body = json.dumps(chat(max_tokens=3))
    whole = json.loads(run(*authorization, f"{gateway.url}/chat/completions", "-d", body))
    check(whole["choices"][0]["message"]["content"], whole)
    streamed = run(*authorization, "-N", f"{gateway.url}/chat/completions", "-d", json.dumps(chat(max_tokens=3, stream=True)))
    check(b"data: [DONE]" in streamed, streamed[-300:])
    long = world.path("long.json")
    with open(long, "w") as file:
        json.dump(chat("word " * 300_000, max_tokens=3), file)
    waited = run(*authorization, "-H", "Expect: 100-continue", f"{gateway.url}/chat/completions", "--data-binary", f"@{long}")
    check(json.loads(waited)["usage"], waited[:300])
    refused = run("-o", os.devnull, "-w", "%{http_code}", f"{gateway.url}/models")
    equal(refused, b"401", "without a key")
    head = run(*authorization, "-I", f"{gateway.url}/models")
    check(head.startswith(b"HTTP/1.1 200"), head)
