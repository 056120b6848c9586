"""The commands of README.md, run as they stand there."""
import json
import os
import re
import subprocess

from registry import case
from world import ROOT, check, equal


def shown_commands():
    """[command] of README.md: the indented lines after "$ ", each with its continuation lines."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        text = file.read()
    return [found.replace("\\\n", " ") for found in re.findall(r"(?m)^    \$ ((?:.*\\\n)*.*)$", text)], text


def fitted_example(world, url, model):
    """examples/demo.yaml with another address and model behind it: what its first lines tell the reader to change."""
    with open(os.path.join(ROOT, "examples", "demo.yaml"), encoding="utf-8") as file:
        text = file.read()
    text, urls = re.subn(r"(?m)^url: \S+$", "url: " + url, text, count=1)
    text, models = re.subn(r"\{upstream: local, model: [^}]*\}", "{upstream: local, model: " + model + "}", text, count=1)
    equal((urls, models), (1, 1), "lines of examples/demo.yaml that were fitted")
    path = world.path("demo.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


@case("every command of README.md does what is shown")
def readme_commands(world):
    commands, text = shown_commands()
    standin = world.standin("--tokens", "30")
    gateway = world.gateway()
    environment = {**os.environ, "PATH": os.path.join(ROOT, world.options.bin) + ":" + os.environ["PATH"],
                   "CIYUAN_ADMIN": f"http://127.0.0.1:{gateway.admin_port}", "CIYUAN_DATA_FOLDER": gateway.data}

    def shell(command, folder=ROOT):
        done = subprocess.run(["bash", "-ec", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
        check(done.returncode == 0, command, done.stdout[-500:], done.stderr[-500:])
        return done.stdout

    def take(start):
        found = [command for command in commands if command.startswith(start)]
        equal(len(found), 1, f"commands of README.md that start with {start}")
        commands.remove(found[0])
        return found[0]

    shell(take("ciyuan apply").replace("examples/demo.yaml", fitted_example(world, standin.url, "standin")))
    secret = shell(take("ciyuan key create")).strip()
    curl = take("curl").replace("http://127.0.0.1:8080", f"http://127.0.0.1:{gateway.port}")
    check("ck-…" in curl, "the place of the key", curl)
    said = shell("set -o pipefail; " + curl.replace("ck-…", secret).replace("curl", "curl -sS", 1))
    check(said.startswith("data: {") and "data: [DONE]" in said, said[:300], said[-300:])
    closed = json.loads(re.search(r"(?m)^: ciyuan-closed (.*)$", said)[1])
    shown = re.search(r"(?m)^    : ciyuan-closed (.*)$", text)[1].replace("…", "")
    told = json.loads(shown)
    equal((set(closed), set(closed["remaining"][0])), (set(told), set(told["remaining"][0])), "members of the last comment")
    equal(told["remaining"][0]["clause"] in [limit["clause"] for limit in closed["remaining"]], True, "the clause shown")
    counted = shell(take("ciyuan count --tokenizer"))
    check(re.match(r"\s*\d+\b", counted), counted)
    priced = shell(take("ciyuan count --model smollm2 --price"))
    check(re.search(r"\d+\.\d+", priced), priced)
    equal(commands, [], "commands of README.md that nothing runs")

    verify = re.search(r"`(ciyuan verify [^`]*)`", text)[1]
    shell(f"ciyuan record receipt {closed['record']} -o receipt.tlog-proof; ciyuan log key > log.vkey", world.folder)
    check("VERIFIED" in shell(verify, world.folder), "the receipt")
    for script in ("./run", "./test"):
        check(f"    {script} " in text and shell(script + " --help"), script)
