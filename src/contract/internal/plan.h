#pragma once

/// Documents as compiled: what resolve() reads. Built once by compile(), never changed.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "contract/registry.h"
#include "measure/equivalence.h"
#include "measure/method.h"
#include "price/book.h"

namespace ciyuan::contract {

/// For maps from text that are asked with a string_view.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
template <class T>
using TextMap = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

using ModelNames = std::unordered_set<std::string, TextHash, std::equal_to<>>;

enum class CapOn { kTotal, kInput, kOutput, kReasoning };
enum class CapPer { kRequest, kSession, kKey, kContract, kModel, kUser, kAgent, kTenant, kRegion };
/// kRunning: what runs at one time. kDrip: a rate clause's.
enum class CapWindow {
  kRequest,
  kSession,
  kMinute,
  kHour,
  kDay,
  kMonth,
  kTerm,
  kPrepaid,
  kRolling,
  kRunning,
  kDrip
};
enum class CapUnit { kCiyuan, kRequest, kMoney };

/// A cap clause. Its account's name is `account` plus what `per` and `window` add.
struct CapPlan {
  std::string clause;
  CapUnit unit_kind = CapUnit::kCiyuan;
  std::string unit;  ///< "CIYUAN", "REQUEST", "CNY"
  Amount funds;
  CapPer per = CapPer::kContract;
  CapWindow window = CapWindow::kTerm;
  CapOn on = CapOn::kTotal;
  int utc_offset_minutes = 0;
  std::string
      account;  ///< "cap/acme/monthly/CIYUAN", "cap/acme/budget/CNY/key=k1", "prepaid/acme/balance/CNY"
  std::string sink;
  TimePoint window_end;  ///< of a term
  Nanoseconds period;    ///< of a rolling window; or in which `drip` comes back
  Amount drip;
  bool warns_only = false;
  std::array<std::uint8_t, kWarningsMax> warn_percent{};
};
/// For whom a call is, as far as caps and access clauses ask.
struct Whom {
  std::string_view model, region, session, key, user, agent, tenant;
};

struct CapPlans {
  std::vector<CapPlan> caps;
};

/// A Package document (schema/package.json).
struct PackagePlan {
  std::string name;
  std::vector<std::string> contracts;
  Amount ciyuan;
  TimePoint from, until;
  TimePoint end;                       ///< after roll-over; `until` without
  Amount rolled_max;                   ///< what of the rest may be used then; zero: all
  ModelNames models;                   ///< empty: all
  std::vector<std::string> endpoints;  ///< empty: all
  Amount price;                        ///< scale kMoneyScale; zero: not stated
  std::string account;
};

enum class PackageOrder { kSoonestExpiry, kCheapest, kNarrowest, kOldest };
enum class SourceKind { kReserved, kPackages, kPrepaid, kPostpaid };
struct SourcePlan {
  SourceKind kind = SourceKind::kPackages;
  CapPlan cap;  ///< but for packages: its account, sink, unit, funds and window
  bool has_credit_limit = false;
  Amount credit_limit;
};
/// A payment clause. Without sources there is none.
struct PaymentPlan {
  std::string clause;
  PackageOrder order = PackageOrder::kSoonestExpiry;
  std::vector<SourcePlan> sources;
  bool has_money = false;
};
struct RoyaltyPlan {
  Share share;
  ModelNames models;  ///< empty: all
};

/// An Equivalence document, with when it is in force.
struct EquivalenceTable {
  measure::Equivalence table;
  TimePoint from, until;  ///< zero: open
};
/// One document by which Ciyuan are told, for each model of the scope by its name.
struct RatingPlan {
  TextMap<Rating> models;
  TimePoint from, until;
};
/// An equivalence clause. Without one `clause` is empty, and the method's weights bill.
struct EquivalencePlan {
  std::string clause;
  RatingPlan first;                  ///< bills, until switch_at
  std::optional<RatingPlan> second;  ///< beside it; bills from switch_at on
  TimePoint parallel_from, parallel_until, switch_at;
};

/// What one token of a model costs under one method and one price book.
struct ModelRates {
  std::array<Amount, kKinds> ciyuan_per_token{};
  const price::ModelPrices* prices = nullptr;  ///< null: no price book, or no price in it
  price::Rates money;                          ///< where the prices hang on nothing
  std::vector<PriceLine> lines;
  std::string region;  ///< of the model's first upstream
};

/// What one call costs, in its situation.
struct CallRates {
  const std::array<Amount, kKinds>* ciyuan_per_token = nullptr;  ///< what bills at the call's moment
  const price::Rates* money = nullptr;                           ///< null: no price
};
std::vector<PriceLine> price_lines(const price::Rates& rates);
/// Shared by all contracts with the same method and price book.
struct RateTable {
  TextMap<ModelRates> models;
};

/// A Suspension document: the calls that all of its names match, a name left out matching any.
struct SuspensionPlan {
  std::string name, contract, key, session, tenant, user, agent, model;
  TimePoint from, until;
  bool ends_running = true;
  const Model* downgrade_to = nullptr;  ///< null: refused
  std::string path() const { return "suspension/" + name; }
};

/// When an access rule matches, in minutes of the day; `until` not after `from`: past midnight.
struct AccessHours {
  unsigned days = 0;  ///< bit 0: Monday
  int from = 0, until = 0, utc_offset_minutes = 0;
};
/// A rule of an access clause. Lists are sorted; an empty one matches anything.
struct AccessRule {
  std::string clause, id;
  bool allows = false;
  std::vector<std::string> keys, tenants, users, agents, purposes, models, endpoints, regions;
  std::optional<std::int64_t> prompt_tokens_over, output_tokens_max;
  std::optional<AccessHours> hours;
};

struct ContractPlan {
  std::string name, provider, consumer, method_name, price_book_name;
  Digest digest{}, method_digest{}, price_book_digest{};
  const measure::Method* method = nullptr;
  const price::Book* book = nullptr;
  const RateTable* rates = nullptr;
  TimePoint from, until;
  std::string scope_id = "scope";
  ModelNames scope_models;                   ///< empty: all
  std::vector<std::string> scope_endpoints;  ///< empty: all
  std::vector<AccessRule> access;
  std::vector<CapPlan> caps;
  bool prepaid_money = false;  ///< by a clause of the contract; a key may bring its own
  std::string receivable_account, revenue_sink;
  PaymentPlan payment;
  std::vector<PackagePlan> packages;  ///< in the order in which they are used
  std::vector<RoyaltyPlan> royalties;
  EquivalencePlan equivalence;
  const Licence* site = nullptr;  ///< null: none
  Metering metering;
  NamingRules naming;
  Tolerance tolerance;
  std::vector<ClauseText> texts;
};

struct Registry::State {
  std::vector<Document> documents;
  std::map<std::string, Upstream, std::less<>> upstreams;
  std::map<std::string, Model, std::less<>> models;
  TextMap<const Model*> model_names;  ///< with aliases
  std::map<std::string, std::unique_ptr<const measure::Method>, std::less<>> methods;
  std::map<std::string, EquivalenceTable, std::less<>> equivalences;
  std::map<std::string, price::Book, std::less<>> books;
  std::map<std::string, price::Book, std::less<>>
      negotiated;  ///< by contract: its book, with its price clause
  std::map<std::pair<const measure::Method*, const price::Book*>, RateTable> rates;
  std::map<std::string, ContractPlan, std::less<>> contracts;
  std::map<std::string, Licence, std::less<>> licences;
  std::map<std::string, ClauseText, std::less<>> other_texts;  ///< by what refusals name
  std::map<std::string, KeyPlan, std::less<>> keys;
  std::vector<SuspensionPlan> suspensions;
  std::unordered_map<std::uint64_t, std::vector<const KeyPlan*>> keys_by_hash;  ///< first 8 bytes of SHA-256
};

struct Compilation {
  std::unique_ptr<Registry::State> state;
  std::vector<Error> errors;
  std::vector<std::string> warnings;
};

/// In documents sorted as Registry::documents() is; nullptr where there is none.
const Document* find_in(const std::vector<Document>& sorted, std::string_view kind, std::string_view name);

/// Checks the documents against each other and compiles them; every error found is reported.
Compilation compile(std::vector<Document> documents);

}  // namespace ciyuan::contract
