"""docs/settlement.md: its commands, in order, print what it shows."""
import os
import re
import subprocess
import sys

from registry import case
from settling import moment
from world import ROOT, SECRET, chat, check, equal, key_document

sys.path.insert(0, os.path.join(ROOT, "tests", "docs"))
from console import examples, pattern  # noqa: E402


@case("docs/settlement.md: each command prints what the page shows")
def the_page(world):
    standin = world.standin("--tokenizer", "smollm2", models=("smollm2",))
    gateway = world.gateway()
    for party in ("lantern", "harbor"):
        done = world.run("settlement", "keygen", party + ".example", "-o", world.path(party + ".key"))
        equal(done.returncode, 0, done.stderr)
        with open(world.path(party + ".pub"), "w") as file:
            file.write(done.stdout.strip())
    text = ""
    for path in ("examples/demo.yaml", "examples/settlement.yaml", "examples/tiers.yaml"):
        with open(os.path.join(ROOT, path)) as file:
            text += ("\n---\n" if text else "") + file.read()
    text = text.replace("http://127.0.0.1:8081", standin.url.removesuffix("/v1"))
    # The example's parties are those of the demo, with more to say of them.
    for party in ("lantern", "harbor"):
        text = re.sub(rf"kind: Party\nname: {party}\n.*?\n---\n", "", text, count=1, flags=re.S)
        with open(world.path(party + ".pub")) as file:
            text = text.replace(f"name: {party}\n", f"name: {party}\nsettlement_key: {file.read()}\n", 1)
    status, answer = gateway.admin("/v1/apply", text.encode() + b"\n---\n" +
                                   open(os.path.join(ROOT, "data", "methods", "native-v1.json"), "rb").read(), "POST")
    equal(status, 200, answer)
    gateway.apply([key_document(contract="deal")])
    begin = moment(-5)
    for i in range(3):
        equal(gateway.call(chat(f"What is a token? {i}", model="smollm2", max_tokens=30), key=SECRET).status, 200, "a call")
    environment = {**os.environ, "CIYUAN_ADMIN": f"http://127.0.0.1:{gateway.admin_port}", "CIYUAN_DATA_FOLDER": gateway.data,
                   "PERIOD": f"{begin}..{moment()}", "PATH": os.path.dirname(world.binary("ciyuan")) + os.pathsep + os.environ["PATH"]}
    with open(os.path.join(ROOT, "docs", "settlement.md")) as file:
        shown = list(examples(file.read()))
    check(len(shown) > 10, "the page shows commands", shown)
    for command, lines in shown:
        done = subprocess.run(["bash", "-c", command], cwd=world.folder, env=environment, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        check(re.fullmatch(pattern(lines), done.stdout), f"$ {command}\nprints (exit code {done.returncode})\n{done.stdout}")
        if "invoice create" in command:
            environment["NUMBER"] = done.stdout.split()[0]
