"""What ./run shows, with the real model, with a service of one's own, and without a model."""
import os
import re
import subprocess
import sys

from registry import case
from world import ROOT, check, equal


def tour(world, *options, environment=None):
    """What the tour says. It finds its own ports, and ends after three calls and a receipt."""
    done = subprocess.run([sys.executable, os.path.join(ROOT, "tools", "tour.py"), "--once", "--bin", world.options.bin, *options],
                          capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL, cwd=world.folder,
                          env={**os.environ, **(environment or {})})
    check(done.returncode == 0, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


def check_tour(said):
    """Three settled calls, the last cut at its cap; running figures on the way; a receipt that verifies; what to do next."""
    settled = re.findall(r"(?m)^  (\d+) Ciyuan \((.*?)\) · ([\d.+ ]+) CNY · session cap: (\d+) of (\d+) left", said)
    equal(len(settled), 3, "settled calls")
    left = int(settled[0][4])
    for ciyuan, kinds, money, after, limit in settled:
        equal(int(ciyuan), sum(int(count) for count in re.findall(r" (\d+)", " " + kinds)), "the kinds of a call")
        left -= int(ciyuan)
        equal(int(after), left, "what the session cap has left after a call")
        check(sum(float(part) for part in money.split("+")) > 0, money)
    check(said.count("ENDED BY THE CAP") == 1 and left == 0, "the third call ends at the cap", settled)
    check(re.search(r"(?m)^  · .*Ciyuan", said), "no running figures")
    check("c2sp.org/tlog-proof@v1" in said, "the receipt")
    check("VERIFIED" in said and "NOT VERIFIED" not in said, "the verification")
    check(re.search(r"(?m)^ +\d+ +\d+ +\d+ +\d+ +README.md$", said) and "× en" in said, "the meter alone")
    check(re.search(r"(?m)^  lantern-\d+-000001: .* tax = .* CNY, exact sum .*invoice\.pdf$", said), "the invoice")
    check(re.search(r"(?m)^  minimum +minimum +1 +20$", said), "the month's minimum")
    check("refused by who-may/no-profiling" in said and "7 of 7 examples hold" in said, "the contract that acts")
    check("desk: refused by suspension/contract-desk" in said, "a suspended contract")
    check('"left":"458"' in said and '"passed":false' in said and "42 Ciyuan posted" in said, "the device without a connection")
    check("curl -N http://127.0.0.1:" in said, "the command to go on with")


@case("./run with the real model: three metered calls, the last cut at its cap, and a receipt that verifies")
def real_model(world):
    world.model()
    said = tour(world)
    check("SmolLM2-135M on this machine" in said, said[:500])
    check_tour(said)


@case("./run --upstream: the same in front of a service of one's own, with its key")
def own_service(world):
    standin = world.standin("--tokenizer", "smollm2", "--rate", "300", "--api-key", "secret-of-the-service", models=("theirs",))
    said = tour(world, "--upstream", standin.url, "--upstream-key-env", "E2E_SERVICE_KEY",
                environment={"E2E_SERVICE_KEY": "secret-of-the-service"})
    check(f"your service {standin.url}, model theirs" in said, said[:500])
    check("secret-of-the-service" not in said, "the service's key is shown")
    check_tour(said)
    equal(standin.stats()["requests"], 7, "requests that reached the service: its list of models, three calls, and one each for invoice, month and equivalence")


@case("./run where no model can be had says so, and shows the stand-in under its name")
def no_model(world):
    with open(world.path("xllamacpp.py"), "w") as file:
        file.write("raise ImportError('not on this machine')\n")
    said = tour(world, environment={"PYTHONPATH": world.folder})
    check("The model cannot be had here" in said and "STAND-IN" in said, said[:800])
    check_tour(said)
