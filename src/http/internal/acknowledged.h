#pragma once

#include <cstdint>
#include <optional>

namespace ciyuan::http {

/// Bytes that the peer's kernel acknowledged on this TCP socket since it began.
std::optional<std::uint64_t> acknowledged_bytes(int socket);

}  // namespace ciyuan::http
