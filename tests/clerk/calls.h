#pragma once

/// Small calls for tests: terms with one to three limits, opens, extensions and closes that fit them.

#include <string>
#include <utility>
#include <vector>

#include "clerk/machine.h"
#include "store/memory_store.h"

namespace ciyuan::clerk::testing {

constexpr TimePoint kStart{1'800'000'000'000'000'000};
constexpr std::int64_t kCiyuan = 1'000'000;  // units of one Ciyuan

inline Id id_of(int n) { return id_from_content("call " + std::to_string(n)); }

/// A cap of `tokens` Ciyuan, one a token of any kind.
inline contract::Limit cap(const std::string& account, std::int64_t tokens) {
  contract::Limit limit;
  limit.clause = "cap-" + account;
  limit.unit = "CIYUAN";
  limit.account = "cap/" + account;
  limit.sink = "used/acme/CIYUAN";
  limit.funds = Amount(tokens * kCiyuan);
  for (Amount& cost : limit.per_token) cost = Amount(kCiyuan);
  limit.window_end = kStart + seconds(3600);
  return limit;
}

inline contract::Terms terms_of(std::vector<contract::Limit> limits,
                                contract::Contention contention = contract::Contention::kRefuse) {
  contract::Terms terms;
  terms.limits = std::move(limits);
  terms.metering.contention = contention;
  terms.metering.quantum_tokens = 100;
  terms.metering.wait_max = seconds(20);
  terms.currency = "CNY";
  terms.prices = {{Kind::kInput, Amount(2'000'000)}, {Kind::kOutput, Amount(8'000'000)}};
  for (Amount& weight : terms.ciyuan_per_token) weight = Amount(kCiyuan);
  return terms;
}

inline Open open_of(int n, contract::Terms terms, std::int64_t prompt, std::int64_t wanted,
                    TimePoint at = kStart) {
  Open open;
  open.id = id_of(n);
  open.at = at;
  open.terms = std::move(terms);
  open.prompt[Kind::kInput] = prompt;
  open.output_wanted = wanted;
  open.draft.id = open.id;
  open.draft.contract = "acme";
  open.draft.key = "k1";
  open.draft.session = "s1";
  open.draft.usage["input"] = {
      .measured = static_cast<std::uint64_t>(prompt), .level = record::Level::kProved, .counted_by = "o200k"};
  return open;
}

inline KindCounts counts_of(std::int64_t input, std::int64_t output) {
  KindCounts counts;
  counts[Kind::kInput] = input;
  counts[Kind::kOutput] = output;
  return counts;
}

inline Close close_of(int n, std::int64_t input, std::int64_t output, TimePoint at = kStart) {
  Close close;
  close.id = id_of(n);
  close.at = at;
  close.billed = counts_of(input, output);
  close.record.contract = "acme";
  close.record.key = "k1";
  close.record.session = "s1";
  close.record.usage["output"] = {.measured = static_cast<std::uint64_t>(output),
                                  .level = record::Level::kProved};
  return close;
}

inline Extend extend_of(int n, std::int64_t used, std::int64_t wanted, TimePoint at = kStart) {
  return Extend{.id = id_of(n), .at = at, .used = counts_of(0, used), .wanted = wanted};
}

/// Keys in memory, as a keys file would hold them.
class Keys final : public KeySource {
 public:
  Result<record::RecordKey> take() override {
    if (failing) return Error{ErrorCode::kUnavailable, "write: No space left on device", "keys.dat"};
    SecretKey key = sha256("key " + std::to_string(keys_.size()));
    keys_.push_back(key);
    return record::RecordKey{key, keys_.size() - 1};
  }
  Result<SecretKey> find(const Id&, std::optional<std::uint64_t> slot) override {
    if (failing) return Error{ErrorCode::kUnavailable, "read: Input/output error", "keys.dat"};
    if (!slot || *slot >= keys_.size()) return Error{ErrorCode::kNotFound, "no key", ""};
    return keys_[*slot];
  }
  std::uint64_t next_slot() const override { return keys_.size(); }

  bool failing = false;

 private:
  std::vector<SecretKey> keys_;
};

/// A state machine over a store in memory, committed after each command.
class Desk {
 public:
  explicit Desk(MachineOptions options = {}) : options_(options) { restart(); }

  void restart() {
    machine = std::make_unique<StateMachine>(store, &keys, options_);
    Status loaded = machine->load();
    CIYUAN_CHECK(loaded.ok(), "a stored state can be read");
  }
  /// The command's own reply, or nothing while it waits; others' replies go to `late`.
  std::optional<Reply> ask(Command command) {
    std::uint64_t ticket = ++tickets_;
    std::vector<Answer> answers;
    machine->apply(std::move(command), {nullptr, ticket}, answers);
    commit();
    std::optional<Reply> own;
    for (Answer& answer : answers) {
      if (answer.to.ticket == ticket)
        own = std::move(answer.reply);
      else
        late.emplace_back(answer.to.ticket, std::move(answer.reply));
    }
    return own;
  }
  template <class Kind>
  Kind expect(Command command) {
    std::optional<Reply> reply = ask(std::move(command));
    CIYUAN_CHECK(reply.has_value(), "the command has its reply at once");
    if (auto* error = std::get_if<Error>(&*reply); error != nullptr && !std::is_same_v<Kind, Error>)
      std::fprintf(stderr, "unexpected error: %s\n", error->text().c_str());
    CIYUAN_CHECK(std::holds_alternative<Kind>(*reply), "the reply is of the kind that was expected");
    return std::get<Kind>(std::move(*reply));
  }
  void commit() {
    const store::Batch& batch = machine->take_batch();
    if (batch.empty()) return machine->skip_batch();
    CIYUAN_CHECK(store.commit(batch).ok(), "the store takes a batch");
    machine->committed();
  }
  const ledger::Account& account(const std::string& name) {
    auto index = machine->accounts().find(name);
    CIYUAN_CHECK(index.has_value(), "the account is in memory");
    return machine->accounts().account(*index);
  }
  std::int64_t left(const std::string& name) {
    return static_cast<std::int64_t>(account(name).headroom().units() / kCiyuan);
  }

  store::MemoryStore store;
  Keys keys;
  std::unique_ptr<StateMachine> machine;
  std::vector<std::pair<std::uint64_t, Reply>> late;
  std::uint64_t last_ticket() const { return tickets_; }

 private:
  MachineOptions options_;
  std::uint64_t tickets_ = 0;
};

}  // namespace ciyuan::clerk::testing
