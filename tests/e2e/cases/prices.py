"""Prices that hang on the call: its prompt's length, its hour, its class of service. Held, charged, posted and named on the record."""
import datetime
import decimal

from registry import case
from world import cap, chat, check, documents, equal
from .crash import check_books

LONG = "word " * 1500


def with_prices(found, *lines, clause=None):
    """The same documents with further lines in their price book."""
    for document in found:
        if document["kind"] == "PriceBook":
            document["prices"] += lines
        if document["kind"] == "Contract" and clause:
            document["clauses"].append(clause)
    return found


def charges(gateway, answer):
    record = gateway.record(answer.record)
    for charge in record["charges"]:
        equal(decimal.Decimal(charge["quantity"]) * decimal.Decimal(charge["unit_price"]), decimal.Decimal(charge["amount"]), charge)
        equal(int(charge["quantity"]), record["usage"][charge["kind"]]["billed"], charge["kind"])
    return record, {charge["kind"]: (charge["line"], decimal.Decimal(charge["unit_price"]) * 1000000) for charge in record["charges"]}


def line(kind, price, identity, **when):
    return {"id": identity, "model": "standin", "kind": kind, "price": price, **({"when": when} if when else {})}


@case("a long prompt is held and charged at the price of long prompts, and its record names the line")
def long_prompts(world):
    standin = world.standin()
    tiers = [line("input", "2", "short", input_tokens={"until": 1001}), line("input", "200", "long", input_tokens={"from": 1001})]
    gateway = world.gateway(with_prices(documents(standin.url, [cap("money", "CNY", "0.35")]), *tiers))
    _, short = charges(gateway, gateway.call(chat(max_tokens=2)))
    equal(short["input"], ("short", 2), "the short prompt")
    record, long = charges(gateway, gateway.call(chat(LONG, max_tokens=2)))
    check(record["usage"]["input"]["billed"] > 1000, record["usage"])
    equal((long["input"], long["output"]), (("long", 200), ("prices/1", 8)), "the long prompt")
    refused = gateway.call(chat(LONG, max_tokens=2))
    equal(refused.status, 429, "what is left pays for a short prompt, not for a long one")
    equal(gateway.call(chat(max_tokens=2)).status, 200, "a short one")
    check_books(gateway)


@case("the hour of the call decides, and a correction re-rates in the call's own situation")
def hours(world):
    standin = world.standin()
    now = datetime.datetime.now(datetime.timezone.utc)
    begin, end = ((now + datetime.timedelta(hours=hours)).strftime("%H:%M") for hours in (-2, 3))
    lines = [line("input", "2", "day"), line("input", "1", "now", hours={"from": begin, "until": end})]
    found = documents(standin.url)
    gateway = world.gateway(with_prices(found, *lines))
    record, priced = charges(gateway, gateway.call(chat(max_tokens=2)))
    equal(priced["input"], ("now", 1), "the price of this hour")
    fixed = gateway.ask(f"/v1/records/{record['id']}/correct", {"price_book": "prices"})["record"]
    equal(fixed["charges"], record["charges"], "the same book gives the same charges")
    check_books(gateway)


@case("a class of service has its own price; one without a price is refused before anything is sent")
def service_classes(world):
    standin = world.standin()
    lines = [line("input", "2", "all"), line("input", "4", "first", service_class=["priority"])]
    clause = {"kind": "price", "id": "negotiated", "book": "prices", "discounts": [{"percent": "25", "kind": "output"}]}
    gateway = world.gateway(with_prices(documents(standin.url), *lines, clause=clause))
    record, standard = charges(gateway, gateway.call(chat(max_tokens=2, service_tier="auto")))
    equal((standard["input"], standard["output"]), (("all", 2), ("prices/1", 6)), "standard, with the contract's discount")
    check("service_class" not in record["model"], record["model"])
    record, priority = charges(gateway, gateway.call(chat(max_tokens=2, service_tier="priority")))
    equal((priority["input"], record["model"]["service_class"]), (("first", 4), "priority"), "priority")
    before = standin.stats()
    refused = gateway.call(chat(max_tokens=2, service_tier="ultrafast"))
    equal(refused.status, 400, "a class that no line names")
    check(b"service_tier" in refused.body, refused.body)
    equal(standin.stats(), before, "what reached the service")
    check_books(gateway)
