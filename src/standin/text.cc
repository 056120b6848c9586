#include "standin/text.h"

#include <algorithm>
#include <span>

#include "base/check.h"
#include "base/file.h"
#include "base/json.h"
#include "token/vocabulary_set.h"

namespace ciyuan::standin {
namespace {

constexpr std::size_t kTextBytesMax = 16 << 20;

constexpr std::string_view kEnglish =
    "A meter does not ask what the water is for. It turns with what passes, and it turns the same way for "
    "everyone. "
    "Whoever built it wrote down how it counts, and whoever doubts it may open it and look. That is the "
    "whole of its "
    "authority: the rule is known, the count is kept, and the two can be laid side by side by anyone who "
    "cares to do so. "
    "A service that answers questions can be metered in the same way. Each answer arrives as a row of small "
    "pieces, "
    "and each piece can be counted as it passes, before anyone has decided what it should cost. First the "
    "count, then "
    "the price, then the bill; and between them nothing that a stranger could not repeat with a pencil. ";

constexpr std::string_view kChinese =
    "词元是文本的最小计量单位。一段话先被切成小块，每一块对应词表里的一个编号，数清这些编号，就知道这段话用了"
    "多少词元。"
    "同样的文字，换一张词表，得到的数目往往不同；所以账单上除了数目，还应写明用的是哪一张词表、哪一个版本。"
    "计量在前，计价在后，结算在最后。每一步都留下记录，每一条记录都可以由旁人核对。"
    "若有人不信，可以拿着回执和公开的规则，自己再数一遍。数得出同样的结果，才叫作凭据。";

constexpr std::string_view kCode =
    "def count_tokens(text, merges):\n"
    "    \"\"\"Merges the pair of lowest rank until no pair has a rank.\"\"\"\n"
    "    parts = [bytes([b]) for b in text.encode(\"utf-8\")]\n"
    "    while len(parts) > 1:\n"
    "        ranked = [(merges.get(a + b), i) for i, (a, b) in enumerate(zip(parts, parts[1:]))]\n"
    "        ranked = [(rank, i) for rank, i in ranked if rank is not None]\n"
    "        if not ranked:\n"
    "            break\n"
    "        _, i = min(ranked)\n"
    "        parts[i : i + 2] = [parts[i] + parts[i + 1]]\n"
    "    return len(parts)\n\n";

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

/// The ends of words. A word is one run of printing ASCII with the spaces before it, or one character beyond
/// ASCII.
std::vector<std::size_t> word_ends(std::string_view text) {
  std::vector<std::size_t> ends;
  std::size_t at = 0;
  while (at < text.size()) {
    while (at < text.size() && is_space(text[at])) ++at;
    if (at < text.size() && static_cast<unsigned char>(text[at]) >= 0x80) {
      do ++at;
      while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
    } else {
      while (at < text.size() && !is_space(text[at]) && static_cast<unsigned char>(text[at]) < 0x80) ++at;
    }
    ends.push_back(at);
  }
  return ends;
}

}  // namespace

Result<TextCutter> TextCutter::make(std::string_view tokenizer) {
  TextCutter cutter;
  if (tokenizer == "words") {
    cutter.count_ = [](std::string_view text) { return word_ends(text).size(); };
    cutter.ends_ = word_ends;
    return cutter;
  }
  CIYUAN_TRY(auto vocabulary, token::VocabularySet::standard().find(tokenizer));
  cutter.count_ = [vocabulary](std::string_view text) {
    return static_cast<std::uint64_t>(vocabulary->count(text).value);
  };
  cutter.ends_ = [vocabulary](std::string_view text) {
    std::vector<std::size_t> ends;
    std::size_t end = 0;
    for (token::TokenId id : vocabulary->encode(text)) {
      Result<std::string> bytes = vocabulary->decode(std::span(&id, 1));
      CIYUAN_CHECK(bytes.ok(), "a token that encode gave has bytes");
      // A vocabulary that normalises may encode other bytes than the text's; never point past its end.
      ends.push_back(std::min(end += bytes->size(), text.size()));
    }
    return ends;
  };
  return cutter;
}

std::vector<Piece> TextCutter::cut(std::string_view text) const {
  std::vector<Piece> pieces;
  std::size_t begin = 0;
  std::uint64_t tokens = 0;
  for (std::size_t end : ends_(text)) {
    ++tokens;
    bool inside_character = end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80;
    if (inside_character) continue;
    std::string part(text.substr(begin, end - begin));
    pieces.push_back({part, json_escaped(part, false), json_escaped(part, true), tokens});
    begin = end;
    tokens = 0;
  }
  return pieces;
}

Result<std::string> load_text(const std::string& name) {
  if (name == "en") return std::string(kEnglish);
  if (name == "zh") return std::string(kChinese);
  if (name == "code") return std::string(kCode);
  return read_file(name, kTextBytesMax);
}

std::string json_escaped(std::string_view text, bool ascii) {
  std::string quoted = Json(text).dump(-1, ' ', ascii, Json::error_handler_t::replace);
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace ciyuan::standin
