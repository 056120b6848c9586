#pragma once

/// Re-rating: what a closed record would have cost under another price book, as the command that makes it so.

#include "clerk/commands.h"
#include "contract/registry.h"
#include "store/store.h"

namespace ciyuan::admin {

/// A new record in the place of `id`'s, with the book's charges, and the difference between the accounts on
/// which the call's money was posted: receivable or prepaid balance, and revenue. Spending caps keep what the
/// day's price made of them. The counts, the Ciyuan and the commitments stay: the content is opened with the
/// old record's key. Actor, time and key are the caller's to add. kNotFound: no such record. kRefused:
/// nothing was charged in the book's currency, or the book has no price for what was used.
Result<clerk::Correct> correction(store::Reader& reader, const contract::Registry& registry, const Id& id,
                                  const contract::Document& book_document);

}  // namespace ciyuan::admin
