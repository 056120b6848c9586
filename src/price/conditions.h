#pragma once

/// Conditions: when a price line applies. Compiled to sets and half-open ranges, so that a call is matched in
/// a few comparisons, and two lines can be told to be apart, one inside the other, or in conflict.
///
///   when:
///     region: [cn-beijing]                                      # of the service that answers
///     service_class: [standard]                                 # standard, batch, flex, priority, …
///     hours: {from: "00:30", until: "08:30", utc_offset_minutes: 480, days: [mon, tue]}
///     input_tokens: {from: 200001}                              # of the whole prompt, cached ones included
///     cache_ttl: [5m]                                           # of a cache write
///
/// What is not said holds always. Hours that pass midnight belong to the day they begin on.

#include <bitset>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

namespace ciyuan::price {

/// The services that providers sell one model as. Names are those of requests (`service_tier`), but that
/// "auto", "default" and nothing are standard.
enum class ServiceClass : std::uint8_t { kStandard, kBatch, kFlex, kPriority, kBalanced, kUltrafast, kScale };
constexpr std::size_t kServiceClasses = 7;
std::string_view name_of(ServiceClass service_class);
/// Exactly a name; nothing where there is none such.
std::optional<ServiceClass> service_class_named(std::string_view name);
/// What a request's `service_tier` asks for; nothing where we do not know the word.
std::optional<ServiceClass> service_class_of_tier(std::string_view tier);

/// What a price may depend on, for one call.
struct Situation {
  TimePoint at;                                          ///< when the call was accepted
  std::string_view region = {};                          ///< of the service; empty: not known
  ServiceClass service_class = ServiceClass::kStandard;  ///< as the request asked
  std::int64_t input_tokens = 0;                         ///< of the whole prompt, cached ones included
  std::string_view cache_ttl = {};                       ///< "5m"; empty: not known
};

constexpr std::size_t kMinutesOfWeek = 7 * 24 * 60;
/// Minutes of a week in UTC, from Monday 00:00.
using Week = std::bitset<kMinutesOfWeek>;
std::size_t minute_of_week(TimePoint at);

/// Names that conditions of one book use: each has a bit; the last bit is for every other name.
class NameSet {
 public:
  static constexpr std::size_t kNamesMax = 63;
  static constexpr std::uint64_t kOther = std::uint64_t{1} << kNamesMax;
  static constexpr std::uint64_t kAll = ~std::uint64_t{0};

  /// The bit of a name, made where it has none; nothing where there are kNamesMax already.
  std::optional<std::uint64_t> add(std::string_view name);
  std::uint64_t bit_of(std::string_view name) const;
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::vector<std::string> names_;
};

struct ConditionNames {
  NameSet regions, cache_ttls;
};

/// A situation as conditions see it: made once for a call.
struct Bound {
  std::uint64_t region = 0, service_class = 0, cache_ttl = 0;
  std::int64_t input_tokens = 0;
  TimePoint at;
  std::size_t minute = 0;
};
Bound bind(const Situation& situation, const ConditionNames& names);

struct Conditions {
  static constexpr std::int64_t kTokensEnd = std::numeric_limits<std::int64_t>::max();
  static constexpr TimePoint kTimeEnd{std::numeric_limits<std::int64_t>::max()};

  std::uint64_t regions = NameSet::kAll, service_classes = NameSet::kAll, cache_ttls = NameSet::kAll;
  std::int64_t tokens_from = 0, tokens_until = kTokensEnd;
  TimePoint from, until = kTimeEnd;
  std::shared_ptr<const Week> hours;  ///< null: always

  bool hold(const Bound& bound) const {
    return (regions & bound.region) != 0 && (service_classes & bound.service_class) != 0 &&
           (cache_ttls & bound.cache_ttl) != 0 && bound.input_tokens >= tokens_from &&
           bound.input_tokens < tokens_until && bound.at >= from && bound.at < until &&
           (hours == nullptr || hours->test(bound.minute));
  }
  /// No call can be under both.
  bool apart_from(const Conditions& other) const;
  /// Every call under these is under `other` as well.
  bool inside(const Conditions& other) const;
  /// They hold for every call.
  bool always() const { return Conditions().inside(*this); }
};

/// Reads `when`, and effective_from and effective_until of the line it stands in; errors have pointers below
/// the line. Offsets of hours are `utc_offset_minutes` where they say none.
Result<Conditions> read_conditions(const Json& line, int utc_offset_minutes, ConditionNames& names);

}  // namespace ciyuan::price
