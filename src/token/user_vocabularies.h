#pragma once

/// The vocabularies that the user imported (importer.h): a folder with a manifest.json and the files it
/// names.
///
/// Writers in several threads and processes take turns by a lock on the folder's file "lock"; readers need
/// none, since the manifest is replaced as a whole.

#include <filesystem>
#include <string_view>

#include "base/result.h"
#include "token/importer.h"

namespace ciyuan::token {

/// CIYUAN_VOCABULARIES, else ciyuan/vocabularies in the user's data folder (XDG_DATA_HOME, ~/.local/share);
/// empty if the environment has neither.
std::filesystem::path user_vocabulary_folder();

/// Writes the file, then names it in the manifest. The same content again, now with vectors, is proved from
/// then on. kConflict: the name is taken, there or among those of VocabularySet::standard().
Status add_vocabulary(std::string_view content, std::string_view source_sha256, const Proof& proof,
                      const std::filesystem::path& folder);

}  // namespace ciyuan::token
