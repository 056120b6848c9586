#include <charconv>

#include "contract/internal/compiler.h"

namespace ciyuan::contract {

void Compiler::add_upstream(const Document& document) {
  const Json& value = document.value;
  Upstream upstream;
  upstream.name = document.name;
  upstream.url = text_at(value, "url");
  while (upstream.url.ends_with('/')) upstream.url.pop_back();
  check_url(document, upstream.url);
  upstream.region = text_at(object_at(value, "region"), "code");
  upstream.region_proof = text_at(object_at(value, "region"), "proof");
  upstream.api_key_env = text_at(object_at(value, "api_key"), "env");
  upstream.api_key_file = text_at(object_at(value, "api_key"), "file");
  const Json& timeouts = object_at(value, "timeouts");
  auto span = [&](const char* field, Nanoseconds& target) {
    if (timeouts.contains(field)) target = milliseconds(timeouts[field].get<std::int64_t>());
  };
  span("connect_ms", upstream.connect_timeout);
  span("first_byte_ms", upstream.first_byte_timeout);
  span("idle_ms", upstream.idle_timeout);
  span("total_ms", upstream.total_timeout);
  if (timeouts.contains("total_ms") && timeouts.contains("first_byte_ms") &&
      upstream.total_timeout < upstream.first_byte_timeout)
    fault(document, "/timeouts/total_ms", timeouts["total_ms"].dump() + " is shorter than first_byte_ms");
  upstream.connections_max = static_cast<int>(integer_at(value, "connections_max", upstream.connections_max));
  const Json& tls = object_at(value, "tls");
  if (!tls.empty() && !upstream.url.starts_with("https://"))
    fault(document, "/tls", "is set, but " + upstream.url + " is not https");
  upstream.tls_ca_file = text_at(tls, "ca_file");
  upstream.tls_verify = flag_at(tls, "verify", true);
  upstream.tls_server_name = text_at(tls, "server_name");
  if (!upstream.tls_verify)
    warn(document, "tls.verify is false: anyone on the way can read and change the calls");
  upstream.retry_attempts =
      static_cast<int>(integer_at(object_at(value, "retry"), "attempts", upstream.retry_attempts));
  state_->upstreams.emplace(document.name, std::move(upstream));
}

void Compiler::add_channel(const Document& document) {
  std::string url = text_at(document.value, "url");
  check_url(document, url);
  if (document.value.contains("tls") && !url.starts_with("https://"))
    fault(document, "/tls", "is set, but " + url + " is not https");
}

void Compiler::check_url(const Document& document, std::string_view url) {
  std::size_t from = url.find("://") + 3;
  std::string_view authority = url.substr(from, url.find('/', from) - from);
  std::size_t bracket = authority.rfind(']');
  std::size_t colon = authority.find(':', bracket == authority.npos ? 0 : bracket);
  std::string_view port = colon == authority.npos ? "80" : authority.substr(colon + 1);
  int number = 0;
  auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc{} || end != port.data() + port.size() || number < 1 || number > 65535)
    fault(document, "/url", "\"" + std::string(url) + "\" has no port between 1 and 65535 behind the colon");
  if (colon == 0 || authority.empty()) fault(document, "/url", "\"" + std::string(url) + "\" names no host");
}

void Compiler::add_model(const Document& document) {
  const Json& value = document.value;
  Model model;
  model.name = document.name;
  model.digest = document.digest;
  for (const Json& alias : value.value("aliases", Json::array()))
    model.aliases.push_back(alias.get<std::string>());
  const Json& routes = value["upstreams"];
  for (std::size_t i = 0; i < routes.size(); ++i) {
    std::string name = text_at(routes[i], "upstream");
    auto upstream = state_->upstreams.find(name);
    if (upstream == state_->upstreams.end()) {
      fault(document, "/upstreams/" + std::to_string(i) + "/upstream", "\"" + name + "\" names no Upstream");
      continue;
    }
    model.routes.push_back({&upstream->second, text_at(routes[i], "model", document.name)});
  }
  model.tokenizer = text_at(value, "tokenizer");
  model.chat_template = text_at(value, "template");
  model.context_tokens = integer_at(value, "context_tokens", 0);
  model.output_tokens_max = integer_at(value, "output_tokens_max", model.context_tokens);
  if (model.output_tokens_max > model.context_tokens)
    fault(document, "/output_tokens_max",
          std::to_string(model.output_tokens_max) + " is more than context_tokens, " +
              std::to_string(model.context_tokens));
  model.output_control = flag_at(value, "output_control", true);
  model.limit_member = text_at(value, "limit_member");
  model.owner = text_at(value, "owner");
  model.licence = text_at(value, "licence");
  model.filing_number = text_at(value, "filing_number");
  model.weights_sha256 = text_at(value, "weights_sha256");
  const Model* kept = &state_->models.emplace(document.name, std::move(model)).first->second;
  claim_name(document, "/name", kept->name, kept);
  for (std::size_t i = 0; i < kept->aliases.size(); ++i)
    claim_name(document, "/aliases/" + std::to_string(i), kept->aliases[i], kept);
}

void Compiler::claim_name(const Document& document, const std::string& pointer, const std::string& name,
                          const Model* model) {
  auto [entry, fresh] = state_->model_names.emplace(name, model);
  if (!fresh) fault(document, pointer, "\"" + name + "\" already names the model " + entry->second->name);
}

}  // namespace ciyuan::contract
