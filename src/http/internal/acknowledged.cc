// A file of its own, outside the precompiled header: the C library's <netinet/tcp.h> knows an older tcp_info
// than the kernel's <linux/tcp.h>, and the two cannot be included together.
#include "http/internal/acknowledged.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>

namespace ciyuan::http {

std::optional<std::uint64_t> acknowledged_bytes(int socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
      size < offsetof(tcp_info, tcpi_bytes_acked) + sizeof info.tcpi_bytes_acked)
    return std::nullopt;
  return info.tcpi_bytes_acked;
}

}  // namespace ciyuan::http
