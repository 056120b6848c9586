#include "measure/internal/media_part.h"

#include <array>

namespace ciyuan::measure {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr std::size_t kUrlHeadMax = 200;  // "data:image/png;charset=…;base64,"

const std::string* text_member(const OrderedJson& object, const char* name) {
  if (!object.is_object() || !object.contains(name) || !object[name].is_string()) return nullptr;
  return &object[name].get_ref<const std::string&>();
}

// The member that carries the medium: a text, or an object round one.
const std::string* carrier(const OrderedJson& part) {
  for (const char* name : {"image_url", "input_audio", "audio", "audio_url", "video_url", "video", "image",
                           "file", "file_data", "source"}) {
    if (const std::string* text = text_member(part, name)) return text;
    if (!part.contains(name)) continue;
    for (const char* inner : {"url", "data", "file_data"})
      if (const std::string* text = text_member(part[name], inner)) return text;
  }
  return nullptr;
}

bool asks_for_low_detail(const OrderedJson& part) {
  const std::string* detail = text_member(part, "detail");
  if (detail == nullptr && part.contains("image_url")) detail = text_member(part["image_url"], "detail");
  return detail != nullptr && *detail == "low";
}

// What stands behind "base64," of a data: URL, or the text itself where it is no URL.
std::optional<std::string_view> base64_of(std::string_view text) {
  if (!text.starts_with("data:")) return text.find(':') == text.npos ? std::optional(text) : std::nullopt;
  const std::size_t comma = text.substr(0, kUrlHeadMax).find(',');
  if (comma == text.npos || !text.substr(0, comma).ends_with(";base64")) return std::nullopt;
  return text.substr(comma + 1);
}

}  // namespace

std::optional<Medium> medium_of(std::string_view type) {
  if (type.starts_with("image") || type.starts_with("input_image")) return Medium::kImage;
  if (type.starts_with("input_audio") || type.starts_with("audio")) return Medium::kAudio;
  if (type.starts_with("video") || type.starts_with("input_video")) return Medium::kVideo;
  if (type.starts_with("file") || type.starts_with("input_file")) return Medium::kFile;
  return std::nullopt;
}

MediaPart read_media_part(Medium medium, const OrderedJson& part) {
  MediaPart read{.medium = medium};
  read.low_detail = asks_for_low_detail(part);
  const std::string* text = carrier(part);
  const auto base64 = text == nullptr ? std::nullopt : base64_of(*text);
  if (!base64) return read;
  const MediaBytes bytes = MediaBytes::from_base64(*base64);
  if (medium == Medium::kImage) read.size = image_size(bytes);
  if (medium == Medium::kAudio) read.duration = sound_duration(bytes);
  if (medium == Medium::kFile) read.pages = document_pages(bytes);
  return read;
}

std::optional<MediaPart> read_tools(const OrderedJson& request) {
  MediaPart read{.medium = Medium::kTools};
  for (const char* name : {"tools", "functions"})
    if (request.contains(name) && request[name].is_array())
      read.tools += static_cast<std::int64_t>(request[name].size());
  if (read.tools == 0) return std::nullopt;
  if (request.contains("tool_choice")) {
    const OrderedJson& choice = request["tool_choice"];
    read.tool_forced = choice.is_object() || choice == "required";
  }
  return read;
}

}  // namespace ciyuan::measure
