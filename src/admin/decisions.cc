/// Decisions without a call: what the documents in force say of one, and why.

#include "admin/internal/handlers.h"
#include "contract/registry.h"
#include "record/record.h"

namespace ciyuan::admin {
namespace {

constexpr const char* kTexts[] = {"key",   "model",   "session",  "tenant", "user",
                                  "agent", "purpose", "endpoint", "at"};

/// What a decision is asked about.
struct Asked {
  std::string key, model, session, tenant, user, agent, purpose, endpoint = "chat/completions";
  std::int64_t prompt_tokens = 0;
  TimePoint at;
  Id id;
};

Result<Asked> asked_in(const Json& body, TimePoint now) {
  if (!body.is_object()) return invalid("", "the body is not an object");
  Asked asked;
  asked.at = now;
  std::string at;
  std::string* targets[] = {&asked.key,     &asked.model,    &asked.session,
                            &asked.tenant,  &asked.user,     &asked.agent,
                            &asked.purpose, &asked.endpoint, &at};
  for (const auto& member : body.items()) {
    std::size_t text = 0;
    while (text < std::size(kTexts) && member.key() != kTexts[text]) ++text;
    if (text < std::size(kTexts)) {
      if (!member.value().is_string()) return invalid(member.key(), member.value().dump() + " is not a text");
      *targets[text] = member.value().get<std::string>();
    } else if (member.key() == "prompt_tokens") {
      if (!member.value().is_number_unsigned() || member.value().get<std::uint64_t>() > 1'000'000'000)
        return invalid("prompt_tokens", member.value().dump() + " is not a count of tokens");
      asked.prompt_tokens = member.value().get<std::int64_t>();
    } else {
      return invalid(member.key(),
                     "is none of key, model, session, tenant, user, agent, purpose, endpoint, "
                     "prompt_tokens, at");
    }
  }
  if (asked.key.empty()) return invalid("key", "is missing");
  if (asked.model.empty()) return invalid("model", "is missing");
  if (!at.empty()) {
    CIYUAN_TRY(asked.at, parse_rfc3339(at));
  }
  return asked;
}

Json words_of(const contract::Registry& registry, const contract::KeyPlan& key, std::string_view clause) {
  const contract::ClauseText* text = registry.clause_text(key, clause);
  return text == nullptr ? Json() : Json{{"en", text->en}, {"zh", text->zh}};
}

// Each limit with what is left of it now; an account that nobody has used yet has all of it.
Result<Json> limits_of(store::Reader& reader, const contract::Terms& terms) {
  Json limits = Json::array();
  for (const contract::Limit& limit : terms.limits) {
    if (limit.may_overdraw && limit.funds.is_zero()) continue;  // a receivable limits nothing
    CIYUAN_TRY(std::optional<store::AccountRow> row, reader.account(limit.account));
    const int scale = contract::scale_of_unit(limit.unit);
    const Amount left = row ? row->credits_posted - row->debits_posted : limit.funds;
    limits.push_back({{"clause", limit.clause},
                      {"account", limit.account},
                      {"unit", limit.unit},
                      {"limit", format_decimal(limit.funds, scale)},
                      {"left", format_decimal(left, scale)}});
  }
  return limits;
}

Result<Json> decide(const contract::Registry& registry, store::Reader& reader, const Asked& asked) {
  const contract::KeyPlan* key = registry.key_named(asked.key);
  if (key == nullptr) return Error{ErrorCode::kNotFound, "no key is named " + asked.key, "key"};
  Json body = {{"contract", std::string(registry.contract_name(*key))}};
  auto resolved = registry.resolve({.key = key,
                                    .model = asked.model,
                                    .session = asked.session,
                                    .endpoint = asked.endpoint,
                                    .request_id = asked.id,
                                    .at = asked.at,
                                    .prompt_tokens = asked.prompt_tokens,
                                    .tenant = asked.tenant,
                                    .user = asked.user,
                                    .agent = asked.agent,
                                    .purpose = asked.purpose});
  if (!resolved.ok()) {
    body.update({{"allowed", false},
                 {"clause", resolved.error().path},
                 {"message", resolved.error().message},
                 {"text", words_of(registry, *key, resolved.error().path)}});
    return body;
  }
  const contract::Decision decision = registry.decide(
      *key, *resolved, {.endpoint = asked.endpoint, .prompt_tokens = asked.prompt_tokens, .at = asked.at});
  const std::string rule = decision.rule.empty() ? decision.clause : decision.clause + "/" + decision.rule;
  CIYUAN_TRY(Json limits, limits_of(reader, resolved->terms));
  body.update({{"allowed", decision.allowed},
               {"clause", rule},
               {"message", decision.message},
               {"text", words_of(registry, *key, rule)},
               {"matched", decision.matched},
               {"model", resolved->model->name},
               {"session", resolved->session},
               {"limits", std::move(limits)}});
  if (decision.output_tokens_max) body["output_tokens_max"] = *decision.output_tokens_max;
  return body;
}

}  // namespace

http::Response Handlers::make_decision(const Request& request) {
  Result<Json> body = parse_json(request.body);
  if (!body.ok()) return problem(body.error());
  Result<Asked> asked = asked_in(*body, parts().clock());
  if (!asked.ok()) return problem(asked.error());
  Result<Json> decided = decide(*api.registry(), reader(), *asked);
  return decided.ok() ? json_response(*decided) : problem(decided.error());
}

// What the record's facts come to under the documents in force now. Limits are those of now as well: what was
// left then stands in no record.
http::Response Handlers::record_decision(const Request& request) {
  Result<Id> id = parse_id(request.path.at("id"));
  if (!id.ok()) return problem(id.error());
  Result<std::optional<store::RecordRow>> row = reader().record(*id);
  if (!row.ok()) return problem(row.error());
  if (!*row) return problem(Error{ErrorCode::kNotFound, "no record has this id", "id"});
  Result<record::UsageRecord> record = record::parse_record((*row)->json);
  if (!record.ok()) return problem(record.error());
  const bool has_own_session = record->session == "key:" + record->key;
  std::int64_t prompt_tokens = 0;
  for (const char* kind : {"input", "cache_read", "cache_write"})
    if (auto figure = record->usage.find(kind); figure != record->usage.end())
      prompt_tokens += static_cast<std::int64_t>(figure->second.measured);
  const Asked asked{.key = record->key,
                    .model = record->model_asked,
                    .session = has_own_session ? "" : record->session,
                    .tenant = record->tenant,
                    .user = record->user,
                    .agent = record->agent,
                    .purpose = record->purpose,
                    .prompt_tokens = prompt_tokens,
                    .at = record->accepted,
                    .id = record->id};
  const std::shared_ptr<const contract::Registry> registry = api.registry();
  Result<Json> decided = decide(*registry, reader(), asked);
  if (!decided.ok()) return problem(decided.error());
  const contract::Document* contract = registry->find_document("Contract", record->contract);
  (*decided)["same_contract"] = contract != nullptr && to_hex(contract->digest) == record->contract_digest;
  (*decided)["record"] = record->id.text();
  return json_response(*decided);
}

}  // namespace ciyuan::admin
