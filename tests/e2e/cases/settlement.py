"""Invoices, credit notes, settlements and exports with the real server, its command line, files and restarts."""
import csv
import decimal
import io
import json
import os
import shutil
import subprocess

from registry import case
from settling import admin_run, books, calls, closed_period, end_of_term, moment, parsed, with_settlement
from world import chat, check, documents, equal

D = decimal.Decimal


def made_keys(world):
    """A key file for each party, and the public halves."""
    keys = {}
    for party in ("provider", "consumer", "stranger"):
        done = world.run("settlement", "keygen", party + ".example", "-o", world.path(party + ".key"))
        equal(done.returncode, 0, done.stderr)
        keys[party] = done.stdout.strip()
    equal(os.stat(world.path("provider.key")).st_mode & 0o777, 0o600, "the key file's mode")
    again = world.run("settlement", "keygen", "provider.example", "-o", world.path("provider.key"))
    equal(again.returncode, 1, "a key is written over")
    return keys


def invoiced(world, gateway, period):
    return parsed(admin_run(world, gateway, "invoice", "create", "e2e", "--period", period, "--json"))


@case("an invoice is the sum of its records, rounded once, taxed, posted, and the same after a restart")
def an_invoice(world):
    gateway, period = books(world)
    invoice = invoiced(world, gateway, period)
    charged = sum(D(one["amount"]) for record in gateway.made for one in record["charges"])
    equal(D(invoice["sum"]), charged, "the sum of the records")
    equal(D(invoice["sum"]), sum(D(line["amount"]) for line in invoice["lines"]), "the sum of the lines")
    net = charged.quantize(D("0.01"), decimal.ROUND_HALF_EVEN)
    tax = (net * 6 / 100).quantize(D("0.01"), decimal.ROUND_HALF_EVEN)
    equal((D(invoice["net"]), D(invoice["tax"]), D(invoice["gross"])), (net, tax, net + tax), "net, tax, gross")
    equal(D(invoice["rounding"]["difference"]), net - charged, "the rounding line")
    owed = {one["name"]: D(one["balance"]) for one in gateway.accounts("")}
    equal(owed["receivable/consumer/CNY"], -(net + tax), "what the consumer owes")
    equal(owed["tax/provider/CNY"], tax, "the tax account")
    equal(sum(balance for name, balance in owed.items() if name.endswith("/CNY")), 0, "the ledger")
    equal(invoice["proof"]["records"], str(len(gateway.made)), "records")
    gateway.kill()
    gateway = world.gateway()
    equal(invoiced(world, gateway, period), invoice, "the same invoice, after kill -9")
    statement = gateway.ask("/v1/contracts/e2e/statement")
    check(statement["agrees"], statement)
    said = admin_run(world, gateway, "statement", "e2e", "--split", "key")
    check("records and ledger agree" in said.stdout and "other" in said.stdout, said)


@case("a billing period closes by itself: steps, a discount and a minimum, posted once, invoiced and exported")
def a_close(world):
    gateway, period = books(world)
    charged = sum(D(one["amount"]) for record in gateway.made for one in record["charges"])
    begin = period.split("..")[0]
    shown = end_of_term(gateway, percentages=[{"type": "discount", "percent": "12.5", "id": "partner"}], minimum={"amount": "12345.67"})
    equal([line["rule"] for line in shown["lines"]], ["discount", "minimum"], "the rules")
    equal(D(shown["captured"]), charged, "captured")
    equal(D(shown["lines"][0]["amount"]), -charged * 125 / 1000, "the discount")
    equal(D(shown["charged"]), max(D("12345.67"), charged * 875 / 1000), "charged")
    check(shown["ends_term"], shown)
    gateway.kill()
    gateway = world.gateway()
    listed = admin_run(world, gateway, "closing", "list", "e2e", "--json").stdout.splitlines()
    equal([json.loads(line) for line in listed], [shown], "the closings after kill -9")
    period = f"{begin}..{moment()}"
    invoice = invoiced(world, gateway, period)
    equal(D(invoice["sum"]), D(shown["charged"]), "the sum of the invoice")
    owed = {one["name"]: D(one["balance"]) for one in gateway.accounts("")}
    equal(owed["receivable/consumer/CNY"], -D(invoice["gross"]), "what the consumer owes")
    equal(sum(balance for name, balance in owed.items() if name.endswith("/CNY")), 0, "the ledger")
    check(gateway.ask("/v1/contracts/e2e/statement")["agrees"], "records and ledger agree")
    exported = csv.DictReader(io.StringIO(admin_run(world, gateway, "usage", "export", "e2e", "--period", period,
                                                    "--format", "focus").stdout))
    equal(sum(D(line["BilledCost"]) for line in exported), D(invoice["gross"]), "FOCUS's billed cost")
    page = admin_run(world, gateway, "invoice", "show", invoice["name"], "--format", "html").stdout
    for wanted in ("最低消费补足", "Discount: partner"):
        check(wanted in page, wanted, page[:2000])


@case("of a call that a package, a balance and credit paid together an invoice asks for the credit's part alone")
def an_invoice_of_several_sources(world):
    clause = {"kind": "payment", "id": "pay", "sources": [{"source": one} for one in ("packages", "prepaid", "postpaid")],
              "text": {"en": "In this order.", "zh": "依此顺序。"}}
    package = {"kind": "Package", "name": "p1", "contracts": ["e2e"], "ciyuan": "60", "from": "2026-01-01", "until": "2036-01-01"}
    gateway = world.gateway(with_settlement(documents(world.standin().url, [clause], price=("1.00", "1.00"), per_tokens=1,
                                                      extra=[package])))
    status, body = gateway.admin("/v1/accounts/post", {"debit": "bank/CNY", "credit": "prepaid/e2e/pay/CNY", "unit": "CNY",
                                                       "amount": "25"})
    equal(status, 200, body[:300])
    begin = moment(-60)
    record = gateway.record(gateway.call(chat(max_tokens=90, standin="tokens=1000")).record)
    used = sum(figure["billed"] for figure in record["usage"].values())
    period = f"{begin}..{moment()}"
    invoice = invoiced(world, gateway, period)
    equal(D(invoice["sum"]), used - 60 - 25, "the sum of the invoice")
    statement = gateway.ask("/v1/contracts/e2e/statement")
    check(statement["agrees"], statement)
    equal(D(statement["ciyuan"]), used, "Ciyuan used")
    exported = list(csv.DictReader(io.StringIO(admin_run(world, gateway, "usage", "export", "e2e", "--period", period,
                                                         "--format", "csv").stdout)))
    equal({line["paid_from"] for line in exported}, {"package/p1/CIYUAN", "prepaid/e2e/pay/CNY", "receivable/consumer/CNY"},
          "who paid, by the export")


@case("an invoice is a page in two languages and a PDF with its fonts, the same bytes each time")
def pages(world):
    gateway, period = books(world)
    number = invoiced(world, gateway, period)["name"]
    for form in ("html", "pdf"):
        files = []
        for copy in ("a", "b"):
            path = world.path(f"{copy}.{form}")
            done = admin_run(world, gateway, "invoice", "show", number, "--format", form, "-o", path)
            equal(done.returncode, 0, done.stderr)
            with open(path, "rb") as file:
                files.append(file.read())
        equal(files[0], files[1], form)
    check(b"\xe5\xba\x94\xe4\xbb\x98\xe6\x80\xbb\xe9\xa2\x9d" in open(world.path("a.html"), "rb").read(), "Chinese in the page")
    if shutil.which("pdftotext"):
        text = subprocess.run(["pdftotext", "-layout", world.path("a.pdf"), "-"], capture_output=True, text=True, check=True).stdout
        for wanted in (number, "应付总额", "Total due", "1 provider Road", "91310000MA1FL0XX0X", "Page 1 of"):
            check(wanted in text, wanted, text)
        fonts = subprocess.run(["pdffonts", world.path("a.pdf")], capture_output=True, text=True, check=True).stdout.splitlines()[2:]
        check(fonts and all(line.split()[-5] == "yes" for line in fonts), "fonts are embedded", fonts)
    equal(gateway.admin(f"/v1/invoices/{number}?format=doc")[0], 400, "another format")


@case("two parties sign off an invoice by their own keys: proposed, disputed, resolved, settled, each step once")
def sign_off(world):
    keys = made_keys(world)
    gateway, period = books(world, keys=[("provider", keys["provider"]), ("consumer", keys["consumer"])])
    invoice = invoiced(world, gateway, period)
    number = invoice["name"]

    def step(name, *more, by, code=0, word=None):
        keyed = [part for one in by for part in ("--key", world.path(one + ".key"))]
        done = admin_run(world, gateway, "settlement", name, number, *more, *keyed)
        equal(done.returncode, code, (name, done.stdout, done.stderr))
        check(word is None or word in done.stdout + done.stderr, word, done.stdout, done.stderr)
        return done

    step("accept", by=["consumer"], code=1, word="nothing was proposed")
    step("propose", by=["stranger"], code=1, word="provider")
    step("propose", by=["provider"], word="is proposed")
    step("propose", by=["provider"], word="is proposed")
    record = gateway.made[0]
    cost = sum(D(one["amount"]) for one in record["charges"])
    part = (cost / 2).quantize(D("0.01"), decimal.ROUND_DOWN)
    check(part > 0, "a call costs something", cost)
    much = f"wrong_count:{(cost * 2).quantize(D('0.01'))}:{record['id']}"
    step("dispute", "--dispute", much, by=["consumer"], code=1, word="more than its records cost")
    step("dispute", "--dispute", f"wrong_count:{part}:0198a000-0000-7000-8000-000000000001", by=["consumer"], code=1, word="no record")
    step("dispute", "--dispute", f"mood:{part}", by=["consumer"], code=2, word="is no reason")
    step("dispute", "--dispute", f"not_ours:{D(invoice['gross']) + 1}", by=["consumer"], code=1, word="more than what is owed")
    equal([one for one in gateway.accounts("disputed/")], [], "nothing was posted by what was refused")
    for _ in range(2):
        step("dispute", "--dispute", f"wrong_count:{part}:{record['id']}", by=["consumer"], word="disputed")
    (waiting,) = gateway.accounts("disputed/e2e/CNY")
    equal(D(waiting["balance"]), -part, "what waits")
    gateway.kill()
    gateway = world.gateway()
    # The consumer signs first and sends the note; the provider adds its own.
    note = step("resolve", "--upheld", str(part), "--only-sign", by=["consumer"]).stdout
    with open(world.path("note"), "w") as file:
        file.write(note)
    step("resolve", "--upheld", str(part), "--note", world.path("note"), by=["stranger"], code=1)
    step("resolve", "--upheld", str(part), "--note", world.path("note"), by=["provider"], word="upheld")
    step("settle", by=["provider"], word=f"payable {D(invoice['gross']) - part}")
    (waiting,) = gateway.accounts("disputed/e2e/CNY")
    equal(D(waiting["balance"]), 0, "nothing waits any more")
    settlement = parsed(admin_run(world, gateway, "settlement", "show", number, "--json"))
    equal([one["step"] for one in settlement["steps"]], ["propose", "dispute", "resolve", "settle"], "steps")
    note = parsed(admin_run(world, gateway, "invoice", "show", settlement["credit_note"]))
    equal(D(note["gross"]), part, "the credit note")
    check(gateway.ask("/v1/contracts/e2e/statement")["agrees"], "records and ledger")
    equal(sum(D(one["balance"]) for one in gateway.accounts("") if one["unit"] == "CNY"), 0, "the ledger")


@case("a corrected price is an adjustment of the next invoice, by the difference alone")
def adjusted(world):
    cheaper = {"kind": "PriceBook", "name": "cheaper", "version": "1", "date": "2026-11-01", "source": "the tests", "currency": "CNY",
               "per_tokens": 1000000, "prices": [{"model": "*", "kind": "input", "price": "1000.00"},
                                                 {"model": "*", "kind": "output", "price": "4000.00"}]}
    gateway, period = books(world, extra=[cheaper])
    first = invoiced(world, gateway, period)
    done = admin_run(world, gateway, "record", "correct", gateway.made[0]["id"], "--price-book", "cheaper")
    equal(done.returncode, 0, done.stderr)
    begin = period.split("..")[1]
    more = calls(gateway, 1)
    second = invoiced(world, gateway, f"{begin}..{moment()}")
    equal(second["previous"], first["name"], "the chain")
    check(any(line.get("adjustment") for line in second["lines"]), second["lines"])
    new = gateway.ask("/v1/records?limit=1000")["records"]
    corrected = next(one["record"] for one in new if one["record"]["outcome"].get("corrects") == gateway.made[0]["id"])

    def cost(record):
        return sum(D(one["amount"]) for one in record["charges"])
    equal(D(second["sum"]), sum(map(cost, more)) + cost(corrected) - cost(gateway.made[0]), "the second sum")
    refused = admin_run(world, gateway, "invoice", "create", "e2e", "--period", f"{moment(-30)}..{moment()}")
    equal(refused.returncode, 1, refused.stderr)
    check("before the end of what was invoiced" in refused.stderr, refused.stderr)


@case("all calls of a contract's time are re-rated by one command, and again it changes nothing")
def rerated(world):
    cheaper = {"kind": "PriceBook", "name": "cheaper", "version": "1", "date": "2026-11-01", "source": "the tests", "currency": "CNY",
               "per_tokens": 1, "prices": [{"model": "*", "kind": "input", "price": "0.001"}, {"model": "*", "kind": "output", "price": "0.002"}]}
    gateway, period = books(world, extra=[cheaper])
    begin, end = period.split("..")
    for _ in range(2):
        done = admin_run(world, gateway, "record", "correct", "--contract", "e2e", "--from", begin, "--to", end, "--price-book", "cheaper")
        equal((done.returncode, done.stdout), (0, f"{len(gateway.made)} records of e2e are corrected, 0 left as they were\n"), done.stderr)
        owed = {one["name"]: D(one["balance"]) for one in gateway.accounts("")}
        tokens = [(record["usage"]["input"]["billed"], record["usage"]["output"]["billed"]) for record in gateway.made]
        equal(owed["receivable/consumer/CNY"], -sum(D(i) / 1000 + D(o) / 500 for i, o in tokens), "what the consumer owes")
        check(gateway.ask("/v1/contracts/e2e/statement")["agrees"], "records and ledger")


@case("usage is exported as CSV, FOCUS and TMF635, and each adds up to the invoice")
def exported(world):
    gateway, period = books(world)
    invoice = invoiced(world, gateway, period)

    def export(form):
        path = world.path("usage." + form)
        done = admin_run(world, gateway, "usage", "export", "e2e", "--period", period, "--format", form, "-o", path)
        equal(done.returncode, 0, done.stderr)
        with open(path, newline="") as file:
            return file.read()

    rows = list(csv.DictReader(io.StringIO(export("csv"))))
    equal(sum(D(row["amount"]) for row in rows), D(invoice["sum"]), "CSV")
    equal({row["key"] for row in rows}, {"e2e", "other"}, "keys")
    rows = list(csv.DictReader(io.StringIO(export("focus"))))
    equal(sum(D(row["BilledCost"]) for row in rows), D(invoice["gross"]), "FOCUS, with tax and rounding")
    equal({row["InvoiceId"] for row in rows}, {invoice["name"]}, "the invoice's number")
    usage = json.loads(export("tmf635"))
    equal(len(usage), len(gateway.made), "TMF635")
    equal(sum(D(one["taxExcludedRatingAmount"]["value"]) for record in usage for one in record["ratedProductUsage"]),
          D(invoice["sum"]), "TMF635")
    equal({record["status"] for record in usage}, {"billed"}, "states")
    refused = admin_run(world, gateway, "usage", "export", "e2e", "--period", period, "--format", "xml")
    equal((refused.returncode, "csv, focus, tmf635" in refused.stderr), (2, True), refused.stderr)


@case("a budget says what was spent, which alerts that reached and when; a forecast wants a week of history")
def budgets(world):
    gateway, period = books(world, extra=[{"kind": "Budget", "name": "team", "contract": "e2e", "key": "other", "unit": "CNY",
                                           "amount": "0.01", "alerts": [50, 100]},
                                          {"kind": "Budget", "name": "wide", "contract": "e2e", "unit": "ciyuan", "amount": "1000000"}])
    states = {one["budget"]: one for one in map(json.loads, admin_run(world, gateway, "budget", "--json").stdout.splitlines())}
    spent = sum(D(one["amount"]) for record in gateway.made if record["party"]["key"] == "other" for one in record["charges"])
    equal(D(states["team"]["spent"]), spent, "one key's money")
    check(all("reached_at" in alert for alert in states["team"]["alerts"]), states["team"])
    equal(D(states["wide"]["spent"]), sum(D(record["ciyuan"]) for record in gateway.made), "all keys' Ciyuan")
    check(not any("reached_at" in alert for alert in states["wide"]["alerts"]), states["wide"])
    refused = admin_run(world, gateway, "forecast", "e2e")
    check(refused.returncode == 1 and "complete days of history" in refused.stderr, refused.stderr)


@case("what cannot be invoiced is refused by its value, and takes no number")
def refused(world):
    gateway, period = books(world)
    for asked, word in (("2026-13", "2026-13"), ("2250-01", "is not over"), ("2026-01-01..2026-01-02", "no charges"), ("", "period")):
        done = admin_run(world, gateway, "invoice", "create", "e2e", "--period", asked)
        check(done.returncode in (1, 2) and word in done.stderr, asked, done.returncode, done.stderr)
    done = admin_run(world, gateway, "invoice", "create", "none", "--period", closed_period())
    check(done.returncode == 1 and "Contract/none" in done.stderr, done.stderr)
    check(invoiced(world, gateway, period)["name"].endswith("-000001"), "the first number")
