"""docs/settlement.md: its commands, in order, print what it shows."""
import re

from pages import called_under, check_page, examples_text
from registry import case
from world import equal


@case("docs/settlement.md: each command prints what the page shows")
def the_page(world):
    standin = world.standin("--tokenizer", "smollm2", models=("smollm2",))
    gateway = world.gateway()
    text = examples_text(standin, "demo.yaml", "settlement.yaml", "tiers.yaml")
    # The example's parties are those of the demo, with more to say of them.
    for party in ("lantern", "harbor"):
        done = world.run("settlement", "keygen", party + ".example", "-o", world.path(party + ".key"))
        equal(done.returncode, 0, done.stderr)
        text = re.sub(rf"kind: Party\nname: {party}\n.*?\n---\n", "", text, count=1, flags=re.S)
        text = text.replace(f"name: {party}\n", f"name: {party}\nsettlement_key: {done.stdout.strip()}\n", 1)
    period = called_under(gateway, text, "deal")

    def note_number(command, printed, environment):
        if "invoice create" in command:
            environment["NUMBER"] = printed.split()[0]
    check_page(world, gateway, "settlement.md", period, 10, note_number)
