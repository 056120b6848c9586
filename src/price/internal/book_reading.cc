/// From a document to a Book: each line by itself, then all of them together, then what each model's calls
/// may meet.

#include <algorithm>
#include <set>

#include "price/book.h"
#include "price/currency.h"
#include "price/internal/coverage.h"
#include "price/internal/fields.h"

namespace ciyuan::price {
namespace {

// Above this many units of currency for one million tokens a price is more likely mistyped than meant, and
// above this many for a single one of anything it surely is.
constexpr Int128 kPlausiblePerToken = 10'000'000'000;  // 10^-12 units: 10,000 a million tokens
constexpr Int128 kPossiblePrice = Int128{1'000'000} * 1'000'000'000'000;
constexpr Int128 kPossiblePerToken = Int128{100} * 1'000'000'000'000;
constexpr Int128 kHundredPercent = 100 * kWholePercent;

std::string place_of(std::size_t index) { return "prices/" + std::to_string(index); }

Error below(const std::string& pointer, Error error) {
  error.path = pointer + error.path;
  return error;
}

}  // namespace

class BookReader {
 public:
  Result<Book> read(const Json& document, const Json* clause) {
    CIYUAN_TRY_STATUS(read_head(document));
    if (clause != nullptr) {
      CIYUAN_TRY_STATUS(read_lines(*clause, "price/"));
      own_from_ = book_.lines_.size();
    }
    CIYUAN_TRY_STATUS(read_lines(document, ""));
    if (clause != nullptr) CIYUAN_TRY_STATUS(discount(*clause));
    CIYUAN_TRY_STATUS(group());
    for (const std::string& model : models_) compile(model);
    return std::move(book_);
  }

 private:
  /// Lines of a clause stand before those of the book, and are asked first.
  enum Layer : std::uint8_t { kClause, kBook };
  struct Group {
    Layer layer;
    std::string model;
    Meter meter;
    auto operator<=>(const Group&) const = default;
  };

  Layer layer_of(std::size_t line) const { return line < own_from_ ? kClause : kBook; }

  Status read_head(const Json& document) {
    book_.name_ = text_at(document, "name");
    book_.version_ = text_at(document, "version");
    book_.currency_ = text_at(document, "currency");
    if (!is_currency(book_.currency_))
      return invalid("/currency", book_.currency_ + " is no currency of ISO 4217");
    CIYUAN_TRY_STATUS(read_span(document, book_.effective_from_, book_.effective_until_));
    if (Result<TimePoint> date = parse_moment(text_at(document, "date")); !date.ok())
      return invalid("/date", date.error().message);
    book_.utc_offset_minutes_ = static_cast<int>(whole_at(document, "utc_offset_minutes", 0));
    const std::int64_t per_tokens = whole_at(document, "per_tokens", 1);
    token_scale_ = kMoneyScale - (per_tokens == 1 ? 0 : per_tokens == 1000 ? 3 : 6);
    CIYUAN_TRY(book_.closing_rules_, read_closing_rules(document, book_.warnings_));
    return {};
  }

  Status read_lines(const Json& owner, const std::string& prefix) {
    const Json list = owner.value("prices", Json::array());
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string pointer = "/" + place_of(i);
      Result<Line> line = read_line(list[i]);
      if (!line.ok()) return below(pointer, line.error());
      const bool named = list[i].contains("id");
      line->id = named ? text_at(list[i], "id") : prefix + place_of(i);
      if (!ids_.insert(line->id).second) return invalid(pointer + "/id", "\"" + line->id + "\" stands twice");
      if (book_.lines_.size() == kLinesMax)
        return Error{ErrorCode::kTooLarge, "more than " + std::to_string(kLinesMax) + " lines", pointer};
      warn_of_price(*line, pointer, list[i]);
      book_.lines_.push_back(std::move(line).value());
      pointers_.push_back(pointer);
    }
    return {};
  }

  Result<Line> read_line(const Json& entry) {
    Line line;
    line.model = text_at(entry, "model");
    const std::string kind = text_at(entry, "kind");
    std::optional<Meter> meter = meter_named(kind);
    if (!meter) return invalid("/kind", kind + " is not a kind that has a price");
    line.meter = *meter;
    if (entry.contains("unit") && text_at(entry, "unit") != unit_of(line.meter))
      return invalid("/unit", text_at(entry, "unit") + " is not the unit of " + kind + ", which is " +
                                  std::string(unit_of(line.meter)));
    CIYUAN_TRY(line.schedule, read_schedule(entry, is_tokens(line.meter) ? token_scale_ : kMoneyScale));
    for (std::size_t i = 0; i < line.schedule.steps.size(); ++i)
      if (const bool of_tokens = is_tokens(line.meter) && line.schedule.type != ScheduleType::kPackage;
          line.schedule.steps[i].unit_price.units() > (of_tokens ? kPossiblePerToken : kPossiblePrice))
        return invalid(entry.contains("price") ? "/price" : "/schedule",
                       std::string("more than ") + (of_tokens ? "100 " : "1,000,000 ") + book_.currency_ +
                           " for one " + std::string(unit_of(line.meter)) + " is not a price");
    CIYUAN_TRY(line.when, read_conditions(entry, book_.utc_offset_minutes_, book_.condition_names_));
    if (line.when.cache_ttls != NameSet::kAll && line.meter != Meter::kCacheWrite &&
        line.meter != Meter::kAudioCacheWrite)
      return invalid("/when/cache_ttl", "can never hold: " + kind + " writes no cache");
    const bool behind = book_.effective_until_ != TimePoint{} && line.when.from >= book_.effective_until_;
    if (behind || line.when.until <= book_.effective_from_)
      return invalid(behind ? "/effective_from" : "/effective_until",
                     "can never hold: the book is in force at other times");
    return line;
  }

  void warn_of_price(const Line& line, const std::string& pointer, const Json& entry) {
    if (is_tokens(line.meter) && line.schedule.price_at_capture().units() > kPlausiblePerToken)
      book_.warnings_.push_back(pointer + "/price: " + text_at(entry, "price") + " " + book_.currency_ +
                                " is implausibly high");
    const auto& steps = line.schedule.steps;
    for (std::size_t i = 1; i < steps.size(); ++i)
      if (steps[i].unit_price > steps[i - 1].unit_price)
        book_.warnings_.push_back(pointer + "/schedule/steps/" + std::to_string(i) +
                                  ": costs more than the step before");
  }

  // Off the book's prices, not off the clause's own; of several discounts the first that fits.
  Status discount(const Json& clause) {
    const Json list = clause.value("discounts", Json::array());
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string pointer = "/discounts/" + std::to_string(i);
      CIYUAN_TRY(Amount percent, percent_at(list[i], pointer, 100));
      const std::string model = list[i].contains("model") ? text_at(list[i], "model") : "*";
      const std::string kind = text_at(list[i], "kind");
      bool fits = false;
      for (std::size_t at = own_from_; at < book_.lines_.size(); ++at) {
        Line& line = book_.lines_[at];
        if ((model != "*" && model != line.model) || (!kind.empty() && kind != name_of(line.meter))) continue;
        fits = true;
        if (!discounted_.insert(at).second) continue;
        for (Step& step : line.schedule.steps)
          for (Amount* price : {&step.unit_price, &step.fee}) {
            std::optional<Amount> rest = checked_multiply(*price, kHundredPercent - percent.units());
            if (!rest || rest->units() % kHundredPercent != 0)
              return invalid(pointer + "/percent",
                             text_at(list[i], "percent") + " percent off the price of " + line.id +
                                 " leaves more than 12 decimals for one " + std::string(unit_of(line.meter)));
            *price = Amount(rest->units() / kHundredPercent);
          }
      }
      if (!fits)
        return invalid(pointer, "fits no line of the price book " + book_.name_ +
                                    (model == "*" ? "" : ": " + model + " has none of its own there"));
    }
    return {};
  }

  Status group() {
    for (std::size_t i = 0; i < book_.lines_.size(); ++i) {
      const Line& line = book_.lines_[i];
      models_.insert(line.model);
      groups_[{layer_of(i), line.model, line.meter}].push_back(static_cast<std::uint32_t>(i));
    }
    // In the order of the document, so that the first fault is the first there.
    std::set<Group> seen;
    for (std::size_t i = 0; i < book_.lines_.size(); ++i) {
      Group key{layer_of(i), book_.lines_[i].model, book_.lines_[i].meter};
      if (seen.insert(key).second) CIYUAN_TRY_STATUS(fit_together(key, groups_[key]));
    }
    return {};
  }

  Status fit_together(const Group& key, std::vector<std::uint32_t>& group) {
    const std::string what = key.model + " has two prices for " + std::string(name_of(key.meter));
    if (group.size() > kLinesOfOneMeterMax)
      return Error{ErrorCode::kTooLarge,
                   key.model + " has more than " + std::to_string(kLinesOfOneMeterMax) + " prices for " +
                       std::string(name_of(key.meter)),
                   pointers_[group.back()]};
    if (group.size() == 1 && book_.lines_[group.front()].when.always()) return {};
    if (auto clash = find_clash(group, book_.lines_))
      return invalid(pointers_[clash->second],
                     what +
                         (clash->same ? " under the same conditions; the other is "
                                      : " where its conditions and the other's both hold; the other is ") +
                         book_.lines_[clash->first].id);
    std::map<std::uint32_t, int> depth;
    for (std::uint32_t a : group)
      for (std::uint32_t b : group) depth[a] += book_.lines_[a].when.inside(book_.lines_[b].when) ? 1 : 0;
    std::stable_sort(group.begin(), group.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return depth[a] > depth[b]; });
    Result<Coverage> coverage = coverage_of(group, book_.lines_, book_.condition_names_);
    if (!coverage.ok()) return below(pointers_[group.back()], coverage.error());
    if (key.layer == kBook && !coverage->gap.empty())
      return invalid(pointers_[group.front()], key.model + " has no price for " +
                                                   std::string(name_of(key.meter)) + " of " + coverage->gap +
                                                   ": add a line for them, or one without conditions");
    if (key.layer == kBook)
      for (const std::string& absent : coverage->absent)
        book_.warnings_.push_back(pointers_[group.front()] + ": " + key.model + " has no price for " +
                                  std::string(name_of(key.meter)) + " of " + absent);
    for (std::uint32_t line : coverage->idle)
      book_.warnings_.push_back(pointers_[line] + ": can never apply, narrower lines take all of its calls");
    return {};
  }

  void append(ModelPrices& prices, Meter meter, Layer layer, const std::string& model, Meter of) const {
    auto& candidates = prices.candidates[index_of(meter)];
    if (!candidates.empty() && book_.lines_[candidates.back()].when.always()) return;
    auto group = groups_.find({layer, model, of});
    if (group != groups_.end())
      candidates.insert(candidates.end(), group->second.begin(), group->second.end());
  }

  // The clause before the book, the model's own lines before the star's, and of its own the wider meter's
  // before the star's narrow one: a star's cache price does not undercut a model that has prices of its own.
  void gather(ModelPrices& prices, const std::string& model, Meter meter) const {
    append(prices, meter, kClause, model, meter);
    append(prices, meter, kClause, "*", meter);
    append(prices, meter, kBook, model, meter);
    auto each_wider = [&](auto take) {
      for (Meter at = meter; kMeterFacts[index_of(at)].wider != at;)
        take(at = kMeterFacts[index_of(at)].wider);
    };
    each_wider([&](Meter wider) {
      append(prices, meter, kClause, model, wider);
      append(prices, meter, kBook, model, wider);
    });
    append(prices, meter, kBook, "*", meter);
    each_wider([&](Meter wider) {
      append(prices, meter, kClause, "*", wider);
      append(prices, meter, kBook, "*", wider);
    });
  }

  void compile(const std::string& model) {
    ModelPrices& prices = book_.models_[model];
    for (std::size_t i = 0; i < kMeters; ++i) gather(prices, model, meter_at(i));
    for (std::size_t i = 0; i <= index_of(Meter::kRequest); ++i)
      for (std::uint32_t index : prices.candidates[i]) {
        const Conditions& when = book_.lines_[index].when;
        prices.conditional |= !when.always();
        prices.by_input_tokens |= when.tokens_from != 0 || when.tokens_until != Conditions::kTokensEnd;
        prices.by_region |= when.regions != NameSet::kAll;
        if (when.service_classes == NameSet::kAll) continue;
        prices.by_service_class = true;
        prices.service_classes |= when.service_classes;
      }
    const Rates rates =
        book_.rates_under(prices, bind({.at = book_.effective_from_}, book_.condition_names_));
    if (!prices.conditional) prices.fixed = rates;
    auto above = [&](Kind kind, Kind wider) {
      if (rates.knows(kind) && rates.knows(wider) &&
          rates.per_token[ciyuan::index_of(kind)] > rates.per_token[ciyuan::index_of(wider)])
        book_.warnings_.push_back(model + ": " + std::string(ciyuan::name_of(kind)) + " costs more than " +
                                  std::string(ciyuan::name_of(wider)));
    };
    above(Kind::kCacheRead, Kind::kInput);
    above(Kind::kInput, Kind::kOutput);
  }

  Book book_;
  int token_scale_ = kMoneyScale;
  std::size_t own_from_ = 0;  ///< index of the book's first line; a clause's stand before it
  std::vector<std::string> pointers_;
  std::set<std::string> ids_;
  std::set<std::size_t> discounted_;
  std::set<std::string> models_;
  std::map<Group, std::vector<std::uint32_t>> groups_;
};

Result<Book> Book::parse(const Json& document) { return BookReader().read(document, nullptr); }

Result<Book> Book::negotiated(const Json& document, const Json& clause) {
  return BookReader().read(document, &clause);
}

}  // namespace ciyuan::price
