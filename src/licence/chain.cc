#include "licence/chain.h"

#include "licence/internal/two_lines.h"

namespace ciyuan::licence {
namespace {

using internal::text_member;

constexpr std::string_view kWhat = "ciyuan/licence-counter/v1";
constexpr int kLinesOfNote = 4;
constexpr std::string_view kStandings[] = {"same", "longer", "rolled-back", "forked"};

std::string decimal(Amount amount) { return format_decimal(amount, kCiyuanScale); }

Result<Amount> amount_member(const Json& value, const char* member) {
  CIYUAN_TRY(std::string text, text_member(value, member));
  Result<Amount> amount = parse_decimal(text, kCiyuanScale);
  if (!amount.ok() || amount->is_negative())
    return invalid(member, "\"" + text + "\" is no amount of Ciyuan");
  return amount;
}

Result<std::map<std::string, KindCounts>> read_tokens(const Json& value) {
  std::map<std::string, KindCounts> tokens;
  auto models = value.find("tokens");
  if (models == value.end() || !models->is_object()) return invalid("tokens", "are no object");
  for (const auto& model : models->items()) {
    if (!model.value().is_object()) return invalid("tokens/" + model.key(), "is no object");
    KindCounts& counts = tokens[model.key()];
    for (const auto& count : model.value().items()) {
      std::optional<Kind> kind = kind_named(count.key());
      if (!kind || !count.value().is_number_unsigned() ||
          count.value().get<std::uint64_t>() > static_cast<std::uint64_t>(kTokensMax))
        return invalid("tokens/" + model.key() + "/" + count.key(), "is no kind and number of tokens");
      counts[*kind] = count.value().get<std::int64_t>();
    }
  }
  return tokens;
}

Result<Statement> read_statement(std::string_view text, const Voucher& voucher) {
  CIYUAN_TRY(Json value, internal::read_two_lines(kWhat, text));
  Statement statement;
  auto sequence = value.find("sequence");
  if (sequence == value.end() || !sequence->is_number_unsigned())
    return invalid("sequence", "is missing, or no number");
  statement.sequence = sequence->get<std::uint64_t>();
  CIYUAN_TRY(std::string at, text_member(value, "at"));
  CIYUAN_TRY(statement.at, parse_rfc3339(at));
  CIYUAN_TRY(statement.ciyuan, amount_member(value, "ciyuan"));
  CIYUAN_TRY(statement.marked, amount_member(value, "marked"));
  CIYUAN_TRY(statement.unaccounted, amount_member(value, "unaccounted"));
  CIYUAN_TRY(statement.tokens, read_tokens(value));
  CIYUAN_TRY(statement.previous, text_member(value, "previous"));
  if (auto final = value.find("final"); final != value.end()) {
    if (*final != true) return invalid("final", "is not true");
    statement.is_final = true;
  }
  CIYUAN_TRY(std::string of, text_member(value, "voucher"));
  if (of != voucher.id.text()) return invalid("voucher", "\"" + of + "\" is another voucher");
  CIYUAN_TRY(std::string method, text_member(value, "method"));
  if (method != voucher.method_digest) return invalid("method", "is not the voucher's");
  if (statement_text(statement, voucher) != text)
    return invalid("", "has members that are unknown or not in their own form");
  return statement;
}

// What the tokens count by the voucher's weights; nothing where a model is not the voucher's, or beyond 128
// bits.
std::optional<Amount> ciyuan_of(const std::map<std::string, KindCounts>& tokens, const Voucher& voucher) {
  Amount sum;
  for (const auto& [model, counts] : tokens) {
    auto weights = voucher.models.find(model);
    if (weights == voucher.models.end()) return std::nullopt;
    for (Kind kind : kAllKinds) {
      std::optional<Amount> part = checked_multiply(weights->second[index_of(kind)], counts[kind]);
      std::optional<Amount> next = part ? checked_add(sum, *part) : std::nullopt;
      if (!next) return std::nullopt;
      sum = *next;
    }
  }
  return sum;
}

Status check_tokens(const Statement& one, const Statement& before, const Voucher& voucher) {
  for (const auto& [model, counts] : before.tokens)
    for (Kind kind : kAllKinds) {
      auto now = one.tokens.find(model);
      if (now == one.tokens.end() || now->second[kind] < counts[kind])
        return invalid("tokens", "are less of " + model + " than in the statement before");
    }
  std::optional<Amount> counted = ciyuan_of(one.tokens, voucher);
  if (!counted) return invalid("tokens", "are of a model that the voucher does not name, or too many");
  std::optional<Amount> sum = checked_add(*counted, one.unaccounted);
  if (!sum || *sum != one.ciyuan)
    return invalid("ciyuan", decimal(one.ciyuan) + " is not what the tokens and the unaccounted add up to");
  return {};
}

// One statement against the one before it; `before` of the first is empty, with the voucher's digest.
Status check_step(const Statement& one, const Statement& before, const std::string& digest, bool is_first,
                  const Voucher& voucher) {
  const std::uint64_t expected = is_first ? 0 : before.sequence + 1;
  if (one.sequence != expected)
    return invalid("sequence", std::to_string(one.sequence) + " is not " + std::to_string(expected));
  if (before.is_final) return invalid("sequence", "follows the statement that was to be the last");
  if (one.previous != digest) return invalid("previous", "is not the digest of what stands before it");
  if (one.at < before.at) return invalid("at", to_rfc3339(one.at) + " is before the statement before it");
  if (one.ciyuan < before.ciyuan)
    return invalid("ciyuan", decimal(one.ciyuan) + " is less than in the statement before");
  if (one.unaccounted < before.unaccounted)
    return invalid("unaccounted", decimal(one.unaccounted) + " is less than in the statement before");
  if (one.ciyuan > before.marked)
    return invalid("ciyuan", decimal(one.ciyuan) + " is more than " + decimal(before.marked) +
                                 ", which was marked before");
  if (one.marked < one.ciyuan) return invalid("marked", decimal(one.marked) + " is less than ciyuan");
  if (one.is_final && one.marked != one.ciyuan)
    return invalid("marked", decimal(one.marked) + " is marked ahead in the last statement");
  if (one.marked > voucher.ciyuan)
    return invalid("marked", decimal(one.marked) + " is more than the voucher's " + decimal(voucher.ciyuan));
  return check_tokens(one, before, voucher);
}

// The next whole note; empty where there is none.
std::string_view next_note(std::string_view rest) {
  std::size_t end = 0;
  for (int line = 0; line < kLinesOfNote; ++line) {
    end = rest.find('\n', end);
    if (end == rest.npos) return {};
    ++end;
  }
  return rest.substr(0, end);
}

}  // namespace

std::string statement_text(const Statement& statement, const Voucher& voucher) {
  Json tokens = Json::object();
  for (const auto& [model, counts] : statement.tokens) {
    Json& kinds = tokens[model] = Json::object();
    for (Kind kind : kAllKinds)
      if (counts[kind] != 0) kinds[std::string(name_of(kind))] = static_cast<std::uint64_t>(counts[kind]);
  }
  Json value = {{"at", to_rfc3339(statement.at)},      {"ciyuan", decimal(statement.ciyuan)},
                {"marked", decimal(statement.marked)}, {"method", voucher.method_digest},
                {"previous", statement.previous},      {"sequence", statement.sequence},
                {"tokens", std::move(tokens)},         {"unaccounted", decimal(statement.unaccounted)},
                {"voucher", voucher.id.text()}};
  if (statement.is_final) value["final"] = true;
  Result<std::string> text = internal::two_lines(kWhat, value);
  return text.ok() ? *text : std::string();
}

Result<Chain> read_chain(std::string_view file, std::span<const tlog::VerifierKey> servers) {
  if (file.size() > kChainBytesMax)
    return Error{ErrorCode::kTooLarge,
                 "has " + std::to_string(file.size()) + " bytes; a chain has at most " +
                     std::to_string(kChainBytesMax >> 20) + " MiB: report it and take another voucher",
                 "chain"};
  Chain chain;
  std::string_view note = next_note(file);
  if (note.empty()) return invalid("voucher", "is missing");
  Result<Voucher> voucher = read_voucher(note, servers);
  if (!voucher.ok())
    return Error{voucher.error().code, voucher.error().message, "voucher/" + voucher.error().path};
  chain.voucher = std::move(*voucher);
  chain.whole_bytes = note.size();
  Statement before;
  before.marked = Amount();  // nothing passes before the first statement has marked it
  std::string digest = voucher_digest(chain.voucher);
  for (note = next_note(file.substr(chain.whole_bytes)); !note.empty();
       note = next_note(file.substr(chain.whole_bytes))) {
    if (chain.statements.size() >= kStatementsMax)
      return Error{ErrorCode::kTooLarge, "has more than " + std::to_string(kStatementsMax) + " statements",
                   ""};
    const std::string number = std::to_string(chain.statements.size());
    auto at = [&](const Error& error) {
      return Error{error.code, error.message, error.path.empty() ? number : number + "/" + error.path};
    };
    Result<tlog::OpenedNote> opened = tlog::open_note(note, {&chain.voucher.device, 1});
    if (!opened.ok()) return at(opened.error());
    Result<Statement> one = read_statement(opened->text, chain.voucher);
    if (!one.ok()) return at(one.error());
    if (Status fits = check_step(*one, before, digest, chain.statements.empty(), chain.voucher); !fits.ok())
      return at(fits.error());
    digest = to_hex(sha256(opened->text));
    before = *one;
    chain.statements.push_back(std::move(*one));
    chain.digests.push_back(digest);
    chain.whole_bytes += note.size();
  }
  return chain;
}

std::string_view name_of(Standing standing) { return kStandings[static_cast<std::size_t>(standing)]; }

Standing standing_of(const Chain& chain, const Seen& seen) {
  if (chain.statements.size() < seen.statements) return Standing::kRolledBack;
  if (seen.statements > 0 && chain.digests[seen.statements - 1] != seen.digest) return Standing::kForked;
  return chain.statements.size() == seen.statements ? Standing::kSame : Standing::kLonger;
}

}  // namespace ciyuan::licence
