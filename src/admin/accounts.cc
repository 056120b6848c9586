/// Accounts: what is left, what happened, and moving amounts between them.

#include <algorithm>
#include <span>

#include "admin/internal/handlers.h"
#include "base/crypto.h"
#include "contract/limit.h"
#include "price/book.h"

namespace ciyuan::admin {
namespace {

Json account_json(const store::AccountRow& row) {
  return {{"name", row.name},
          {"unit", row.unit},
          {"balance", format_decimal(row.credits_posted - row.debits_posted, row.scale)},
          {"credits", format_decimal(row.credits_posted, row.scale)},
          {"debits", format_decimal(row.debits_posted, row.scale)},
          {"funded", format_decimal(row.funded, row.scale)},
          {"may_overdraw", row.may_overdraw},
          {"closed", row.closed}};
}

std::string_view word_for(store::EntryKind kind) {
  switch (kind) {
    case store::EntryKind::kFund:
      return "fund";
    case store::EntryKind::kCharge:
      return "charge";
    case store::EntryKind::kPost:
      return "post";
    case store::EntryKind::kShare:
      return "share";
    case store::EntryKind::kRenewal:
      return "renew";
  }
  return "post";
}

Result<std::string> text_field(const Json& body, const char* field) {
  auto found = body.find(field);
  if (found == body.end()) return invalid(field, "is missing");
  if (!found->is_string()) return invalid(field, found->dump() + " is not a text");
  if (found->get_ref<const std::string&>().empty()) return invalid(field, "is empty");
  return found->get<std::string>();
}

bool is_unit(std::string_view unit) {
  bool currency =
      unit.size() == 3 && std::all_of(unit.begin(), unit.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  return currency || unit == "CIYUAN" || unit == "REQUEST" || unit == "PERSON";
}

Result<clerk::Post> read_post(const Request& request, TimePoint at) {
  CIYUAN_TRY(Json body, parse_json(request.body));
  if (!body.is_object()) return invalid("", "the body is not an object");
  for (const auto& member : body.items()) {
    std::string_view name = member.key();
    if (name != "id" && name != "debit" && name != "credit" && name != "unit" && name != "amount" &&
        name != "memo" && name != "new")
      return invalid(member.key(),
                     "is no field of a posting; those are id, debit, credit, unit, amount, memo, new");
  }
  clerk::Post post;
  post.at = at;
  post.actor = request.actor;
  CIYUAN_TRY(post.debit, text_field(body, "debit"));
  CIYUAN_TRY(post.credit, text_field(body, "credit"));
  if (post.debit == post.credit) return invalid("credit", "is the account that is debited");
  CIYUAN_TRY(post.unit, text_field(body, "unit"));
  if (!is_unit(post.unit))
    return invalid(
        "unit", "\"" + post.unit.substr(0, 60) +
                    "\" is no unit; those are CIYUAN, REQUEST, PERSON and currencies of three letters (CNY)");
  CIYUAN_TRY(std::string amount, text_field(body, "amount"));
  Result<Amount> parsed = parse_decimal(amount, contract::scale_of_unit(post.unit));
  if (!parsed.ok()) return invalid("amount", parsed.error().message);
  if (*parsed <= Amount()) return invalid("amount", "\"" + amount + "\" is not above zero");
  post.amount = *parsed;
  if (body.contains("memo")) {
    CIYUAN_TRY(post.memo, text_field(body, "memo"));
  }
  if (body.contains("new") && !body["new"].is_boolean())
    return invalid("new", body["new"].dump() + " is neither true nor false");
  if (body.contains("id")) {
    CIYUAN_TRY(std::string id, text_field(body, "id"));
    Result<Id> named = parse_id(id);
    if (!named.ok()) return invalid("id", named.error().message);
    post.id = *named;
  } else {
    post.id = make_uuid7(at);
  }
  return post;
}

// Accounts that limits alone move, and those that contracts alone open.
constexpr std::string_view kOfLimits[] = {"cap/",     "used/",    "funds/",    "package/", "reserved/",
                                          "expired/", "licence/", "licensed/", "licences/"};
constexpr std::string_view kOfContracts[] = {"prepaid/", "receivable/", "revenue/", "royalty/"};

bool begins_with_one_of(std::string_view account, std::span<const std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return account.starts_with(prefix); });
}

// What of `names` there is room for in an error.
std::string shortened_list(const std::vector<std::string>& names) {
  constexpr std::size_t kShownMax = 10;
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), kShownMax); ++i)
    list += (list.empty() ? "" : ", ") + names[i];
  if (names.size() > kShownMax) list += " and " + std::to_string(names.size() - kShownMax) + " more";
  return list.empty() ? "none" : list;
}

// A posting is no way to change what a contract says, and an account that nobody means is no place for money.
Status check_accounts(store::Reader& reader, const contract::Registry& registry, const clerk::Post& post,
                      bool opens_new) {
  for (const auto& [field, account] : {std::pair{"debit", &post.debit}, {"credit", &post.credit}})
    if (begins_with_one_of(*account, kOfLimits))
      return Error{
          ErrorCode::kRefused,
          *account + " is kept by the limits of contracts alone; to change a limit, apply its contract",
          field};
  if (begins_with_one_of(post.debit, kOfContracts)) {
    CIYUAN_TRY(std::optional<store::AccountRow> debit, reader.account(post.debit));
    if (!debit) return Error{ErrorCode::kNotFound, post.debit + ": no such account", "debit"};
  }
  CIYUAN_TRY(std::optional<store::AccountRow> credit, reader.account(post.credit));
  if (credit || (opens_new && !begins_with_one_of(post.credit, kOfContracts))) return {};
  std::vector<std::string> balances = registry.balances();
  if (std::binary_search(balances.begin(), balances.end(), post.credit)) return {};
  return Error{ErrorCode::kNotFound,
               post.credit + ": there is no such account, and no contract names it; contracts name " +
                   shortened_list(balances) + " (a new account of your own books: \"new\": true, or --new)",
               "credit"};
}

}  // namespace

// Each posting has a salt of its own, so that one can be told without the others.
SecretKey salt_of(const SecretKey& instance_key, const Id& id) {
  std::string message = "ciyuan/posting-salt/v1";
  message += text_of(id.bytes);
  return hmac_sha256(instance_key, bytes_of(message));
}

http::Response Handlers::list_accounts(const Request& request) {
  Result<std::size_t> limit = limit_of(request);
  if (!limit.ok()) return problem(limit.error());
  auto rows = reader().accounts(request.asked("prefix"), request.asked("after"), *limit);
  if (!rows.ok()) return problem(rows.error());
  Json accounts = Json::array();
  for (const store::AccountRow& row : *rows) accounts.push_back(account_json(row));
  Json body = {{"accounts", std::move(accounts)}};
  if (rows->size() == *limit) body["next"] = rows->back().name;
  return json_response(body);
}

http::Response Handlers::get_account(const Request& request) {
  auto row = reader().account(request.path.at("name"));
  if (!row.ok()) return problem(row.error());
  if (!*row) return problem(404, request.path.at("name") + ": no such account");
  Json body = account_json(**row);
  Result<TimePoint> at = moment_of(request, "at");
  if (!at.ok()) return problem(at.error());
  if (!request.asked("at").empty()) {
    if (*at > parts().clock())
      return problem(invalid("at", to_rfc3339(*at) + " is to come: nobody knows a balance of then"));
    auto then = reader().balance_at((*row)->name, *at);
    if (!then.ok()) return problem(then.error());
    body["at"] = {{"time", to_rfc3339(*at)},
                  {"balance", format_decimal(then->balance, (*row)->scale)},
                  {"entry", then->entry}};
  }
  return json_response(body);
}

http::Response Handlers::account_statement(const Request& request) {
  const std::string& name = request.path.at("name");
  Result<std::size_t> limit = limit_of(request);
  Result<std::uint64_t> after = number_of(request, "after");
  Result<TimePoint> from = moment_of(request, "from");
  if (!limit.ok()) return problem(limit.error());
  if (!after.ok()) return problem(after.error());
  if (!from.ok()) return problem(from.error());
  auto account = reader().account(name);
  if (!account.ok()) return problem(account.error());
  if (!*account) return problem(404, name + ": no such account");
  auto rows = reader().statement(name, *after, *from, *limit);
  if (!rows.ok()) return problem(rows.error());
  int scale = (*account)->scale;
  Json lines = Json::array();
  for (const store::StatementLine& row : *rows)
    lines.push_back({{"entry", row.entry},
                     {"kind", word_for(row.kind)},
                     {"id", row.id.text()},
                     {"at", to_rfc3339(row.at)},
                     {"amount", format_decimal(row.amount, scale)},
                     {"balance", format_decimal(row.balance, scale)},
                     {"memo", row.memo}});
  Json body = {{"account", account_json(**account)}, {"lines", std::move(lines)}};
  if (rows->size() == *limit) body["next"] = rows->back().entry;
  return json_response(body);
}

http::Response Handlers::close_account(const Request& request) {
  const std::string& name = request.path.at("name");
  clerk::Reply reply = parts().clerk->call(clerk::CloseAccount{parts().clock(), request.actor, name});
  if (auto* error = std::get_if<Error>(&reply)) return problem(*error);
  auto row = reader().account(name);
  if (!row.ok()) return problem(row.error());
  if (!*row) return problem(404, name + ": no such account");
  return json_response(account_json(**row));
}

http::Response Handlers::post(const Request& request) {
  Result<clerk::Post> command = read_post(request, parts().clock());
  if (!command.ok()) return problem(command.error());
  bool opens_new = parse_json(request.body)->value("new", false);
  Status right = check_accounts(reader(), *api.registry(), *command, opens_new);
  if (!right.ok()) return problem(right.error());
  command->salt = salt_of(parts().instance_key, command->id);
  std::string id = command->id.text(), credit = command->credit, salt = to_hex(command->salt);
  clerk::Reply reply = parts().clerk->call(std::move(*command));
  // Whether it was posted may be unsure now: the id is what makes sending it again safe.
  if (auto* error = std::get_if<Error>(&reply)) return problem(*error, {{"id", id}});
  auto* done = std::get_if<clerk::Done>(&reply);
  if (done == nullptr) return problem(500, "the clerk gave another reply than Done");
  Json body = {{"id", id}, {"leaf", done->leaf_index}, {"salt", salt}};
  if (auto row = reader().account(credit); row.ok() && *row) body["credit"] = account_json(**row);
  return json_response(body);
}

}  // namespace ciyuan::admin
