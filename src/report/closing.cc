#include "report/closing.h"

#include <algorithm>
#include <map>

#include "contract/limit.h"
#include "price/closing.h"
#include "report/internal/difference.h"
#include "report/papers.h"
#include "report/rerating.h"

namespace ciyuan::report {
namespace {

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
  std::vector<store::DocumentRow> rows;  ///< newest first; deletions have no text

  static Result<Versions> of(store::Reader& reader, std::string_view kind, std::string_view name) {
    CIYUAN_TRY(std::vector<store::DocumentRow> rows, reader.document_history(kind, name));
    if (std::all_of(rows.begin(), rows.end(), [](const store::DocumentRow& row) { return row.json.empty(); }))
      return Error{ErrorCode::kNotFound, "there never was one", std::string(kind) + "/" + std::string(name)};
    return Versions{std::move(rows)};
  }
  /// The newest that came before `time`; the first one where there was none yet. Deletions are passed over.
  Result<Version> before(TimePoint time) const {
    const store::DocumentRow* found = nullptr;
    for (const store::DocumentRow& row : rows) {
      if (row.json.empty()) continue;
      found = &row;
      if (row.at < time) break;
    }
    CIYUAN_TRY(Json value, parse_json(found->json));
    return Version{std::move(value), to_hex(found->digest)};
  }
};

bool has_something_to_close(const price::Book& book) {
  const price::ClosingRules& rules = book.closing_rules();
  return !rules.free.empty() || !rules.percentages.empty() || rules.minimum || rules.commitment ||
         rules.rounding.decimals != price::kMoneyScale ||
         std::any_of(book.lines().begin(), book.lines().end(),
                     [](const price::Line& line) { return line.schedule.counts(); });
}

/// A contract and its price book as they were just before some time.
struct Terms {
  Version contract, document;
  const price::Book* book = nullptr;  ///< null: the contract had no price book, or one that does not fit it
  bool closes = false;                ///< it says something of whole periods
};

/// A billing period of the contract.
struct Span {
  Period period;
  bool ends_term = false;   ///< with the contract
  bool after_term = false;  ///< only what closes late is in it
};

/// A contract through time: when it was in force, under which books, and how far it is closed.
class Subject {
 public:
  static Result<Subject> of(store::Reader& reader, const std::string& name) {
    Subject subject(reader, name);
    CIYUAN_TRY(subject.contracts_, Versions::of(reader, "Contract", name));
    CIYUAN_TRY(std::vector<Json> closed, closings_of(reader, name, {}, {}));
    for (const Json& one : closed) subject.term_is_ended_ |= one.value("ends_term", false);
    if (!closed.empty()) subject.last = std::move(closed.back());
    return subject;
  }

  /// Where the next period begins; the window that holds it may begin before.
  Result<TimePoint> start() const {
    if (last) return parse_rfc3339(text_at(last->at("period"), "to"));
    TimePoint began;  // of the oldest version
    for (const store::DocumentRow& row : contracts_.rows)
      if (!row.json.empty()) began = row.at;
    CIYUAN_TRY(Version first, contracts_.before(TimePoint{}));
    CIYUAN_TRY(TimePoint from, price::parse_moment(text_at(first.value.at("effective"), "from")));
    return std::max(began, from);
  }

  Result<Terms> terms_before(TimePoint time) {
    Terms terms;
    CIYUAN_TRY(terms.contract, contracts_.before(time));
    const std::string book = price_book_of(terms.contract.value);
    if (book.empty()) return terms;
    CIYUAN_TRY(Versions books, Versions::of(reader_, "PriceBook", book));
    CIYUAN_TRY(terms.document, books.before(time));
    CIYUAN_TRY(terms.book, books_.find(terms.contract.digest, terms.document.digest));
    terms.closes = terms.book != nullptr && has_something_to_close(*terms.book);
    return terms;
  }

  /// The period that begins at `from`: as long as the book says that is in force there, to the end of the
  /// contract, or to where it takes another price book. `is_first`: it begins with its window.
  Result<Span> span_from(TimePoint from, bool is_first) {
    CIYUAN_TRY(Terms terms, terms_before(TimePoint{from.ns + 1}));
    const bool by_day =
        terms.book != nullptr && terms.book->closing_rules().billing_period == price::Period::kDay;
    const int offset = terms.book != nullptr ? terms.book->utc_offset_minutes() : 0;
    const WindowEdges window = window_of(from, by_day ? Window::kDay : Window::kMonth, offset);
    Span span;
    span.period.from = is_first ? window.start : from;
    span.period.to = window.end;
    span.period.offset_minutes = offset;
    CIYUAN_TRY(TimePoint until, end_after(from));
    span.after_term = until != TimePoint{} && from >= until;
    if (!span.after_term && until != TimePoint{} && until <= window.end) {
      span.period.to = until;
      span.ends_term = true;
    }
    const std::string book = price_book_of(terms.contract.value);
    for (const store::DocumentRow& row : contracts_.rows) {
      if (row.json.empty() || row.at <= from || row.at >= span.period.to) continue;
      CIYUAN_TRY(Json value, parse_json(row.json));
      // Put back after a deletion, or under another book: another period.
      if (!span.after_term && price_book_of(value) == book) continue;
      span.period.to = row.at;
      span.ends_term = false;
    }
    const std::string day = date_text(span.period.from, offset);
    span.period.name = by_day ? day : day.substr(0, 7);
    if (span.period.from != window.start || span.period.to != window.end)
      span.period.name = to_rfc3339(span.period.from) + ".." + to_rfc3339(span.period.to);
    return span;
  }

  const std::string& name() const { return name_; }
  /// The contract's end was written down after the period before it was closed.
  bool term_is_ended() const { return term_is_ended_; }
  std::optional<Json> last;

 private:
  Subject(store::Reader& reader, std::string name)
      : reader_(reader), name_(std::move(name)), books_(reader) {}

  // When the contract that was in force at `from`, or the last before it, ended: by its own words or by its
  // deletion. Zero: it goes on.
  Result<TimePoint> end_after(TimePoint from) const {
    TimePoint until;
    // The words of the newest version count, unless it came after a deletion.
    bool is_gone = false;
    TimePoint gone;
    for (auto row = contracts_.rows.rbegin(); row != contracts_.rows.rend(); ++row) {
      if (row->json.empty()) {
        if (!is_gone) gone = row->at;
        is_gone = true;
        if (gone > from) break;
      } else if (!is_gone || row->at <= from) {
        is_gone = false;
        CIYUAN_TRY(Json value, parse_json(row->json));
        until = {};
        if (value.at("effective").contains("until")) {
          CIYUAN_TRY(until, price::parse_moment(text_at(value.at("effective"), "until")));
        }
      }
    }
    if (is_gone && (until == TimePoint{} || gone < until)) until = gone;
    return until;
  }

  store::Reader& reader_;
  std::string name_;
  Versions contracts_;
  Books books_;  ///< each version is parsed once
  bool term_is_ended_ = false;
};

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

using internal::Difference;

/// Which of the book's rules a close applies.
enum class Apply { kAll, kTermCommitment, kNone };

Result<Difference> difference_of(const Rerated& rerated, const price::Book& book, const price::PeriodEnd& end,
                                 Apply rules) {
  Difference difference;
  for (const TrueUp& true_up : rerated.true_ups) {
    std::optional<Amount> amount = checked_subtract(true_up.rated, true_up.captured);
    if (!amount) return Error{ErrorCode::kTooLarge, "the difference leaves 128 bits", true_up.line};
    CIYUAN_TRY_STATUS(difference.add(
        json_of(true_up, *amount), {true_up.contract, true_up.line, true_up.model, true_up.meter, *amount}));
  }
  if (rules == Apply::kTermCommitment && book.closing_rules().commitment &&
      book.closing_rules().commitment->whole_term) {
    const Amount charged = rerated.captured + difference.sum + end.charged_before;
    const Amount lacking = book.closing_rules().commitment->amount - charged;
    price::RatedLine line{.line = "commitment", .rule = price::Rule::kCommitment};
    line.quantity = 1;
    line.unit_price = line.amount = std::max(lacking, Amount());
    CIYUAN_TRY_STATUS(difference.add(json_of(line), {.amount = line.amount}));
  }
  if (rules != Apply::kAll) return difference;
  CIYUAN_TRY(std::vector<price::RatedLine> closing, price::close_period(book, rerated.lines, end));
  for (const price::RatedLine& line : closing)
    if (line.rule != price::Rule::kTax && line.rule != price::Rule::kTaxIncluded)
      CIYUAN_TRY_STATUS(
          difference.add(json_of(line), {.model = line.model, .meter = line.meter, .amount = line.amount}));
  return difference;
}

Result<Drafted> close(store::Reader& reader, const Subject& subject, const Span& span, const Terms& terms,
                      bool from_balance, std::size_t records_max) {
  const Version &contract = terms.contract, &document = terms.document;
  const price::Book& book = *terms.book;
  CIYUAN_TRY(price::Counters counters, counters_after(subject.last));
  const RecordQuery query{.contract = subject.name(),
                          .key = "",
                          .model = "",
                          .from = span.period.from,
                          .to = span.period.to,
                          .records_max = records_max};
  CIYUAN_TRY(Rerated use, rerated(reader, query, book.currency(), counters));
  price::PeriodEnd end{.of_term = span.ends_term, .charged_before = {}};
  if (subject.last) {
    CIYUAN_TRY(end.charged_before, money_at(*subject.last, "charged_in_all"));
  }
  const Apply rules = !span.after_term           ? Apply::kAll
                      : !subject.term_is_ended() ? Apply::kTermCommitment
                                                 : Apply::kNone;
  CIYUAN_TRY(Difference difference, difference_of(use, book, end, rules));
  Amount charged = use.captured, in_all = end.charged_before;
  CIYUAN_TRY_STATUS(add_to(charged, difference.sum, "period"));
  CIYUAN_TRY_STATUS(add_to(in_all, charged, "period"));

  Drafted drafted;
  drafted.paper = {{"v", kClosingVersion},
                   {"kind", "Closing"},
                   {"name", subject.name() + "/" + to_rfc3339(span.period.from)},
                   {"contract", {{"name", subject.name()}, {"digest", contract.digest}}},
                   {"price_book", {{"name", book.name()}, {"digest", document.digest}}},
                   {"period",
                    {{"from", to_rfc3339(span.period.from)},
                     {"to", to_rfc3339(span.period.to)},
                     {"name", span.period.name},
                     {"utc_offset_minutes", span.period.offset_minutes}}},
                   {"ends_term", span.ends_term || rules == Apply::kTermCommitment},
                   {"currency", book.currency()},
                   {"captured", money(use.captured)},
                   {"lines", difference.lines},
                   {"difference", money(difference.sum)},
                   {"charged", money(charged)},
                   {"charged_in_all", money(in_all)},
                   {"counters", json_of(counters, book, span.period.to)},
                   {"postings", Json::array()}};
  CIYUAN_TRY_STATUS(
      internal::post_difference(reader, drafted, contract.value, difference, use.paid, from_balance));
  CIYUAN_TRY_STATUS(internal::post_royalties(reader, drafted, contract.value, difference, use.paid));
  return drafted;
}

}  // namespace

Result<ClosingDraft> draft_closing(store::Reader& reader, const std::string& contract, TimePoint at,
                                   bool from_balance) {
  CIYUAN_TRY(store::Pinned pinned, store::Pinned::on(reader));
  CIYUAN_TRY(Subject subject, Subject::of(reader, contract));
  CIYUAN_TRY(TimePoint from, subject.start());
  bool is_first = !subject.last;
  if (is_first) {
    // What was invoiced before there were closings is settled.
    CIYUAN_TRY(std::optional<Json> billing, find_paper(reader, "Billing", contract));
    if (billing) {
      CIYUAN_TRY(TimePoint until, parse_rfc3339(text_at(*billing, "until")));
      if (until > from) from = until, is_first = false;
    }
  }
  for (;; is_first = false) {
    CIYUAN_TRY(Span span, subject.span_from(from, is_first));
    // What ended begins again with another version only.
    if (span.period.to > at)
      return ClosingDraft{std::nullopt, span.after_term ? TimePoint() : span.period.to};
    CIYUAN_TRY(Terms terms, subject.terms_before(span.period.to));
    from = span.period.to;
    if (!terms.closes) continue;
    CIYUAN_TRY(Drafted drafted, close(reader, subject, span, terms, from_balance, SIZE_MAX));
    // After the contract's end there is nothing but what its last calls were charged.
    if (span.after_term && drafted.paper.at("lines").empty() &&
        text_at(drafted.paper, "captured") == money(Amount()))
      continue;
    drafted.command.at = at;
    CIYUAN_TRY_STATUS(add_paper(drafted, "Closing", drafted.paper));
    return ClosingDraft{std::move(drafted), at};
  }
}

Result<Json> closing_so_far(store::Reader& reader, const std::string& contract, TimePoint at) {
  CIYUAN_TRY(store::Pinned pinned, store::Pinned::on(reader));
  CIYUAN_TRY(Subject subject, Subject::of(reader, contract));
  CIYUAN_TRY(TimePoint from, subject.start());
  CIYUAN_TRY(Span span, subject.span_from(from, !subject.last));
  // Over and not closed: nothing was to be closed in it.
  while (span.period.to <= at && !span.after_term && !span.ends_term) {
    CIYUAN_TRY(span, subject.span_from(span.period.to, false));
  }
  const TimePoint end = span.period.to;
  span.period.to = std::max(std::min(span.period.to, at), TimePoint{span.period.from.ns + 1});
  CIYUAN_TRY(Terms terms, subject.terms_before(TimePoint{at.ns + 1}));
  if (!terms.closes)
    return Error{ErrorCode::kRefused,
                 "its price book says nothing of whole periods: there is nothing to close",
                 "Contract/" + contract};
  CIYUAN_TRY(Drafted drafted, close(reader, subject, span, terms, true, kRecordsMax));
  drafted.paper.erase("postings");
  drafted.paper["ends"] = to_rfc3339(end);
  return std::move(drafted.paper);
}

Result<std::vector<Json>> closings_of(store::Reader& reader, const std::string& contract, TimePoint from,
                                      TimePoint to) {
  std::vector<Json> found;
  CIYUAN_TRY_STATUS(for_each_paper(reader, "Closing", contract + "/", [&](Json& one) -> Status {
    CIYUAN_TRY(TimePoint end, parse_rfc3339(text_at(one.at("period"), "to")));
    if (end > from && (to == TimePoint{} || end <= to)) found.push_back(std::move(one));
    return {};
  }));
  return found;
}

}  // namespace ciyuan::report
