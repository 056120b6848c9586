#pragma once

/// Calibration: a certificate of what this meter counts, which another party can repeat on another machine.
///
///   CIYUAN_TRY(Json measured, measure_calibration({.tokenizers = {"o200k"}, .vectors = {…}, .texts = {…}}));
///   Json certificate = make_certificate(measured, "0.1.0", now());
///
/// A certificate (schema/calibration.json) says what was measured and where. What must be the same anywhere
/// is in "measured": the vocabularies' digests; for each file of test vectors its SHA-256 and how many were
/// equal or different; for each text its SHA-256 and its count. "digest" is the SHA-256 of the canonical JSON
/// (RFC 8785) of "measured": two parties that read each other one line have compared all of it. Machine,
/// version and date are told, not compared. It is not signed: what it says can be repeated.

#include <string>
#include <vector>

#include "base/json.h"
#include "base/time.h"

namespace ciyuan::cli {

constexpr std::size_t kCertificateBytesMax = 16 << 20;
constexpr std::size_t kCalibrationFileBytesMax = 256 << 20;
constexpr int kCertificateVersion = 1;
constexpr std::size_t kDifferencesNamed = 20;  ///< vectors of one tokenizer in one file

struct CalibrationInputs {
  std::vector<std::string> tokenizers;
  /// JSON files with rows {"vocabulary", "text", "plain", "with_specials"} or {"vocabulary", "text", "mode",
  /// "ids"}; rows of other vocabularies are passed over.
  std::vector<std::string> vectors;
  std::vector<std::string> texts;
};

/// The certificate's "measured". Files are known by their names without folders, so no two may share one.
Result<Json> measure_calibration(const CalibrationInputs& inputs);

Json make_certificate(const Json& measured, std::string_view version, TimePoint date);

/// The certificate in a file's text. kInvalid where it has another form or its digest is not that of what it
/// says.
Result<Json> read_certificate(std::string_view text);

/// Names what of `certified` is not the same in `here`, a sentence each.
std::vector<std::string> differences(const Json& certified, const Json& here);

/// Vectors that came out different from what they say, over all files.
std::int64_t different_vectors(const Json& measured);

}  // namespace ciyuan::cli
