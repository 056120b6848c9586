#include "token/pipeline/post_processor.h"

#include "token/pipeline/settings.h"

namespace ciyuan::token::pipeline {
namespace {

constexpr std::uint32_t kIdsMax = 1 << 24;

/// ["[CLS]", 101]
Result<std::uint32_t> named_id(const Json& settings, const char* member, const std::string& path) {
  const Json pair = settings.value(member, Json());
  if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_number_unsigned() ||
      pair[1] >= kIdsMax)
    return not_supported(path + "." + member, pair);
  return pair[1].get<std::uint32_t>();
}

}  // namespace

Result<PostProcessor::Parts> PostProcessor::read_template(const Json& settings, const std::string& path) {
  const Json single = settings.value("single", Json());
  const Json tokens = settings.value("special_tokens", Json());
  if (!single.is_array()) return not_supported(path + ".single", single);
  Parts parts;
  for (std::size_t i = 0; i < single.size(); ++i) {
    const std::string where = path + ".single[" + std::to_string(i) + "]";
    const Json piece = single[i].is_object() ? single[i] : Json::object();
    if (piece.value("/Sequence/id"_json_pointer, Json()) == "A") {
      parts.push_back(std::nullopt);
      continue;
    }
    const Json name = piece.value("/SpecialToken/id"_json_pointer, Json());
    if (!name.is_string() || !tokens.is_object() || !tokens.contains(name))
      return not_supported(where, single[i]);
    const Json ids = tokens[name.get<std::string>()].value("ids", Json());
    if (!ids.is_array()) return not_supported(path + ".special_tokens", tokens[name.get<std::string>()]);
    for (const Json& id : ids) {
      if (!id.is_number_unsigned() || id >= kIdsMax) return not_supported(path + ".special_tokens", ids);
      parts.push_back(id.get<std::uint32_t>());
    }
    if (parts.size() > kPartsMax) return invalid(path + ".single", "too many tokens");
  }
  return parts;
}

Result<PostProcessor::Parts> PostProcessor::read_parts(const Json& settings, const std::string& path) {
  const std::string type = type_of(settings);
  if (type == "ByteLevel") return Parts{std::nullopt};  // it moves offsets only
  if (type == "TemplateProcessing") return read_template(settings, path);
  if (type != "BertProcessing" && type != "RobertaProcessing") return not_supported(path, settings);
  CIYUAN_TRY(const std::uint32_t first, named_id(settings, "cls", path));
  CIYUAN_TRY(const std::uint32_t last, named_id(settings, "sep", path));
  return Parts{first, std::nullopt, last};
}

Result<PostProcessor> PostProcessor::read(const Json& settings, const std::string& path) {
  PostProcessor made;
  if (settings.is_null()) return made;
  std::vector<std::pair<Json, std::string>> steps{{settings, path}};
  if (type_of(settings) == "Sequence") {
    const Json list = settings.value("processors", Json());
    if (!list.is_array()) return not_supported(path + ".processors", list);
    steps.clear();
    for (std::size_t i = 0; i < list.size(); ++i)
      steps.emplace_back(list[i], path + ".processors[" + std::to_string(i) + "]");
  }
  // One that adds tokens, and any number of those that move offsets. A second one would frame each part of
  // what the first has made by itself.
  for (const auto& [step, where] : steps) {
    CIYUAN_TRY(const Parts outer, read_parts(step, where));
    if (outer.size() > 1 && made.parts_.size() > 1) return not_supported(where, step);
    Parts both;
    for (const auto& part : outer) {
      if (part)
        both.push_back(part);
      else
        both.insert(both.end(), made.parts_.begin(), made.parts_.end());
      if (both.size() > kPartsMax) return invalid(where, "too many tokens");
    }
    made.parts_ = std::move(both);
  }
  return made;
}

std::vector<std::uint32_t> PostProcessor::framed(const std::vector<std::uint32_t>& text) const {
  std::vector<std::uint32_t> all;
  for (const auto& part : parts_) {
    if (part)
      all.push_back(*part);
    else
      all.insert(all.end(), text.begin(), text.end());
  }
  return all;
}

}  // namespace ciyuan::token::pipeline
