/// Papers and their postings, together or not at all.

#include <map>

#include "clerk/internal/call.h"

namespace ciyuan::clerk {

using internal::conflict;

namespace {

constexpr std::size_t kPostingsMax = 1000;

// What a paper says is owed or given back is so, whatever a credit limit bounds or a party has taken out.
bool is_claim(const Post& posting) {
  return posting.debit.starts_with("receivable/") || posting.debit.starts_with("revenue/") ||
         posting.debit.starts_with("royalty/");
}

}  // namespace

// Each posting alone is allowed by plan_posting(); what is left is what they do to each other: one id twice,
// one new account in two units, one balance spent by several.
Reply StateMachine::settle_papers(Settle& command) {
  if (command.papers.empty()) return invalid("papers", "are none");
  if (command.postings.size() > kPostingsMax)
    return Error{ErrorCode::kTooLarge, "are more than " + std::to_string(kPostingsMax), "postings"};
  for (const DocumentChange& paper : command.papers)
    if (paper.canonical_json.empty()) return invalid("papers", paper.kind + "/" + paper.name + " is removed");
  std::map<Id, std::size_t> ids;
  std::map<std::string, std::string> units;
  std::map<std::string, Amount> taken;
  std::vector<bool> wanted;
  for (std::size_t i = 0; i < command.postings.size(); ++i) {
    Post& posting = command.postings[i];
    std::string path = "postings/" + std::to_string(i);
    posting.at = command.at;
    posting.actor = command.actor;
    if (!ids.emplace(posting.id, i).second) return conflict(path, "has the id of another one");
    auto plan = plan_posting(posting, is_claim(posting));
    if (!plan.ok()) return Error{plan.error().code, plan.error().message, path + "/" + plan.error().path};
    wanted.push_back(!plan->done);
    if (plan->done) continue;
    for (const std::string* account : {&posting.debit, &posting.credit})
      if (auto [unit, fresh] = units.emplace(*account, posting.unit); !fresh && unit->second != posting.unit)
        return conflict(path, "account " + *account + " stands for " + unit->second + " and " + posting.unit);
    if (!plan->debit || is_claim(posting) || ledger_.account(*plan->debit).may_overdraw) continue;
    std::optional<Amount> sum = checked_add(taken[posting.debit], posting.amount);
    if (!sum || *sum > ledger_.account(*plan->debit).headroom())
      return Error{ErrorCode::kRefused, "account " + posting.debit + " has not enough for all of them", path};
    taken[posting.debit] = *sum;
  }
  ChangeDocuments papers{command.at, command.actor, std::move(command.papers)};
  Reply reply = change(papers);
  if (std::holds_alternative<Error>(reply)) return reply;
  for (std::size_t i = 0; i < command.postings.size(); ++i) {
    if (!wanted[i]) continue;
    Reply posted = make_posting(command.postings[i], is_claim(command.postings[i]));
    CIYUAN_CHECK(std::holds_alternative<Done>(posted), "what was planned can be posted");
  }
  return reply;
}

}  // namespace ciyuan::clerk
