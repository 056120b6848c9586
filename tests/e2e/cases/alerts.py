"""Tags that costs are split by, and alerts that reach whoever is to be told, over real sockets and kills."""
import base64
import csv
import hashlib
import hmac
import http.server
import io
import json
import threading
import time

from registry import case
from settling import admin_run
from world import SECRET, chat, check, documents, equal, key_document, wait_until

HOOK_KEY = b"a key of twenty-four bytes or more"
HOOK_SECRET = "whsec_" + base64.b64encode(HOOK_KEY).decode()
OTHER = "ck-e2e-other-0123456789abcdef0123456789abcdef"


class Receiver:
    """A webhook's receiver: checks each signature, answers as told, then with 204."""

    def __init__(self, *answers):
        self.messages, self.answers = [], list(answers)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                identity, stamp = self.headers["webhook-id"], self.headers["webhook-timestamp"]
                expected = base64.b64encode(hmac.new(HOOK_KEY, f"{identity}.{stamp}.".encode() + body, hashlib.sha256).digest())
                signatures = self.headers["webhook-signature"].split()
                outer.messages.append({"id": identity, "at": int(stamp), "body": body,
                                       "signed": "v1," + expected.decode() in signatures})
                self.send_response(outer.answers.pop(0) if outer.answers else 204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def budget(name="team", **more):
    return {"kind": "Budget", "name": name, "contract": "e2e", "unit": "CNY", "amount": "100", "channel": "ops", "alerts": [50],
            **more}


def watched(world, receiver, *budgets, keys=None):
    """Documents with a channel to the receiver; a token costs one yuan."""
    with open(world.path("hook.secret"), "w") as file:
        file.write(HOOK_SECRET)
    channel = {"kind": "AlertChannel", "name": "ops", "url": receiver.url, "secret": {"file": world.path("hook.secret")}}
    return documents(world.standin().url, price=("1.00", "1.00"), per_tokens=1, keys=keys, extra=[channel, *budgets])


def notice_of(gateway, name="team"):
    found = gateway.ask(f"/v1/budgets/{name}")["notices"]
    return found[0] if found else None


@case("an alert is signed, sent again after failures and a kill -9, and told once it was taken")
def alert_over_a_kill(world):
    receiver = Receiver(503, 500)
    gateway = world.gateway(watched(world, receiver, budget()))
    equal(gateway.call(chat(max_tokens=60, standin="tokens=60")).status, 200, "the call")
    wait_until(lambda: (notice_of(gateway) or {}).get("attempts", 0) >= 1, what="a first attempt")
    gateway.kill()
    again = world.gateway()
    wait_until(lambda: notice_of(again)["state"] == "sent", 60, "the sending")
    equal(len(receiver.messages), 3, "attempts")
    check(all(one["signed"] for one in receiver.messages), "a signature is wrong:", receiver.messages)
    equal(len({(one["id"], one["body"]) for one in receiver.messages}), 1, "ids and words of one notice")
    data = json.loads(receiver.messages[0]["body"])["data"]
    equal((data["budget"], data["percent"], data["contract"]), ("team", 50, "e2e"), "what was told")
    told = admin_run(world, again, "budget", "team").stdout
    check("50 %: sent to ops at" in told, told)
    again.kill()  # once more: what was told is not told again
    last = world.gateway()
    equal(last.call(chat(max_tokens=10, standin="tokens=10")).status, 200, "a call after the restart")
    time.sleep(2.5)  # two looks
    equal(len(receiver.messages), 3, "messages after a second restart")
    month = last.ask("/v1/budgets/team")["from"][:10]
    states = last.ask(f"/v1/documents/Notice/team%2F{month}%2F50?history=true")["versions"]
    equal(len(states), 4, "states of the notice in the log: recorded, two failures, sent")


@case("alerts that nobody takes show why, and hold up neither calls nor the end of the service")
def alert_to_nobody(world):
    receiver = Receiver()
    receiver.server.shutdown()
    receiver.server.server_close()
    gateway = world.gateway(watched(world, receiver, budget()))
    equal(gateway.call(chat(max_tokens=60, standin="tokens=60")).status, 200, "the call")
    wait_until(lambda: (notice_of(gateway) or {}).get("attempts", 0) >= 2, what="two attempts")
    told = admin_run(world, gateway, "budget", "team").stdout
    check("50 %: not sent yet, " in told and "cannot connect" in told, told)
    equal(gateway.call(chat(max_tokens=5, standin="tokens=5")).status, 200, "a call meanwhile")
    begin = time.monotonic()
    equal(gateway.end(), 0, "the end")
    check(time.monotonic() - begin < 20, "the end took", time.monotonic() - begin)


@case("tags of keys and calls stand in the record, and split statements, exports and budgets")
def tags_split(world):
    receiver = Receiver()
    keys = [key_document(tags={"team": "red", "project": "x"}, overridable_tags=["project"]),
            key_document("other", secret=OTHER)]
    gateway = world.gateway(watched(world, receiver, budget(tags={"team": "red"}, alerts=[100]), keys=keys))

    def call(key=SECRET, tags=None, status=200):
        answer = gateway.call(chat(max_tokens=10, standin="tokens=10"), key=key, headers={"Ciyuan-Tags": tags} if tags else {})
        equal(answer.status, status, f"a call with {tags}")
        return answer

    plain = gateway.record(call().record)
    equal(plain["party"]["tags"], {"project": "x", "team": "red"}, "the key's tags")
    other = gateway.record(call(tags="project=y,centre=%E7%A0%94%E5%8F%91").record)
    equal(other["party"]["tags"], {"centre": "研发", "project": "y", "team": "red"}, "with the call's")
    refused = json.loads(call(tags="team=blue", status=400).body)
    equal(refused["error"]["param"], "Ciyuan-Tags", "the refusal's field")
    check("is set by the key" in refused["error"]["message"], refused)
    call(tags="=", status=400)
    call(OTHER, "team=blue")
    untagged = gateway.record(call(OTHER).record)
    check("tags" not in untagged["party"], untagged["party"])
    sent = gateway.ask("/v1/contracts/e2e/statement?split=tag:team")
    equal({one["tag:team"]: one["calls"] for one in sent["split"]}, {"": 1, "blue": 1, "red": 2}, "calls by team")
    equal(sum(float(one["money"]["CNY"]) for one in sent["split"]), float(sent["money"]["CNY"]), "the split's sum")
    told = admin_run(world, gateway, "statement", "e2e", "--split", "tag:project").stdout
    check("tag:project" in told and "\ny " in told, told)
    told = admin_run(world, gateway, "explain", other["id"]).stdout
    check("tagged centre=研发, project=y, team=red" in told, told)
    day = plain["times"]["closed"][:10]
    rows = list(csv.DictReader(io.StringIO(gateway.admin(f"/v1/contracts/e2e/usage?period={day}")[1].decode())))
    equal({row["tags"] for row in rows if row["record"] == plain["id"]}, {'{"project":"x","team":"red"}'}, "tags in the CSV")
    focus = list(csv.DictReader(io.StringIO(
        gateway.admin(f"/v1/contracts/e2e/usage?period={day}&format=focus")[1].decode())))
    check({"team": "blue", "contract": "e2e", "key": "other"} in [json.loads(row["Tags"]) for row in focus], focus)
    equal(gateway.ask("/v1/budgets/team")["spent"], next(one["money"]["CNY"] for one in sent["split"] if one["tag:team"] == "red"),
          "the budget of the red team")
