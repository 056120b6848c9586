/// Budgets that are told of: what is recorded when, and what a receiver gets.

#include <random>

#include "admin/alert_timer.h"
#include "house.h"
#include "report/notice.h"
#include "report/papers.h"
#include "tests/http/sockets.h"

namespace ciyuan::admin {
namespace {

using report::text_at;

constexpr const char* kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What a receiver was sent, and what it answers.
class Receiver {
 public:
  struct Message {
    std::string id, body;
    bool is_signed = false;
  };
  Receiver()
      : server_([this](http::Exchange& exchange) -> http::Task<> {
          http::Response response;
          response.status = take(exchange);
          co_await exchange.respond(response);
        }) {}
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_.port()) + "/hook"; }
  std::vector<Message> messages() {
    std::lock_guard lock(mutex_);
    return messages_;
  }
  std::vector<unsigned> answers;  ///< to come; then 204. Set while nothing is sent.

 private:
  unsigned take(http::Exchange& exchange) {
    std::lock_guard lock(mutex_);
    const http::Headers& headers = exchange.head().headers;
    std::string id(headers.get("webhook-id")), stamp(headers.get("webhook-timestamp")), body(exchange.body());
    messages_.push_back({id, body,
                         headers.get("webhook-signature") ==
                             webhook_signature(webhook_key(kSecret).value(), id, std::stoll(stamp), body)});
    std::size_t index = messages_.size() - 1;
    return index < answers.size() ? answers[index] : 204;
  }
  std::mutex mutex_;
  std::vector<Message> messages_;
  http::Running server_;
};

struct AlertHouse : House {
  explicit AlertHouse(const std::string& url) : secret_file(folder / "hook.secret") {
    EXPECT_TRUE(write_file_atomically(secret_file, std::string(kSecret) + "\n").ok());
    ask("POST", "/v1/apply",
        demo_documents() + book_document("even", R"(per_tokens: 1
prices: [{model: smollm2, kind: input, price: "1"}, {model: smollm2, kind: output, price: "0"}])") +
            book_document("half", R"(per_tokens: 1
prices: [{model: smollm2, kind: input, price: "0.5"}, {model: smollm2, kind: output, price: "0"}])") +
            deal_document("even") + R"(
---
kind: AlertChannel
name: ops
url: )" + url +
            "\nsecret: {file: " + secret_file + "}\n");
    ask("POST", "/v1/keys", R"({"name":"alice","contract":"deal"})", 201);
    begin_desk();
  }
  // As a process that starts anew: nothing is left but what the store has.
  void begin_desk() {
    AlertParts parts;
    parts.reader = store->reader().value();
    parts.clerk = clerk.get();
    parts.registry = [this] { return published; };
    parts.clock = [this] { return time; };
    parts.trouble = [this](std::string_view trouble) { troubles.emplace_back(trouble); };
    desk = std::make_unique<AlertDesk>(std::move(parts));
  }
  void budget(const std::string& name, const std::string& amount,
              const std::string& more = "channel: ops\n") {
    ask("POST", "/v1/apply",
        "kind: Budget\nname: " + name + "\ncontract: deal\nunit: CNY\namount: " + amount + "\n" + more);
  }
  Json notices(const std::string& name) { return ask("GET", "/v1/budgets/" + name)["notices"]; }

  std::string secret_file;
  std::vector<std::string> troubles;
  std::unique_ptr<AlertDesk> desk;
};

TEST(Alerts, a_share_is_told_once_with_a_signature_the_receiver_can_check) {
  Receiver receiver;
  AlertHouse house(receiver.url());
  house.budget("team", "\"100\"");
  house.desk->look();
  EXPECT_TRUE(receiver.messages().empty());
  house.make_call(1, 60, 1);
  for (int i = 0; i < 3; ++i) house.desk->look();
  ASSERT_EQ(receiver.messages().size(), 1U);
  EXPECT_TRUE(receiver.messages()[0].is_signed);
  Json told = parse_json(receiver.messages()[0].body).value();
  EXPECT_EQ(told["type"], "budget.share_reached");
  EXPECT_EQ(told["data"]["budget"], "team");
  EXPECT_EQ(told["data"]["percent"], 50);
  EXPECT_EQ(told["data"]["spent"], "60");
  Json notices = house.notices("team");
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(notices[0]["state"], "sent");
  EXPECT_EQ(notices[0]["sent_at"], to_rfc3339(kStart));
  // A start anew finds it told; the next share is another notice.
  house.begin_desk();
  house.make_call(2, 45, 1);
  for (int i = 0; i < 3; ++i) house.desk->look();
  EXPECT_EQ(receiver.messages().size(), 3U);
  EXPECT_EQ(house.notices("team").size(), 3U);
}

TEST(Alerts, what_failed_is_sent_again_with_the_same_id_and_words_over_a_restart) {
  Receiver receiver;
  receiver.answers = {500, 302};
  AlertHouse house(receiver.url());
  house.budget("team", "\"100\"", "channel: ops\nalerts: [50]\n");
  house.make_call(1, 60, 1);
  house.desk->look();
  Json notice = house.notices("team")[0];
  EXPECT_EQ(notice["state"], "pending");
  EXPECT_NE(text_at(notice, "problem").find("answered 500"), std::string::npos);
  house.desk->look();  // not before its time
  EXPECT_EQ(receiver.messages().size(), 1U);
  house.begin_desk();
  house.time = kStart + seconds(2);
  house.desk->look();
  EXPECT_EQ(receiver.messages().size(), 2U);
  house.time = kStart + seconds(30);
  house.make_call(2, 1, 1);  // the words stay those of the first time
  house.desk->look();
  auto messages = receiver.messages();
  ASSERT_EQ(messages.size(), 3U);
  for (const auto& message : messages) {
    EXPECT_TRUE(message.is_signed);
    EXPECT_EQ(message.id, messages[0].id);
    EXPECT_EQ(message.body, messages[0].body);
  }
  notice = house.notices("team")[0];
  EXPECT_EQ(notice["state"], "sent");
  EXPECT_EQ(notice["attempts"], 3);
  EXPECT_FALSE(notice.contains("problem"));
}

TEST(Alerts, a_channel_that_is_gone_is_given_up_and_one_that_never_answers_after_its_attempts) {
  Receiver receiver;
  receiver.answers = {410};
  AlertHouse house(receiver.url());
  house.budget("team", "\"100\"", "channel: ops\nalerts: [50]\n");
  house.make_call(1, 60, 1);
  house.desk->look();
  EXPECT_EQ(house.notices("team")[0]["state"], "given-up");
  http::Listener nobody;
  std::string closed = "http://127.0.0.1:1/";
  house.ask(
      "POST", "/v1/apply",
      "kind: AlertChannel\nname: ops\nurl: " + closed + "\nsecret: {file: " + house.secret_file + "}\n");
  house.budget("other", "\"100\"", "channel: ops\nalerts: [50]\n");
  for (int day = 0; day < report::kNoticeAttemptsMax + 3; ++day) {
    house.desk->look();
    house.time = house.time + seconds(9 * 3600);
  }
  Json notice = house.ask("GET", "/v1/budgets/other")["notices"][0];
  EXPECT_EQ(notice["state"], "given-up");
  EXPECT_EQ(notice["attempts"], report::kNoticeAttemptsMax);
  EXPECT_NE(text_at(notice, "problem"), "");
}

TEST(Alerts, a_secret_that_cannot_be_used_is_told_by_the_budget_and_not_sent) {
  Receiver receiver;
  AlertHouse house(receiver.url());
  ASSERT_TRUE(write_file_atomically(house.secret_file, "whsec_c2hvcnQ=").ok());
  house.budget("team", "\"100\"", "channel: ops\nalerts: [50]\n");
  house.make_call(1, 60, 1);
  house.desk->look();
  Json notice = house.notices("team")[0];
  EXPECT_NE(text_at(notice, "problem").find("24 to 64 bytes"), std::string::npos);
  EXPECT_EQ(text_at(notice, "problem").find("c2hvcnQ"), std::string::npos);
  EXPECT_TRUE(receiver.messages().empty());
}

TEST(Alerts, a_budget_of_a_tag_counts_what_has_the_tag) {
  Receiver receiver;
  AlertHouse house(receiver.url());
  house.budget("reds", "\"10\"", "channel: ops\nalerts: [100]\ntags: {team: red}\n");
  house.make_call(1, 50, 1);
  house.tags = {{"team", "blue"}};
  house.make_call(2, 50, 1);
  house.desk->look();
  EXPECT_TRUE(receiver.messages().empty());
  house.tags = {{"project", "x"}, {"team", "red"}};
  house.make_call(3, 10, 1);
  house.desk->look();
  EXPECT_EQ(receiver.messages().size(), 1U);
  house.time = kStart + seconds(1);  // a state is of what came before its moment
  EXPECT_EQ(house.ask("GET", "/v1/budgets/reds")["spent"], "10");
  Json statement = house.ask("GET", "/v1/contracts/deal/statement?period=2026-11&split=tag:team");
  ASSERT_EQ(statement["split"].size(), 3U);
  EXPECT_EQ(statement["split"][0]["tag:team"], "");
  EXPECT_EQ(statement["split"][2]["tag:team"], "red");
  EXPECT_EQ(statement["split"][2]["money"]["CNY"], "10");
  EXPECT_EQ(house.send("GET", "/v1/contracts/deal/statement?split=tag:").status, 400U);
  EXPECT_EQ(house.send("GET", "/v1/contracts/deal/statement?split=tag:Team").status, 400U);
  std::string csv = house.send("GET", "/v1/contracts/deal/usage?period=2026-11").body;
  EXPECT_NE(csv.find("\"{\"\"project\"\":\"\"x\"\",\"\"team\"\":\"\"red\"\"}\""), std::string::npos) << csv;
  std::string focus = house.send("GET", "/v1/contracts/deal/usage?period=2026-11&format=focus").body;
  EXPECT_NE(focus.find("\"\"team\"\":\"\"blue\"\""), std::string::npos) << focus;
  std::string tmf = house.send("GET", "/v1/contracts/deal/usage?period=2026-11&format=tmf635").body;
  EXPECT_NE(tmf.find("\"tag:team\""), std::string::npos);
}

// The slow twin: what budget_state adds up from all records of the month.
TEST(Alerts, the_running_sum_is_that_of_the_whole_month_whatever_is_called_and_corrected) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 4; ++round) {
    Receiver receiver;
    AlertHouse house(receiver.url());
    std::string shares;
    for (int share = 1; share <= 20; ++share) shares += (share > 1 ? ", " : "") + std::to_string(share * 10);
    house.budget("all", "\"500\"", "channel: ops\nalerts: [" + shares + "]\n");
    house.budget("reds", "\"200\"", "channel: ops\nalerts: [" + shares + "]\ntags: {team: red}\n");
    std::map<std::string, std::set<int>> reached;
    std::vector<std::string> correctable;
    for (int step = 0; step < 25; ++step) {
      for (std::uint64_t calls = random() % 3; calls > 0; --calls) {
        house.tags = random() % 2 ? std::map<std::string, std::string>{{"team", "red"}}
                                  : std::map<std::string, std::string>();
        correctable.push_back(house
                                  .make_call(step * 10 + static_cast<int>(calls),
                                             1 + static_cast<std::int64_t>(random() % 60), 1)
                                  .text());
      }
      if (!correctable.empty() && random() % 2) {
        std::swap(correctable[random() % correctable.size()], correctable.back());
        std::string id = correctable.back();
        correctable.pop_back();
        Json reply = house.ask("POST", "/v1/records/" + id + "/correct",
                               random() % 2 ? R"({"price_book":"half"})" : R"({"price_book":"even"})");
        correctable.push_back(text_at(reply["record"], "id"));
      }
      if (random() % 6 == 0) house.begin_desk();
      const std::size_t before = receiver.messages().size();
      house.desk->look();
      auto messages = receiver.messages();
      house.time = house.time + seconds(1);  // a state is of what came before its moment
      for (const char* name : {"all", "reds"}) {
        Json state = house.ask("GET", std::string("/v1/budgets/") + name);
        Amount spent = parse_decimal(text_at(state, "spent"), 12).value();
        for (const Json& alert : state["alerts"])
          if (spent >= parse_decimal(text_at(alert, "amount"), 12).value())
            reached[name].insert(alert["percent"].get<int>());
        std::set<int> told;
        for (const Json& notice : state["notices"]) told.insert(std::stoi(text_at(notice, "about")));
        ASSERT_EQ(told, reached[name]) << "step " << step;
        for (std::size_t i = before; i < messages.size(); ++i) {
          Json data = parse_json(messages[i].body).value()["data"];
          if (data["budget"] == name) {
            ASSERT_EQ(data["spent"], state["spent"]) << "step " << step;
          }
        }
      }
    }
    std::set<std::string> ids;
    for (const auto& message : receiver.messages()) EXPECT_TRUE(ids.insert(message.id).second);
  }
}

TEST(Alerts, a_month_that_is_expected_to_end_over_is_told_once_a_day) {
  Receiver receiver;
  AlertHouse house(receiver.url());
  const std::int64_t day = seconds(86'400).count;
  for (int i = 0; i < 17; ++i) {
    house.calls_at = TimePoint{kStart.ns + i * day};  // into December
    house.make_call(i, 10, 1);
  }
  house.time = TimePoint{kStart.ns + 17 * day};
  house.budget("team", "\"200\"", "channel: ops\nalerts: [100]\n");
  house.budget("quiet", "\"200\"", "channel: ops\nalerts: [100]\nforecast_alert: false\n");
  house.budget("wide", "\"2000\"", "channel: ops\nalerts: [100]\n");
  for (int i = 0; i < 30; ++i) {
    house.desk->look();
    house.time = house.time + seconds(3600);
  }
  auto messages = receiver.messages();
  ASSERT_EQ(messages.size(), 2U) << house.ask("GET", "/v1/budgets").dump();
  Json told = parse_json(messages[0].body).value();
  EXPECT_EQ(told["type"], "budget.forecast_over");
  EXPECT_EQ(told["data"]["budget"], "team");
  EXPECT_EQ(told["data"]["interval_percent"], 80);
  EXPECT_NE(messages[0].id, messages[1].id);
}

TEST(Alerts, a_signature_is_that_of_the_specification) {
  // The example of the Standard Webhooks specification's own libraries.
  Bytes key = webhook_key(kSecret).value();
  EXPECT_EQ(webhook_signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, "{\"test\": 2432232314}"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  for (const char* wrong : {"", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_???", "whsec_c2hvcnQ="})
    EXPECT_FALSE(webhook_key(wrong).ok()) << wrong;
}

TEST(Alerts, waits_grow_and_stay_within_their_bounds) {
  Json notice = report::make_notice({{"name", "b"}, {"channel", "ops"}}, "2026-11-01", "80", {}, kStart);
  TimePoint at = kStart;
  for (int attempt = 1; attempt < report::kNoticeAttemptsMax; ++attempt) {
    Json low = report::after_attempt(notice, at, "no", false, 0);
    Json high = report::after_attempt(notice, at, "no", false, 999);
    std::int64_t least = report::next_attempt(low).ns - at.ns, most = report::next_attempt(high).ns - at.ns;
    EXPECT_GT(least, 0);
    EXPECT_LT(least, most);
    EXPECT_LE(most, report::kNoticeRetryMost.count * 3 / 2);
    notice = low;
    ASSERT_TRUE(report::is_pending(notice)) << attempt;
  }
  EXPECT_FALSE(report::is_pending(report::after_attempt(notice, at, "no", false, 0)));
}

}  // namespace
}  // namespace ciyuan::admin
