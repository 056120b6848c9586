#pragma once

/// Who has the seats of the seat licences. A seat is taken at the first call of a key or a session, and kept
/// for the licence's term, or until it has been idle for so long that another may take it. Each assignment is
/// a paper in the log ("Seat", "LICENCE/FROM/HOLDER") before the call is served.
///
/// A seat has a name, its first holder's, and with it an account: whoever takes it over has what is left of
/// its Ciyuan, and no more. The paper says `seat` where that is another name than the holder's.
///
/// What is asked under a lock is answered from memory, but for the first call of a licence's term after a
/// start (its papers are read). A call that finds no seat free reads each holder's newest record, once in
/// kLookAgainAfter and under no lock: who asks meanwhile finds no seat free. Any thread.

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
  struct Taken {
    std::string seat;  ///< its name
    /// Nothing: the seat is the holder's already. Else it is once the clerk has done this; confirm() or
    /// give_back() must follow.
    std::optional<clerk::Settle> command;
  };
  /// kRefused, path = the licence's clause: no seat is free.
  Result<Taken> take(const contract::Licence& licence, const std::string& holder, TimePoint now,
                     store::Reader& reader);
  void confirm(const contract::Licence& licence, const std::string& holder);
  void give_back(const contract::Licence& licence, const std::string& holder);

 private:
  struct Seat {
    std::string name;
    TimePoint assigned, used;
    bool is_recorded = true;
  };
  struct Term {
    std::map<std::string, Seat> seats;
    TimePoint looked;  ///< at the records of idle holders
  };
  Result<Term*> term_of(const contract::Licence& licence, store::Reader& reader);
  static std::string idle_holder(const contract::Licence& licence, const Term& term, TimePoint now);
  static std::string new_name(const Term& term, const std::string& holder);
  Status look_at_records(const contract::Licence& licence, Term& term, TimePoint now, store::Reader& reader,
                         std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::map<std::string, Term> terms_;  ///< by licence and begin
  std::map<std::string, std::map<std::string, Seat>>
      under_way_;  ///< taken by commands that are not done yet, of terms that are to be read again
};

}  // namespace ciyuan::gateway
