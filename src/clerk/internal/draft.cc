#include "clerk/internal/draft.h"

#include <algorithm>

namespace ciyuan::clerk::internal {
namespace {

using record::UsageRecord;
using store::ByteReader;
using store::ByteWriter;

constexpr std::uint64_t kItemsMax = 1 << 16;  // of one list: more is damage, not a record

// The members of a record in the order in which they are written; `Record` is const or not.
template <class Record, class Visit>
void each_time(Record& record, Visit visit) {
  for (auto* time :
       {&record.accepted, &record.first_byte, &record.first_token, &record.last_token, &record.closed})
    visit(*time);
}
template <class Record, class Visit>
void each_text(Record& record, Visit visit) {
  for (auto* text : {&record.party, &record.contract, &record.key, &record.session, &record.model_asked,
                     &record.model_answered, &record.upstream, &record.region, &record.region_grade,
                     &record.finish_reason, &record.ciyuan})
    visit(*text);
}
template <class Record, class Visit>
void each_digest(Record& record, Visit visit) {
  for (auto* digest : {&record.method_digest, &record.price_book_digest, &record.contract_digest,
                       &record.tokenizer_digest, &record.template_digest})
    visit(*digest);
}

// Hexadecimal text of a digest takes half its length; any other text stands as it is.
void write_digest(ByteWriter& out, const std::string& text) {
  auto bytes = text.size() == 2 * sizeof(Digest) ? from_hex(text) : Result<Bytes>(Bytes());
  bool packs = bytes.ok() && !bytes->empty() && to_hex(*bytes) == text;
  out.number(packs);
  out.text(packs ? text_of(*bytes) : std::string_view(text));
}
std::string read_digest(ByteReader& in) {
  bool packed = in.number() != 0;
  std::string_view text = in.text();
  return packed ? to_hex(bytes_of(text)) : std::string(text);
}

void write_optional(ByteWriter& out, const std::optional<std::uint64_t>& value) {
  out.number(value.has_value());
  if (value) out.number(*value);
}
std::optional<std::uint64_t> read_optional(ByteReader& in) {
  if (in.number() == 0) return std::nullopt;
  return in.number();
}

// Calls `read` for each item of a list.
template <class Read>
void read_items(ByteReader& in, Read read) {
  std::uint64_t items = in.number();
  for (std::uint64_t i = 0; i < std::min(items, kItemsMax) && in.ok(); ++i) read();
}

}  // namespace

void write_draft(ByteWriter& out, const UsageRecord& draft) {
  out.fixed(draft.id.bytes);
  each_time(draft, [&](TimePoint time) { out.integer(time.ns); });
  each_text(draft, [&](const std::string& text) { out.text(text); });
  each_digest(draft, [&](const std::string& digest) { write_digest(out, digest); });
  out.fixed(draft.request_commitment);
  out.fixed(draft.answer_commitment);
  out.number(static_cast<std::uint64_t>(draft.state));
  out.number(draft.corrects.has_value());
  if (draft.corrects) out.fixed(draft.corrects->bytes);
  out.number(draft.verdict ? 1 + static_cast<std::uint64_t>(*draft.verdict) : 0);
  write_optional(out, draft.delivered);
  write_optional(out, draft.generated);
  out.number(draft.usage.size());
  for (const auto& [kind, figure] : draft.usage) {
    out.text(kind);
    write_optional(out, figure.reported);
    out.number(figure.measured);
    out.number(figure.billed);
    out.number(static_cast<std::uint64_t>(figure.level));
    out.text(figure.counted_by);
  }
  out.number(draft.exposure.size());
  for (const auto& [data_class, tokens] : draft.exposure) out.text(data_class), out.number(tokens);
  out.number(draft.charges.size());
  for (const record::Charge& charge : draft.charges)
    for (const std::string* text :
         {&charge.kind, &charge.quantity, &charge.unit_price, &charge.amount, &charge.currency, &charge.line})
      out.text(*text);
  out.number(draft.clauses.size());
  for (const std::string& clause : draft.clauses) out.text(clause);
  out.text(draft.service_class);
  out.number(draft.tags.size());
  for (const auto& [name, value] : draft.tags) out.text(name), out.text(value);
  for (const std::string* text : {&draft.tenant, &draft.user, &draft.agent, &draft.purpose}) out.text(*text);
}

UsageRecord read_draft(ByteReader& in, std::uint64_t version) {
  UsageRecord draft;
  draft.id.bytes = in.fixed<16>();
  each_time(draft, [&](TimePoint& time) { time.ns = in.integer(); });
  each_text(draft, [&](std::string& text) { text = in.text(); });
  each_digest(draft, [&](std::string& digest) { digest = read_digest(in); });
  draft.request_commitment = in.fixed<32>();
  draft.answer_commitment = in.fixed<32>();
  draft.state = static_cast<record::State>(
      std::min<std::uint64_t>(in.number(), static_cast<std::uint64_t>(record::State::kInterrupted)));
  if (in.number() != 0) draft.corrects = Id{in.fixed<16>()};
  if (std::uint64_t verdict = in.number(); verdict != 0)
    draft.verdict = static_cast<record::Verdict>(
        std::min(verdict - 1, static_cast<std::uint64_t>(record::Verdict::kUnverifiable)));
  draft.delivered = read_optional(in);
  draft.generated = read_optional(in);
  read_items(in, [&] {
    std::string kind(in.text());
    record::Figure& figure = draft.usage[std::move(kind)];
    figure.reported = read_optional(in);
    figure.measured = in.number();
    figure.billed = in.number();
    figure.level = static_cast<record::Level>(
        std::min<std::uint64_t>(in.number(), static_cast<std::uint64_t>(record::Level::kUnverified)));
    figure.counted_by = in.text();
  });
  read_items(in, [&] {
    std::string data_class(in.text());
    draft.exposure[std::move(data_class)] = in.number();
  });
  read_items(in, [&] {
    record::Charge& charge = draft.charges.emplace_back();
    for (std::string* text :
         {&charge.kind, &charge.quantity, &charge.unit_price, &charge.amount, &charge.currency})
      *text = in.text();
    if (version >= 3) charge.line = in.text();
  });
  read_items(in, [&] { draft.clauses.emplace_back(in.text()); });
  if (version >= 3) draft.service_class = in.text();
  if (version >= 4)
    read_items(in, [&] {
      std::string name(in.text());
      draft.tags[std::move(name)] = in.text();
    });
  if (version >= 5)
    for (std::string* text : {&draft.tenant, &draft.user, &draft.agent, &draft.purpose}) *text = in.text();
  return draft;
}

}  // namespace ciyuan::clerk::internal
