/// calibrate: the verb's options and help, writing a certificate and repeating one.

#include <algorithm>
#include <filesystem>
#include <ostream>

#include "base/file.h"
#include "cli/internal/calibration.h"
#include "cli/internal/commands.h"
#include "token/vocabulary_set.h"

namespace ciyuan::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDifferencesShown = 100;

struct CalibrateCommand {
  CalibrationInputs inputs;
  std::string output, check;
  bool json = false;
};

// The files of a folder of our data that end so, in order of names.
std::vector<std::string> our_files(const char* folder, const char* extension) {
  std::vector<std::string> files;
  std::error_code code;
  fs::directory_iterator at(fs::path(token::VocabularySet::standard().folder()) / folder, code);
  for (; !code && at != fs::directory_iterator(); at.increment(code))
    if (at->path().extension() == extension) files.push_back(at->path().string());
  std::sort(files.begin(), files.end());
  return files;
}

Result<std::vector<std::string>> present_tokenizers() {
  CIYUAN_TRY(const auto listings, token::VocabularySet::standard().list());
  std::vector<std::string> names;
  for (const auto& listing : listings)
    if (listing.present) names.push_back(listing.name);
  return names;
}

std::string summary(const Json& certificate) {
  const Json& measured = certificate.at("measured");
  std::int64_t vectors = 0;
  for (const Json& file : measured.at("vectors"))
    for (const Json& result : file.at("results"))
      for (const char* outcome : {"equal", "different"}) vectors += result.at(outcome).get<std::int64_t>();
  return std::to_string(measured.at("vocabularies").size()) + " tokenizers, " + std::to_string(vectors) +
         " vectors, " + std::to_string(measured.at("texts").size()) + " texts; digest " +
         text_at(certificate, "digest");
}

Status write_certificate(Session& session, CalibrateCommand& command, std::string_view version) {
  CalibrationInputs& inputs = command.inputs;
  if (inputs.tokenizers.empty()) {
    CIYUAN_TRY(inputs.tokenizers, present_tokenizers());
  }
  if (inputs.vectors.empty()) inputs.vectors = our_files("vectors", ".json");
  if (inputs.texts.empty()) inputs.texts = our_files("parity", ".txt");
  CIYUAN_TRY(const Json measured, measure_calibration(inputs));
  const Json certificate = make_certificate(measured, version, now());
  const std::string text = certificate.dump(1) + "\n";
  if (command.output.empty() || command.output == "-") {
    session.out() << text;
  } else {
    Status written = write_file_atomically(command.output, text);
    if (!written.ok()) return invalid("--output", written.error().text());
    session.note(command.output + ": " + summary(certificate));
  }
  if (const std::int64_t different = different_vectors(measured); different > 0) {
    session.console().err << "ciyuan calibrate: " << different
                          << " vectors are different; the certificate names them\n";
    session.exit_code = kFailed;
  }
  return {};
}

// Of the files given and our own, those that the certificate names. A file it names that is nowhere here is a
// difference, not an error.
std::vector<std::string> wanted_files(const Json& certified, std::vector<std::string> given,
                                      const std::vector<std::string>& own) {
  std::vector<std::string> wanted, names;
  given.insert(given.end(), own.begin(), own.end());
  for (const std::string& path : given) {
    const std::string name = fs::path(path).filename().string();
    if (!certified.contains(name) || std::find(names.begin(), names.end(), name) != names.end()) continue;
    names.push_back(name), wanted.push_back(path);
  }
  return wanted;
}

Status check_certificate(Session& session, CalibrateCommand& command) {
  Result<std::string> text = read_file(command.check, kCertificateBytesMax);
  if (!text.ok()) return invalid("--check", text.error().text());
  Result<Json> certificate = read_certificate(*text);
  if (!certificate.ok()) return invalid("--check", command.check + ": " + certificate.error().text());
  const Json& certified = certificate->at("measured");
  CIYUAN_TRY(const auto present, present_tokenizers());
  CalibrationInputs inputs{
      {},
      wanted_files(certified.at("vectors"), command.inputs.vectors, our_files("vectors", ".json")),
      wanted_files(certified.at("texts"), command.inputs.texts, our_files("parity", ".txt"))};
  for (const std::string& name : present)
    if (certified.at("vocabularies").contains(name)) inputs.tokenizers.push_back(name);
  CIYUAN_TRY(const Json here, measure_calibration(inputs));
  const std::vector<std::string> found = differences(certified, here);
  session.exit_code = found.empty() ? kDone : kFailed;
  if (command.json) {
    session.out() << Json{{"equal", found.empty()},
                          {"digest", certificate->at("digest")},
                          {"differences", found}}
                         .dump()
                  << '\n';
    return {};
  }
  for (std::size_t i = 0; i < std::min(found.size(), kDifferencesShown); ++i)
    session.out() << "different: " << found[i] << '\n';
  if (found.size() > kDifferencesShown)
    session.out() << "different: and " << found.size() - kDifferencesShown << " more\n";
  if (found.empty()) session.out() << "equal: " << summary(*certificate) << '\n';
  return {};
}

}  // namespace

void add_calibrate_command(CLI::App& app, Session& session, std::string_view version) {
  auto* calibrate =
      app.add_subcommand("calibrate", "Certify what this meter counts, or repeat a certificate");
  auto command = std::make_shared<CalibrateCommand>();
  auto* check =
      calibrate->add_option("--check", command->check, "Repeat this certificate: equal, or what differs")
          ->type_name("CERTIFICATE");
  calibrate
      ->add_option("-o,--output", command->output,
                   "Write the certificate to this file; standard output if not said")
      ->type_name("FILE")
      ->excludes(check);
  auto* tokenizer = calibrate
                        ->add_option("-t,--tokenizer", command->inputs.tokenizers,
                                     "Several: a,b or repeated; every one there is if not said")
                        ->type_name("NAME")
                        ->delimiter(',')
                        ->excludes(check);
  auto* vectors =
      calibrate
          ->add_option("--vectors", command->inputs.vectors,
                       "Test vectors (JSON), may be repeated; those of the data folder if not said")
          ->type_name("FILE");
  auto* text =
      calibrate
          ->add_option("--text", command->inputs.texts,
                       "A text to count, may be repeated; the data folder's parity texts if not said")
          ->type_name("FILE");
  for (CLI::Option* list : {tokenizer, vectors, text}) list->allow_extra_args(false);
  calibrate->add_flag("--json", command->json, "With --check: one JSON object")->needs(check);
  calibrate->footer(
      "Examples:\n"
      "  ciyuan calibrate -o meter.json\n"
      "  ciyuan calibrate --check meter.json\n"
      "  ciyuan calibrate -t qwen3 --text contract.txt -o contract.meter.json\n\n"
      "A certificate (schema/calibration.json) has the vocabularies' digests, what the published test "
      "vectors "
      "gave, the count\n"
      "of each text, and on which machine. Its digest stands for all that must be the same elsewhere. "
      "--check "
      "measures again:\n"
      "exit code 0: equal; 1: something differs, and is named; 2: it is no certificate. Files that are not "
      "of "
      "the data folder\n"
      "are given again with --vectors and --text.");
  calibrate->callback([&session, command, version] {
    Status done = command->check.empty() ? write_certificate(session, *command, version)
                                         : check_certificate(session, *command);
    if (done.ok()) return;
    session.console().err << "ciyuan calibrate: " << done.error().text() << "\n";
    session.exit_code = kBadUsage;
  });
}

}  // namespace ciyuan::cli
