#include "contract/internal/payment.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace ciyuan::contract {
namespace {

constexpr std::string_view kOrderNames[] = {"soonest_expiry", "cheapest", "narrowest", "oldest"};
constexpr std::string_view kSourceNames[] = {"reserved", "packages", "prepaid", "postpaid"};
constexpr std::string_view kWindowNames[] = {"minute", "hour", "day", "month"};
constexpr CapWindow kWindows[] = {CapWindow::kMinute, CapWindow::kHour, CapWindow::kDay, CapWindow::kMonth};

template <std::size_t N>
std::size_t place_of(const std::string& name, const std::string_view (&names)[N]) {
  return static_cast<std::size_t>(std::find(std::begin(names), std::end(names), name) - std::begin(names));
}

void must_not_have(const Json& source, const char* field, const std::string& pointer,
                   std::vector<Fault>& faults) {
  if (source.contains(field))
    faults.push_back({pointer + "/" + field, shown(source[field]) + ": means nothing for the source \"" +
                                                 source["source"].get<std::string>() + "\""});
}

// So many Ciyuan in each window.
void take_reserved(const Json& source, const std::string& pointer, SourcePlan& plan,
                   std::vector<Fault>& faults) {
  must_not_have(source, "credit_limit", pointer, faults);
  for (const char* field : {"ciyuan", "window"})
    if (!source.contains(field))
      faults.push_back({pointer, std::string("the field ") + field + " is missing"});
  if (!source.contains("ciyuan") || !source.contains("window")) return;
  plan.cap.unit = "CIYUAN";
  plan.cap.unit_kind = CapUnit::kCiyuan;
  plan.cap.window = kWindows[place_of(source["window"].get<std::string>(), kWindowNames)];
  plan.cap.utc_offset_minutes = source.value("utc_offset_minutes", 0);
  Result<Amount> funds = price::decimal_of(source["ciyuan"], kCiyuanScale);
  if (!funds.ok())
    faults.push_back({pointer + "/ciyuan", funds.error().message});
  else if ((plan.cap.funds = *funds) <= Amount())
    faults.push_back({pointer + "/ciyuan", shown(source["ciyuan"]) + " is not above zero"});
}

void take_money(const Json& source, const std::string& pointer, const ContractPlan& contract,
                SourcePlan& plan, std::vector<Fault>& faults) {
  for (const char* field : {"ciyuan", "window", "utc_offset_minutes"})
    must_not_have(source, field, pointer, faults);
  if (contract.price_book_name.empty())
    faults.push_back({pointer + "/source",
                      shown(source["source"]) + ": paying in money needs a price book in the contract"});
  plan.cap.unit = contract.book != nullptr ? contract.book->currency() : "";
  plan.cap.unit_kind = CapUnit::kMoney;
  plan.cap.window = CapWindow::kPrepaid;
  plan.cap.sink = contract.revenue_sink;
  if (plan.kind == SourceKind::kPrepaid) {
    must_not_have(source, "credit_limit", pointer, faults);
    plan.cap.account = "prepaid/" + contract.name + "/" + plan.cap.clause + "/" + plan.cap.unit;
    return;
  }
  plan.cap.account = contract.receivable_account;
  if (!source.contains("credit_limit")) return;
  plan.has_credit_limit = true;
  Result<Amount> limit = price::decimal_of(source["credit_limit"], kMoneyScale);
  if (limit.ok())
    plan.credit_limit = *limit;
  else
    faults.push_back({pointer + "/credit_limit", limit.error().message});
}

/// Whether a/b < c/d, for numbers that are not negative, b and d above zero: whole parts first, then the
/// fractions that are left, turned over. No product that could leave 128 bits.
bool is_less(Int128 a, Int128 b, Int128 c, Int128 d) {
  for (;;) {
    if (a / b != c / d) return a / b < c / d;
    a %= b, c %= d;
    if (c == 0) return false;
    if (a == 0) return true;
    // a/b < c/d where d/c < b/a.
    const Int128 old_a = a, old_b = b;
    a = d, b = c, c = old_b, d = old_a;
  }
}

/// The models that the member "models" names, by their own names.
ModelNames models_named(const Json& object, const std::string& pointer, const Registry::State& state,
                        std::vector<Fault>& faults) {
  ModelNames models;
  const Json said = object.value("models", Json::array());
  for (std::size_t i = 0; i < said.size(); ++i) {
    const auto name = said[i].get<std::string>();
    if (auto model = state.model_names.find(name); model != state.model_names.end())
      models.insert(model->second->name);
    else
      faults.push_back({pointer + "/models/" + std::to_string(i), "\"" + name + "\" names no Model"});
  }
  return models;
}

bool is_for(const PackagePlan& package, const Call& call, std::string_view model) {
  const auto& endpoints = package.endpoints;
  return (package.models.empty() || package.models.contains(model)) &&
         (endpoints.empty() ||
          std::find(endpoints.begin(), endpoints.end(), call.endpoint) != endpoints.end());
}

Limit source_of(const ContractPlan& contract, const CallRates& rates, std::string account) {
  Limit limit;
  limit.clause = contract.payment.clause;
  limit.unit = "CIYUAN";
  limit.account = std::move(account);
  limit.sink = "used/" + contract.name + "/" + contract.payment.clause + "/CIYUAN";
  limit.per_token = *rates.ciyuan_per_token;
  limit.is_source = true;
  return limit;
}

void add_packages(const ContractPlan& contract, const CallRates& rates, const Call& call,
                  std::string_view model, std::vector<Limit>& limits) {
  for (const PackagePlan& package : contract.packages) {
    if (!is_for(package, call, model) || call.at < package.from || call.at >= package.end) continue;
    limits.push_back(source_of(contract, rates, package.account));
    limits.back().funds = package.ciyuan;
  }
}

}  // namespace

PaymentPlan compile_payment(const Json& clause, const ContractPlan& contract, std::vector<Fault>& faults) {
  PaymentPlan plan;
  plan.clause = clause["id"].get<std::string>();
  plan.order = static_cast<PackageOrder>(place_of(clause.value("order", "soonest_expiry"), kOrderNames));
  const Json& sources = clause["sources"];
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const std::string pointer = "/sources/" + std::to_string(i);
    SourcePlan source;
    source.kind = static_cast<SourceKind>(place_of(sources[i]["source"].get<std::string>(), kSourceNames));
    source.cap.clause = plan.clause;
    const bool is_money = source.kind == SourceKind::kPrepaid || source.kind == SourceKind::kPostpaid;
    for (const SourcePlan& other : plan.sources)
      if (other.kind == source.kind && source.kind != SourceKind::kReserved)
        faults.push_back({pointer + "/source", shown(sources[i]["source"]) + " stands twice"});
    if (!plan.sources.empty() && plan.sources.back().kind == SourceKind::kPostpaid &&
        !plan.sources.back().has_credit_limit)
      faults.push_back({pointer, "is never reached: the postpaid source before it has no credit limit"});
    if (source.kind == SourceKind::kReserved) {
      take_reserved(sources[i], pointer, source, faults);
      source.cap.account = "reserved/" + contract.name + "/" + plan.clause + "/CIYUAN/" + std::to_string(i);
      source.cap.sink = "used/" + contract.name + "/" + plan.clause + "/CIYUAN";
    } else if (is_money) {
      take_money(sources[i], pointer, contract, source, faults);
    } else {
      for (const char* field : {"ciyuan", "window", "utc_offset_minutes", "credit_limit"})
        must_not_have(sources[i], field, pointer, faults);
    }
    plan.has_money |= is_money;
    plan.sources.push_back(std::move(source));
  }
  return plan;
}

PackagePlan compile_package(const Json& document, const Registry::State& state, std::vector<Fault>& faults) {
  PackagePlan package;
  package.name = document["name"].get<std::string>();
  package.account = "package/" + package.name + "/CIYUAN";
  for (const Json& contract : document["contracts"]) package.contracts.push_back(contract);
  package.models = models_named(document, "", state, faults);
  for (const Json& endpoint : document.value("endpoints", Json::array()))
    package.endpoints.push_back(endpoint);
  Result<Amount> ciyuan = price::decimal_of(document["ciyuan"], kCiyuanScale);
  if (!ciyuan.ok())
    faults.push_back({"/ciyuan", ciyuan.error().message});
  else if ((package.ciyuan = *ciyuan) <= Amount())
    faults.push_back({"/ciyuan", shown(document["ciyuan"]) + " is not above zero"});
  auto moment = [&](const char* field, TimePoint& target) {
    Result<TimePoint> parsed = price::parse_moment(document[field].get<std::string>());
    if (parsed.ok())
      target = *parsed;
    else
      faults.push_back({std::string("/") + field, parsed.error().message});
    return parsed.ok();
  };
  const bool has_times = moment("from", package.from) & moment("until", package.until);
  if (has_times && package.until <= package.from)
    faults.push_back({"/until", shown(document["until"]) + " is not after from: the package would expire "
                                                           "before it starts"});
  if (document.contains("price")) {
    Result<Amount> price = price::decimal_of(document["price"]["amount"], kMoneyScale);
    if (price.ok())
      package.price = *price;
    else
      faults.push_back({"/price/amount", price.error().message});
  }
  package.end = package.until;
  if (!document.contains("roll_over")) return package;
  const Json& roll_over = document["roll_over"];
  package.end = package.until + seconds(roll_over["days"].get<std::int64_t>() * 24 * 3600);
  if (roll_over.contains("limit")) {
    Result<Amount> limit = price::decimal_of(roll_over["limit"], kCiyuanScale);
    if (!limit.ok())
      faults.push_back({"/roll_over/limit", limit.error().message});
    else if ((package.rolled_max = *limit) <= Amount())
      faults.push_back({"/roll_over/limit", shown(roll_over["limit"]) + " is not above zero"});
  }
  return package;
}

std::vector<RoyaltyPlan> compile_royalties(const Json& clause, const ContractPlan& contract,
                                           const std::set<std::string>& parties, const Registry::State& state,
                                           std::vector<Fault>& faults) {
  std::vector<RoyaltyPlan> royalties;
  const Json& shares = clause["shares"];
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const std::string where = "/shares/" + std::to_string(i);
    const auto party = shares[i]["party"].get<std::string>();
    if (!parties.contains(party)) faults.push_back({where + "/party", "\"" + party + "\" names no Party"});
    if (party == contract.provider)
      faults.push_back(
          {where + "/party", "\"" + party + "\" is the provider: it keeps what the others do not get"});
    if (contract.book == nullptr)
      faults.push_back({where, "a share of the charges needs a price book in the contract"});
    RoyaltyPlan royalty;
    royalty.share.account = "royalty/" + party + "/" + (contract.book ? contract.book->currency() : "");
    Result<Amount> percent = price::decimal_of(shares[i]["percent"], 4);
    if (!percent.ok())
      faults.push_back({where + "/percent", percent.error().message});
    else if (percent->is_zero() || percent->units() > 1'000'000)
      faults.push_back({where + "/percent", shown(shares[i]["percent"]) + " is not above 0 and at most 100"});
    else
      royalty.share.per_million = static_cast<std::int64_t>(percent->units());
    royalty.models = models_named(shares[i], where, state, faults);
    royalties.push_back(std::move(royalty));
  }
  for (const auto& [name, model] : state.models) {
    std::int64_t sum = 0;
    for (const Share& share : shares_for(royalties, name)) sum += share.per_million;
    if (sum <= 1'000'000) continue;
    faults.push_back({"/shares", "come to more than 100 percent for the model " + name});
    break;
  }
  return royalties;
}

void sort_packages(std::vector<PackagePlan>& packages, PackageOrder order) {
  auto cheaper = [](const PackagePlan& a, const PackagePlan& b) {
    return is_less(a.price.units(), a.ciyuan.units(), b.price.units(), b.ciyuan.units());
  };
  auto width = [](const PackagePlan& package) {
    return package.models.empty() ? std::numeric_limits<std::size_t>::max() : package.models.size();
  };
  std::sort(packages.begin(), packages.end(), [&](const PackagePlan& a, const PackagePlan& b) {
    if (order == PackageOrder::kCheapest && cheaper(a, b) != cheaper(b, a)) return cheaper(a, b);
    if (order == PackageOrder::kNarrowest && width(a) != width(b)) return width(a) < width(b);
    if (order == PackageOrder::kOldest && a.from != b.from) return a.from < b.from;
    return std::tie(a.until, a.name) < std::tie(b.until, b.name);
  });
}

TimePoint crowded_at(const std::vector<PackagePlan>& packages) {
  for (const PackagePlan& first : packages) {
    const auto count = std::count_if(packages.begin(), packages.end(), [&](const PackagePlan& other) {
      return other.from <= first.from && first.from < other.end;
    });
    if (static_cast<std::size_t>(count) > kPackagesMax) return first.from;
  }
  return {};
}

void add_sources(const ContractPlan& contract, const CallRates& rates, const Call& call,
                 std::string_view model, std::vector<Limit>& limits) {
  for (const SourcePlan& source : contract.payment.sources) {
    if (source.kind == SourceKind::kPackages) {
      add_packages(contract, rates, call, model, limits);
      continue;
    }
    limits.push_back(limit_of(source.cap, rates, call, {.model = model, .key = call.key->name}));
    Limit& limit = limits.back();
    limit.is_source = true;
    if (source.kind == SourceKind::kPostpaid) {
      limit.may_overdraw = !source.has_credit_limit;
      limit.credit_limit = source.credit_limit;
    }
  }
}

std::vector<Share> shares_for(const std::vector<RoyaltyPlan>& royalties, std::string_view model) {
  std::vector<Share> shares;
  for (const RoyaltyPlan& royalty : royalties)
    if (royalty.models.empty() || royalty.models.contains(model)) shares.push_back(royalty.share);
  return shares;
}

}  // namespace ciyuan::contract
