#include "gateway/reads.h"

#include "base/canonical_json.h"
#include "dialect/openai_error.h"

namespace ciyuan::gateway {
namespace {

http::Response json(unsigned status, std::string body) {
  http::Response response;
  response.status = status;
  response.headers.add("Content-Type", "application/json");
  response.body = std::move(body);
  return response;
}

http::Response error(unsigned status, std::string message, std::string code, std::string param = "") {
  return json(status, dialect::to_json({.status = status,
                                        .message = std::move(message),
                                        .type = "invalid_request_error",
                                        .param = std::move(param),
                                        .code = std::move(code)}));
}

http::Response text(unsigned status, std::string body) {
  http::Response response;
  response.status = status;
  response.headers.add("Content-Type", "text/plain; charset=utf-8");
  response.body = std::move(body);
  return response;
}

std::string model_json(const contract::Model& model) {
  std::string out = "{\"id\":";
  append_json_string(out, model.name);
  out += ",\"object\":\"model\",\"created\":0,\"owned_by\":";
  append_json_string(out, model.owner.empty() ? "unknown" : model.owner);
  return out + "}";
}

http::Response models(const contract::Registry& registry, const contract::KeyPlan& key,
                      std::string_view name) {
  std::string list;
  for (const contract::Model* model : registry.models_of(key)) {
    if (!name.empty()) {
      if (model->name == name) return json(200, model_json(*model));
      continue;
    }
    if (!list.empty()) list += ',';
    list += model_json(*model);
  }
  if (!name.empty())
    return error(404, "the model \"" + std::string(name) + "\" does not exist or is not in your contract",
                 "model_not_found", "model");
  return json(200, "{\"object\":\"list\",\"data\":[" + list + "]}");
}

// A record is shown to the key that made it: whoever holds another key learns nothing, not even that it
// exists.
http::Response record(Worker& worker, clerk::Publisher& publisher, const contract::KeyPlan& key,
                      std::string_view path) {
  bool receipt = path.ends_with("/receipt");
  if (receipt) path.remove_suffix(8);
  auto id = parse_id(path);
  if (!id) return error(400, id.error().text(), "bad_id", "id");
  auto row = worker.reader->record(*id);
  if (!row) return error(503, row.error().text(), "unavailable");
  if (!*row || (*row)->key != key.name) return error(404, "no such record", "record_not_found", "id");
  if (!receipt) return json(200, (*row)->json);
  auto made = publisher.receipt(*id);
  if (!made) return error(503, made.error().text(), "no_receipt");
  return text(200, std::move(*made));
}

}  // namespace

http::Response answer_read(Worker& worker, const http::RequestHead& head) {
  Gateway& gateway = worker.gateway;
  std::string_view path = head.path();
  if (head.method != "GET" && head.method != "HEAD") {
    if (path.starts_with("/v1/")) return error(404, "no such endpoint: " + std::string(path), "not_found");
    return error(405, "use GET here", "method_not_allowed");
  }
  if (path == "/healthz") return text(200, "alive\n");
  if (path == "/readyz") {
    std::string trouble = gateway.draining() ? "draining" : gateway.trouble();
    return trouble.empty() ? text(200, "ready\n") : text(503, trouble + "\n");
  }
  if (path == "/checkpoint" || path.starts_with("/tile/")) {
    // The last one signed, from memory: a stranger's request neither signs nor waits for the disk.
    auto file = path == "/checkpoint" ? Result<std::string>(gateway.publisher().last_checkpoint())
                                      : gateway.publisher().file(path.substr(1));
    if (!file)
      return text(file.error().code == ErrorCode::kUnavailable || file.error().code == ErrorCode::kCorrupt
                      ? 503
                      : 404,
                  file.error().text() + "\n");
    http::Response response = text(200, std::move(*file));
    if (path != "/checkpoint") {
      response.headers.set("Content-Type", "application/octet-stream");
      response.headers.add("Cache-Control", "public, max-age=31536000, immutable");
    } else {
      response.headers.add("Cache-Control", "no-cache");
    }
    return response;
  }
  constexpr std::string_view kRecords = "/ciyuan/v1/records/";
  bool wants_key = path.starts_with("/v1/models") || path.starts_with(kRecords);
  if (!wants_key) return error(404, "no such path: " + std::string(path.substr(0, 200)), "not_found");
  auto registry = gateway.registry();
  std::string_view secret = bearer_of(head.headers);
  const contract::KeyPlan* key = secret.empty() ? nullptr : registry->find_key(secret);
  if (key == nullptr) return error(401, "this API key is not known here", "invalid_api_key");
  if (!is_usable(*key)) return error(403, "this API key is disabled or has expired", "key_not_usable");
  if (path == "/v1/models" || path == "/v1/models/") return models(*registry, *key, "");
  if (path.starts_with("/v1/models/")) return models(*registry, *key, path.substr(11));
  if (path.starts_with(kRecords))
    return record(worker, gateway.publisher(), *key, path.substr(kRecords.size()));
  return error(404, "no such path: " + std::string(path.substr(0, 200)), "not_found");
}

}  // namespace ciyuan::gateway
