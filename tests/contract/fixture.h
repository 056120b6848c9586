#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/file.h"
#include "contract/registry.h"

namespace ciyuan::contract {

inline std::string source_file(const std::string& path) {
  auto text = read_file(std::string(CIYUAN_SOURCE_DIR) + "/" + path, 1 << 20);
  EXPECT_TRUE(text.ok()) << path;
  return text.ok() ? *text : std::string();
}

inline std::vector<Document> documents_of(const std::string& text) {
  Reading reading = read_documents(text, "test.yaml");
  for (const Error& error : reading.errors) ADD_FAILURE() << error.text();
  return reading.documents;
}

/// A registry of these documents, which must be right.
inline std::shared_ptr<const Registry> registry_of(const std::string& text) {
  BuildOutcome outcome = Registry::build(documents_of(text));
  for (const Error& error : outcome.errors) ADD_FAILURE() << error.text();
  return outcome.registry;
}

/// All errors, of reading and of building, one a line.
inline std::string errors_of(const std::string& text) {
  Reading reading = read_documents(text, "test.yaml");
  std::vector<Error> errors = reading.errors;
  if (errors.empty()) errors = Registry::build(reading.documents).errors;
  std::string lines;
  for (const Error& error : errors) lines += error.text() + "\n";
  return lines;
}

/// Everything but the contract and its keys.
inline std::string world() {
  return R"(
kind: Party
name: vendor
---
kind: Party
name: acme
---
kind: Upstream
name: local
url: http://127.0.0.1:8081/
dialect: openai
---
kind: Model
name: small
aliases: [tiny]
upstreams: [{upstream: local, model: small-1}]
tokenizer: smollm2
context_tokens: 2048
---
kind: Model
name: large
upstreams: [{upstream: local}]
tokenizer: qwen3
context_tokens: 8192
output_tokens_max: 4096
---
kind: PriceBook
name: prices
version: 1
date: "2026-01-01"
source: test
currency: CNY
per_tokens: 1000000
prices:
  - {model: small, kind: input, price: 2.00}
  - {model: small, kind: output, price: "8"}
  - {model: small, kind: request, price: "0.001"}
---
)" + source_file("data/methods/native-v1.json") +
         "\n---\n";
}

/// A contract with these lines as its clauses.
inline std::string contract(const std::string& clauses, const std::string& fields = "price_book: prices") {
  return "kind: Contract\nname: acme-2026\nversion: 1\nparties: {provider: vendor, consumer: acme}\nmethod: "
         "native-v1\n" +
         fields + "\neffective: {from: \"2026-01-01\", until: \"2027-01-01\"}\nclauses:\n" + clauses +
         "\n---\n";
}

/// A key with the secret "secret-<name>".
inline std::string key(const std::string& name, const std::string& fields = "") {
  return "kind: Key\nname: " + name + "\ncontract: acme-2026\nsha256: " + to_hex(sha256("secret-" + name)) +
         "\n" + fields + "\n---\n";
}

inline TimePoint moment(std::string_view text) { return parse_rfc3339(text).value(); }

}  // namespace ciyuan::contract
