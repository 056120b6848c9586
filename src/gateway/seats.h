#pragma once

/// Who has the seats of the seat licences. A seat is taken at the first call of a key or a session, and kept
/// for the licence's term, or until it has been idle for so long that another may take it. Each assignment is
/// a paper in the log ("Seat", "LICENCE/FROM/HOLDER") before the call is served.
///
/// What is asked under a lock is answered from memory, but for the first call of a licence's term after a
/// start (its papers are read) and a call that finds no seat free (each holder's newest record is read, once
/// in kLookAgainAfter). Any thread.

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "clerk/commands.h"
#include "contract/licence.h"
#include "store/store.h"

namespace ciyuan::gateway {

constexpr Nanoseconds kLookAgainAfter = seconds(60);

class Seats {
 public:
  /// Nothing: the seat is the holder's already. A command: it is, once the clerk has done this; confirm() or
  /// give_back() must follow. kRefused, path = the licence's clause: no seat is free, and when one may be.
  Result<std::optional<clerk::Settle>> take(const contract::Licence& licence, const std::string& holder,
                                            TimePoint now, store::Reader& reader);
  void confirm(const contract::Licence& licence, const std::string& holder);
  void give_back(const contract::Licence& licence, const std::string& holder);

 private:
  struct Seat {
    TimePoint assigned, used;
    bool is_recorded = true;
  };
  struct Term {
    std::map<std::string, Seat> seats;
    TimePoint looked;  ///< at the records of idle holders
  };
  Result<Term*> term_of(const contract::Licence& licence, store::Reader& reader);
  Result<std::string> idle_holder(const contract::Licence& licence, Term& term, TimePoint now,
                                  store::Reader& reader);

  std::mutex mutex_;
  std::map<std::string, Term> terms_;  ///< by licence and begin
  std::map<std::string, std::map<std::string, Seat>>
      under_way_;  ///< taken by commands that are not done yet, of terms that are to be read again
};

}  // namespace ciyuan::gateway
