"""docs/governance.md: its commands, in order, print what it shows."""
import os

from pages import check_page, examples_text
from registry import case
from world import ROOT, equal


@case("docs/governance.md: each command prints what the page shows")
def the_page(world):
    standin = world.standin("--tokenizer", "smollm2", models=("smollm2",))
    gateway = world.gateway(data="store")
    status, answer = gateway.admin("/v1/apply", examples_text(standin, "demo.yaml").encode(), "POST")
    equal(status, 200, answer)
    for folder in ("data", "examples"):
        os.symlink(os.path.join(ROOT, folder), world.path(folder))
    check_page(world, gateway, "governance.md", "", 12)
