#include "report/usage.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/amount.h"
#include "contract/limit.h"
#include "contract/tags.h"
#include "record/leaf.h"
#include "report/papers.h"

namespace ciyuan::report {
namespace {

constexpr std::size_t kPage = 1000;

Result<Amount> amount_at(const Json& object, const char* member, int scale) {
  const Json& text = object.at(member);
  if (!text.is_string()) return Error{ErrorCode::kCorrupt, "an amount is not text", member};
  return parse_decimal(text.get_ref<const std::string&>(), scale);
}

std::int64_t count_at(const Json& object, const char* member) {
  return static_cast<std::int64_t>(object.at(member).get<std::uint64_t>());
}

/// The record's figures added to the lines, or with sign −1 taken back.
Status add_figures(Usage& usage, const Json& record, int sign, bool adjustment) {
  const Json& outcome = record.at("outcome");
  usage.calls += static_cast<std::uint64_t>(sign);
  usage.states[outcome.at("state").get<std::string>()] += static_cast<std::uint64_t>(sign);
  if (outcome.contains("verdict"))
    usage.verdicts[outcome["verdict"].get<std::string>()] += static_cast<std::uint64_t>(sign);
  CIYUAN_TRY(Amount ciyuan, ciyuan_of(record));
  CIYUAN_TRY_STATUS(add_to(usage.ciyuan, sign < 0 ? -ciyuan : ciyuan));
  std::string model = text_at(record.at("model"), "asked");
  CIYUAN_TRY_STATUS(add_to(usage.model_ciyuan[model], sign < 0 ? -ciyuan : ciyuan));

  std::map<std::string, const Json*> figures;
  for (const auto& figure : record.at("usage").items()) figures[figure.key()] = &figure.value();
  auto count = [&](LineSum& line, const Json& figure) {
    line.measured += sign * count_at(figure, "measured");
    if (figure.contains("reported"))
      line.reported += sign * count_at(figure, "reported");
    else
      line.all_reported = false;
  };
  for (const Json& charge : record.at("charges")) {
    std::string kind = text_at(charge, "kind"), currency = text_at(charge, "currency");
    const bool from_package = is_from_package(charge);
    const bool is_paid = from_package || text_at(charge, "paid_from").starts_with("prepaid/");
    LineSum& line = usage.lines[{model, kind, from_package ? "" : text_at(charge, "unit_price"),
                                 from_package ? "" : currency, adjustment, is_paid}];
    line.billed += sign * std::stoll(charge.at("quantity").get<std::string>());
    if (!from_package) {
      CIYUAN_TRY(Amount amount, amount_at(charge, "amount", contract::kMoneyScale));
      CIYUAN_TRY_STATUS(add_to(line.amount, sign < 0 ? -amount : amount));
      CIYUAN_TRY_STATUS(add_to(usage.money[currency], sign < 0 ? -amount : amount));
    }
    if (auto figure = figures.find(kind); figure != figures.end()) {
      count(line, *figure->second);
      figures.erase(figure);
    }
  }
  for (const auto& [kind, figure] : figures) {
    LineSum& line = usage.lines[{model, kind, "", "", adjustment, false}];
    line.billed += sign * count_at(*figure, "billed");
    count(line, *figure);
  }
  return {};
}

/// Takes each record of the period for what it moved on the accounts, and for its place in the log.
class Adder {
 public:
  Adder(store::Reader& reader, bool with_range)
      : reader_(reader),
        with_range_(with_range),
        effective_([this](const Json& record, int sign, bool adjustment) {
          return add_figures(usage_, record, sign, adjustment);
        }) {}

  Status take(const store::RecordRow& row, const Json& record) {
    if (with_range_) CIYUAN_TRY_STATUS(take_leaf(row));
    const Json& outcome = record.at("outcome");
    CIYUAN_TRY(auto money, money_of(record));
    bool corrects = outcome.contains("corrects");
    for (const auto& [currency, amount] : money)
      CIYUAN_TRY_STATUS(add_to((corrects ? usage_.corrected_at : usage_.charged)[row.leaf], amount));
    const Json& charges = record.at("charges");
    if (!corrects && std::any_of(charges.begin(), charges.end(), is_from_package))
      usage_.from_packages.insert(row.leaf);
    CIYUAN_TRY_STATUS(take_replaced(record));
    if (corrects) {
      ++usage_.corrections;
      correction_of_[outcome["corrects"].get<std::string>()] = row.leaf;
      for (const auto& [currency, amount] : money)
        CIYUAN_TRY_STATUS(add_to(usage_.corrected[currency], amount));
    }
    return effective_.see(record);
  }

  Result<Usage> finish() && {
    CIYUAN_TRY_STATUS(
        effective_.finish(reader_, [this](const Json& record) { return take_replaced(record); }));
    auto is_zero = [](const auto& one) { return one.second == 0; };
    std::erase_if(usage_.states, is_zero);
    std::erase_if(usage_.verdicts, is_zero);
    std::erase_if(usage_.lines, [](const auto& one) {
      return one.second.billed == 0 && one.second.measured == 0 && one.second.amount.is_zero();
    });
    auto is_nothing = [](const auto& one) { return one.second.is_zero(); };
    std::erase_if(usage_.charged, is_nothing);
    std::erase_if(usage_.corrected_at, is_nothing);
    tlog::CompactRange tree;
    for (auto leaf = leaves_.rbegin(); leaf != leaves_.rend(); ++leaf) tree.append(*leaf);
    usage_.range.root = tree.root();
    return std::move(usage_);
  }

 private:
  Status take_leaf(const store::RecordRow& row) {
    if (usage_.range.count++ == 0) usage_.range.last_leaf = row.leaf;
    usage_.range.first_leaf = row.leaf;
    std::string entry;
    if (row.fields.empty()) {
      CIYUAN_TRY(std::vector<std::string> entries, reader_.log_entries(row.leaf, 1));
      if (entries.empty()) return Error{ErrorCode::kCorrupt, "the record's leaf is missing", row.id.text()};
      entry = std::move(entries[0]);
    } else {
      entry = record::entry_of(row.id, row.fields);
    }
    leaves_.push_back(tlog::leaf_hash(bytes_of(entry)));
    return {};
  }

  // What a correction's posting was: the difference to what the corrected record had cost.
  Status take_replaced(const Json& record) {
    auto correction = correction_of_.find(record.at("id").get<std::string>());
    if (correction == correction_of_.end()) return {};
    CIYUAN_TRY(auto money, money_of(record));
    for (const auto& [currency, amount] : money) {
      CIYUAN_TRY_STATUS(add_to(usage_.corrected_at[correction->second], -amount));
      CIYUAN_TRY_STATUS(add_to(usage_.corrected[currency], -amount));
    }
    return {};
  }

  store::Reader& reader_;
  bool with_range_;
  Usage usage_;
  Effective effective_;
  std::vector<tlog::Hash> leaves_;
  std::unordered_map<std::string, std::uint64_t> correction_of_;  ///< corrected → the correction's leaf
};

// Records have no members that are missing or of another type, unless the store is damaged.
template <class F>
Status guarded(const F& work, std::string_view path) {
  try {
    return work();
  } catch (const std::exception& error) {
    return Error{ErrorCode::kCorrupt, std::string("a stored record is damaged: ") + error.what(),
                 std::string(path)};
  }
}

std::string label_of(const Json& record, std::string_view by, int offset_minutes) {
  if (by == "key") return text_at(record.at("party"), "key");
  if (by == "session") return text_at(record, "session");
  if (by == "model") return text_at(record.at("model"), "asked");
  if (by.starts_with(kTagSplit)) return text_at(tags_of(record), by.substr(kTagSplit.size()));
  if (by == "upstream") return text_at(record.at("upstream"), "name");
  Result<TimePoint> closed = parse_rfc3339(text_at(record.at("times"), "closed"));
  return closed.ok() ? date_text(*closed, offset_minutes) : std::string();
}

}  // namespace

const Json& tags_of(const Json& record) {
  static const Json kNone = Json::object();
  const Json& party = record.at("party");
  auto tags = party.find("tags");
  return tags == party.end() ? kNone : *tags;
}

bool has_tags(const Json& record, const std::map<std::string, std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(),
                     [&](const auto& tag) { return text_at(tags_of(record), tag.first) == tag.second; });
}

bool is_from_package(const Json& charge) { return text_at(charge, "currency") == "CIYUAN"; }

Result<std::map<std::string, Amount>> money_of(const Json& record) {
  std::map<std::string, Amount> money;
  for (const Json& charge : record.at("charges")) {
    if (is_from_package(charge)) continue;
    CIYUAN_TRY(Amount amount, amount_at(charge, "amount", contract::kMoneyScale));
    CIYUAN_TRY_STATUS(add_to(money[text_at(charge, "currency")], amount));
  }
  return money;
}

Result<Amount> ciyuan_of(const Json& record) { return amount_at(record, "ciyuan", contract::kCiyuanScale); }

Result<Amount> amount_in(const Json& record, const std::string& unit) {
  if (unit == "CIYUAN") return ciyuan_of(record);
  CIYUAN_TRY(auto money, money_of(record));
  return money[unit];
}

Status for_each_record(store::Reader& reader, const RecordQuery& query,
                       const std::function<Status(const store::RecordRow&, const Json&)>& take) {
  store::RecordFilter filter;
  filter.contract = query.contract;
  filter.key = query.key;
  filter.from = query.from;
  filter.to = query.to;
  filter.rows_max = kPage;
  std::size_t seen = 0;
  for (bool more = true; more;) {
    CIYUAN_TRY(std::vector<store::RecordRow> rows, reader.records(filter));
    for (const store::RecordRow& row : rows) {
      if (query.after_leaf && row.leaf <= *query.after_leaf) return {};
      if (++seen > query.records_max)
        return Error{ErrorCode::kTooLarge,
                     "has more than " + std::to_string(query.records_max) + " records: take a shorter one",
                     "period"};
      Result<Json> record = parse_json(row.json);
      if (!record.ok()) return Error{ErrorCode::kCorrupt, record.error().message, row.id.text()};
      CIYUAN_TRY_STATUS(guarded(
          [&]() -> Status {
            if (!query.model.empty() && text_at(record->at("model"), "asked") != query.model) return {};
            if (!has_tags(*record, query.tags)) return {};
            return take(row, *record);
          },
          row.id.text()));
    }
    more = rows.size() == kPage && rows.back().leaf > query.after_leaf.value_or(0);
    if (more) filter.before_leaf = rows.back().leaf;
  }
  return {};
}

Status Effective::see(const Json& record) {
  const Json& outcome = record.at("outcome");
  std::string id = record.at("id");
  bool corrects = outcome.contains("corrects");
  if (corrects) {
    corrected_[id] = outcome["corrects"].get<std::string>();
    awaited_.insert(corrected_[id]);
  }
  if (awaited_.erase(id) > 0) return {};
  // Whether it adjusts an earlier period is known when all were seen.
  if (corrects) return corrections_.push_back(record), Status{};
  return take_(record, 1, false);
}

Status Effective::finish(store::Reader& reader, const std::function<Status(const Json&)>& replaced) {
  // In a chain, the newest link outside of the period is the one that was counted last.
  for (const std::string& id_text : std::set<std::string>(awaited_.begin(), awaited_.end())) {
    CIYUAN_TRY(Id id, parse_id(id_text));
    CIYUAN_TRY(std::optional<store::RecordRow> row, reader.record(id));
    if (!row) return Error{ErrorCode::kCorrupt, "the corrected record is missing", id_text};
    CIYUAN_TRY(Json record, parse_json(row->json));
    if (replaced) CIYUAN_TRY_STATUS(replaced(record));
    CIYUAN_TRY_STATUS(take_(record, -1, true));
  }
  for (const Json& record : corrections_) {
    std::string first = record.at("id");
    for (auto link = corrected_.find(first); link != corrected_.end(); link = corrected_.find(first))
      first = link->second;
    CIYUAN_TRY_STATUS(take_(record, 1, awaited_.contains(first)));
  }
  return {};
}

Status for_each_effective(store::Reader& reader, const RecordQuery& query, const Effective::Take& take) {
  Effective effective(take);
  CIYUAN_TRY_STATUS(for_each_record(
      reader, query, [&](const store::RecordRow&, const Json& record) { return effective.see(record); }));
  return guarded([&] { return effective.finish(reader); }, query.contract);
}

Result<Usage> usage_of(store::Reader& reader, const RecordQuery& query, bool with_range) {
  Adder adder(reader, with_range);
  CIYUAN_TRY_STATUS(for_each_record(reader, query, [&](const store::RecordRow& row, const Json& record) {
    return adder.take(row, record);
  }));
  Result<Usage> usage = Error{};
  CIYUAN_TRY_STATUS(guarded(
      [&]() -> Status {
        usage = std::move(adder).finish();
        return usage.ok() ? Status{} : Status(usage.error());
      },
      query.contract));
  return usage;
}

Result<std::map<std::string, Share>> split_of(store::Reader& reader, const RecordQuery& query,
                                              std::string_view by, int offset_minutes) {
  const bool by_tag = by.starts_with(kTagSplit) && contract::is_tag_name(by.substr(kTagSplit.size()));
  if (!by_tag && std::find(std::begin(kSplits), std::end(kSplits), by) == std::end(kSplits))
    return invalid("split", "\"" + std::string(by.substr(0, 80)) +
                                "\" is no property; those are key, session, model, upstream, day, tag:NAME");
  std::map<std::string, Share> shares;
  auto add_share = [&](const Json& record, int sign, bool) -> Status {
    Share& share = shares[label_of(record, by, offset_minutes)];
    share.calls += static_cast<std::uint64_t>(sign);
    for (const auto& figure : record.at("usage").items())
      share.tokens += sign * count_at(figure.value(), "billed");
    CIYUAN_TRY(Amount ciyuan, ciyuan_of(record));
    CIYUAN_TRY_STATUS(add_to(share.ciyuan, sign < 0 ? -ciyuan : ciyuan));
    CIYUAN_TRY(auto money, money_of(record));
    for (const auto& [currency, amount] : money)
      CIYUAN_TRY_STATUS(add_to(share.money[currency], sign < 0 ? -amount : amount));
    return {};
  };
  CIYUAN_TRY_STATUS(for_each_effective(reader, query, add_share));
  return shares;
}

}  // namespace ciyuan::report
