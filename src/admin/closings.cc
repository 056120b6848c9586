/// The close of billing periods: written when they are over, shown at any time.

#include <algorithm>
#include <set>

#include "admin/internal/handlers.h"
#include "report/closing.h"
#include "report/packages.h"
#include "report/papers.h"

namespace ciyuan::admin {

Result<TimePoint> Api::close_periods(const std::string& contract, TimePoint at) {
  std::lock_guard lock(closing_mutex_);
  if (parts_.publisher->refuses())
    return Error{ErrorCode::kUnavailable, "nothing is changed here: " + parts_.publisher->trouble(), ""};
  // Whatever the clerk has been given is durable when it answers, and what comes later has this time at
  // least: so a period that is over has all of its records.
  const clerk::Reply passed = parts_.clerk->call(clerk::Tick{at, Nanoseconds{}});
  if (auto* error = std::get_if<Error>(&passed)) return *error;
  CIYUAN_TRY(TimePoint next, close_over(contract, at));
  CIYUAN_TRY(TimePoint day, recognise_packages(contract, at));
  if (next.ns == 0 || day.ns == 0) return std::max(next, day);
  return std::min(next, day);
}

Result<TimePoint> Api::close_over(const std::string& contract, TimePoint at) {
  for (bool from_balance = true;;) {
    CIYUAN_TRY(report::ClosingDraft draft,
               report::draft_closing(*parts_.closing_reader, contract, at, from_balance));
    if (!draft.drafted) return draft.next;
    clerk::Settle command = std::move(draft.drafted->command);
    command.actor = "clerk";
    const Result<std::uint64_t> done = settle(parts_, std::move(command));
    // Calls hold what the balance has, or have spent it by now: then it is owed whole.
    if (!done.ok() && (done.error().code != ErrorCode::kRefused || !from_balance)) return done.error();
    from_balance = done.ok();
  }
}

Result<TimePoint> Api::recognise_packages(const std::string& contract, TimePoint at) {
  std::set<std::string> names;  // sold, or to be sold
  CIYUAN_TRY(std::vector<Json> sales, report::package_sales(*parts_.closing_reader, contract));
  for (const Json& sale : sales)
    if (!sale.at("finished").get<bool>()) names.insert(report::text_at(sale, "name"));
  if (const auto registry = this->registry())
    for (const contract::Document& document : registry->documents())
      if (document.kind == "Package" && document.value.contains("price") &&
          document.value.at("contracts")[0] == contract)
        names.insert(document.name);
  TimePoint next;
  for (const std::string& name : names) {
    CIYUAN_TRY(report::RecognitionDraft draft, report::draft_recognition(*parts_.closing_reader, name, at));
    if (draft.drafted) {
      clerk::Settle command = std::move(draft.drafted->command);
      command.actor = "clerk";
      const Result<std::uint64_t> done = settle(parts_, std::move(command));
      if (!done.ok()) return done.error();
    }
    if (draft.next.ns != 0 && (next.ns == 0 || draft.next < next)) next = draft.next;
  }
  return next;
}

http::Response Handlers::list_closings(const Request& request) {
  const std::string& name = request.path.at("name");
  Result<contract::Document> contract = report::newest_document(reader(), "Contract", name);
  if (!contract.ok()) return problem(contract.error());
  Result<std::vector<Json>> found = report::closings_of(reader(), name, {}, {});
  if (!found.ok()) return problem(found.error());
  return json_response({{"closings", std::move(*found)}});
}

http::Response Handlers::closing_so_far(const Request& request) {
  Result<Json> made = report::closing_so_far(reader(), request.path.at("name"), parts().clock());
  return made.ok() ? json_response(*made) : problem(made.error());
}

}  // namespace ciyuan::admin
