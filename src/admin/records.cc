/// Records, receipts, and why a call came out as it did.

#include "admin/internal/correction.h"
#include "admin/internal/handlers.h"
#include "report/papers.h"

namespace ciyuan::admin {
namespace {

Result<Json> find_record(store::Reader& reader, const std::string& id_text,
                         std::optional<store::RecordRow>& row) {
  CIYUAN_TRY(Id id, parse_id(id_text));
  CIYUAN_TRY(row, reader.record(id));
  if (!row)
    return Error{ErrorCode::kNotFound, "no such record (a call that is still open has none yet)", id_text};
  Result<Json> record = parse_json(row->json);
  if (!record.ok()) return Error{ErrorCode::kCorrupt, record.error().message, id_text};
  return record;
}

std::string text_at(const Json& object, const char* field) {
  if (!object.is_object() || !object.contains(field)) return "";
  const Json& value = object[field];
  return value.is_string() ? value.get<std::string>() : value.dump();
}

const Json& member(const Json& object, const char* field) {
  static const Json kNone = Json::object();
  return object.is_object() && object.contains(field) ? object[field] : kNone;
}

// The document that was in force then, by the digest in the record: also when it has been replaced since.
Json named_document(store::Reader& reader, const std::string& digest_hex) {
  Result<std::optional<Json>> found = report::document_named(reader, digest_hex);
  return found.ok() && *found ? std::move(**found) : Json();
}

Json clause_of(const Json& contract, const std::string& id) {
  for (const Json& clause : contract.value("clauses", Json::array()))
    if (clause.value("id", clause.value("kind", "")) == id) return clause;
  return nullptr;
}

std::string words_for_state(const std::string& name) {
  using record::State;
  auto words = [](State state) -> std::string {
    switch (state) {
      case State::kCompleted:
        return "The whole answer was delivered.";
      case State::kCut:
        return "The answer was ended by a cap, to the token.";
      case State::kClientGone:
        return "The client left before the answer ended; the metering clause says what that costs.";
      case State::kUpstreamFailed:
        return "The service broke off; the metering clause says what that costs.";
      case State::kUpstreamRefused:
        return "The service refused the call.";
      case State::kInterrupted:
        return "The gateway stopped within the call; it was settled at restart from its last durable mark.";
    }
    return "";
  };
  std::optional<State> state = record::parse_state(name);
  return state ? words(*state) : "";
}

std::string words_for_verdict(const std::string& name) {
  using record::Verdict;
  auto words = [](Verdict verdict) -> std::string {
    switch (verdict) {
      case Verdict::kVerified:
        return "The service's figures are ours, counted from the bytes.";
      case Verdict::kWithinTolerance:
        return "The service's figures are as close to ours as the metering clause asks.";
      case Verdict::kDisputed:
        return "The service's figures are further from ours than the metering clause allows.";
      case Verdict::kUnverifiable:
        return "There was nothing to compare our figures with.";
    }
    return "";
  };
  std::optional<Verdict> verdict = record::parse_verdict(name);
  return verdict ? words(*verdict) : "";
}

}  // namespace

http::Response Handlers::list_records(const Request& request) {
  Result<std::size_t> limit = limit_of(request);
  Result<std::uint64_t> after = number_of(request, "after");
  Result<TimePoint> from = moment_of(request, "from"), to = moment_of(request, "to");
  if (!limit.ok()) return problem(limit.error());
  if (!after.ok()) return problem(after.error());
  if (!from.ok()) return problem(from.error());
  if (!to.ok()) return problem(to.error());
  if (to->ns != 0 && *to <= *from)
    return problem(invalid("to", "is not after from: there is no time between them"));
  store::RecordFilter filter{.contract = std::string(request.asked("contract")),
                             .key = std::string(request.asked("key")),
                             .session = std::string(request.asked("session")),
                             .from = *from,
                             .to = *to,
                             .before_leaf = *after,
                             .rows_max = *limit};
  // No records of a name that never was is no answer: it was mistyped.
  for (const auto& [kind, name] : {std::pair{"Contract", &filter.contract}, {"Key", &filter.key}}) {
    if (name->empty()) continue;
    auto history = reader().document_history(kind, *name);
    if (!history.ok()) return problem(history.error());
    if (history->empty()) return problem(404, std::string(kind) + "/" + *name + ": there never was one");
  }
  auto rows = reader().records(filter);
  if (!rows.ok()) return problem(rows.error());
  Json records = Json::array();
  for (const store::RecordRow& row : *rows) {
    Result<Json> record = parse_json(row.json);
    if (!record.ok()) return problem(500, row.id.text() + ": the stored record is damaged");
    records.push_back({{"leaf", row.leaf}, {"record", std::move(*record)}});
  }
  Json body = {{"records", std::move(records)}};
  if (rows->size() == *limit && rows->back().leaf > 0) body["next"] = rows->back().leaf;
  return json_response(body);
}

http::Response Handlers::get_record(const Request& request) {
  std::optional<store::RecordRow> row;
  Result<Json> record = find_record(reader(), request.path.at("id"), row);
  if (!record.ok()) return problem(record.error());
  // The stored bytes, not a new rendering of them: they are what was hashed.
  return text_response(row->json, 200, "application/json");
}

http::Response Handlers::receipt(const Request& request) {
  Result<Id> id = parse_id(request.path.at("id"));
  if (!id.ok()) return problem(id.error());
  Result<std::string> receipt = parts().publisher->receipt(*id);
  return receipt.ok() ? text_response(std::move(*receipt)) : problem(receipt.error());
}

http::Response Handlers::record_key(const Request& request) {
  std::optional<store::RecordRow> row;
  Result<Json> record = find_record(reader(), request.path.at("id"), row);
  if (!record.ok()) return problem(record.error());
  if (parts().keys == nullptr) return problem(403, "this server does not show commitment keys");
  Result<SecretKey> key = clerk::find_key(reader(), *row, *parts().keys);
  if (!key.ok()) return problem(key.error());
  return json_response({{"id", row->id.text()}, {"key", to_hex(*key)}});
}

http::Response Handlers::erase_record_key(const Request& request) {
  std::optional<store::RecordRow> row;
  Result<Json> record = find_record(reader(), request.path.at("id"), row);
  if (!record.ok()) return problem(record.error());
  if (parts().keys == nullptr) return problem(403, "this server does not erase commitment keys");
  record::KeysFile& keys = *parts().keys;
  Result<SecretKey> key = clerk::find_key(reader(), *row, keys);
  bool erased_before = !key.ok() && key.error().code == ErrorCode::kRefused;
  if (!key.ok() && !erased_before) return problem(key.error());
  Json body = {{"id", row->id.text()}, {"erased_before", erased_before}};
  // Logged first: a key that is gone without an act in the log would be worse than an act that has to be
  // sent again. An erasure that was logged is finished here, and not logged twice.
  if (!erased_before) {
    clerk::Act act{parts().clock(), request.actor, "erase-key", "Record", row->id.text()};
    clerk::Reply reply = parts().clerk->call(std::move(act));
    if (auto* error = std::get_if<Error>(&reply)) return problem(*error);
    auto* done = std::get_if<clerk::Done>(&reply);
    if (done == nullptr) return problem(500, "the clerk gave another reply than Done");
    body["leaf"] = done->leaf_index;
  }
  if (Status erased = keys.erase(row->id, row->key_slot); !erased.ok())
    return problem(
        {erased.error().code,
         "the erasure is in the log, and the key is not erased yet; send it again: " + erased.error().message,
         erased.error().path});
  return json_response(body);
}

http::Response Handlers::explain(const Request& request) {
  std::optional<store::RecordRow> row;
  Result<Json> found = find_record(reader(), request.path.at("id"), row);
  if (!found.ok()) return problem(found.error());
  const Json& record = *found;
  const Json& digests = member(record, "digests");
  Json body = {{"record", record}, {"leaf", row->leaf}};
  for (const char* name : {"contract", "method", "price_book"})
    if (Json document = named_document(reader(), text_at(digests, name)); !document.is_null())
      body["documents"][name] = document;
  const Json& billed = member(member(record, "equivalence"), "billed");
  if (billed.is_object())
    if (Json document = named_document(reader(), text_at(billed, "digest")); !document.is_null())
      body["documents"]["equivalence"] = document;
  Json clauses = Json::array();
  if (record.contains("clauses"))
    for (const Json& id : record["clauses"]) {
      Json clause = body.contains("documents") ? clause_of(member(body["documents"], "contract"),
                                                           id.is_string() ? id.get<std::string>() : "")
                                               : Json();
      clauses.push_back({{"id", id}, {"clause", clause}});
    }
  body["clauses_fired"] = std::move(clauses);
  body["outcome"] = words_for_state(text_at(member(record, "outcome"), "state"));
  body["verdict"] = words_for_verdict(text_at(member(record, "outcome"), "verdict"));
  Json sums = Json::array();
  for (const Json& charge : record.value("charges", Json::array()))
    sums.push_back(text_at(charge, "kind") + ": " + text_at(charge, "quantity") + " × " +
                   text_at(charge, "unit_price") + " = " + text_at(charge, "amount") + " " +
                   text_at(charge, "currency"));
  body["sums"] = std::move(sums);
  return json_response(body);
}

http::Response Handlers::correct(const Request& request) {
  Result<Id> id = parse_id(request.path.at("id"));
  if (!id.ok()) return problem(id.error());
  Result<Json> body = parse_json(request.body);
  if (!body.ok()) return problem(body.error());
  if (!body->is_object() || body->size() != 1 || !body->contains("price_book"))
    return problem(400, "the body is not an object with price_book alone");
  std::string name = text_at(*body, "price_book");
  std::shared_ptr<const contract::Registry> registry = api.registry();
  const contract::Document* book = registry->find_document("PriceBook", name);
  if (book == nullptr) return problem(404, "PriceBook/" + name + ": no such document");
  Result<clerk::Correct> command = correction(reader(), *registry, *id, *book);
  if (!command.ok()) return problem(command.error());
  command->at = parts().clock();
  command->actor = request.actor;
  Json postings = Json::array();
  for (const auto& [account, amount] : command->lines)
    postings.push_back({{"account", account}, {"amount", format_decimal(amount, contract::kMoneyScale)}});
  clerk::Reply reply = parts().clerk->call(std::move(*command));
  if (auto* error = std::get_if<Error>(&reply)) return problem(*error);
  auto* closed = std::get_if<clerk::Closed>(&reply);
  if (closed == nullptr) return problem(500, "the clerk gave another reply than Closed");
  Result<Json> record = parse_json(closed->record_json);
  if (!record.ok()) return problem(500, "the new record is damaged");
  return json_response(
      {{"record", std::move(*record)}, {"leaf", closed->leaf_index}, {"postings", std::move(postings)}});
}

}  // namespace ciyuan::admin
