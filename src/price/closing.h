#pragma once

/// The close of a billing period: what a book says of the period as a whole, as further lines behind the
/// rated ones. In this order, each by what stands before it:
///
///   1 free grants      credits for the dearest units of the period, the first grant of the book first
///   2 rounding         only where each line is rounded: what that adds, in one line
///   3 percentages      of the selected lines and their grants, unrounded; never of each other
///   4 minimum          what the charges lack to it
///   5 commitment       what the charges, with the term's earlier ones where it runs so long, lack to it
///   6 rounding         only where the document is rounded: of the sum so far
///   7 tax              of the sum so far: added, or told where prices contain it
///
/// Percentages and tax are the only divisions: they are rounded as the book says (to twelve decimals, half to
/// even, where it says nothing), once. A grant credits flat, graduated and volume prices, volume at the price
/// that the period's total came to; blocks and fees it does not.
///
///   CIYUAN_TRY(auto closing, close_period(book, lines, {}));
///   lines.insert(lines.end(), closing.begin(), closing.end());
///
/// At capture (contract/limit.h) a call is charged at each line's first step, since what was used before is
/// not known there; what the close comes to more or less is posted when the period is over
/// (report/closing.h).

#include <vector>

#include "price/rating.h"

namespace ciyuan::price {

struct PeriodEnd {
  bool of_term = false;   ///< the contract's term ends as well: a commitment that runs so long is trued up
  Amount charged_before;  ///< in the term's earlier periods, before tax
};

/// The lines are those of one billing period, whole, as rate() or difference() made them; they are not
/// changed. All in state billed. kTooLarge where a product or sum leaves 128 bits.
Result<std::vector<RatedLine>> close_period(const Book& book, const std::vector<RatedLine>& lines,
                                            const PeriodEnd& end);

}  // namespace ciyuan::price
