"""Tables of equivalence with the real server: made, signed, applied, billed by, run side by side, compared."""
import decimal
import json
import os

from pages import called_under, check_page, examples_text
from registry import case
from settling import admin_run, moment, parsed
from world import ROOT, chat, check, documents, equal

D = decimal.Decimal


def burndown(name, **models):
    """A table of declared figures: model=(low, middle, high)."""
    return {"kind": "Equivalence", "name": name, "version": "1", "date": "2026-11-01", "source": "the test", "basis": "burndown",
            "models": [{"model": model, "low": low, "middle": middle, "high": high} for model, (low, middle, high) in models.items()]}


def with_clause(found, clause, keys=()):
    for one in found:
        if one["kind"] == "Contract":
            one["clauses"].append({"kind": "equivalence", "id": "worth", **clause})
        if one["kind"] == "Party" and one["name"] in dict(keys):
            one["settlement_key"] = dict(keys)[one["name"]]
    return found


def tokens_of(record):
    return sum(figure["billed"] for figure in record["usage"].values())


@case("each record carries what the other table alone would have billed, and a cap counts what bills")
def side_by_side(world):
    standin = world.standin()
    tables = [burndown("old", standin=("1", "1.5", "2")), burndown("new", standin=("0.2", "0.25", "0.5"))]
    cap = {"kind": "cap", "id": "term", "unit": "ciyuan", "limit": "1000", "per": "contract", "window": "term"}
    begin = moment(-5)

    def recorded(data, clause):
        gateway = world.gateway(with_clause(documents(standin.url, [cap], extra=tables), clause), data=data)
        answer = gateway.call(chat("Say it.", max_tokens=20))
        equal(answer.status, 200, "the call")
        return gateway, gateway.record(answer.record)

    gateway, both = recorded("both", {"table": "old", "parallel": {"table": "new", "bills": "high"}})
    _, alone = recorded("alone", {"table": "new", "bills": "high"})
    _, plain = recorded("plain", {"parallel": {"table": "old"}})
    used = tokens_of(both)
    check(used > 5, "tokens", both)
    equal((tokens_of(alone), tokens_of(plain)), (used, used), "the same call thrice")
    equal(D(both["ciyuan"]), D("1.5") * used, "Ciyuan billed")
    billed, parallel = both["equivalence"]["billed"], both["equivalence"]["parallel"]
    equal((billed["name"], billed["value"], billed["middle"]), ("old", "middle", both["ciyuan"]), "what bills")
    equal((D(billed["low"]), D(billed["high"])), (D(used), D(2 * used)), "low and high")
    equal(parallel, alone["equivalence"]["billed"], "the parallel figures")
    equal(parallel["high"], alone["ciyuan"], "what the other table alone billed")
    equal(D(plain["ciyuan"]), D(used), "the method's own weights")
    equal(plain["equivalence"]["billed"]["kind"], "Method", "what bills without a table")
    equal(D(gateway.account("term")["balance"]), 1000 - D(both["ciyuan"]), "what the cap has left")

    # The receipt opens the group, or withholds it, like any other.
    receipt = gateway.receipt(both["id"])
    with open(world.path("receipt"), "wb") as file:
        file.write(receipt if isinstance(receipt, bytes) else receipt.encode())
    key = admin_run(world, gateway, "log", "key").stdout.strip()
    said = world.run("verify", world.path("receipt"), "--key", key)
    equal(said.returncode, 0, said.stderr)
    check("15 fields match" in said.stdout and "equivalence" in said.stdout, said.stdout)

    # After kill -9 the comparison says the same, and has posted nothing.
    accounts = gateway.accounts()
    gateway.kill()
    gateway = world.gateway(data="both")
    period = f"{begin}..{moment()}"
    seen = parsed(admin_run(world, gateway, "equivalence", "compare", "e2e", "--period", period, "--with", "new", "--json"))
    equal(D(seen["totals"]["billed"]), D(both["ciyuan"]), "billed")
    equal([D(seen["totals"][value]) for value in ("low", "middle", "high")], [D(parallel[value]) for value in ("low", "middle", "high")],
          "under the other table")
    equal(seen["totals"]["difference_percent"], "-83.33", "difference")
    equal((seen["unexplained"]["calls"], seen["uncovered"]), (0, {}), "nothing is left over")
    equal(sorted(row["kind"] for row in seen["rows"]), ["input", "output"], "rows")
    equal(gateway.accounts(), accounts, "the accounts")
    with open(os.path.join(ROOT, "schema", "openapi-admin.json")) as file:
        schema = json.load(file)["components"]["schemas"]["EquivalenceComparison"]
    for told, said in ((seen, schema), (seen["totals"], schema["properties"]["totals"]), (seen["rows"][0], schema["properties"]["rows"]["items"])):
        check(set(said["required"]) <= set(told) <= set(said["properties"]), "members", sorted(told), sorted(said["properties"]))
    status, body = gateway.admin(f"/v1/contracts/e2e/equivalence?period={period}&with=nowhere")
    equal(status, 404, body)
    status, body = gateway.admin(f"/v1/contracts/e2e/equivalence?period={period}")
    equal(status, 400, body)


@case("a contract that asks for signatures is refused until both parties have signed every table")
def signed(world):
    keys = {}
    for party in ("provider", "consumer"):
        done = world.run("settlement", "keygen", party + ".example", "-o", world.path(party + ".key"))
        keys[party] = done.stdout.strip()
    path = world.path("table.json")
    done = world.run("equivalence", "make", "--basis", "reference_tokenizer", "-t", "qwen3", "--language", "zh-Hans,en", "--name", "t",
                     "-m", "standin=smollm2", "--provider", "provider", "--consumer", "consumer", "--from", "2026-01-01", "-o", path)
    equal(done.returncode, 0, done.stderr)
    clause = {"table": "t", "signed_by": ["provider", "consumer"]}
    gateway = world.gateway()

    def applied():
        with open(path) as file:
            table = json.load(file)
        found = with_clause(documents(world.standin().url, extra=[table]), clause, keys)
        text = "\n---\n".join(json.dumps(one, ensure_ascii=False) for one in found)
        status, body = gateway.admin("/v1/apply", text.encode(), "POST")
        return status, body.decode()

    status, body = applied()
    check(status == 400 and "has no signature by the key provider.example" in body, status, body)
    for party in ("provider", "consumer"):
        done = world.run("equivalence", "sign", path, "--key", world.path(party + ".key"), "-o", path)
        equal(done.returncode, 0, done.stderr)
        if party == "provider":
            status, body = applied()
            check(status == 400 and "has no signature by the key consumer.example" in body, status, body)
    done = world.run("equivalence", "check", path, "--signed-by", keys["provider"], "--signed-by", keys["consumer"])
    equal(done.returncode, 0, done.stdout + done.stderr)
    status, body = applied()
    equal(status, 200, body)
    with open(path) as file:
        table = json.load(file)
    table["source"] += "."
    with open(path, "w") as file:
        json.dump(table, file)
    status, body = applied()
    check(status == 400 and "is not of this table as it stands" in body, status, body)


@case("docs/equivalence.md: each command prints what the page shows")
def the_page(world):
    standin = world.standin("--tokenizer", "smollm2", models=("smollm2",))
    gateway = world.gateway()
    for party in ("lantern", "harbor"):
        done = world.run("settlement", "keygen", party + ".example", "-o", world.path(party + ".key"))
        equal(done.returncode, 0, done.stderr)
    period = called_under(gateway, examples_text(standin, "demo.yaml", "equivalence.yaml"), "equivalent")
    os.symlink(os.path.join(ROOT, "examples"), world.path("examples"))
    check_page(world, gateway, "equivalence.md", period, 6)
