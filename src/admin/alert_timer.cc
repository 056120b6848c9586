#include "admin/alert_timer.h"

#include <chrono>
#include <cstdlib>
#include <set>

#include "base/canonical_json.h"
#include "base/file.h"
#include "report/notice.h"
#include "report/papers.h"

namespace ciyuan::admin {
namespace {

using report::text_at;

constexpr std::chrono::seconds kLookEvery{1};
constexpr std::size_t kAttemptsPerLookMax = 50;
constexpr std::size_t kSecretFileBytesMax = 4096;
constexpr unsigned kGone = 410;

Result<std::string> read_secret(const Json& channel) {
  const Json& where = channel.at("secret");
  if (std::string file = text_at(where, "file"); !file.empty()) return read_file(file, kSecretFileBytesMax);
  std::string name = text_at(where, "env");
  const char* value = std::getenv(name.c_str());
  if (value == nullptr)
    return Error{ErrorCode::kUnavailable, "the environment variable " + name + " is not set", "secret"};
  return std::string(value);
}

unsigned random_number() {
  std::array<std::uint8_t, 4> bytes;
  random_bytes(bytes);
  return unsigned{bytes[0]} << 16 | unsigned{bytes[1]} << 8 | bytes[2];
}

}  // namespace

void AlertDesk::look() {
  Status done = found_ ? Status{} : find_pending();
  if (done.ok()) done = record_due(parts_.clock());
  tell_(done.ok() ? std::string() : done.error().text());
  send_pending();
}

Status AlertDesk::find_pending() {
  CIYUAN_TRY(std::vector<Json> pending, report::pending_notices(*parts_.reader));
  for (Json& one : pending) {
    std::string name = text_at(one, "name");
    pending_[name] = {std::move(one)};
  }
  found_ = true;
  return {};
}

Status AlertDesk::record_due(TimePoint now) {
  CIYUAN_TRY(std::vector<Json> due, watch_.look(*parts_.reader, now));
  for (Json& notice : due) {
    std::string name = text_at(notice, "name");
    // The clerk would not mind a second time; a reader that lags behind it must not undo an attempt.
    if (pending_.contains(name)) continue;
    if (!keep(notice, now)) return Error{ErrorCode::kUnavailable, "a notice cannot be recorded now", name};
    pending_[name] = {std::move(notice)};
  }
  return {};
}

bool AlertDesk::keep(const Json& notice, TimePoint at) {
  Result<std::string> canonical = canonical_json(notice);
  if (!canonical.ok()) return false;
  clerk::Settle command{.at = at, .actor = "alerts", .papers = {}, .postings = {}};
  command.papers.push_back({"Notice", text_at(notice, "name"), std::move(*canonical)});
  return std::holds_alternative<clerk::Done>(parts_.clerk->call(std::move(command)));
}

void AlertDesk::send_pending() {
  const TimePoint now = parts_.clock();
  std::set<std::string> failed;
  std::size_t attempts = 0;
  for (auto one = pending_.begin(); one != pending_.end();) {
    auto& [notice, is_recorded] = one->second;
    const std::string channel = text_at(notice, "channel");
    // An attempt that could not be recorded is not made again for that; only its record is.
    if (!is_recorded) is_recorded = keep(notice, now);
    if (is_recorded && report::is_pending(notice) && report::next_attempt(notice) <= now &&
        !failed.contains(channel) && attempts < kAttemptsPerLookMax) {
      ++attempts;
      attempt(one->second);
      if (text_at(notice, "state") != report::name_of(report::NoticeState::kSent)) failed.insert(channel);
    }
    one = is_recorded && !report::is_pending(notice) ? pending_.erase(one) : std::next(one);
  }
}

void AlertDesk::attempt(Pending& one) {
  bool for_good = false;
  const Status sent = send(one.notice, for_good);
  if (sender_.stopped()) return;  // it was cut off by us: that says nothing about the channel
  const TimePoint now = parts_.clock();
  one.notice = report::after_attempt(std::move(one.notice), now, sent.ok() ? "" : sent.error().text(),
                                     for_good, random_number());
  one.is_recorded = keep(one.notice, now);
}

Status AlertDesk::send(const Json& notice, bool& for_good) {
  const std::string name = text_at(notice, "channel");
  const auto registry = parts_.registry();
  const contract::Document* channel =
      registry != nullptr ? registry->find_document("AlertChannel", name) : nullptr;
  if (channel == nullptr) return Error{ErrorCode::kNotFound, "is not in force", "AlertChannel/" + name};
  CIYUAN_TRY(std::string secret, read_secret(channel->value));
  WebhookMessage message;
  CIYUAN_TRY(message.key, webhook_key(secret));
  message.url = text_at(channel->value, "url");
  const Json tls = channel->value.value("tls", Json::object());
  message.tls_ca_file = text_at(tls, "ca_file");
  message.tls_server_name = text_at(tls, "server_name");
  message.id = text_at(notice, "id");
  message.body = report::message_of(notice);
  message.timestamp_s = parts_.clock().ns / 1'000'000'000;
  CIYUAN_TRY(unsigned status, sender_.send(message));
  if (status >= 200 && status < 300) return {};
  for_good = status == kGone;
  return Error{ErrorCode::kUnavailable, "answered " + std::to_string(status), message.url};
}

AlertTimer::AlertTimer(AlertParts parts)
    : desk_(std::move(parts)), periodic_(kLookEvery, [this] { desk_.look(); }) {}

AlertTimer::~AlertTimer() { desk_.stop(); }

}  // namespace ciyuan::admin
