"""Pages of docs/ that show a session with a server: the examples they need, calls under them, and their commands run in order."""
import os
import re
import sys

from settling import moment
from world import ROOT, SECRET, chat, check, equal, key_document

sys.path.insert(0, os.path.join(ROOT, "tests", "docs"))
from console import examples, pattern, run  # noqa: E402


def examples_text(standin, *names):
    """The documents of examples/ by these names, behind this service, and the method that they name."""
    text = []
    for path in [os.path.join(ROOT, "examples", name) for name in names] + [os.path.join(ROOT, "data", "methods", "native-v1.json")]:
        with open(path) as file:
            text.append(file.read())
    return "\n---\n".join(text).replace("http://127.0.0.1:8081", standin.url.removesuffix("/v1"))


def called_under(gateway, text, contract):
    """Applies the documents and makes three calls under the contract; the time that holds them."""
    status, answer = gateway.admin("/v1/apply", text.encode(), "POST")
    equal(status, 200, answer)
    gateway.apply([key_document(contract=contract)])
    begin = moment(-5)
    for i in range(3):
        equal(gateway.call(chat(f"What is a token? {i}", model="smollm2", max_tokens=30), key=SECRET).status, 200, "a call")
    return f"{begin}..{moment()}"


def check_page(world, gateway, page, period, commands_min, after=lambda command, printed, environment: None):
    """Each command of the page prints what is shown; `after` each, the environment of the next ones may change."""
    environment = {**os.environ, "CIYUAN_ADMIN": f"http://127.0.0.1:{gateway.admin_port}", "CIYUAN_DATA_FOLDER": gateway.data,
                   "PERIOD": period, "PATH": os.path.dirname(world.binary("ciyuan")) + os.pathsep + os.environ["PATH"]}
    with open(os.path.join(ROOT, "docs", page)) as file:
        shown = list(examples(file.read()))
    check(len(shown) > commands_min, "the page shows commands", shown)
    for command, lines in shown:
        done = run(command, world.folder, environment)
        check(re.fullmatch(pattern(lines), done.stdout), f"$ {command}\nprints (exit code {done.returncode})\n{done.stdout}")
        after(command, done.stdout, environment)
