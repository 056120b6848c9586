#include "report/closing.h"

#include <algorithm>
#include <map>

#include "contract/limit.h"
#include "price/closing.h"
#include "report/papers.h"
#include "report/rerating.h"

namespace ciyuan::report {
namespace {

constexpr std::size_t kPage = 1000;

std::string money(Amount amount) { return format_decimal(amount, contract::kMoneyScale); }
Result<Amount> money_at(const Json& object, std::string_view member) {
  return parse_decimal(text_at(object, member), contract::kMoneyScale);
}

/// A document as it was at some time.
struct Version {
  Json value;
  std::string digest;
};
struct Versions {
  std::vector<store::DocumentRow> rows;  ///< newest first, deletions left out

  static Result<Versions> of(store::Reader& reader, std::string_view kind, std::string_view name) {
    CIYUAN_TRY(std::vector<store::DocumentRow> rows, reader.document_history(kind, name));
    std::erase_if(rows, [](const store::DocumentRow& row) { return row.json.empty(); });
    if (rows.empty())
      return Error{ErrorCode::kNotFound, "there never was one", std::string(kind) + "/" + std::string(name)};
    return Versions{std::move(rows)};
  }
  /// In force just before `time`; the first one where there was none yet.
  Result<Version> before(TimePoint time) const {
    auto row =
        std::find_if(rows.begin(), rows.end(), [&](const store::DocumentRow& one) { return one.at < time; });
    if (row == rows.end()) row = rows.end() - 1;
    CIYUAN_TRY(Json value, parse_json(row->json));
    return Version{std::move(value), to_hex(row->digest)};
  }
};

std::string book_named_by(const Json& contract) {
  std::string name = text_at(contract, "price_book");
  for (const Json& clause : contract.at("clauses"))
    if (name.empty() && text_at(clause, "kind") == "price") name = text_at(clause, "book");
  return name;
}

bool has_something_to_close(const price::Book& book) {
  const price::ClosingRules& rules = book.closing_rules();
  return !rules.free.empty() || !rules.percentages.empty() || rules.minimum || rules.commitment ||
         rules.rounding.decimals != price::kMoneyScale ||
         std::any_of(book.lines().begin(), book.lines().end(),
                     [](const price::Line& line) { return line.schedule.counts(); });
}

/// A contract with its price book, and how far it is closed.
struct Subject {
  std::string name;
  Versions contracts, books;
  TimePoint began, until;  ///< until: zero for ever
  bool closes = false;     ///< some version of its book has something to close
  std::optional<Json> last;
};

Result<Subject> subject_of(store::Reader& reader, const std::string& name) {
  Subject subject{
      .name = name, .contracts = {}, .books = {}, .began = {}, .until = {}, .closes = false, .last = {}};
  CIYUAN_TRY(subject.contracts, Versions::of(reader, "Contract", name));
  CIYUAN_TRY(Json contract, parse_json(subject.contracts.rows.front().json));
  const std::string book = book_named_by(contract);
  if (book.empty()) return subject;
  CIYUAN_TRY(subject.books, Versions::of(reader, "PriceBook", book));
  for (const store::DocumentRow& row : subject.books.rows) {
    CIYUAN_TRY(Json value, parse_json(row.json));
    // A version that this contract's clause does not fit is none of its.
    Result<price::Book> parsed = Books::of(contract, value);
    if (parsed.ok() && has_something_to_close(*parsed)) subject.closes = true;
    if (subject.closes) break;
  }
  const Json& effective = contract.at("effective");
  CIYUAN_TRY(subject.began, price::parse_moment(text_at(effective, "from")));
  subject.began = std::max(subject.began, subject.contracts.rows.back().at);
  if (effective.contains("until")) {
    CIYUAN_TRY(subject.until, price::parse_moment(text_at(effective, "until")));
  }
  CIYUAN_TRY(std::vector<Json> closed, closings_of(reader, name, {}, {}));
  if (!closed.empty()) subject.last = std::move(closed.back());
  return subject;
}

/// A billing period of the contract.
struct Span {
  Period period;
  bool ends_term = false;   ///< with the contract
  bool after_term = false;  ///< only what closes late is in it
};

Result<Span> next_span(const Subject& subject) {
  TimePoint from = subject.began;
  if (subject.last) {
    CIYUAN_TRY(from, parse_rfc3339(text_at(subject.last->at("period"), "to")));
  }
  CIYUAN_TRY(Version contract, subject.contracts.before(TimePoint{INT64_MAX}));
  CIYUAN_TRY(Version newest, subject.books.before(TimePoint{INT64_MAX}));
  CIYUAN_TRY(price::Book book, Books::of(contract.value, newest.value));
  const bool by_day = book.closing_rules().billing_period == price::Period::kDay;
  const int offset = book.utc_offset_minutes();
  const WindowEdges window = window_of(from, by_day ? Window::kDay : Window::kMonth, offset);
  Span span;
  span.period.from = subject.last ? from : window.start;
  span.period.to = window.end;
  span.period.offset_minutes = offset;
  span.after_term = subject.until != TimePoint{} && from >= subject.until;
  if (!span.after_term && subject.until != TimePoint{} && subject.until <= window.end) {
    span.period.to = subject.until;
    span.ends_term = true;
  }
  const std::string day = date_text(span.period.from, offset);
  span.period.name = by_day ? day : day.substr(0, 7);
  if (span.period.from != window.start || span.period.to != window.end)
    span.period.name = to_rfc3339(span.period.from) + ".." + to_rfc3339(span.period.to);
  return span;
}

/// Counters of schedules' periods that go on after a closing.
Result<price::Counters> counters_after(const std::optional<Json>& closing) {
  price::Counters counters;
  if (!closing) return counters;
  for (const Json& one : closing->at("counters")) {
    TimePoint period;
    if (one.contains("period")) {
      CIYUAN_TRY(period, parse_rfc3339(text_at(one, "period")));
    }
    counters[{text_at(one, "line"), period}] = one.at("units").get<std::int64_t>();
  }
  return counters;
}

Json json_of(const price::Counters& counters, const price::Book& book, TimePoint end) {
  Json list = Json::array();
  for (const auto& [key, units] : counters) {
    const auto& [id, start] = key;
    auto line = std::find_if(book.lines().begin(), book.lines().end(),
                             [&id = id](const price::Line& one) { return one.id == id; });
    if (line == book.lines().end() ||
        price::start_of(line->schedule.period, end, book.utc_offset_minutes()) != start)
      continue;
    Json one = {{"line", id}, {"units", units}};
    if (start != TimePoint{}) one["period"] = to_rfc3339(start);
    list.push_back(std::move(one));
  }
  return list;
}

Json json_of(const TrueUp& true_up, Amount amount) {
  return {{"line", true_up.line},
          {"rule", price::name_of(true_up.schedule)},
          {"model", true_up.model},
          {"kind", price::name_of(true_up.meter)},
          {"quantity", std::to_string(true_up.quantity)},
          {"captured", money(true_up.captured)},
          {"rated", money(true_up.rated)},
          {"amount", money(amount)}};
}

Json json_of(const price::RatedLine& line) {
  Json one = {{"line", line.line},
              {"rule", price::name_of(line.rule)},
              {"quantity", std::to_string(line.quantity)},
              {"unit_price", money(line.unit_price)},
              {"amount", money(line.amount)}};
  if (!line.model.empty()) one["model"] = line.model, one["kind"] = price::name_of(line.meter);
  return one;
}

/// What is to be posted, and for which models.
struct Difference {
  Json lines = Json::array();
  Amount sum;
  std::map<std::string, Amount> of_model;

  Status add(Json line, const std::string& model, Amount amount) {
    if (amount.is_zero()) return {};
    for (Amount* into : {&sum, model.empty() ? nullptr : &of_model[model]}) {
      if (into == nullptr) continue;
      std::optional<Amount> next = checked_add(*into, amount);
      if (!next) return Error{ErrorCode::kTooLarge, "the sum leaves 128 bits", "period"};
      *into = *next;
    }
    lines.push_back(std::move(line));
    return {};
  }
};

Result<Difference> difference_of(const Rerated& rerated, const price::Book& book, const price::PeriodEnd& end,
                                 bool with_rules) {
  Difference difference;
  for (const TrueUp& true_up : rerated.true_ups) {
    std::optional<Amount> amount = checked_subtract(true_up.rated, true_up.captured);
    if (!amount) return Error{ErrorCode::kTooLarge, "the difference leaves 128 bits", true_up.line};
    CIYUAN_TRY_STATUS(difference.add(json_of(true_up, *amount), true_up.model, *amount));
  }
  if (!with_rules) return difference;
  CIYUAN_TRY(std::vector<price::RatedLine> closing, price::close_period(book, rerated.lines, end));
  for (const price::RatedLine& line : closing)
    if (line.rule != price::Rule::kTax && line.rule != price::Rule::kTaxIncluded)
      CIYUAN_TRY_STATUS(difference.add(json_of(line), line.model, line.amount));
  return difference;
}

// The balance that pays for the contract's calls before anything else does; empty: there is none.
std::string prepaid_account(const Json& contract, const std::string& currency) {
  for (const Json& clause : contract.at("clauses")) {
    const std::string kind = text_at(clause, "kind");
    bool is_prepaid = kind == "cap" && text_at(clause, "window") == "prepaid" &&
                      text_at(clause, "unit") == currency && text_at(clause, "per") != "key";
    if (kind == "payment")
      for (const Json& source : clause.at("sources")) is_prepaid |= text_at(source, "source") == "prepaid";
    if (is_prepaid)
      return "prepaid/" + text_at(contract, "name") + "/" + text_at(clause, "id") + "/" + currency;
  }
  return "";
}

// What is owed comes out of the prepaid balance as far as that goes, and then stands on the receivable; what
// is given back goes where it is paid from.
Status post_difference(store::Reader& reader, Drafted& drafted, const Json& contract, Amount sum) {
  const std::string name = text_at(drafted.paper, "name"), currency = text_at(drafted.paper, "currency");
  const std::string revenue = "revenue/" + text_at(contract.at("parties"), "provider") + "/" + currency;
  const std::string receivable = "receivable/" + text_at(contract.at("parties"), "consumer") + "/" + currency;
  const std::string prepaid = prepaid_account(contract, currency);
  Amount from_prepaid;
  if (!prepaid.empty()) {
    CIYUAN_TRY(std::optional<store::AccountRow> row, reader.account(prepaid));
    if (row) {
      const Amount balance = std::max(row->credits_posted - row->debits_posted, Amount());
      from_prepaid = sum.is_negative() ? sum : std::min(sum, balance);
    }
  }
  if (!prepaid.empty())
    add_posting(drafted, name, "from the balance", prepaid, revenue, currency, from_prepaid);
  add_posting(drafted, name, "difference", receivable, revenue, currency, sum - from_prepaid);
  drafted.paper["paid"] = money(from_prepaid);
  drafted.paper["owed"] = money(sum - from_prepaid);
  return {};
}

Status post_royalties(store::Reader& reader, Drafted& drafted, const Json& contract,
                      const Difference& difference) {
  const std::string name = text_at(drafted.paper, "name"), currency = text_at(drafted.paper, "currency");
  const std::string revenue = "revenue/" + text_at(contract.at("parties"), "provider") + "/" + currency;
  CIYUAN_TRY(auto names, model_names(reader));
  std::map<std::string, Amount> shares;
  for (const auto& [model, amount] : difference.of_model) {
    CIYUAN_TRY(std::vector<Royalty> royalties, royalties_for(contract, model, names, currency));
    for (const Royalty& royalty : royalties) shares[royalty.account] += royalty.of(amount);
  }
  for (const auto& [account, amount] : shares)
    add_posting(drafted, name, account, revenue, account, currency, amount);
  return {};
}

Result<Drafted> close(store::Reader& reader, const Subject& subject, const Span& span) {
  CIYUAN_TRY(Version contract, subject.contracts.before(span.period.to));
  CIYUAN_TRY(Version document, subject.books.before(span.period.to));
  CIYUAN_TRY(price::Book book, Books::of(contract.value, document.value));
  CIYUAN_TRY(price::Counters counters, counters_after(subject.last));
  // A billing period cannot be made shorter, and nothing is kept of a single record.
  const RecordQuery query{.contract = subject.name,
                          .key = "",
                          .model = "",
                          .from = span.period.from,
                          .to = span.period.to,
                          .records_max = SIZE_MAX};
  CIYUAN_TRY(Rerated use, rerated(reader, query, book.currency(), counters));
  price::PeriodEnd end{.of_term = span.ends_term, .charged_before = {}};
  if (subject.last) {
    CIYUAN_TRY(end.charged_before, money_at(*subject.last, "charged_in_all"));
  }
  CIYUAN_TRY(Difference difference, difference_of(use, book, end, !span.after_term));
  std::optional<Amount> charged = checked_add(use.captured, difference.sum);
  std::optional<Amount> in_all = charged ? checked_add(*charged, end.charged_before) : charged;
  if (!in_all) return Error{ErrorCode::kTooLarge, "the sum leaves 128 bits", "period"};

  Drafted drafted;
  drafted.paper = {{"v", kClosingVersion},
                   {"kind", "Closing"},
                   {"name", subject.name + "/" + to_rfc3339(span.period.from)},
                   {"contract", {{"name", subject.name}, {"digest", contract.digest}}},
                   {"price_book", {{"name", book.name()}, {"digest", document.digest}}},
                   {"period",
                    {{"from", to_rfc3339(span.period.from)},
                     {"to", to_rfc3339(span.period.to)},
                     {"name", span.period.name},
                     {"utc_offset_minutes", span.period.offset_minutes}}},
                   {"ends_term", span.ends_term},
                   {"currency", book.currency()},
                   {"captured", money(use.captured)},
                   {"lines", std::move(difference.lines)},
                   {"difference", money(difference.sum)},
                   {"charged", money(*charged)},
                   {"charged_in_all", money(*in_all)},
                   {"counters", json_of(counters, book, span.period.to)},
                   {"postings", Json::array()}};
  CIYUAN_TRY_STATUS(post_difference(reader, drafted, contract.value, difference.sum));
  CIYUAN_TRY_STATUS(post_royalties(reader, drafted, contract.value, difference));
  return drafted;
}

}  // namespace

Result<ClosingDraft> draft_closing(store::Reader& reader, const std::string& contract, TimePoint at) {
  CIYUAN_TRY(store::Pinned pinned, store::Pinned::on(reader));
  CIYUAN_TRY(Subject subject, subject_of(reader, contract));
  if (!subject.closes) return ClosingDraft{};
  CIYUAN_TRY(Span span, next_span(subject));
  if (span.period.to > at) return ClosingDraft{std::nullopt, span.period.to};
  CIYUAN_TRY(Drafted drafted, close(reader, subject, span));
  // After the contract's end there is nothing but what its last calls were charged.
  if (span.after_term && text_at(drafted.paper, "captured") == money(Amount())) return ClosingDraft{};
  drafted.command.at = at;
  CIYUAN_TRY_STATUS(add_paper(drafted, "Closing", drafted.paper));
  return ClosingDraft{std::move(drafted), at};
}

Result<Json> closing_so_far(store::Reader& reader, const std::string& contract, TimePoint at) {
  CIYUAN_TRY(store::Pinned pinned, store::Pinned::on(reader));
  CIYUAN_TRY(Subject subject, subject_of(reader, contract));
  if (!subject.closes)
    return Error{ErrorCode::kRefused,
                 "its price book says nothing of whole periods: there is nothing to close",
                 "Contract/" + contract};
  CIYUAN_TRY(Span span, next_span(subject));
  const TimePoint end = span.period.to;
  span.period.to = std::max(std::min(span.period.to, at), TimePoint{span.period.from.ns + 1});
  CIYUAN_TRY(Drafted drafted, close(reader, subject, span));
  drafted.paper.erase("postings");
  drafted.paper["ends"] = to_rfc3339(end);
  return std::move(drafted.paper);
}

Result<std::vector<Json>> closings_of(store::Reader& reader, const std::string& contract, TimePoint from,
                                      TimePoint to) {
  std::vector<Json> found;
  std::string after;
  for (bool more = true; more;) {
    CIYUAN_TRY(std::vector<Json> page, papers(reader, "Closing", contract + "/", after, kPage));
    more = page.size() == kPage;
    if (more) after = text_at(page.back(), "name");
    for (Json& one : page) {
      CIYUAN_TRY(TimePoint end, parse_rfc3339(text_at(one.at("period"), "to")));
      if (end > from && (to == TimePoint{} || end <= to)) found.push_back(std::move(one));
    }
  }
  return found;
}

}  // namespace ciyuan::report
