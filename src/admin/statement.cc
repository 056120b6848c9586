#include "admin/internal/statement.h"

#include <map>
#include <optional>

#include "base/amount.h"
#include "contract/limit.h"

namespace ciyuan::admin {
namespace {

constexpr std::size_t kPage = 1000;

struct Line {
  std::uint64_t billed = 0, measured = 0, reported = 0;
  bool all_reported = true;
  Amount amount;
  std::string currency;
};

struct Totals {
  std::uint64_t calls = 0;
  Amount ciyuan;
  std::map<std::string, Amount> money;
  std::map<std::string, std::uint64_t> states, verdicts;
  std::map<std::pair<std::string, std::string>, Line> lines;  ///< by model and kind
  /// Ids that a correction seen before stands for; true: it was in the period too.
  std::map<std::string, bool> replaced;
};

Status add(Amount& sum, const Json& text, int scale, int sign) {
  if (!text.is_string()) return Error{ErrorCode::kCorrupt, "an amount is not text", ""};
  CIYUAN_TRY(Amount amount, parse_decimal(text.get_ref<const std::string&>(), scale));
  std::optional<Amount> next = checked_add(sum, sign < 0 ? -amount : amount);
  if (!next) return Error{ErrorCode::kTooLarge, "the sum leaves 128 bits", ""};
  sum = *next;
  return {};
}

// The record's figures, or with sign −1 the taking back of them: counts may wrap on the way, and come right
// with the correction's own.
Status add_figures(Totals& totals, const Json& record, int sign) {
  auto times = [sign](std::uint64_t count) { return sign < 0 ? 0 - count : count; };
  const Json& outcome = record.at("outcome");
  totals.calls += times(1);
  totals.states[outcome.at("state").get<std::string>()] += times(1);
  if (outcome.contains("verdict")) totals.verdicts[outcome["verdict"].get<std::string>()] += times(1);
  CIYUAN_TRY_STATUS(add(totals.ciyuan, record.at("ciyuan"), contract::kCiyuanScale, sign));
  std::string model = record.at("model").value("asked", "");
  for (const auto& figure : record.at("usage").items()) {
    Line& line = totals.lines[{model, figure.key()}];
    line.billed += times(figure.value().at("billed").get<std::uint64_t>());
    line.measured += times(figure.value().at("measured").get<std::uint64_t>());
    if (figure.value().contains("reported"))
      line.reported += times(figure.value()["reported"].get<std::uint64_t>());
    else
      line.all_reported = false;
  }
  for (const Json& charge : record.at("charges")) {
    std::string currency = charge.at("currency");
    Line& line = totals.lines[{model, charge.at("kind").get<std::string>()}];
    if (charge["kind"] == "request")
      line.billed += times(std::stoull(charge.at("quantity").get<std::string>()));
    line.currency = currency;
    CIYUAN_TRY_STATUS(add(line.amount, charge.at("amount"), contract::kMoneyScale, sign));
    CIYUAN_TRY_STATUS(add(totals.money[currency], charge.at("amount"), contract::kMoneyScale, sign));
  }
  return {};
}

// Newest first, so that a correction comes before what it stands for.
Status take(Totals& totals, const Json& record) {
  const Json& outcome = record.at("outcome");
  if (outcome.contains("corrects")) totals.replaced.emplace(outcome["corrects"].get<std::string>(), false);
  auto replaced = totals.replaced.find(record.at("id").get<std::string>());
  if (replaced == totals.replaced.end()) return add_figures(totals, record, 1);
  replaced->second = true;
  return {};
}

// What was corrected in this period and counted in an earlier one: only the difference belongs here. In a
// chain, the newest link outside of the period is the one that was counted last.
Status take_back(store::Reader& reader, Totals& totals) {
  for (const auto& [id_text, in_period] : totals.replaced) {
    if (in_period) continue;
    CIYUAN_TRY(Id id, parse_id(id_text));
    CIYUAN_TRY(std::optional<store::RecordRow> row, reader.record(id));
    if (!row) return Error{ErrorCode::kCorrupt, "the corrected record is missing", id_text};
    CIYUAN_TRY(Json record, parse_json(row->json));
    CIYUAN_TRY_STATUS(add_figures(totals, record, -1));
  }
  std::erase_if(totals.states, [](const auto& one) { return one.second == 0; });
  std::erase_if(totals.verdicts, [](const auto& one) { return one.second == 0; });
  return {};
}

Json json_of(const Totals& totals, const std::string& contract, TimePoint from, TimePoint to) {
  Json body = {{"contract", contract},
               {"calls", totals.calls},
               {"ciyuan", format_decimal(totals.ciyuan, contract::kCiyuanScale)},
               {"states", totals.states},
               {"verdicts", totals.verdicts},
               {"money", Json::object()},
               {"lines", Json::array()}};
  if (from != TimePoint{}) body["from"] = to_rfc3339(from);
  if (to != TimePoint{}) body["to"] = to_rfc3339(to);
  for (const auto& [currency, sum] : totals.money)
    body["money"][currency] = format_decimal(sum, contract::kMoneyScale);
  for (const auto& [key, line] : totals.lines) {
    Json entry = {{"model", key.first}, {"kind", key.second}, {"quantity", line.billed}};
    if (key.second != "request") {
      entry["measured"] = line.measured;
      if (line.all_reported) entry["reported"] = line.reported;
    }
    if (!line.currency.empty()) {
      entry["amount"] = format_decimal(line.amount, contract::kMoneyScale);
      entry["currency"] = line.currency;
    }
    body["lines"].push_back(std::move(entry));
  }
  return body;
}

}  // namespace

Result<Json> statement_of(store::Reader& reader, const std::string& contract, TimePoint from, TimePoint to) {
  // One state for all pages: a statement whose parts were read at different times would be of no time at all.
  CIYUAN_TRY(store::Pinned pinned, store::Pinned::on(reader));
  Totals totals;
  store::RecordFilter filter;
  filter.contract = contract;
  filter.from = from;
  filter.to = to;
  filter.rows_max = kPage;
  try {  // the JSON library throws for a member that is not there or of another type
    for (bool more = true; more;) {
      CIYUAN_TRY(std::vector<store::RecordRow> rows, reader.records(filter));
      for (const store::RecordRow& row : rows) {
        CIYUAN_TRY(Json record, parse_json(row.json));
        CIYUAN_TRY_STATUS(take(totals, record));
      }
      more = rows.size() == kPage && rows.back().leaf > 0;
      if (more) filter.before_leaf = rows.back().leaf;
    }
    CIYUAN_TRY_STATUS(take_back(reader, totals));
  } catch (const std::exception& error) {
    return Error{ErrorCode::kCorrupt, std::string("a stored record is damaged: ") + error.what(), contract};
  }
  if (totals.calls == 0) {
    CIYUAN_TRY(std::vector<store::DocumentRow> history, reader.document_history("Contract", contract));
    if (history.empty()) return Error{ErrorCode::kNotFound, "no contract of this name", contract};
  }
  return json_of(totals, contract, from, to);
}

}  // namespace ciyuan::admin
