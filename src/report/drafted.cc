#include "report/drafted.h"

#include "base/canonical_json.h"
#include "contract/limit.h"
#include "report/papers.h"

namespace ciyuan::report {

Id posting_id(std::string_view paper, std::string_view what) {
  return id_from_content("ciyuan/paper-posting/v1/" + std::string(paper) + "/" + std::string(what));
}

void add_posting(Drafted& drafted, std::string_view paper, const std::string& what, const std::string& debit,
                 const std::string& credit, const std::string& unit, Amount amount) {
  if (amount.is_zero()) return;
  clerk::Post post;
  post.id = posting_id(paper, what);
  post.debit = amount.is_negative() ? credit : debit;
  post.credit = amount.is_negative() ? debit : credit;
  post.unit = unit;
  post.amount = amount.is_negative() ? -amount : amount;
  post.memo = what + " of " + std::string(paper);
  drafted.paper["postings"].push_back({{"id", post.id.text()},
                                       {"what", what},
                                       {"debit", post.debit},
                                       {"credit", post.credit},
                                       {"amount", format_decimal(post.amount, contract::kMoneyScale)},
                                       {"unit", unit}});
  drafted.command.postings.push_back(std::move(post));
}

Status add_paper(Drafted& drafted, std::string_view kind, const Json& paper) {
  CIYUAN_TRY(std::string canonical, canonical_json(paper));
  drafted.command.papers.push_back({std::string(kind), text_at(paper, "name"), std::move(canonical)});
  return {};
}

}  // namespace ciyuan::report
