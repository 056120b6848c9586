// Addresses from documents: what is taken is written back to an address that means the same.

#include <cstdlib>

#include "http/url.h"

using namespace ciyuan;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Result<http::Url> url = http::parse_url({reinterpret_cast<const char*>(data), size});
  if (!url.ok()) return 0;
  if (url->host.empty() || url->port.empty() || url->path.ends_with('/')) std::abort();
  for (char c : url->authority() + url->path)
    if (c == '\r' || c == '\n' || c == ' ') std::abort();  // they would end a request's line
  const std::string again = (url->tls ? "https://" : "http://") + url->authority() + url->path;
  Result<http::Url> same = http::parse_url(again);
  if (!same.ok() || same->tls != url->tls || same->host != url->host || same->port != url->port ||
      same->path != url->path)
    std::abort();
  return 0;
}
