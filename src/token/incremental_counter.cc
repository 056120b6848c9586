#include "token/incremental_counter.h"

#include <algorithm>
#include <utility>

#include "token/internal/engine.h"
#include "token/internal/nfc.h"
#include "token/internal/unicode.h"
#include "token/internal/utf8_repair.h"

namespace ciyuan::token {
namespace {

constexpr std::size_t kGrowingFrom = 64;    // shorter pretokens are counted anew: faster than keeping a table
constexpr std::size_t kCompactFrom = 4096;  // settled bytes that are kept before the buffer is moved up
constexpr std::size_t kBlock = 256;

}  // namespace

IncrementalCounter::IncrementalCounter(std::shared_ptr<const Vocabulary> vocabulary)
    : vocabulary_(std::move(vocabulary)) {
  if (const auto& chain = vocabulary_->engine().chain) general_.emplace(*chain);
}

void IncrementalCounter::append(std::string_view bytes) {
  if (bytes.empty()) return;
  known_.reset();
  const internal::Engine& engine = vocabulary_->engine();
  std::string repaired;
  const bool has_literals = !engine.literals.empty();
  std::string& into = general_ ? repaired : has_literals ? held_ : engine.nfc ? segment_ : open_;
  const std::size_t known = segment_.size(), size = open_.size();
  if (partial_.empty()) {
    std::size_t used = internal::repair_utf8(bytes, into);
    partial_ = bytes.substr(used);
  } else {
    std::string joined = partial_ + std::string(bytes);
    std::size_t used = internal::repair_utf8(joined, into);
    partial_ = joined.substr(used);
  }
  if (general_) return general_->append(repaired);
  has_literals ? release_held() : take(known, size);
}

// What stands before a literal is a text of its own, which ends there.
void IncrementalCounter::release_held() {
  const internal::Engine& engine = vocabulary_->engine();
  std::size_t done = 0;
  for (;;) {
    const auto found = engine.literals.find_settled(std::string_view(held_).substr(done));
    take(std::string_view(held_).substr(done, found.begin));
    done += found.end;
    if (found.token == nullptr) break;
    finish_text();
    ++settled_;
  }
  held_.erase(0, done);
}

void IncrementalCounter::finish_text() {
  const internal::Engine& engine = vocabulary_->engine();
  if (engine.nfc) internal::append_nfc(segment_, open_);
  growing_.truncate(0);  // the last count may have put something else behind what is settled
  settled_ += count_open(std::string_view(open_).substr(start_));
  segment_.clear(), open_.clear(), counted_waiting_.clear();
  start_ = 0;
  memo_ = {}, growing_ = {};
}

void IncrementalCounter::take(std::string_view text) {
  if (text.empty()) return;
  const std::size_t known = segment_.size(), size = open_.size();
  (vocabulary_->engine().nfc ? segment_ : open_) += text;
  take(known, size);
}

void IncrementalCounter::take(std::size_t known, std::size_t size) {
  const internal::Engine& engine = vocabulary_->engine();
  if (engine.nfc) {
    std::size_t stable = internal::nfc_last_segment(segment_, known);
    internal::append_nfc(std::string_view(segment_).substr(0, stable), open_);
    segment_.erase(0, stable);
  }
  if (open_.size() != size) {
    if (engine.folds_space_signs()) internal::fold_space_signs(open_, size);
    if (!std::exchange(has_begun_, true) && engine.has_prefix(open_)) open_.insert(0, 1, ' ');
    // The new text stands where the last count put what was waiting: U+FFFD, or a segment that is longer now.
    growing_.truncate(size - start_);
    counted_waiting_.clear();
  }
  settle();
}

void IncrementalCounter::settle() {
  const internal::Engine& engine = vocabulary_->engine();
  while (start_ < open_.size()) {
    std::string_view rest = std::string_view(open_).substr(start_);
    internal::Match match = engine.next_pretoken(rest, &memo_);
    if (match.hit_end) break;
    settled_ += engine.count_match(rest.substr(0, match.length), match);
    start_ += match.length;
    memo_ = {};
    growing_ = {};
    counted_waiting_.clear();
  }
  if (start_ > kCompactFrom && start_ > open_.size() / 2) {
    open_.erase(0, start_);
    start_ = 0;
  }
}

// Tokens of text that begins at start_. Its first pretoken may be one that grows.
std::uint64_t IncrementalCounter::count_open(std::string_view open) const {
  const internal::Engine& engine = vocabulary_->engine();
  internal::RunMemo memo = memo_;  // a copy: the text may be taken back
  std::uint64_t total = 0;
  bool first = true;
  while (!open.empty()) {
    internal::Match match = engine.next_pretoken(open, first ? &memo : nullptr);
    std::string_view piece = open.substr(0, match.length);
    const bool grows = first && piece.size() >= kGrowingFrom && match.step == internal::Match::kWhole &&
                       engine.is_plain(piece);
    total += grows ? growing_.count(engine.bpe, piece) : engine.count_match(piece, match);
    first = false;
    open.remove_prefix(match.length);
  }
  return total;
}

Tokens IncrementalCounter::count() const {
  if (!known_ && general_) {
    known_ = general_->count(partial_.empty() ? std::string_view() : internal::kReplacement);
  } else if (!known_ && !held_.empty() && vocabulary_->engine().literals.find(held_, 0).token != nullptr) {
    // One literal is the beginning of another: if the text ends here it is this one.
    IncrementalCounter trial = *this;
    vocabulary_->engine().split_at_literals(
        std::exchange(trial.held_, {}), [&](std::string_view part, bool) { trial.take(part); },
        [&](const AddedToken&) {
          trial.finish_text();
          ++trial.settled_;
        });
    known_ = static_cast<std::uint64_t>(trial.count().value);
  } else if (!known_) {
    std::size_t size = open_.size();
    if (!segment_.empty() || !held_.empty() || !partial_.empty()) {
      // What waits is counted as if the text ended here, then taken back.
      std::string waiting = segment_ + held_;
      if (!partial_.empty()) waiting += internal::kReplacement;
      vocabulary_->engine().nfc ? internal::append_nfc(waiting, open_) : void(open_ += waiting);
      if (!has_begun_ && vocabulary_->engine().has_prefix(open_)) open_.insert(0, 1, ' ');
    }
    // A run of combining marks waits as long as it grows: what the last count learned of it holds as far as
    // the two waiting texts are the same.
    const std::string_view waiting = std::string_view(open_).substr(size);
    const auto same =
        std::mismatch(waiting.begin(), waiting.end(), counted_waiting_.begin(), counted_waiting_.end());
    const auto same_size = static_cast<std::size_t>(same.first - waiting.begin());
    growing_.truncate(size - start_ + same_size);
    counted_waiting_.replace(same_size, std::string::npos, waiting.substr(same_size));
    known_ = settled_ + count_open(std::string_view(open_).substr(start_));
    open_.resize(size);
  }
  return Tokens{static_cast<std::int64_t>(*known_)};
}

Tokens IncrementalCounter::upper_bound() const {
  if (general_) return Tokens{static_cast<std::int64_t>(general_->most(3 * partial_.size()))};
  // A byte of prepared text makes at most one token; NFC makes at most three bytes of one, and so does
  // U+FFFD.
  std::size_t waiting = open_.size() - start_ + 3 * (segment_.size() + held_.size() + partial_.size());
  if (!has_begun_ && waiting > 0) ++waiting;  // a prefix
  return Tokens{static_cast<std::int64_t>(settled_ + waiting)};
}

std::size_t IncrementalCounter::longest_prefix(std::string_view delta, Tokens limit) const {
  auto step_over = [&](std::size_t from, std::size_t bytes) {
    std::size_t to = std::min(delta.size(), from + bytes);
    while (to < delta.size() && internal::continues_character(delta[to])) ++to;
    return to;
  };
  // Blocks first, larger as the open pretoken grows, so that copying the state stays cheap; then smaller
  // ones.
  IncrementalCounter best = *this;
  std::size_t at = 0;
  bool is_over = false;
  for (std::size_t size = kBlock; size > 0;) {
    if (at == delta.size()) return at;
    if (!is_over) size = std::max(kBlock, best.open_size());
    const std::size_t to = step_over(at, size);
    IncrementalCounter trial = best;
    trial.append(delta.substr(at, to - at));
    if (trial.count() > limit) {
      is_over = true;
      size /= 2;
    } else {
      best = std::move(trial);
      at = to;
    }
  }
  // Then character by character: the count may yet fall.
  std::size_t longest = at, counted = 0;
  while (at < delta.size()) {
    std::size_t to = step_over(at, 1);
    best.append(delta.substr(at, to - at));
    at = to;
    if (best.settled() > limit) break;
    Tokens count = best.count();
    if (count <= limit) longest = at, counted = 0;
    if (!general_ && count.value > limit.value + kLookBeyond) break;
    if (general_ && (counted += best.open_size()) > kLookBeyondBytes) break;
  }
  return longest;
}

}  // namespace ciyuan::token
