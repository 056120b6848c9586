#include "report/settlement.h"

#include <algorithm>
#include <set>

#include "base/canonical_json.h"
#include "contract/limit.h"
#include "report/papers.h"
#include "report/usage.h"

namespace ciyuan::report {
namespace {

constexpr std::size_t kTextBytesMax = 4000;

template <std::size_t N>
std::string list_of(const std::string_view (&names)[N]) {
  std::string list;
  for (std::string_view name : names) list += (list.empty() ? "" : ", ") + std::string(name);
  return list;
}

Error refused(std::string path, std::string message) {
  return {ErrorCode::kRefused, std::move(message), std::move(path)};
}

Result<Amount> money_at(const Json& object, std::string_view member, const std::string& path) {
  Result<Amount> amount = parse_decimal(text_at(object, member), contract::kMoneyScale);
  if (!amount.ok()) return invalid(path, "is no decimal text: " + amount.error().message);
  return amount;
}

// Only whole minor units can be disputed or given back.
Result<Amount> whole_money_at(const Json& object, std::string_view member, const std::string& path,
                              const std::string& currency) {
  CIYUAN_TRY(Amount amount, money_at(object, member, path));
  if (rounded(amount, minor_decimals(currency), Rounding::kDown) != amount)
    return invalid(path, "\"" + text_at(object, member) + "\" has more decimals than " + currency + " has");
  return amount;
}

Status check_members(const Json& object, std::initializer_list<std::string_view> allowed,
                     const std::string& path) {
  if (!object.is_object()) return invalid(path, "is no object");
  for (const auto& member : object.items())
    if (std::find(allowed.begin(), allowed.end(), member.key()) == allowed.end())
      return invalid(path + "/" + member.key(), "is no member that is known here");
  return {};
}

Result<tlog::VerifierKey> key_of(store::Reader& reader, const std::string& party) {
  CIYUAN_TRY(contract::Document document, newest_document(reader, "Party", party));
  std::string text = text_at(document.value, "settlement_key");
  if (text.empty())
    return refused("Party/" + party + " /settlement_key", "is missing: nobody can sign for this party");
  return tlog::VerifierKey::parse(text);
}

Status check_signatures(store::Reader& reader, const StepRequest& request, const Json& invoice) {
  std::vector<std::string> signers;
  std::string provider = text_at(invoice.at("issuer"), "name"),
              consumer = text_at(invoice.at("recipient"), "name");
  if (request.step != "accept" && request.step != "dispute") signers.push_back(provider);
  if (request.step != "propose" && request.step != "settle") signers.push_back(consumer);
  CIYUAN_TRY(std::string wanted, step_text(request.invoice, request.step, request.body));
  std::optional<PublicKey> other;
  for (const std::string& party : signers) {
    CIYUAN_TRY(tlog::VerifierKey key, key_of(reader, party));
    if (other && *other == key.key)
      return refused("note", "has to be signed by both parties, and " + provider + " and " + consumer +
                                 " have one key: a signature would be both");
    other = key.key;
    Result<tlog::OpenedNote> opened = tlog::open_note(request.note, {&key, 1});
    if (!opened.ok())
      return opened.error().code == ErrorCode::kInvalid
                 ? invalid("note", opened.error().message)
                 : refused("note", "is not signed by " + party + ", whose key is " + key.text() +
                                       "; a signature of somebody else does not count");
    if (opened->text != wanted)
      return invalid("note", "signs another text than this step's: \"" + opened->text.substr(0, 300) + "\"");
  }
  return {};
}

/// A settlement and the step that comes to it.
class Step {
 public:
  Step(store::Reader& reader, const StepRequest& request, Json invoice, std::optional<Json> settlement)
      : reader_(reader), request_(request), invoice_(std::move(invoice)), present_(std::move(settlement)) {
    currency_ = text_at(invoice_, "currency");
    contract_ = text_at(invoice_.at("contract"), "name");
    receivable_ = "receivable/" + text_at(invoice_.at("recipient"), "name") + "/" + currency_;
    disputed_ = "disputed/" + contract_ + "/" + currency_;
  }

  Result<Drafted> draft() {
    if (present_)
      for (const Json& step : present_->at("steps"))
        if (step.at("step") == request_.step && step.at("body") == request_.body)
          return Drafted{.paper = *present_, .existed = true, .command = {}};
    CIYUAN_TRY_STATUS(check_state());
    drafted_.command.at = request_.at;
    drafted_.paper = present_ ? *present_ : Json::object();
    CIYUAN_TRY_STATUS(take());
    Json& paper = drafted_.paper;
    paper["steps"].push_back({{"step", request_.step},
                              {"at", to_rfc3339(request_.at)},
                              {"body", request_.body},
                              {"note", request_.note}});
    CIYUAN_TRY_STATUS(add_paper(drafted_, "Settlement", paper));
    return std::move(drafted_);
  }

 private:
  std::string state() const { return present_ ? text_at(*present_, "state") : ""; }
  std::string money(Amount amount) const { return money_text(amount, minor_decimals(currency_)); }

  bool window_is_over() const {
    Result<TimePoint> until = parse_rfc3339(text_at(*present_, "dispute_until"));
    return until.ok() && request_.at >= *until;
  }

  Status check_state() {
    const std::string now = state(), &step = request_.step;
    bool allowed = (step == "propose" && now.empty()) || (step == "accept" && now == "proposed") ||
                   (step == "dispute" && now == "proposed") || (step == "resolve" && now == "disputed") ||
                   (step == "settle" && (now == "accepted" || now == "resolved" || now == "proposed"));
    if (!allowed)
      return Error{ErrorCode::kConflict,
                   now.empty() ? "\"" + step + "\" comes after propose, and nothing was proposed"
                               : "\"" + step + "\" does not follow the state " + now,
                   "step"};
    if (step == "dispute" && window_is_over())
      return refused("step", "the window to dispute ended at " + text_at(*present_, "dispute_until"));
    if (step == "settle" && now == "proposed" && !window_is_over())
      return refused("step", "the consumer has not accepted, and may dispute until " +
                                 text_at(*present_, "dispute_until"));
    return {};
  }

  Status take() {
    if (request_.step == "propose") return propose();
    if (request_.step == "dispute") return dispute();
    if (request_.step == "resolve") return resolve();
    CIYUAN_TRY_STATUS(check_members(request_.body, {"proposal"}, "body"));
    if (request_.step == "accept") return drafted_.paper["state"] = "accepted", Status{};
    CIYUAN_TRY(Amount payable, left_of_invoice());
    if (state() == "proposed") drafted_.paper["accepted_by"] = "silence";
    drafted_.paper["state"] = "settled";
    drafted_.paper["payable"] = money(payable);
    return {};
  }

  Status propose() {
    CIYUAN_TRY_STATUS(check_members(request_.body, {"proposal"}, "body"));
    CIYUAN_TRY(std::string digest, proposal_digest(invoice_));
    TimePoint until = days_after(request_.at, invoice_.value("dispute_days", 0));
    drafted_.paper = {{"kind", "Settlement"},
                      {"v", kSettlementVersion},
                      {"name", request_.invoice},
                      {"contract", contract_},
                      {"proposal", proposal_of(invoice_)},
                      {"proposal_digest", digest},
                      {"state", "proposed"},
                      {"dispute_until", to_rfc3339(until)},
                      {"steps", Json::array()},
                      {"postings", Json::array()}};
    return {};
  }

  Result<Amount> left_of_invoice() {
    CIYUAN_TRY(Amount gross, money_at(invoice_, "gross", "gross"));
    CIYUAN_TRY(Amount credited, credited_of(reader_, invoice_));
    return gross - credited;
  }

  // The most that can still be disputed: of the invoice, and of what the consumer has not paid yet.
  Result<Amount> owed() {
    CIYUAN_TRY(Amount left, left_of_invoice());
    CIYUAN_TRY(std::optional<store::AccountRow> row, reader_.account(receivable_));
    Amount balance = row ? row->debits_posted - row->credits_posted : Amount();
    return std::max(Amount(), std::min(left, rounded(balance, minor_decimals(currency_), Rounding::kUp)));
  }

  // The most that the named records can have cost, their tax included; a whole minor unit more for rounding.
  Result<Amount> cost_of(const std::vector<Json>& records) {
    Amount sum;
    std::string used = text_at(invoice_, "usage_currency");
    for (const Json& record : records) {
      CIYUAN_TRY(auto money, money_of(record));
      sum += money[used];
    }
    if (invoice_.contains("exchange")) {
      CIYUAN_TRY(Amount rate, parse_decimal(text_at(invoice_["exchange"], "rate"), kRateScale));
      CIYUAN_TRY(sum, converted(sum, rate, minor_decimals(currency_), Rounding::kUp));
    }
    Amount with_tax = rounded(sum, minor_decimals(currency_), Rounding::kUp);
    for (const Json& tax : invoice_.at("taxes")) {
      CIYUAN_TRY(Amount percent, parse_decimal(text_at(tax, "percent"), kPercentScale));
      CIYUAN_TRY(Amount amount, percent_of(sum, percent, minor_decimals(currency_), Rounding::kUp));
      with_tax += amount;
    }
    return with_tax;
  }

  Result<Json> record_of(const std::string& id_text, const std::string& path, std::set<std::string>& seen) {
    Result<Id> id = parse_id(id_text);
    if (!id.ok()) return invalid(path, "\"" + id_text.substr(0, 60) + "\" is no record's id");
    if (!seen.insert(id->text()).second) return invalid(path, id_text + " stands twice");
    CIYUAN_TRY(std::optional<store::RecordRow> row, reader_.record(*id));
    if (!row || row->contract != contract_)
      return refused(path, id_text + " is no record of the contract " + contract_);
    CIYUAN_TRY(TimePoint from, parse_rfc3339(text_at(invoice_.at("period"), "from")));
    CIYUAN_TRY(TimePoint to, parse_rfc3339(text_at(invoice_.at("period"), "to")));
    if (row->at < from || row->at >= to)
      return refused(path,
                     id_text + " closed at " + to_rfc3339(row->at) + ", outside of the invoice's period");
    return parse_json(row->json);
  }

  Result<Amount> check_dispute(const Json& one, const std::string& path, std::set<std::string>& seen) {
    CIYUAN_TRY_STATUS(check_members(one, {"reason", "amount", "records", "text"}, path));
    std::string reason = text_at(one, "reason");
    if (std::find(std::begin(kDisputeReasons), std::end(kDisputeReasons), reason) ==
        std::end(kDisputeReasons))
      return invalid(path + "/reason",
                     "\"" + reason.substr(0, 60) + "\" is no reason; those are " + list_of(kDisputeReasons));
    if (text_at(one, "text").size() > kTextBytesMax)
      return Error{ErrorCode::kTooLarge, "is longer than " + std::to_string(kTextBytesMax) + " bytes",
                   path + "/text"};
    CIYUAN_TRY(Amount amount, whole_money_at(one, "amount", path + "/amount", currency_));
    if (amount <= Amount())
      return invalid(path + "/amount", "\"" + text_at(one, "amount") + "\" is not above zero");
    const Json& ids = one.contains("records") ? one["records"] : Json();
    if (ids.is_null()) return amount;
    if (!ids.is_array() || ids.size() > kDisputedRecordsMax)
      return invalid(path + "/records",
                     "is no list of at most " + std::to_string(kDisputedRecordsMax) + " ids");
    std::vector<Json> records;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      CIYUAN_TRY(Json record, record_of(ids[i].is_string() ? ids[i].get<std::string>() : ids[i].dump(),
                                        path + "/records/" + std::to_string(i), seen));
      records.push_back(std::move(record));
    }
    if (records.empty()) return amount;
    CIYUAN_TRY(Amount cost, cost_of(records));
    if (amount > cost)
      return refused(path + "/amount", "\"" + text_at(one, "amount") + "\" is more than its records cost, " +
                                           money(cost) + " " + currency_ + " with tax");
    return amount;
  }

  Status dispute() {
    CIYUAN_TRY_STATUS(check_members(request_.body, {"proposal", "disputes"}, "body"));
    const Json disputes = request_.body.value("disputes", Json());
    if (!disputes.is_array() || disputes.empty() || disputes.size() > kDisputesMax)
      return invalid("body/disputes", "is no list of 1 to " + std::to_string(kDisputesMax) + " disputes");
    Amount sum;
    std::set<std::string> seen;
    for (std::size_t i = 0; i < disputes.size(); ++i) {
      CIYUAN_TRY(Amount amount, check_dispute(disputes[i], "body/disputes/" + std::to_string(i), seen));
      CIYUAN_TRY_STATUS(add_to(sum, amount, "body/disputes"));
    }
    CIYUAN_TRY(Amount most, owed());
    if (sum > most)
      return refused("body/disputes",
                     "\"" + money(sum) + "\" is more than what is owed, " + money(most) + " " + currency_);
    drafted_.paper["state"] = "disputed";
    drafted_.paper["disputed"] = money(sum);
    add_posting(drafted_, "settlement/" + request_.invoice, "disputed", disputed_, receivable_, currency_,
                sum);
    return {};
  }

  Status resolve() {
    CIYUAN_TRY_STATUS(check_members(request_.body, {"proposal", "upheld"}, "body"));
    CIYUAN_TRY(Amount disputed, money_at(*present_, "disputed", "disputed"));
    CIYUAN_TRY(Amount upheld, whole_money_at(request_.body, "upheld", "body/upheld", currency_));
    if (upheld.is_negative() || upheld > disputed)
      return refused("body/upheld", "\"" + text_at(request_.body, "upheld") +
                                        "\" is not between 0 and what is disputed, " + money(disputed) + " " +
                                        currency_);
    drafted_.paper["state"] = "resolved";
    drafted_.paper["upheld"] = money(upheld);
    add_posting(drafted_, "settlement/" + request_.invoice, "returned", receivable_, disputed_, currency_,
                disputed - upheld);
    if (upheld.is_zero()) return {};
    CIYUAN_TRY(Drafted note, draft_credit_note(reader_,
                                               {.invoice = request_.invoice,
                                                .gross = upheld,
                                                .reason = "dispute_upheld",
                                                .text = "",
                                                .id = "settlement/" + request_.invoice,
                                                .issued = request_.at},
                                               disputed_));
    drafted_.paper["credit_note"] = text_at(note.paper, "name");
    for (auto& paper : note.command.papers) drafted_.command.papers.push_back(std::move(paper));
    for (auto& posting : note.command.postings) drafted_.command.postings.push_back(std::move(posting));
    return {};
  }

  store::Reader& reader_;
  const StepRequest& request_;
  Json invoice_;
  std::optional<Json> present_;
  std::string currency_, contract_, receivable_, disputed_;
  Drafted drafted_;
};

}  // namespace

Json proposal_of(const Json& invoice) {
  Json proposal = {
      {"v", kSettlementVersion},
      {"invoice", text_at(invoice, "name")},
      {"invoice_digest", to_hex(sha256(canonical_json(invoice).ok() ? *canonical_json(invoice) : ""))},
      {"provider", text_at(invoice.at("issuer"), "name")},
      {"consumer", text_at(invoice.at("recipient"), "name")},
      {"currency", text_at(invoice, "currency")},
      {"totals",
       {{"calls", invoice.at("calls")},
        {"ciyuan", invoice.at("ciyuan")},
        {"net", invoice.at("net")},
        {"tax", invoice.at("tax")},
        {"gross", invoice.at("gross")}}}};
  for (const char* member : {"contract", "period", "proof"}) proposal[member] = invoice.at(member);
  return proposal;
}

Result<std::string> proposal_digest(const Json& invoice) {
  CIYUAN_TRY(std::string canonical, canonical_json(proposal_of(invoice)));
  return to_hex(sha256(canonical));
}

Result<Json> step_body(const Json& invoice) {
  CIYUAN_TRY(std::string digest, proposal_digest(invoice));
  return Json{{"proposal", digest}};
}

Result<std::string> step_text(std::string_view invoice_number, std::string_view step, const Json& body) {
  CIYUAN_TRY(std::string canonical, canonical_json(body));
  return std::string(kSettlementVersion) + "\n" + std::string(invoice_number) + "\n" + std::string(step) +
         "\n" + to_hex(sha256(canonical)) + "\n";
}

Result<Drafted> draft_step(store::Reader& reader, const StepRequest& request) {
  CIYUAN_TRY(store::Pinned pinned, store::Pinned::on(reader));
  if (std::find(std::begin(kSettlementSteps), std::end(kSettlementSteps), request.step) ==
      std::end(kSettlementSteps))
    return invalid(
        "step", "\"" + request.step.substr(0, 60) + "\" is no step; those are " + list_of(kSettlementSteps));
  CIYUAN_TRY(Json invoice, paper(reader, "Invoice", request.invoice));
  CIYUAN_TRY(std::optional<Json> settlement, find_paper(reader, "Settlement", request.invoice));
  CIYUAN_TRY(std::string digest, proposal_digest(invoice));
  if (!request.body.is_object() || text_at(request.body, "proposal") != digest)
    return invalid("body/proposal", "\"" + text_at(request.body, "proposal").substr(0, 80) +
                                        "\" is not the digest of the proposal for this invoice, " + digest);
  CIYUAN_TRY_STATUS(check_signatures(reader, request, invoice));
  return Step(reader, request, std::move(invoice), std::move(settlement)).draft();
}

}  // namespace ciyuan::report
