#include "report/accounts.h"

#include <algorithm>

namespace ciyuan::report {
namespace {

constexpr std::size_t kPage = 1000;

// Where a call's money went is compared with its record; what is left in `unseen` afterwards was not found.
void match(const store::StatementLine& line, const Usage& usage, AccountFlow& flow,
           std::unordered_map<std::uint64_t, Amount>& unseen) {
  bool corrects = usage.corrected_at.contains(line.leaf);
  bool mine = !corrects && (usage.charged.contains(line.leaf) || usage.from_packages.contains(line.leaf));
  (mine ? flow.charged : corrects ? flow.corrected : flow.other_calls) += line.amount;
  if (auto found = unseen.find(line.leaf); found != unseen.end()) found->second += line.amount;
}

Status take_posting(store::Reader& reader, const store::StatementLine& line,
                    const std::map<Id, std::string>& papers, AccountFlow& flow) {
  auto paper = papers.find(line.id);
  if (paper == papers.end()) {
    // A posting with a record is a correction: another contract's, since ours are known.
    CIYUAN_TRY(std::optional<store::RecordRow> record, reader.record_at(line.leaf));
    if (record) return flow.other_calls += line.amount, Status{};
  }
  (paper != papers.end() ? flow.papers : flow.paid) += line.amount;
  if (flow.postings.size() == kShownPostingsMax) {
    flow.postings_complete = false;
    return {};
  }
  flow.postings.push_back(
      {line.id, line.at, line.amount, line.memo, paper != papers.end() ? paper->second : "payment"});
  return {};
}

}  // namespace

Result<AccountFlow> flow_of(store::Reader& reader, const store::AccountRow& account, const Period& period,
                            const Usage* usage, const std::map<Id, std::string>& papers,
                            std::unordered_map<std::uint64_t, Amount>& unseen) {
  AccountFlow flow;
  flow.name = account.name;
  flow.unit = account.unit;
  flow.scale = account.scale;
  flow.closing = flow.opening = account.credits_posted - account.debits_posted;
  std::size_t seen = 0;
  store::EntryNumber before = 0;
  bool ended = false;
  while (!ended) {
    CIYUAN_TRY(auto lines, reader.statement(account.name, before, period.from, kPage));
    ended = lines.size() < kPage;
    for (const store::StatementLine& line : lines) {
      if (++seen > kAccountLinesMax)
        return Error{ErrorCode::kTooLarge,
                     "has more than " + std::to_string(kAccountLinesMax) + " lines since then", account.name};
      before = line.entry;
      flow.opening = line.balance - line.amount;
      if (period.to != TimePoint{} && line.at >= period.to) {
        flow.closing = flow.opening;
        continue;
      }
      if (line.kind == store::EntryKind::kFund || line.kind == store::EntryKind::kRenewal)
        flow.granted += line.amount;
      else if (usage != nullptr &&
               (line.kind == store::EntryKind::kCharge || line.kind == store::EntryKind::kShare ||
                usage->corrected_at.contains(line.leaf)))
        match(line, *usage, flow, unseen);
      else
        CIYUAN_TRY_STATUS(take_posting(reader, line, papers, flow));
    }
  }
  std::reverse(flow.postings.begin(), flow.postings.end());
  Amount sum = flow.opening + flow.charged + flow.other_calls + flow.corrected + flow.granted + flow.papers +
               flow.paid;
  if (sum != flow.closing)
    return Error{ErrorCode::kCorrupt, "the lines of the account do not add up to its balance", account.name};
  return flow;
}

Json json_of(const AccountFlow& flow) {
  auto text = [&](Amount amount) { return format_decimal(amount, flow.scale); };
  Json postings = Json::array();
  for (const Posting& posting : flow.postings)
    postings.push_back({{"id", posting.id.text()},
                        {"at", to_rfc3339(posting.at)},
                        {"amount", text(posting.amount)},
                        {"what", posting.what},
                        {"memo", posting.memo}});
  Json body = {{"account", flow.name},
               {"unit", flow.unit},
               {"opening", text(flow.opening)},
               {"charged", text(flow.charged)},
               {"corrected", text(flow.corrected)},
               {"papers", text(flow.papers)},
               {"paid", text(flow.paid)},
               {"closing", text(flow.closing)},
               {"postings", std::move(postings)}};
  if (!flow.other_calls.is_zero()) body["other_contracts"] = text(flow.other_calls);
  if (!flow.granted.is_zero()) body["granted"] = text(flow.granted);
  if (!flow.postings_complete) body["postings_left_out"] = true;
  return body;
}

}  // namespace ciyuan::report
