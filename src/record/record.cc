#include "record/record.h"

#include <algorithm>
#include <charconv>

#include "base/canonical_json.h"

namespace ciyuan::record {
namespace {

constexpr std::uint64_t kCountMax = (std::uint64_t{1} << 53) - 1;
constexpr std::array<std::string_view, 4> kLevels = {"proved", "bounded", "estimated", "unverified"};
constexpr std::array<std::string_view, 6> kStates = {
    "completed", "cut", "client-gone", "upstream-failed", "upstream-refused", "interrupted"};

constexpr std::array<std::string_view, 4> kVerdicts = {"verified", "within-tolerance", "disputed",
                                                       "unverifiable"};

template <class Enum, std::size_t N>
std::optional<Enum> named(std::string_view name, const std::array<std::string_view, N>& names) {
  auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

// Writes canonical JSON in one pass. Members are given in sorted order (all names are ASCII), which the tests
// check against base's general writer.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void open(char bracket) { separate(), out_ += bracket, first_ = true; }
  void close(char bracket) { out_ += bracket, first_ = false; }
  void name(std::string_view name) {
    separate();
    out_ += '"';
    out_ += name;
    out_ += "\":";
    first_ = true;  // no comma before the value
  }
  void any_name(std::string_view name) {
    text(name);
    out_ += ':';
    first_ = true;
  }
  void text(std::string_view value) {
    separate();
    if (is_utf8(value)) return append_json_string(out_, value);
    std::string repaired;
    for (char c : value) static_cast<unsigned char>(c) < 0x80 ? repaired += c : repaired += "\xEF\xBF\xBD";
    append_json_string(out_, repaired);
  }
  void number(std::uint64_t value) {
    separate();
    char digits[24];
    out_.append(digits, std::to_chars(digits, digits + sizeof digits, std::min(value, kCountMax)).ptr);
  }
  void hex(ByteView bytes) {
    static constexpr char kHex[] = "0123456789abcdef";
    separate();
    out_ += '"';
    for (std::uint8_t byte : bytes) out_ += kHex[byte >> 4], out_ += kHex[byte & 15];
    out_ += '"';
  }
  void member(std::string_view key, std::string_view value) { name(key), text(value); }
  void member_unless_empty(std::string_view key, std::string_view value) {
    if (!value.empty()) member(key, value);
  }
  void member(std::string_view key, std::optional<std::uint64_t> value) {
    if (value) name(key), number(*value);
  }
  void member(std::string_view key, TimePoint time) {
    if (time.ns != 0) member(key, to_rfc3339(time));
  }

 private:
  void separate() {
    if (!first_) out_ += ',';
    first_ = false;
  }
  std::string& out_;
  bool first_ = true;
};

void write_charges(Writer& w, const std::vector<Charge>& charges) {
  w.open('[');
  for (const Charge& charge : charges) {
    w.open('{');
    w.member("amount", charge.amount);
    w.member("currency", charge.currency);
    w.member("kind", charge.kind);
    if (!charge.line.empty()) w.member("line", charge.line);
    if (!charge.paid_from.empty()) w.member("paid_from", charge.paid_from);
    w.member("quantity", charge.quantity);
    w.member("unit_price", charge.unit_price);
    w.close('}');
  }
  w.close(']');
}

void write_usage(Writer& w, const std::map<std::string, Figure>& usage) {
  w.open('{');
  for (const auto& [kind, figure] : usage) {
    w.any_name(kind);
    w.open('{');
    w.name("billed"), w.number(figure.billed);
    w.member("counted_by", figure.counted_by);
    w.member("level", name_of(figure.level));
    w.name("measured"), w.number(figure.measured);
    w.member("reported", figure.reported);
    w.close('}');
  }
  w.close('}');
}

void write_outcome(Writer& w, const UsageRecord& r) {
  w.open('{');
  if (r.corrects) w.member("corrects", r.corrects->text());
  w.member("delivered", r.delivered);
  w.member("finish_reason", r.finish_reason);
  w.member("generated", r.generated);
  w.member("state", name_of(r.state));
  if (r.verdict) w.member("verdict", name_of(*r.verdict));
  w.close('}');
}

void write_rating(Writer& w, const Rating& rating) {
  w.open('{');
  w.member("digest", rating.digest);
  w.member("high", rating.high);
  w.member("kind", rating.kind);
  w.member("low", rating.low);
  w.member("middle", rating.middle);
  w.member("name", rating.name);
  w.member("value", rating.value);
  w.member("version", rating.version);
  w.close('}');
}

void write_equivalence(Writer& w, const Equivalence& equivalence) {
  w.open('{');
  w.name("billed"), write_rating(w, equivalence.billed);
  if (equivalence.parallel) w.name("parallel"), write_rating(w, *equivalence.parallel);
  w.close('}');
}

// The value of one group; `group` counts in kGroups.
void write_group(Writer& w, std::size_t group, const UsageRecord& r) {
  switch (group) {
    case 0:
      return w.hex(r.answer_commitment);
    case 1:
      return write_charges(w, r.charges);
    case 2:
      return w.text(r.ciyuan);
    case 3:
      w.open('[');
      for (const std::string& clause : r.clauses) w.text(clause);
      return w.close(']');
    case 4:
      w.open('{');
      w.member_unless_empty("contract", r.contract_digest);
      w.member_unless_empty("method", r.method_digest);
      w.member_unless_empty("price_book", r.price_book_digest);
      w.member_unless_empty("template", r.template_digest);
      w.member_unless_empty("tokenizer", r.tokenizer_digest);
      return w.close('}');
    case kOptionalGroup:
      return write_equivalence(w, *r.equivalence);
    case 6:
      w.open('{');
      for (const auto& [data_class, tokens] : r.exposure) w.any_name(data_class), w.number(tokens);
      return w.close('}');
    case 7:
      w.open('{');
      w.member("answered", r.model_answered);
      w.member("asked", r.model_asked);
      if (!r.service_class.empty()) w.member("service_class", r.service_class);
      return w.close('}');
    case 8:
      return write_outcome(w, r);
    case 9:
      w.open('{');
      w.member_unless_empty("agent", r.agent);
      w.member("contract", r.contract);
      w.member("key", r.key);
      w.member("party", r.party);
      w.member_unless_empty("purpose", r.purpose);
      if (!r.tags.empty()) {
        w.name("tags"), w.open('{');
        for (const auto& [name, value] : r.tags) w.any_name(name), w.text(value);
        w.close('}');
      }
      w.member_unless_empty("tenant", r.tenant);
      w.member_unless_empty("user", r.user);
      return w.close('}');
    case 10:
      return w.hex(r.request_commitment);
    case 11:
      return w.text(r.session);
    case 12:
      w.open('{');
      w.member("accepted", r.accepted);
      w.member("closed", r.closed);
      w.member("first_byte", r.first_byte);
      w.member("first_token", r.first_token);
      w.member("last_token", r.last_token);
      return w.close('}');
    case 13:
      w.open('{');
      w.member("name", r.upstream);
      w.member("region", r.region);
      w.member("region_grade", r.region_grade);
      return w.close('}');
    default:
      return write_usage(w, r.usage);
  }
}

// Reads members of an object leniently: what is missing or of another type keeps its default, and the
// comparison with the re-encoded text at the end refuses it.
std::string text_at(const Json& object, const char* name) {
  auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}
std::optional<std::uint64_t> number_at(const Json& object, const char* name) {
  auto found = object.is_object() ? object.find(name) : object.end();
  if (found == object.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<std::uint64_t>();
}
TimePoint time_at(const Json& object, const char* name) {
  Result<TimePoint> time = parse_rfc3339(text_at(object, name));
  return time.ok() ? *time : TimePoint{};
}
Digest digest_at(const Json& object, const char* name) {
  Digest digest{};
  Result<Bytes> bytes = from_hex(text_at(object, name));
  if (bytes.ok() && bytes->size() == digest.size()) std::copy(bytes->begin(), bytes->end(), digest.begin());
  return digest;
}
template <class Enum, std::size_t N>
Enum enum_at(const Json& object, const char* name, const std::array<std::string_view, N>& names) {
  return named<Enum>(text_at(object, name), names).value_or(Enum{});
}

Rating rating_at(const Json& object, const char* name) {
  const Json rating = object.is_object() ? object.value(name, Json()) : Json();
  return {text_at(rating, "kind"),   text_at(rating, "name"),  text_at(rating, "version"),
          text_at(rating, "digest"), text_at(rating, "value"), text_at(rating, "low"),
          text_at(rating, "middle"), text_at(rating, "high")};
}

void read_lists(const Json& json, UsageRecord& r) {
  for (const Json& charge : json.value("charges", Json::array()))
    r.charges.push_back({text_at(charge, "kind"), text_at(charge, "quantity"), text_at(charge, "unit_price"),
                         text_at(charge, "amount"), text_at(charge, "currency"), text_at(charge, "line"),
                         text_at(charge, "paid_from")});
  for (const Json& clause : json.value("clauses", Json::array()))
    if (clause.is_string()) r.clauses.push_back(clause.get<std::string>());
  const Json exposure = json.value("exposure", Json::object());
  for (auto it = exposure.begin(); exposure.is_object() && it != exposure.end(); ++it)
    if (it->is_number_unsigned()) r.exposure[it.key()] = it->get<std::uint64_t>();
  const Json usage = json.value("usage", Json::object());
  for (auto it = usage.begin(); usage.is_object() && it != usage.end(); ++it)
    r.usage[it.key()] = {number_at(*it, "reported"), number_at(*it, "measured").value_or(0),
                         number_at(*it, "billed").value_or(0), enum_at<Level>(*it, "level", kLevels),
                         text_at(*it, "counted_by")};
  const Json tags = json.at("party").is_object() ? json["party"].value("tags", Json::object()) : Json();
  for (auto it = tags.begin(); tags.is_object() && it != tags.end(); ++it)
    if (it->is_string()) r.tags[it.key()] = it->get<std::string>();
}

}  // namespace

std::string_view name_of(Level level) { return kLevels[static_cast<std::size_t>(level)]; }
std::string_view name_of(State state) { return kStates[static_cast<std::size_t>(state)]; }
std::string_view name_of(Verdict verdict) { return kVerdicts[static_cast<std::size_t>(verdict)]; }
std::optional<State> parse_state(std::string_view name) { return named<State>(name, kStates); }
std::optional<Verdict> parse_verdict(std::string_view name) { return named<Verdict>(name, kVerdicts); }

EncodedRecord encode(const UsageRecord& record) {
  EncodedRecord encoded;
  encoded.json.reserve(2048);
  Writer w(encoded.json);
  w.open('{');
  for (std::size_t group = 0; group < kGroups.size(); ++group) {
    encoded.places[group] = {};
    if (group == kOptionalGroup && !record.equivalence) continue;
    if (kGroups[group] == "model") w.member("id", record.id.text());  // the one member that sorts in between
    w.name(kGroups[group]);
    std::size_t begin = encoded.json.size();
    write_group(w, group, record);
    encoded.places[group] = {static_cast<std::uint32_t>(begin),
                             static_cast<std::uint32_t>(encoded.json.size() - begin)};
  }
  w.member("v", kRecordVersion);
  w.close('}');
  return encoded;
}

KindCounts billed_in(const UsageRecord& record) {
  KindCounts counts;
  for (Kind kind : kAllKinds)
    if (auto figure = record.usage.find(std::string(name_of(kind))); figure != record.usage.end())
      counts[kind] = static_cast<std::int64_t>(figure->second.billed);
  return counts;
}

Result<UsageRecord> parse_record(std::string_view text) {
  CIYUAN_TRY(Json json, parse_json(text));
  if (!json.is_object() || text_at(json, "v") != kRecordVersion)
    return invalid("v", "not a usage record of version " + std::string(kRecordVersion));
  for (std::string_view group : kGroups)
    if (!json.contains(group) && group != kGroups[kOptionalGroup])
      return invalid(std::string(group), "missing from the record");
  CIYUAN_TRY(Id id, parse_id(text_at(json, "id")));
  UsageRecord r;
  r.id = id;
  const Json &digests = json["digests"], &model = json["model"], &outcome = json["outcome"],
             &party = json["party"];
  const Json &times = json["times"], &upstream = json["upstream"];
  r.accepted = time_at(times, "accepted");
  r.closed = time_at(times, "closed");
  r.first_byte = time_at(times, "first_byte");
  r.first_token = time_at(times, "first_token");
  r.last_token = time_at(times, "last_token");
  r.party = text_at(party, "party");
  r.contract = text_at(party, "contract");
  r.key = text_at(party, "key");
  r.tenant = text_at(party, "tenant");
  r.user = text_at(party, "user");
  r.agent = text_at(party, "agent");
  r.purpose = text_at(party, "purpose");
  r.session = text_at(json, "session");
  r.model_asked = text_at(model, "asked");
  r.model_answered = text_at(model, "answered");
  r.service_class = text_at(model, "service_class");
  r.upstream = text_at(upstream, "name");
  r.region = text_at(upstream, "region");
  r.region_grade = text_at(upstream, "region_grade");
  r.state = enum_at<State>(outcome, "state", kStates);
  r.verdict = parse_verdict(text_at(outcome, "verdict"));
  r.finish_reason = text_at(outcome, "finish_reason");
  if (Result<Id> corrects = parse_id(text_at(outcome, "corrects")); corrects.ok()) r.corrects = *corrects;
  r.delivered = number_at(outcome, "delivered");
  r.generated = number_at(outcome, "generated");
  r.ciyuan = text_at(json, "ciyuan");
  if (json.contains(kGroups[kOptionalGroup])) {
    const Json& equivalence = json[std::string(kGroups[kOptionalGroup])];
    r.equivalence.emplace().billed = rating_at(equivalence, "billed");
    if (equivalence.is_object() && equivalence.contains("parallel"))
      r.equivalence->parallel = rating_at(equivalence, "parallel");
  }
  r.method_digest = text_at(digests, "method");
  r.price_book_digest = text_at(digests, "price_book");
  r.contract_digest = text_at(digests, "contract");
  r.tokenizer_digest = text_at(digests, "tokenizer");
  r.template_digest = text_at(digests, "template");
  r.request_commitment = digest_at(json, "request");
  r.answer_commitment = digest_at(json, "answer");
  try {
    read_lists(json, r);
  } catch (const Json::exception&) {
    return invalid("", "a member of the record has the wrong type");
  }

  EncodedRecord again = encode(r);
  if (again.json == text) return r;
  for (std::size_t i = 0; i < kGroups.size(); ++i) {
    if (!again.has(i)) continue;
    Result<std::string> group = canonical_json(json[std::string(kGroups[i])]);
    if (!group.ok() || *group != again.value(i))
      return invalid(std::string(kGroups[i]), "has members that are missing, unknown or of the wrong type");
  }
  return invalid("", "not the canonical form of a usage record");
}

}  // namespace ciyuan::record
