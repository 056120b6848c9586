#include "token/vocabulary_file.h"

#include <zstd.h>

#include <numeric>

#include "base/json.h"

namespace ciyuan::token {
namespace {

constexpr std::string_view kMagic = "CIYUANV1";
constexpr std::uint32_t kTokensMax = (1u << internal::JoinTable::kIdBits) - 1;

Error corrupt(std::string message) { return Error{ErrorCode::kCorrupt, std::move(message), "vocabulary"}; }

/// Takes parts off the front of the file.
class Reader {
 public:
  explicit Reader(std::string_view rest) : rest_(rest) {}
  bool take(std::size_t size, std::string_view& part) {
    if (size > rest_.size()) return false;
    part = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  bool take(std::size_t size, std::vector<std::uint8_t>& part) {
    std::string_view bytes;
    if (!take(size, bytes)) return false;
    part.assign(bytes.begin(), bytes.end());
    return true;
  }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

/// Fills all but `bpe`'s arrays, and returns the number of tokens.
Result<std::uint32_t> read_header(std::string_view text, VocabularyFile& file) {
  CIYUAN_TRY(const Json header, parse_json(text));
  try {
    file.name = header.at("name").get<std::string>();
    const auto family = internal::pretokenizer_named(header.at("pretokenizer").get<std::string>());
    if (!family) return corrupt("unknown pretokenizer");
    file.pretokenizer = *family;
    if (*family == internal::Pretokenizer::kRegex)
      file.expressions = header.at("expressions").get<std::vector<std::string>>();
    const auto normalizer = header.at("normalizer").get<std::string>();
    if (normalizer != "none" && normalizer != "nfc") return corrupt("unknown normalizer");
    file.nfc = normalizer == "nfc";
    file.bpe.priority_is_token = header.at("priority").get<std::string>() == "token";
    file.bpe.whole_piece = header.at("whole_piece").get<bool>();
    for (const Json& token : header.at("added_tokens")) {
      file.added_tokens.push_back({token.at("id").get<TokenId>(), token.at("content").get<std::string>(),
                                   token.at("special").get<bool>(), token.at("lstrip").get<bool>(),
                                   token.at("rstrip").get<bool>(), token.at("normalized").get<bool>()});
      if (file.added_tokens.back().content.empty()) return corrupt("an added token is empty");
    }
    const auto tokens = header.at("tokens").get<std::uint32_t>();
    if (tokens == 0 || tokens > kTokensMax) return corrupt("the number of tokens is out of range");
    return tokens;
  } catch (const Json::exception& problem) {
    return corrupt(std::string("header: ") + problem.what());
  }
}

std::size_t sum(const std::vector<std::uint8_t>& values) {
  return std::accumulate(values.begin(), values.end(), std::size_t{0});
}

}  // namespace

Result<std::string> unpack_vocabulary(std::string_view file) {
  if (file.substr(0, 4) != "\x28\xB5\x2F\xFD") return std::string(file);
  const unsigned long long size = ZSTD_getFrameContentSize(file.data(), file.size());
  if (size == ZSTD_CONTENTSIZE_ERROR) return corrupt("broken zstd frame");
  // A frame that does not tell its size was streamed; the limit then is the buffer.
  const std::size_t capacity = size == ZSTD_CONTENTSIZE_UNKNOWN ? kVocabularyBytesMax : size;
  if (capacity > kVocabularyBytesMax) return Error{ErrorCode::kTooLarge, "over the size limit", "vocabulary"};
  std::string out(capacity, '\0');
  const std::size_t got = ZSTD_decompress(out.data(), out.size(), file.data(), file.size());
  if (ZSTD_isError(got)) return corrupt(std::string("zstd: ") + ZSTD_getErrorName(got));
  out.resize(got);
  return out;
}

Result<VocabularyFile> parse_vocabulary_file(std::string_view unpacked) {
  Reader reader(unpacked);
  std::string_view magic, size_bytes, header, bytes;
  if (!reader.take(kMagic.size(), magic) || magic != kMagic) return corrupt("not a vocabulary file");
  if (!reader.take(4, size_bytes)) return corrupt("the file is truncated");
  std::uint32_t header_size = 0;
  for (int i = 3; i >= 0; --i) header_size = header_size << 8 | static_cast<unsigned char>(size_bytes[i]);
  if (!reader.take(header_size, header)) return corrupt("the file is truncated");
  VocabularyFile file;
  CIYUAN_TRY(const std::uint32_t tokens, read_header(header, file));
  internal::Bpe::Source& bpe = file.bpe;
  if (!reader.take(tokens, bpe.lengths) || !reader.take(tokens, bpe.final_split) ||
      !reader.take(tokens, bpe.split_counts) || !reader.take(sum(bpe.split_counts), bpe.splits) ||
      !reader.take(sum(bpe.lengths), bytes))
    return corrupt("the file is truncated");
  if (!reader.empty()) return corrupt("the file goes on after its end");
  bpe.bytes = bytes;
  return file;
}

}  // namespace ciyuan::token
