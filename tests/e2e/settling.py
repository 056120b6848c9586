"""Books for the cases of settlement: two keys and two models with real calls, a settlement clause, parties with keys."""
import datetime
import json
import time

from world import SECRET, chat, documents, equal, key_document

OTHER = "ck-e2e-other-0123456789abcdef0123456789abcdef"
CLAUSE = {"kind": "settlement", "utc_offset_minutes": 480, "due_days": 30, "dispute_days": 10,
          "tax": [{"name": {"en": "VAT", "zh": "增值税"}, "percent": "6.00"}],
          "text": {"en": "Paid by bank transfer.", "zh": "以银行转账方式支付。"}}


def moment(seconds=0):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def closed_period():
    """From an hour ago to this moment: over, whatever the day."""
    return f"{moment(-3600)}..{moment()}"


def with_settlement(found, clause=None, keys=()):
    """The documents with a settlement clause, and parties that can sign and be written to."""
    for one in found:
        if one["kind"] == "Contract":
            one["clauses"].append({**CLAUSE, **(clause or {})})
        if one["kind"] == "Party":
            one["address"] = {"en": f"1 {one['name']} Road\nShanghai 200000", "zh": f"上海市{one['name']}路1号"}
            one["tax_id"] = "91310000MA1FL0XX0X"
            if one["name"] in dict(keys):
                one["settlement_key"] = dict(keys)[one["name"]]
    return found


def calls(gateway, number=3):
    """Real calls by both keys for both models; their records."""
    records = []
    for i in range(number):
        for model in ("standin", "other/model"):
            for key in (SECRET, OTHER):
                answer = gateway.call(chat(f"Say {i}.", model=model, max_tokens=20 + i), key=key, headers={"Ciyuan-Session": f"s{i}"})
                equal(answer.status, 200, "the call")
                records.append(gateway.record(answer.record))
    return records


def books(world, clause=None, keys=(), extra=(), price=("2000.35", "8000.77")):
    """A gateway with usage, and the period that holds it."""
    standin = world.standin(models=("standin", "other/model"))
    found = documents(standin.url, price=price, models=("standin", "other/model"),
                      keys=[key_document(), key_document("other", secret=OTHER)], extra=extra)
    begin = moment(-60)
    gateway = world.gateway(with_settlement(found, clause, keys))
    gateway.made = calls(gateway)
    return gateway, f"{begin}..{moment()}"


def end_of_term(gateway, **rules):
    """Lets the contract end in a moment, with these rules in its price book; the closing of its last period."""
    book = gateway.ask("/v1/documents/PriceBook/prices")
    contract = gateway.ask("/v1/documents/Contract/e2e")
    contract["effective"]["until"] = moment(1.5)
    gateway.apply([{**book, **rules}, contract])
    until = time.monotonic() + 60
    while time.monotonic() < until:
        found = gateway.ask("/v1/contracts/e2e/closings")["closings"]
        if found:
            return found[-1]
        time.sleep(0.1)
    raise AssertionError("the period was not closed")


def admin_run(world, gateway, *command):
    """The program's own commands against this gateway."""
    return world.run("--admin", f"http://127.0.0.1:{gateway.admin_port}", "--data", gateway.data, *command)


def parsed(done):
    equal(done.returncode, 0, done.stderr)
    return json.loads(done.stdout)
