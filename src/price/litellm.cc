#include "price/litellm.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "price/book.h"

namespace ciyuan::price {
namespace {

constexpr int kDigitsMax = 60;     // of a number as written
constexpr int kExponentMax = 100;  // of one: 1e-06 is usual
constexpr int kTokenExponent = 6;  // prices are written for a million tokens

struct Field {
  std::string_view name;
  Meter meter;
};
// Longer names first, so that none is taken for the beginning of another.
constexpr Field kFields[] = {
    {"cache_creation_input_audio_token_cost", Meter::kAudioCacheWrite},
    {"cache_read_input_audio_token_cost", Meter::kAudioCacheRead},
    {"cache_read_input_image_token_cost", Meter::kImageCacheRead},
    {"cache_creation_input_token_cost", Meter::kCacheWrite},
    {"output_cost_per_reasoning_token", Meter::kReasoning},
    {"output_cost_per_video_per_second", Meter::kVideoSecondsOut},
    {"input_cost_per_audio_per_second", Meter::kAudioSecondsIn},
    {"input_cost_per_video_per_second", Meter::kVideoSecondsIn},
    {"cache_read_input_token_cost", Meter::kCacheRead},
    {"output_cost_per_audio_token", Meter::kAudioOutput},
    {"output_cost_per_image_token", Meter::kImageOutput},
    {"output_cost_per_video_token", Meter::kVideoOutput},
    {"output_cost_per_character", Meter::kCharactersOut},
    {"input_cost_per_audio_token", Meter::kAudioInput},
    {"input_cost_per_image_token", Meter::kImageInput},
    {"input_cost_per_video_token", Meter::kVideoInput},
    {"input_cost_per_character", Meter::kCharactersIn},
    {"input_cost_per_request", Meter::kRequest},
    {"output_cost_per_second", Meter::kAudioSecondsOut},
    {"input_cost_per_second", Meter::kAudioSecondsIn},
    {"output_cost_per_token", Meter::kOutput},
    {"output_cost_per_image", Meter::kImagesOut},
    {"input_cost_per_token", Meter::kInput},
    {"input_cost_per_image", Meter::kImagesIn},
    {"ocr_cost_per_page", Meter::kPagesIn},
};
constexpr std::pair<std::string_view, std::string_view> kClassSuffixes[] = {
    {"_batches", "batch"},     {"_priority", "priority"},   {"_flex", "flex"},
    {"_balanced", "balanced"}, {"_ultrafast", "ultrafast"},
};
constexpr std::pair<std::string_view, std::string_view> kTtlSuffixes[] = {{"_above_1hr", "1h"},
                                                                          {"_above_12hr", "12h"}};

/// Which price of a meter a member is.
struct Place {
  std::string service_class, cache_ttl;  ///< empty: standard; the shortest
  std::int64_t above = 0;                ///< input tokens
  auto operator<=>(const Place&) const = default;
};
using Prices = std::map<Place, std::string>;

bool take(std::string_view& rest, std::string_view prefix) {
  if (!rest.starts_with(prefix)) return false;
  rest.remove_prefix(prefix.size());
  return true;
}

// "_above_1hr_above_200k_tokens_batches" → a place; nothing where a part of it is not known.
std::optional<Place> place_of(std::string_view suffix, Meter meter) {
  Place place;
  // A longer TTL has the shorter one's letters in it, but never at its beginning.
  for (auto [text, ttl] : kTtlSuffixes)
    if (meter == Meter::kCacheWrite && take(suffix, text)) place.cache_ttl = ttl;
  if (std::string_view rest = suffix; take(rest, "_above_")) {
    std::int64_t thousands = 0;
    auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), thousands);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    if (error == std::errc{} && thousands > 0 && thousands < 1'000'000 && take(rest, "k_tokens")) {
      place.above = thousands * 1000;
      suffix = rest;
    }
  }
  for (auto [text, service_class] : kClassSuffixes)
    if (take(suffix, text)) place.service_class = service_class;
  if (!suffix.empty()) return std::nullopt;
  return place;
}

/// A decimal as written, with or without exponent: digits × 10^-scale.
struct Written {
  std::string digits;
  int scale = 0;
};
std::optional<Written> read_number(const Json& value) {
  if (!value.is_string() && !value.is_number_integer()) return std::nullopt;
  std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  int exponent = 0;
  if (std::size_t at = text.find_first_of("eE"); at != text.npos) {
    const char* from = text.data() + at + 1 + (at + 1 < text.size() && text[at + 1] == '+' ? 1 : 0);
    auto [end, error] = std::from_chars(from, text.data() + text.size(), exponent);
    if (error != std::errc{} || end != text.data() + text.size() || std::abs(exponent) > kExponentMax)
      return std::nullopt;
    text.resize(at);
  }
  Written written;
  if (std::size_t point = text.find('.'); point != text.npos) {
    written.scale = static_cast<int>(text.size() - point - 1);
    text.erase(point, 1);
  }
  if (text.empty() || text.size() > kDigitsMax || text.find_first_not_of("0123456789") != text.npos)
    return std::nullopt;
  written.digits = text;
  for (written.scale -= exponent; written.scale < 0; ++written.scale) written.digits += '0';
  while (written.scale > 0 && written.digits.size() > 1 && written.digits.ends_with('0'))
    written.digits.pop_back(), --written.scale;
  if (written.digits.find_first_not_of('0') == written.digits.npos) written = {"0", 0};
  return written;
}

// To so many decimals, half to even, on the digits themselves.
void round_to(Written& number, int scale) {
  number.digits.insert(0,
                       1 + (number.digits.size() <= static_cast<std::size_t>(number.scale)
                                ? static_cast<std::size_t>(number.scale)
                                : 0),
                       '0');
  const std::size_t keep = number.digits.size() - static_cast<std::size_t>(number.scale - scale);
  const std::string rest = number.digits.substr(keep);
  number.digits.resize(keep);
  number.scale = scale;
  const std::string half = "5" + std::string(rest.size() - 1, '0');
  const bool odd = (number.digits.back() - '0') % 2 != 0;
  if (rest < half || (rest == half && !odd)) return;
  std::size_t at = number.digits.size();
  while (number.digits[--at] == '9') number.digits[at] = '0';
  ++number.digits[at];
}

std::string decimal_text(const Written& number, int shift) {
  std::string digits = number.digits;
  int scale = number.scale - shift;
  for (; scale < 0; ++scale) digits += '0';
  if (digits.size() <= static_cast<std::size_t>(scale))
    digits.insert(0, static_cast<std::size_t>(scale) + 1 - digits.size(), '0');
  std::string text = digits.substr(0, digits.size() - static_cast<std::size_t>(scale));
  text.erase(0, std::min(text.find_first_not_of('0'), text.size() - 1));
  std::string fraction = digits.substr(digits.size() - static_cast<std::size_t>(scale));
  while (fraction.ends_with('0')) fraction.pop_back();
  return fraction.empty() ? text : text + "." + fraction;
}

class Importer {
 public:
  Importer(const CatalogueOptions& options, CatalogueBook& made) : options_(options), made_(made) {}

  void add(const std::string& model, const Json& entry) {
    std::map<Meter, Prices> prices;
    for (const auto& [name, value] : entry.items())
      if (name.find("cost") != name.npos) read_member(model, name, value, entry, prices);
    // The older name of a cache read, where there is no newer one.
    if (entry.contains("input_cost_per_token_cache_hit") && !prices.contains(Meter::kCacheRead))
      put(model, "input_cost_per_token_cache_hit", entry["input_cost_per_token_cache_hit"], Meter::kCacheRead,
          {}, prices);
    if (entry.contains("tiered_pricing") && entry["tiered_pricing"].is_array())
      read_tiers(model, entry["tiered_pricing"], prices);
    if (prices.empty()) return;
    ++made_.models;
    for (const auto& [meter, of_meter] : prices) write(model, meter, prices);
  }

 private:
  void leave_out(const std::string& model, const std::string& name, const Json& value,
                 const std::string& why) {
    made_.left_out.push_back(model + " " + name + ": " + value.dump().substr(0, 80) + " " + why);
  }

  void read_member(const std::string& model, const std::string& name, const Json& value, const Json& entry,
                   std::map<Meter, Prices>& prices) {
    if (value.is_null() || name == "input_cost_per_token_cache_hit") return;
    for (const Field& field : kFields) {
      if (!name.starts_with(field.name)) continue;
      std::optional<Place> place = place_of(std::string_view(name).substr(field.name.size()), field.meter);
      if (!place) continue;
      const bool video =
          field.meter == Meter::kAudioSecondsOut && entry.value("mode", Json()) == "video_generation";
      return put(model, name, value, video ? Meter::kVideoSecondsOut : field.meter, *place, prices);
    }
    leave_out(model, name, value, "is for nothing that a price book has a kind for");
  }

  void put(const std::string& model, const std::string& name, const Json& value, Meter meter,
           const Place& place, std::map<Meter, Prices>& prices) {
    std::optional<Written> number = read_number(value);
    if (!number) return leave_out(model, name, value, "is no decimal");
    if (number->scale > kMoneyScale) {
      if (!options_.round) return leave_out(model, name, value, "has more than 12 decimals");
      round_to(*number, kMoneyScale);
      made_.rounded.push_back(model + " " + name + ": " + value.dump() + " to " + decimal_text(*number, 0));
    }
    prices[meter][place] = decimal_text(*number, is_tokens(meter) ? kTokenExponent : 0);
  }

  void read_tiers(const std::string& model, const Json& tiers, std::map<Meter, Prices>& prices) {
    for (const Json& tier : tiers) {
      const Json range = tier.value("range", Json::array());
      std::optional<Written> from = range.size() == 2 ? read_number(range[0]) : std::nullopt;
      if (!from || from->scale != 0 || from->digits.size() > 15) {
        leave_out(model, "tiered_pricing", tier, "has no range of whole tokens");
        continue;
      }
      for (const auto& [name, value] : tier.items())
        for (const Field& field : kFields)
          if (name == field.name)
            put(model, name, value, field.meter, {"", "", std::stoll(from->digits)}, prices);
    }
  }

  // The price at a place, else at the nearest shorter prompt of the same class and TTL.
  static const std::string* price_at(const Prices& prices, const Place& wanted) {
    const std::string* found = nullptr;
    for (const auto& [place, price] : prices)
      if (place.service_class == wanted.service_class && place.cache_ttl == wanted.cache_ttl &&
          place.above <= wanted.above)
        found = &price;
    return found;
  }

  // What a call there costs: by this meter's own prices, its class's or all classes', else by the next wider
  // meter's.
  static const std::string* price_in(const std::map<Meter, Prices>& all, Meter meter, const Place& place) {
    if (auto prices = all.find(meter); prices != all.end())
      for (const Place& at : {place, Place{"", place.cache_ttl, place.above},
                              Place{place.service_class, "", place.above}, Place{"", "", place.above}})
        if (const std::string* found = price_at(prices->second, at)) return found;
    const Meter wider = kMeterFacts[index_of(meter)].wider;
    return wider == meter ? nullptr : price_in(all, wider, place);
  }

  // Lines no two of which are in conflict: each length of prompt has its line for all calls; within it each
  // class that has prices of its own, each TTL of the other classes, and each TTL of each such class, has a
  // narrower one.
  void write(const std::string& model, Meter meter, const std::map<Meter, Prices>& all) {
    std::set<std::int64_t> bounds{0};
    std::set<std::string> classes, ttls;
    bool standard = false;
    for (const auto& [place, price] : all.at(meter)) {
      bounds.insert(place.above);
      standard |= place.service_class.empty() && place.cache_ttl.empty();
      if (!place.service_class.empty()) classes.insert(place.service_class);
      if (!place.cache_ttl.empty()) ttls.insert(place.cache_ttl);
    }
    Json others = Json::array();
    for (std::size_t i = 0; i < kServiceClasses; ++i)
      if (std::string name(name_of(static_cast<ServiceClass>(i))); !classes.contains(name))
        others.push_back(name);
    Json lines = Json::array();
    for (auto bound = bounds.begin(); bound != bounds.end(); ++bound) {
      Json when = Json::object();
      if (*bound > 0) when["input_tokens"]["from"] = *bound + 1;
      if (std::next(bound) != bounds.end()) when["input_tokens"]["until"] = *std::next(bound) + 1;
      auto line = [&](const Json& service_class, const Place& place) {
        const std::string* price = price_in(all, meter, place);
        Json conditions = when;
        if (!service_class.is_null()) conditions["service_class"] = service_class;
        if (!place.cache_ttl.empty()) conditions["cache_ttl"] = {place.cache_ttl};
        Json entry = {
            {"model", model}, {"kind", name_of(meter)}, {"price", price == nullptr ? Json() : Json(*price)}};
        if (!conditions.empty()) entry["when"] = std::move(conditions);
        lines.push_back(std::move(entry));
      };
      if (standard) line(nullptr, {"", "", *bound});
      for (const std::string& ttl : ttls) line(classes.empty() ? Json() : others, {"", ttl, *bound});
      for (const std::string& name : classes) {
        line(Json::array({name}), {name, "", *bound});
        for (const std::string& ttl : ttls) line(Json::array({name}), {name, ttl, *bound});
      }
    }
    // A price for long prompts alone, where nothing says what shorter ones cost.
    for (const Json& line : lines)
      if (line["price"].is_null())
        return leave_out(model, std::string(name_of(meter)), line.value("when", Json()), "has no price");
    for (Json& line : lines) made_.document["prices"].push_back(std::move(line));
  }

  const CatalogueOptions& options_;
  CatalogueBook& made_;
};

}  // namespace

Result<CatalogueBook> book_of_litellm(const Json& catalogue, const CatalogueOptions& options) {
  if (!catalogue.is_object()) return invalid("", "is not an object of models");
  CatalogueBook made;
  made.document = {{"kind", "PriceBook"},     {"name", options.name},     {"version", options.version},
                   {"date", options.date},    {"source", options.source}, {"currency", options.currency},
                   {"per_tokens", 1'000'000}, {"prices", Json::array()}};
  if (!options.source_sha256.empty()) made.document["source_sha256"] = options.source_sha256;
  Importer importer(options, made);
  for (const auto& [model, entry] : catalogue.items()) {
    if (model == "sample_spec") continue;  // explains the members, with prices of nothing
    if (!entry.is_object()) return invalid("/" + model, "is not an object");
    importer.add(model, entry);
  }
  if (made.models == 0) return invalid("", "has no model with a price");
  return made;
}

}  // namespace ciyuan::price
