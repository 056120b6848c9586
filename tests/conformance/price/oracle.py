"""The whole of rating again, in Python's decimal arithmetic, from docs/prices.md and not from our code.

rated(case) gives what `rate_cases` prints for the case: the lines of the usages, the closing lines, and the totals; or raises
NoPrice or Inexact. An inexact result is an error where no rounding is stated.
"""
import datetime
import decimal
import functools
from decimal import Decimal

EXACT = decimal.Context(prec=120, traps=[decimal.Inexact, decimal.InvalidOperation, decimal.DivisionByZero])
ROUNDED = decimal.Context(prec=120)
MODES = {"half_up": decimal.ROUND_HALF_UP, "half_even": decimal.ROUND_HALF_EVEN, "up": decimal.ROUND_UP, "down": decimal.ROUND_DOWN}
METERS = ("input cache_read cache_write output reasoning tool request image_input audio_input video_input image_cache_read "
          "audio_cache_read audio_cache_write image_output audio_output video_output images_in images_out audio_seconds_in "
          "audio_seconds_out video_seconds_in video_seconds_out pages_in characters_in characters_out").split()
WIDER = {"cache_read": ["input"], "cache_write": ["input"], "reasoning": ["output"], "tool": ["output"], "image_input": ["input"],
         "audio_input": ["input"], "video_input": ["input"], "image_cache_read": ["cache_read", "input"],
         "audio_cache_read": ["cache_read", "input"], "audio_cache_write": ["cache_write", "input"], "image_output": ["output"],
         "audio_output": ["output"], "video_output": ["output"]}
NO_TOKENS = {"request", *METERS[16:]}
RULES = ["flat", "graduated", "volume", "volume_rerate", "package", "step_fee", "reversal", "free"]
# Every sum and product of the oracle: an inexact one raises.
decimal.setcontext(EXACT)
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
CLASSES = ["standard", "batch", "flex", "priority", "balanced", "ultrafast", "scale"]
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


class NoPrice(Exception):
    pass


class Inexact(Exception):
    """A discount that leaves a price of more decimals than can be charged."""


@functools.lru_cache(maxsize=100_000)
def moment(text):
    if len(text) == 10:
        text += "T00:00:00Z"
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def text_of(time):
    return "" if time is None else time.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


# ---- which line -----------------------------------------------------------------------------------------------------

def within_hours(hours, at, offset):
    local = at + datetime.timedelta(minutes=hours.get("utc_offset_minutes", offset))
    minute = local.hour * 60 + local.minute
    begin, end = (int(hours[name][:2]) * 60 + int(hours[name][3:]) for name in ("from", "until"))
    today = DAYS[local.weekday()]
    yesterday = DAYS[(local.weekday() + 6) % 7]
    days = hours.get("days", DAYS)
    if begin < end:
        return begin <= minute < end and today in days
    return (minute >= begin and today in days) or (minute < end and yesterday in days)


def holds(line, usage, offset):
    when, at = line.get("when", {}), moment(usage["at"])
    tokens = when.get("input_tokens", {})
    return (("region" not in when or usage.get("region", "") in when["region"])
            and ("service_class" not in when or usage.get("service_class", "standard") in when["service_class"])
            and ("cache_ttl" not in when or usage.get("cache_ttl", "") in when["cache_ttl"])
            and ("hours" not in when or within_hours(when["hours"], at, offset))
            and tokens.get("from", 0) <= usage.get("input_tokens", 0) < tokens.get("until", float("inf"))
            and ("effective_from" not in line or at >= moment(line["effective_from"]))
            and ("effective_until" not in line or at < moment(line["effective_until"])))


@functools.lru_cache(maxsize=1000)
def minutes_of(begin, end, days, offset):
    hours, monday = {"from": begin, "until": end, "days": days}, datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
    return frozenset(minute for minute in range(7 * 1440) if within_hours(hours, monday + datetime.timedelta(minutes=minute), offset))


def week_of(line, offset):
    hours = line.get("when", {}).get("hours")
    if hours is None:
        return frozenset(range(7 * 1440))
    return minutes_of(hours["from"], hours["until"], tuple(hours.get("days", DAYS)), hours.get("utc_offset_minutes", offset))


def inside(narrow, wide, offset):
    """Every call under the conditions of the first line is under those of the second."""
    if narrow is wide:
        return True
    a, b = narrow.get("when", {}), wide.get("when", {})
    for name, everything in (("region", None), ("service_class", CLASSES), ("cache_ttl", None)):
        if name in b and not set(a.get(name, everything or ["any other name"])) <= set(b[name]):
            return False
    s, t = a.get("input_tokens", {}), b.get("input_tokens", {})
    if s.get("from", 0) < t.get("from", 0) or s.get("until", float("inf")) > t.get("until", float("inf")):
        return False
    far = datetime.datetime(9999, 1, 1, tzinfo=datetime.timezone.utc)
    spans = [(moment(line.get("effective_from", "1970-01-01")),
              moment(line["effective_until"]) if "effective_until" in line else far) for line in (narrow, wide)]
    if spans[0][0] < spans[1][0] or spans[0][1] > spans[1][1]:
        return False
    return "hours" not in b or a.get("hours") == b["hours"] or week_of(narrow, offset) <= week_of(wide, offset)


def narrowest(lines, usage, offset):
    found = [line for line in lines if holds(line, usage, offset)]
    if len(found) == 1:
        return found[0]
    for line in found:
        if all(inside(line, other, offset) for other in found):
            return line
    assert not found, "lines that conflict are refused when the book is read"
    return None


def line_for(book, model, meter, usage):
    """The clause before the book, own before star, own wider before star narrow."""
    wider = WIDER.get(meter, [])
    order = [("clause", model, meter), ("clause", "*", meter), ("book", model, meter)]
    for name in wider:
        order += [("clause", model, name), ("book", model, name)]
    order.append(("book", "*", meter))
    for name in wider:
        order += [("clause", "*", name), ("book", "*", name)]
    for layer, owner, name in order:
        lines = book["index"].get((layer, owner, name))
        line = lines and narrowest(lines, usage, book["offset"])
        if line:
            return line
    return None


# ---- what it costs --------------------------------------------------------------------------------------------------

def start_of(period, at, offset):
    if period == "contract":
        return None
    local = at.astimezone(datetime.timezone(datetime.timedelta(minutes=offset)))
    first = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return first.replace(day=1) if period == "month" else first


def pieces_of(line, prior, quantity, per):
    """(rule, step, usage, quantity, unit price) of `quantity` units after `prior`."""
    if "price" in line:
        yield "flat", 0, quantity, quantity, EXACT.divide(Decimal(str(line["price"])), per)
        return
    schedule = line["schedule"]
    if schedule["type"] == "package":
        begun = -(-(prior + quantity) // schedule["block"]) - -(-prior // schedule["block"])
        yield "package", 1, quantity, begun, Decimal(str(schedule["price"]))
        return
    steps = [(step.get("up_to", float("inf")), EXACT.divide(Decimal(str(step["price"])), per), Decimal(str(step.get("fee", 0))))
             for step in schedule["steps"]]
    if schedule["type"] == "graduated":
        lower = 0
        for number, (up_to, price, fee) in enumerate(steps, 1):
            begin, end = max(lower, prior), min(up_to, prior + quantity)
            if end > begin:
                if fee and prior <= lower:
                    yield "step_fee", number, 0, 1, fee
                yield "graduated", number, end - begin, end - begin, price
            lower = up_to
        return
    def step_at(total):
        return next(number for number, step in enumerate(steps) if total <= step[0])
    now = step_at(prior + quantity)
    before = step_at(prior) if prior else now
    fee = steps[now][2] - (steps[before][2] if prior else 0)
    if fee:
        yield "step_fee", now + 1, 0, 1, fee
    if steps[now][1] != steps[before][1]:
        yield "volume_rerate", now + 1, 0, prior, steps[now][1] - steps[before][1]
    yield "volume", now + 1, quantity, quantity, steps[now][1]


def index_of(document, clause):
    index = {}
    for layer, owner, prefix in (("clause", clause or {}, "price/prices/"), ("book", document, "prices/")):
        for number, line in enumerate(owner.get("prices", [])):
            line = {**line, "id": line.get("id", prefix + str(number))}
            if layer == "book":
                for cut in (clause or {}).get("discounts", []):
                    if cut.get("model", "*") in ("*", line["model"]) and cut.get("kind", line["kind"]) == line["kind"]:
                        per = Decimal(1 if line["kind"] in NO_TOKENS else document["per_tokens"])
                        line = cheaper(line, 1 - EXACT.divide(Decimal(str(cut["percent"])), Decimal(100)), per)
                        break
            index.setdefault((layer, line["model"], line["kind"]), []).append(line)
    return index


def cheaper(line, factor, per):
    def cut(price, of):
        left = Decimal(str(price)) * factor
        if EXACT.divide(left, of).normalize().as_tuple().exponent < -12:
            raise Inexact(line["id"])
        return str(left)

    if "price" in line:
        return {**line, "price": cut(line["price"], per)}
    schedule = dict(line["schedule"])
    if "price" in schedule:
        schedule["price"] = cut(schedule["price"], 1)
    if "steps" in schedule:
        schedule["steps"] = [{**step, "price": cut(step["price"], per), "fee": cut(step.get("fee", 0), 1)} for step in schedule["steps"]]
    return {**line, "schedule": schedule}


def rate(document, clause, usages):
    book = {"index": index_of(document, clause), "offset": document.get("utc_offset_minutes", 0)}
    owners = {owner for _, owner, _ in book["index"]}
    counters, sums = {}, {}
    for usage in usages:
        model = usage["model"]
        if model not in owners and "*" not in owners:
            raise NoPrice(model)
        for meter in METERS:
            quantity = usage["counts"].get(meter, 0)
            if not quantity:
                continue
            line = line_for(book, model if model in owners else "*", meter, usage)
            if line is None:
                if meter == "request":
                    continue
                raise NoPrice(meter)
            per = Decimal(1 if line["kind"] in NO_TOKENS else document["per_tokens"])
            period, prior = None, 0
            if "schedule" in line:
                period = start_of(line["schedule"].get("period", "month"), moment(usage["at"]), book["offset"])
                prior = counters.get((line["id"], period), 0)
                counters[(line["id"], period)] = prior + quantity
            for rule, step, used, count, price in pieces_of(line, prior, quantity, per):
                key = (text_of(period), line["id"], model, METERS.index(meter), RULES.index(rule), step, price)
                was = sums.get(key, (0, 0))
                sums[key] = (was[0] + used, was[1] + count)
    return [{"period": key[0], "line": key[1], "model": key[2], "meter": METERS[key[3]], "rule": RULES[key[4]], "step": key[5],
             "usage": used, "quantity": count, "unit_price": key[6], "amount": key[6] * count}
            for key, (used, count) in sorted(sums.items(), key=lambda item: item[0]) if used or count]


# ---- the close of the period ----------------------------------------------------------------------------------------

def covers(rule, line):
    return rule.get("model", "*") in ("*", line["model"]) and ("kinds" not in rule or line["meter"] in rule["kinds"])


def close(document, lines, end):
    said = document.get("rounding", {"decimals": 12, "mode": "half_even", "at": "document"})
    mode, each_line = MODES[said["mode"]], said["at"] == "line"

    def to(amount, decimals):
        return amount.quantize(Decimal(1).scaleb(-decimals), rounding=mode, context=ROUNDED)

    def share(amount, numerator, denominator, decimals):
        """Rounded once: Python's own division would round before."""
        scaled, smallest = amount * numerator, Decimal(1).scaleb(-decimals)
        whole = ROUNDED.divide_int(ROUNDED.divide(abs(scaled), smallest), denominator)
        rest = ROUNDED.divide(abs(scaled), smallest) - whole * denominator
        up = {"up": rest > 0, "down": False, "half_up": 2 * rest >= denominator and rest > 0,
              "half_even": 2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1)}[said["mode"]]
        value = (whole + (1 if up else 0)) * smallest
        return value if scaled >= 0 else -value

    made = {}
    units = []
    for line in lines:
        if line["rule"] in ("flat", "graduated", "volume") and line["quantity"] > 0:
            price = line["unit_price"]
            if line["rule"] == "volume":
                price = max((other for other in lines if other["rule"] == "volume" and other["line"] == line["line"]
                             and other["period"] == line["period"]), key=lambda other: other["step"])["unit_price"]
            units.append([price, line, line["quantity"]])
    units.sort(key=lambda unit: -unit[0])  # stable
    for number, grant in enumerate(document.get("free", [])):
        left = grant["quantity"]
        for unit in units:
            freed = min(left, unit[2])
            if not freed or not unit[0] or not covers(grant, unit[1]):
                continue
            left -= freed
            unit[2] -= freed
            key = (grant.get("id", f"free/{number}"), unit[1]["model"], METERS.index(unit[1]["meter"]), -unit[0])
            made[key] = made.get(key, 0) + freed
    closing = [{"line": key[0], "model": key[1], "meter": METERS[key[2]], "rule": "free", "quantity": count, "unit_price": key[3],
                "amount": key[3] * count} for key, count in sorted(made.items())]
    credits = list(closing)

    def add(name, rule, amount):
        if amount:
            closing.append({"line": name, "rule": rule, "quantity": 1, "unit_price": amount, "amount": amount})

    def charged():
        return sum((line["amount"] for line in lines + closing), Decimal(0))

    if each_line:
        add("rounding", "rounding", sum((to(line["amount"], said["decimals"]) - line["amount"] for line in lines + credits), Decimal(0)))
    for number, rule in enumerate(document.get("percentages", [])):
        base = sum((line["amount"] for line in lines + credits if covers(rule, line)), Decimal(0))
        amount = share(base, Decimal(str(rule["percent"])), Decimal(100), said["decimals"] if each_line else 12)
        add(rule.get("id", f"percentages/{number}"), rule["type"], -amount if rule["type"] == "discount" else amount)
    if "minimum" in document:
        add("minimum", "minimum", max(Decimal(0), Decimal(str(document["minimum"]["amount"])) - charged()))
    if "commitment" in document:
        term = document["commitment"].get("period") == "contract"
        if not term or end.get("of_term"):
            so_far = charged() + (Decimal(end.get("charged_before", "0")) if term else 0)
            add("commitment", "commitment", max(Decimal(0), Decimal(str(document["commitment"]["amount"])) - so_far))
    if not each_line:
        add("rounding", "rounding", to(charged(), said["decimals"]) - charged())
    if "tax" in document:
        percent, inclusive = Decimal(str(document["tax"]["percent"])), document["tax"].get("inclusive", False)
        add("tax", "tax_included" if inclusive else "tax",
            share(charged(), percent, 100 + percent if inclusive else Decimal(100), said["decimals"]))
    return closing


def rated(case):
    lines = rate(case["book"], case.get("clause"), case["usages"])
    closing = close(case["book"], lines, case.get("end", {}))
    total = sum((line["amount"] for line in lines + closing if line["rule"] != "tax_included"), Decimal(0))
    return {"lines": lines, "closing": closing, "total": total}
