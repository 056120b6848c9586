/// Statements, invoices, credit notes, settlements, exports, budgets: what the report library says, over
/// HTTP.

#include "report/papers.h"

#include <algorithm>

#include "admin/internal/handlers.h"
#include "contract/limit.h"
#include "price/book.h"
#include "report/budget.h"
#include "report/comparison.h"
#include "report/export.h"
#include "report/settlement.h"
#include "report/sheet.h"
#include "report/statement.h"

namespace ciyuan::admin {
namespace {

constexpr std::size_t kCreditTextBytesMax = 2000;
constexpr std::size_t kCreditIdBytesMax = 200;

// ?period=2026-11 in the calendar at this offset, or ?from= and ?to=.
Result<report::Period> period_of(const Request& request, int offset_minutes) {
  if (std::string_view text = request.asked("period"); !text.empty()) {
    if (!request.asked("from").empty() || !request.asked("to").empty())
      return invalid("period", "stands beside from or to: one or the other says which time");
    return report::parse_period(text, offset_minutes);
  }
  report::Period period;
  period.offset_minutes = offset_minutes;
  CIYUAN_TRY(period.from, moment_of(request, "from"));
  CIYUAN_TRY(period.to, moment_of(request, "to"));
  if (period.to.ns != 0 && period.to <= period.from)
    return invalid("to", "is not after from: there is no time between them");
  return period;
}

// For what must have both ends.
Result<report::Period> closed_period_of(const Request& request, int offset_minutes) {
  CIYUAN_TRY(report::Period period, period_of(request, offset_minutes));
  if (period.from.ns == 0 || period.to.ns == 0)
    return invalid("period", "is missing: say period=2026-11, or from and to");
  return period;
}

Result<Json> body_of(const Request& request, std::initializer_list<std::string_view> members) {
  CIYUAN_TRY(Json body, parse_json(request.body));
  if (!body.is_object()) return invalid("", "the body is not an object");
  for (const auto& member : body.items())
    if (std::find(members.begin(), members.end(), member.key()) == members.end())
      return invalid(member.key().substr(0, 60), "is no member that is known here");
  return body;
}

Result<std::string> text_member(const Json& body, const char* member) {
  auto found = body.find(member);
  if (found == body.end()) return invalid(member, "is missing");
  if (!found->is_string() || found->get_ref<const std::string&>().empty())
    return invalid(member, found->dump().substr(0, 100) + " is not a text");
  return found->get<std::string>();
}

http::Response reply_of(const Result<Json>& value) {
  return value.ok() ? json_response(*value) : problem(value.error());
}

Result<report::InvoiceRequest> read_invoice(const Request& request, store::Reader& reader) {
  CIYUAN_TRY(Json body, body_of(request, {"contract", "period"}));
  report::InvoiceRequest wanted;
  CIYUAN_TRY(wanted.contract, text_member(body, "contract"));
  CIYUAN_TRY(std::string period, text_member(body, "period"));
  CIYUAN_TRY(int offset, report::offset_of_contract(reader, wanted.contract));
  CIYUAN_TRY(wanted.period, report::parse_period(period, offset));
  return wanted;
}

Result<report::CreditRequest> read_credit(const Request& request) {
  CIYUAN_TRY(Json body, body_of(request, {"amount", "reason", "text", "id"}));
  report::CreditRequest credit;
  credit.invoice = request.path.at("number");
  CIYUAN_TRY(std::string amount, text_member(body, "amount"));
  Result<Amount> gross = parse_decimal(amount, contract::kMoneyScale);
  if (!gross.ok()) return invalid("amount", gross.error().message);
  credit.gross = *gross;
  CIYUAN_TRY(credit.reason, text_member(body, "reason"));
  CIYUAN_TRY(credit.id, text_member(body, "id"));
  if (credit.id.size() > kCreditIdBytesMax)
    return invalid("id", "is longer than " + std::to_string(kCreditIdBytesMax) + " bytes");
  if (credit.id.starts_with("settlement/"))
    return invalid("id", "\"settlement/\" begins the ids of settlements");
  if (body.contains("text")) {
    CIYUAN_TRY(credit.text, text_member(body, "text"));
  }
  if (credit.text.size() > kCreditTextBytesMax)
    return invalid("text", "is longer than " + std::to_string(kCreditTextBytesMax) + " bytes");
  return credit;
}

}  // namespace

Result<std::uint64_t> settle(ApiParts& parts, clerk::Settle command) {
  for (clerk::Post& posting : command.postings) posting.salt = salt_of(parts.instance_key, posting.id);
  clerk::Reply reply = parts.clerk->call(std::move(command));
  if (auto* error = std::get_if<Error>(&reply)) return *error;
  auto* done = std::get_if<clerk::Done>(&reply);
  if (done == nullptr) return Error{ErrorCode::kInternal, "the clerk gave another reply than Done", ""};
  return done->leaf_index;
}

http::Response Handlers::contract_statement(const Request& request) {
  const std::string& name = request.path.at("name");
  Result<int> offset = report::offset_of_contract(reader(), name);
  if (!offset.ok()) return problem(offset.error());
  Result<report::Period> period = period_of(request, *offset);
  if (!period.ok()) return problem(period.error());
  return reply_of(report::contract_statement(reader(), name, *period, std::string(request.asked("split"))));
}

http::Response Handlers::party_statement(const Request& request) {
  Result<report::Period> period = period_of(request, 0);
  if (!period.ok()) return problem(period.error());
  return reply_of(report::party_statement(reader(), request.path.at("name"), *period));
}

http::Response Handlers::usage(const Request& request) {
  const std::string& name = request.path.at("name");
  Result<int> offset = report::offset_of_contract(reader(), name);
  if (!offset.ok()) return problem(offset.error());
  Result<report::Period> period = closed_period_of(request, *offset);
  if (!period.ok()) return problem(period.error());
  std::string_view format = request.asked("format");
  Result<report::Export> made =
      report::export_usage(reader(), name, *period, format.empty() ? "csv" : format);
  if (!made.ok()) return problem(made.error());
  return text_response(std::move(made->text), 200, std::move(made->content_type));
}

http::Response Handlers::equivalence(const Request& request) {
  const std::string& name = request.path.at("name");
  Result<int> offset = report::offset_of_contract(reader(), name);
  if (!offset.ok()) return problem(offset.error());
  Result<report::Period> period = closed_period_of(request, *offset);
  if (!period.ok()) return problem(period.error());
  std::string_view table = request.asked("with");
  if (table.empty()) return problem(invalid("with", "is missing: the name of an Equivalence or a Method"));
  return reply_of(report::compare_equivalence(reader(), name, *period, std::string(table)));
}

http::Response Handlers::forecast(const Request& request) {
  return reply_of(report::contract_forecast(reader(), request.path.at("name"),
                                            std::string(request.asked("unit")), parts().clock()));
}

http::Response Handlers::list_budgets(const Request&) {
  Result<Json> states = report::budget_states(reader(), parts().clock());
  if (!states.ok()) return problem(states.error());
  return json_response({{"budgets", std::move(*states)}});
}

http::Response Handlers::get_budget(const Request& request) {
  return reply_of(report::budget_state(reader(), request.path.at("name"), parts().clock()));
}

http::Response Handlers::list_papers(const Request& request, std::string_view kind, const char* member) {
  Result<std::size_t> limit = limit_of(request);
  if (!limit.ok()) return problem(limit.error());
  auto found = report::papers(reader(), kind, request.asked("prefix"), request.asked("after"), *limit);
  if (!found.ok()) return problem(found.error());
  Json body = {{member, *found}};
  if (found->size() == *limit) body["next"] = report::text_at(found->back(), "name");
  return json_response(body);
}

http::Response Handlers::show_paper(const Request& request, std::string_view kind) {
  Result<Json> paper = report::paper(reader(), kind, request.path.at("number"));
  if (!paper.ok()) return problem(paper.error());
  std::string_view format = request.asked("format");
  if (format.empty() || format == "json") return json_response(*paper);
  if (format != "html" && format != "pdf")
    return problem(invalid(
        "format", "\"" + std::string(format.substr(0, 60)) + "\" is no format; those are json, html, pdf"));
  Result<report::Sheet> sheet = report::sheet_of(*paper);
  if (!sheet.ok()) return problem(sheet.error());
  if (format == "html") {
    http::Response page = text_response(report::html_of(*sheet), 200, "text/html; charset=utf-8");
    // Names and terms are others' words: nothing in the page may run or load.
    page.headers.set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
    return page;
  }
  Result<std::string> pdf = report::pdf_of(*sheet);
  return pdf.ok() ? text_response(std::move(*pdf), 200, "application/pdf") : problem(pdf.error());
}

http::Response Handlers::write_paper(Result<report::Drafted> drafted, const Request& request,
                                     const char* member) {
  if (!drafted.ok()) return problem(drafted.error());
  if (drafted->existed) return json_response({{member, std::move(drafted->paper)}, {"existed", true}});
  drafted->command.actor = request.actor;
  Result<std::uint64_t> leaf = settle(parts(), std::move(drafted->command));
  if (!leaf.ok()) return problem(leaf.error());
  return json_response({{member, std::move(drafted->paper)}, {"existed", false}, {"leaf", *leaf}}, 201);
}

http::Response Handlers::list_invoices(const Request& request) {
  return list_papers(request, "Invoice", "invoices");
}
http::Response Handlers::get_invoice(const Request& request) { return show_paper(request, "Invoice"); }

http::Response Handlers::make_invoice(const Request& request) {
  Result<report::InvoiceRequest> wanted = read_invoice(request, reader());
  if (!wanted.ok()) return problem(wanted.error());
  Result<std::string> checkpoint = parts().publisher->checkpoint();
  if (!checkpoint.ok()) return problem(checkpoint.error());
  wanted->checkpoint = std::move(*checkpoint);
  wanted->issued = parts().clock();
  // With the period's close; it lets what is on its way come in before.
  Result<TimePoint> closed = api.close_periods(wanted->contract, wanted->issued);
  if (!closed.ok()) return problem(closed.error());
  return write_paper(report::draft_invoice(reader(), *wanted), request, "invoice");
}

http::Response Handlers::credit_invoice(const Request& request) {
  Result<report::CreditRequest> credit = read_credit(request);
  if (!credit.ok()) return problem(credit.error());
  credit->issued = parts().clock();
  return write_paper(report::draft_credit_note(reader(), *credit), request, "credit_note");
}

http::Response Handlers::list_credit_notes(const Request& request) {
  return list_papers(request, "CreditNote", "credit_notes");
}
http::Response Handlers::get_credit_note(const Request& request) { return show_paper(request, "CreditNote"); }

http::Response Handlers::list_settlements(const Request& request) {
  return list_papers(request, "Settlement", "settlements");
}

http::Response Handlers::get_settlement(const Request& request) {
  return reply_of(report::paper(reader(), "Settlement", request.path.at("number")));
}

http::Response Handlers::settlement_step(const Request& request) {
  Result<Json> body = body_of(request, {"step", "body", "note"});
  if (!body.ok()) return problem(body.error());
  Result<std::string> step = text_member(*body, "step"), note = text_member(*body, "note");
  if (!step.ok()) return problem(step.error());
  if (!note.ok()) return problem(note.error());
  report::StepRequest wanted{.invoice = request.path.at("number"),
                             .step = std::move(*step),
                             .body = body->value("body", Json()),
                             .note = std::move(*note),
                             .at = parts().clock()};
  return write_paper(report::draft_step(reader(), wanted), request, "settlement");
}

}  // namespace ciyuan::admin
