#include "report/notice.h"

#include <algorithm>

#include "base/canonical_json.h"
#include "base/id.h"
#include "report/papers.h"

namespace ciyuan::report {
namespace {

constexpr std::string_view kStates[] = {"pending", "sent", "given-up"};
constexpr std::size_t kProblemBytesMax = 500;

void set_state(Json& notice, NoticeState state) { notice["state"] = std::string(name_of(state)); }

}  // namespace

std::string_view name_of(NoticeState state) { return kStates[static_cast<std::size_t>(state)]; }

Json make_notice(const Json& budget, const std::string& when, const std::string& about, Json facts,
                 TimePoint now) {
  std::string name = text_at(budget, "name") + "/" + when + "/" + about;
  Json notice = {{"kind", "Notice"},
                 {"name", name},
                 {"id", id_from_content("notice/" + name).text()},
                 {"budget", text_at(budget, "name")},
                 {"channel", text_at(budget, "channel")},
                 {"about", about},
                 {"recorded_at", to_rfc3339(now)},
                 {"facts", std::move(facts)},
                 {"attempts", 0},
                 {"next_at", to_rfc3339(now)}};
  set_state(notice, NoticeState::kPending);
  return notice;
}

std::string message_of(const Json& notice) {
  Json data = notice.at("facts");
  data["budget"] = notice.at("budget");
  Json message = {
      {"type", text_at(notice, "about") == "forecast" ? "budget.forecast_over" : "budget.share_reached"},
      {"timestamp", notice.at("recorded_at")},
      {"data", std::move(data)}};
  return message.dump();
}

Json after_attempt(Json notice, TimePoint now, const std::string& problem, bool for_good, unsigned jitter) {
  const int attempts = notice.at("attempts").get<int>() + 1;
  notice["attempts"] = attempts;
  notice.erase("next_at");
  notice.erase("problem");
  if (problem.empty()) {
    notice["sent_at"] = to_rfc3339(now);
    set_state(notice, NoticeState::kSent);
    return notice;
  }
  notice["problem"] = is_utf8(problem) ? problem.substr(0, kProblemBytesMax) : "(not UTF-8)";
  if (!is_utf8(text_at(notice, "problem"))) notice["problem"] = "(too long)";  // cut inside of a character
  if (for_good || attempts >= kNoticeAttemptsMax) {
    set_state(notice, NoticeState::kGivenUp);
    return notice;
  }
  std::int64_t wait = kNoticeRetryFirst.count;
  for (int i = 1; i < attempts && wait < kNoticeRetryMost.count; ++i) wait *= 4;
  wait = std::min(wait, kNoticeRetryMost.count);
  notice["next_at"] = to_rfc3339(now + Nanoseconds{wait / 2 + wait / 1000 * (jitter % 1000)});
  return notice;
}

bool is_pending(const Json& notice) { return text_at(notice, "state") == name_of(NoticeState::kPending); }

TimePoint next_attempt(const Json& notice) {
  Result<TimePoint> at = parse_rfc3339(text_at(notice, "next_at"));
  return at.ok() ? *at : TimePoint{};
}

Result<std::vector<Json>> pending_notices(store::Reader& reader) {
  std::vector<Json> found;
  CIYUAN_TRY_STATUS(for_each_paper(reader, "Notice", "", [&](Json& one) -> Status {
    if (is_pending(one)) found.push_back(std::move(one));
    return {};
  }));
  return found;
}

Result<std::vector<Json>> notices_since(store::Reader& reader, const std::string& budget, TimePoint month) {
  // A month has a few shares and one forecast a day; a budget's own past is some hundreds of papers.
  std::vector<Json> found;
  CIYUAN_TRY_STATUS(for_each_paper(reader, "Notice", budget + "/", [&](Json& one) -> Status {
    Result<TimePoint> at = parse_rfc3339(text_at(one, "recorded_at"));
    if (at.ok() && *at >= month) found.push_back(std::move(one));
    return {};
  }));
  return found;
}

}  // namespace ciyuan::report
