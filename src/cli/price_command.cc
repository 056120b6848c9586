/// price: import a public catalogue, check books, ask what a call costs.

#include <ostream>

#include "base/decimal_json.h"
#include "base/file.h"
#include "cli/internal/commands.h"
#include "contract/document.h"
#include "price/litellm.h"
#include "price/rating.h"

namespace ciyuan::cli {
namespace {

constexpr std::size_t kListedMax = 20;  // of what an import leaves out; all of it with --verbose

struct ImportOptions {
  std::string file, source, output;
  price::CatalogueOptions catalogue;
  bool verbose = false;
};

struct QuoteOptions {
  std::string book, model, at, region, cache_ttl, service_class = "standard";
  std::vector<std::string> counts;
  std::int64_t input = 0, output = 0;
  bool json = false;
};

/// The price books of a file, each with its document; every error found is told.
struct BookFile {
  contract::Document document;
  price::Book book;
};
std::vector<BookFile> read_books(Session& session, const std::string& path) {
  std::vector<BookFile> books;
  Result<std::string> text = read_file(path, contract::kDocumentBytesMax);
  if (!text.ok()) {
    session.fail(text.error());
    return books;
  }
  contract::Reading reading = contract::read_documents(*text, path);
  session.fail(reading.errors);
  for (contract::Document& document : reading.documents) {
    if (document.kind != "PriceBook") continue;
    Result<price::Book> book = price::Book::parse(document.value);
    if (!book.ok()) {
      session.fail(contract::document_error(document, book.error().path, book.error().message));
      continue;
    }
    books.push_back({std::move(document), std::move(book).value()});
  }
  if (books.empty() && session.exit_code == kDone) session.fail(invalid(path, "holds no PriceBook"));
  return books;
}

void tell(Session& session, const std::vector<std::string>& all, const std::string& what, bool verbose) {
  if (all.empty()) return;
  session.note(std::to_string(all.size()) + " " + what);
  for (std::size_t i = 0; i < all.size() && (verbose || i < kListedMax); ++i) session.note("  " + all[i]);
  if (!verbose && all.size() > kListedMax) session.note("  … (--verbose names all)");
}

// Readable, and one line for each price.
std::string text_of(const Json& document) {
  std::string text = "{\n";
  for (const char* field :
       {"kind", "name", "version", "date", "source", "source_sha256", "currency", "per_tokens"})
    if (document.contains(field)) text += "  " + Json(field).dump() + ": " + document[field].dump() + ",\n";
  text += "  \"prices\": [\n";
  const Json& prices = document["prices"];
  for (std::size_t i = 0; i < prices.size(); ++i)
    text += "    " + prices[i].dump() + (i + 1 < prices.size() ? ",\n" : "\n");
  return text + "  ]\n}\n";
}

void import(Session& session, ImportOptions& options) {
  Result<std::string> text = read_file(options.file, price::kCatalogueBytesMax);
  if (!text.ok()) return session.fail(text.error());
  Result<Json> catalogue = parse_json_keeping_decimals(*text, price::kCatalogueValuesMax);
  if (!catalogue.ok()) return session.fail(invalid(options.file, catalogue.error().message));
  options.catalogue.source_sha256 = to_hex(sha256(*text));
  if (options.catalogue.version.empty()) options.catalogue.version = options.catalogue.date;
  Result<price::CatalogueBook> made = price::book_of_litellm(*catalogue, options.catalogue);
  if (!made.ok()) return session.fail(invalid(options.file + made.error().path, made.error().message));
  // What was made is held to the rules of every book.
  contract::Reading reading = contract::read_document(made->document, "");
  session.fail(reading.errors);
  if (!reading.errors.empty()) return;
  Result<price::Book> book = price::Book::parse(reading.documents.front().value);
  if (!book.ok())
    return session.fail(
        contract::document_error(reading.documents.front(), book.error().path, book.error().message));
  const std::string written = text_of(made->document);
  if (options.output.empty()) {
    session.out() << written;
  } else if (Status done = write_file_atomically(options.output, written); !done.ok()) {
    return session.fail(done.error());
  }
  session.note(std::to_string(made->models) + " models, " + std::to_string(book->lines().size()) +
               " prices in " + book->currency() + "; SHA-256 of the source " +
               options.catalogue.source_sha256);
  tell(session, made->rounded, "prices rounded", options.verbose);
  tell(session, made->left_out, "prices left out", options.verbose);
  tell(session, book->warnings(), "warnings", options.verbose);
}

void check(Session& session, const std::vector<std::string>& files, bool json) {
  for (const std::string& path : files)
    for (const BookFile& file : read_books(session, path)) {
      const price::Book& book = file.book;
      if (json) {
        session.out() << Json{{"file", path},
                              {"name", book.name()},
                              {"version", book.version()},
                              {"currency", book.currency()},
                              {"digest", to_hex(file.document.digest)},
                              {"lines", book.lines().size()},
                              {"models", book.models()},
                              {"warnings", book.warnings()}}
                             .dump()
                      << '\n';
        continue;
      }
      session.out() << "PriceBook/" << book.name() << " " << book.version() << " of "
                    << text_at(file.document.value, "date") << ": right; " << book.lines().size()
                    << " prices of " << book.models().size() << " models in " << book.currency()
                    << "; digest " << to_hex(file.document.digest) << "\n";
      for (const std::string& warning : book.warnings()) session.out() << "warning: " << warning << "\n";
    }
}

Result<price::Usage> usage_of(const QuoteOptions& options) {
  price::Usage usage;
  usage.model = options.model;
  usage.counts[price::Meter::kInput] = options.input;
  usage.counts[price::Meter::kOutput] = options.output;
  usage.counts[price::Meter::kRequest] = 1;
  for (const std::string& text : options.counts) {
    const std::size_t equals = text.find('=');
    const auto meter = price::meter_named(text.substr(0, equals));
    if (!meter || equals == text.npos)
      return invalid("--count", "\"" + text + "\" is not KIND=N with a kind that has a price");
    CIYUAN_TRY(const Amount count, parse_decimal(text.substr(equals + 1), 0));
    if (count.is_negative() || count.units() > price::kUnitsMax)
      return invalid("--count", text + " is not a count");
    usage.counts[*meter] = static_cast<std::int64_t>(count.units());
  }
  price::Situation& situation = usage.situation;
  situation.at = now();
  if (!options.at.empty()) {
    Result<TimePoint> at = price::parse_moment(options.at);
    if (!at.ok()) return invalid("--at", at.error().message);
    situation.at = *at;
  }
  const auto service_class = price::service_class_of_tier(options.service_class);
  if (!service_class)
    return invalid("--service-class", "\"" + options.service_class + "\" is no class of service");
  situation.service_class = *service_class;
  situation.region = options.region;
  situation.cache_ttl = options.cache_ttl;
  for (std::size_t i = 0; i < price::kMeters; ++i) {
    price::Meter widest = price::meter_at(i);
    while (price::kMeterFacts[price::index_of(widest)].wider != widest)
      widest = price::kMeterFacts[price::index_of(widest)].wider;
    if (widest == price::Meter::kInput) situation.input_tokens += usage.counts[price::meter_at(i)];
  }
  return usage;
}

void quote(Session& session, const QuoteOptions& options) {
  const std::vector<BookFile> books = read_books(session, options.book);
  if (session.exit_code != kDone) return;
  if (books.size() != 1)
    return session.fail(invalid("--book", options.book + " has " + std::to_string(books.size()) +
                                              " price books: give a file with one"));
  const price::Book& book = books.front().book;
  Result<price::Usage> usage = usage_of(options);
  if (!usage.ok()) return session.fail(usage.error());
  if (!book.in_force(usage->situation.at))
    return session.fail(Error{
        ErrorCode::kRefused, book.name() + " is not in force at " + to_rfc3339(usage->situation.at), "--at"});
  price::Counters counters;
  Result<std::vector<price::RatedLine>> lines = price::rate(book, {*usage}, counters);
  if (!lines.ok()) return session.fail(lines.error());
  Result<Amount> sum = price::total(*lines);
  if (!sum.ok()) return session.fail(sum.error());
  const std::string total = format_decimal(*sum, price::kMoneyScale);
  if (options.json) {
    Json list = Json::array();
    for (const price::RatedLine& line : *lines) list.push_back(price::to_json(line));
    session.out() << Json{{"book", book.name()},
                          {"currency", book.currency()},
                          {"lines", list},
                          {"total", total}}
                         .dump()
                  << '\n';
    return;
  }
  Table table({"KIND", "LINE", "RULE", "QUANTITY", "UNIT PRICE", "AMOUNT"});
  table.align_right({3, 4, 5});
  for (const price::RatedLine& line : *lines)
    table.add({std::string(name_of(line.meter)), line.line,
               std::string(name_of(line.rule)) + (line.step > 0 ? " " + std::to_string(line.step) : ""),
               std::to_string(line.quantity), format_decimal(line.unit_price, price::kMoneyScale),
               format_decimal(line.amount, price::kMoneyScale)});
  table.add({"total", "", "", "", book.currency(), total});
  table.print(session.out());
}

void add_import(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("import", "Make a price book of a public catalogue");
  auto options = std::make_shared<ImportOptions>();
  command->add_option("FILE", options->file, "The catalogue's JSON")->required();
  command->add_option("--source", options->source, "litellm: model_prices_and_context_window.json")
      ->required()
      ->check(CLI::IsMember({"litellm"}));
  command->add_option("--date", options->catalogue.date, "When its prices were published")
      ->required()
      ->type_name("YYYY-MM-DD");
  command->add_option("--name", options->catalogue.name, "Of the book")->capture_default_str();
  command->add_option("--origin", options->catalogue.source,
                      "Where the file is from, as the book's source says it");
  command->add_option("--currency", options->catalogue.currency, "In which its prices are")
      ->capture_default_str();
  command->add_flag("--round", options->catalogue.round,
                    "Round prices of more than twelve decimals for one token, half to even, and name each");
  command->add_flag("--verbose", options->verbose, "Name everything that is left out");
  command->add_option("-o,--output", options->output, "File; standard output if not said");
  options->catalogue.name = "litellm";
  options->catalogue.source = "LiteLLM's model_prices_and_context_window.json, from PyPI litellm";
  command->footer(
      "Example:\n  ciyuan price import model_prices_and_context_window.json --source litellm --date "
      "2026-11-30 -o "
      "list.json\n\n"
      "Decimals are read as they are written, never as floating point. What a book has no kind for, or could "
      "not hold "
      "exactly,\nis left out and named on standard error.");
  command->callback([&session, options] { import(session, *options); });
}

void add_check(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("check", "Whether price books are right, and what in them looks odd");
  auto files = std::make_shared<std::vector<std::string>>();
  auto json = std::make_shared<bool>(false);
  command->add_option("FILE", *files, "Documents (YAML or JSON)")->required();
  command->add_flag("--json", *json, "One JSON object a line");
  command->footer(
      "Example:\n  ciyuan price check examples/prices.yaml\n\nGaps, overlaps, prices of more decimals than "
      "can be "
      "charged exactly and the like are errors: exit code 2.");
  command->callback([&session, files, json] { check(session, *files, *json); });
}

void add_quote(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("quote", "What a call would cost, line by line");
  auto options = std::make_shared<QuoteOptions>();
  command->add_option("--book", options->book, "File with one price book")->required()->type_name("FILE");
  command->add_option("--model", options->model, "As the book names it")->required();
  command->add_option("--input", options->input, "Tokens of the prompt that no cache had")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--output", options->output, "Tokens of the answer")->check(CLI::NonNegativeNumber);
  command->add_option("--count", options->counts, "Of another kind: cache_read=900; may be repeated")
      ->type_name("KIND=N")
      ->allow_extra_args(false);
  command->add_option("--at", options->at, "When; now if not said")->type_name("TIME");
  command->add_option("--region", options->region, "Of the service");
  command->add_option("--service-class", options->service_class, "standard, batch, flex, priority, …")
      ->capture_default_str();
  command->add_option("--cache-ttl", options->cache_ttl, "Of cache writes: 5m, 1h");
  command->add_flag("--json", options->json, "One JSON object");
  command->footer(
      "Example:\n  ciyuan price quote --book examples/prices.yaml --model long-reader --input 210000 "
      "--output 1000 --at "
      "2026-11-30T18:00:00Z\n\nThe length of the prompt is the sum of its kinds. Prices that depend on what "
      "was used before "
      "begin at their first step.");
  command->callback([&session, options] { quote(session, *options); });
}

}  // namespace

void add_price_command(CLI::App& app, Session& session) {
  auto* price = app.add_subcommand("price", "Price books: import, check, quote");
  price->require_subcommand(1);
  add_import(*price, session);
  add_check(*price, session);
  add_quote(*price, session);
}

}  // namespace ciyuan::cli
