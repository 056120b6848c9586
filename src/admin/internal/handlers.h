#pragma once

/// The handlers behind the routes. Each gets the request taken apart and returns the response; the lock is
/// held.

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "admin/api.h"
#include "base/json.h"
#include "licence/chain.h"
#include "report/invoice.h"

namespace ciyuan::admin {

struct Request {
  std::string_view method;
  std::string_view body;
  std::map<std::string, std::string, std::less<>> path;   ///< values of the {names}, decoded
  std::map<std::string, std::string, std::less<>> query;  ///< decoded
  const http::Headers* headers = nullptr;
  std::string actor;

  /// The query's value, or an empty text.
  std::string_view asked(std::string_view name) const;
};

struct Handlers {
  Api& api;

  http::Response list_documents(const Request& request);
  http::Response get_document(const Request& request);
  http::Response put_document(const Request& request);
  http::Response delete_document(const Request& request);
  http::Response apply(const Request& request);
  http::Response create_key(const Request& request);

  http::Response list_accounts(const Request& request);
  http::Response close_account(const Request& request);
  http::Response get_account(const Request& request);
  http::Response account_statement(const Request& request);
  http::Response post(const Request& request);

  http::Response list_records(const Request& request);
  http::Response get_record(const Request& request);
  http::Response receipt(const Request& request);
  http::Response record_key(const Request& request);
  http::Response erase_record_key(const Request& request);
  http::Response explain(const Request& request);
  http::Response correct(const Request& request);
  http::Response make_decision(const Request& request);
  http::Response record_decision(const Request& request);

  http::Response contract_statement(const Request& request);
  http::Response party_statement(const Request& request);
  http::Response usage(const Request& request);
  http::Response equivalence(const Request& request);
  http::Response forecast(const Request& request);
  http::Response list_closings(const Request& request);
  http::Response closing_so_far(const Request& request);
  http::Response list_budgets(const Request& request);
  http::Response get_budget(const Request& request);
  http::Response list_invoices(const Request& request);
  http::Response make_invoice(const Request& request);
  http::Response get_invoice(const Request& request);
  http::Response credit_invoice(const Request& request);
  http::Response list_credit_notes(const Request& request);
  http::Response get_credit_note(const Request& request);
  http::Response list_settlements(const Request& request);
  http::Response get_settlement(const Request& request);
  http::Response settlement_step(const Request& request);

  http::Response get_licence(const Request& request);
  http::Response issue_voucher(const Request& request);
  http::Response report_chain(const Request& request);

  http::Response list_acts(const Request& request);
  http::Response log_state(const Request& request);
  http::Response log_file(const Request& request);
  http::Response metrics(const Request& request);
  http::Response alive(const Request& request);
  http::Response ready(const Request& request);
  http::Response openapi(const Request& request);

  /// A page of papers of one kind, newest number last.
  http::Response list_papers(const Request& request, std::string_view kind, const char* member);
  /// One of them, as JSON or drawn (?format=json, html, pdf).
  http::Response show_paper(const Request& request, std::string_view kind);
  /// Writes what was drafted, and answers with it: 201, or 200 where it was there.
  http::Response write_paper(Result<report::Drafted> drafted, const Request& request, const char* member);

  /// Puts the voucher's Ciyuan on hold and signs it. kRefused, path = the licence's clause: they are not
  /// there.
  Result<Json> write_voucher(const contract::Licence& licence, const licence::Voucher& voucher,
                             const std::string& actor);
  /// Posts what a device has used since its last report. kConflict: a chain that is not believed, which is
  /// kept with the voucher.
  Result<Json> take_chain(const licence::Chain& chain, bool close, const std::string& actor);

  store::Reader& reader() { return *api.parts_.reader; }
  ApiParts& parts() { return api.parts_; }
};

/// Each posting has a salt of its own, so that one can be told without the others.
SecretKey salt_of(const SecretKey& instance_key, const Id& id);

/// Has the clerk take the papers and their postings, each with its salt; the last paper's leaf.
Result<std::uint64_t> settle(ApiParts& parts, clerk::Settle command);

http::Response json_response(const Json& value, unsigned status = 200);
http::Response text_response(std::string text, unsigned status = 200,
                             std::string type = "text/plain; charset=utf-8");
/// RFC 9457, with the errors one by one where there are several.
http::Response problem(unsigned status, std::string detail, const std::vector<Error>& errors = {});
/// `more` are members beside RFC 9457's own.
http::Response problem(const Error& error, const Json& more = Json::object());
unsigned status_of(ErrorCode code);

/// Page size from ?limit=, 1 to 1,000, 100 where it is not given.
Result<std::size_t> limit_of(const Request& request);
/// A whole number from the query; 0 where it is not given.
Result<std::uint64_t> number_of(const Request& request, std::string_view name);
/// Whether the query says true; false where it is not given.
Result<bool> flag_of(const Request& request, std::string_view name);
/// A date or time from the query; zero where it is not given.
Result<TimePoint> moment_of(const Request& request, std::string_view name);

}  // namespace ciyuan::admin
