#pragma once

/// A paper on its way: what it says, and the one command that writes and posts it.

#include <string>
#include <string_view>

#include "base/json.h"
#include "clerk/commands.h"

namespace ciyuan::report {

/// A paper, and the command that makes it one. `existed`: it was written before; there is no command.
struct Drafted {
  Json paper;
  bool existed = false;
  clerk::Settle command;  ///< actor and salts are the caller's to add
};

/// The id of a paper's posting: always the same for the same paper.
Id posting_id(std::string_view paper, std::string_view what);
/// A positive amount from debit to credit, or the other way for a negative one; nothing for zero. Added to
/// the command, and to the paper's "postings".
void add_posting(Drafted& drafted, std::string_view paper, const std::string& what, const std::string& debit,
                 const std::string& credit, const std::string& unit, Amount amount);
/// Puts the paper's canonical JSON into the command. kInvalid: cannot be written canonically.
Status add_paper(Drafted& drafted, std::string_view kind, const Json& paper);

}  // namespace ciyuan::report
