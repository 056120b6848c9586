/// The close of billing periods: written when they are over, shown at any time.

#include "admin/internal/handlers.h"
#include "report/closing.h"
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
