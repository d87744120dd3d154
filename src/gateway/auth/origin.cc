#include "gateway/auth/origin.h"

#include <algorithm>
#include <array>

namespace modelrun::gateway {
namespace {

constexpr std::array<std::string_view, 3> kLoopback{"localhost", "127.0.0.1", "[::1]"};

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_host_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

}  // namespace

std::optional<std::string> host_of(std::string_view authority) {
  std::string host(authority);
  std::ranges::transform(host, host.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    if (end == std::string::npos) return std::nullopt;
    const std::string rest = host.substr(end + 1);
    host.resize(end + 1);
    if (!rest.empty() && (rest.front() != ':' || !is_port(std::string_view(rest).substr(1)))) return std::nullopt;
    return host;
  }
  if (const auto colon = host.find(':'); colon != std::string::npos) {
    if (!is_port(std::string_view(host).substr(colon + 1))) return std::nullopt;
    host.resize(colon);
  }
  if (host.empty() || !std::ranges::all_of(host, is_host_char)) return std::nullopt;
  return host;
}

bool OriginPolicy::host_allowed(std::string_view host_header) const {
  const auto host = host_of(host_header);
  return host &&
         (std::ranges::find(hosts, *host) != hosts.end() || std::ranges::find(kLoopback, *host) != kLoopback.end());
}

bool OriginPolicy::origin_allowed(std::string_view origin_header) const {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (origin_header.starts_with(scheme)) return host_allowed(origin_header.substr(scheme.size()));
  }
  return false;
}

bool is_loopback(std::string_view address) {
  return address.starts_with("127.") || address == "::1";
}

}  // namespace modelrun::gateway
