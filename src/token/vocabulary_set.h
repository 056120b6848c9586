#pragma once

/// The vocabularies of a data folder, by name, loaded when first asked for and then shared.
///
///   CIYUAN_TRY(auto vocabulary, VocabularySet::standard().find("o200k"));
///
/// Any thread.

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "token/vocabulary.h"

namespace ciyuan::token {

class VocabularySet {
 public:
  /// `folder` holds vocabularies/manifest.json and the files it names; `added`, if there is such a folder, a
  /// manifest.json and files of the same kind: what the user imported (importer.h).
  explicit VocabularySet(std::string folder, std::string added = "");

  /// The folder named by the environment variable CIYUAN_DATA, or share/ciyuan beside the program's own
  /// folder, or the one the program was built with; and the user's (importer.h).
  static VocabularySet& standard();

  /// By name or alias, any case ("o200k_base", "qwen2.5"). kNotFound lists the names there are; kCorrupt: the
  /// file is not the one whose SHA-256 the manifest gives.
  Result<std::shared_ptr<const Vocabulary>> find(std::string_view name);

  struct Listing {
    std::string name;
    std::vector<std::string> aliases;
    std::string licence;
    bool present = false;  ///< its file is in the folder
    bool added = false;    ///< the user imported it
    bool proved = true;    ///< its ids were compared with its publisher's: see Vocabulary::is_proved
  };
  Result<std::vector<Listing>> list();
  /// The names of those whose file is there.
  Result<std::vector<std::string>> present();
  /// By name or alias, whether its file is there or not; the user's are left out.
  bool ships(std::string_view name);
  const std::string& folder() const { return folder_; }

 private:
  struct Entry {
    Listing listing;
    std::string file, sha256;
    std::shared_ptr<const Vocabulary> loaded;
  };
  Status read_manifest();
  Status read_folder(const std::string& folder, bool added);
  void read_entries(const Json& manifest, const std::string& folder, bool added);

  std::string folder_, added_;
  std::mutex mutex_;
  std::vector<Entry> entries_;
  bool read_ = false;
};

}  // namespace ciyuan::token
