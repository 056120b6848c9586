#pragma once

/// The counter of a device without a connection: counts calls against a voucher, in a file that is the chain
/// of its statements (chain.h).
///
///   CIYUAN_TRY(Meter meter, Meter::open("cutter.chain", voucher_note, servers, device_key, now()));
///   CIYUAN_TRY(Amount left, meter.count("smollm2", counts, now()));   // only then may the answer be used
///   CIYUAN_TRY_STATUS(meter.close(now()));                            // says exactly what was used
///
/// Before anything passes, a statement that marks it, and a quantum with it, is on the disk. A device that
/// dies is counted as if it had used all that was marked: never too little, and too much by less than a
/// quantum and one call. What was counted so stands in `unaccounted`.
///
/// The device's clock is believed forwards only: time goes on from the last statement, and a voucher's end
/// that was seen once is a statement, so that setting the clock back does not begin it again.
///
/// One process has the file (a lock); one thread at a time. It copes with a crash of its own at any place,
/// and cannot see that its file was replaced by an older copy: the server does.

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "licence/chain.h"

namespace ciyuan::licence {

class Meter {
 public:
  /// Goes on with the file, or begins it with the voucher where it is not there (`voucher_note` may be empty
  /// where it is). Of processes that begin it at once, one does. kRefused: a signature, or a key that is not
  /// the voucher's device. kConflict: the file is of another voucher, or another process has it. kInvalid,
  /// kCorrupt: the file, with the statement and member.
  static Result<Meter> open(const std::filesystem::path& file, std::string_view voucher_note,
                            std::span<const tlog::VerifierKey> servers, const tlog::NoteSigner& device,
                            TimePoint now);
  Meter(Meter&& other) noexcept;
  Meter& operator=(Meter&&) = delete;
  ~Meter();

  /// Counts a call, which may pass when this returns: what is left. kRefused, path = what the reason is:
  /// "model" (the voucher has none of this name), "until" (it has ended), "final" (it was given back),
  /// "ciyuan" (more than is left), "statements" (the file is full: report it and take another voucher).
  /// kInvalid: counts below zero or above kTokensMax. kUnavailable: the disk; nothing passes from then on.
  Result<Amount> count(const std::string& model, const KindCounts& counts, TimePoint now);
  /// Writes what was used exactly, where the last statement does not say it.
  Status close(TimePoint now);
  /// Gives the voucher back: the last statement of the chain. Nothing is counted from then on; again changes
  /// nothing.
  Status finish(TimePoint now);

  const Voucher& voucher() const { return voucher_; }
  Amount used() const { return state_.ciyuan; }

 private:
  Meter(Voucher voucher, tlog::NoteSigner device, int descriptor);
  Status append(TimePoint now);

  Voucher voucher_;
  tlog::NoteSigner device_;
  int descriptor_ = -1;
  bool broken_ = false;  ///< what is on the disk is no longer known
  Statement state_;      ///< the next statement as it would be now
  Amount said_;          ///< `ciyuan` of the last statement
  std::size_t statements_ = 0;
  std::size_t bytes_ = 0;  ///< of the file
};

}  // namespace ciyuan::licence
