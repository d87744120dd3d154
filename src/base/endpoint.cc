#include "base/endpoint.h"

#include <charconv>

namespace modelrun {

Result<Endpoint> parse_endpoint(const std::string& text) {
  const auto colon = text.rfind(':');
  Endpoint endpoint;
  if (colon != std::string::npos) {
    endpoint.address = text.substr(0, colon);
    if (endpoint.address.starts_with('[') && endpoint.address.ends_with(']')) {
      endpoint.address = endpoint.address.substr(1, endpoint.address.size() - 2);
    }
    const auto [end, error] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), endpoint.port);
    if (error == std::errc{} && end == text.data() + text.size() && !endpoint.address.empty()) return endpoint;
  }
  return fail(ErrorKind::kInvalid, "'{}' is not ADDRESS:PORT, e.g. 0.0.0.0:9443", text);
}

}  // namespace modelrun
