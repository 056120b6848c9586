#pragma once

/// Licences: so many Ciyuan for a term. A pool is for the keys that name it, a site for every key of its
/// contract; each is one account. A seat is an account of its own, which a key or a session takes at its
/// first call (gateway/seats.h). A device counts for itself, against vouchers (licence/meter.h).
///
///   pool, site   "licence/NAME/CIYUAN/FROM"
///   seat         "licence/NAME/CIYUAN/seat=alice/FROM"
///   device       "licence/NAME/CIYUAN/device=cutter-1/FROM"
///
/// What is used goes to "licensed/NAME/CIYUAN". A renewed licence begins a new term: new accounts.

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/amount.h"
#include "base/kind.h"
#include "base/time.h"
#include "tlog/note.h"

namespace ciyuan::contract {

enum class LicenceType { kPool, kSeat, kDevice, kSite };

struct Licence {
  std::string name, contract;
  LicenceType type = LicenceType::kPool;
  Amount ciyuan;  ///< of each seat or device, of a pool or site in all
  TimePoint from, until;
  std::int64_t seats = 0;
  bool seat_of_session = false;
  Nanoseconds idle{0};  ///< zero: a seat is never free for being idle
  Nanoseconds cool_down{0};
  std::vector<tlog::VerifierKey> devices;
  Nanoseconds report_within{0};
  std::string en, zh;  ///< its own words for refusals

  std::string clause() const { return "licence/" + name; }  ///< as refusals name it
  std::string sink() const { return "licensed/" + name + "/CIYUAN"; }
  /// `holder`: "seat=alice", "device=cutter-1"; empty: the licence's one account.
  std::string account(std::string_view holder) const;
};

}  // namespace ciyuan::contract
