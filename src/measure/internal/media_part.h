#pragma once

/// A part of a message, or the tools of a request, as what a modality rule asks about.

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "measure/modality.h"

namespace ciyuan::measure {

/// By a part's type: "image_url", "input_audio", "video_url", "file", …; nothing for text.
std::optional<Medium> medium_of(std::string_view type);

/// Sizes are read where the part carries the bytes (a data: URL in base64, or base64 alone); what lies behind
/// another URL or an id is not fetched, and has none.
MediaPart read_media_part(Medium medium, const nlohmann::ordered_json& part);

/// Nothing where the request declares no tool.
std::optional<MediaPart> read_tools(const nlohmann::ordered_json& request);

}  // namespace ciyuan::measure
