/// Equivalence::from_json: a document into rows, and each figure made again from what it was made of.

#include <algorithm>

#include "measure/equivalence.h"
#include "measure/internal/fields.h"

namespace ciyuan::measure {
namespace {

constexpr std::size_t kModelsMax = 10'000;
constexpr std::int64_t kCountMax = 1'000'000'000'000;
const Amount kFigureMax(Int128{1'000'000} * 1'000'000);

bool counts_texts(EquivalenceBasis basis) {
  return basis == EquivalenceBasis::kReferenceTokenizer || basis == EquivalenceBasis::kBytes ||
         basis == EquivalenceBasis::kHanCharacters;
}

// Units that the basis counts, in their order.
std::vector<std::string> units_of(EquivalenceBasis basis) {
  if (basis == EquivalenceBasis::kReferenceTokenizer) return {"tokens"};
  if (basis == EquivalenceBasis::kBytes) return {"bytes"};
  return {"han", "other"};
}

// Where a member belongs, in the words of a fault.
Status belongs(const Json& object, const std::string& path, const char* member, bool wanted,
               std::string_view basis) {
  if (object.contains(member) == wanted) return {};
  return invalid(path + "/" + member, wanted
                                          ? "is missing: basis \"" + std::string(basis) + "\" is made of it"
                                          : "does not belong to basis \"" + std::string(basis) + "\"");
}

Result<Figures> read_figures(const Json& object, const std::string& path) {
  if (!object.is_object()) return invalid(path, "must be an object with low, middle and high");
  Fields fields(object, path);
  Figures figures;
  for (Value value : kAllValues) {
    const std::string name(name_of(value));
    Amount& figure = figures[static_cast<std::size_t>(value)];
    figure = fields.decimal(name.c_str(), kEquivalenceScale, true);
    const bool known = object.contains(name);
    if (known && figure.is_zero()) fields.fault(name, object[name].dump() + " must be above 0");
    if (figure > kFigureMax) fields.fault(name, object[name].dump() + " must be at most 1000000");
  }
  if (figures[0] > figures[1] && object.contains("low"))
    fields.fault("low", object["low"].dump() + " must not be above middle");
  if (figures[1] > figures[2] && object.contains("middle"))
    fields.fault("middle", object["middle"].dump() + " must not be above high");
  for (const auto& [name, value] : object.items()) (void)fields.member(name.c_str());
  CIYUAN_TRY_STATUS(fields.done("a row"));
  return figures;
}

}  // namespace

class EquivalenceReading {
 public:
  explicit EquivalenceReading(const Json& document) : document_(document) {}

  Result<Equivalence> read() {
    if (!document_.is_object()) return invalid("", "must be an object");
    CIYUAN_TRY_STATUS(read_head());
    CIYUAN_TRY_STATUS(read_corpus());
    CIYUAN_TRY_STATUS(read_models());
    CIYUAN_TRY_STATUS(check_rows());
    return std::move(table_);
  }

 private:
  std::string_view basis() const { return name_of(table_.basis_); }

  Status read_head() {
    Fields fields(document_, "");
    table_.name_ = fields.text("name", true);
    table_.version_ = fields.text("version", true);
    const std::string basis_name = fields.text("basis", true);
    std::optional<EquivalenceBasis> known = equivalence_basis_named(basis_name);
    if (!known) fields.fault("basis", "\"" + basis_name + "\" is no basis of equivalence");
    table_.basis_ = known.value_or(EquivalenceBasis::kIdentity);
    for (const auto& [name, value] : document_.items()) (void)fields.member(name.c_str());
    CIYUAN_TRY_STATUS(fields.done("a table"));
    const bool by_reference = table_.basis_ == EquivalenceBasis::kReferenceTokenizer;
    const bool by_price = table_.basis_ == EquivalenceBasis::kPriceRatio;
    const bool by_capacity = table_.basis_ == EquivalenceBasis::kCapacity;
    const std::pair<const char*, bool> members[] = {{"tokenizer", by_reference},
                                                    {"tokenizer_sha256", by_reference},
                                                    {"corpus", counts_texts(table_.basis_)},
                                                    {"weights", counts_texts(table_.basis_)},
                                                    {"interval", counts_texts(table_.basis_)},
                                                    {"price_book", by_price},
                                                    {"reference", by_price || by_capacity},
                                                    {"hardware", by_capacity}};
    for (const auto& [member, wanted] : members)
      CIYUAN_TRY_STATUS(belongs(document_, "", member, wanted, basis()));
    return {};
  }

  Status read_corpus() {
    if (!counts_texts(table_.basis_)) return {};
    const Json& corpus = document_["corpus"];
    if (!corpus.is_object() || !corpus.contains("units")) return invalid("/corpus/units", "is missing");
    Fields counts(corpus["units"], "/corpus/units"), weights(document_["weights"], "/weights");
    for (const std::string& unit : units_of(table_.basis_)) {
      units_[unit] = counts.whole(unit.c_str(), 0, kCountMax, true);
      weights_[unit] = weights.decimal(unit.c_str(), kEquivalenceScale, true);
      if (weights_[unit] > kFigureMax) weights.fault(unit, "must be at most 1000000");
    }
    CIYUAN_TRY_STATUS(counts.done("basis \"" + std::string(basis()) + "\""));
    return weights.done("basis \"" + std::string(basis()) + "\"");
  }

  Status add_name(const Json& name, const std::string& path) {
    if (!name.is_string()) return invalid(path, "is missing");
    if (!table_.by_name_.emplace(name.get<std::string>(), table_.rows_.size()).second)
      return invalid(path, name.dump() + " has a row already");
    return {};
  }

  Status read_models() {
    const Json& list = document_.contains("models") ? document_["models"] : Json();
    if (!list.is_array() || list.empty() || list.size() > kModelsMax)
      return invalid("/models", "must be a list of 1 to " + std::to_string(kModelsMax) + " models");
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string path = "/models/" + std::to_string(i);
      if (!list[i].is_object()) return invalid(path, "must be an object");
      Equivalence::Row row;
      CIYUAN_TRY_STATUS(add_name(list[i].value("model", Json()), path + "/model"));
      row.model = list[i]["model"].get<std::string>();
      const Json aliases = list[i].value("aliases", Json::array());
      if (!aliases.is_array()) return invalid(path + "/aliases", "must be a list of names");
      for (std::size_t k = 0; k < aliases.size(); ++k)
        CIYUAN_TRY_STATUS(add_name(aliases[k], path + "/aliases/" + std::to_string(k)));
      CIYUAN_TRY(row.figures, read_figures(list[i], path));
      CIYUAN_TRY_STATUS(read_kinds(list[i], path, row));
      table_.rows_.push_back(std::move(row));
    }
    return {};
  }

  Status read_kinds(const Json& entry, const std::string& path, Equivalence::Row& row) {
    if (!entry.contains("kinds")) return {};
    if (!entry["kinds"].is_object()) return invalid(path + "/kinds", "must be an object of kind and figures");
    // The other bases say one thing of a model, whatever its tokens are used for.
    if (table_.basis_ != EquivalenceBasis::kBurndown) return belongs(entry, path, "kinds", false, basis());
    for (const auto& [kind, figures] : entry["kinds"].items()) {
      const std::string where = path + "/kinds/" + kind;
      if (!kind_named(kind)) return invalid(where, "is no kind of token");
      CIYUAN_TRY(row.kinds[kind], read_figures(figures, where));
    }
    return {};
  }

  Status check_rows() {
    const Json& list = document_["models"];
    CIYUAN_TRY_STATUS(find_reference());
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string path = "/models/" + std::to_string(i);
      const std::pair<const char*, bool> members[] = {
          {"tokens", counts_texts(table_.basis_)},
          {"tokenizer", counts_texts(table_.basis_)},
          {"prices", table_.basis_ == EquivalenceBasis::kPriceRatio},
          {"capacity", table_.basis_ == EquivalenceBasis::kCapacity}};
      for (const auto& [member, wanted] : members)
        CIYUAN_TRY_STATUS(belongs(list[i], path, member, wanted, basis()));
      CIYUAN_TRY_STATUS(check_row(list[i], path, table_.rows_[i]));
    }
    return {};
  }

  Status find_reference() {
    if (!document_.contains("reference")) return {};
    const Json& name = document_["reference"];
    auto found =
        name.is_string() ? table_.by_name_.find(name.get_ref<const std::string&>()) : table_.by_name_.end();
    if (found == table_.by_name_.end()) return invalid("/reference", name.dump() + " is none of /models");
    reference_ = found->second;
    return {};
  }

  Status check_row(const Json& entry, const std::string& path, const Equivalence::Row& row) {
    switch (table_.basis_) {
      case EquivalenceBasis::kIdentity:
        return agree(entry, path, row.figures, {Amount(1'000'000), Amount(1'000'000), Amount(1'000'000)});
      case EquivalenceBasis::kReferenceTokenizer:
      case EquivalenceBasis::kBytes:
      case EquivalenceBasis::kHanCharacters: {
        Fields fields(entry, path);
        const std::int64_t tokens = fields.whole("tokens", 1, kCountMax, true);
        for (const auto& [name, value] : entry.items()) (void)fields.member(name.c_str());
        CIYUAN_TRY_STATUS(fields.done("a row"));
        auto middle = middle_of_units(units_, weights_, tokens);
        if (!middle.ok()) return invalid(path + "/tokens", "makes " + middle.error().message);
        return agree(entry, path, row.figures, {row.figures[0], *middle, row.figures[2]});
      }
      case EquivalenceBasis::kPriceRatio: {
        const std::string at = "/models/" + std::to_string(reference_);
        CIYUAN_TRY(TokenPrices prices, read_prices(entry, path));
        CIYUAN_TRY(TokenPrices reference, read_prices(document_["models"][reference_], at));
        auto made = figures_of_prices(prices, reference);
        if (!made.ok()) return invalid(path + "/prices", "make " + made.error().message);
        return agree(entry, path, row.figures, *made);
      }
      case EquivalenceBasis::kCapacity: {
        const std::string at = "/models/" + std::to_string(reference_) + "/capacity";
        CIYUAN_TRY(Figures capacity, read_figures(entry["capacity"], path + "/capacity"));
        const Json& reference_row = document_["models"][reference_];
        if (!reference_row.contains("capacity")) return invalid(at, "is missing");
        CIYUAN_TRY(Figures reference, read_figures(reference_row["capacity"], at));
        auto made = figures_of_capacity(capacity, reference);
        if (!made.ok()) return invalid(path + "/capacity", "makes " + made.error().message);
        return agree(entry, path, row.figures, *made);
      }
      case EquivalenceBasis::kBurndown:
        return check_burndown(entry, path, row);
    }
    return {};
  }

  // What stands for all kinds says nothing where each has its own; it must not contradict them.
  Status check_burndown(const Json& entry, const std::string& path, const Equivalence::Row& row) {
    if (row.kinds.size() != kKinds) return {};
    Amount least = row.kinds.begin()->second[0], most = row.kinds.begin()->second[2];
    for (const auto& [kind, figures] : row.kinds)
      least = std::min(least, figures[0]), most = std::max(most, figures[2]);
    if (row.figures[0] < least)
      return invalid(path + "/low", entry["low"].dump() + " is below every kind's, which begin at " +
                                        format_decimal(least, kEquivalenceScale));
    if (row.figures[2] > most)
      return invalid(path + "/high", entry["high"].dump() + " is above every kind's, which end at " +
                                         format_decimal(most, kEquivalenceScale));
    return {};
  }

  static Result<TokenPrices> read_prices(const Json& entry, const std::string& path) {
    TokenPrices prices;
    if (!entry.contains("prices")) return invalid(path + "/prices", "is missing");
    Fields fields(entry["prices"], path + "/prices");
    for (Kind kind : kAllKinds) {
      const std::string name(name_of(kind));
      if (fields.has(name.c_str())) prices[name] = fields.decimal(name.c_str(), kTokenPriceScale, true);
    }
    CIYUAN_TRY_STATUS(fields.done("prices"));
    return prices;
  }

  Status agree(const Json& entry, const std::string& path, const Figures& stated, const Figures& made) {
    for (Value value : kAllValues) {
      const auto i = static_cast<std::size_t>(value);
      const std::string name(name_of(value));
      if (stated[i] != made[i])
        return invalid(path + "/" + name, entry[name].dump() + " is not what basis \"" +
                                              std::string(basis()) + "\" makes of the row, " +
                                              format_decimal(made[i], kEquivalenceScale));
    }
    return {};
  }

  const Json& document_;
  Equivalence table_;
  UnitCounts units_;
  UnitWeights weights_;
  std::size_t reference_ = 0;
};

Result<Equivalence> Equivalence::from_json(const Json& document) {
  return EquivalenceReading(document).read();
}

}  // namespace ciyuan::measure
