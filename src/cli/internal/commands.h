#pragma once

/// The verbs, by subject. Each function adds its subcommands to the program; their callbacks use the session,
/// which must outlive the parsing.

#include <CLI/CLI.hpp>

#include "cli/internal/session.h"

namespace ciyuan::cli {

void add_service_commands(CLI::App& app, Session& session);    ///< serve, standin
void add_document_commands(CLI::App& app, Session& session);   ///< apply, get, delete, key
void add_account_commands(CLI::App& app, Session& session);    ///< account
void add_record_commands(CLI::App& app, Session& session);     ///< record, explain, log
void add_statement_commands(CLI::App& app, Session& session);  ///< statement, usage, budget, forecast
void add_closing_commands(CLI::App& app, Session& session);
void add_access_commands(CLI::App& app, Session& session);      ///< access
void add_contract_commands(CLI::App& app, Session& session);    ///< contract
void add_suspension_commands(CLI::App& app, Session& session);  ///< closing
void add_invoice_commands(CLI::App& app, Session& session);     ///< invoice
void add_settlement_commands(CLI::App& app, Session& session);  ///< settlement
void add_licence_commands(CLI::App& app, Session& session);     ///< licence
void add_offline_commands(CLI::App& app,
                          Session& session);  ///< count, method, price, parity, calibrate, verify, version
void add_count_command(CLI::App& app, Session& session);             ///< of the offline ones
void add_method_command(CLI::App& app, Session& session);            ///< method, of the offline ones
void add_equivalence_command(CLI::App& app, Session& session);       ///< equivalence
void add_equivalence_make(CLI::App& equivalence, Session& session);  ///< its verb make
void add_vocab_command(CLI::App& app, Session& session);             ///< vocab, of the offline ones
void add_price_command(CLI::App& app, Session& session);             ///< price, of the offline ones
void add_parity_command(CLI::App& app, Session& session);            ///< of the offline ones
/// calibrate, of the offline ones; `version` must outlive the parsing.
void add_calibrate_command(CLI::App& app, Session& session, std::string_view version);
void add_completion_command(CLI::App& app, Session& session);  ///< completion

}  // namespace ciyuan::cli
