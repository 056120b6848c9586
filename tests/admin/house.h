#pragma once

/// A control plane on real parts in a folder of its own: store, clerk, log, keys.

#include <gtest/gtest.h>

#include <filesystem>

#include "admin/api.h"
#include "base/file.h"
#include "base/json.h"
#include "record/receipt.h"
#include "tlog/note.h"

namespace ciyuan::admin {

constexpr TimePoint kStart{1'795'000'000'000'000'000};  // 2026-11-18

inline std::string source_file(const std::string& path) {
  auto text = read_file(std::string(CIYUAN_SOURCE_DIR) + "/" + path, 1 << 20);
  EXPECT_TRUE(text.ok()) << path;
  return text.ok() ? *text : std::string();
}

inline std::string demo_documents() {
  return source_file("examples/demo.yaml") + "\n---\n" + source_file("examples/prepaid.yaml") + "\n---\n" +
         source_file("data/methods/native-v1.json");
}

/// A price book in CNY; `members`: its prices, and what else it says.
inline std::string book_document(const std::string& name, const std::string& members) {
  return "\n---\nkind: PriceBook\nname: " + name +
         "\nversion: 1\ndate: 2026-11-01\nsource: the test\ncurrency: CNY\n" + members + "\n";
}

/// The contract "deal" of lantern and harbor under a book; `clauses`: beside metering.
inline std::string deal_document(const std::string& book, const std::string& clauses = "",
                                 const std::string& effective = R"({from: "2026-01-01"})") {
  return "\n---\nkind: Contract\nname: deal\nversion: 1\nparties: {provider: lantern, consumer: harbor}\n"
         "method: native-v1\nprice_book: " +
         book + "\neffective: " + effective + "\nclauses:\n  - {kind: metering, quantum_tokens: 4096}\n" +
         clauses;
}

struct House {
  House() {
    char name[] = "/tmp/ciyuan-admin-XXXXXX";
    folder = mkdtemp(name);
    keys = std::make_unique<record::KeysFile>(record::KeysFile::open(folder / "keys.dat").value());
    start();
  }
  ~House() {
    stop();
    std::filesystem::remove_all(folder);
  }
  void start() {
    store = store::open_sqlite(folder / "ciyuan.db").value();
    clerk::ClerkOptions options;
    options.clock = [] { return kStart; };
    clerk = clerk::Clerk::start(*store, keys.get(), options).value();
    publisher = clerk::Publisher::open(store->reader().value(), folder / "log.state", signer,
                                       "example.com/log", false, keys.get())
                    .value();
    ApiParts parts;
    parts.clerk = clerk.get();
    parts.publisher = publisher.get();
    parts.keys = keys.get();
    parts.reader = store->reader().value();
    parts.closing_reader = store->reader().value();
    parts.token = token;
    parts.instance_key = instance_key;
    parts.verifier_key = signer.verifier().text();
    parts.metrics = [] { return std::string("ciyuan_calls_total 7\n"); };
    parts.not_ready = [this] { return not_ready; };
    parts.use_registry = [this](std::shared_ptr<const contract::Registry> registry) {
      published = std::move(registry);
    };
    parts.clock = [this] { return time; };
    parts.licence_key = licence_key;
    api = Api::open(std::move(parts)).value();
  }
  void stop() {
    api.reset();
    publisher.reset();
    clerk.reset();
    store.reset();
  }

  http::Response send(const std::string& method, const std::string& target, std::string_view body = {},
                      bool with_token = true) {
    http::RequestHead head;
    head.method = method;
    head.target = target;
    if (with_token) head.headers.add("Authorization", "Bearer " + token);
    return api->handle(head, body);
  }
  /// The JSON of a reply that must have this status.
  Json ask(const std::string& method, const std::string& target, std::string_view body = {},
           unsigned status = 200) {
    http::Response response = send(method, target, body);
    EXPECT_EQ(response.status, status) << method << " " << target << ": " << response.body;
    auto json = parse_json(response.body);
    EXPECT_TRUE(json.ok()) << response.body;
    return json.ok() ? *json : Json();
  }

  /// "none" where there is no such account.
  std::string balance(std::string account) {
    for (std::size_t at; (at = account.find('/')) != account.npos;) account.replace(at, 1, "%2F");
    http::Response response = send("GET", "/v1/accounts/" + account);
    return response.status == 404 ? "none" : parse_json(response.body)->at("balance").get<std::string>();
  }

  /// One whole call under the contract demo: `prompt` and `output` tokens in session `session`.
  Id make_call(int number, std::int64_t prompt, std::int64_t output, const std::string& session = "s1",
               record::State state = record::State::kCut) {
    const contract::KeyPlan* key = published->key_named("alice");
    CIYUAN_CHECK(key != nullptr, "the key alice was made");
    Id id = id_from_content("call " + std::to_string(number));
    auto resolved = published->resolve({.key = key,
                                        .model = "smollm2",
                                        .session = session,
                                        .endpoint = "chat/completions",
                                        .request_id = id,
                                        .at = calls_at});
    EXPECT_TRUE(resolved.ok()) << resolved.error().text();
    clerk::Open open;
    open.id = id;
    open.at = calls_at;
    open.terms = resolved->terms;
    open.prompt[Kind::kInput] = prompt;
    open.output_wanted = output;
    record::UsageRecord& record = open.draft;
    record.id = id;
    const TimePoint closed_at = std::max(calls_at, closes_at);
    record.accepted = calls_at;
    record.closed = closed_at;
    record.tags = tags;
    record.party = resolved->consumer;
    record.contract = resolved->contract;
    record.key = key->name;
    record.session = resolved->session;
    record.model_asked = record.model_answered = "smollm2";
    record.contract_digest = to_hex(resolved->contract_digest);
    record.method_digest = to_hex(resolved->method_digest);
    record.price_book_digest = to_hex(resolved->price_book_digest);
    record.state = state;
    record.clauses = {"session-cap"};
    auto figure = [](std::int64_t tokens) {
      auto count = static_cast<std::uint64_t>(tokens);
      return record::Figure{.reported = count,
                            .measured = count,
                            .billed = count,
                            .level = record::Level::kProved,
                            .counted_by = "smollm2"};
    };
    record.usage["input"] = figure(prompt);
    record.usage["output"] = figure(output);
    clerk::Close close;
    close.id = id;
    close.at = closed_at;
    close.billed[Kind::kInput] = prompt;
    close.billed[Kind::kOutput] = output;
    close.record = record;
    auto opened = clerk->call(open);
    EXPECT_TRUE(std::holds_alternative<clerk::Opened>(opened));
    EXPECT_TRUE(std::holds_alternative<clerk::Closed>(clerk->call(close)));
    return id;
  }

  /// The key of a record, as the file has it.
  Result<SecretKey> key_of(const Id& id) {
    return keys->find(id, store->reader().value()->record(id).value().value().key_slot);
  }

  std::filesystem::path folder;
  std::string token = "ca-0123456789abcdef0123456789abcdef";
  std::string not_ready;
  TimePoint time = kStart;
  TimePoint calls_at = kStart, closes_at;   ///< of make_call(); the second where it is later
  std::map<std::string, std::string> tags;  ///< of the calls to come
  SecretKey instance_key = random_secret_key();
  tlog::NoteSigner signer = tlog::NoteSigner::make("example.com/log", SigningKey::generate()).value();
  tlog::NoteSigner licence_key =
      tlog::NoteSigner::make("example.com/log/licences", SigningKey::generate()).value();
  std::unique_ptr<store::Store> store;
  std::unique_ptr<record::KeysFile> keys;
  std::unique_ptr<clerk::Clerk> clerk;
  std::unique_ptr<clerk::Publisher> publisher;
  std::unique_ptr<Api> api;
  std::shared_ptr<const contract::Registry> published;
};

}  // namespace ciyuan::admin
