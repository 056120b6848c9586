#include "token/import/file_of.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "base/json.h"
#include "token/internal/unicode.h"

namespace ciyuan::token::import {
namespace {

using Ids = std::unordered_map<std::string_view, std::uint32_t>;

/// The joins as the encoder knows them.
class Joins {
 public:
  Joins(const RawTokenizer& raw, const Ids& ids) : raw_(raw), ids_(ids) {
    std::uint32_t listed = 0;
    for (std::uint32_t id = 0; id < raw.tokens.size(); ++id)
      for (std::size_t n = 0; n < raw.splits[id].size(); ++n) {
        const std::size_t left = raw.splits[id][n];
        const std::string_view token = raw.tokens[id];
        const auto a = ids.find(token.substr(0, left)), b = ids.find(token.substr(left));
        if (a != ids.end() && b != ids.end())
          made_[key(a->second, b->second)] = {priority(id, n, listed), id};
        ++listed;
      }
  }

  /// Left length of the last join when the token's own bytes are encoded; 0 if they do not come out as it.
  std::uint8_t final_split(std::uint32_t id) const {
    const std::string_view token = raw_.tokens[id];
    std::vector<std::uint32_t> parts;
    for (std::size_t i = 0, length = 1; i < token.size(); i += length) {
      if (!raw_.byte_tokens.empty()) length = internal::character_length(token[i]);
      const auto first = ids_.find(token.substr(i, length));
      if (first == ids_.end()) return 0;
      if (length == token.size()) return static_cast<std::uint8_t>(length > 1 ? length : 0);
      parts.push_back(first->second);
    }
    std::size_t left = 0;
    while (parts.size() > 1) {
      std::size_t best = parts.size();
      Join join{kNone, kNone};
      for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
        const auto found = made_.find(key(parts[i], parts[i + 1]));
        if (found != made_.end() && found->second.priority < join.priority) best = i, join = found->second;
      }
      if (best == parts.size()) break;
      left = raw_.tokens[parts[0]].size();
      parts[best] = join.token;
      parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    }
    return parts.size() == 1 && parts[0] == id && token.size() > 1 ? static_cast<std::uint8_t>(left) : 0;
  }

 private:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;
  struct Join {
    std::uint32_t priority, token;
  };
  std::uint32_t priority(std::uint32_t id, std::size_t split, std::uint32_t listed) const {
    if (!raw_.priorities.empty()) return raw_.priorities[id][split];
    return raw_.priority_is_token ? id : listed;
  }
  static std::uint64_t key(std::uint32_t left, std::uint32_t right) {
    return static_cast<std::uint64_t>(left) << 32 | right;
  }
  const RawTokenizer& raw_;
  const Ids& ids_;
  std::unordered_map<std::uint64_t, Join> made_;
};

void append_little_endian(std::string& to, std::uint32_t number) {
  for (int shift = 0; shift < 32; shift += 8) to.push_back(static_cast<char>(number >> shift));
}

std::string header_of(const std::string& name, const RawTokenizer& raw) {
  std::vector<AddedToken> sorted = raw.added;
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  Json added = Json::array();
  for (const AddedToken& token : sorted)
    added.push_back({{"id", token.id},
                     {"content", token.content},
                     {"special", token.special},
                     {"lstrip", token.lstrip},
                     {"rstrip", token.rstrip},
                     {"normalized", token.normalized}});
  for (std::size_t i = 0; i < sorted.size(); ++i)
    if (sorted[i].literal) added[i]["literal"] = true;
  Json header = {{"name", name},
                 {"pretokenizer", raw.pretokenizer},
                 {"normalizer", raw.nfc ? "nfc" : "none"},
                 {"priority", raw.priority_is_token    ? "token"
                              : raw.priorities.empty() ? "split"
                                                       : "listed"},
                 {"whole_piece", raw.whole_piece},
                 {"tokens", raw.tokens.size()},
                 {"added_tokens", added}};
  if (raw.pretokenizer == "regex") header["expressions"] = raw.expressions;
  if (raw.pretokenizer == "sentencepiece") {
    header["byte_tokens"] = raw.byte_tokens;
    header["prefix"] = raw.prefix;
  }
  return header.dump();
}

}  // namespace

Result<std::string> file_of(const std::string& name, const RawTokenizer& raw) {
  CIYUAN_TRY_STATUS(check_size(raw.tokens.size()));
  Ids ids;
  for (std::uint32_t id = 0; id < raw.tokens.size(); ++id) {
    const std::string& token = raw.tokens[id];
    if (token.size() > kTokenLengthMax)
      return invalid("token " + std::to_string(id),
                     "it has more than " + std::to_string(kTokenLengthMax) + " bytes");
    if (!token.empty() && !ids.emplace(token, id).second)
      return invalid("token " + std::to_string(id), "its bytes are those of another token");
  }
  const std::string header = header_of(name, raw);
  std::string file = "CIYUANV1";
  append_little_endian(file, static_cast<std::uint32_t>(header.size()));
  file += header;
  const Joins joins(raw, ids);
  for (const std::string& token : raw.tokens) file.push_back(static_cast<char>(token.size()));
  for (std::uint32_t id = 0; id < raw.tokens.size(); ++id)
    file.push_back(static_cast<char>(joins.final_split(id)));
  for (const auto& splits : raw.splits) file.push_back(static_cast<char>(splits.size()));
  for (const auto& splits : raw.splits) file.append(splits.begin(), splits.end());
  for (const std::string& token : raw.tokens) file += token;
  for (const auto& priorities : raw.priorities)
    for (const std::uint32_t priority : priorities) append_little_endian(file, priority);
  return file;
}

}  // namespace ciyuan::token::import
