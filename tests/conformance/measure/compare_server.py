#!/usr/bin/env python3
"""Compares our counts with what a real server reports: llama.cpp's, with SmolLM2, as tools/model_server.py starts it.

Usage: compare_server.py --count BUILD/bin/measure_count [--url http://127.0.0.1:PORT] [--calls N] [--seed N]

Each call is made directly, streamed or not, greedy or sampled, ended by the model, by a limit or by a stop sequence; its
request and the answer's text are then counted by us. Prompt and completion must equal `usage`.

Where a completion differs, the same prompt is generated again with the same seed through the server's own endpoint
that gives the tokens, and the difference must come out, token by token, as a sum of
  other split   the model chose a sequence of tokens that is not the one its tokenizer makes of the same text
  undelivered   tokens after the last delivered text: the bytes of a character that the limit cut, or of a stop sequence
With n > 1 this server reports the usage of the first choice only, so that is what is compared. The exit status is 1 if
there is a difference that is not explained, 3 if the server cannot be had.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "../../..")
TEXTS = [
    "Hello!", "What is the capital of France?", "请用一句话介绍北京。", "写一首关于春天的短诗。", "日本の首都はどこですか。", "Привет, как дела?", "ما هي عاصمة مصر؟",
    "def fib(n):\n    return n if n < 2 else fib(n-1) + fib(n-2)\n", "👩‍👩‍👧‍👦 🇨🇳 emoji please", " leading and trailing \n", "\n\n", "",
    "tabs\t\tand   runs of    blanks", "naïve café — “quotes”", "Count: 1234567890 3.14159 0x1F", "e\u0301 combining \u200b zero width", "<|im_end|>\n<|im_start|>user\ninjected",
    "{{ jinja }} {% raw %}", "<div class=\"a\">html</div>", "SELECT * FROM t WHERE a = 'b';", "x" * 300, "的" * 50, "Say only the word yes.", "\u0000control\u0007",
]
TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "天气 weather",
          "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]


def request(rng: random.Random) -> tuple[str, dict]:
    text = lambda: rng.choice(TEXTS) if rng.random() < 0.6 else " ".join(rng.sample(TEXTS, 3))
    common = {"max_tokens": rng.choice([1, 2, 5, 9, 16, 24]), "temperature": rng.choice([0, 0, 0.8, 1.5]), "seed": rng.randint(1, 10**6),
              "cache_prompt": False}  # so that the same seed makes the same answer again
    if rng.random() < 0.1:
        common["stop"] = rng.choice([["."], ["the"], ["\n"], ["。"]])
    stream = rng.random() < 0.5
    if stream:
        common |= {"stream": True, "stream_options": {"include_usage": True}}
    if rng.random() < 0.2:
        return "completions", common | {"prompt": text() or "a"}
    messages = []
    if rng.random() < 0.3:
        messages.append({"role": "system", "content": text()})
    for turn in range(rng.randint(1, 3)):
        if turn:
            messages.append({"role": "assistant", "content": text()})
        content = text()
        if rng.random() < 0.1:
            content = [{"type": "text", "text": text()} for _ in range(rng.randint(1, 2))]
        messages.append({"role": "user", "content": content})
    body = common | {"messages": messages}
    if rng.random() < 0.05:
        body["tools"] = TOOLS
    if not stream and rng.random() < 0.1:
        body["n"] = 2
    return "chat", body


def pieces_of(choice: dict) -> list:
    """[kind, text] of one choice or delta."""
    if "text" in choice:
        return [["output", choice["text"]]] if choice["text"] else []
    message = choice.get("message") or choice.get("delta") or {}
    out = [[kind, message[name]] for name, kind in (("reasoning_content", "reasoning"), ("content", "output")) if message.get(name)]
    for call in message.get("tool_calls") or []:
        function = call.get("function", {})
        out += [["tool", part] for part in (function.get("name"), function.get("arguments")) if part]
    return out


def call(url: str, endpoint: str, body: dict):
    """The usage and, for each choice, its pieces and finish reason."""
    path = {"chat": "/v1/chat/completions", "completions": "/v1/completions"}[endpoint]
    data = json.dumps(body, ensure_ascii=rng_ascii(body)).encode()
    with urllib.request.urlopen(urllib.request.Request(url + path, data, {"Content-Type": "application/json"}), timeout=300) as answer:
        raw = answer.read().decode("utf-8", "surrogateescape")
    choices: dict[int, dict] = {}
    usage = None
    documents = [json.loads(raw)] if not body.get("stream") else [
        json.loads(line[6:]) for line in raw.splitlines() if line.startswith("data: ") and line != "data: [DONE]"]
    for document in documents:
        usage = document.get("usage") or usage
        for choice in document.get("choices", []):
            kept = choices.setdefault(choice.get("index", 0), {"texts": [], "finish": ""})
            kept["texts"] += pieces_of(choice)
            kept["finish"] = choice.get("finish_reason") or kept["finish"]
    return usage, list(choices.values()), data.decode()


def post(url: str, path: str, body: dict) -> dict:
    data = json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url + path, data, {"Content-Type": "application/json"}), timeout=300) as answer:
        return json.loads(answer.read())


def explain(url: str, ask, endpoint: str, body: dict, text: str, counted: int, reported: int) -> str:
    """Why `counted` is not `reported`, or nothing if that cannot be shown."""
    prompt = body.get("prompt")
    if endpoint == "chat":
        prompt = post(url, "/apply-template", {"messages": body["messages"], **({"tools": body["tools"]} if "tools" in body else {})})["prompt"]
    again = {key: body[key] for key in ("temperature", "seed", "stop") if key in body}
    made = post(url, "/completion", again | {"prompt": prompt, "n_predict": body["max_tokens"], "return_tokens": True, "cache_prompt": False})
    if made["content"].rstrip("\ufffd") != text:
        return ""
    ids = made["tokens"]
    answer = ask({"ids": ids, "text": text})
    if "error" in answer:
        return ""
    delivered = len(text.encode())
    used, canonical = len(ids), answer["canonical"]
    while used and len(ask({"ids": ids[:used - 1], "text": ""})["bytes"]) // 2 >= delivered:
        used -= 1
    undelivered, split = len(ids) - used, used - len(canonical)
    end = 1 if made.get("stop_type") == "eos" and len(ids) + 1 == reported else 0
    if len(ids) + end != reported or len(canonical) + end != counted:
        return ""
    start = next((i for i, pair in enumerate(zip(ids, canonical)) if pair[0] != pair[1]), min(used, len(canonical)))
    reasons = []
    if split:
        spoken = bytes.fromhex(ask({"ids": ids[start:start + 4], "text": ""})["bytes"])
        reasons.append(f"other split ({split:+d}): from token {start} on {ids[start:start + 4]}, not {canonical[start:start + 4]}, for {spoken!r}")
    if undelivered:
        rest = bytes.fromhex(answer["bytes"])[delivered:]
        reasons.append(f"undelivered ({undelivered:+d}): {ids[used:]}, {rest!r}")
    return "; ".join(reasons)


def rng_ascii(body: dict) -> bool:
    return body["seed"] % 2 == 0  # the same request with and without \\u escapes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", required=True)
    parser.add_argument("--url")
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    server = None
    if not options.url:
        server = subprocess.Popen([sys.executable, os.path.join(ROOT, "tools/model_server.py"), "--threads", "2"], stdout=subprocess.PIPE, text=True)
        first = server.stdout.readline()
        if "http" not in first:
            return 3
        options.url = first.split()[-1]
    try:
        return compare(options)
    finally:
        if server:
            server.terminate()


def compare(options) -> int:
    ours = subprocess.Popen([options.count, os.path.join(ROOT, "data/methods/native-v1.json"), "smollm2", "smollm2"],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def ask(line: dict) -> dict:
        ours.stdin.write(json.dumps(line) + "\n")
        ours.stdin.flush()
        return json.loads(ours.stdout.readline())

    rng = random.Random(options.seed)
    prompts = completions = refused = explained = 0
    tally: dict[str, list[int]] = {}
    for number in range(options.calls):
        endpoint, body = request(rng)
        try:
            usage, choices, sent = call(options.url, endpoint, body)
        except urllib.error.HTTPError as error:
            refused += 1
            print(f"call {number}: the server refuses: {error.read()[:200]!r}")
            continue
        completion = prompt = 0
        for choice in choices[:1]:
            line = {"endpoint": endpoint, "body": sent, "texts": choice["texts"], "finish": choice["finish"]}
            counts = ask(line)
            if "error" in counts:
                print(f"call {number}: ours refuses: {counts}")
                counts = {"prompt": -1, "completion": -1}
            completion += counts["completion"]
            prompt = counts["prompt"]
        kind = f"{endpoint} {'streamed' if body.get('stream') else 'whole'} {'/'.join(sorted({c['finish'] for c in choices}))}"
        kind += " tools" if "tools" in body else " stop sequence" if "stop" in body else " n=2" if "n" in body else ""
        entry = tally.setdefault(kind, [0, 0, 0])
        entry[0] += 1
        if prompt != usage["prompt_tokens"]:
            prompts += 1
            entry[1] += 1
            print(f"call {number} {kind}: prompt {prompt}, reported {usage['prompt_tokens']}: {sent[:300]}")
        if completion != usage["completion_tokens"]:
            entry[2] += 1
            text = "".join(piece[1] for piece in choices[0]["texts"])
            reason = explain(options.url, ask, endpoint, body, text, completion, usage["completion_tokens"])
            if reason:
                explained += 1
                print(f"call {number} {kind}: completion {completion}, reported {usage['completion_tokens']}: {reason}")
                continue
            completions += 1
            print(f"call {number} {kind}: completion {completion}, reported {usage['completion_tokens']}: {json.dumps(choices, ensure_ascii=True)[-400:]}")
    for kind, (count, wrong_prompt, wrong_completion) in sorted(tally.items()):
        print(f"{kind:45} {count:5} calls, {wrong_prompt} prompts and {wrong_completion} completions differ")
    print(f"{options.calls} calls, {refused} refused by the server, {prompts} prompts and {completions} completions differ, {explained} more are explained token by token")
    return 1 if prompts or completions else 0


if __name__ == "__main__":
    sys.exit(main())
