#include "clerk/machine.h"

#include <algorithm>
#include <set>

#include "base/canonical_json.h"
#include "clerk/internal/call.h"
#include "record/leaf.h"

namespace ciyuan::clerk {

using internal::conflict;
using ledger::AccountIndex;
using ledger::Line;
using ledger::Lines;

StateMachine::StateMachine(store::Store& source, KeySource* keys, MachineOptions options)
    : source_(source), keys_(keys), options_(std::move(options)) {}
StateMachine::~StateMachine() = default;

// Loading

Status StateMachine::load() {
  CIYUAN_TRY(store::Head head, source_.head());
  at_ = head.at;
  batch_number_ = head.batch;
  accounts_given_ = head.accounts;
  entries_given_ = head.entries;
  calls_given_ = head.opened;
  key_slots_ = head.key_slots;
  // Ids closed before this start are not in memory, and none was made later than this.
  looked_up_until_ms_ = head.at.ns / 1'000'000 + kIdsAheadMs;
  CIYUAN_TRY(tree_, tlog::TreeWriter::load(head.log_size, [this](unsigned level, std::uint64_t index) {
               return source_.tile(level, index);
             }));
  if (tree_.root() != head.log_root)
    return Error{ErrorCode::kCorrupt, "the stored tiles do not make the stored root of the log", ""};
  CIYUAN_TRY(std::vector<store::OpenCall> open, source_.open_calls());
  for (const store::OpenCall& row : open) CIYUAN_TRY_STATUS(load_call(row));
  return {};
}

Status StateMachine::load_call(const store::OpenCall& row) {
  CIYUAN_TRY(internal::DecodedCall decoded, internal::decode_call(row.call.data));
  Open& command = decoded.command;
  auto call = std::make_unique<Call>();
  call->number = row.call.number;
  call->id = command.id;
  call->prompt = command.prompt;
  call->output_wanted = command.output_wanted;
  call->granted = decoded.granted;
  call->opened = call->marked = command.at;
  call->idempotency = command.idempotency;
  call->draft = std::move(command.draft);
  if (row.mark) {
    CIYUAN_TRY(internal::Mark mark, internal::decode_mark(*row.mark));
    call->granted = mark.granted;
    call->used = internal::within_grant(mark.used, mark.granted);
    call->marked = mark.at;
    if (!mark.held.empty()) decoded.held = std::move(mark.held);
  }
  call->key_slot = decoded.key_slot;
  Result<SecretKey> key = Error{ErrorCode::kNotFound, "no keys are kept", ""};
  if (keys_ != nullptr) key = keys_->find(command.id, decoded.key_slot);
  // Only what says that the key is gone for good: a disk that fails now still has it.
  if (!key.ok() && key.error().code != ErrorCode::kRefused && key.error().code != ErrorCode::kNotFound &&
      key.error().code != ErrorCode::kCorrupt)
    return key.error();
  // A key that was erased while its call was open: the record is still made, under a key that nobody has. The
  // keyed commitment it is derived from cannot be guessed either.
  call->key = key.ok() ? *key : sha256("ciyuan/lost-key/v1" + to_hex(call->draft.request_commitment));

  call->held = std::move(decoded.held);
  if (call->held.size() != (internal::has_sources(command.terms) ? command.terms.limits.size() : 0))
    return Error{ErrorCode::kCorrupt, "an open call does not say what its sources hold", call->id.text()};
  for (const contract::Limit& limit : command.terms.limits) {
    CIYUAN_TRY(std::optional<AccountIndex> account, find_account(limit.account));
    CIYUAN_TRY(std::optional<AccountIndex> sink, find_account(limit.sink));
    if (!account || !sink)
      return Error{ErrorCode::kCorrupt, "an open call's account is missing", limit.account};
    CIYUAN_TRY_STATUS(watch(limit, *account));
    call->accounts.push_back(*account);
    call->sinks.push_back(*sink);
    ++place(*account).users;
    ++place(*sink).users;
    for (const contract::Share& share : limit.shares) {
      CIYUAN_TRY(std::optional<AccountIndex> shared, find_account(share.account));
      if (!shared) return Error{ErrorCode::kCorrupt, "an open call's account is missing", share.account};
      call->share_accounts.push_back(*shared);
      ++place(*shared).users;
    }
  }
  const std::vector<Amount> amounts =
      internal::held_amounts(command.terms, command.prompt, call->granted, call->held);
  call->terms = std::move(command.terms);
  if (!amounts.empty())
    CIYUAN_TRY_STATUS(
        ledger_.restore_hold(call->id, internal::make_lines(call->accounts, call->sinks, amounts, false)));
  if (call->idempotency) keys_in_use_[call->idempotency->key] = {call->id, call->idempotency->body};
  Id id = call->id;
  if (!calls_.emplace(id, std::move(call)).second)
    return Error{ErrorCode::kCorrupt, "a call is open twice", id.text()};
  return {};
}

std::vector<Id> StateMachine::open_ids() const {
  std::vector<std::pair<std::uint64_t, Id>> order;
  for (const auto& [id, call] : calls_) order.emplace_back(call->number, id);
  std::sort(order.begin(), order.end());
  std::vector<Id> ids;
  for (const auto& [number, id] : order) ids.push_back(id);
  return ids;
}

// Accounts and journal

StateMachine::Place& StateMachine::place(AccountIndex index) {
  if (index.value >= places_.size()) places_.resize(index.value + 1);
  return places_[index.value];
}

void StateMachine::touch(AccountIndex index, bool dirty) {
  Place& there = place(index);
  there.touched = batch_number_;
  if (dirty && !there.dirty) {
    there.dirty = true;
    dirty_.push_back(index);
  }
}

Result<std::optional<AccountIndex>> StateMachine::find_account(std::string_view name, bool look_in_store) {
  std::optional<AccountIndex> found = ledger_.find(name);
  if (found || !look_in_store) return found;
  CIYUAN_TRY(std::optional<store::AccountRow> row, source_.account(name));
  if (!row) return std::optional<AccountIndex>();
  ledger::Account account;
  account.name = std::move(row->name);
  account.unit = std::move(row->unit);
  account.scale = row->scale;
  account.may_overdraw = row->may_overdraw;
  account.closed = row->closed;
  account.debits_posted = row->debits_posted;
  account.credits_posted = row->credits_posted;
  account.funded = row->funded;
  account.granted = row->granted;
  account.credit_limit = row->credit_limit;
  account.side = row->debit_side ? ledger::Side::kDebit : ledger::Side::kCredit;
  CIYUAN_TRY(AccountIndex index, ledger_.restore_account(std::move(account)));
  place(index) = Place{.number = row->number, .last_entry = row->last_entry, .touched = batch_number_};
  return std::optional<AccountIndex>(index);
}

Result<AccountIndex> StateMachine::open_account(const ledger::AccountSpec& spec, bool look_in_store) {
  CIYUAN_TRY(std::optional<AccountIndex> found, find_account(spec.name, look_in_store));
  if (found) return *found;
  CIYUAN_TRY(AccountIndex index, ledger_.open_account(spec));
  place(index) = Place{.number = ++accounts_given_, .touched = batch_number_};
  touch(index, true);
  return index;
}

void StateMachine::journal(store::EntryKind kind, const Id& id, Lines lines, std::uint64_t leaf,
                           std::string memo) {
  store::EntryRow row{
      .number = ++entries_given_, .kind = kind, .id = id, .at = at_, .leaf = leaf, .memo = std::move(memo)};
  row.lines.reserve(lines.size());
  for (const Line& line : lines) {
    touch(line.account, true);
    Place& there = place(line.account);
    row.lines.push_back(
        {there.number, line.amount, ledger_.account(line.account).balance(), there.last_entry});
    there.last_entry = row.number;
  }
  batch_.entries.push_back(std::move(row));
}

Result<record::RecordKey> StateMachine::take_key() {
  if (keys_ == nullptr) return record::RecordKey{random_secret_key(), std::nullopt};
  CIYUAN_TRY(record::RecordKey taken, keys_->take());
  if (taken.slot) key_slots_ = std::max(key_slots_, *taken.slot + 1);
  return taken;
}

void StateMachine::skip_batch() {
  CIYUAN_CHECK(under_way_ && batch_.empty(), "only a batch without effects is left out");
  under_way_ = false;
  // Opens that are refused read accounts too.
  forget_idle_accounts();
}

std::vector<Id> StateMachine::opened_since_commit() const {
  std::vector<Id> ids;
  for (const store::OpenCallRow& row : batch_.opened)
    if (row.number != 0) ids.push_back(row.id);
  return ids;
}

void StateMachine::forget_idle_accounts() {
  if (ledger_.accounts() <= options_.accounts_max) return;
  // The less recently used half goes, so that looking at all of them is paid for by as many new ones.
  std::vector<std::uint64_t> touched;
  ledger_.for_each_account(
      [&](AccountIndex index, const ledger::Account&) { touched.push_back(place(index).touched); });
  auto middle = touched.begin() + static_cast<std::ptrdiff_t>(touched.size() / 2);
  std::nth_element(touched.begin(), middle, touched.end());
  std::vector<AccountIndex> idle;
  ledger_.for_each_account([&](AccountIndex index, const ledger::Account&) {
    const Place& there = place(index);
    if (there.touched <= *middle && there.users == 0 && !there.dirty) idle.push_back(index);
  });
  for (AccountIndex index : idle) forget_account(index);
}

// Batches

const store::Batch& StateMachine::take_batch() {
  CIYUAN_CHECK(!under_way_, "one batch is committed at a time");
  under_way_ = true;
  batch_.number = batch_number_ + 1;
  batch_.at = at_;
  for (AccountIndex index : dirty_) {
    const ledger::Account& account = ledger_.account(index);
    Place& there = place(index);
    batch_.accounts.push_back({there.number, account.name, account.unit, account.scale, account.may_overdraw,
                               account.closed, account.debits_posted, account.credits_posted, account.funded,
                               there.last_entry, account.granted, account.credit_limit,
                               account.side == ledger::Side::kDebit});
  }
  batch_.tiles = tree_.take_changes();
  batch_.opened_max = calls_given_;
  batch_.key_slots = key_slots_;
  batch_.log_size = tree_.size();
  batch_.log_root = tree_.root();
  // Calls that ended in the batch that opened them left holes.
  std::erase_if(batch_.opened, [](const store::OpenCallRow& row) { return row.number == 0; });
  std::erase_if(batch_.marks, [](const store::MarkRow& row) { return row.number == 0; });
  return batch_;
}

void StateMachine::committed() {
  CIYUAN_CHECK(under_way_, "a batch was taken");
  under_way_ = false;
  batch_number_ = batch_.number;
  batch_ = store::Batch();
  for (AccountIndex index : dirty_) place(index).dirty = false;
  dirty_.clear();
  opened_in_batch_.clear();
  marked_in_batch_.clear();
  for (AccountIndex index : finished_)
    if (place(index).users == 0) forget_account(index);
  finished_.clear();
  forget_idle_accounts();
}

// Commands

void StateMachine::apply(Command command, ReplyTo to, std::vector<Answer>& answers) {
  CIYUAN_CHECK(!under_way_, "commands wait while a batch is committed");
  std::visit([&](auto& one) { pass_time(one.at, answers); }, command);
  if (auto* one = std::get_if<Open>(&command)) {
    open(*one, to, answers);
  } else if (auto* two = std::get_if<Extend>(&command)) {
    answers.push_back({to, extend(*two)});
  } else if (auto* three = std::get_if<Close>(&command)) {
    // The closing's own answer stands before those of the calls it lets in.
    std::size_t own = answers.size();
    answers.push_back({to, Done{}});
    Reply reply = close(*three, answers);
    answers[own].reply = std::move(reply);
  } else if (auto* four = std::get_if<ChangeDocuments>(&command)) {
    answers.push_back({to, change(*four)});
  } else if (auto* five = std::get_if<Act>(&command)) {
    answers.push_back({to, log(*five)});
  } else if (auto* six = std::get_if<Post>(&command)) {
    answers.push_back({to, post(*six)});
  } else if (auto* seven = std::get_if<Correct>(&command)) {
    answers.push_back({to, correct(*seven)});
  } else if (auto* eight = std::get_if<Settle>(&command)) {
    answers.push_back({to, settle_papers(*eight)});
  } else if (auto* nine = std::get_if<ExpirePackage>(&command)) {
    answers.push_back({to, expire(*nine)});
  } else if (auto* ten = std::get_if<CloseAccount>(&command)) {
    answers.push_back({to, close_account(*ten)});
  } else {
    settle_silent(std::get<Tick>(command).elapsed);
    answers.push_back({to, Done{}});
  }
  retry_waiting(answers);
}

void StateMachine::pass_time(TimePoint at, std::vector<Answer>& answers) {
  at_ = std::max(at_, at);
  expire_waiting(answers);
}

namespace {

std::optional<Error> check_text(const std::string& text, std::size_t bytes_max, const char* path) {
  if (text.empty()) return invalid(path, "is empty");
  if (text.size() > bytes_max) return invalid(path, "is longer than " + std::to_string(bytes_max) + " bytes");
  if (!is_utf8(text) || text.find('\0') != text.npos) return invalid(path, "is not UTF-8 text");
  return std::nullopt;
}

constexpr std::size_t kDocumentBytesMax = 16 << 20;
constexpr std::size_t kMemoBytesMax = 4096;
constexpr const char* kGrantsOnly =
    "is where the grants of limits come from: post from an account of your own";

constexpr std::size_t kChangesMax = 10'000;

}  // namespace

std::uint64_t StateMachine::log_action(const Id& id, std::string action, std::string kind, std::string name,
                                       const Digest& digest, const std::string& actor) {
  record::AdminAction act{.id = id,
                          .action = action,
                          .kind = kind,
                          .name = name,
                          .digest = digest == Digest{} ? "" : to_hex(digest),
                          .actor = actor,
                          .time = at_};
  std::string entry = record::admin_entry(act);
  std::uint64_t leaf = tree_.append(tlog::leaf_hash(bytes_of(entry)));
  batch_.log_entries.push_back({leaf, std::move(entry)});
  std::string subject = kind.empty() ? name : kind + "/" + name;
  batch_.admin.push_back({leaf, at_, actor, std::move(action), std::move(subject)});
  return leaf;
}

Result<std::optional<store::DocumentRow>> StateMachine::newest_document(const DocumentChange& change) {
  const auto& rows = batch_.documents;
  auto row = std::find_if(rows.rbegin(), rows.rend(), [&](const store::DocumentRow& one) {
    return one.kind == change.kind && one.name == change.name;
  });
  if (row != rows.rend()) return std::optional(*row);
  return source_.document(change.kind, change.name);
}

Reply StateMachine::change(ChangeDocuments& command) {
  if (auto wrong = check_text(command.actor, kNameBytesMax, "actor")) return *wrong;
  if (command.changes.empty() || command.changes.size() > kChangesMax)
    return invalid("changes", "are none, or more than " + std::to_string(kChangesMax));
  // Everything that can fail comes before the first change, so that all are made or none.
  std::set<std::pair<std::string, std::string>> names;
  std::vector<std::optional<store::DocumentRow>> present;
  for (const DocumentChange& change : command.changes) {
    if (auto wrong = check_text(change.kind, kNameBytesMax, "kind")) return *wrong;
    if (auto wrong = check_text(change.name, kNameBytesMax, "name")) return *wrong;
    std::string path = change.kind + "/" + change.name;
    if (!names.emplace(change.kind, change.name).second) return invalid(path, "stands there twice");
    if (!change.canonical_json.empty())
      if (auto wrong = check_text(change.canonical_json, kDocumentBytesMax, "document")) return *wrong;
    auto found = newest_document(change);
    if (!found.ok()) return found.error();
    if (change.canonical_json.empty() && (!*found || (*found)->json.empty()))
      return Error{ErrorCode::kNotFound, "no such document", path};
    present.push_back(std::move(*found));
  }
  std::uint64_t leaf = 0;
  for (std::size_t i = 0; i < command.changes.size(); ++i) {
    DocumentChange& change = command.changes[i];
    bool removes = change.canonical_json.empty();
    Digest digest = removes ? Digest{} : sha256(change.canonical_json);
    // Applying what is in force changes nothing, and says where it was logged.
    if (!removes && present[i] && present[i]->digest == digest && !present[i]->json.empty()) {
      leaf = present[i]->leaf;
      continue;
    }
    Id id = id_from_content((removes ? "delete/" : "put/") + std::to_string(tree_.size()) + "/" +
                            change.kind + "/" + change.name);
    leaf = log_action(id, removes ? "delete" : "apply", change.kind, change.name, digest, command.actor);
    batch_.documents.push_back({leaf, std::move(change.kind), std::move(change.name), digest,
                                std::move(change.canonical_json), at_, command.actor});
  }
  return Done{leaf};
}

Reply StateMachine::log(const Act& command) {
  if (auto wrong = check_text(command.actor, kNameBytesMax, "actor")) return *wrong;
  if (auto wrong = check_text(command.action, kNameBytesMax, "action")) return *wrong;
  if (auto wrong = check_text(command.kind, kNameBytesMax, "kind")) return *wrong;
  if (auto wrong = check_text(command.name, kNameBytesMax, "name")) return *wrong;
  Id id = id_from_content(command.action + "/" + std::to_string(tree_.size()) + "/" + command.kind + "/" +
                          command.name);
  return Done{log_action(id, command.action, command.kind, command.name, Digest{}, command.actor)};
}

Reply StateMachine::close_account(const CloseAccount& command) {
  if (auto wrong = check_text(command.actor, kNameBytesMax, "actor")) return *wrong;
  if (auto wrong = check_text(command.account, kNameBytesMax, "account")) return *wrong;
  auto found = find_account(command.account);
  if (!found.ok()) return found.error();
  if (!*found) return Error{ErrorCode::kNotFound, command.account + ": no such account", "account"};
  const ledger::Account& account = ledger_.account(**found);
  if (account.closed) return Done{};
  if (!account.balance().is_zero())
    return Error{ErrorCode::kRefused,
                 "account " + account.name + " has a balance of " +
                     format_decimal(account.balance(), account.scale) + " " + account.unit +
                     ": post it elsewhere first",
                 "account"};
  if (place(**found).users > 0)
    return Error{ErrorCode::kRefused,
                 std::to_string(place(**found).users) + " open calls hold on the account " + account.name,
                 "account"};
  CIYUAN_CHECK(ledger_.close_account(**found).ok(), "an account that is there can be closed");
  touch(**found, true);
  Id id = id_from_content("close/" + std::to_string(tree_.size()) + "/" + command.account);
  return Done{log_action(id, "close", "Account", command.account, Digest{}, command.actor)};
}

Result<StateMachine::PostingPlan> StateMachine::plan_posting(const Post& command, bool is_claim) {
  if (command.id.is_nil()) return invalid("id", "is nil");
  if (auto wrong = check_text(command.actor, kNameBytesMax, "actor")) return *wrong;
  if (auto wrong = check_text(command.debit, kNameBytesMax, "debit")) return *wrong;
  if (auto wrong = check_text(command.credit, kNameBytesMax, "credit")) return *wrong;
  if (auto wrong = check_text(command.unit, kNameBytesMax, "unit")) return *wrong;
  if (!command.memo.empty())
    if (auto wrong = check_text(command.memo, kMemoBytesMax, "memo")) return *wrong;
  if (command.debit == command.credit) return invalid("credit", "is the account that is debited");
  if (command.amount.is_zero() || command.amount.is_negative()) return invalid("amount", "is not positive");
  if (command.amount.units() > kUnitPriceMax * 1'000'000'000'000) return invalid("amount", "is too large");

  if (command.debit.starts_with(internal::kFundsPrefix)) return invalid("debit", kGrantsOnly);
  if (command.credit.starts_with(internal::kFundsPrefix)) return invalid("credit", kGrantsOnly);

  // Checked before anything is opened, so that a refusal leaves nothing behind.
  auto fits = [&](const std::string& name, const char* path) -> Result<std::optional<AccountIndex>> {
    if (auto unit = contract::unit_in_name(name); unit && *unit != command.unit)
      return conflict(path, "account " + name + " is for " + std::string(*unit) + ", not " + command.unit);
    CIYUAN_TRY_STATUS(check_sums(name));
    CIYUAN_TRY(std::optional<AccountIndex> found, find_account(name));
    if (found && ledger_.account(*found).unit != command.unit)
      return conflict(
          path, "account " + name + " counts " + ledger_.account(*found).unit + ", not " + command.unit);
    if (found && ledger_.account(*found).closed)
      return Error{ErrorCode::kRefused, "account " + name + " is closed", path};
    return found;
  };
  auto debit = fits(command.debit, "debit");
  if (!debit.ok()) return debit.error();
  auto credit = fits(command.credit, "credit");
  if (!credit.ok()) return credit.error();

  // The same posting again: compared line by line with the journal.
  std::optional<store::EntryRow> earlier;
  for (const store::EntryRow& row : batch_.entries)
    if (row.kind == store::EntryKind::kPost && row.id == command.id) earlier = row;
  if (!earlier) {
    auto stored = source_.posting(command.id);
    if (!stored.ok()) return stored.error();
    earlier = std::move(*stored);
  }
  if (earlier) {
    Result<std::optional<store::RecordRow>> record = committed_or_new_record(command.id);
    if (!record.ok()) return record.error();
    if (*record) return conflict("id", "the id is a correction's");
    CIYUAN_CHECK(earlier->lines.size() == 2, "a posting has two lines");
    if (!*debit || place(**debit).number != earlier->lines[0].account)
      return conflict("debit", "the id stands for a posting from another account");
    if (!*credit || place(**credit).number != earlier->lines[1].account)
      return conflict("credit", "the id stands for a posting to another account");
    if (earlier->lines[1].amount != command.amount)
      return conflict("amount", "the id stands for a posting of another amount");
    return PostingPlan{Done{earlier->leaf}, *debit, *credit};
  }
  if (calls_.contains(command.id)) return conflict("id", "the id is an open call's");
  if (*debit) {
    const ledger::Account& from = ledger_.account(**debit);
    if (!is_claim && !from.may_overdraw && from.headroom() < command.amount)
      return Error{ErrorCode::kRefused,
                   "account " + from.name + " has " +
                       format_decimal(std::max(from.headroom(), Amount()), from.scale) + " " + from.unit +
                       " left, not " + format_decimal(command.amount, from.scale),
                   "debit"};
  }
  return PostingPlan{std::nullopt, *debit, *credit};
}

Reply StateMachine::make_posting(Post& command, bool is_claim) {
  int scale = contract::scale_of_unit(command.unit);
  // A debit account that is new stands for the world outside, where deposits come from: it may go below zero.
  auto from = open_account({command.debit, command.unit, scale, true}, false);
  if (!from.ok()) return from.error();
  auto to =
      open_account({command.credit, command.unit, scale, internal::is_two_sided(command.credit)}, false);
  if (!to.ok()) return to.error();
  Line lines[] = {{*from, -command.amount}, {*to, command.amount}};
  const bool may_overdraw = ledger_.account(*from).may_overdraw;
  if (is_claim) ledger_.set_may_overdraw(*from, true);
  auto posted = ledger_.post(internal::derived_id(command.id, 2), lines, ledger::Funding::kYes);
  ledger_.set_may_overdraw(*from, may_overdraw);
  if (!posted.ok()) return posted.error();
  std::string content = "{\"amount\":\"" + to_text(command.amount) + "\"}";
  Json json = {{"amount", format_decimal(command.amount, scale)},
               {"credit", command.credit},
               {"debit", command.debit},
               {"memo", command.memo},
               {"unit", command.unit}};
  if (auto canonical = canonical_json(json); canonical.ok()) content = std::move(*canonical);
  std::uint64_t leaf = log_action(command.id, "post", "Posting", command.id.text(),
                                  hmac_sha256(command.salt, bytes_of(content)), command.actor);
  std::string memo = command.memo.empty() ? command.actor : command.actor + ": " + command.memo;
  journal(store::EntryKind::kPost, command.id, lines, leaf, std::move(memo));
  take_back({&*to, 1}, command.id);
  woken_.push_back(*to);
  return Done{leaf};
}

Reply StateMachine::post(Post& command) {
  Result<PostingPlan> plan = plan_posting(command);
  if (!plan.ok()) return plan.error();
  if (plan->done) return *plan->done;
  return make_posting(command);
}

}  // namespace ciyuan::clerk
