/// Documents and keys: what operators write.

#include <algorithm>
#include <iterator>

#include "admin/internal/handlers.h"
#include "base/canonical_json.h"
#include "price/book.h"

namespace ciyuan::admin {
namespace {

using contract::Document;
using contract::Registry;

// What operators wrote, by kind and name. The papers of settlement are documents of the store too, and many.
Result<std::vector<store::DocumentRow>> rows_in_force(store::Reader& reader) {
  constexpr std::size_t kPage = 1000;
  std::vector<store::DocumentRow> all;
  for (std::string_view kind : contract::kDocumentKinds) {
    std::string after;
    for (bool more = true; more;) {
      CIYUAN_TRY(std::vector<store::DocumentRow> page, reader.documents_of(kind, "", after, kPage));
      more = page.size() == kPage;
      if (more) after = page.back().name;
      std::move(page.begin(), page.end(), std::back_inserter(all));
    }
  }
  return all;
}

// The newest versions, as documents again. Their schema was checked when they were put.
Result<std::vector<Document>> stored_documents(store::Reader& reader) {
  CIYUAN_TRY(std::vector<store::DocumentRow> rows, rows_in_force(reader));
  std::vector<Document> documents;
  for (store::DocumentRow& row : rows) {
    Document document;
    Result<Json> value = parse_json(row.json);
    if (!value.ok()) return Error{ErrorCode::kCorrupt, value.error().message, row.kind + "/" + row.name};
    document.kind = std::move(row.kind);
    document.name = std::move(row.name);
    document.value = std::move(*value);
    document.canonical = std::move(row.json);
    document.digest = sha256(document.canonical);
    documents.push_back(std::move(document));
  }
  return documents;
}

std::string lines_of(const std::vector<Error>& errors) {
  std::string lines;
  for (const Error& error : errors) lines += (lines.empty() ? "" : "\n") + error.text();
  return lines;
}

// A window that begins at another hour is another account, and what was used in the old one does not count
// there.
std::vector<std::string> moved_windows(const Document& old, const Document& changed) {
  std::vector<std::string> warnings;
  const Json none = Json::array();
  for (const char* list : {"clauses", "caps"})
    for (const Json& before : old.value.value(list, none))
      for (const Json& after : changed.value.value(list, none)) {
        if (!before.contains("id") || before["id"] != after.value("id", Json())) continue;
        int from = before.value("utc_offset_minutes", 0), to = after.value("utc_offset_minutes", 0);
        if (from == to || before.value("window", Json()) != after.value("window", Json())) continue;
        warnings.push_back(changed.id() + ": clause " + before["id"].get<std::string>() +
                           ": utc_offset_minutes changes from " + std::to_string(from) + " to " +
                           std::to_string(to) +
                           ": its windows move, and calls from now on fall into one with nothing used");
      }
  return warnings;
}

http::Response outcome_response(const ApplyOutcome& outcome) {
  if (!outcome.errors.empty()) {
    ErrorCode code = outcome.errors[0].code;
    return problem(status_of(code),
                   std::to_string(outcome.errors.size()) +
                       (outcome.errors.size() == 1 ? " error" : " errors") + "; nothing was applied",
                   outcome.errors);
  }
  return json_response({{"changed", outcome.changed},
                        {"unchanged", outcome.unchanged},
                        {"removed", outcome.removed},
                        {"warnings", outcome.warnings}});
}

}  // namespace

Status Api::load() {
  CIYUAN_TRY(std::vector<Document> documents, stored_documents(*parts_.reader));
  contract::BuildOutcome outcome = Registry::build(std::move(documents));
  std::string trouble;
  if (!outcome.errors.empty()) {
    trouble = "the stored documents contradict each other, so no call is served: " + lines_of(outcome.errors);
    outcome = Registry::build({});
  }
  publish(outcome.registry);
  std::lock_guard lock(registry_mutex_);
  trouble_ = trouble;
  return {};
}

void Api::publish(std::shared_ptr<const Registry> registry) {
  {
    std::lock_guard lock(registry_mutex_);
    registry_ = registry;
    trouble_.clear();
  }
  if (parts_.use_registry) parts_.use_registry(std::move(registry));
}

std::shared_ptr<const Registry> Api::registry() const {
  std::lock_guard lock(registry_mutex_);
  return registry_;
}

std::string Api::trouble() const {
  std::lock_guard lock(registry_mutex_);
  return trouble_;
}

Status Api::apply(std::string_view text, std::string_view source, std::string_view actor) {
  contract::Reading reading = contract::read_documents(text, source);
  if (reading.errors.empty()) reading.errors = apply(std::move(reading.documents), {}, actor).errors;
  if (reading.errors.empty()) return {};
  return Error{reading.errors[0].code, lines_of(reading.errors), ""};
}

ApplyOutcome Api::apply(std::vector<Document> changes, const std::vector<std::string>& removed,
                        std::string_view actor) {
  std::lock_guard lock(mutex_);
  return apply_locked(std::move(changes), removed, actor);
}

ApplyOutcome Api::apply_locked(std::vector<Document> changes, const std::vector<std::string>& removed,
                               std::string_view actor) {
  ApplyOutcome outcome;
  auto fail = [&](Error error) {
    outcome.errors.push_back(std::move(error));
    return outcome;
  };
  // From the store, not from the registry: after a broken load the registry is empty, and this is what mends
  // it.
  Result<std::vector<Document>> present = stored_documents(*parts_.reader);
  if (!present.ok()) return fail(present.error());
  auto stored = [&](std::string_view kind, std::string_view name) -> const Document* {
    auto found = std::find_if(present->begin(), present->end(),
                              [&](const Document& d) { return d.kind == kind && d.name == name; });
    return found == present->end() ? nullptr : &*found;
  };
  for (const std::string& id : removed) {
    std::size_t slash = id.find('/');
    if (slash == id.npos ||
        stored(std::string_view(id).substr(0, slash), std::string_view(id).substr(slash + 1)) == nullptr)
      return fail({ErrorCode::kNotFound, "no such document", id});
  }
  contract::BuildOutcome built = Registry::build(contract::merged(*present, changes, removed));
  outcome.warnings = std::move(built.warnings);
  if (!built.errors.empty()) {
    outcome.errors = std::move(built.errors);
    return outcome;
  }

  // Registry order: parties before contracts before keys; removals after, in the reverse order.
  clerk::ChangeDocuments command{.at = parts_.clock(), .actor = std::string(actor), .changes = {}};
  std::vector<std::string> changed, unchanged;
  for (const Document& document : built.registry->documents()) {
    auto change = std::find_if(changes.begin(), changes.end(), [&](const Document& d) {
      return d.kind == document.kind && d.name == document.name;
    });
    if (change == changes.end()) continue;
    const Document* old = stored(document.kind, document.name);
    if (old != nullptr && old->digest == document.digest) {
      unchanged.push_back(document.id());
      continue;
    }
    if (old != nullptr)
      for (std::string& warning : moved_windows(*old, document))
        outcome.warnings.push_back(std::move(warning));
    command.changes.push_back({document.kind, document.name, document.canonical});
    changed.push_back(document.id());
  }
  std::vector<std::string> leaving = removed;
  auto rank = [](const std::string& id) {
    return std::find(std::begin(contract::kDocumentKinds), std::end(contract::kDocumentKinds),
                     std::string_view(id).substr(0, id.find('/'))) -
           std::begin(contract::kDocumentKinds);
  };
  std::stable_sort(leaving.begin(), leaving.end(),
                   [&](const std::string& a, const std::string& b) { return rank(a) > rank(b); });
  for (const std::string& id : leaving) {
    std::size_t slash = id.find('/');
    command.changes.push_back({id.substr(0, slash), id.substr(slash + 1), ""});
  }
  if (!command.changes.empty()) {
    clerk::Reply reply = parts_.clerk->call(std::move(command));
    if (auto* error = std::get_if<Error>(&reply))
      return fail({error->code, "could not be stored: " + error->message, error->path});
    if (!std::holds_alternative<clerk::Done>(reply))
      return fail({ErrorCode::kInternal, "the clerk gave another reply than Done", ""});
  }
  outcome.changed = std::move(changed);
  outcome.unchanged = std::move(unchanged);
  outcome.removed = std::move(leaving);
  publish(built.registry);
  return outcome;
}

http::Response Handlers::list_documents(const Request& request) {
  auto rows = rows_in_force(reader());
  if (!rows.ok()) return problem(rows.error());
  std::string_view kind = request.asked("kind");
  if (!kind.empty() && !contract::is_document_kind(kind))
    return problem(400, "kind: \"" + std::string(kind) + "\" is no kind of document");
  Json documents = Json::array();
  for (const store::DocumentRow& row : *rows)
    if (kind.empty() || row.kind == kind)
      documents.push_back({{"kind", row.kind},
                           {"name", row.name},
                           {"digest", to_hex(row.digest)},
                           {"at", to_rfc3339(row.at)},
                           {"actor", row.actor},
                           {"leaf", row.leaf}});
  return json_response({{"documents", std::move(documents)}});
}

http::Response Handlers::get_document(const Request& request) {
  const std::string& kind = request.path.at("kind");
  const std::string& name = request.path.at("name");
  Result<bool> history = flag_of(request, "history");
  if (!history.ok()) return problem(history.error());
  auto rows = reader().document_history(kind, name);
  if (!rows.ok()) return problem(rows.error());
  if (*history) {
    if (rows->empty()) return problem(404, kind + "/" + name + ": no such document");
    Json versions = Json::array();
    for (const store::DocumentRow& row : *rows)
      versions.push_back({{"digest", row.json.empty() ? "" : to_hex(row.digest)},
                          {"at", to_rfc3339(row.at)},
                          {"actor", row.actor},
                          {"leaf", row.leaf},
                          {"deleted", row.json.empty()}});
    return json_response({{"kind", kind}, {"name", name}, {"versions", std::move(versions)}});
  }
  if (rows->empty() || rows->front().json.empty())
    return problem(404, kind + "/" + name + ": no such document");
  http::Response response = text_response(rows->front().json, 200, "application/json");
  response.headers.add("ETag", "\"" + to_hex(rows->front().digest) + "\"");
  return response;
}

http::Response Handlers::put_document(const Request& request) {
  contract::Reading reading = contract::read_documents(request.body, "request");
  if (!reading.errors.empty()) return outcome_response({.errors = std::move(reading.errors)});
  if (reading.documents.size() != 1)
    return problem(400, "PUT takes one document; POST /v1/apply takes several");
  const Document& document = reading.documents[0];
  if (document.kind != request.path.at("kind") || document.name != request.path.at("name"))
    return problem(400, "the body is " + document.id() + ", the address says " + request.path.at("kind") +
                            "/" + request.path.at("name"));
  return outcome_response(api.apply_locked(std::move(reading.documents), {}, request.actor));
}

http::Response Handlers::delete_document(const Request& request) {
  return outcome_response(
      api.apply_locked({}, {request.path.at("kind") + "/" + request.path.at("name")}, request.actor));
}

http::Response Handlers::apply(const Request& request) {
  std::string_view source = request.asked("source");
  Result<bool> dry_run = flag_of(request, "dry_run");
  if (!dry_run.ok()) return problem(dry_run.error());
  contract::Reading reading = contract::read_documents(request.body, source.empty() ? "request" : source);
  if (!reading.errors.empty()) return outcome_response({.errors = std::move(reading.errors)});
  if (*dry_run) {
    auto rows = stored_documents(reader());
    if (!rows.ok()) return problem(rows.error());
    contract::BuildOutcome built = Registry::build(contract::merged(*rows, reading.documents));
    for (const Document& document : reading.documents)
      for (const Document& old : *rows)
        if (old.kind == document.kind && old.name == document.name)
          for (std::string& warning : moved_windows(old, document))
            built.warnings.push_back(std::move(warning));
    return outcome_response({.errors = std::move(built.errors), .warnings = std::move(built.warnings)});
  }
  return outcome_response(api.apply_locked(std::move(reading.documents), {}, request.actor));
}

http::Response Handlers::create_key(const Request& request) {
  Result<Json> body = parse_json(request.body);
  if (!body.ok()) return problem(body.error());
  if (!body->is_object()) return problem(400, "the body is not an object with name and contract");
  if (body->contains("sha256"))
    return problem(400, "sha256: the secret is made here; PUT a Key document to bring a hash of your own");
  contract::NewSecret secret = contract::make_key_secret();
  Json value = std::move(*body);
  value["kind"] = "Key";
  value["sha256"] = secret.sha256_hex;
  contract::Reading reading = contract::read_document(std::move(value), "request");
  if (!reading.errors.empty()) return outcome_response({.errors = std::move(reading.errors)});
  std::string name = reading.documents[0].name, of_contract = reading.documents[0].value["contract"];
  // Its schema was checked: what is no date is refused with the document.
  if (auto expires = reading.documents[0].value.find("expires"); expires != reading.documents[0].value.end())
    if (Result<TimePoint> at = price::parse_moment(expires->get<std::string>());
        at.ok() && *at <= parts().clock())
      return problem(invalid("expires", expires->dump() + " has passed: the key could never be used"));
  // A key is made once: under the name of another it would silently take that one's place.
  auto history = reader().document_history("Key", name);
  if (!history.ok()) return problem(history.error());
  if (!history->empty() && !history->front().json.empty())
    return problem(409, "Key/" + name + ": exists already");
  ApplyOutcome outcome = api.apply_locked(std::move(reading.documents), {}, request.actor);
  if (!outcome.errors.empty()) return outcome_response(outcome);
  return json_response({{"name", name}, {"contract", of_contract}, {"secret", secret.secret}}, 201);
}

}  // namespace ciyuan::admin
