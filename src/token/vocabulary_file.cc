#include "token/vocabulary_file.h"

#include <zstd.h>

#include <bit>
#include <cmath>
#include <memory>
#include <numeric>

#include "base/bytes.h"
#include "base/json.h"

namespace ciyuan::token {
namespace {

constexpr std::string_view kMagic = "CIYUANV1";

Error corrupt(std::string message) { return Error{ErrorCode::kCorrupt, std::move(message), "vocabulary"}; }

std::uint32_t little_endian(std::string_view bytes) {
  std::uint32_t number = 0;
  for (int i = 3; i >= 0; --i)
    number = number << 8 | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
  return number;
}

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
  bool take(std::size_t count, std::vector<std::uint32_t>& numbers) {
    std::string_view bytes;
    if (count > rest_.size() / 4 || !take(4 * count, bytes)) return false;
    numbers.resize(count);
    for (std::size_t i = 0; i < count; ++i) numbers[i] = little_endian(bytes.substr(4 * i, 4));
    return true;
  }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

Status read_sentencepiece(const Json& header, VocabularyFile& file) {
  file.bpe.byte_tokens = header.at("byte_tokens").get<std::vector<TokenId>>();
  if (file.bpe.byte_tokens.size() != 256) return corrupt("byte_tokens are not 256");
  const auto prefix = header.at("prefix").get<std::string>();
  if (prefix == "always")
    file.prefix = internal::Prefix::kAlways;
  else if (prefix == "unless_space")
    file.prefix = internal::Prefix::kUnlessSpace;
  else if (prefix == "first_unless_space")
    file.prefix = internal::Prefix::kFirstUnlessSpace;
  else if (prefix != "none")
    return corrupt("unknown prefix");
  return {};
}

/// Fills all but `bpe`'s arrays, and returns the number of tokens. `are_listed`: priorities follow.
Result<std::uint32_t> read_header(const Json& header, VocabularyFile& file, bool& are_listed) {
  try {
    file.name = header.at("name").get<std::string>();
    const auto family = internal::pretokenizer_named(header.at("pretokenizer").get<std::string>());
    if (!family) return corrupt("unknown pretokenizer");
    file.pretokenizer = *family;
    if (*family == internal::Pretokenizer::kRegex)
      file.expressions = header.at("expressions").get<std::vector<std::string>>();
    if (*family == internal::Pretokenizer::kSentencePiece)
      CIYUAN_TRY_STATUS(read_sentencepiece(header, file));
    const auto normalizer = header.at("normalizer").get<std::string>();
    if (normalizer != "none" && normalizer != "nfc") return corrupt("unknown normalizer");
    file.nfc = normalizer == "nfc";
    const auto priority = header.at("priority").get<std::string>();
    if (priority != "token" && priority != "split" && priority != "listed")
      return corrupt("unknown priority");
    file.bpe.priority_is_token = priority == "token";
    are_listed = priority == "listed";
    file.bpe.whole_piece = header.at("whole_piece").get<bool>();
    for (const Json& token : header.at("added_tokens")) {
      file.added_tokens.push_back({token.at("id").get<TokenId>(), token.at("content").get<std::string>(),
                                   token.at("special").get<bool>(), token.at("lstrip").get<bool>(),
                                   token.at("rstrip").get<bool>(), token.at("normalized").get<bool>(),
                                   token.value("literal", false)});
      if (file.added_tokens.back().content.empty()) return corrupt("an added token is empty");
    }
    const auto tokens = header.at("tokens").get<std::uint32_t>();
    if (tokens == 0 || tokens > kTokensMax) return corrupt("the number of tokens is out of range");
    return tokens;
  } catch (const Json::exception& problem) {
    return corrupt(std::string("header: ") + problem.what());
  }
}

bool is_chain(const Json& header) {
  return header.is_object() && header.value("pretokenizer", Json()) == "chain";
}

Status read_chain_header(const Json& header, VocabularyFile& file, std::size_t& tokens, std::size_t& merges,
                         bool& has_scores) {
  try {
    file.name = header.at("name").get<std::string>();
    pipeline::ChainParts& chain = file.chain.emplace();
    chain.settings = header.at("settings");
    tokens = header.at("tokens").get<std::uint32_t>();
    merges = header.at("merges").get<std::uint32_t>();
    has_scores = header.at("has_scores").get<bool>();
    if (tokens == 0 || tokens > kTokensMax) return corrupt("the number of tokens is out of range");
    for (const Json& token : header.at("added_tokens"))
      chain.added.push_back({token.at("id").get<TokenId>(), token.at("content").get<std::string>(),
                             token.at("special").get<bool>(), token.at("lstrip").get<bool>(),
                             token.at("rstrip").get<bool>(), token.at("normalized").get<bool>(),
                             token.at("literal").get<bool>(), token.at("single_word").get<bool>()});
    return {};
  } catch (const Json::exception& problem) {
    return corrupt(std::string("header: ") + problem.what());
  }
}

Result<VocabularyFile> read_chain(const Json& header, Reader& reader) {
  VocabularyFile file;
  std::size_t tokens = 0, merges = 0;
  bool has_scores = false;
  CIYUAN_TRY_STATUS(read_chain_header(header, file, tokens, merges, has_scores));
  pipeline::ModelParts& model = file.chain->model;
  std::vector<std::uint32_t> lengths, numbers;
  if (!reader.take(tokens, lengths)) return corrupt("the file is truncated");
  for (const std::uint32_t length : lengths) {
    std::string_view text;
    if (length > 0 && !reader.take(length - 1, text)) return corrupt("the file is truncated");
    if (!is_utf8(text)) return corrupt("a token is not UTF-8");
    model.tokens.emplace_back(text);
    model.is_token.push_back(length > 0);
  }
  if (has_scores) {
    if (!reader.take(2 * tokens, numbers)) return corrupt("the file is truncated");
    for (std::size_t i = 0; i < tokens; ++i) {
      const double score =
          std::bit_cast<double>(static_cast<std::uint64_t>(numbers[2 * i + 1]) << 32 | numbers[2 * i]);
      if (!std::isfinite(score)) return corrupt("a score is no number");
      model.scores.push_back(score);
    }
  }
  if (!reader.take(2 * merges, numbers)) return corrupt("the file is truncated");
  for (std::size_t i = 0; i < merges; ++i) {
    if (numbers[2 * i] >= tokens || numbers[2 * i + 1] >= tokens)
      return corrupt("a merge joins what is no token");
    model.merges.push_back({numbers[2 * i], numbers[2 * i + 1]});
  }
  if (!reader.empty()) return corrupt("the file goes on after its end");
  return file;
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
  // Not filled with zeros first: of the limit only so much is touched as there is.
  const auto buffer = std::make_unique_for_overwrite<char[]>(capacity);
  const std::size_t got = ZSTD_decompress(buffer.get(), capacity, file.data(), file.size());
  if (ZSTD_isError(got)) return corrupt(std::string("zstd: ") + ZSTD_getErrorName(got));
  return std::string(buffer.get(), got);
}

Result<VocabularyFile> parse_vocabulary_file(std::string_view unpacked) {
  Reader reader(unpacked);
  std::string_view magic, size_bytes, header, bytes;
  if (!reader.take(kMagic.size(), magic) || magic != kMagic) return corrupt("not a vocabulary file");
  if (!reader.take(4, size_bytes) || !reader.take(little_endian(size_bytes), header))
    return corrupt("the file is truncated");
  CIYUAN_TRY(const Json tree, parse_json(header));
  if (is_chain(tree)) return read_chain(tree, reader);
  VocabularyFile file;
  bool are_listed = false;
  CIYUAN_TRY(const std::uint32_t tokens, read_header(tree, file, are_listed));
  internal::Bpe::Source& bpe = file.bpe;
  if (!reader.take(tokens, bpe.lengths) || !reader.take(tokens, bpe.final_split) ||
      !reader.take(tokens, bpe.split_counts) || !reader.take(sum(bpe.split_counts), bpe.splits) ||
      !reader.take(sum(bpe.lengths), bytes))
    return corrupt("the file is truncated");
  if (are_listed && !reader.take(bpe.splits.size(), bpe.priorities)) return corrupt("the file is truncated");
  if (!reader.empty()) return corrupt("the file goes on after its end");
  bpe.bytes = bytes;
  return file;
}

}  // namespace ciyuan::token
