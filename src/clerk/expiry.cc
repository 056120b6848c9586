/// What is left of packages when they end.

#include <algorithm>

#include "clerk/internal/call.h"

namespace ciyuan::clerk {

using ledger::AccountIndex;
using ledger::Line;

Reply StateMachine::expire(const ExpirePackage& command) {
  const std::string unit = "CIYUAN";
  if (command.package.empty() || command.package.size() > kNameBytesMax || !is_utf8(command.package))
    return invalid("package", "is empty, too long or not UTF-8 text");
  if (command.account.empty() || command.account.size() > kNameBytesMax || !is_utf8(command.account))
    return invalid("account", "is empty, too long or not UTF-8 text");
  if (command.keep.is_negative() || command.ciyuan < command.keep)
    return invalid("keep", "is not a part of it");
  const std::string expired = "expired/" + command.package + "/" + unit;
  auto account = find_account(command.account);
  if (!account.ok()) return account.error();
  if (!*account && command.keep.is_zero()) return Done{};  // nothing was ever granted: nothing is left
  if (*account && ledger_.account(**account).unit != unit)
    return internal::conflict(command.account, "the account counts " + ledger_.account(**account).unit);
  if (Status fits = check_sums(expired); !fits.ok()) return fits.error();
  if (Status fits = check_funds(unit); !fits.ok()) return fits.error();
  if (!*account) {
    auto opened = open_account({command.account, unit, contract::kCiyuanScale, false}, false);
    if (!opened.ok()) return opened.error();
    *account = *opened;
    std::vector<Line> granted;
    add_grant(granted, **account, command.ciyuan);
    post_grants(id_from_content("grant/" + command.account), granted);
  }
  const Amount rest = ledger_.account(**account).headroom() - place(**account).excess - command.keep;
  if (rest <= Amount()) return Done{};
  auto sink = open_account({expired, unit, contract::kCiyuanScale, false}, false);
  if (!sink.ok()) return sink.error();
  const Line lines[] = {{**account, -rest}, {*sink, rest}};
  // Named for the entry: it may happen more than once to a package.
  const Id id = id_from_content("expire/" + std::to_string(entries_given_ + 1));
  auto posted = ledger_.post(id, lines);
  CIYUAN_CHECK(posted.ok() && !posted->existed, "what is left can be taken back");
  const std::uint64_t leaf = log_action(id, "expire", "Package", command.package, Digest{}, "clerk");
  journal(store::EntryKind::kPost, id, lines, leaf, "clerk: expired");
  return Done{leaf};
}

}  // namespace ciyuan::clerk
