"""Random price books, and usage under them: every schedule, condition and closing rule, in every mixture."""
import itertools
from decimal import Decimal

KINDS = ["input", "cache_read", "cache_write", "output", "reasoning", "tool", "request", "audio_input", "image_output", "images_out",
         "audio_seconds_in"]
REGIONS, TTLS = ["cn-beijing", "us-east"], ["5m", "1h"]
CLASSES = ["standard", "batch", "flex", "priority"]
NO_TOKENS = {"request", "images_out", "audio_seconds_in"}


def amount(random, decimals, most=10 ** 6):
    number = random.randrange(random.choice([10, 1000, most]))
    digits = random.randint(0, decimals)
    text = f"{number // 10 ** digits}.{number % 10 ** digits:0{digits}d}" if digits else str(number)
    return text if "." in text or random.random() < 0.7 else number


def price(random, kind, per_tokens):
    while True:
        text = amount(random, 12 if kind in NO_TOKENS else {1: 12, 1000: 9, 1000000: 6}[per_tokens], 10 ** 5)
        if kind in NO_TOKENS or Decimal(text) <= 100 * per_tokens:  # more for one token is refused
            return text


def priced(random, kind, per_tokens):
    """price or schedule"""
    type_ = random.choice(["flat"] * 5 + ["graduated", "graduated", "volume", "package"])
    if type_ == "flat":
        return {"price": price(random, kind, per_tokens)}
    schedule = {"type": type_, "period": random.choice(["day", "month", "contract"])}
    if random.random() < 0.3:
        del schedule["period"]
    if type_ == "package":
        return {"schedule": {**schedule, "block": random.choice([1, 7, 1000, 1000000]), "price": amount(random, 12)}}
    bounds = sorted(random.sample(range(1, random.choice([10, 1000, 10 ** 6])), random.randint(0, 3)))
    steps = [{"up_to": bound, "price": price(random, kind, per_tokens)} for bound in bounds] + [{"price": price(random, kind, per_tokens)}]
    for step in steps:
        if random.random() < 0.2:
            step["fee"] = amount(random, 12)
    return {"schedule": {**schedule, "steps": steps}}


def clock(minute):
    return f"{minute // 60:02d}:{minute % 60:02d}"


def splits(random, kind):
    """Conditions that together are all calls, no two in conflict: some dimensions cut in parts that do not overlap."""
    cuts = []
    if random.random() < 0.35:
        bounds = sorted(random.sample([1, 100, 32001, 128001, 200001], random.randint(1, 2)))
        edges = [0, *bounds, None]
        cuts.append([{"input_tokens": {**({"from": low} if low else {}), **({"until": high} if high else {})}}
                     for low, high in zip(edges, edges[1:])])
    if random.random() < 0.35:
        named = random.sample(CLASSES, random.randint(1, 3))
        rest = [one for one in ["standard", "batch", "flex", "priority", "balanced", "ultrafast", "scale"] if one not in named]
        cuts.append([{"service_class": [one]} for one in named] + [{"service_class": rest}])
    if random.random() < 0.25:
        begin, end = random.sample([0, 30, 510, 725, 1110, 1439], 2)
        zone = {"utc_offset_minutes": random.choice([0, 480, -300, 330])} if random.random() < 0.7 else {}
        cuts.append([{"hours": {"from": clock(begin), "until": clock(end), **zone}}, {"hours": {"from": clock(end), "until": clock(begin), **zone}}])
    return [{key: value for part in combined for key, value in part.items()} for combined in itertools.product(*cuts)] if cuts else [{}]


def lines_of(random, model, kind, per_tokens):
    lines = []
    for when in splits(random, kind):
        line = {"model": model, "kind": kind, **priced(random, kind, per_tokens)}
        if when:
            line["when"] = when
        lines.append(line)
    if len(lines) > 1 and random.random() < 0.5:  # a wider line behind them, which one of them gives way to
        lines.pop(random.randrange(len(lines)))
        lines.append({"model": model, "kind": kind, **priced(random, kind, per_tokens)})
    base = next((line for line in lines if "when" not in line), None)
    if base is not None and random.random() < 0.25:
        lines.append({"model": model, "kind": kind, **priced(random, kind, per_tokens), "when": {"region": [random.choice(REGIONS)]}}
                     if len(lines) == 1 else {"model": model, "kind": kind, **priced(random, kind, per_tokens), "effective_from": "2031-01-01"})
        if len(lines) > 2:
            lines.pop()  # it could conflict with those that have conditions
    if kind == "cache_write" and len(lines) == 1 and "when" not in lines[0] and random.random() < 0.6:
        lines.append({"model": model, "kind": kind, **priced(random, kind, per_tokens), "when": {"cache_ttl": [random.choice(TTLS)]}})
    if len(lines) == 1 and "when" not in lines[0] and random.random() < 0.2:
        lines.append({"model": model, "kind": kind, **priced(random, kind, per_tokens), "effective_from": "2026-02-10",
                      "effective_until": "2026-02-20T06:30:00+08:00"})
    return lines


def selection(random):
    chosen = {}
    if random.random() < 0.4:
        chosen["model"] = random.choice(["*", "m1", "m2"])
    return chosen


def closing_rules(random):
    rules = {}
    decimals = random.choice([0, 2, 2, 4, 6, 12])
    if random.random() < 0.6:
        rules["rounding"] = {"decimals": decimals, "mode": random.choice(["half_up", "half_even", "up", "down"]), "at": random.choice(["line", "document"])}
    else:
        decimals = 12
    if random.random() < 0.4:
        rules["free"] = [{"quantity": random.choice([1, 50, 1000, 10 ** 6]), "kinds": random.sample(["input", "cache_read", "output", "reasoning"], random.randint(1, 3)),
                          **selection(random)} for _ in range(random.randint(1, 2))]
    if random.random() < 0.5:
        rules["percentages"] = []
        for _ in range(random.randint(1, 3)):
            rule = {"type": random.choice(["discount", "surcharge", "fee"]),
                    "percent": random.choice(["0", "3", "7.5", "12.345678", "0.000001", "99.999999", 100]), **selection(random)}
            if random.random() < 0.4:
                rule["kinds"] = random.sample(KINDS, 2)
            rules["percentages"].append(rule)
    if random.random() < 0.3:
        rules["minimum"] = {"amount": amount(random, decimals)}
    if random.random() < 0.3:
        rules["commitment"] = {"amount": amount(random, decimals), "period": random.choice(["billing_period", "contract"])}
    if random.random() < 0.5:
        rules["tax"] = {"percent": random.choice(["6", "13", "19.5", "8.875", 0]), "inclusive": random.random() < 0.4}
    return rules


def book_of(random):
    per_tokens = random.choice([1, 1000, 1000000, 1000000])
    prices = []
    for model in random.sample(["m1", "m2", "*"], random.randint(1, 3)):
        for kind in random.sample(KINDS, random.randint(2, 6)):
            prices += lines_of(random, model, kind, per_tokens)
    for line in prices:
        if random.random() < 0.1:
            line["id"] = f"line-{len(prices)}-{prices.index(line)}"
    return {"kind": "PriceBook", "name": "b", "version": "1", "date": "2026-01-01", "source": "random", "currency": "CNY",
            "per_tokens": per_tokens, "prices": prices, "utc_offset_minutes": random.choice([0, 480, -330]), **closing_rules(random)}


def clause_of(random, book):
    clause = {"kind": "price", "book": "b"}
    if random.random() < 0.6:
        kind = random.choice(KINDS)
        clause["prices"] = lines_of(random, random.choice(["m1", "*"]), kind, book["per_tokens"])
    if random.random() < 0.6:
        clause["discounts"] = [{"percent": random.choice(["10", "15", "2.5", 0, 100])}]
    return clause


def usages_of(random, book):
    usages = []
    priced = {}
    for line in book["prices"]:
        priced.setdefault(line["model"], []).append(line["kind"])
    models = [name for name in priced if name != "*"] or ["m1"]
    for _ in range(random.randint(1, 5)):
        day, minute = random.choice([(1, 31), (2, 28), (2, 9), (2, 20), (3, 1)]), random.randrange(1440)
        model = random.choice(models)
        known = sorted({*priced.get(model, []), *priced.get("*", [])}) if random.random() < 0.97 else KINDS
        usage = {"model": model, "at": f"2026-{day[0]:02d}-{day[1]:02d}T{clock(minute)}:{random.randrange(60):02d}Z",
                 "counts": {kind: random.randrange(random.choice([2, 100, 10 ** 4, 10 ** 7])) for kind in random.sample(known, random.randint(1, min(4, len(known))))}}
        if random.random() < 0.5:
            usage["input_tokens"] = random.choice([0, 1, 99, 100, 32000, 32001, 128000, 128001, 200000, 200001, 10 ** 6])
        if random.random() < 0.5:
            usage["service_class"] = random.choice(CLASSES)
        if random.random() < 0.4:
            usage["region"] = random.choice([*REGIONS, "elsewhere"])
        if random.random() < 0.4:
            usage["cache_ttl"] = random.choice([*TTLS, "1d"])
        usages.append(usage)
    return usages


def case_of(random):
    book = book_of(random)
    case = {"book": book, "usages": usages_of(random, book)}
    if random.random() < 0.25:
        case["clause"] = clause_of(random, book)
    if random.random() < 0.5:
        case["end"] = {"of_term": random.random() < 0.5, "charged_before": str(amount(random, 12))}
    return case
