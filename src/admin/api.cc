#include "admin/api.h"

#include <algorithm>
#include <charconv>

#include "admin/internal/handlers.h"
#include "base/crypto.h"
#include "base/percent.h"
#include "price/book.h"

namespace ciyuan::admin {

std::string_view embedded_file(std::string_view name);

namespace {

constexpr std::size_t kTokenBytesMin = 16;
constexpr std::size_t kTargetBytesMax = 8192;
constexpr std::size_t kPageDefault = 100, kPageMax = 1000;

struct Endpoint {
  std::string_view method, path;
  http::Response (Handlers::*handler)(const Request&);
  std::string_view query = "";  // the parameters it takes
  bool needs_token = true;
};

// "{name}" takes one segment of the path, "{name+}" all that is left: account names hold slashes.
constexpr Endpoint kEndpoints[] = {
    {"GET", "/v1/documents", &Handlers::list_documents, "kind"},
    {"GET", "/v1/documents/{kind}/{name}", &Handlers::get_document, "history"},
    {"PUT", "/v1/documents/{kind}/{name}", &Handlers::put_document},
    {"DELETE", "/v1/documents/{kind}/{name}", &Handlers::delete_document},
    {"POST", "/v1/apply", &Handlers::apply, "dry_run, source"},
    {"POST", "/v1/keys", &Handlers::create_key},
    {"GET", "/v1/accounts", &Handlers::list_accounts, "prefix, after, limit"},
    {"POST", "/v1/accounts/post", &Handlers::post},
    {"GET", "/v1/accounts/{name}", &Handlers::get_account, "at"},
    {"POST", "/v1/accounts/{name}/close", &Handlers::close_account},
    {"GET", "/v1/accounts/{name}/statement", &Handlers::account_statement, "from, after, limit"},
    {"GET", "/v1/records", &Handlers::list_records, "contract, key, session, from, to, after, limit"},
    {"GET", "/v1/records/{id}", &Handlers::get_record},
    {"GET", "/v1/records/{id}/receipt", &Handlers::receipt},
    {"GET", "/v1/records/{id}/key", &Handlers::record_key},
    {"DELETE", "/v1/records/{id}/key", &Handlers::erase_record_key},
    {"GET", "/v1/records/{id}/explain", &Handlers::explain},
    {"POST", "/v1/records/{id}/correct", &Handlers::correct},
    {"GET", "/v1/records/{id}/decision", &Handlers::record_decision},
    {"POST", "/v1/decisions", &Handlers::make_decision},
    {"GET", "/v1/contracts/{name}/statement", &Handlers::contract_statement, "from, to, period, split"},
    {"GET", "/v1/contracts/{name}/usage", &Handlers::usage, "from, to, period, format"},
    {"GET", "/v1/contracts/{name}/equivalence", &Handlers::equivalence, "from, to, period, with"},
    {"GET", "/v1/contracts/{name}/forecast", &Handlers::forecast, "unit"},
    {"GET", "/v1/contracts/{name}/closings", &Handlers::list_closings},
    {"GET", "/v1/contracts/{name}/closing", &Handlers::closing_so_far},
    {"GET", "/v1/parties/{name}/statement", &Handlers::party_statement, "from, to, period"},
    {"GET", "/v1/budgets", &Handlers::list_budgets},
    {"GET", "/v1/budgets/{name}", &Handlers::get_budget},
    {"GET", "/v1/licences/{name}", &Handlers::get_licence},
    {"POST", "/v1/licences/{name}/vouchers", &Handlers::issue_voucher},
    {"POST", "/v1/licence-reports", &Handlers::report_chain, "close"},
    {"GET", "/v1/invoices", &Handlers::list_invoices, "prefix, after, limit"},
    {"POST", "/v1/invoices", &Handlers::make_invoice},
    {"GET", "/v1/invoices/{number}", &Handlers::get_invoice, "format"},
    {"POST", "/v1/invoices/{number}/credit", &Handlers::credit_invoice},
    {"GET", "/v1/credit-notes", &Handlers::list_credit_notes, "prefix, after, limit"},
    {"GET", "/v1/credit-notes/{number}", &Handlers::get_credit_note, "format"},
    {"GET", "/v1/settlements", &Handlers::list_settlements, "prefix, after, limit"},
    {"GET", "/v1/settlements/{number}", &Handlers::get_settlement},
    {"POST", "/v1/settlements/{number}", &Handlers::settlement_step},
    {"GET", "/v1/acts", &Handlers::list_acts, "after, limit"},
    {"GET", "/v1/log", &Handlers::log_state},
    {"GET", "/checkpoint", &Handlers::log_file, "", false},
    {"GET", "/tile/{path+}", &Handlers::log_file, "", false},
    {"GET", "/metrics", &Handlers::metrics, "", false},
    {"GET", "/healthz", &Handlers::alive, "", false},
    {"GET", "/readyz", &Handlers::ready, "", false},
    {"GET", "/openapi.json", &Handlers::openapi, "", false},
};

// Of an address: text, and no NUL in it.
std::optional<std::string> decoded_text(std::string_view text) {
  std::optional<std::string> decoded = percent_decoded(text);
  if (decoded && (!is_utf8(*decoded) || decoded->find('\0') != decoded->npos)) return std::nullopt;
  return decoded;
}

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    std::size_t end = std::min(path.find('/'), path.size());
    segments.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

// The names' values where the path fits the pattern. A name in the path is percent-encoded, slashes included.
std::optional<std::map<std::string, std::string, std::less<>>> match(std::string_view pattern,
                                                                     std::string_view path) {
  std::map<std::string, std::string, std::less<>> values;
  auto wanted = segments_of(pattern), given = segments_of(path);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (i >= given.size()) return std::nullopt;
    if (!wanted[i].starts_with('{')) {
      if (wanted[i] != given[i]) return std::nullopt;
      continue;
    }
    std::string_view name = wanted[i].substr(1, wanted[i].size() - 2);
    if (name.ends_with('+')) {
      std::size_t offset = static_cast<std::size_t>(given[i].data() - path.data());
      values[std::string(name.substr(0, name.size() - 1))] = path.substr(offset);
      return values;
    }
    auto value = decoded_text(given[i]);
    if (!value || value->empty()) return std::nullopt;
    values[std::string(name)] = std::move(*value);
  }
  if (given.size() != wanted.size()) return std::nullopt;
  return values;
}

// "prefix, after, limit" names `name`.
bool lists(std::string_view names, std::string_view name) {
  while (!names.empty()) {
    std::string_view one = names.substr(0, names.find(", "));
    if (one == name) return true;
    names.remove_prefix(std::min(one.size() + 2, names.size()));
  }
  return false;
}

// A parameter that is not known was meant to do something: ignoring it would answer another question.
Result<std::map<std::string, std::string, std::less<>>> parse_query(std::string_view query,
                                                                    std::string_view allowed) {
  std::map<std::string, std::string, std::less<>> values;
  while (!query.empty()) {
    std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (pair.empty()) continue;
    std::string plain(pair);
    std::replace(plain.begin(), plain.end(), '+', ' ');
    std::size_t equals = plain.find('=');
    auto name = decoded_text(std::string_view(plain).substr(0, equals));
    auto value =
        decoded_text(equals == plain.npos ? std::string_view() : std::string_view(plain).substr(equals + 1));
    if (!name || !value) return invalid("", "the query is not percent-encoded UTF-8");
    if (!lists(allowed, *name))
      return invalid(name->substr(0, 60),
                     "is no query parameter of this path; " +
                         (allowed.empty() ? "it takes none" : "those are " + std::string(allowed)));
    if (!values.emplace(*name, *value).second) return invalid(*name, "stands twice in the query");
  }
  return values;
}

}  // namespace

std::vector<Route> routes() {
  std::vector<Route> all;
  for (const Endpoint& endpoint : kEndpoints)
    all.push_back({endpoint.method, endpoint.path, endpoint.query, endpoint.needs_token});
  return all;
}

std::string_view openapi_text() { return embedded_file("openapi-admin.json"); }

Result<std::unique_ptr<Api>> Api::open(ApiParts parts) {
  CIYUAN_CHECK(parts.clerk != nullptr && parts.publisher != nullptr && parts.reader != nullptr &&
                   parts.closing_reader != nullptr,
               "the control plane has its parts");
  if (parts.token.size() < kTokenBytesMin)
    return invalid("token", "the control plane's token has fewer than " + std::to_string(kTokenBytesMin) +
                                " characters");
  std::unique_ptr<Api> api(new Api(std::move(parts)));
  CIYUAN_TRY_STATUS(api->load());
  return api;
}

http::Response Api::handle(const http::RequestHead& head, std::string_view body) {
  if (head.target.size() > kTargetBytesMax) return problem(414, "the address is longer than 8192 bytes");
  std::string_view path = head.path();
  if (!path.starts_with('/')) return problem(400, "the address does not begin with a slash");
  std::string_view method = head.method == "HEAD" ? "GET" : std::string_view(head.method);
  std::string allowed;
  for (const Endpoint& endpoint : kEndpoints) {
    auto values = match(endpoint.path, path);
    if (!values) continue;
    if (endpoint.method != method) {
      allowed += (allowed.empty() ? "" : ", ") + std::string(endpoint.method);
      continue;
    }
    if (endpoint.needs_token) {
      std::string_view given = head.headers.get("Authorization");
      if (given.size() > 7 && http::equal_ignoring_case(given.substr(0, 7), "Bearer "))
        given.remove_prefix(7);
      else
        given = {};
      // Digests are compared, so that not even the token's length shows in the time.
      if (!equal_in_constant_time(sha256(given), sha256(parts_.token))) {
        http::Response response = problem(401, "send the control plane's token: Authorization: Bearer ca-…");
        response.headers.set("WWW-Authenticate", "Bearer");
        return response;
      }
    }
    // A copy that was rolled back: what is written there is lost with it, and can never be proved.
    if (method != "GET" && parts_.publisher->refuses())
      return problem(503, "nothing is changed here: " + parts_.publisher->trouble());
    auto query = parse_query(head.query(), endpoint.query);
    if (!query.ok()) return problem(query.error());
    Request request{method, body, std::move(*values), std::move(query).value(), &head.headers, "admin"};
    std::lock_guard lock(mutex_);
    Handlers handlers{*this};
    return (handlers.*endpoint.handler)(request);
  }
  if (allowed.empty()) return problem(404, "no such path: " + std::string(path.substr(0, 200)));
  http::Response response = problem(405, head.method + " is not for this path; " + allowed + " is");
  response.headers.set("Allow", allowed);
  return response;
}

std::string_view Request::asked(std::string_view name) const {
  auto found = query.find(name);
  return found == query.end() ? std::string_view() : std::string_view(found->second);
}

http::Response json_response(const Json& value, unsigned status) {
  http::Response response;
  response.status = status;
  response.headers.add("Content-Type", "application/json");
  response.headers.add("Cache-Control", "no-store");
  response.body = value.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  return response;
}

http::Response text_response(std::string text, unsigned status, std::string type) {
  http::Response response;
  response.status = status;
  response.headers.add("Content-Type", std::move(type));
  response.body = std::move(text);
  return response;
}

namespace {

http::Response problem_response(unsigned status, std::string detail, Json more) {
  Json body = std::move(more);
  body["type"] = "about:blank";
  body["title"] = std::string(http::reason_of(status));
  body["status"] = status;
  body["detail"] = std::move(detail);
  http::Response response = json_response(body, status);
  response.headers.set("Content-Type", "application/problem+json");
  return response;
}

}  // namespace

http::Response problem(unsigned status, std::string detail, const std::vector<Error>& errors) {
  Json more = Json::object();
  for (const Error& error : errors)
    more["errors"].push_back({{"path", error.path}, {"message", error.message}});
  return problem_response(status, std::move(detail), std::move(more));
}

unsigned status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid:
      return 400;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kConflict:
      return 409;
    case ErrorCode::kRefused:
      return 403;
    case ErrorCode::kTooLarge:
      return 413;
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kTimeout:
      return 504;
    case ErrorCode::kCorrupt:
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

http::Response problem(const Error& error, const Json& more) {
  return problem_response(status_of(error.code), error.text(), more);
}

Result<std::uint64_t> number_of(const Request& request, std::string_view name) {
  std::string_view text = request.asked(name);
  if (text.empty()) return std::uint64_t{0};
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return invalid(std::string(name), "\"" + std::string(text) + "\" is not a whole number");
  return value;
}

Result<bool> flag_of(const Request& request, std::string_view name) {
  std::string_view text = request.asked(name);
  if (!text.empty() && text != "true" && text != "false")
    return invalid(std::string(name), "\"" + std::string(text) + "\" is neither true nor false");
  return text == "true";
}

Result<std::size_t> limit_of(const Request& request) {
  CIYUAN_TRY(std::uint64_t limit, number_of(request, "limit"));
  if (limit > kPageMax)
    return invalid("limit", std::to_string(limit) + " is more than " + std::to_string(kPageMax));
  return static_cast<std::size_t>(limit == 0 ? kPageDefault : limit);
}

Result<TimePoint> moment_of(const Request& request, std::string_view name) {
  std::string_view text = request.asked(name);
  if (text.empty()) return TimePoint{};
  Result<TimePoint> moment = price::parse_moment(text);
  if (!moment.ok()) return invalid(std::string(name), moment.error().message);
  return moment;
}

http::Response Handlers::log_state(const Request&) {
  Result<std::string> checkpoint = parts().publisher->checkpoint();
  if (!checkpoint.ok()) return problem(checkpoint.error());
  clerk::ClerkStats stats = parts().clerk->stats();
  return json_response(
      {{"verifier_key", parts().verifier_key}, {"checkpoint", *checkpoint}, {"size", stats.log_size}});
}

http::Response Handlers::log_file(const Request& request) {
  auto rest = request.path.find("path");
  std::string name = rest == request.path.end() ? "checkpoint" : "tile/" + rest->second;
  Result<std::string> file = parts().publisher->file(name);
  if (!file.ok()) return problem(file.error());
  http::Response response =
      text_response(std::move(*file), 200,
                    rest == request.path.end() ? "text/plain; charset=utf-8" : "application/octet-stream");
  response.headers.set("Cache-Control",
                       rest == request.path.end() ? "no-cache" : "public, max-age=31536000, immutable");
  return response;
}

http::Response Handlers::metrics(const Request&) {
  return text_response(parts().metrics ? parts().metrics() : std::string(), 200,
                       "text/plain; version=0.0.4; charset=utf-8");
}

http::Response Handlers::alive(const Request&) { return text_response("alive\n"); }

http::Response Handlers::ready(const Request&) {
  std::string why = parts().not_ready ? parts().not_ready() : std::string();
  if (why.empty()) why = parts().clerk->healthy() ? api.trouble() : parts().clerk->trouble();
  return why.empty() ? text_response("ready\n") : text_response(why + "\n", 503);
}

http::Response Handlers::openapi(const Request&) {
  return text_response(std::string(openapi_text()), 200, "application/json");
}

http::Response Handlers::list_acts(const Request& request) {
  Result<std::size_t> limit = limit_of(request);
  Result<std::uint64_t> after = number_of(request, "after");
  if (!limit.ok()) return problem(limit.error());
  if (!after.ok()) return problem(after.error());
  auto rows = reader().admin_log(*after, *limit);
  if (!rows.ok()) return problem(rows.error());
  Json acts = Json::array();
  for (const store::AdminRow& row : *rows)
    acts.push_back({{"leaf", row.leaf},
                    {"at", to_rfc3339(row.at)},
                    {"actor", row.actor},
                    {"action", row.action},
                    {"subject", row.subject}});
  Json body = {{"acts", std::move(acts)}};
  if (rows->size() == *limit) body["next"] = rows->back().leaf;
  return json_response(body);
}

}  // namespace ciyuan::admin
