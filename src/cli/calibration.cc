#include "cli/internal/calibration.h"

#include <sys/utsname.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

#include "base/bytes.h"
#include "base/canonical_json.h"
#include "base/crypto.h"
#include "base/file.h"
#include "token/vocabulary_set.h"

namespace ciyuan::cli {
namespace {

using Vocabularies = std::vector<std::shared_ptr<const token::Vocabulary>>;

Result<Vocabularies> find_vocabularies(const std::vector<std::string>& names) {
  Vocabularies vocabularies;
  for (const std::string& name : names) {
    CIYUAN_TRY(auto vocabulary, token::VocabularySet::standard().find(name));
    if (std::find(vocabularies.begin(), vocabularies.end(), vocabulary) != vocabularies.end())
      return invalid("--tokenizer", "\"" + vocabulary->name() + "\" is given twice");
    vocabularies.push_back(std::move(vocabulary));
  }
  return vocabularies;
}

// The files' contents under their names; `option` is where they were given.
template <class Each>
Status for_each_file(const char* option, const std::vector<std::string>& paths, Each each) {
  std::vector<std::string> seen;
  for (const std::string& path : paths) {
    const std::string name = std::filesystem::path(path).filename().string();
    if (std::find(seen.begin(), seen.end(), name) != seen.end())
      return invalid(option, "two files have the name " + name + ", by which a certificate knows them");
    if (!is_utf8(name))
      return invalid(option, "a file's name is not UTF-8, by which a certificate could know it");
    seen.push_back(name);
    Result<std::string> content = read_file(path, kCalibrationFileBytesMax);
    if (!content.ok()) return invalid(option, content.error().text());
    if (Status done = each(name, *content); !done.ok())
      return invalid(option, path + ": " + done.error().text());
  }
  return {};
}

using Ids = std::vector<token::TokenId>;

bool agrees(const token::Vocabulary& vocabulary, const std::string& text, bool specials, const Ids& ids) {
  const token::Tokens counted = specials ? vocabulary.count_with_specials(text) : vocabulary.count(text);
  return counted.value == static_cast<std::int64_t>(ids.size()) &&
         (specials ? vocabulary.encode_with_specials(text) : vocabulary.encode(text)) == ids;
}

// Throws nlohmann's exceptions where the row has another form.
bool agrees(const token::Vocabulary& vocabulary, const Json& row) {
  const std::string text = row.at("text");
  if (row.contains("ids"))
    return agrees(vocabulary, text, row.at("mode") != "plain", row.at("ids").get<Ids>());
  return agrees(vocabulary, text, false, row.at("plain").get<Ids>()) &&
         agrees(vocabulary, text, true, row.at("with_specials").get<Ids>());
}

Result<Json> try_vectors(const Vocabularies& vocabularies, const std::string& content) {
  CIYUAN_TRY(const Json file, parse_json(content));
  Json results = Json::object();
  std::size_t number = 0;
  try {
    for (const Json& row : file.at("vectors")) {
      ++number;
      for (const auto& vocabulary : vocabularies) {
        if (row.at("vocabulary") != vocabulary->name()) continue;
        Json& result = results[vocabulary->name()];
        if (result.is_null()) result = {{"equal", 0}, {"different", 0}};
        const bool equal = agrees(*vocabulary, row);
        Json& tally = result[equal ? "equal" : "different"];
        tally = tally.get<std::int64_t>() + 1;
        if (!equal && result["which"].size() < kDifferencesNamed) result["which"].push_back(number);
      }
    }
  } catch (const Json::exception&) {
    return invalid("",
                   "vector " + std::to_string(number) +
                       " is not {vocabulary, text, plain, with_specials} or {vocabulary, text, mode, ids}");
  }
  return results;
}

std::string first_line_with(const char* path, std::string_view key, char separator) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!std::string_view(line).starts_with(key)) continue;
    const std::size_t begin = line.find_first_not_of(" \t\"", line.find(separator) + 1);
    if (line.find(separator) == line.npos || begin == line.npos) continue;
    return line.substr(begin, line.find_last_not_of(" \t\"") + 1 - begin);
  }
  return "";
}

// The instruction sets that a counting kernel may use, where the processor has them.
Json instruction_sets() {
  Json present = Json::array();
  std::istringstream flags(first_line_with("/proc/cpuinfo", "flags", ':'));
  const std::vector<std::string> flag{std::istream_iterator<std::string>(flags), {}};
  for (const char* wanted : {"avx2", "bmi2", "avx512bw", "avx512vl", "avx512dq", "avx512_vbmi2"})
    if (std::find(flag.begin(), flag.end(), wanted) != flag.end()) present.push_back(wanted);
  return present;
}

Json machine() {
  utsname names{};
  ::uname(&names);
  const std::string cpu = first_line_with("/proc/cpuinfo", "model name", ':');
  const std::string system = first_line_with("/etc/os-release", "PRETTY_NAME", '=');
  return {{"cpu", cpu.empty() ? names.machine : cpu},
          {"cores", std::max(1u, std::thread::hardware_concurrency())},
          {"architecture", names.machine},
          {"instruction_sets", instruction_sets()},
          {"os", (system.empty() ? "" : system + ", ") + names.sysname + " " + names.release}};
}

Result<std::string> digest_of(const Json& measured) {
  CIYUAN_TRY(const std::string canonical, canonical_json(measured));
  return to_hex(sha256(canonical));
}

// A name as a person reads it, on one line whatever it holds.
std::string shown(const std::string& name) {
  const bool plain =
      std::none_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  return plain ? name : Json(name).dump(-1, ' ', true);
}

void compare(const std::string& path, const Json& certified, const Json& here,
             std::vector<std::string>& found) {
  if (certified == here) return;
  if (!certified.is_object() || !here.is_object()) {
    found.push_back(path + ": " + certified.dump() + " in the certificate, " + here.dump() + " here");
    return;
  }
  auto below = [&](const std::string& name) { return path.empty() ? shown(name) : path + " " + shown(name); };
  for (const auto& [name, value] : certified.items()) {
    auto mine = here.find(name);
    if (mine == here.end())
      found.push_back(below(name) + ": in the certificate, not here");
    else
      compare(below(name), value, *mine, found);
  }
  for (const auto& [name, value] : here.items())
    if (!certified.contains(name)) found.push_back(below(name) + ": here, not in the certificate");
}

// Without what a vocabulary counted that is not here: that it is not here is said once.
Json without_absent_vocabularies(Json certified, const Json& here) {
  for (const auto& [name, vocabulary] : certified.at("vocabularies").items()) {
    if (here.at("vocabularies").contains(name)) continue;
    for (auto [part, counts] : {std::pair{"vectors", "results"}, {"texts", "tokens"}})
      for (Json& file : certified[part])
        if (file.is_object() && file.contains(counts) && file[counts].is_object()) file[counts].erase(name);
  }
  return certified;
}

}  // namespace

Result<Json> measure_calibration(const CalibrationInputs& inputs) {
  CIYUAN_TRY(const Vocabularies vocabularies, find_vocabularies(inputs.tokenizers));
  Json measured = {{"vocabularies", Json::object()}, {"vectors", Json::object()}, {"texts", Json::object()}};
  for (const auto& vocabulary : vocabularies)
    measured["vocabularies"][vocabulary->name()] = {{"digest", to_hex(vocabulary->digest())},
                                                    {"size", vocabulary->size()}};
  CIYUAN_TRY_STATUS(for_each_file(
      "--vectors", inputs.vectors, [&](const std::string& name, const std::string& content) -> Status {
        CIYUAN_TRY(Json results, try_vectors(vocabularies, content));
        measured["vectors"][name] = {{"sha256", to_hex(sha256(content))}, {"results", std::move(results)}};
        return {};
      }));
  CIYUAN_TRY_STATUS(for_each_file(
      "--text", inputs.texts, [&](const std::string& name, const std::string& content) -> Status {
        Json tokens = Json::object();
        for (const auto& vocabulary : vocabularies)
          tokens[vocabulary->name()] = vocabulary->count(content).value;
        measured["texts"][name] = {
            {"sha256", to_hex(sha256(content))}, {"bytes", content.size()}, {"tokens", std::move(tokens)}};
        return {};
      }));
  return measured;
}

Json make_certificate(const Json& measured, std::string_view version, TimePoint date) {
  return {{"kind", "Calibration"},
          {"version", kCertificateVersion},
          {"ciyuan", version},
          {"date", to_rfc3339(date)},
          {"machine", machine()},
          {"measured", measured},
          {"digest", digest_of(measured).value()}};
}

Result<Json> read_certificate(std::string_view text) {
  CIYUAN_TRY(Json certificate, parse_json(text));
  if (!certificate.is_object() || certificate.value("kind", Json()) != "Calibration")
    return invalid("", "this is no certificate: it is not of kind Calibration");
  if (certificate.value("version", Json()) != kCertificateVersion)
    return invalid("/version", certificate.value("version", Json()).dump() + " is not " +
                                   std::to_string(kCertificateVersion) + ", the version this program reads");
  const Json measured = certificate.value("measured", Json());
  for (const char* part : {"vocabularies", "vectors", "texts"})
    if (!measured.is_object() || !measured.contains(part) || !measured.at(part).is_object())
      return invalid("/measured/" + std::string(part), "it must be an object of names");
  Result<std::string> digest = digest_of(measured);
  if (!digest.ok()) return invalid("/measured", digest.error().message);
  if (certificate.value("digest", Json()) != *digest)
    return invalid("/digest", "it is not that of what the certificate says, " + *digest);
  return certificate;
}

std::vector<std::string> differences(const Json& certified, const Json& here) {
  std::vector<std::string> found;
  compare("", without_absent_vocabularies(certified, here), here, found);
  return found;
}

std::int64_t different_vectors(const Json& measured) {
  std::int64_t different = 0;
  for (const Json& file : measured.at("vectors"))
    for (const Json& result : file.at("results")) different += result.at("different").get<std::int64_t>();
  return different;
}

}  // namespace ciyuan::cli
