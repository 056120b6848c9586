#include "licence/meter.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/file.h"

namespace ciyuan::licence {
namespace {

constexpr std::size_t kLonger = 2048;  // a signature, and one more model

Error refused(const char* reason, std::string message) {
  return Error{ErrorCode::kRefused, std::move(message), reason};
}

std::string decimal(Amount amount) { return format_decimal(amount, kCiyuanScale); }

// Closes what open() gave up on.
struct Descriptor {
  int number = -1;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
};

Status write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return system_error("write", "", written < 0 ? errno : ENOSPC);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fdatasync(descriptor) == 0 ? Status{} : Status(system_error("fdatasync", "", errno));
}

// Of all counts by the voucher's weights; nothing beyond 128 bits.
std::optional<Amount> cost_of(const Weights& weights, const KindCounts& counts) {
  Amount cost;
  for (Kind kind : kAllKinds) {
    std::optional<Amount> part = checked_multiply(weights[index_of(kind)], counts[kind]);
    std::optional<Amount> next = part ? checked_add(cost, *part) : std::nullopt;
    if (!next) return std::nullopt;
    cost = *next;
  }
  return cost;
}

Status check_device(const Voucher& voucher, const tlog::NoteSigner& device) {
  if (voucher.device.text() == device.verifier().text()) return {};
  return refused("device", "the voucher is for " + voucher.device.text() + ", not for this key");
}

// A file that was made is there after a crash as well.
Status sync_folder(const std::filesystem::path& file) {
  const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
  Descriptor descriptor{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (descriptor.number < 0 || ::fsync(descriptor.number) != 0) return system_error("fsync", folder, errno);
  return {};
}

// Begins the file where that was not done, or not to the end. Whoever has the lock does, so that two that
// find no file do not count in two.
Status begin(int descriptor, const std::filesystem::path& file, std::string_view voucher_note,
             std::span<const tlog::VerifierKey> servers, const tlog::NoteSigner& device) {
  CIYUAN_TRY(std::string text, read_file(file, kChainBytesMax));
  if (voucher_note.size() <= text.size() || !voucher_note.starts_with(text)) return {};
  CIYUAN_TRY(Voucher voucher, read_voucher(voucher_note, servers));
  CIYUAN_TRY_STATUS(check_device(voucher, device));
  CIYUAN_TRY_STATUS(write_all(descriptor, voucher_note.substr(text.size())));
  return sync_folder(file);
}

Result<Chain> chain_of(const std::filesystem::path& file, std::string_view voucher_note,
                       std::span<const tlog::VerifierKey> servers) {
  CIYUAN_TRY(std::string text, read_file(file, kChainBytesMax));
  CIYUAN_TRY(Chain chain, read_chain(text, servers));
  if (voucher_note.empty()) return chain;
  CIYUAN_TRY(Voucher voucher, read_voucher(voucher_note, servers));
  if (voucher.id != chain.voucher.id)
    return Error{ErrorCode::kConflict, "is the chain of the voucher " + chain.voucher.id.text(),
                 file.string()};
  return chain;
}

}  // namespace

Meter::Meter(Voucher voucher, tlog::NoteSigner device, int descriptor)
    : voucher_(std::move(voucher)), device_(std::move(device)), descriptor_(descriptor) {}

Meter::Meter(Meter&& other) noexcept
    : voucher_(std::move(other.voucher_)),
      device_(std::move(other.device_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      broken_(other.broken_),
      state_(std::move(other.state_)),
      said_(other.said_),
      statements_(other.statements_),
      bytes_(other.bytes_) {}

Meter::~Meter() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<Meter> Meter::open(const std::filesystem::path& file, std::string_view voucher_note,
                          std::span<const tlog::VerifierKey> servers, const tlog::NoteSigner& device,
                          TimePoint now) {
  std::error_code unreadable;
  if (!voucher_note.empty() && !std::filesystem::exists(file, unreadable) && !unreadable) {
    CIYUAN_TRY(Voucher voucher, read_voucher(voucher_note, servers));
    CIYUAN_TRY_STATUS(check_device(voucher, device));
  }
  const int create = voucher_note.empty() ? 0 : O_CREAT;
  Descriptor descriptor{::open(file.c_str(), O_RDWR | O_APPEND | O_CLOEXEC | create, 0600)};
  if (descriptor.number < 0) return system_error("open", file, errno);
  if (::flock(descriptor.number, LOCK_EX | LOCK_NB) != 0)
    return Error{ErrorCode::kConflict, "another process counts with it", file.string()};
  if (!voucher_note.empty()) CIYUAN_TRY_STATUS(begin(descriptor.number, file, voucher_note, servers, device));
  CIYUAN_TRY(Chain chain, chain_of(file, voucher_note, servers));
  CIYUAN_TRY_STATUS(check_device(chain.voucher, device));
  // A note that is not whole was never let pass anything.
  if (::ftruncate(descriptor.number, static_cast<off_t>(chain.whole_bytes)) != 0 ||
      ::fsync(descriptor.number) != 0)
    return system_error("ftruncate", file, errno);
  Meter meter(std::move(chain.voucher), device, std::exchange(descriptor.number, -1));
  meter.statements_ = chain.statements.size();
  meter.bytes_ = chain.whole_bytes;
  if (chain.statements.empty()) {
    meter.state_.previous = voucher_digest(meter.voucher_);
    return meter;
  }
  meter.state_ = std::move(chain.statements.back());
  meter.said_ = meter.state_.ciyuan;
  meter.state_.previous = chain.digests.back();
  if (meter.state_.marked == meter.state_.ciyuan) return meter;
  // It stopped without saying what had passed: all that was marked has.
  meter.state_.unaccounted += meter.state_.marked - meter.state_.ciyuan;
  meter.state_.ciyuan = meter.state_.marked;
  CIYUAN_TRY_STATUS(meter.append(now));
  return meter;
}

Status Meter::append(TimePoint now) {
  state_.sequence = statements_;
  state_.at = std::max(now, state_.at);
  const std::string text = statement_text(state_, voucher_);
  CIYUAN_TRY(std::string note, tlog::sign_note(text, device_));
  broken_ = true;
  CIYUAN_TRY_STATUS(write_all(descriptor_, note));
  broken_ = false;
  ++statements_;
  bytes_ += note.size();
  said_ = state_.ciyuan;
  state_.previous = to_hex(sha256(text));
  return {};
}

Result<Amount> Meter::count(const std::string& model, const KindCounts& counts, TimePoint now) {
  if (broken_)
    return Error{ErrorCode::kUnavailable, "what the disk holds is not known: open the file again", "file"};
  auto weights = voucher_.models.find(model);
  if (weights == voucher_.models.end())
    return refused("model", "the voucher has no model \"" + model.substr(0, 200) + "\"");
  if (state_.is_final) return refused("final", "the voucher was given back");
  if (std::max(now, state_.at) >= voucher_.until) {
    // Written down, so that a clock that is set back does not begin it again.
    if (state_.at < voucher_.until) CIYUAN_TRY_STATUS(append(now));
    return refused("until", "the voucher ended at " + to_rfc3339(voucher_.until));
  }
  for (Kind kind : kAllKinds)
    if (counts[kind] < 0 || counts[kind] > kTokensMax)
      return invalid(std::string(name_of(kind)), std::to_string(counts[kind]) + " is no number of tokens");
  const auto sum = state_.tokens.find(model);
  KindCounts next = sum == state_.tokens.end() ? KindCounts() : sum->second;
  for (Kind kind : kAllKinds) {
    next[kind] += counts[kind];
    if (next[kind] > kTokensMax) return refused("tokens", "are more of one model than a statement can say");
  }
  std::optional<Amount> cost = cost_of(weights->second, counts);
  std::optional<Amount> used = cost ? checked_add(state_.ciyuan, *cost) : std::nullopt;
  if (!used || *used > voucher_.ciyuan)
    return refused("ciyuan", "the voucher has " + decimal(voucher_.ciyuan - state_.ciyuan) + " of " +
                                 decimal(voucher_.ciyuan) + " Ciyuan left" +
                                 (cost ? ", this call needs " + decimal(*cost) : ""));
  if (*used > state_.marked) {
    // Places are kept for close() and finish().
    const std::size_t longest = statement_text(state_, voucher_).size() + kLonger;
    if (statements_ + 2 >= kStatementsMax || bytes_ + 3 * longest > kChainBytesMax)
      return refused("statements", "the file is full (" + std::to_string(statements_) + " statements, " +
                                       std::to_string(bytes_) + " bytes of " +
                                       std::to_string(kChainBytesMax >> 20) +
                                       " MiB): report it and take another voucher");
    const Amount before = state_.marked;
    state_.marked = std::min(voucher_.ciyuan, *used + voucher_.quantum);
    if (Status written = append(now); !written.ok()) {
      state_.marked = before;
      return written.error();
    }
  }
  state_.tokens[model] = next;
  state_.ciyuan = *used;
  return voucher_.ciyuan - *used;
}

Status Meter::close(TimePoint now) {
  if (broken_ || state_.is_final || statements_ == 0 ||
      (said_ == state_.ciyuan && state_.marked == state_.ciyuan))
    return {};
  state_.marked = state_.ciyuan;
  return append(now);
}

Status Meter::finish(TimePoint now) {
  if (broken_)
    return Error{ErrorCode::kUnavailable, "what the disk holds is not known: open the file again", "file"};
  if (state_.is_final) return {};
  state_.marked = state_.ciyuan;
  state_.is_final = true;
  return append(now);
}

}  // namespace ciyuan::licence
