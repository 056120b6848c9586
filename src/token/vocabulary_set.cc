#include "token/vocabulary_set.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

#include "base/file.h"
#include "base/json.h"
#include "token/user_vocabularies.h"

#ifndef CIYUAN_DATA_FOLDER
#define CIYUAN_DATA_FOLDER "data"
#endif

namespace ciyuan::token {
namespace {

constexpr std::size_t kManifestBytesMax = 1 << 20;
constexpr std::size_t kPackedBytesMax = 64 << 20;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

std::string standard_folder() {
  if (const char* folder = std::getenv("CIYUAN_DATA")) return folder;
  std::error_code error;
  std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) {
    std::filesystem::path beside = program.parent_path().parent_path() / "share" / "ciyuan";
    if (std::filesystem::exists(beside / "vocabularies", error)) return beside.string();
  }
  return CIYUAN_DATA_FOLDER;
}

}  // namespace

VocabularySet::VocabularySet(std::string folder, std::string added)
    : folder_(std::move(folder)), added_(std::move(added)) {}

VocabularySet& VocabularySet::standard() {
  static VocabularySet set(standard_folder(), user_vocabulary_folder());
  return set;
}

Status VocabularySet::read_manifest() {
  if (read_) return {};
  entries_.clear();
  CIYUAN_TRY_STATUS(read_folder(folder_ + "/vocabularies", false));
  std::error_code error;
  if (!added_.empty() && std::filesystem::exists(added_ + "/manifest.json", error))
    CIYUAN_TRY_STATUS(read_folder(added_, true));
  read_ = true;
  return {};
}

Status VocabularySet::read_folder(const std::string& folder, bool added) {
  CIYUAN_TRY(std::string text, read_file(folder + "/manifest.json", kManifestBytesMax));
  CIYUAN_TRY(Json manifest, parse_json(text));
  try {
    read_entries(manifest, folder, added);
  } catch (const Json::exception& problem) {
    return Error{ErrorCode::kCorrupt, std::string("not a manifest: ") + problem.what(),
                 folder + "/manifest.json"};
  }
  return {};
}

void VocabularySet::read_entries(const Json& manifest, const std::string& folder, bool added) {
  for (const Json& each : manifest.value("vocabularies", Json::array())) {
    Entry entry;
    entry.listing.name = each.value("name", std::string());
    entry.listing.licence = each.value("licence", std::string());
    for (const Json& alias : each.value("aliases", Json::array()))
      if (alias.is_string()) entry.listing.aliases.push_back(alias);
    entry.file = folder + "/" + each.value("file", std::string());
    entry.sha256 = each.value("file_sha256", std::string());
    entry.listing.present = std::filesystem::exists(entry.file);
    entry.listing.added = added;
    // What we ship is proved by the project's own tests.
    const Json proof = each.value("proved", Json::object());
    entry.listing.proved = !added || (proof.is_object() && proof.value("vectors", 0) > 0);
    entries_.push_back(std::move(entry));
  }
}

Result<std::shared_ptr<const Vocabulary>> VocabularySet::find(std::string_view name) {
  std::lock_guard lock(mutex_);
  CIYUAN_TRY_STATUS(read_manifest());
  std::string wanted = lower(name);
  std::string known;
  for (Entry& entry : entries_) {
    const auto& aliases = entry.listing.aliases;
    if (entry.listing.name != wanted && std::find(aliases.begin(), aliases.end(), wanted) == aliases.end()) {
      known += (known.empty() ? "" : ", ") + entry.listing.name;
      continue;
    }
    if (!entry.loaded) {
      auto packed = read_file(entry.file, kPackedBytesMax);
      if (!packed && packed.error().code == ErrorCode::kNotFound)
        return Error{ErrorCode::kNotFound,
                     "the vocabulary \"" + entry.listing.name + "\" (" + entry.listing.licence +
                         ") is not in this copy; tools/import_vocabulary.py fetches it",
                     "tokenizer"};
      if (!packed) return packed.error();
      if (to_hex(sha256(*packed)) != entry.sha256)
        return Error{ErrorCode::kCorrupt, "its SHA-256 is not the one in the manifest", entry.file};
      CIYUAN_TRY(entry.loaded, Vocabulary::parse(*packed, entry.listing.proved));
    }
    return entry.loaded;
  }
  return Error{ErrorCode::kNotFound,
               "there is no vocabulary \"" + std::string(name) + "\"; there are " + known, "tokenizer"};
}

bool VocabularySet::ships(std::string_view name) {
  const auto listings = list();
  const std::string wanted = lower(name);
  return listings.ok() && std::any_of(listings->begin(), listings->end(), [&](const Listing& each) {
           const auto& aliases = each.aliases;
           return !each.added &&
                  (each.name == wanted || std::find(aliases.begin(), aliases.end(), wanted) != aliases.end());
         });
}

Result<std::vector<VocabularySet::Listing>> VocabularySet::list() {
  std::lock_guard lock(mutex_);
  CIYUAN_TRY_STATUS(read_manifest());
  std::vector<Listing> listings;
  for (const Entry& entry : entries_) listings.push_back(entry.listing);
  return listings;
}

Result<std::vector<std::string>> VocabularySet::present() {
  CIYUAN_TRY(const auto listings, list());
  std::vector<std::string> names;
  for (const Listing& listing : listings)
    if (listing.present) names.push_back(listing.name);
  return names;
}

}  // namespace ciyuan::token
